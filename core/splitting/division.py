"""Dividing labelled pixels by the method asked for, into parts or folds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.fixed_split import names_splits, split_coded, split_named
from ..data.folds import buffered_training, spatial_folds
from ..data.labels import Labels
from ..data.separation import TEST, TRAIN, UNUSED, VALIDATION, Codes
from ..data.split_notes import (
    check_lone_pixels,
    thin_classes,
    without_small_classes,
    without_test,
)
from ..data.split_raster import read_split_masks, read_split_raster
from ..data.splits import Split, split_blocks, split_polygons, split_random
from ..progress import Progress
from ..raster.grid import Grid
from .autocorrelation import Autocorrelation
from .block_size import choose_block_size
from .patches import patches_as_groups
from .settings import SplitSettings

_SHOWN = 8  # groups named in a note


@dataclass(frozen=True, eq=False)
class Division:
    """Labelled pixels and what each is for.

    Attributes:
        labels: those of the classes that take part.
        codes: ``(n,)`` uint8 split codes; of folds the fold 1..k that tests the pixel.
        folds: how many there are, 0 where there are parts.
        method: one of ``settings.SPLITS``.
        block_size: in pixels; 0 where there are no blocks.
        buffer: in pixels.
        seed: of the draws.
        found: the autocorrelation that the block size was chosen by; None where it was given.
        notes: what the user should know.
        warnings: what the user should look at.
    """

    labels: Labels
    codes: Codes
    folds: int
    method: str
    block_size: int
    buffer: int
    seed: int
    found: Autocorrelation | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def parts(self, fold: int = 0) -> Codes:
        """Return the split codes of all pixels; of a fold (1..k) those while it is tested."""
        if not self.folds:
            return self.codes
        rows, cols = self.labels.rows, self.labels.cols
        training = buffered_training(self.codes, fold, rows, cols, self.buffer)
        codes = np.where(training, TRAIN, UNUSED).astype(np.uint8)
        codes[self.codes == fold] = TEST
        return codes

    def describe(self) -> str:
        """Say how it was made, in a line."""
        what = f"{self.folds} spatial folds" if self.folds else self.method
        if self.block_size:
            what += f" of blocks of {self.block_size} pixels" if self.folds else (
                f" of {self.block_size} pixels"
            )  # fmt: skip
        return f"{what}, buffer {self.buffer}, seed {self.seed}"


def divide(labels: Labels, grid: Grid, settings: SplitSettings, progress: Progress) -> Division:
    """Divide labels.

    Args:
        labels: the labelled pixels.
        grid: where they lie.
        settings: how.
        progress: told how far it is; asked for cancelling.

    Raises:
        InputError, SplitError: they cannot be divided like that, and what helps.
        LabelError, RasterError: a raster of the split cannot be used.
    """
    before = len(labels.notes)
    labels = without_small_classes(labels, settings.min_per_class)
    notes = labels.notes[before:]
    check_lone_pixels(labels)
    if settings.split == "raster":
        return _by_raster(labels, grid, settings, notes, progress)
    size, found = 0, None
    if settings.split in ("blocks", "folds"):
        size = settings.block_size or 0
        if not size:
            chosen = choose_block_size(
                labels,
                buffer=settings.kept_apart,
                parts=settings.k if settings.split == "folds" else 3,
                seed=settings.seed,
                progress=progress,
            )
            size, found, notes = chosen.pixels, chosen.found, (*notes, chosen.reason)
    progress.check_cancel()
    if settings.split == "folds":
        return _in_folds(labels, settings, size, found, notes)
    labels, groups_note = _grouped(labels, settings)
    split = _split(labels, settings, size)
    notes = (*notes, *groups_note, *split.notes)
    return _division(labels, split, settings, notes, found=found)


def _grouped(labels: Labels, settings: SplitSettings) -> tuple[Labels, tuple[str, ...]]:
    """Return labels with the groups that a method needs, and what they are."""
    if settings.split == "polygons" and not labels.groups.any():
        labels = patches_as_groups(labels)
        note = f"The reference is a raster: its {int(labels.groups.max()):,} patches of connected "
        return labels, (note + "pixels of one class stand for polygons.",)
    if settings.split == "field" and not names_splits(labels):
        names = labels.group_names
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        note = "SPLIT_FIELD holds names of groups, whose pixels stay together: "
        return labels, (f"{note}{', '.join(names[:_SHOWN])}{more}.",)
    return labels, ()


def _split(labels: Labels, settings: SplitSettings, size: int) -> Split:
    buffer, seed = settings.kept_apart, settings.seed
    shares: dict[str, Any] = {
        "train_fraction": settings.train_fraction,
        "validation_fraction": settings.validation_fraction,
    }
    if settings.split == "random":
        count = settings.count_per_class
        return split_random(labels, buffer=buffer, seed=seed, count_per_class=count, **shares)
    if settings.split == "blocks":
        return split_blocks(labels, block_size=size, buffer=buffer, seed=seed, **shares)
    if settings.split == "field" and names_splits(labels):
        return split_named(labels, buffer=buffer, seed=seed)
    # Groups that a field names are divided like polygons.
    return split_polygons(labels, buffer=settings.buffer_of("polygons"), seed=seed, **shares)


def _by_raster(
    labels: Labels,
    grid: Grid,
    settings: SplitSettings,
    notes: tuple[str, ...],
    progress: Progress,
) -> Division:
    """Take the split from a raster of codes, or from masks."""
    if settings.split_raster:
        found = read_split_raster(settings.split_raster, labels, grid, progress)
    else:
        masks = dict(zip((TRAIN, VALIDATION, TEST), settings.masks))
        given = {code: path for code, path in masks.items() if path}
        found = read_split_masks(given, labels, grid, progress)
    split = split_coded(found.labels, found.codes, buffer=settings.kept_apart, seed=settings.seed)
    notes = (*notes, *found.notes, *split.notes)
    return _division(found.labels, split, settings, notes, warnings=found.warnings)


def _division(
    labels: Labels,
    split: Split,
    settings: SplitSettings,
    notes: tuple[str, ...],
    *,
    found: Autocorrelation | None = None,
    warnings: tuple[str, ...] = (),
) -> Division:
    """Put a split of parts together with what must be said of it."""
    warnings = (*warnings, *thin_classes(labels, split.codes))
    given = settings.split in ("field", "raster")
    wants_test = given or settings.train_fraction + settings.validation_fraction < 1 - 1e-9
    if wants_test and not (split.codes == TEST).any():
        warnings = (*warnings, without_test(split.method, split.block_size))
    return Division(
        labels,
        split.codes,
        0,
        split.method,
        split.block_size,
        split.buffer,
        split.seed,
        found,
        notes,
        warnings,
    )


def _in_folds(
    labels: Labels,
    settings: SplitSettings,
    size: int,
    found: Autocorrelation | None,
    notes: tuple[str, ...],
) -> Division:
    """Divide into folds of whole blocks."""
    k, buffer, seed = settings.k, settings.kept_apart, settings.seed
    folds = spatial_folds(labels.rows, labels.cols, labels.values, k, size, seed)
    codes = (folds + 1).astype(np.uint8)
    classes = len(labels.classes)
    flat = folds * (classes + 1) + labels.values
    table = np.bincount(flat, minlength=k * (classes + 1)).reshape(k, classes + 1)[:, 1:]
    warnings = tuple(
        f"Class '{info.name}' is in {int((counts > 0).sum())} of {k} folds only: it lies in too "
        "few blocks. In the others it is not tested."
        for info, counts in zip(labels.classes, table.T)
        if (counts == 0).any()
    )
    return Division(labels, codes, k, "folds", size, buffer, seed, found, notes, warnings)

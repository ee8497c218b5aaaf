"""What a map is held against: the labels of a chip set, or of a reference layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.chip_files import read_chip
from ..data.chip_format import GROUPS, LABELS
from ..data.chips import ChipSetInfo, read_chip_set
from ..data.classes import ClassInfo
from ..data.labels import read_labels
from ..data.separation import TEST, TRAIN, UNUSED, VALIDATION
from ..data.tiles.pixels import read_tile_pixels
from ..errors import ChipSetError, InputError, LabelError
from ..progress import Progress
from ..raster.grid import Grid

SUBSETS = {"all": None, "test": TEST, "validation": VALIDATION, "train": TRAIN}

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Truth:
    """Labelled pixels and which of them are assessed.

    Attributes:
        name: of the layer or chip set, for the report.
        grid: of ``rows`` and ``cols``.
        rows: ``(n,)``.
        cols: ``(n,)``.
        values: ``(n,)``, 1..k.
        classes: the k classes.
        assessed: ``(n,)``, the pixels of the subset.
        training: ``(n,)``, the chip set's training pixels; all False for a layer.
        subset: ``all``, ``test``, ``validation`` or ``train``.
        split_hash: of the chip set; empty for a layer.
        split: how the chip set was divided, in words; empty for a layer.
        split_counts: pixels of each class by split; empty for a layer.
        notes: what reading the labels had to say.
        warnings: what of it should be looked at.
    """

    name: str
    grid: Grid
    rows: npt.NDArray[np.int64]
    cols: npt.NDArray[np.int64]
    values: npt.NDArray[np.int64]
    classes: tuple[ClassInfo, ...]
    assessed: Mask
    training: Mask
    subset: str
    split_hash: str
    split: str
    split_counts: dict[str, list[int]]
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def subset_of(subset: str, samples: str) -> str:
    """Return the subset to assess; empty takes the one that fits.

    Raises:
        InputError: for an unknown one, or one that only a chip set has.
    """
    chosen = subset or ("test" if samples else "all")
    if chosen not in SUBSETS:
        raise InputError(f"SUBSET is '{subset}'; choose one of {', '.join(SUBSETS)}.")
    if chosen != "all" and not samples:
        raise InputError(
            f"SUBSET is '{chosen}', which only a chip set knows: give it as SAMPLES, or choose "
            "SUBSET 'all' to assess every pixel of the reference."
        )
    return chosen


def truth_of_chip_set(folder: str, subset: str, progress: Progress) -> Truth:
    """Take the labels of a chip set; its image values stay on disk.

    Raises:
        ChipSetError: the chip set is damaged or none.
        LabelError: the subset has no pixel.
    """
    info = read_chip_set(folder)
    if not info.placed or info.kind == "scenes":
        raise ChipSetError(
            f"The samples of {info.folder} are scenes or have no place on a raster, so no map can "
            "be held against them. The accuracy on its test samples stands in the training's "
            "report; to assess a map give a REFERENCE instead of SAMPLES."
        )
    rows, cols, values, split = _labelled_pixels(info, progress)
    code = SUBSETS[subset]
    assessed = split != UNUSED if code is None else split == code
    if not assessed.any():
        raise LabelError(
            f"The chip set {info.folder} has no {subset} pixels. Export it again with a share "
            "left for them, or choose another SUBSET."
        )
    words = f"{info.split_method}"
    if info.block_size:
        words += f" of {info.block_size} pixels"
    return Truth(
        name=str(info.folder),
        grid=info.grid,
        rows=rows,
        cols=cols,
        values=values,
        classes=tuple(info.classes),
        assessed=assessed,
        training=split == TRAIN,
        subset=subset,
        split_hash=info.hash,
        split=f"{words}, buffer {info.buffer}, seed {info.seed}",
        split_counts={name: list(counts) for name, counts in info.counts.items()},
        notes=(),
    )


def _labelled_pixels(info: ChipSetInfo, progress: Progress) -> tuple[npt.NDArray[np.int64], ...]:
    """Return row, column, class and split of every labelled pixel, ``(n,)`` each."""
    if info.tiles is not None:
        pixels = read_tile_pixels(info, progress)
        codes = np.array([tile.code for tile in info.tiles.tiles])[pixels.tile]
        columns = (pixels.row, pixels.col, pixels.label, codes)
        return tuple(column.astype(np.int64) for column in columns)
    dtype = "uint8" if len(info.classes) < 256 else "uint16"
    found: list[tuple[npt.NDArray[Any], ...]] = []
    for number, chip in enumerate(info.chips):
        progress.check_cancel()
        shape = (chip.window.height, chip.window.width)
        labels, _ = read_chip(info.path(LABELS, chip), dtype, (*shape, 1))
        groups, _ = read_chip(info.path(GROUPS, chip), "int32", (*shape, 2))
        down, right = np.nonzero(labels[..., 0])
        values, split = labels[down, right, 0], groups[down, right, 0]
        if len(values) and int(values.max()) > len(info.classes):
            raise ChipSetError(
                f"The label chip {chip.name} holds the value {int(values.max())}; there are "
                f"{len(info.classes)} classes. Export the chips again."
            )
        found.append((down + chip.window.row, right + chip.window.col, values, split))
        progress.report((number + 1) / len(info.chips), "Reading the samples")
    stack = info.stack()
    if stack is not None:
        told = stack.samples()
        found.append((told.row, told.col, told.label, told.split))
    return tuple(np.concatenate(column).astype(np.int64) for column in zip(*found))


def truth_of_reference(
    reference: str,
    grid: Grid,
    *,
    layer: str,
    field: str,
    unlabelled: int | None,
    styles: Sequence[Any],
    progress: Progress,
) -> Truth:
    """Take the labels of a raster or vector layer, on the map's own grid.

    Raises:
        LabelError: no label lies on the map.
    """
    labels = read_labels(
        reference,
        grid,
        layer=layer,
        field=field,
        unlabelled=unlabelled,
        styles=styles,
        progress=progress,
    )
    count = len(labels)
    return Truth(
        name=reference,
        grid=grid,
        rows=labels.rows.astype(np.int64),
        cols=labels.cols.astype(np.int64),
        values=labels.values.astype(np.int64),
        classes=labels.classes,
        assessed=np.ones(count, dtype=bool),
        training=np.zeros(count, dtype=bool),
        subset="all",
        split_hash="",
        split="",
        split_counts={},
        notes=labels.notes,
        warnings=labels.warnings,
    )

"""The steps of an export: divide the labelled pixels, cut the chips, say what came out."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import InputError, LabelError, SplitError
from ..progress import Portion, Progress
from ..raster.bands import Band
from ..raster.class_bands import class_map_type
from ..raster.source import RasterSource
from ..sizes import data_size
from ..timing import duration
from .chip_cutting import Samples
from .chip_estimate import estimate_export
from .chip_format import MOST_CHIP_BYTES
from .chip_plan import ChipRules, Cut, plan_chips
from .chips import ChipSetInfo, write_chip_set
from .export_settings import ExportSettings
from .fixed_split import names_splits, split_coded, split_named
from .footprints import outlines_in_place, write_footprints
from .labels import Labels
from .leakage import location_tells
from .mask import Mask
from .separation import SPLIT_NAMES, TEST, TRAIN
from .split_notes import (
    check_lone_pixels,
    thin_classes,
    without_small_classes,
    without_test,
)
from .split_raster import read_split_raster
from .splits import (
    Split,
    cap_training,
    split_blocks,
    split_polygons,
    split_random,
)

_CHIP_BYTES = 64 * 2**20  # a chip's values at the most: it is held in memory several times
_USUAL_RADIUS = 4  # patches of 9 x 9, for the figures in the log


class ExportRun:
    """One export, from labels to chips: keeps what is said along the way."""

    def __init__(
        self,
        source: RasterSource,
        bands: Sequence[Band],
        labels: Labels,
        settings: ExportSettings,
        progress: Progress,
        *,
        mask: Mask | None = None,
    ) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self._source = source
        self._bands = bands
        self._labels = labels
        self._settings = settings
        self._progress = progress
        self._mask = mask

    def say(self, notes: Sequence[str]) -> None:
        """Log notes and keep them."""
        for note in notes:
            self._progress.log(note)
        self.notes += notes

    def warn(self, warnings: Sequence[str]) -> None:
        """Give warnings and keep them."""
        for warning in warnings:
            self._progress.warn(warning)
        self.warnings += warnings

    def run(self, output: str, footprints: tuple[Path, Path] | None = None) -> ChipSetInfo:
        """Divide, cut and write.

        Args:
            output: folder of the chip set.
            footprints: temporary and final name of the file for outlines; None for none.
        """
        self._progress.report(0.25, "dividing the labelled pixels")
        split, labels = self._divide()
        settings, grid = self._settings, self._source.grid
        pixel_bytes = len(self._bands) * self._source.dtype.itemsize
        if (2 * settings.stored_halo + 1) ** 2 * pixel_bytes > MOST_CHIP_BYTES:
            raise InputError(
                f"HALO is {settings.halo}: a single pixel of {len(self._bands)} bands with that "
                f"halo is a chip of more than {MOST_CHIP_BYTES >> 30} GiB. Use a smaller one; "
                "networks look at a few pixels around each."
            )
        rules = ChipRules(
            grid.height,
            grid.width,
            settings.chip_size,
            settings.stored_halo,
            max(_CHIP_BYTES // pixel_bytes, 1),
            settings.file_format,
            self._source.block_shape,
        )
        self._progress.report(0.3, "planning the chips")
        cut = plan_chips(labels.rows, labels.cols, rules, self._progress)
        self._say_size(Samples(self._source, self._bands, labels, split), cut, rules, output)
        outlines = None
        if footprints:
            given: dict[str, Any] = {"labels": labels, "split": split, "progress": self._progress}
            write = partial(write_footprints, footprints, cut, **given)
            outlines = partial(outlines_in_place, footprints, write)
        info = write_chip_set(
            output,
            self._source,
            self._bands,
            labels,
            split,
            cut=cut,
            rules=rules,
            notes=[*self.notes, *self.warnings],
            also=outlines,
            progress=Portion(self._progress, 0.3, 0.97),
        )
        self._say_result(info)
        return info

    def _divide(self) -> tuple[Split, Labels]:
        """Split the labels; returns only those that are stored."""
        settings = self._settings
        known = len(self._labels.notes)
        labels = without_small_classes(self._labels, settings.min_per_class)
        self.say(labels.notes[known:])
        check_classes(labels)
        check_lone_pixels(labels)
        class_map_type(info.code for info in labels.classes)  # said now, not after a training
        whole, labels = self._split(labels)
        check_classes(labels)  # a raster can leave some out
        self.say(whole.notes)
        most, name = self._most(whole, labels)
        split = cap_training(whole, labels.values, most, name=name)
        self.say(split.notes[len(whole.notes) :])
        # What the cap leaves out is not stored; what the buffer leaves out is: it has its
        # place in folds and in other splits of the same chips.
        stored = split.codes == whole.codes
        if not stored.all():
            labels = labels.keep(stored)
            split = replace(split, codes=split.codes[stored], groups=split.groups[stored])
        self.warn(thin_classes(labels, split.codes))
        if settings.wants_test and not (split.codes == TEST).any():
            self.warn([without_test(split.method, split.block_size)])
        return split, labels

    def _most(self, split: Split, labels: Labels) -> tuple[int, str]:
        """Return how many training pixels a class may have, 0 for no limit, and what says so."""
        most = self._settings.max_per_class
        counts = split.counts(labels.values, len(labels.classes))["train"]
        rarest = min((count for count in counts if count), default=0)
        if self._settings.balance and (rarest < most or not most):
            return rarest, "BALANCE to"
        return most, "MAX_PER_CLASS"

    def _split(self, labels: Labels) -> tuple[Split, Labels]:
        """Divide labels by the method asked for; returns those that take part too."""
        settings = self._settings
        if settings.split == "raster":
            found = read_split_raster(
                settings.split_raster, labels, self._source.grid, Portion(self._progress, 0.25, 0.3)
            )
            self.say(found.notes)
            self.warn(found.warnings)
            # Taken as it is: whoever made it has chosen its buffer.
            split = split_coded(found.labels, found.codes, buffer=0, seed=settings.seed)
            return split, found.labels
        return self._split_drawn(labels), labels

    def _split_drawn(self, labels: Labels) -> Split:
        settings = self._settings
        given: dict[str, Any] = {
            "train_fraction": settings.train_fraction,
            "validation_fraction": settings.validation_fraction,
            "seed": settings.seed,
        }
        if settings.split == "random":
            return self._split_random(
                labels, {**given, "count_per_class": settings.count_per_class}
            )
        if settings.split == "blocks":
            size = settings.block_size
            return split_blocks(labels, block_size=size, buffer=settings.buffer, **given)
        if settings.split == "field" and names_splits(labels):
            return split_named(labels, buffer=settings.buffer, seed=settings.seed)
        return split_polygons(labels, buffer=settings.buffer, **given)

    def _split_random(self, labels: Labels, given: Mapping[str, Any]) -> Split:
        """Draw at random; a buffer that would leave next to nothing is not applied."""
        free = split_random(labels, **given)
        buffer = self._settings.buffer
        if not buffer:
            return free
        try:
            apart = split_random(labels, buffer=buffer, **given)
        except SplitError:
            kept = 0
        else:
            kept = int((apart.codes == TRAIN).sum())
        before = int((free.codes == TRAIN).sum())
        if kept * 2 >= before:
            return apart
        self.warn([
            f"Pixels drawn at random lie among each other: a BUFFER of {buffer} would leave too "
            f"few of {before:,} training pixels, so none is kept. Patches of training and test "
            "overlap, and the accuracy will be too good. SPLIT 'blocks' keeps them apart."
        ])  # fmt: skip
        return free

    def _say_size(self, samples: Samples, cut: Cut, rules: ChipRules, output: str) -> None:
        """Say size and time before the long part starts."""
        target = Path(output).absolute()
        told = estimate_export(samples, cut, rules, target, self._progress)
        parts = [f"{len(cut.chips):,} chips"] if cut.chips else []
        parts += [f"{cut.window_count:,} windows"] if cut.windows else []
        self._progress.log(
            f"{' and '.join(parts)} hold {len(samples.labels):,} labelled pixels and "
            f"{cut.pixels(rules):,} in all: about {data_size(told.size)}, "
            f"{duration(told.seconds)}."
        )
        free = shutil.disk_usage(target.parent).free
        if free < told.size:
            self.warn([
                f"The disk of {output} has {data_size(free)} left, and the chips take about "
                f"{data_size(told.size)}. Free some space, or choose a smaller HALO or fewer "
                "labels."
            ])  # fmt: skip

    def _say_result(self, info: ChipSetInfo) -> None:
        """Log the counts and how much the split gives away."""
        rows = [name for name in SPLIT_NAMES if any(info.counts[name])]
        for place, item in enumerate(info.classes):
            numbers = ", ".join(f"{info.counts[name][place]:,} {name}" for name in rows)
            self._progress.log(f"{item.code} {item.name}: {numbers}")
        if info.location_only is None:
            return
        leak = info.leak_at(min(_USUAL_RADIUS, info.halo))
        if leak is not None:
            side = 2 * leak.radius + 1
            self._progress.log(
                f"With patches of {side} x {side} pixels {leak.test_centres_inside:.0%} of the "
                f"test pixels lie in a training patch, {leak.test_patches_touching:.0%} of the "
                "test patches touch one."
            )
        words = f"Location alone, without any spectrum, gets {info.location_only:.1%} of the test"
        words += " pixels right."
        train, test = info.counts["train"], info.counts["test"]
        majority = test[train.index(max(train))] / max(sum(test), 1)
        if location_tells(info.location_only, majority):
            self.warn([f"{words} Accuracies on this split say little about other places."])
        else:
            self._progress.log(words)


def check_classes(labels: Labels) -> None:
    """Refuse labels of a single class.

    Raises:
        LabelError: for such.
    """
    if len(labels.classes) < 2:
        raise LabelError(
            f"There is only one class, '{labels.classes[0].name}', with "
            f"{len(labels):,} pixels; a classifier needs two or more. Choose another field "
            "or reference, or add labels of another class."
        )

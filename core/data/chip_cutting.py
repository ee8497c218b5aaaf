"""Cutting an image into the files of a chip set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..progress import Progress
from ..raster.bands import Band, common_nodata
from ..raster.gdal_session import gdal_session
from ..raster.source import RasterSource
from ..raster.values import valid_pixels
from ..raster.windows import grow, mirrored
from ..timing import TimeLeft
from .chip_files import ChipLook, write_chip
from .chip_format import FOLDERS, GROUPS, IMAGES, LABELS, Chip, WindowStack
from .chip_hash import value_sums
from .chip_plan import ChipRules, Cut, PlannedChip
from .labels import Labels
from .separation import SPLIT_NAMES
from .splits import Split
from .windows.files import StackFiles
from .windows.stack import BoolArray, RawArray, StackShape, WindowSamples

# Scattered pixels share blocks of the file with those that are read some time later.
_CACHE_BYTES = 256 << 20

Sums = npt.NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Samples:
    """What goes into a chip set.

    Attributes:
        source: the raster.
        bands: those to use, in their order.
        labels: the labelled pixels, all of them valid in the raster.
        split: what they are used for.
    """

    source: RasterSource
    bands: Sequence[Band]
    labels: Labels
    split: Split

    @property
    def positions(self) -> list[int]:
        """Where the bands are in the source."""
        return [band.index - 1 for band in self.bands]


@dataclass(frozen=True, eq=False)
class CutChips:
    """What was written.

    Attributes:
        chips: the chips.
        windows: the stack of windows; None where there is none.
        sums: ``(bands,)`` of the labelled pixels' values, for the hash.
    """

    chips: tuple[Chip, ...]
    windows: WindowStack | None
    sums: Sums


class ChipCutter:
    """Writes chips and windows of one image.

    Args:
        folder: that they are written to.
        samples: what goes into them.
        cut: where to cut.
        rules: of the cut.
    """

    def __init__(self, folder: Path, samples: Samples, cut: Cut, rules: ChipRules) -> None:
        self._folder = folder
        self._samples = samples
        self._cut = cut
        self._rules = rules
        self._nodata = common_nodata(samples.bands)
        self._done, self._total = 0, cut.read_pixels
        self._left = TimeLeft()

    def run(self, progress: Progress) -> CutChips:
        """Write all of it.

        Raises:
            OSError, ChipSetError: it cannot be written.
            RasterError: the raster cannot be read.
            DependencyError: the storage needs a package that is missing.
        """
        with gdal_session(_CACHE_BYTES):
            return self._run(progress)

    def _run(self, progress: Progress) -> CutChips:
        sums: Sums = np.zeros(len(self._samples.bands), dtype=np.uint64)
        chips = []
        if self._cut.chips:
            for kind in FOLDERS:
                (self._folder / kind).mkdir()
        for number, planned in enumerate(self._cut.chips, 1):
            progress.check_cancel()
            chip, part = self._write_chip(f"{number:06d}", planned)
            chips.append(chip)
            sums += part
            self._tell(planned, f"chip {number} of {len(self._cut.chips)}", progress)
        stack = None
        if self._cut.windows:
            stack = self._write_windows(sums, progress)
        return CutChips(tuple(chips), stack, sums)

    def _tell(self, planned: PlannedChip, text: str, progress: Progress) -> None:
        self._done += planned.window.size
        share = self._done / self._total
        progress.report(share, ", ".join(p for p in (text, self._left.text(share)) if p))

    def _read(self, planned: PlannedChip) -> tuple[RawArray, BoolArray]:
        """Return ``(height, width, bands)`` raw values of a window, and its valid pixels."""
        raw, valid = self._samples.source.read_raw(planned.window, self._samples.positions)
        return np.ascontiguousarray(np.moveaxis(raw, 0, -1)), valid

    def _write_chip(self, name: str, planned: PlannedChip) -> tuple[Chip, Sums]:
        """Write the three files of a chip."""
        window, own, folder = planned.window, planned.members, self._folder
        labels, split, bands = self._samples.labels, self._samples.split, self._samples.bands
        grid = self._samples.source.grid.sub(window)
        pixels, valid = self._read(planned)
        # The source may have a mask that no nodata value tells of.
        masked = not np.array_equal(valid_pixels(pixels, bands, None), valid)
        look = ChipLook([band.name for band in bands], self._nodata)
        write_chip(folder / IMAGES / f"{name}.tif", pixels, grid, look, valid if masked else None)

        down, right = labels.rows[own] - window.row, labels.cols[own] - window.col
        kind = np.uint8 if len(labels.classes) < 256 else np.uint16
        label = np.zeros((window.height, window.width, 1), dtype=kind)
        label[down, right, 0] = labels.values[own]
        look = ChipLook(["class"], 0, labels.classes)
        write_chip(folder / LABELS / f"{name}.tif", label, grid, look)

        group = np.zeros((window.height, window.width, 2), dtype=np.int32)
        group[down, right, 0], group[down, right, 1] = split.codes[own], split.groups[own]
        write_chip(folder / GROUPS / f"{name}.tif", group, grid, ChipLook(["split", "group"]))

        found = np.bincount(split.codes[own], minlength=len(SPLIT_NAMES))
        counts = {word: int(count) for word, count in zip(SPLIT_NAMES, found)}
        index = down.astype(np.int64) * window.width + right
        part = value_sums(pixels.reshape(-1, len(bands)), index)
        return Chip(name, window, planned.box, counts), part

    def _write_windows(self, sums: Sums, progress: Progress) -> WindowStack:
        """Write the windows into a stack, and add what the hash needs to ``sums``."""
        samples, rules = self._samples, self._rules
        shape = StackShape(
            self._cut.window_count,
            2 * rules.halo + 1,
            samples.source.dtype.name,
            samples.bands,
            samples.labels.classes,
            samples.source.grid,
            samples.source.has_mask,
        )
        files = StackFiles(self._folder, rules.storage, shape)
        written, total = 0, shape.count
        try:
            for planned in self._cut.windows:
                progress.check_cancel()
                pixels, valid = self._whole(planned)
                for first in range(0, len(planned.members), shape.at_once):
                    own = planned.members[first : first + shape.at_once]
                    sums += self._add(files, planned, own, pixels, valid)
                written += len(planned.members)
                self._tell(planned, f"window {written:,} of {total:,}", progress)
            files.close()
        except BaseException:
            files.abandon()
            raise
        return WindowStack(rules.storage, shape.side, shape.count)

    def _whole(self, planned: PlannedChip) -> tuple[RawArray, BoolArray]:
        """Return the pixels of a box with all of its halo, mirrored at the raster's edges."""
        pixels, valid = self._read(planned)
        full = grow(planned.box, self._rules.halo)
        if full == planned.window:
            return pixels, valid
        picked = mirrored(full, planned.window, self._rules.height, self._rules.width)
        return pixels[picked], valid[picked]

    def _add(
        self,
        files: StackFiles,
        planned: PlannedChip,
        own: npt.NDArray[np.int64],
        pixels: RawArray,
        valid: BoolArray,
    ) -> Sums:
        """Hand on the windows around some labelled pixels; returns their part of the hash."""
        labels, split, side = self._samples.labels, self._samples.split, 2 * self._rules.halo + 1
        rows, cols = labels.rows[own], labels.cols[own]
        steps = np.arange(side)
        down = (rows - planned.box.row)[:, None, None] + steps[:, None]
        right = (cols - planned.box.col)[:, None, None] + steps
        windows = pixels[down, right]
        told = WindowSamples(
            labels.values[own].astype(np.uint16),
            split.codes[own],
            split.groups[own],
            rows.astype(np.int32),
            cols.astype(np.int32),
        )
        files.add(windows, valid[down, right], told)
        middle = windows[:, self._rules.halo, self._rules.halo]
        return value_sums(middle, np.arange(len(middle)))

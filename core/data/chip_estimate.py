"""What an export will take, told by writing a small part of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..disk import size_below
from ..progress import Progress, SilentProgress
from .chip_cutting import ChipCutter, Samples
from .chip_folder import folder_beside
from .chip_plan import ChipRules, Cut, PlannedChip

_AREAS = 16  # tried, of all sizes
_WINDOW_RUNS = 6  # of areas that follow each other: neighbours share blocks of the file
_RUN = 16  # areas
_TRIED_SHARE = 0.1  # of the pixels at the most
_LEAST = 64 << 20  # bytes below which a rough guess does
_BYTES_A_SECOND = 50e6  # that guess: what reading, compressing and writing manage


@dataclass(frozen=True)
class ExportEstimate:
    """What an export takes.

    Attributes:
        size: bytes of the files.
        seconds: that writing them takes.
    """

    size: float
    seconds: float


def estimate_export(
    samples: Samples, cut: Cut, rules: ChipRules, target: Path, progress: Progress
) -> ExportEstimate:
    """Estimate size and time of an export.

    Args:
        samples: what goes into it.
        cut: where to cut.
        rules: of the cut.
        target: that it will be written to; a part is tried beside it, and does not stay.
        progress: asked for cancelling.

    Raises:
        RasterError: the raster cannot be read.
        ChipSetError: the disk is full, or cannot be written to.
    """
    raw = cut.pixels(rules) * len(samples.bands) * samples.source.dtype.itemsize
    if raw < _LEAST:
        return ExportEstimate(raw, raw / _BYTES_A_SECOND)
    size = seconds = 0.0
    for part, first, tried in _trials(cut):
        share = part.pixels(rules) / tried.pixels(rules)
        # Opening parts of a virtual raster for the first time is paid once, not by every part.
        for trial, counted in ((first, 0.0), (tried, share)):
            begun = time.perf_counter()
            with folder_beside(target) as place:
                ChipCutter(place, samples, trial, rules).run(_Asking(progress))
                seconds += counted * (time.perf_counter() - begun)
                size += counted * size_below(place)
    return ExportEstimate(size, seconds)


def _trials(cut: Cut) -> Iterator[tuple[Cut, Cut, Cut]]:
    """Yield chips and windows, with a part to begin with, and one to measure."""
    if cut.chips:
        yield Cut(cut.chips, ()), Cut(cut.chips[:1], ()), Cut(_of_all_sizes(cut.chips), ())
    if cut.window_count > len(cut.windows):  # areas of many pixels
        areas = _of_all_sizes(cut.windows)
        yield Cut((), cut.windows), Cut((), cut.windows[:1]), Cut((), areas)
    elif cut.windows:
        yield Cut((), cut.windows), Cut((), cut.windows[:_RUN]), Cut((), _in_runs(cut.windows))


def _of_all_sizes(areas: Sequence[PlannedChip]) -> list[PlannedChip]:
    """Return areas that are to all what a sample should be: large ones and small ones."""
    count = max(min(_AREAS, round(len(areas) * _TRIED_SHARE)), min(len(areas), 3))
    order = sorted(areas, key=lambda planned: planned.window.size)
    return [order[(2 * place + 1) * len(order) // (2 * count)] for place in range(count)]


def _in_runs(windows: Sequence[PlannedChip]) -> list[PlannedChip]:
    """Return some runs of areas that lie evenly in all."""
    run = max(min(_RUN, round(len(windows) * _TRIED_SHARE / _WINDOW_RUNS)), 1)
    runs = min(_WINDOW_RUNS, len(windows))
    starts = [place * (len(windows) - run) // max(runs - 1, 1) for place in range(runs)]
    return [planned for start in starts for planned in windows[start : start + run]]


class _Asking(SilentProgress):
    """Says nothing, and can be cancelled."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def check_cancel(self) -> None:
        """Raise ``Cancelled`` if the job was cancelled."""
        self._progress.check_cancel()

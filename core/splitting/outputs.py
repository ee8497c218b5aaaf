"""What a split writes: rasters, page and figures, all of them or none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.labels import Labels
from ..data.separation import SPLIT_NAMES, TEST, TRAIN, UNUSED, VALIDATION
from ..data.split_raster import FOLDS, KIND, PARTS, SUMMARY
from ..errors import InputError
from ..progress import Portion, Progress
from ..raster.class_bands import class_map_type
from ..raster.grid import Grid
from ..raster.output_path import check_output, move_into_place
from ..raster.windows import Window
from ..raster.writer import TILE, RasterWriter
from ..report.files import check_text_output, staged_text
from ..timing import TimeLeft
from .classes import raster_classes
from .division import Division
from .findings import Findings, as_json
from .page import split_page


@dataclass(frozen=True)
class Outputs:
    """Paths of what is asked for; empty where it is not.

    Attributes:
        output: raster of the split.
        train: class raster of the training pixels.
        validation: class raster of the validation pixels.
        test: class raster of the test pixels.
        report: HTML.
        figures: JSON.
    """

    output: str
    train: str
    validation: str
    test: str
    report: str
    figures: str

    @property
    def rasters(self) -> dict[int, str]:
        """The class rasters that are asked for, by split code."""
        paths = {TRAIN: self.train, VALIDATION: self.validation, TEST: self.test}
        return {code: path for code, path in paths.items() if path}

    def check(self, inputs: tuple[str, ...], *, folds: bool) -> None:
        """Refuse outputs that cannot be written, before anything is read.

        Args:
            inputs: files that are read, which no output must be.
            folds: whether the split has folds, of which no pixel only trains.

        Raises:
            InputError: a text file cannot be written, two outputs are one file, or an output is
                an input.
            RasterError: a raster cannot be written.
        """
        if folds and self.rasters:
            names = " and ".join(SPLIT_NAMES[code].upper() for code in self.rasters)
            raise InputError(
                f"SPLIT is 'folds', in which every pixel trains and is tested: {names} cannot be "
                "written. Leave it empty, or use another SPLIT."
            )
        for path in (self.output, *self.rasters.values()):
            check_output(path, inputs)
        for name, path in (("REPORT", self.report), ("JSON", self.figures)):
            if path:
                check_text_output(path)
                _check_other(name, path, inputs)
        given = [self.output, *self.rasters.values(), self.report, self.figures]
        places = [Path(path).absolute() for path in given if path]
        if len(set(places)) < len(places):
            raise InputError("Two of the outputs have the same file name; give each its own.")

    def check_codes(self, labels: Labels) -> None:
        """Refuse class codes that no class raster can hold, before anything is divided.

        Raises:
            RasterError: for such.
        """
        if self.rasters:
            class_map_type(info.code for info in labels.classes)

    def write(
        self,
        name: str,
        grid: Grid,
        division: Division,
        found: Findings,
        progress: Progress,
    ) -> None:
        """Write what was asked for.

        Args:
            name: of the reference.
            grid: that it lies on.
            division: its split.
            found: the split's figures.
            progress: told how far it is; asked whether to stop.

        Raises:
            InputError, RasterError: something cannot be written; what was there before is.
        """
        rasters = self.rasters
        shares = [place / (1 + len(rasters)) for place in range(2 + len(rasters))]
        parts = [Portion(progress, *ends) for ends in zip(shares, shares[1:])]
        with ExitStack() as stack:
            writer = stack.enter_context(_split_writer(self.output, grid, division))
            _fill(writer, division.labels, division.codes, UNUSED, parts[0])
            finished = [writer.staged]
            for part, (code, path) in zip(parts[1:], rasters.items()):
                writer = stack.enter_context(_class_writer(path, grid, division.labels, code))
                _fill_classes(writer, division, code, part)
                finished.append(writer.staged)
            if self.figures:
                record = as_json(division, found)
                text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
                finished.append(stack.enter_context(staged_text(self.figures, text + "\n")))
            if self.report:
                page = split_page(name, grid, division, found)
                finished.append(stack.enter_context(staged_text(self.report, page)))
            move_into_place(finished)


def _check_other(name: str, path: str, inputs: tuple[str, ...]) -> None:
    """Refuse a text file that is an input.

    Raises:
        InputError: it is.
    """
    for source in inputs:
        with suppress(OSError, ValueError):
            if Path(path).samefile(source):
                raise InputError(f"{name} is the input {source} itself; choose another file.")


def _split_writer(path: str, grid: Grid, division: Division) -> RasterWriter:
    return RasterWriter(
        path,
        grid,
        1,
        "uint8",
        nodata=UNUSED,
        descriptions=["fold" if division.folds else "split"],
        categories=raster_classes(division.folds),
        metadata={
            KIND: FOLDS if division.folds else PARTS,
            SUMMARY: division.describe(),
        },
    )


def _class_writer(path: str, grid: Grid, labels: Labels, code: int) -> RasterWriter:
    kind, nodata = class_map_type(info.code for info in labels.classes)
    return RasterWriter(
        path,
        grid,
        1,
        kind,
        nodata=nodata,
        descriptions=[f"classes of {SPLIT_NAMES[code]} pixels"],
        categories=labels.classes,
    )


def _fill_classes(writer: RasterWriter, division: Division, code: int, progress: Progress) -> None:
    """Write the user's class codes of the pixels of a part."""
    labels, chosen = division.labels, division.codes == code
    if not chosen.any():
        progress.warn(f"{SPLIT_NAMES[code].upper()} is empty: no pixel is for that.")
    _, nodata = class_map_type(info.code for info in labels.classes)
    own = np.array([nodata, *(info.code for info in labels.classes)], dtype=writer.dtype)
    _fill(writer, labels, own[np.where(chosen, labels.values, 0)], nodata, progress)


def _fill(
    writer: RasterWriter,
    labels: Labels,
    values: npt.NDArray[np.unsignedinteger[Any]],
    empty: int,
    progress: Progress,
) -> None:
    """Write a value for every labelled pixel, strip by strip, and finish the file.

    Args:
        writer: of the raster.
        labels: the labelled pixels, in row-major order.
        values: ``(n,)``.
        empty: value of all other pixels.
        progress: told how far it is; asked whether to stop.
    """
    left = TimeLeft()
    for window in _strips(writer.grid):
        progress.check_cancel()
        start, stop = np.searchsorted(labels.rows, [window.row, window.row + window.height])
        block = np.full((window.height, window.width), empty, dtype=writer.dtype)
        block[labels.rows[start:stop] - window.row, labels.cols[start:stop]] = values[start:stop]
        writer.write(window, block)
        done = (window.row + window.height) / writer.grid.height
        progress.report(done, f"writing {writer.path.name} {left.text(done)}".rstrip())
    writer.finish()


def _strips(grid: Grid) -> Iterator[Window]:
    """Yield windows of whole rows, as tall as the file's tiles."""
    for row in range(0, grid.height, TILE):
        yield Window(row, 0, min(TILE, grid.height - row), grid.width)

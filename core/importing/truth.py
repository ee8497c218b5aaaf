"""The ground truth of an image: a label map of a foreign file, or a raster that GDAL opens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..data.classes import ClassInfo, parse_styles
from ..data.labels import read_labels
from ..errors import LabelError
from ..progress import Portion
from ..raster.grid import Grid
from ..raster.source import RasterSource
from .arrays import Container, times
from .class_names import make_named_classes
from .gather import Part
from .label_values import map_codes
from .settings import Meaning
from .telling import Told


@dataclass(frozen=True, eq=False)
class Truth:
    """A label map.

    Attributes:
        codes: ``(height, width)`` int64 class codes; ``(pixels,)`` until it is unfolded.
        grid: its own, where it has one.
        known: classes of which it knows names and colours.
        name: of its file.
        column_major: whether its program counts pixels down the columns (MATLAB).
    """

    codes: npt.NDArray[np.int64]
    grid: Grid | None
    known: tuple[ClassInfo, ...]
    name: str
    column_major: bool = False

    @property
    def is_list(self) -> bool:
        """Whether it is a list of pixels, which is to be unfolded."""
        return self.codes.ndim == 1

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns; none while it is a list of pixels."""
        return self.codes.shape if self.codes.ndim == 2 else ()

    def unfolded(self, height: int, width: int, *, down: bool) -> Truth:
        """Return a list of pixels as ``(height, width)``; one of another length stays a list.

        Args:
            height: rows of the image.
            width: columns of the image.
            down: whether it runs down the columns.
        """
        if self.codes.size != height * width:
            return self
        codes = self.codes.reshape(width, height).T if down else self.codes.reshape(height, width)
        return replace(self, codes=codes)

    def check_size(self, height: int, width: int) -> None:
        """Refuse a map that is not of the size of an image.

        Raises:
            LabelError: saying both sizes.
        """
        if self.codes.shape == (height, width):
            return
        turned = self.codes.shape == (width, height)
        hint = (
            "It seems to be turned over: exchange its rows and columns."
            if turned
            else "Choose the ground truth that belongs to the image, or check LAYOUT."
        )
        raise LabelError(
            f"The label map of {self.name} has {times(self.codes.shape)} pixels and the image "
            f"{height} x {width} (rows x columns). {hint}"
        )


def read_truth(part: Part, meaning: Meaning, told: Told) -> Truth | None:
    """Read the ground truth of an image; None where it has none.

    Raises:
        RasterError, LabelError: it cannot be read, or holds no classes.
    """
    if part.raster:
        return _of_raster(part.raster, meaning, told)
    if part.labels is None:
        return None
    found = map_codes(part.labels, part.labels_file)
    told.log(
        f"'{part.labels.name}' of {part.labels_file}: labels of {times(found.codes.shape)} pixels, "
        f"{found.why}."
    )
    return Truth(found.codes, None, (), part.labels_file, part.labels.column_major)


def _of_raster(path: str, meaning: Meaning, told: Told) -> Truth:
    """Read a raster of class codes, pixel by pixel as it lies."""
    with RasterSource(path) as source:
        grid, name = source.grid, source.name
    part = Portion(told, 0.0, 0.1)
    labels = read_labels(path, grid, unlabelled=meaning.settings.unlabelled, progress=part)
    for note in labels.notes:
        told.log(note)
    codes = np.full((grid.height, grid.width), meaning.unlabelled, dtype=np.int64)
    own = np.array([item.code for item in labels.classes], dtype=np.int64)
    codes[labels.rows, labels.cols] = own[labels.values - 1]
    return Truth(codes, grid, labels.classes, name)


def classes_of(
    truth: Truth, meaning: Meaning, containers: Sequence[Container], told: Told
) -> tuple[tuple[ClassInfo, ...], int]:
    """Return the classes of a label map and how many pixels have one.

    Raises:
        LabelError: none has.
        InputError: the user's names are not as many as the classes.
    """
    codes, counts = np.unique(truth.codes, return_counts=True)
    known = codes != meaning.unlabelled
    labelled = int(counts[known].sum())
    if not labelled:
        raise LabelError(
            f"The label map of {truth.name} has no labelled pixel: all are {meaning.unlabelled}, "
            "which means unlabelled. Choose another one, or another UNLABELLED."
        )
    classes, why = make_named_classes(
        [int(code) for code in codes[known]],
        {item.code: item.name for item in truth.known},
        text=meaning.class_names,
        containers=containers,
        styles=parse_styles(truth.known),
    )
    told.log(say_classes(classes, why, f"{meaning.unlabelled} is unlabelled"))
    told.log(f"{labelled:,} of {truth.codes.size:,} pixels are labelled.")
    if len(classes) == 1:
        told.warn(f"The label map has only one class, '{classes[0].name}'.")
    return classes, labelled


def say_classes(classes: Sequence[ClassInfo], why: str, zero: str) -> str:
    """Return how many classes there are, their codes, and where their names come from."""
    named = f", names from {why}" if why else ""
    base = f"; {zero}" if zero else ""
    return f"{len(classes)} classes, codes {classes[0].code} to {classes[-1].code}{base}{named}."

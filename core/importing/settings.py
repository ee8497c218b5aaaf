"""How a foreign file is read: what cannot be recognised is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import InputError

#: What the axes of an array mean; of a matrix the bands are its columns, or its rows.
LAYOUTS = ("auto", "bands-last", "bands-first", "bands-columns")
#: How the pixels of an image that is stored as a matrix follow each other.
PIXEL_ORDERS = ("auto", "rows", "columns")
#: Whether the first line of a table holds names of its columns.
HEADERS = ("auto", "yes", "no")
#: What a label belongs to: the pixel in the middle of its window, or all of it.
CHIP_KINDS = ("auto", "pixels", "scenes")
#: How a chip set stores its windows.
FORMATS = ("geotiff", "hdf5", "csv", "libsvm")


@dataclass(frozen=True)
class ImportSettings:
    """What the user says about an import.

    Attributes:
        layout: one of ``LAYOUTS``.
        pixel_order: one of ``PIXEL_ORDERS``.
        header: one of ``HEADERS``.
        rows: of an image stored as a matrix, or of windows stored as the rows of a table.
        cols: likewise.
        scale: physical value = stored value * scale; written beside the values.
        unlabelled: value of labels that is no class; None: 0 of maps, none of samples.
        validation_fraction: of samples that come without a split, 0..1.
        test_fraction: likewise.
        seed: of the draw of that split.
        kind: one of ``CHIP_KINDS``; auto: pixels where windows have a middle, else scenes.
        file_format: one of ``FORMATS``.
    """

    layout: str = "auto"
    pixel_order: str = "auto"
    header: str = "auto"
    rows: int | None = None
    cols: int | None = None
    scale: float = 1.0
    unlabelled: int | None = None
    validation_fraction: float = 0.2
    test_fraction: float = 0.2
    seed: int = 0
    kind: str = "auto"
    file_format: str = "geotiff"

    def check(self) -> None:
        """Refuse values that cannot be.

        Raises:
            InputError: naming the parameter.
        """
        for name, word, known in (
            ("LAYOUT", self.layout, LAYOUTS),
            ("PIXEL_ORDER", self.pixel_order, PIXEL_ORDERS),
            ("HEADER", self.header, HEADERS),
            ("CHIP_KIND", self.kind, CHIP_KINDS),
            ("FORMAT", self.file_format, FORMATS),
        ):
            if word not in known:
                raise InputError(f"{name} is '{word}'; expected one of {', '.join(known)}.")
        if (self.rows is None) != (self.cols is None):
            raise InputError("ROWS and COLS belong together: give both of them, or none.")
        if self.rows is not None and self.cols is not None and min(self.rows, self.cols) < 1:
            raise InputError(f"ROWS is {self.rows} and COLS {self.cols}; both must be 1 or more.")
        if not 0 < abs(self.scale) < 1e30:
            raise InputError(f"SCALE is {self.scale:g}, which leaves no values; write 1 for none.")
        shares = (self.validation_fraction, self.test_fraction)
        if min(shares) < 0 or sum(shares) >= 1:
            raise InputError(
                f"VALIDATION_FRACTION is {shares[0]:g} and TEST_FRACTION {shares[1]:g}; both must "
                "be 0 or more and together less than 1: the rest is for training."
            )


@dataclass(frozen=True)
class Meaning:
    """What the user says the values, classes and places are; empty where nothing is said.

    Attributes:
        settings: how the arrays are read.
        wavelengths: ``400-2500``, a list of numbers, or a file.
        class_names: ``water, road``, ``1=water, 2=road``, or a file.
        crs: of the extent.
        extent: xmin, ymin, xmax, ymax of the whole image.
    """

    settings: ImportSettings
    wavelengths: str = ""
    class_names: str = ""
    crs: str = ""
    extent: Sequence[float] | None = None

    @property
    def unlabelled(self) -> int:
        """The value of a label map that is no class."""
        return 0 if self.settings.unlabelled is None else self.settings.unlabelled

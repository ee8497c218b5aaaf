"""What an export of training chips can be told, without numpy: dialogs are filled from it."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InputError

SPLITS = ("blocks", "random", "polygons", "field")
FORMATS = ("geotiff", "hdf5", "csv", "libsvm")
SPECTRA = ("csv", "libsvm")  # formats of single pixels


@dataclass(frozen=True)
class ExportSettings:
    """How chips are cut and split; the defaults are the recommended ones.

    Attributes:
        chip_size: largest side of a chip's labelled box, in pixels.
        halo: pixels around it; networks with patches up to ``2 * halo + 1`` can use them.
        split: one of ``SPLITS``.
        split_field: for ``field``: holds train, validation, test, or names of groups.
        block_size: side of a block in pixels.
        buffer: pixels of different splits are farther apart than this.
        train_fraction: share of training, 0..1.
        validation_fraction: share of validation; the rest is test.
        max_per_class: training pixels of a class at the most; 0 is no limit.
        seed: of all draws.
        file_format: one of ``FORMATS``. GeoTIFF holds chips, and windows of scattered pixels;
            HDF5 a window around every labelled pixel; CSV and LibSVM its spectrum.
    """

    chip_size: int = 64
    halo: int = 12
    split: str = "blocks"
    split_field: str = ""
    block_size: int = 16
    buffer: int = 4
    train_fraction: float = 0.6
    validation_fraction: float = 0.2
    max_per_class: int = 0
    seed: int = 1
    file_format: str = "geotiff"

    @property
    def stored_halo(self) -> int:
        """Pixels around a label that are stored: tables of spectra have none."""
        return 0 if self.file_format in SPECTRA else self.halo

    @property
    def wants_test(self) -> bool:
        """Whether the fractions leave something for the test."""
        return self.train_fraction + self.validation_fraction < 1 - 1e-9

    def check(self) -> None:
        """Refuse values that cannot work, before anything is read.

        Raises:
            InputError: for such a value.
        """
        if self.split not in SPLITS:
            raise InputError(f"SPLIT is '{self.split}'; choose one of {', '.join(SPLITS)}.")
        if self.file_format not in FORMATS:
            raise InputError(f"FORMAT is '{self.file_format}'; choose one of {', '.join(FORMATS)}.")
        if self.split == "field" and not self.split_field:
            raise InputError("SPLIT is 'field', but SPLIT_FIELD is empty. Choose the field.")
        for name, least in (("chip_size", 1), ("halo", 0), ("block_size", 1), ("buffer", 0),
                            ("max_per_class", 0), ("seed", 0)):  # fmt: skip
            value = getattr(self, name)
            if value < least:
                raise InputError(f"{name.upper()} is {value}; it must be {least} or more.")
            if value >= 2**63:
                raise InputError(f"{name.upper()} is {value}; it must be less than 2^63.")

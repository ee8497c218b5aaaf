"""What an export of training chips can be told, without numpy: dialogs are filled from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import InputError
from .tiles.settings import TileSettings

SPLITS = ("blocks", "random", "polygons", "field", "raster")
FORMATS = ("geotiff", "hdf5", "csv", "libsvm", "png", "jpeg")
SPECTRA = ("csv", "libsvm")  # formats of single pixels


@dataclass(frozen=True)
class ExportSettings(TileSettings):
    """How chips are cut and split; the defaults are the recommended ones.

    Attributes:
        chip_size: largest side of a chip's labelled box, in pixels.
        halo: pixels around it; networks with patches up to ``2 * halo + 1`` can use them.
        split: one of ``SPLITS``.
        split_field: for ``field``: holds train, validation, test, or names of groups.
        split_raster: for ``raster``: holds 1 train, 2 validation, 3 test, 0 unused.
        block_size: side of a block in pixels.
        buffer: pixels of different splits are farther apart than this.
        train_fraction: share of training, 0..1.
        validation_fraction: share of validation; the rest is test.
        max_per_class: training pixels of a class at the most; 0 is no limit.
        count_per_class: for ``random``: training pixels of a class, in place of the share; 0 goes
            by the share.
        min_per_class: classes with fewer labelled pixels are left out.
        seed: of all draws.
        file_format: one of ``FORMATS``. Of pixels GeoTIFF holds chips, and windows of scattered
            pixels; HDF5 a window around every labelled pixel; CSV and LibSVM its spectrum.
            GeoTIFF, PNG and JPEG hold tiles and scenes, HDF5 scenes.
    """

    chip_size: int = 64
    halo: int = 12
    split: str = "blocks"
    split_field: str = ""
    split_raster: str = ""
    block_size: int = 16
    buffer: int = 4
    train_fraction: float = 0.6
    validation_fraction: float = 0.2
    max_per_class: int = 0
    count_per_class: int = 0
    min_per_class: int = 0
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
        self.check_tiles(self.file_format, self.split)
        for name in ("chip_size", "halo"):
            if self.kind != "pixels" and getattr(self, name) != getattr(ExportSettings, name):
                raise InputError(
                    f"{name.upper()} is for KIND 'pixels'; KIND is '{self.kind}', where TILE_SIZE "
                    f"says how large they are. Leave {name.upper()} as it was."
                )
        if self.split == "field" and not self.split_field:
            raise InputError("SPLIT is 'field', but SPLIT_FIELD is empty. Choose the field.")
        if self.split == "raster" and not self.split_raster:
            raise InputError(
                "SPLIT is 'raster', but SPLIT_RASTER is empty. Choose the raster that 'Split "
                "reference' has written."
            )
        check_count(self.split, self.count_per_class)
        least = {"chip_size": 1, "block_size": 1}
        names = ("chip_size", "halo", "block_size", "buffer", "max_per_class", "count_per_class")
        check_numbers(
            {name: getattr(self, name) for name in (*names, "min_per_class", "seed")}, least
        )


def check_count(split: str, count_per_class: int) -> None:
    """Refuse a count with a split that draws no pixels.

    Raises:
        InputError: for such.
    """
    if count_per_class > 0 and split != "random":
        raise InputError(
            f"COUNT_PER_CLASS is {count_per_class}, but SPLIT is '{split}', which does not draw "
            "single pixels. Use SPLIT 'random', or leave COUNT_PER_CLASS at 0."
        )


def check_numbers(values: Mapping[str, int], least: Mapping[str, int]) -> None:
    """Refuse numbers that are too small or too large.

    Args:
        values: by the name of the setting.
        least: the smallest that can be, 0 where it says nothing.

    Raises:
        InputError: for such a value.
    """
    for name, value in values.items():
        if value < least.get(name, 0):
            raise InputError(f"{name.upper()} is {value}; it must be {least.get(name, 0)} or more.")
        if value >= 2**63:
            raise InputError(f"{name.upper()} is {value}; it must be less than 2^63.")

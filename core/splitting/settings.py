"""What a split can be told, without numpy: dialogs are filled from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..data.export_settings import check_count, check_numbers
from ..errors import InputError

SPLITS = ("blocks", "polygons", "folds", "random", "field", "raster")
MOST_FOLDS = 100

# What is drawn at random, or given, is taken as it is unless somebody asks for a buffer.
_BUFFERS: Mapping[str, int] = MappingProxyType({"random": 0, "field": 0, "raster": 0})
_USUAL_BUFFER = 4  # pixels: test pixels lie outside of training patches of 9 x 9


@dataclass(frozen=True)
class SplitSettings:
    """How labelled pixels are divided; the defaults are the recommended ones.

    Attributes:
        split: one of ``SPLITS``.
        split_field: for ``field``: holds train, validation, test, or names of groups.
        split_raster: for ``raster``: holds 1 train, 2 validation, 3 test, 0 unused.
        train_mask: for ``raster``, in place of ``split_raster``: marks what trains.
        validation_mask: likewise; may be empty.
        test_mask: likewise.
        block_size: side of a block in pixels; None: chosen from the labels' autocorrelation.
        buffer: pixels of different splits are farther apart than this; None: 4, and 0 where
            pixels are drawn or the data says itself what is for what.
        train_fraction: share of training, 0..1.
        validation_fraction: share of validation; the rest is test.
        count_per_class: for ``random``: training pixels of a class, in place of the share; 0 goes
            by the share.
        min_per_class: classes with fewer labelled pixels are left out.
        k: for ``folds``: how many.
        patch_size: side of the patches that the report speaks of first, in pixels, odd.
        seed: of all draws.
    """

    split: str = "blocks"
    split_field: str = ""
    split_raster: str = ""
    train_mask: str = ""
    validation_mask: str = ""
    test_mask: str = ""
    block_size: int | None = None
    buffer: int | None = None
    train_fraction: float = 0.6
    validation_fraction: float = 0.2
    count_per_class: int = 0
    min_per_class: int = 0
    k: int = 5
    patch_size: int = 9
    seed: int = 1

    @property
    def kept_apart(self) -> int:
        """The buffer: as asked for, or what suits the method."""
        return self.buffer_of(self.split)

    def buffer_of(self, method: str) -> int:
        """Return the buffer: as asked for, or what suits one of ``SPLITS``."""
        return _BUFFERS.get(method, _USUAL_BUFFER) if self.buffer is None else self.buffer

    @property
    def masks(self) -> tuple[str, str, str]:
        """Mask rasters of training, validation and test; empty where there is none."""
        return self.train_mask, self.validation_mask, self.test_mask

    def check(self) -> None:
        """Refuse values that cannot work, before anything is read.

        Raises:
            InputError: for such a value.
        """
        if self.split not in SPLITS:
            raise InputError(f"SPLIT is '{self.split}'; choose one of {', '.join(SPLITS)}.")
        if self.split == "field" and not self.split_field:
            raise InputError("SPLIT is 'field', but SPLIT_FIELD is empty. Choose the field.")
        if self.split == "raster":
            self._check_rasters()
        check_count(self.split, self.count_per_class)
        if not 2 <= self.k <= MOST_FOLDS:
            raise InputError(f"K is {self.k}; there can be 2 to {MOST_FOLDS} folds.")
        if self.patch_size % 2 == 0:
            raise InputError(
                f"PATCH_SIZE is {self.patch_size}; a patch has a pixel in its middle, so its side "
                f"is an odd number, such as {self.patch_size + 1}."
            )
        names = ("count_per_class", "min_per_class", "patch_size", "seed")
        values = {name: getattr(self, name) for name in names}
        given = {name: getattr(self, name) for name in ("block_size", "buffer")}
        values.update({name: value for name, value in given.items() if value is not None})
        check_numbers(values, {"block_size": 1, "patch_size": 1})

    def _check_rasters(self) -> None:
        masks = any(self.masks)
        if self.split_raster and masks:
            raise InputError(
                "SPLIT is 'raster', and both SPLIT_RASTER and masks are given. Leave one of the "
                "two empty."
            )
        if not self.split_raster and not (self.train_mask and self.test_mask):
            raise InputError(
                "SPLIT is 'raster': choose SPLIT_RASTER, a raster of 1 train, 2 validation, 3 "
                "test, or TRAIN_MASK and TEST_MASK."
            )

"""What a cross-validation can be told, without numpy: dialogs are filled from it."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InputError

METHODS = ("spatial", "stratified", "groups", "raster")
MOST_FOLDS = 50
MOST_BLOCK = 100_000
MOST_BUFFER = 10_000
#: Pixels between folds, unless somebody asks for others: test pixels lie outside of training
#: patches of 9 x 9. What is drawn pixel by pixel has neighbours everywhere.
BUFFERS = {"spatial": 4, "stratified": 0, "groups": 4, "raster": 4}


@dataclass(frozen=True)
class CrossValidationSettings:
    """How samples are divided into folds; the defaults are the recommended ones.

    Attributes:
        method: ``spatial``: folds of whole blocks; ``stratified``: every class drawn at random;
            ``groups``: folds of the set's own polygons or groups; ``raster``: the folds of a
            raster of 'Split reference'.
        k: how many folds; a raster has its own.
        block_size: side of the blocks in pixels; None: that of the set's split, else chosen by
            how far labels resemble each other.
        buffer: pixels of training lie farther than this from those of the held-out fold; None:
            see ``BUFFERS``.
        validation_fraction: share (0..1) of each fold's training pixels that is held back to
            choose the epoch.
        folds: raster of folds, for ``raster``.
    """

    method: str = "spatial"
    k: int = 5
    block_size: int | None = None
    buffer: int | None = None
    validation_fraction: float = 0.0
    folds: str = ""

    @property
    def kept_apart(self) -> int:
        """The buffer in pixels."""
        return BUFFERS[self.method] if self.buffer is None else self.buffer

    def check(self) -> None:
        """Refuse values that cannot be.

        Raises:
            InputError: with what can be.
        """
        if self.method not in METHODS:
            raise InputError(f"METHOD is '{self.method}'; choose one of {', '.join(METHODS)}.")
        if not 2 <= self.k <= MOST_FOLDS:
            raise InputError(f"K is {self.k}; there can be 2 to {MOST_FOLDS} folds.")
        if self.block_size is not None and not 1 <= self.block_size <= MOST_BLOCK:
            raise InputError(f"BLOCK_SIZE is {self.block_size}; it must be 1 to {MOST_BLOCK:,}.")
        if not 0 <= self.kept_apart <= MOST_BUFFER:
            raise InputError(f"BUFFER is {self.buffer}; it must be 0 to {MOST_BUFFER:,} pixels.")
        if not 0 <= self.validation_fraction <= 0.5:
            raise InputError(
                f"VALIDATION_FRACTION is {self.validation_fraction:g}; it must lie between 0 and "
                "0.5."
            )
        if (self.method == "raster") != bool(self.folds):
            raise InputError(
                "METHOD 'raster' takes a raster of folds (FOLDS), and no other METHOD does: give "
                "it, or leave it empty."
            )

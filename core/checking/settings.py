"""What a check of training data can be told, without numpy: dialogs are filled from it."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InputError

FEWEST = 10  # pixels of a class to look at: fewer say nothing


@dataclass(frozen=True)
class CheckSettings:
    """How closely samples are looked at; the defaults are the recommended ones.

    Attributes:
        samples: labelled pixels of a class whose spectra are read and compared, at the most.
        memory_mb: budget for them and for comparing them, MiB; bounds them too.
        seed: of the draw of pixels and of the folds.
    """

    samples: int = 400
    memory_mb: int = 1024
    seed: int = 1

    def check(self) -> None:
        """Refuse values that cannot work, before anything is read.

        Raises:
            InputError: for such a value.
        """
        for name, least in (("samples", FEWEST), ("memory_mb", 64), ("seed", 0)):
            value = getattr(self, name)
            if value < least:
                parameter = name.removesuffix("_mb").upper()
                raise InputError(f"{parameter} is {value}; it must be {least} or more.")

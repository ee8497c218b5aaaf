"""Chip sets without files, and somebody who listens."""

from __future__ import annotations

import dataclasses

from hsicnn.core.data.chip_format import Chip
from hsicnn.core.data.chips import ChipSetInfo
from hsicnn.core.data.classes import ClassInfo
from hsicnn.core.progress import SilentProgress
from hsicnn.core.raster.bands import Band
from hsicnn.core.raster.grid import Grid
from hsicnn.core.raster.windows import Window
from pixels import HALO


class Said(SilentProgress):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.logs: list[str] = []
        self.warnings: list[str] = []

    def log(self, text):
        self.logs.append(text)

    def warn(self, text):
        self.warnings.append(text)


def chip_set(*, classes=3, train=100, validation=20, halo=HALO, side=24) -> ChipSetInfo:
    """Return what a chip set of 12 bands of int16 and one chip says of itself."""
    bands = tuple(Band(n + 1, f"band {n + 1}", 400.0 + n, 1.0) for n in range(12))
    given = {item.name: None for item in dataclasses.fields(ChipSetInfo)}
    counts = {"train": [train] * classes, "validation": [validation] * classes}
    named = tuple(ClassInfo(n + 1, f"c{n + 1}", "#102030") for n in range(classes))
    box = Window(0, 0, side, side)
    chips = (Chip("000001", box, box, {}),)
    known = {"bands": bands, "classes": named, "counts": counts, "halo": halo, "dtype": "int16"}
    grid = Grid("", (0.0, 1.0, 0.0, 0.0, 0.0, -1.0), side, side)
    return ChipSetInfo(**{**given, **known, "grid": grid, "chips": chips})

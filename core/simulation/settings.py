"""What an example scene can be told, without numpy: dialogs are filled from it."""

from __future__ import annotations

from dataclasses import dataclass

SMALLEST, LARGEST = 32, 2048
FEWEST_BANDS, MOST_BANDS = 8, 500


@dataclass(frozen=True)
class SceneSettings:
    """What an example scene is like; the defaults are a landscape that is not easy.

    Attributes:
        size: pixels along a side.
        bands: spectral bands between 420 and 2450 nm.
        classes: land covers that are mapped, 2 to 12.
        seed: another one gives another landscape.
    """

    size: int = 288
    bands: int = 100
    classes: int = 10
    seed: int = 1

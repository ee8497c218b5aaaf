"""How accuracy is measured: folds, blocks and the distance between training and test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from hsicnn.core.data.folds import buffered_training, spatial_folds
from scenes import Scene
from tuning import Ints

# Blocks (``scenes.SCENES``) are so large that this buffer leaves about 70 % or more of the training
# pixels on every scene; ``buffers.py`` prints the figures of other sizes.
BUFFER = 12  # the radius of the widest pixel network: no tested pixel lies in a training patch
FOLDS = 4
# Rivals choose their settings on finer folds: what is left of a fold's training pixels is little.
INNER_BLOCK, INNER_BUFFER = 16, 4

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Protocol:
    """One for all methods of a table.

    Attributes:
        folds: how many; every labelled pixel is tested once.
        block: side of the blocks that folds are made of, in pixels.
        buffer: training pixels are farther than this from every tested one (Chebyshev).
    """

    folds: int
    block: int
    buffer: int

    def divide(self, scene: Scene, seed: int, fold: int) -> tuple[Mask, Mask]:
        """Return which labelled pixels train for a fold, and which it tests."""
        pixels = scene.pixels
        folds = spatial_folds(pixels.rows, pixels.cols, pixels.told, self.folds, self.block, seed)
        training = buffered_training(folds, fold, pixels.rows, pixels.cols, self.buffer)
        return training, folds == fold

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Guess:
    """What a method says of the tested pixels of a fold.

    Attributes:
        parts: ``(n,)`` classes 1..k by variant of the method; ``""`` where there is one only.
        facts: seconds and sizes, for the table.
    """

    parts: Mapping[str, Ints]
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Leftover:
    """What a protocol leaves of a scene, over all seeds and folds.

    Attributes:
        pixels: share of the pixels of the other folds that may train.
        attainable: share of all pixels whose class has a training pixel in their fold: nobody can
            be right more often.
    """

    pixels: float
    attainable: float


def leftover(scene: Scene, protocol: Protocol, seeds: list[int]) -> Leftover:
    """Measure what buffers take away, and for which pixels no method can be right."""
    told = scene.pixels.told
    shares, known = [], 0
    for seed in seeds:
        for fold in range(protocol.folds):
            training, test = protocol.divide(scene, seed, fold)
            shares.append(training.sum() / (~test).sum())
            known += int(np.isin(told[test], told[training]).sum())
    return Leftover(float(np.mean(shares)), known / (len(told) * len(seeds)))

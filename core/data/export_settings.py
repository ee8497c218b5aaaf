"""What an export of training chips can be told, without numpy: dialogs are filled from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ExportSettings:
    """How labelled pixels are cut out and divided.

    Attributes:
        chip_size: side of a chip without its halo, pixels.
        halo: image pixels around a chip that carry no labels.
        split: ``blocks`` or ``random``.
        block_size: side of the blocks, pixels.
        buffer: pixels of different splits lie farther apart than this (Chebyshev).
        train_fraction: share of the labelled pixels to train on.
        validation_fraction: share to choose the best epoch by; the rest is the test.
        max_per_class: labelled pixels of a class at the most; 0 takes all.
        seed: fixes every draw.
    """

    chip_size: int = 64
    halo: int = 12
    split: str = "blocks"
    block_size: int = 16
    buffer: int = 4
    train_fraction: float = 0.6
    validation_fraction: float = 0.2
    max_per_class: int = 0
    seed: int = 1

"""Random numbers that depend on a seed and a place in the job, never on what ran before.

``(seed, "augment", epoch)`` gives the same numbers whether epoch 7 follows epoch 6 or a
restart, so that a resumed job equals an uninterrupted one.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Union

import numpy as np

if TYPE_CHECKING:
    import torch

Key = Union[int, str]


def sequence(seed: int, *key: Key) -> np.random.SeedSequence:
    """Return the seed sequence of a place in a job.

    Args:
        seed: the user's seed, 0 or larger.
        key: what the numbers are for, such as ``"augment", epoch``.
    """
    # Python's own hash() of a string differs from process to process; a checksum does not.
    words = [zlib.crc32(part.encode()) if isinstance(part, str) else part for part in key]
    return np.random.SeedSequence([seed, *words])


def numpy_generator(seed: int, *key: Key) -> np.random.Generator:
    """Return a numpy generator for a place in a job; see ``sequence``."""
    return np.random.Generator(np.random.PCG64(sequence(seed, *key)))


def torch_seed(seed: int, *key: Key) -> int:
    """Return a 63-bit seed for torch for a place in a job; see ``sequence``."""
    low, high = (int(word) for word in sequence(seed, *key).generate_state(2, np.uint32))
    return (high << 32 | low) & (2**63 - 1)


def torch_generator(seed: int, *key: Key) -> torch.Generator:
    """Return a CPU torch generator for a place in a job; see ``sequence``."""
    import torch

    return torch.Generator().manual_seed(torch_seed(seed, *key))


def seed_torch(seed: int, *key: Key) -> None:
    """Seed torch's global generators (weights, dropout), on every device."""
    import torch

    torch.manual_seed(torch_seed(seed, *key))

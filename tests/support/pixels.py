"""A small pixel store without files: two fields of noise that only their mean tells apart."""

from __future__ import annotations

import numpy as np
from hsicnn.core.data.pixel_store import PixelStore
from hsicnn.core.data.separation import TEST, TRAIN, VALIDATION

HALO = 6


def small_store(
    *, side: int = 24, bands: int = 12, classes: int = 3, noise: float = 1.0, seed: int = 0
) -> PixelStore:
    """Return one chip of vertical stripes, a class each, split by rows.

    The upper half trains, then validation, then test; a frame of ``HALO`` is unlabelled.
    """
    generator = np.random.default_rng(seed)
    spectra = generator.normal(size=(classes, bands)).cumsum(axis=1)
    full = side + 2 * HALO
    stripe = np.clip((np.arange(full) - HALO) * classes // side, 0, classes - 1)
    image = spectra[stripe][None].repeat(full, axis=0)
    values = image + generator.normal(scale=noise, size=image.shape)
    rows, cols = (part.ravel() for part in np.mgrid[:side, :side])
    split = np.full(rows.shape, TRAIN, np.uint8)
    split[rows >= side // 2] = VALIDATION
    split[rows >= side * 3 // 4] = TEST
    count = len(rows)
    return PixelStore(
        values=values.reshape(-1, bands).astype(np.float32),
        valid=np.ones(full * full, bool),
        scale=np.ones(bands, np.float32),
        offset=np.zeros(bands, np.float32),
        nodata=(None,) * bands,
        halo=HALO,
        index=(rows + HALO).astype(np.int64) * full + cols + HALO,
        stride=np.full(count, full, np.int64),
        label=(stripe[cols + HALO] + 1).astype(np.uint16),
        split=split,
        group=np.zeros(count, np.int32),
        row=rows.astype(np.int32),
        col=cols.astype(np.int32),
    )

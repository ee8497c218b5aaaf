"""Does a raster hold values of the size that the model learnt from? Told before a long run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import RasterError
from ..progress import Progress
from ..raster.source import RasterSource
from ..raster.windows import Window

FACTOR = 10.0  # between the typical values of raster and training: no weather does that
PLACES = 6  # windows along each side of the raster
SIDE = 16  # of a window, in pixels
ENOUGH = 2000  # valid pixels

FloatArray = npt.NDArray[np.float32]


def check_scale(
    source: RasterSource,
    positions: Sequence[int],
    statistics: Mapping[str, npt.NDArray[Any]],
    progress: Progress,
) -> None:
    """Compare a sample of the raster's values with those of the training pixels.

    Args:
        source: the raster.
        positions: of the model's bands in it.
        statistics: ``mean`` and ``deviation`` of each band over the training pixels.
        progress: asked for cancelling; told where nothing valid was found.

    Raises:
        RasterError: the typical value differs tenfold or more; the message names the scale.
    """
    values = sample_values(source, positions, progress)
    if not values.size:
        progress.warn(
            f"No valid pixel was met in a sample of {source.name}: its values could not be "
            "compared with the training's."
        )
        return
    mean, deviation = (statistics[name].astype(np.float64) for name in ("mean", "deviation"))
    known = np.hypot(mean, deviation)
    found = np.median(np.abs(np.nan_to_num(values)).astype(np.float64), axis=0)
    usable = known > 0
    if not usable.any():
        return
    ratio = float(np.median(found[usable] / known[usable]))
    if 1 / FACTOR < ratio < FACTOR:
        return
    bands = [source.bands[position] for position in positions]
    scales = sorted({f"{band.scale:g}" for band in bands})
    raise RasterError(
        f"The values of {source.name} do not have the scale of the model's training: typical "
        f"values are {np.median(found[usable]):.4g} here and {np.median(known[usable]):.4g} "
        f"there, a factor of {ratio:.3g}. The raster's band scale is {', '.join(scales[:3])} "
        f"and {_likely(ratio, bands[0].scale)}. Set it in the file (gdal_edit.py -scale), or "
        "choose the product that the model was trained on."
    )


def sample_values(source: RasterSource, positions: Sequence[int], progress: Progress) -> FloatArray:
    """Return ``(n, bands)`` physical values of valid pixels spread over the raster."""
    kept: list[FloatArray] = []
    count = 0
    for window in _windows(source.grid.height, source.grid.width):
        progress.check_cancel()
        block = source.read(window, positions)
        kept.append(block.values[:, block.valid].T)
        count += len(kept[-1])
        if count >= ENOUGH:
            break
    return np.concatenate(kept)


def _windows(height: int, width: int) -> Iterator[Window]:
    """Small windows on a regular grid, in an order that covers the raster early on."""
    places = [(row, col) for row in range(PLACES) for col in range(PLACES)]
    # 13 and 36 have no common divisor: every place comes once, neighbours far apart.
    for step in range(len(places)):
        row, col = places[step * 13 % len(places)]
        tall, wide = min(SIDE, height), min(SIDE, width)
        top = int((row + 0.5) / PLACES * height - tall / 2)
        left = int((col + 0.5) / PLACES * width - wide / 2)
        yield Window(min(max(top, 0), height - tall), min(max(left, 0), width - wide), tall, wide)


def _likely(ratio: float, scale: float) -> str:
    """Say which scale would make the values fit, as a power of ten."""
    power = round(float(np.log10(max(ratio, 1e-12))))
    return f"should probably be {scale / 10.0**power:g}"

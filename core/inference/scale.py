"""Does a raster hold values of the size that the model learnt from? Told before a long run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import RasterError
from ..modelfile.bundle import ModelBundle
from ..progress import Progress
from ..raster.source import RasterSource
from ..raster.windows import Window

FACTOR = 10.0  # between the typical values of raster and training: no weather does that
# The same between nine bands of ten. Scenes differ as much in some bands (water is black in the
# infrared), but a wrong scale changes all bands alike, and rarely meets its power of ten exactly.
ALIKE_FACTOR = 5.0
PLACES = 6  # windows along each side of the raster
SIDE = 16  # of a window, in pixels
ENOUGH = 2000  # valid pixels

FloatArray = npt.NDArray[np.float32]


def check_scale(
    source: RasterSource,
    positions: Sequence[int],
    statistics: Mapping[str, npt.NDArray[Any]],
    progress: Progress,
    origin: str = "the model's training",
) -> None:
    """Compare a sample of the raster's values with those of the training pixels.

    Args:
        source: the raster.
        positions: of the model's bands in it.
        statistics: ``mean`` and ``deviation`` of each band over the training pixels.
        progress: asked for cancelling; told where nothing valid was found.
        origin: where the statistics come from, in words.

    Raises:
        RasterError: the typical value differs tenfold or more, or nearly all bands do by half
            of that; the message names the scale.
    """
    check_scales(source, positions, [(origin, statistics)], progress)


def check_scales(
    source: RasterSource,
    positions: Sequence[int],
    known: Sequence[tuple[str, Mapping[str, npt.NDArray[Any]]]],
    progress: Progress,
) -> None:
    """Compare one sample of the raster's values with several trainings, as ``check_scale`` does.

    Args:
        source: the raster.
        positions: of the bands in it.
        known: where statistics come from, in words, and ``mean`` and ``deviation``.
        progress: asked for cancelling; told where nothing valid was found.

    Raises:
        RasterError: the raster has not the scale of one of them.
    """
    values = sample_values(source, positions, progress)
    if not values.size:
        origin = known[0][0]
        progress.warn(
            f"No valid pixel was met in a sample of {source.name}: its values could not be "
            f"compared with those of {origin}."
        )
        return
    for origin, statistics in known:
        _compare(source, positions, values, statistics, origin)


def scales_of(bundle: ModelBundle) -> list[tuple[str, Mapping[str, npt.NDArray[Any]]]]:
    """Return what an image's values are compared with: of an ensemble, every member's training.

    The mean over members that were trained on values a hundred times larger is that of none.
    """
    if not bundle.members:
        return [("the model's training", bundle.statistics)]
    return [
        (f"the training of member {number} of the ensemble", member.statistics)
        for number, member in enumerate(bundle.members, 1)
    ]


def _compare(
    source: RasterSource,
    positions: Sequence[int],
    values: FloatArray,
    statistics: Mapping[str, npt.NDArray[Any]],
    origin: str,
) -> None:
    """Refuse values that have not the scale of a training."""
    mean, deviation = (statistics[name].astype(np.float64) for name in ("mean", "deviation"))
    known = np.hypot(mean, deviation)
    found = np.median(np.abs(np.nan_to_num(values)).astype(np.float64), axis=0)
    usable = known > 0
    if not usable.any():
        return
    ratios = found[usable] / known[usable]
    ratio = float(np.median(ratios))
    low, high = np.quantile(ratios, (0.1, 0.9))
    if 1 / FACTOR < ratio < FACTOR and low < ALIKE_FACTOR and high > 1 / ALIKE_FACTOR:
        return
    bands = [source.bands[position] for position in positions]
    scales = sorted({f"{band.scale:g}" for band in bands})
    raise RasterError(
        f"The values of {source.name} do not have the scale of {origin}: typical "
        f"values are {np.median(found[usable]):.4g} here and {np.median(known[usable]):.4g} "
        f"there, {_times(ratio)}. The raster's band scale is {', '.join(scales[:3])} and "
        f"{_likely(ratio, bands[0].scale)}. Set it in the file (gdal_edit.py -scale), or choose "
        f"the same product as that of {origin}."
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


def _times(ratio: float) -> str:
    """A factor in words."""
    return (
        f"{ratio:,.3g} times as much" if ratio > 1 else f"{1 / max(ratio, 1e-12):,.3g} times less"
    )


def _likely(ratio: float, scale: float) -> str:
    """Say which scale would make the values fit, as a power of ten."""
    power = round(float(np.log10(max(ratio, 1e-12))))
    return f"should probably be {scale / 10.0**power:g}"

"""An imaging spectrometer: its bands, its point spread, its noise, its swath."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FIRST, LAST = 420.0, 2450.0  # nanometres
VAPOUR = ((1340.0, 1450.0), (1790.0, 1960.0))  # no light reaches the ground there
SCALE = 0.0001
NODATA = -32768

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Sensor:
    """The bands of the sensor and how noisy they are.

    Attributes:
        wavelengths: band centres in nanometres, ``(bands,)``, ascending.
        fwhm: full width at half maximum in nanometres, ``(bands,)``.
        bad: bands in the water vapour, ``(bands,)``.
        noise: standard deviation of the noise in reflectance, ``(bands,)``.
    """

    wavelengths: npt.NDArray[np.float64]
    fwhm: npt.NDArray[np.float64]
    bad: npt.NDArray[np.bool_]
    noise: FloatArray


def make_sensor(bands: int, noise: float) -> Sensor:
    """Return a sensor whose bands lie closer in the visible than in the infrared.

    Args:
        bands: how many, at least 4.
        noise: standard deviation in reflectance at 600 nm.
    """
    # The spacing doubles from one end to the other, as detectors with equal light do.
    steps = np.linspace(1.0, 2.0, bands - 1)
    centres = FIRST + np.concatenate([[0.0], np.cumsum(steps)]) * (LAST - FIRST) / steps.sum()
    spacing = np.gradient(centres)
    bad = np.zeros(bands, dtype=bool)
    for low, high in VAPOUR:
        bad |= (centres >= low) & (centres <= high)
    # Less sunlight in the infrared, and a detector that tires at the blue end.
    level = 1.0 + 1.6 * ((centres - 600.0) / 1850.0).clip(0) ** 1.5
    level += 0.8 * np.exp(-(centres - FIRST) / 45.0)
    for low, high in VAPOUR:
        middle, half = (low + high) / 2, (high - low) / 2
        level += 1.5 * np.exp(-0.5 * ((centres - middle) / half) ** 2)
    level[bad] += 8.0
    return Sensor(centres, spacing * 1.1, bad, (noise * level).astype(np.float32))


def point_spread(width: float) -> list[tuple[int, int, float]]:
    """Return (row, column, weight) of the fine cells that a pixel sees, around its middle cell.

    Args:
        width: standard deviation of the point spread in fine cells.
    """
    reach = range(-3, 4)
    cells = [
        (dy, dx, float(np.exp(-(dy * dy + dx * dx) / (2 * width**2))))
        for dy in reach
        for dx in reach
    ]
    total = sum(weight for _, _, weight in cells)
    kept = [cell for cell in cells if cell[2] > 0.01]
    total = sum(weight for _, _, weight in kept)
    return [(dy, dx, weight / total) for dy, dx, weight in kept]


def stripes(bands: int, columns: int, generator: np.random.Generator) -> FloatArray:
    """Return what push-broom columns differ by, ``(bands, columns)``, standard deviation 1."""
    return generator.standard_normal((bands, columns)).astype(np.float32)


def noise_of(sensor: Sensor, pixels: tuple[int, int], generator: np.random.Generator) -> FloatArray:
    """Return noise ``(bands, rows, columns)`` in reflectance, neighbouring bands correlated."""
    white = generator.standard_normal((len(sensor.wavelengths), *pixels), dtype=np.float32)
    mixed = white.copy()
    mixed[1:] += 0.5 * white[:-1]
    mixed *= (sensor.noise / np.float32(np.sqrt(1.25)))[:, None, None]
    return mixed


def swath(size: int, generator: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Return the pixels the turned swath covers, ``(size, size)``: two corners stay outside."""
    y, x = np.mgrid[0:size, 0:size] / max(size - 1, 1)
    slope = generator.uniform(0.30, 0.36)
    return np.asarray((x - slope * y > -slope * 0.62) & (x - slope * y < 1.0 - slope * 0.38))


def quantise(reflectance: FloatArray, seen: npt.NDArray[np.bool_]) -> npt.NDArray[np.int16]:
    """Turn reflectance ``(bands, rows, columns)`` into scaled integers, nodata outside."""
    scaled = np.rint(reflectance / np.float32(SCALE)).clip(-2000, 16000)
    numbers: npt.NDArray[np.int16] = scaled.astype(np.int16)
    numbers[:, ~seen] = NODATA
    return numbers

"""What the sensor sees of the landscape: mixtures, light and shadow, noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage, sparse

from .covers import COVERS, mixing_directions, of_field
from .landscape import FINE, Landscape, shadow_map, smooth
from .sensor import Sensor, noise_of, point_spread, stripes

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Conditions:
    """How hard the sensor and the fields make it.

    Attributes:
        pixel_size: metres.
        sun: height of the sun in degrees.
        mixture: factor on the shares of other covers inside fields.
        patches: part of those mixtures that comes in patches instead of from pixel to pixel.
        noise: standard deviation of the noise in reflectance at 600 nm.
        striping: standard deviation of the column differences, relative to the noise.
        relief: relative standard deviation of the light on slopes.
        blur: standard deviation of the point spread in pixels.
    """

    pixel_size: float = 5.0
    sun: float = 48.0
    mixture: float = 0.96
    patches: float = 0.15
    noise: float = 0.008
    striping: float = 0.15
    relief: float = 0.08
    blur: float = 0.45


class Scene:
    """The landscape under the sensor; rendered in strips so that memory stays small."""

    def __init__(
        self,
        landscape: Landscape,
        sensor: Sensor,
        conditions: Conditions,
        generator: np.random.Generator,
    ) -> None:
        size = landscape.size
        self._landscape = landscape
        self._sensor = sensor
        self._conditions = conditions
        self._generator = generator
        self._fields = np.asarray(
            [of_field(COVERS[cover], sensor.wavelengths, generator) for cover in landscape.covers],
            dtype=np.float32,
        )
        self._directions, self._owners, self._spreads = mixing_directions(sensor.wavelengths)
        self._patches = [smooth((size, size), 4.0, generator) for _ in range(_slots(self._owners))]
        self._light = self._illumination(size)
        self._shadow = self._shadows(size)
        self._stripes = stripes(len(sensor.wavelengths), size, generator)

    def _illumination(self, size: int) -> FloatArray:
        """Light on the slopes: ``(size, size)`` around 1."""
        relief = smooth((size, size), max(size / 12.0, 6.0), self._generator)
        factor = 1.0 + self._conditions.relief * relief
        return np.asarray(factor.clip(0.6, 1.4), dtype=np.float32)

    def _shadows(self, size: int) -> FloatArray:
        """Shadow of tall covers and of thin clouds: ``(size, size)``, 0..1."""
        objects = shadow_map(self._landscape, self._conditions.pixel_size, self._conditions.sun)
        blurred = ndimage.gaussian_filter(objects, self._conditions.blur * FINE)
        on_pixels = blurred[FINE // 2 :: FINE, FINE // 2 :: FINE]
        clouds = smooth((size, size), max(size / 9.0, 8.0), self._generator)
        veil = 0.35 * ((clouds - 1.2) * 1.2).clip(0.0, 1.0)
        return np.asarray(np.maximum(on_pixels, veil), dtype=np.float32)

    def strips(self, rows: int) -> Iterator[tuple[int, FloatArray]]:
        """Yield the first row and the reflectance ``(bands, rows, size)`` of every strip."""
        for start in range(0, self._landscape.size, rows):
            stop = min(start + rows, self._landscape.size)
            yield start, self._strip(start, stop)

    def _strip(self, start: int, stop: int) -> FloatArray:
        size, bands = self._landscape.size, len(self._sensor.wavelengths)
        weights = self._weights(start, stop)
        spectra = weights @ self._fields
        spectra += self._mixtures(weights, start, stop)
        spectra *= self._brightness(weights, start, stop)[:, None]
        spectra *= self._shading(start, stop)
        np.maximum(spectra, 0.002, out=spectra)
        cube = np.ascontiguousarray(spectra.T).reshape(bands, stop - start, size)
        cube += noise_of(self._sensor, (stop - start, size), self._generator)
        level = self._conditions.striping * self._sensor.noise
        cube += level[:, None, None] * self._stripes[:, None, :]
        return cube

    def _weights(self, start: int, stop: int) -> sparse.csr_matrix:
        """How much of every field each pixel sees: ``(pixels, fields)``, rows sum to 1."""
        parcels = self._landscape.parcels
        cells = parcels.shape[0]
        fields, weights = [], []
        rows = np.arange(start, stop) * FINE + FINE // 2
        columns = np.arange(0, cells, FINE) + FINE // 2
        for down, right, weight in point_spread(self._conditions.blur * FINE):
            seen = parcels[
                (rows + down).clip(0, cells - 1)[:, None], (columns + right).clip(0, cells - 1)
            ]
            fields.append(seen.ravel())
            weights.append(np.full(seen.size, weight, dtype=np.float32))
        pixels = np.tile(np.arange(fields[0].size), len(fields))
        matrix = sparse.coo_matrix(
            (np.concatenate(weights), (pixels, np.concatenate(fields))),
            shape=(fields[0].size, len(self._fields)),
        )
        return matrix.tocsr()

    def _by_cover(self, values: npt.NDArray[np.float64]) -> FloatArray:
        """A figure of every cover, spread over the fields: ``(fields, ...)``."""
        return np.asarray(values[self._landscape.covers], dtype=np.float32)

    def _mixtures(self, weights: sparse.csr_matrix, start: int, stop: int) -> FloatArray:
        """What weeds, gaps and companions add to each pixel: ``(pixels, bands)``."""
        part = self._conditions.patches
        shares = []
        for surface in self._patches:
            patchy = surface[start:stop].ravel()
            speckled = self._generator.standard_normal(patchy.size, dtype=np.float32)
            shares.append(np.sqrt(part) * patchy + np.sqrt(1.0 - part) * speckled)
        owner_of = np.eye(len(COVERS))[self._owners]  # (directions, covers)
        amounts = weights @ self._by_cover((owner_of * np.asarray(self._spreads)[:, None]).T)
        for direction, slot in enumerate(_slot_of(self._owners)):
            amounts[:, direction] *= self._conditions.mixture * shares[slot]
        return np.asarray(amounts @ self._directions, dtype=np.float32)

    def _brightness(self, weights: sparse.csr_matrix, start: int, stop: int) -> FloatArray:
        """Light on slope and crowns: ``(pixels,)``."""
        crowns = weights @ self._by_cover(np.asarray([cover.crowns for cover in COVERS]))
        speckle = self._generator.standard_normal(len(crowns), dtype=np.float32)
        light = self._light[start:stop].ravel() * (1.0 + crowns * speckle)
        return np.asarray(light.clip(0.25, 2.0), dtype=np.float32)

    def _shading(self, start: int, stop: int) -> FloatArray:
        """What shadow leaves: ``(pixels, bands)``; skylight is blue."""
        sky = 0.12 + 0.25 * (self._sensor.wavelengths / 450.0) ** -1.5
        lost = (1.0 - sky).astype(np.float32)
        return np.asarray(1.0 - self._shadow[start:stop].reshape(-1, 1) * lost, dtype=np.float32)


def _slot_of(owners: list[int]) -> list[int]:
    """Number the directions of each cover 0, 1, 2 ..: covers share the chance behind them."""
    return [owners[:index].count(owner) for index, owner in enumerate(owners)]


def _slots(owners: list[int]) -> int:
    return max(_slot_of(owners)) + 1

"""A countryside of small fields: where they lie, what grows on them, what was surveyed.

Everything here is geometry on a grid ``FINE`` times finer than the pixels, so that pixels at
the edges of fields are mixtures, as a sensor sees them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from .covers import COVERS

FINE = 3  # cells a pixel, along each side
SHORTEST, LONGEST = 7.0, 16.0  # sides of fields, in pixels
TRACK = 1.3  # width of the tracks between groups of fields, in pixels
RIVER_FROM = 96  # scenes smaller than this have ponds only
TRACK_COVER, SHADOW_AZIMUTH = "Paved", 315.0  # degrees from north: shadows fall north-west

IntMap = npt.NDArray[np.int32]
Rectangle = tuple[float, float, float, float]


@dataclass(frozen=True)
class Landscape:
    """Fields and what is on them.

    Attributes:
        parcels: field of every fine cell, ``(FINE * size, FINE * size)``; a position in ``covers``.
        covers: position in ``COVERS`` of every field, ``(fields,)``.
        classes: how many covers are mapped; further ones (tracks) stay unlabelled.
    """

    parcels: IntMap
    covers: IntMap
    classes: int

    @property
    def size(self) -> int:
        """Pixels along a side."""
        return self.parcels.shape[0] // FINE


def make_landscape(size: int, classes: int, generator: np.random.Generator) -> Landscape:
    """Lay out fields, tracks and a river.

    Args:
        size: pixels along a side.
        classes: how many of ``COVERS`` are sown.
        generator: the source of all chance.
    """
    u, v = _field_coordinates(size, generator)
    low_u, low_v = float(u.min()), float(v.min())
    extent = (0.0, 0.0, float(u.max()) - low_u, float(v.max()) - low_v)
    fields, tracks = _divide(extent, generator)
    lookup = _paint(extent, fields, tracks)
    rows = np.clip(((v - low_v) * FINE).astype(np.int32), 0, lookup.shape[0] - 1)
    cols = np.clip(((u - low_u) * FINE).astype(np.int32), 0, lookup.shape[1] - 1)
    parcels = lookup[rows, cols]
    parcels, sizes = _renumber(parcels)
    covers = _sow(sizes, classes, generator)
    if classes > _position("Water") and size >= RIVER_FROM:
        parcels, covers = _add_river(parcels, covers, generator)
    return Landscape(parcels, covers, classes)


def _position(name: str) -> int:
    return next(index for index, cover in enumerate(COVERS) if cover.name == name)


def smooth(
    shape: tuple[int, int], scale: float, generator: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Return a smooth random surface ``shape`` of mean 0 and deviation 1; ``scale`` in cells."""
    # Drawn coarsely and enlarged: a wide Gaussian filter at full size takes seconds.
    step = max(int(scale / 3), 1)
    coarse = [side // step + 8 for side in shape]
    rough = generator.standard_normal(coarse).astype(np.float32)
    rough = ndimage.gaussian_filter(rough, scale / step, mode="wrap")
    grid = np.meshgrid(
        np.arange(shape[0], dtype=np.float32) / step + 2,
        np.arange(shape[1], dtype=np.float32) / step + 2,
        indexing="ij",
    )
    surface = ndimage.map_coordinates(rough, grid, order=1, mode="nearest")
    return np.asarray((surface - rough.mean()) / max(float(rough.std()), 1e-6), dtype=np.float32)


def _field_coordinates(
    size: int, generator: np.random.Generator
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Turned and bent coordinates in pixels: rectangles in them are fields on the ground."""
    cells = size * FINE
    y, x = np.mgrid[0:cells, 0:cells].astype(np.float32) / FINE
    angle = generator.uniform(0.2, 0.6)
    bend = [4.0 * smooth((cells, cells), 30.0 * FINE, generator) for _ in range(2)]
    ragged = [0.35 * smooth((cells, cells), 1.5 * FINE, generator) for _ in range(2)]
    u = np.cos(angle) * x + np.sin(angle) * y + bend[0] + ragged[0]
    v = -np.sin(angle) * x + np.cos(angle) * y + bend[1] + ragged[1]
    return u.astype(np.float32), v.astype(np.float32)


def _divide(
    extent: Rectangle, generator: np.random.Generator
) -> tuple[list[Rectangle], list[Rectangle]]:
    """Halve the land again and again: early cuts leave a track, the last ones only an edge."""
    waiting, fields, tracks = [extent], [], []
    while waiting:
        u0, v0, u1, v1 = waiting.pop()
        along_u = (u1 - u0) * generator.uniform(0.8, 1.25) >= v1 - v0
        length = u1 - u0 if along_u else v1 - v0
        if length < generator.uniform(2 * SHORTEST, LONGEST + SHORTEST / 2):
            fields.append((u0, v0, u1, v1))
            continue
        cut = (u0 if along_u else v0) + length * generator.uniform(0.4, 0.6)
        gap = TRACK / 2 if length > 3.5 * LONGEST else 0.0
        if along_u:
            waiting += [(u0, v0, cut - gap, v1), (cut + gap, v0, u1, v1)]
            tracks.append((cut - gap, v0, cut + gap, v1))
        else:
            waiting += [(u0, v0, u1, cut - gap), (u0, cut + gap, u1, v1)]
            tracks.append((u0, cut - gap, u1, cut + gap))
    return fields, [track for track in tracks if min(track[2] - track[0], track[3] - track[1]) > 0]


def _paint(extent: Rectangle, fields: list[Rectangle], tracks: list[Rectangle]) -> IntMap:
    """Draw the rectangles into a table of field numbers; tracks are 0."""
    shape = (int(extent[3] * FINE) + 2, int(extent[2] * FINE) + 2)
    table = np.zeros(shape, dtype=np.int32)
    for number, rectangle in enumerate(fields, start=1):
        u0, v0, u1, v1 = (round(side * FINE) for side in rectangle)
        table[v0 : v1 + 1, u0 : u1 + 1] = number
    for rectangle in tracks:
        u0, v0, u1, v1 = (round(side * FINE) for side in rectangle)
        table[v0:v1, u0:u1] = 0
    return table


def _renumber(parcels: IntMap) -> tuple[IntMap, npt.NDArray[np.int64]]:
    """Number the fields that are inside 1.. without gaps; 0 stays the tracks."""
    sizes = np.bincount(parcels.ravel())
    present = np.flatnonzero(sizes[1:]) + 1
    table = np.zeros(len(sizes), dtype=np.int32)
    table[present] = np.arange(1, len(present) + 1)
    return table[parcels], sizes[present]


def _sow(sizes: npt.NDArray[np.int64], classes: int, generator: np.random.Generator) -> IntMap:
    """Give every field a cover: shares as in ``COVERS``, the same areas whatever the chance."""
    shares = np.asarray([cover.share for cover in COVERS[:classes]])
    covers = np.empty(len(sizes) + 1, dtype=np.int32)
    covers[0] = _position(TRACK_COVER)
    # Dealt in rounds over fields ordered by size, so that a tiny scene has every class too
    # and no class gets the slivers at the edges only.
    order = np.argsort(-sizes, kind="stable")
    owed = np.zeros(classes)
    for field in order:
        owed += shares / shares.sum()
        best = owed + generator.uniform(0.0, 0.6, classes)
        chosen = int(best.argmax())
        owed[chosen] -= 1.0
        covers[field + 1] = chosen
    return covers


def _add_river(
    parcels: IntMap, covers: IntMap, generator: np.random.Generator
) -> tuple[IntMap, IntMap]:
    """Let a river wind through, cut into stretches that count as fields."""
    cells = parcels.shape[0]
    y, x = np.mgrid[0:cells, 0:cells].astype(np.float32) / FINE
    size = cells / FINE
    phase, waves = generator.uniform(0, 2 * np.pi), generator.uniform(1.2, 1.8)
    winding = 0.09 * size * np.sin(phase + waves * 2 * np.pi * y / size)
    middle = (
        size * generator.uniform(0.3, 0.7) + winding + 2 * smooth((cells, cells), 40, generator)
    )
    river = np.abs(x - middle) < 3.0 + 0.8 * np.sin(y / 9.0 + phase)
    stretch = (y / 14.0).astype(np.int32)
    parcels = np.where(river, len(covers) + stretch, parcels).astype(np.int32)
    added = np.full(int(stretch.max()) + 1, _position("Water"), dtype=np.int32)
    return parcels, np.concatenate([covers, added])


def shadow_map(landscape: Landscape, pixel_size: float, sun: float) -> npt.NDArray[np.float32]:
    """Return where tall covers throw shadow, 0..1 on the fine grid.

    Args:
        landscape: fields and covers.
        pixel_size: metres a pixel.
        sun: height of the sun in degrees.
    """
    heights = np.asarray([cover.height for cover in COVERS], dtype=np.float32)
    height = heights[landscape.covers][landscape.parcels]
    shadow = np.zeros(height.shape, dtype=bool)
    cell = pixel_size / FINE
    down, right = -np.cos(np.radians(SHADOW_AZIMUTH)), np.sin(np.radians(SHADOW_AZIMUTH))
    drop = cell * np.tan(np.radians(sun))  # metres the sunbeam sinks per cell
    for step in range(1, int(heights.max() / drop) + 2):
        rows, cols = round(step * down), round(step * right)
        shadow |= _shifted(height, rows, cols) > height + step * drop
    return shadow.astype(np.float32)


def _shifted(surface: npt.NDArray[np.float32], rows: int, cols: int) -> npt.NDArray[np.float32]:
    """Move a surface; what comes in from outside is flat ground."""
    moved = np.zeros_like(surface)
    height, width = surface.shape
    moved[max(rows, 0) : height + min(rows, 0), max(cols, 0) : width + min(cols, 0)] = surface[
        max(-rows, 0) : height + min(-rows, 0), max(-cols, 0) : width + min(-cols, 0)
    ]
    return moved


def survey(
    landscape: Landscape,
    seen: npt.NDArray[np.bool_],
    share: float,
    generator: np.random.Generator,
) -> npt.NDArray[np.uint8]:
    """Label as a surveyor would: some fields, their inside, often only the side walked along.

    Args:
        landscape: fields and covers.
        seen: pixels with image data, ``(size, size)``.
        share: share of the fields of every class that are visited, 0..1; at least three.
        generator: the source of all chance.

    Returns:
        ``(size, size)`` class codes 1..classes, 0 where nobody was.
    """
    size = landscape.size
    cells = landscape.parcels.reshape(size, FINE, size, FINE)
    first = cells[:, 0, :, 0]
    pure = (cells.min(axis=(1, 3)) == first) & (cells.max(axis=(1, 3)) == first) & seen
    visited, careful = _visits(landscape, first[pure], share, generator)
    eroded = np.ones_like(pure)
    for rows, cols in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        eroded &= _neighbour(first, rows, cols) == first
    labelled = pure & visited[first] & (eroded | ~careful[first])
    labelled &= _walked(first, len(landscape.covers), generator)
    codes = landscape.covers[first] + 1
    return np.where(labelled, codes, 0).astype(np.uint8)


def _visits(
    landscape: Landscape, pixels: IntMap, share: float, generator: np.random.Generator
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which fields are visited, and in which of them the edge is left out."""
    count = np.bincount(pixels, minlength=len(landscape.covers))
    visited = np.zeros(len(landscape.covers), dtype=bool)
    for code in range(landscape.classes):
        fields = np.flatnonzero((landscape.covers == code) & (count >= 6))
        fields = fields[fields > 0]
        wanted = max(round(share * len(fields)), min(4, len(fields)))
        visited[generator.permutation(fields)[:wanted]] = True
    return visited, generator.random(len(visited)) < 0.75


def _neighbour(parcels: IntMap, rows: int, cols: int) -> IntMap:
    padded = np.pad(parcels, 1, mode="edge")
    height, width = parcels.shape
    return padded[1 + rows : 1 + rows + height, 1 + cols : 1 + cols + width]


def _walked(parcels: IntMap, fields: int, generator: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Cut a third of the fields along a line through their middle: seen from one side only."""
    y, x = np.mgrid[0 : parcels.shape[0], 0 : parcels.shape[1]].astype(np.float32)
    flat = parcels.ravel()
    count = np.maximum(np.bincount(flat, minlength=fields), 1)
    middle_y = np.bincount(flat, weights=y.ravel(), minlength=fields) / count
    middle_x = np.bincount(flat, weights=x.ravel(), minlength=fields) / count
    angle = generator.uniform(0, 2 * np.pi, fields)
    whole = generator.random(fields) < 0.67
    side = (y - middle_y[parcels]) * np.sin(angle)[parcels]
    side += (x - middle_x[parcels]) * np.cos(angle)[parcels]
    return np.asarray(whole[parcels] | (side > -1.0))

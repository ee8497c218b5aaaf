"""Where tiles and scenes can lie, and what labels they would hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import InputError, LabelError
from ...progress import Portion, Progress
from ...raster.grid import Grid
from ...raster.windows import Window
from ...runtime.seeds import numpy_generator
from ..labels import Labels
from ..mask import Mask
from .label_index import LabelIndex
from .settings import TileSettings

IntArray = npt.NDArray[np.int64]

_MOST = 5_000_000  # tiles: more is a mistake in STRIDE
_CELLS = 1 << 20  # tiles that are looked at at once
_LABELS = 1 << 20  # labels, likewise
_ASK = 0.1  # seconds, after which cancelling is asked for


@dataclass(frozen=True, eq=False)
class Candidates:
    """Tiles or scenes that hold labels enough.

    Attributes:
        rows: ``(m,)`` first row of each, in row-major order.
        cols: ``(m,)`` first column.
        counts: ``(m, classes)`` labelled pixels; of a scene 1 for its class.
        values: ``(m,)`` the class with the most pixels, or a scene's class; 1..classes.
        groups: ``(m,)`` the polygon or group with the most pixels, of a scene that which gives it
            its class; 0 for none.
        notes: what was left out.
    """

    rows: IntArray
    cols: IntArray
    counts: IntArray
    values: IntArray
    groups: IntArray
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)


def find_candidates(
    index: LabelIndex,
    grid: Grid,
    settings: TileSettings,
    *,
    seed: int,
    mask: Mask | None,
    progress: Progress,
) -> Candidates:
    """Find the tiles or scenes that hold labels enough.

    Args:
        index: of the labelled pixels.
        grid: of the image.
        settings: of the tiles.
        seed: of the jitter.
        mask: that tiles must lie in wholly; None for anywhere.
        progress: told how far it is; asked for cancelling.

    Raises:
        InputError: the image is smaller than a tile, or there are more tiles than anybody wants.
        LabelError: no tile holds labels enough.
    """
    size, labels = settings.tile_size, index.labels
    if size > min(grid.height, grid.width):
        raise InputError(
            f"TILE_SIZE is {size}; the image has {grid.height} rows and {grid.width} columns. "
            "Use a smaller TILE_SIZE: tiles lie wholly inside the image."
        )
    if settings.places == "objects":
        places = _around_objects(labels, grid, size)
    else:
        places = _on_grid(labels, grid, size, settings.step, Portion(progress, 0.0, 0.2))
    places = _moved(places, grid, size, settings.jitter, seed)
    if mask is not None:
        inside = [
            mask.holds(Window(int(r), int(c), size, size)) for r, c in _told(places, progress)
        ]
        places = places[np.array(inside, dtype=bool)]
        if not len(places):
            raise LabelError(
                f"No tile of {size} x {size} pixels with labels lies wholly inside the MASK. Use "
                "a smaller TILE_SIZE or STRIDE, or a larger MASK."
            )
    return _with_labels(index, places, settings, Portion(progress, 0.2, 1.0))


def _told(places: IntArray, progress: Progress) -> Iterator[Any]:
    """Yield places; asks for cancelling on the way, by the clock: some take long."""
    asked = -inf
    for place in places:
        now = monotonic()
        if now - asked >= _ASK:
            progress.check_cancel()
            asked = now
        yield place


def _starts(length: int, size: int, step: int) -> IntArray:
    """Return the first pixels of tiles along an axis; the last one ends with the raster."""
    found = np.arange(0, length - size + 1, step, dtype=np.int64)
    last = length - size
    return found if found[-1] == last else np.append(found, last)


def _on_grid(labels: Labels, grid: Grid, size: int, step: int, progress: Progress) -> IntArray:
    """Return ``(m, 2)`` first rows and columns of the tiles that hold a label, row-major."""
    tops, lefts = _starts(grid.height, size, step), _starts(grid.width, size, step)
    # In bands of tiles that fit into memory, whatever STRIDE is.
    band = max(1, _CELLS // (len(lefts) + 1))
    found, count = [np.zeros((0, 2), dtype=np.int64)], 0
    for first in range(0, len(tops), band):
        progress.check_cancel()
        own = tops[first : first + band]
        down, right = np.nonzero(_hold(labels, own, lefts, size, progress))
        count += len(down)
        if count > _MOST:
            raise InputError(
                f"There would be more than {_MOST:,} tiles of {size} pixels every {step}. Use a "
                "larger STRIDE."
            )
        found.append(np.column_stack([own[down], lefts[right]]))
        progress.report((first + len(own)) / len(tops), "")
    return np.concatenate(found)


def _hold(
    labels: Labels, tops: IntArray, lefts: IntArray, size: int, progress: Progress
) -> npt.NDArray[np.bool_]:
    """Tell which tiles hold a label, ``(tops, lefts)``.

    The tiles that hold a label are a rectangle of this array. Its corners are counted, and the
    sums along both axes are the labels of each tile: what a label costs is the same for every
    STRIDE.
    """
    shape = (len(tops) + 1, len(lefts) + 1)
    corners = np.zeros(shape[0] * shape[1], dtype=np.int64)
    # Labels are in row-major order.
    start, stop = np.searchsorted(labels.rows, [tops[0], tops[-1] + size]).tolist()
    for at in range(start, stop, _LABELS):
        progress.check_cancel()
        some = slice(at, min(at + _LABELS, stop))
        down = _touching(labels.rows[some], tops, size)
        right = _touching(labels.cols[some], lefts, size)
        for row, col, sign in ((0, 0, 1), (1, 1, 1), (0, 1, -1), (1, 0, -1)):
            places = down[:, row] * shape[1] + right[:, col]
            corners += sign * np.bincount(places, minlength=len(corners))
    sums = corners.reshape(shape).cumsum(axis=0).cumsum(axis=1)
    return np.asarray(sums[:-1, :-1] > 0)


def _touching(places: npt.NDArray[np.int32], starts: IntArray, size: int) -> IntArray:
    """Return ``(n, 2)`` the first tile along an axis that holds a place, and the end of them."""
    first = np.searchsorted(starts, places.astype(np.int64) - size + 1)
    return np.column_stack([first, np.searchsorted(starts, places, side="right")])


def _around_objects(labels: Labels, grid: Grid, size: int) -> IntArray:
    """Return a tile around every polygon or point, in row-major order, each once."""
    if not labels.groups.any():
        raise InputError(
            "PLACES is 'objects', but the reference is a raster, which has none. Choose a layer "
            "of polygons or points, or PLACES 'grid'."
        )
    order = np.argsort(labels.groups, kind="stable")
    edges = np.flatnonzero(np.diff(labels.groups[order])) + 1
    found = []
    for own in np.split(order, edges):
        where = np.column_stack([labels.rows[own], labels.cols[own]]).astype(np.float64)
        # The object's own pixel nearest to its middle: a ring has none in the middle.
        best = int(((where - where.mean(axis=0)) ** 2).sum(axis=1).argmin())
        found.append(where[best].astype(np.int64) - size // 2)
    limits = np.array([grid.height - size, grid.width - size])
    return np.asarray(np.unique(np.clip(np.array(found), 0, limits), axis=0))


def _moved(places: IntArray, grid: Grid, size: int, jitter: int, seed: int) -> IntArray:
    """Move every tile by a few pixels at random, not beyond the raster's edges."""
    if not jitter:
        return places
    generator = numpy_generator(seed, "tiles", "jitter")
    shifts = generator.integers(-jitter, jitter + 1, size=places.shape)
    limits = np.array([grid.height - size, grid.width - size])
    return np.asarray(np.unique(np.clip(places + shifts, 0, limits), axis=0))


def _with_labels(
    index: LabelIndex, places: IntArray, settings: TileSettings, progress: Progress
) -> Candidates:
    """Count the labels of tiles, and keep those with enough."""
    classes, size, scenes = len(index.labels.classes), settings.tile_size, settings.kind == "scenes"
    least = settings.min_labelled * size * size - 1e-6
    kept, counts, groups, values = [], [], [], []
    for number, (row, col) in enumerate(_told(places, progress)):
        own = index.held(Window(int(row), int(col), size, size))
        found = np.bincount(index.labels.values[own], minlength=classes + 1)[1:]
        place = (int(row), int(col))
        value = class_of(index.labels, own, place, settings)
        enough = found[value - 1] if scenes and value else len(own)
        if not value or enough < least:
            continue
        kept.append(number)
        values.append(value)
        counts.append(np.eye(1, classes, value - 1, dtype=np.int64)[0] if scenes else found)
        deciding = _deciding(index.labels, own, value, place, settings)
        there, often = np.unique(index.labels.groups[deciding], return_counts=True)
        groups.append(int(there[often.argmax()]))
        progress.report((number + 1) / len(places), "")
    if not kept:
        raise LabelError(_none(settings, len(places)))
    lost, what = len(places) - len(kept), settings.kind
    notes = [f"{lost:,} of {len(places):,} {what} hold too few labels and are left out."]
    return Candidates(
        places[kept, 0],
        places[kept, 1],
        np.array(counts, dtype=np.int64),
        np.array(values, dtype=np.int64),
        np.array(groups, dtype=np.int64),
        tuple(notes) if lost else (),
    )


def class_of(labels: Labels, own: IntArray, place: tuple[int, int], settings: TileSettings) -> int:
    """Return the class of a tile or scene, 1..classes; 0 where it has none.

    Args:
        labels: the labelled pixels.
        own: ``(n,)`` which of them count in it.
        place: its first row and column.
        settings: of the tiles.
    """
    if not len(own):
        return 0
    if settings.kind == "tiles" or settings.scene_label == "majority":
        return int(np.bincount(labels.values[own]).argmax())
    found = labels.values[own][_in_the_middle(labels, own, place, settings)]
    return int(found[0]) if len(found) else 0


def _deciding(
    labels: Labels, own: IntArray, value: int, place: tuple[int, int], settings: TileSettings
) -> IntArray:
    """Return the labelled pixels that a tile's polygon is found by: those that give its class."""
    if settings.kind == "tiles":
        return own
    if settings.scene_label == "centre":
        return np.asarray(own[_in_the_middle(labels, own, place, settings)])
    return np.asarray(own[labels.values[own] == value])


def _in_the_middle(
    labels: Labels, own: IntArray, place: tuple[int, int], settings: TileSettings
) -> npt.NDArray[np.bool_]:
    half = settings.tile_size // 2
    middle = (labels.rows[own] == place[0] + half) & (labels.cols[own] == place[1] + half)
    return np.asarray(middle)


def _none(settings: TileSettings, tried: int) -> str:
    """Say that no tile holds labels enough, and what helps."""
    wanted = []
    if settings.min_labelled:
        wanted.append(f"MIN_LABELLED {settings.min_labelled:g}")
    if settings.min_overlap:
        wanted.append(f"MIN_OVERLAP {settings.min_overlap:g}")
    if settings.kind == "scenes" and settings.scene_label == "centre":
        wanted.append("a label in the middle (SCENE_LABEL 'centre')")
    return (
        f"None of {tried:,} {settings.kind} of {settings.tile_size} x {settings.tile_size} pixels "
        f"has {' and '.join(wanted) or 'a label'}. Use smaller values, a smaller TILE_SIZE or "
        "STRIDE, or PLACES 'objects'."
    )

"""Points to pixels: a disc around each, drawn tile by tile, so that memory follows the pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import LabelError
from ..progress import Progress
from ..raster.grid import Grid
from ..raster.windows import Window
from .label_pixels import MOST_LABELS

IntArray = npt.NDArray[np.int32]

_TILE = 512
_ASK = 1000  # points: cancelling is asked for after so many


@dataclass(frozen=True, eq=False)
class Claims:
    """Pixels that points claim for their classes; one that several classes claim is there twice.

    Attributes:
        rows: ``(n,)``.
        cols: ``(n,)``.
        members: ``(n,)`` position of the class; of several the lowest and the highest.
        groups: ``(n,)`` number of the point; of several of one class the first.
        times: ``(n,)`` how many points of this class claim it, where only one class does.
    """

    rows: IntArray
    cols: IntArray
    members: IntArray
    groups: IntArray
    times: IntArray

    def __len__(self) -> int:
        return len(self.rows)


def draw_discs(points: Claims, grid: Grid, radius: int, name: str, progress: Progress) -> Claims:
    """Return points with the pixels around them, whose centres are no farther than a radius.

    Args:
        points: their own pixels, in the order of the layer.
        grid: of the image.
        radius: in pixels; 0 leaves the points as they are.
        name: of the layer, for messages.
        progress: told how far it is; asked for cancelling.

    Raises:
        LabelError: there are no points to draw around, or they label more pixels than memory
            should hold.
    """
    if not radius:
        return points
    if not len(points):
        raise LabelError(
            f"POINT_BUFFER draws discs around points; {name} has none on the image. Set it to 0."
        )
    steps = np.arange(-radius, radius + 1, dtype=np.int64) ** 2
    disc = steps[:, None] + steps <= radius**2
    found, pixels = [np.zeros((5, 0), dtype=np.int32)], 0
    for window, own in _tiles(points, grid, radius, progress):
        claimed, count = _drawn(points, own, window, disc, progress)
        pixels += count
        if pixels > MOST_LABELS:
            raise LabelError(
                f"With POINT_BUFFER {radius} the {len(points):,} points of {name} label more than "
                f"{MOST_LABELS:,} pixels of the image. Training needs far fewer: use a smaller "
                "POINT_BUFFER, or fewer points."
            )
        found.append(claimed)
    return Claims(*np.concatenate(found, axis=1))


def _tiles(
    points: Claims, grid: Grid, radius: int, progress: Progress
) -> Iterator[tuple[Window, npt.NDArray[np.int64]]]:
    """Yield what discs reach of each tile of the image, and the points whose discs reach it."""
    order = np.argsort(points.rows, kind="stable")
    rows, cols = points.rows[order], points.cols[order]
    for top in range(0, grid.height, _TILE):
        progress.check_cancel()
        progress.report(top / grid.height, "")
        bottom = min(top + _TILE, grid.height)
        first, last = np.searchsorted(rows, [top - radius, bottom + radius])
        if first == last:
            continue
        band, places = order[first:last], cols[first:last]
        for left in range(0, grid.width, _TILE):
            right = min(left + _TILE, grid.width)
            own = band[(places >= left - radius) & (places < right + radius)]
            if len(own):
                yield (
                    _reached(points, own, Window(top, left, bottom - top, right - left), radius),
                    own,
                )


def _reached(points: Claims, own: npt.NDArray[np.int64], tile: Window, radius: int) -> Window:
    """Return the part of a tile that discs reach: few points should not cost a whole tile."""
    rows, cols = points.rows[own], points.cols[own]
    top, left = max(int(rows.min()) - radius, tile.row), max(int(cols.min()) - radius, tile.col)
    bottom = min(int(rows.max()) + radius + 1, tile.row + tile.height)
    right = min(int(cols.max()) + radius + 1, tile.col + tile.width)
    return Window(top, left, bottom - top, right - left)


def _drawn(
    points: Claims,
    own: npt.NDArray[np.int64],
    window: Window,
    disc: npt.NDArray[np.bool_],
    progress: Progress,
) -> tuple[IntArray, int]:
    """Draw the discs of some points.

    They are drawn twice, lower classes over higher ones and the other way round: where both
    agree on the class there is only one.

    Args:
        points: all of them.
        own: which are drawn.
        window: of the image.
        disc: ``(2 radius + 1, 2 radius + 1)`` the pixels of one.
        progress: asked for cancelling.

    Returns:
        The columns of ``Claims``, ``(5, n)``, and how many pixels they are.
    """
    # What is drawn last stays: of one class the first point of the layer.
    upwards = own[np.lexsort((-own, points.members[own]))]
    downwards = own[np.lexsort((-own, -points.members[own]))]
    shape = (window.height, window.width)
    highest, lowest = np.full(shape, -1, dtype=np.int32), np.full(shape, -1, dtype=np.int32)
    times = np.zeros(shape, dtype=np.int32)
    for target, order, count in ((highest, upwards, times), (lowest, downwards, None)):
        for number, part, inner in _parts(points, order, window, disc, progress):
            np.copyto(target[part], number, where=inner)
            if count is not None:
                count[part] += inner
    down, right = np.nonzero(times)
    over, under = highest[down, right], lowest[down, right]
    disputed = points.members[over] != points.members[under]
    which = np.concatenate([under, over[disputed]])
    rows, cols, often = (
        np.concatenate([column, column[disputed]]).astype(np.int32)
        for column in (down + window.row, right + window.col, times[down, right])
    )
    return np.stack([rows, cols, points.members[which], points.groups[which], often]), len(down)


def _parts(
    points: Claims,
    order: npt.NDArray[np.int64],
    window: Window,
    disc: npt.NDArray[np.bool_],
    progress: Progress,
) -> Iterator[tuple[int, tuple[slice, slice], npt.NDArray[np.bool_]]]:
    """Yield each point, the part of the window its disc reaches, and the disc's pixels there."""
    radius = len(disc) // 2
    tops = (points.rows[order] - window.row - radius).tolist()
    lefts = (points.cols[order] - window.col - radius).tolist()
    ask = max(1, _ASK // len(disc))
    for at, (number, top, left) in enumerate(zip(order.tolist(), tops, lefts)):
        if at % ask == 0:
            progress.check_cancel()
        row, col = max(top, 0), max(left, 0)
        end_row = min(top + len(disc), window.height)
        end_col = min(left + len(disc), window.width)
        inner = disc[row - top : end_row - top, col - left : end_col - left]
        yield number, (slice(row, end_row), slice(col, end_col)), inner

"""Labels from a layer of polygons or points with a class field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import LabelError
from ..progress import Portion, Progress
from ..raster.gdal_session import gdal_session
from ..raster.grid import Grid, crs_title
from .burning import Burnt, burn
from .classes import ClassStyle
from .discs import Claims, draw_discs
from .extents import assumed_crs_text, no_overlap_text, transform_extent, transformation
from .label_pixels import Asides, LabelPixels, check_amount
from .label_styles import beside, merged, of_text
from .vector_features import INVALID, OUTSIDE, UNCLASSED, UNGROUPED, Found, read_features
from .vector_source import VectorLayer, open_layer

IntArray = npt.NDArray[np.int32]

# What is counted beside the reasons for leaving out features: pixels that two classes claim, labels
# that repeat another, polygons without a pixel centre.
CONFLICT, REPEAT, TOUCHLESS = "conflict", "repeat", "touchless"


def read_vector_labels(
    path: str,
    grid: Grid,
    *,
    layer: str,
    class_field: str,
    group_field: str = "",
    unlabelled: int | None = None,
    point_buffer: int = 0,
    progress: Progress,
) -> LabelPixels:
    """Read the pixels of polygons (centre inside) and points.

    Args:
        path: what GDAL opens.
        grid: of the image; another CRS is reprojected to it.
        layer: name in the file; may be empty where there is one only.
        class_field: text, or numbers that are whole.
        group_field: says which pixels belong together; empty: every feature for itself.
        unlabelled: number that means no label; 0 where None.
        point_buffer: pixels around a point that get its label too.
        progress: told how far it is; asked for cancelling.

    Raises:
        LabelError: for an unknown layer or field, lines, values that are no classes, or
            where no pixel of the image gets a label.
    """
    with gdal_session():
        source = open_layer(path, layer)
        found = read_features(
            source,
            grid,
            class_field=class_field,
            group_field=group_field,
            unlabelled=unlabelled,
            progress=Portion(progress, 0.0, 0.5),
        )
        burnt = burn(found.polygons, grid, Portion(progress, 0.5, 0.8))
        lost = _touchless(found, burnt)
        points, portion = _point_pixels(found, grid), Portion(progress, 0.8, 1.0)
        pixels = _columns(burnt, draw_discs(points, grid, point_buffer, source.name, portion))
        if not len(pixels[0]):
            raise LabelError(_nothing(source, found, grid))
        styles = merged(beside(path), of_text(source.stored_style()))
    check_amount(len(pixels[0]), source.name)
    if lost:
        found.skipped[TOUCHLESS] = lost
    return _label_pixels(source, found, grid, pixels, styles)


def _label_pixels(
    source: VectorLayer,
    found: Found,
    grid: Grid,
    pixels: Sequence[npt.NDArray[Any]],
    styles: Sequence[ClassStyle],
) -> LabelPixels:
    """Settle conflicts and number the classes.

    Args:
        source: the layer.
        found: its features.
        grid: of the image.
        pixels: the columns of ``Claims``, ``(n,)`` each.
        styles: that the layer has.
    """
    rows, cols, members, groups, times = pixels
    kept, disputed, repeats = _resolve(rows, cols, members, times, grid.width)
    if len(disputed):
        found.skipped[CONFLICT] = len(disputed)
    if repeats:
        found.skipped[REPEAT] = repeats
    if not kept.any():
        raise LabelError(
            f"Every labelled pixel of {source.name} lies in polygons or points of two classes, "
            "so none can be used. Check that the layer's features do not lie on each other."
        )
    codes, order = _codes(list(found.keys))
    return LabelPixels(
        rows=rows[kept],
        cols=cols[kept],
        members=order[members[kept]],
        groups=groups[kept],
        codes=codes.codes,
        names=codes.names,
        keys=codes.keys,
        styles=styles,
        notes=_notes(source, found, grid),
        group_names=tuple(found.group_keys),
        warnings=_warnings(source, found, grid),
        asides=Asides(found.features, dict(found.skipped), disputed, tuple(found.keys)),
    )


def _columns(burnt: Burnt, pointed: Claims) -> tuple[IntArray, ...]:
    """Return the pixels of polygons and behind them those of points, as columns of ``Claims``."""
    once = np.ones(len(burnt.rows), dtype=np.int32)
    return tuple(
        np.concatenate(pair)
        for pair in (
            (burnt.rows, pointed.rows),
            (burnt.cols, pointed.cols),
            (burnt.members, pointed.members),
            (burnt.groups, pointed.groups),
            (once, pointed.times),
        )
    )


def _point_pixels(found: Found, grid: Grid) -> Claims:
    """Return the pixels of the points inside the image."""
    places = np.array(found.points, dtype=np.float64).reshape(-1, 2)
    known = np.isfinite(places).all(axis=1)
    places[~known] = 0.0
    rows, cols = grid.rowcol(places[:, 0], places[:, 1])
    inside = known & (rows >= 0) & (rows < grid.height) & (cols >= 0) & (cols < grid.width)
    outside = int((~inside).sum())
    if outside:
        found.skipped[OUTSIDE] += outside
    members = np.array(found.point_members, dtype=np.int32)[inside]
    groups = np.array(found.point_groups, dtype=np.int32)[inside]
    own = rows[inside].astype(np.int32), cols[inside].astype(np.int32)
    return Claims(*own, members, groups, np.ones(len(members), dtype=np.int32))


def _touchless(found: Found, burnt: Burnt) -> int:
    """Return how many polygons inside the image hold no pixel centre of their own."""
    return len({polygon.group for polygon in found.polygons} - set(burnt.groups.tolist()))


def _resolve(
    rows: npt.NDArray[Any],
    cols: npt.NDArray[Any],
    members: npt.NDArray[Any],
    times: npt.NDArray[Any],
    width: int,
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64], int]:
    """Keep every pixel once, and none that two classes claim.

    Returns:
        Which entries stay, the pixels in conflict as ``Asides.disputed``, and how many entries
        repeat another.
    """
    key = rows.astype(np.int64) * width + cols
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.diff(key[order], prepend=-1))
    lowest = np.minimum.reduceat(members[order], starts)
    highest = np.maximum.reduceat(members[order], starts)
    agreed = lowest == highest
    kept = np.zeros(len(key), dtype=bool)
    kept[order[starts[agreed]]] = True
    sizes = np.add.reduceat(times[order], starts, dtype=np.int64)
    first = order[starts[~agreed]]
    disputed = np.stack([rows[first], cols[first], lowest[~agreed], highest[~agreed]], axis=1)
    return kept, disputed.astype(np.int64), int((sizes[agreed] - 1).sum())


@dataclass(frozen=True)
class _Codes:
    """Codes, names and field values of the classes, in order."""

    codes: Sequence[int]
    names: Sequence[str]
    keys: Sequence[str]


def _codes(keys: Sequence[str]) -> tuple[_Codes, npt.NDArray[Any]]:
    """Give every field value a code: itself where all are numbers, else 1.. by the alphabet.

    Returns:
        The classes, and for each key its position among them.
    """
    if all(key.lstrip("-").isdigit() and str(int(key)) == key for key in keys):
        ordered = sorted(keys, key=int)
        codes = _Codes([int(key) for key in ordered], [""] * len(keys), ordered)
    else:
        ordered = sorted(keys, key=lambda key: (key.casefold(), key))
        codes = _Codes(range(1, len(keys) + 1), ordered, ordered)
    place = {key: number for number, key in enumerate(ordered)}
    return codes, np.array([place[key] for key in keys], dtype=np.int64)


def _notes(source: VectorLayer, found: Found, grid: Grid) -> tuple[str, ...]:
    """Say what was reprojected and what was left out."""
    notes = []
    with gdal_session():
        if transformation(source.crs_wkt, grid.crs_wkt, source.name) is not None:
            notes.append(
                f"{source.name} was reprojected from {crs_title(source.crs_wkt)} to "
                f"{crs_title(grid.crs_wkt)}."
            )
    skipped = found.skipped
    conflicts, repeats = skipped[CONFLICT], skipped[REPEAT]
    outside, lost = skipped[OUTSIDE], skipped[TOUCHLESS]
    notes += [
        f"{skipped[why]:,} features {why} of {source.name} were skipped."
        for why in (UNCLASSED, UNGROUPED)
        if skipped[why]
    ]
    if outside:
        notes.append(f"{outside:,} features of {source.name} lie outside the image.")
    if lost:
        notes.append(f"{lost:,} polygons hold no pixel centre (of their own): no label from them.")
    if conflicts:
        notes.append(f"{conflicts:,} pixels that two classes claim were left out.")
    if repeats:
        notes.append(f"{repeats:,} labels repeat another of the same class on the same pixel.")
    return tuple(notes)


def _warnings(source: VectorLayer, found: Found, grid: Grid) -> tuple[str, ...]:
    """Say what was assumed, and which features somebody should look at."""
    texts = []
    if bool(source.crs_wkt) != bool(grid.crs_wkt):
        texts.append(assumed_crs_text(source.name, source.crs_wkt))
    told = {CONFLICT, REPEAT, OUTSIDE, TOUCHLESS, UNCLASSED, UNGROUPED}
    for why, count in found.skipped.items():
        if count and why not in told:
            text = f"{count:,} of {found.features:,} features of {source.name} {why} were left out."
            if why == INVALID:
                text += " Repair them (in QGIS: Fix geometries) and run this again to use them."
            texts.append(text)
    return tuple(texts)


def _nothing(source: VectorLayer, found: Found, grid: Grid) -> str:
    """Say why no pixel has a label."""
    left = {why: n for why, n in found.skipped.items() if why != OUTSIDE}
    if sum(left.values()) == found.features:
        reasons = ", ".join(f"{n} {why}" for why, n in left.items())
        advice = "Choose a layer of points or polygons, and the field that holds the classes."
        if INVALID in left:
            advice = "Repair them (in QGIS: Fix geometries), or choose another layer."
        return (
            f"None of the {found.features} features of {source.name} gives a label: {reasons}. "
            f"{advice}"
        )
    if found.polygons:
        return (
            f"None of the {len(found.polygons)} polygons of {source.name} inside the image holds "
            "the centre of a pixel: they are smaller than pixels. Use points instead."
        )
    west, east, south, north = source.layer.GetExtent()
    own = (west, south, east, north)
    extent = transform_extent(own, source.crs_wkt, grid.crs_wkt, source.name)
    return no_overlap_text(source.name, extent, source.crs_wkt, grid)

"""Suspicious samples as a layer of points, with a style that shows their kinds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from osgeo import ogr

from ..data.vector_output import write_layer
from ..progress import Progress
from ..raster.grid import Grid
from ..raster.style import point_style
from .suspects import KINDS, Suspect

PARAMETER = "SUSPECTS"
_STYLED_BY = "finding"
_FIELDS = (
    (_STYLED_BY, ogr.OFTString),
    ("severity", ogr.OFTString),
    ("class", ogr.OFTString),
    ("code", ogr.OFTInteger),
    ("suggested", ogr.OFTString),
    ("suggested_code", ogr.OFTInteger),
    ("score", ogr.OFTReal),
    ("reason", ogr.OFTString),
    ("also", ogr.OFTString),
    ("row", ogr.OFTInteger),
    ("col", ogr.OFTInteger),
)


def write_suspects(
    staged: tuple[Path, Path], suspects: Sequence[Suspect], grid: Grid, progress: Progress
) -> None:
    """Write a point in the middle of every suspicious pixel, and a ``.qml`` beside the layer.

    Args:
        staged: the name to write it under, and the final one.
        suspects: each pixel once.
        grid: of the image.
        progress: asked for cancelling.

    Raises:
        InputError: where it cannot be written.
    """

    def fill(layer: Any) -> int:
        for name, kind in _FIELDS:
            layer.CreateField(ogr.FieldDefn(name, kind))
        x, y = grid.xy([item.row for item in suspects], [item.col for item in suspects])
        for item, across, up in zip(suspects, np.ravel(x).tolist(), np.ravel(y).tolist()):
            progress.check_cancel()
            layer.CreateFeature(_feature(layer, item, across, up))
        return len(suspects)

    write_layer(staged, PARAMETER, grid.crs_wkt, ogr.wkbPoint, fill)
    shown = {item.kind for item in suspects}
    legend = [(kind, color) for kind, (_, color) in KINDS.items() if kind in shown]
    staged[0].with_suffix(".qml").write_text(point_style(_STYLED_BY, legend), encoding="utf-8")


def _feature(layer: Any, item: Suspect, x: float, y: float) -> Any:
    feature = ogr.Feature(layer.GetLayerDefn())
    values = {
        _STYLED_BY: item.kind,
        "severity": item.severity,
        "class": item.label,
        "code": item.code,
        "suggested": item.suggested or None,
        "suggested_code": item.suggested_code,
        "score": round(item.score, 4),
        "reason": item.reason,
        "also": ", ".join(item.also) or None,
        "row": item.row,
        "col": item.col,
    }
    for name, value in values.items():
        if value is not None:
            feature.SetField(name, value)
    point = ogr.Geometry(ogr.wkbPoint)
    point.AddPoint_2D(x, y)
    feature.SetGeometry(point)
    return feature

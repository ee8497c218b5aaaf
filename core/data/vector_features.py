"""The features of reference data: what class they have and where on the image they lie."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from osgeo import gdal, ogr

from ..errors import LabelError
from ..progress import Progress
from ..raster.grid import Grid
from .burning import Polygon, window_of
from .classes import value_text
from .extents import transformation, transformed_points
from .label_pixels import check_values
from .vector_source import REAL, TEXT, VectorLayer

_POLYGONS = {ogr.wkbPolygon, ogr.wkbMultiPolygon}
_POINTS = {ogr.wkbPoint, ogr.wkbMultiPoint}
_CHECK_EVERY = 500  # features between questions for cancelling

# Why features are left out.
OUTSIDE = "outside"
UNCLASSED = "without a class"
UNGROUPED = "without a group"
WITHOUT_GEOMETRY = "without a geometry"
INVALID = "with an invalid outline (it crosses or touches itself)"
NOT_REPROJECTED = "that cannot be reprojected"


@dataclass(eq=False)
class Found:
    """What the features of a layer gave so far.

    Attributes:
        keys: class values as text, with their position in order of appearance.
        group_keys: values of the group field, likewise.
        polygons: inside the image.
        points: ``(x, y)`` in the image's CRS, anywhere.
        point_members: position of each point's class.
        point_groups: number of each point's group, 1 or larger.
        skipped: features left out, by reason.
        features: how many were read.
    """

    keys: dict[str, int] = field(default_factory=dict)
    group_keys: dict[str, int] = field(default_factory=dict)
    polygons: list[Polygon] = field(default_factory=list)
    points: list[tuple[float, float]] = field(default_factory=list)
    point_members: list[int] = field(default_factory=list)
    point_groups: list[int] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    features: int = 0


def read_features(
    source: VectorLayer,
    grid: Grid,
    *,
    class_field: str,
    group_field: str,
    unlabelled: int | None,
    progress: Progress,
) -> Found:
    """Read all features of a layer: class, group, and place on the image.

    Call inside ``gdal_session``; see ``read_vector_labels`` for the arguments and errors.
    """
    question = _Question.of(source, class_field, unlabelled)
    group_number = source.field(group_field, "SPLIT_FIELD")[0] if group_field else -1
    found = Found()
    total = max(source.layer.GetFeatureCount(), 1)
    put = _Placing(found, grid, transformation(source.crs_wkt, grid.crs_wkt, source.name))
    source.layer.ResetReading()
    for feature in source.layer:
        found.features += 1
        if found.features % _CHECK_EVERY == 1:
            progress.check_cancel()
            progress.report(min(found.features / total, 1.0), "")
        key = question.answer(feature)
        if not key:
            found.skipped[UNCLASSED] += 1
            continue
        group = found.features
        if group_number >= 0:
            if not feature.IsFieldSetAndNotNull(group_number):
                found.skipped[UNGROUPED] += 1
                continue
            words = value_text(feature.GetField(group_number))
            group = found.group_keys.setdefault(words, len(found.group_keys)) + 1
        put.place(feature.GetGeometryRef(), key, group)
        check_values(len(found.keys), source.name, f" in the field '{class_field}'")
    if not found.features:
        raise LabelError(f"{source.name} is empty: it has no features. Choose another layer.")
    return found


@dataclass(frozen=True, eq=False)
class _Question:
    """Asks features for their class."""

    name: str
    field: str
    number: int
    kind: str
    unlabelled: float

    @classmethod
    def of(cls, source: VectorLayer, field: str, unlabelled: int | None) -> _Question:
        number, kind = source.field(field, "FIELD")
        return cls(source.name, field, number, kind, float(unlabelled or 0))

    def answer(self, feature: Any) -> str:
        """Return a feature's class as text; nothing where it has none."""
        if not feature.IsFieldSetAndNotNull(self.number):
            return ""
        value = feature.GetField(self.number)
        if self.kind == TEXT:
            return str(value).strip()
        if self.kind == REAL and not float(value).is_integer():
            raise LabelError(
                f"The field '{self.field}' of {self.name} holds {value:g}; class codes are whole "
                "numbers. Choose the field that holds the classes."
            )
        if not -(2**31) < value < 2**31:
            raise LabelError(
                f"The field '{self.field}' of {self.name} holds {value:.0f}; class codes have at "
                "most 9 digits. Choose the field that holds the classes."
            )
        return "" if float(value) == self.unlabelled else str(int(value))


@dataclass(frozen=True, eq=False)
class _Placing:
    """Notes where features lie on the image."""

    found: Found
    grid: Grid
    change: Any | None

    def place(self, geometry: Any, key: str, group: int) -> None:
        """Note a feature's points or polygon."""
        if geometry is None or geometry.IsEmpty():
            self.found.skipped[WITHOUT_GEOMETRY] += 1
            return
        if geometry.HasCurveGeometry():
            geometry = geometry.GetLinearGeometry()
        kind = ogr.GT_Flatten(geometry.GetGeometryType())
        if kind in _POINTS:
            self._points(geometry, kind, key, group)
        elif kind in _POLYGONS:
            self._polygon(geometry, key, group)
        else:
            reason = f"that are no points or polygons ({geometry.GetGeometryName()})"
            self.found.skipped[reason] += 1

    def _points(self, geometry: Any, kind: int, key: str, group: int) -> None:
        parts = [geometry]
        if kind == ogr.wkbMultiPoint:
            parts = [geometry.GetGeometryRef(i) for i in range(geometry.GetGeometryCount())]
        places = [(part.GetX(), part.GetY()) for part in parts]
        if self.change is not None:
            places = transformed_points(self.change, places)
        self.found.points += places
        self.found.point_members += [self._member(key)] * len(places)
        self.found.point_groups += [group] * len(places)

    def _polygon(self, geometry: Any, key: str, group: int) -> None:
        own = geometry.Clone()
        own.FlattenTo2D()
        if not is_valid(own):
            self.found.skipped[INVALID] += 1
            return
        if not transform_in_place(own, self.change):
            self.found.skipped[NOT_REPROJECTED] += 1
            return
        window = window_of(own, self.grid)
        if not window.size:
            self.found.skipped[OUTSIDE] += 1
            return
        self.found.polygons.append(Polygon(own, self._member(key), group, window))

    def _member(self, key: str) -> int:
        return self.found.keys.setdefault(key, len(self.found.keys))


def is_valid(polygon: Any) -> bool:
    """Whether a polygon's outline has one inside: pixels of others may lie in either."""
    # What is wrong is counted and told once, not for every polygon.
    gdal.PushErrorHandler("CPLQuietErrorHandler")
    try:
        return bool(polygon.IsValid())
    except RuntimeError:  # rings that are not closed, or of two points
        return False
    finally:
        gdal.PopErrorHandler()


def transform_in_place(geometry: Any, change: Any | None) -> bool:
    """Transform a geometry in place; false where it has no place in the other CRS."""
    if change is None:
        return True
    try:
        if geometry.Transform(change) != 0:
            return False
    except RuntimeError:
        return False
    return bool(np.isfinite(geometry.GetEnvelope()).all())

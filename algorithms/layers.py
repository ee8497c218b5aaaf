"""QGIS layers as files that GDAL opens, and their styles as plain records.

Called while an algorithm is prepared, never while it runs: layers belong to QGIS's thread.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsPalettedRasterRenderer,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingUtils,
    QgsProviderRegistry,
    QgsRasterLayer,
    QgsVectorFileWriter,
    QgsVectorLayer,
)

from ..core.errors import InputError
from .parameters import given, whole_or_none

Style = dict[str, Any]


def required_raster(
    algorithm: QgsProcessingAlgorithm,
    parameters: dict[str, Any],
    name: str,
    context: QgsProcessingContext,
) -> QgsRasterLayer:
    """Return the raster layer of a parameter.

    Raises:
        InputError: there is none, or it cannot be opened.
    """
    layer = algorithm.parameterAsRasterLayer(parameters, name, context)
    if layer is None or not layer.isValid():
        raise InputError(
            f"{name} is {_said(parameters.get(name))}, which is no raster that can be opened; "
            "choose a raster layer or file."
        )
    return layer


def optional_raster_path(
    algorithm: QgsProcessingAlgorithm,
    parameters: dict[str, Any],
    name: str,
    context: QgsProcessingContext,
) -> str:
    """Return what GDAL opens for a raster parameter; empty where none was chosen.

    Raises:
        InputError: what was chosen cannot be opened.
    """
    if not given(parameters, name):
        return ""
    return raster_path(required_raster(algorithm, parameters, name, context))


def extent_or_none(
    algorithm: QgsProcessingAlgorithm,
    parameters: dict[str, Any],
    layer: QgsRasterLayer,
    context: QgsProcessingContext,
) -> list[float] | None:
    """Return EXTENT as ``[xmin, ymin, xmax, ymax]`` in a layer's CRS; None where none was given."""
    if not given(parameters, "EXTENT"):
        return None
    box = algorithm.parameterAsExtent(parameters, "EXTENT", context, layer.crs())
    if box.isNull():
        return None
    return [box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()]


def reference_arguments(
    algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext
) -> dict[str, Any]:
    """Return what a job is told of REFERENCE, FIELD and UNLABELLED.

    Raises:
        InputError: the reference cannot be opened or has no such field.
    """
    value = parameters.get("REFERENCE")
    unlabelled = whole_or_none(algorithm, parameters, "UNLABELLED", context)
    found: dict[str, Any] = {
        "reference": "",
        "layer": "",
        "field": "",
        "unlabelled": unlabelled,
        "styles": [],
    }
    if value in (None, ""):
        return found
    layer = algorithm.parameterAsLayer(parameters, "REFERENCE", context)
    if layer is None or not layer.isValid():
        raise InputError(
            f"REFERENCE is {_said(value)}, which is no layer that can be opened; choose a raster, "
            "polygon or point layer, or a file."
        )
    if isinstance(layer, QgsRasterLayer):
        return {**found, "reference": raster_path(layer), "styles": raster_styles(layer)}
    if not isinstance(layer, QgsVectorLayer):
        raise InputError(f"REFERENCE '{layer.name()}' is neither a raster nor a vector layer.")
    field = algorithm.parameterAsString(parameters, "FIELD", context)
    names = [item.name() for item in layer.fields()]
    if field not in names:
        problem = f"FIELD '{field}' is not" if field else "FIELD is empty; it must be"
        raise InputError(
            f"{problem} one of the fields of '{layer.name()}': {', '.join(names)}. Choose the one "
            "that holds the classes."
        )
    path, name = vector_path(layer, context, field)
    styles = vector_styles(layer, field)
    return {**found, "reference": path, "layer": name, "field": field, "styles": styles}


def _said(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) and value else "not given"


def raster_path(layer: QgsRasterLayer) -> str:
    """Return what GDAL opens for a raster layer.

    Raises:
        InputError: the layer's values do not come from GDAL (a web map, for example).
    """
    if layer.providerType() != "gdal":
        raise InputError(
            f"The raster layer '{layer.name()}' comes from '{layer.providerType()}', which is no "
            "file that GDAL opens; save it as a GeoTIFF first (Export > Save As, raw data)."
        )
    source = layer.source()
    parts = QgsProviderRegistry.instance().decodeUri("gdal", source)
    # A name inside a container (GPKG:file:table) is kept as it is; options of the kind
    # |option:... are QGIS's own.
    return source if parts.get("layerName") else _gdal_path(parts) or source


def _gdal_path(parts: dict[str, Any]) -> str:
    """Return a decoded source as GDAL's path, which names the archive that it lies in."""
    path = str(parts.get("path") or "")
    if not path:
        return ""
    return f"{parts.get('vsiPrefix') or ''}{path}{parts.get('vsiSuffix') or ''}"


def raster_styles(layer: QgsRasterLayer) -> list[Style]:
    """Return the classes of a paletted raster; other styles have none."""
    renderer = layer.renderer()
    if not isinstance(renderer, QgsPalettedRasterRenderer):
        return []
    return [_style(item.value, item.label, item.color) for item in renderer.classes()]


def vector_path(
    layer: QgsVectorLayer, context: QgsProcessingContext, field: str = ""
) -> tuple[str, str]:
    """Return the file and the layer inside it that hold a vector layer's features.

    A layer that is a file as it stands is read from there. One with a filter, unsaved edits,
    an overridden CRS, a joined or virtual class field, or without a file is written to a
    temporary GeoPackage.

    Raises:
        InputError: the temporary file cannot be written.
    """
    if layer.providerType() == "ogr" and not _needs_copy(layer, field):
        parts = QgsProviderRegistry.instance().decodeUri("ogr", layer.source())
        path = _gdal_path(parts)
        # Without a name or a number the file has one layer, or it is the first.
        if path and parts.get("layerId") is None:
            return path, str(parts.get("layerName") or "")
    return _copy(layer, context), "reference"


def _needs_copy(layer: QgsVectorLayer, field: str) -> bool:
    provider = layer.dataProvider()
    foreign = bool(field) and provider.fields().indexOf(field) < 0
    return bool(
        layer.subsetString() or layer.isModified() or foreign or layer.crs() != provider.crs()
    )


def _copy(layer: QgsVectorLayer, context: QgsProcessingContext) -> str:
    path = str(QgsProcessingUtils.generateTempFilename("reference.gpkg"))
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = "GPKG"
    options.layerName = "reference"
    # A field that is called fid already would clash with GeoPackage's own.
    options.layerOptions = ["FID=hsicnn_fid"]
    done = QgsVectorFileWriter.writeAsVectorFormatV3(
        layer, path, context.transformContext(), options
    )
    if done[0] != QgsVectorFileWriter.WriterError.NoError:
        raise InputError(
            f"The layer '{layer.name()}' could not be written to a temporary file: {done[1]}"
        )
    return path


def vector_styles(layer: QgsVectorLayer, field: str) -> list[Style]:
    """Return the classes of a layer that is styled by categories of its class field."""
    renderer = layer.renderer()
    if not isinstance(renderer, QgsCategorizedSymbolRenderer):
        return []
    if renderer.classAttribute().strip('"') != field:
        return []
    styles = []
    for category in renderer.categories():
        values = category.value() if isinstance(category.value(), list) else [category.value()]
        # The category of all other values has none of its own.
        for value in values:
            if value not in (None, "") and str(value) != "NULL":
                symbol = category.symbol()
                styles.append(_style(value, category.label(), symbol.color() if symbol else None))
    return styles


def _style(value: Any, label: str, color: Any | None) -> Style:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    # A label that only repeats the value is QGIS's own, no name that somebody has given.
    name = "" if label.strip() == str(value) else label.strip()
    return {"value": str(value), "name": name, "color": color.name() if color else ""}


def title_of(path: str) -> str:
    """Return a file's name without folder and ending, for layer names."""
    return Path(path).stem or path

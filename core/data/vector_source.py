"""Opening vector reference data, without changing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from osgeo import gdal, ogr

from ..errors import LabelError, reason
from ..raster.gdal_session import GDAL_ERRORS
from ..raster.opening import short_name

_STYLES = "layer_styles"  # the table that QGIS stores styles in
TEXT, WHOLE, REAL = "text", "whole", "real"
_KINDS = {
    ogr.OFTString: TEXT,
    ogr.OFTInteger: WHOLE,
    ogr.OFTInteger64: WHOLE,
    ogr.OFTReal: REAL,
}


@dataclass(frozen=True, eq=False)
class VectorLayer:
    """An open layer.

    Attributes:
        dataset: keeps the layer alive.
        layer: the ``ogr.Layer``.
        name: of file and layer, for messages.
        crs_wkt: its CRS, empty where it has none.
    """

    dataset: Any
    layer: Any
    name: str
    crs_wkt: str

    @property
    def fields(self) -> list[str]:
        """Names of the fields."""
        definition = self.layer.GetLayerDefn()
        return [
            definition.GetFieldDefn(number).GetName()
            for number in range(definition.GetFieldCount())
        ]

    def stored_style(self) -> str:
        """Return the QGIS style that a GeoPackage stores for the layer, empty for none."""
        table = self.dataset.GetLayerByName(_STYLES)
        if table is None or table.GetLayerDefn().GetFieldIndex("styleQML") < 0:
            return ""
        found = ""
        for row in table:
            if row.GetField("f_table_name") == self.layer.GetName():
                default = bool(row.GetField("useAsDefault"))
                found = row.GetField("styleQML") or "" if default or not found else found
                if default:
                    break
        return str(found)

    def field(self, name: str, parameter: str) -> tuple[int, str]:
        """Find a field.

        Args:
            name: of the field; case counts only where two fields differ by it alone.
            parameter: the user's name of the choice, for messages.

        Returns:
            Its number, and ``text``, ``whole`` or ``real``.

        Raises:
            LabelError: where there is none of that name, or its values are no classes.
        """
        names = self.fields
        listed = ", ".join(names) or "none at all"
        if not name:
            raise LabelError(
                f"{parameter} is empty; {self.name} has the fields {listed}. Choose the one that "
                "holds the classes."
            )
        alike = [other for other in names if other.lower() == name.lower()]
        if name not in names and len(alike) != 1:
            raise LabelError(
                f"{self.name} has no field '{name}'; it has {listed}. Choose one of them as "
                f"{parameter}."
            )
        number = names.index(name if name in names else alike[0])
        definition = self.layer.GetLayerDefn().GetFieldDefn(number)
        kind = _KINDS.get(definition.GetType())
        if kind is None:
            raise LabelError(
                f"The field '{name}' of {self.name} holds {definition.GetTypeName()} values; "
                f"{parameter} needs text or numbers. The fields are {listed}."
            )
        return number, kind


def has_vector_layers(path: str) -> bool:
    """Tell whether GDAL finds vector layers in a file (call inside ``gdal_session``)."""
    try:
        dataset = _open(path)
    except GDAL_ERRORS:
        return False
    return dataset is not None and dataset.GetLayerCount() > 0


def opens_as_raster(path: str) -> bool:
    """Tell whether GDAL opens a file as a raster (call inside ``gdal_session``)."""
    try:
        return gdal.OpenEx(path, gdal.OF_RASTER | gdal.OF_READONLY) is not None
    except GDAL_ERRORS:
        return False


def open_layer(
    path: str,
    layer: str,
    *,
    purpose: str = "reference data",
    wanted: str = "a label raster or a layer of points or polygons",
) -> VectorLayer:
    """Open a layer for reading (call inside ``gdal_session``).

    Args:
        path: what GDAL opens.
        layer: its name in the file; may be empty where there is one only.
        purpose: what it is opened as, for messages.
        wanted: what can be that, for messages.

    Raises:
        LabelError: where it cannot be opened, or there is no such layer.
    """
    name = short_name(path)
    try:
        dataset = _open(path)
    except GDAL_ERRORS as error:
        missing = (
            "" if Path(path).exists() or path.startswith("/vsi") else " (there is no such file)"
        )
        raise LabelError(
            f"{name} cannot be opened as {purpose}{missing}: {reason(error)}. Choose {wanted}."
        ) from error
    layers = [dataset.GetLayerByIndex(n) for n in range(dataset.GetLayerCount())]
    names = [item.GetName() for item in layers if item.GetName() != _STYLES]
    found = _choose(dataset, names, layer, name)
    reference = found.GetSpatialRef()
    # A GeoPackage layer without a CRS comes with one that is called undefined.
    known = reference is not None and not (reference.GetName() or "").startswith("Undefined")
    wkt = reference.ExportToWkt() if known else ""
    title = name if len(names) == 1 else f"{found.GetName()} in {name}"
    return VectorLayer(dataset, found, title, wkt)


def _choose(dataset: Any, names: Sequence[str], layer: str, name: str) -> Any:
    if layer:
        if layer in names:
            return dataset.GetLayerByName(layer)
        # QGIS calls the layer of a shapefile or GeoJSON by another name than GDAL at times.
        if len(names) > 1 or not names:
            raise LabelError(
                f"{name} has no layer '{layer}'; it has {', '.join(names) or 'none'}. "
                "Choose one of them."
            )
    if not names:
        raise LabelError(f"{name} has no layers. Choose a layer of points or polygons.")
    if len(names) > 1:
        raise LabelError(
            f"{name} has the layers {', '.join(names)}. Choose one of them, as "
            f"{name}|layername={names[0]} or from the list of layers."
        )
    return dataset.GetLayerByName(names[0])


def _open(path: str) -> Any:
    """Open for reading; a GeoPackage without touching the file or leaving others beside it.

    Without locks no write-ahead log is started. A GeoPackage that has one (QGIS has it
    open) is read with it, so that saved edits count; in a folder that cannot be written
    to, the file is read as it is.
    """
    flags = gdal.OF_VECTOR | gdal.OF_READONLY
    driver = gdal.IdentifyDriverEx(path, flags)
    if driver is None or driver.ShortName != "GPKG":
        return gdal.OpenEx(path, flags | gdal.OF_VERBOSE_ERROR)
    try:
        return gdal.OpenEx(path, flags, open_options=["NOLOCK=YES"])
    except GDAL_ERRORS:
        return gdal.OpenEx(path, flags | gdal.OF_VERBOSE_ERROR, open_options=["IMMUTABLE=YES"])

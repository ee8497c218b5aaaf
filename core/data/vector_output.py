"""Writing a vector layer: what can be told before, a temporary name, and what full disks do."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from osgeo import gdal

from ..disk import room_left, write_refusal
from ..errors import InputError
from ..raster.gdal_session import gdal_session
from .extents import spatial_reference

_DRIVERS = {".gpkg": "GPKG", ".geojson": "GeoJSON", ".json": "GeoJSON", ".fgb": "FlatGeobuf"}


def check_vector_output(path: str, parameter: str) -> Path:
    """Refuse a name that a layer cannot be written to, before a long run.

    Args:
        path: of the file.
        parameter: the user's name of the choice, for messages.

    Returns:
        The absolute path.

    Raises:
        InputError: for an unknown ending, a folder that is missing or cannot be written to, or
            a folder in its place.
    """
    target = Path(path).absolute()
    if target.suffix.lower() not in _DRIVERS:
        raise InputError(
            f"{parameter} is {target.name}; write them as {', '.join(_DRIVERS)} (a GeoPackage, "
            "best of all)."
        )
    if not target.parent.is_dir():
        raise InputError(f"{parameter}: there is no folder {target.parent}. Create it first.")
    if target.is_dir():
        raise InputError(f"{parameter} is {target}, a folder; give the name of a file.")
    refusal = write_refusal(target)
    if refusal:
        raise InputError(
            f"{parameter} cannot be written to {target.parent}: {refusal}. Choose a folder that "
            "you may write to, on a disk with room."
        )
    return target


@contextmanager
def staged_layer(path: str, parameter: str) -> Iterator[tuple[Path, Path]]:
    """Make room for a layer beside its place; what is not renamed is removed at the end.

    Yields:
        The temporary name and the final one, for ``move_into_place``.

    Raises:
        InputError: as ``check_vector_output``.
    """
    target = check_vector_output(path, parameter)
    token = f"{secrets.token_hex(4)}.partial"
    temporary = target.with_name(f".{target.stem}.{token}{target.suffix}")
    stem = temporary.name[: -len(target.suffix)]
    try:
        yield temporary, target
    finally:
        with suppress(OSError):
            # SQLite may leave a journal beside a file that it could not finish; a style has
            # another suffix.
            for left in [p for p in target.parent.iterdir() if p.name.startswith(stem)]:
                left.unlink(missing_ok=True)


def write_layer(
    staged: tuple[Path, Path],
    parameter: str,
    wkt: str,
    kind: int,
    fill: Callable[[Any], int],
) -> None:
    """Write a file with one layer, named after the file, and see that it is whole.

    Args:
        staged: the name to write it under, and the final one.
        parameter: the user's name of the choice, for messages.
        wkt: CRS of the features; empty for none.
        kind: of the geometries, such as ``ogr.wkbPoint``.
        fill: makes the fields and features of an ``ogr.Layer``; returns how many features.

    Raises:
        InputError: where it cannot be written.
    """
    path, target = staged
    try:
        with gdal_session():
            made = _write(path, target.stem, wkt, kind, fill)
            _check_written(path, made)
    except RuntimeError as error:
        raise InputError(
            f"{parameter} cannot be written to {target}: {error}. Its disk has "
            f"{room_left(path)}: free some, or choose another folder. Nothing was changed."
        ) from error


def _write(path: Path, layer_name: str, wkt: str, kind: int, fill: Callable[[Any], int]) -> int:
    """Write the layer; the dataset is closed when this returns."""
    driver = gdal.GetDriverByName(_DRIVERS[path.suffix.lower()])
    dataset = driver.Create(str(path), 0, 0, 0, gdal.GDT_Unknown)
    layer = dataset.CreateLayer(layer_name, spatial_reference(wkt) if wkt else None, kind)
    layer.StartTransaction()
    made = fill(layer)
    layer.CommitTransaction()
    dataset.FlushCache()
    return made


def _check_written(path: Path, features: int) -> None:
    """Open the closed file and see that every feature is in it: a full disk shows here."""
    dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR)  # a layer does not keep it alive
    found = dataset.GetLayer(0).GetFeatureCount()
    if found != features:
        raise RuntimeError(f"{found} of {features} features were written")

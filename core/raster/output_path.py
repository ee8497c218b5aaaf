"""Where an output goes: what can be told before anything is computed, and the last rename."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ..errors import RasterError

SUFFIXES = (".tif", ".tiff")
# What belongs to a GeoTIFF and would be wrong beside another one of the same name.
STALE = (".aux.xml", ".ovr", ".msk")


def check_output(path: str | Path, inputs: Iterable[str | Path] = ()) -> Path:
    """Refuse an output that cannot work, before a long run rather than after it.

    Args:
        path: a GeoTIFF to write.
        inputs: files that are being read, which it must not be.

    Returns:
        The absolute path.

    Raises:
        RasterError: no ``.tif`` name, a missing folder, a folder in its place, or one of
            the inputs.
    """
    target = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
    if target.suffix.lower() not in SUFFIXES:
        raise RasterError(
            f"{target.name} cannot be written: rasters are written as GeoTIFF. "
            "Give a file name that ends in .tif."
        )
    if not target.parent.is_dir():
        raise RasterError(
            f"{target.name} cannot be written: there is no folder {target.parent}. "
            "Create it, or choose another one."
        )
    if target.is_dir():
        raise RasterError(f"{target} is a folder; give the name of a file.")
    for source in inputs:
        # Subdatasets and /vsi paths are no files of their own.
        with suppress(OSError, ValueError):
            if target.exists() and target.samefile(source):
                raise RasterError(
                    f"{target.name} is both input and output; choose another output file."
                )
    return target


def temporary_name(target: Path) -> Path:
    """A name in the same folder, hidden, that nobody else uses."""
    return target.with_name(f".{target.stem}.{secrets.token_hex(4)}.partial.tif")


def side_file(path: Path, suffix: str) -> Path:
    """A file that goes with a raster: QGIS replaces the suffix for styles, GDAL appends."""
    return path.with_suffix(suffix) if suffix == ".qml" else path.with_name(path.name + suffix)


def move_into_place(temporary: Path, target: Path) -> None:
    """Rename a finished raster with its side files; replaces what was there before.

    The raster itself goes first: if that fails, nothing was changed.

    Raises:
        RasterError: the files cannot be renamed.
    """
    try:
        temporary.replace(target)
    except OSError as error:
        raise RasterError(
            f"{target} cannot be replaced: {error.strerror}. If it is open in a program, such "
            "as a layer in QGIS, close it there, or choose another file."
        ) from error
    try:
        for suffix in (*STALE, ".qml"):
            made = side_file(temporary, suffix)
            if made.exists():
                made.replace(side_file(target, suffix))
            elif suffix in STALE:
                side_file(target, suffix).unlink(missing_ok=True)
    except OSError as error:
        raise RasterError(
            f"{target} is written, but a file beside it is not ({error}); its names or colours "
            "may be those of an earlier file. Run again with another file name."
        ) from error


def remove_temporary(temporary: Path) -> None:
    """Delete an unfinished raster with its side files."""
    for path in (temporary, *(side_file(temporary, suffix) for suffix in (*STALE, ".qml"))):
        with suppress(OSError):
            path.unlink(missing_ok=True)

"""What must be equal for a classification to go on where another run of it was killed."""

from __future__ import annotations

import hashlib
import os
import platform
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from osgeo import gdal

from ..raster.gdal_session import gdal_session
from ..raster.source import RasterSource
from ..raster.windows import Window
from ..runtime.dependencies import plugin_version
from ..runtime.devices import Device
from ..runtime.job_hash import job_hash
from .plan import Plan

_BESIDE = (".aux.xml", ".ovr", ".qml")
NAME_LENGTH = 8  # hexadecimal digits of a job's name


def identity_of(
    source: RasterSource,
    positions: Sequence[int],
    models: Sequence[str],
    area: Window,
    *,
    views: int,
    plan: Plan,
    device: Device,
    files: Mapping[str, str],
) -> dict[str, Any]:
    """Return what a classification depends on, to the last bit, and whose it is, as plain JSON.

    Args:
        source: the image: its grid and bands, and its files by size and time of change.
        positions: of the bands that are used.
        models: paths of the model files, which stand in the map; and their content.
        area: that is classified.
        views: of every place that are averaged.
        plan: how the work is divided: kernels may round otherwise in tiles of another size.
        device: where it computes.
        files: the outputs by the names of their parameters.
    """
    import torch

    divided = asdict(plan)
    for name in ("memory", "on_device", "cache_bytes"):  # change no pixel
        del divided[name]
    return {
        "image": _state_of_image(source),
        "grid": source.grid.to_json(),
        "bands": [source.bands[position].to_json() for position in positions],
        "models": [[os.path.realpath(model), _content_of(model)] for model in models],
        "views": views,
        "area": list(area),
        "outputs": {name: os.path.abspath(path) for name, path in files.items() if path},  # noqa: PTH100
        "plan": divided,
        "device": [device.name, device.title, torch.get_num_threads()],
        "processor": torch.backends.cpu.get_cpu_capability(),
        "plugin": plugin_version(),
        "libraries": [torch.__version__, np.__version__, gdal.VersionInfo()],
        # Others may write into the same folder: their files are not ours to go on with.
        "owner": [os.getuid() if hasattr(os, "getuid") else "", platform.node()],
    }


def _content_of(path: str) -> str:
    """SHA-256 of a file, in hexadecimal."""
    content = hashlib.sha256()
    with Path(path).open("rb") as file:
        while chunk := file.read(1 << 20):
            content.update(chunk)
    return content.hexdigest()


def job_name_of(identity: Mapping[str, Any]) -> str:
    """Return the name of a job: the same for the same identity."""
    return job_hash(**identity)[:NAME_LENGTH]


def _state_of_image(source: RasterSource) -> list[Any]:
    """Return what tells an image from a changed one.

    Where that cannot be told (parts of archives, network services), no two runs are the same.
    """
    path = source.path
    place = os.path.abspath(path) if Path(path).exists() else path  # noqa: PTH100
    states = [_state(file) for file in _files(source)]
    if not states or None in states:
        return [place, secrets.token_hex(16)]
    return [place, source.has_mask, states]


def _files(source: RasterSource) -> list[str]:
    """Return all files behind an image, also behind virtual rasters of virtual rasters.

    What QGIS writes beside an image that it shows is left out; what counts of it (nodata, scale)
    is known from the bands.
    """
    found, waiting = set(), list(source.files())
    while waiting:
        path = waiting.pop()
        if path in found or path.endswith(_BESIDE):
            continue
        found.add(path)
        if path.lower().endswith(".vrt"):
            with gdal_session():
                waiting += gdal.Open(path).GetFileList() or ()
    return sorted(found)


def _state(path: str) -> list[Any] | None:
    """Size and time of the last change of a file; None where it is no file of this machine."""
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return None
    return [path, found.st_size, found.st_mtime_ns]

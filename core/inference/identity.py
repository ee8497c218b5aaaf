"""What must be equal for a classification to go on where another run of it was killed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from osgeo import gdal

from ..raster.source import RasterSource
from ..raster.windows import Window
from ..runtime.dependencies import plugin_version
from ..runtime.devices import Device
from ..runtime.job_hash import job_hash
from .plan import Plan

NAME_LENGTH = 8  # hexadecimal digits of a job's name


def identity_of(
    source: RasterSource,
    model: str,
    area: Window,
    *,
    plan: Plan,
    device: Device,
    files: Mapping[str, str],
) -> dict[str, Any]:
    """Return what a classification depends on, to the last bit, as plain JSON.

    Args:
        source: the image; its files by size and time of change.
        model: path of the model file; by its content.
        area: that is classified.
        plan: how the work is divided: kernels may round otherwise in tiles of another size.
        device: where it computes.
        files: the outputs by the names of their parameters.
    """
    import torch

    with Path(model).open("rb") as file:
        content = hashlib.sha256()
        while chunk := file.read(1 << 20):
            content.update(chunk)
    return {
        "image": [source.path, [_state(path) for path in source.files()]],
        "model": content.hexdigest(),
        "area": list(area),
        "outputs": {name: os.path.abspath(path) for name, path in files.items() if path},  # noqa: PTH100
        "plan": asdict(plan),
        "device": [device.name, device.title, torch.get_num_threads()],
        "processor": torch.backends.cpu.get_cpu_capability(),
        "plugin": plugin_version(),
        "libraries": [torch.__version__, np.__version__, gdal.VersionInfo()],
    }


def job_name_of(identity: Mapping[str, Any]) -> str:
    """Return the name of a job: the same for the same identity."""
    return job_hash(**identity)[:NAME_LENGTH]


def _state(path: str) -> list[Any]:
    """Size and time of the last change of a file; its name alone where it is no file."""
    with suppress(OSError, ValueError):
        found = Path(path).stat()
        return [path, found.st_size, found.st_mtime_ns]
    return [path]

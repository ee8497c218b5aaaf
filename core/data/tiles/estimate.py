"""How large a set of tiles will be and how long it will take: measured on a few of them."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from ...progress import Progress
from ..windows.files import StackFiles
from ..windows.stack import StackShape, WindowSamples
from .writing import TileJob, TileWriter

_MOST = 12  # tiles that are tried
_RECORD_BYTES = 300  # of a tile in chips.json, with its folder entry


def measured(job: TileJob, progress: Progress) -> tuple[float, float]:
    """Write some tiles, spread over all of them, into a temporary folder.

    Args:
        job: what is to be written.
        progress: asked for cancelling.

    Returns:
        Bytes and seconds of all tiles.

    Raises:
        RasterError: the raster cannot be read.
        OSError, ChipSetError: the temporary folder cannot be written to.
    """
    total = len(job.planned)
    numbers = np.unique(np.linspace(0, total - 1, min(_MOST, total)).astype(int)).tolist()
    with tempfile.TemporaryDirectory(prefix="hsicnn-estimate-") as folder:
        began = time.perf_counter()
        if job.storage == "hdf5":
            _stack(Path(folder), job, numbers, progress)
        else:
            writer = TileWriter(Path(folder), job)
            for number in numbers:
                progress.check_cancel()
                writer.write(number, job.planned[number], slice(0, 0))
        seconds = time.perf_counter() - began
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    share = total / len(numbers)
    record = 0 if job.storage == "hdf5" else _RECORD_BYTES + 6 * len(job.classes)
    return size * share + total * record, seconds * share


def _stack(folder: Path, job: TileJob, numbers: list[int], progress: Progress) -> None:
    """Write scenes as windows of a stack."""
    count, side = len(numbers), job.settings.tile_size
    grid = job.source.grid
    shape = StackShape(count, side, job.dtype, job.written_bands, job.classes, grid)
    files = StackFiles(folder, "hdf5", shape)
    try:
        for number in numbers:
            progress.check_cancel()
            pixels, valid = job.read(job.planned[number].place)
            ones = [np.ones(1, dtype=kind) for kind in ("uint16", "uint8", "int32")]
            zeros = np.zeros(1, dtype=np.int32)
            files.add(pixels[None], valid[None], WindowSamples(*ones, zeros, zeros))
        files.close()
    except BaseException:
        files.abandon()
        raise

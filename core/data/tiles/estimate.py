"""How large a set of tiles will be and how long it will take: measured on a few of them."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np

from ...disk import size_below
from ...progress import Progress
from ..chip_folder import folder_beside
from ..windows.files import StackFiles
from ..windows.stack import StackShape, WindowSamples
from .job import TileJob
from .writing import TileWriter

_MOST = 12  # tiles that are tried
_RUNS = 3  # of scenes that a stack compresses together
_RECORD_BYTES = 300  # of a tile in chips.json, with its folder entry


def measured(job: TileJob, target: Path, progress: Progress) -> tuple[float, float]:
    """Write some tiles, spread over all of them, beside the place of the chip set.

    Args:
        job: what is to be written.
        target: that it will be written to; what is tried does not stay.
        progress: asked for cancelling.

    Returns:
        Bytes and seconds of all tiles.

    Raises:
        RasterError: the raster cannot be read.
        ChipSetError: the disk is full, or cannot be written to.
    """
    # Opening parts of a virtual raster for the first time is paid once, not by every tile.
    job.read(job.planned[0].place)
    with folder_beside(target) as folder:
        if job.storage == "hdf5":
            return _of_stack(folder, job, progress)
        return _of_files(folder, job, progress)


def _of_files(folder: Path, job: TileJob, progress: Progress) -> tuple[float, float]:
    """Bytes and seconds of tiles in a file each."""
    numbers, total = _spread(job, _MOST), len(job.planned)
    began = time.perf_counter()
    writer = TileWriter(folder, job)
    for number in numbers:
        progress.check_cancel()
        writer.write(number, job.planned[number], slice(0, 0))
    seconds = time.perf_counter() - began
    size = size_below(folder)
    writer.finish()
    # What is written once does not grow with the tiles.
    bands = json.dumps([band.to_json() for band in job.written_bands], indent=1)
    once = size_below(folder) - size + len(bands)
    share, record = total / len(numbers), _RECORD_BYTES + 6 * len(job.classes)
    return size * share + once + total * record, seconds * share


def _of_stack(folder: Path, job: TileJob, progress: Progress) -> tuple[float, float]:
    """Bytes and seconds of scenes in one file: of many and of one, so that its own size shows."""
    shape = _shape(job, len(job.planned))
    total, strip = shape.count, shape.strip
    runs = max(_RUNS, _MOST // strip)
    # Scenes that overlap repeat each other: they are tried as they will lie together.
    starts = _spread(job, runs) if total > runs * strip else [0]
    length = strip if total > runs * strip else total
    starts = [min(start, total - length) for start in starts]
    numbers = [number for start in starts for number in range(start, start + length)]
    began = time.perf_counter()
    _stack(folder, job, numbers, progress)
    seconds = (time.perf_counter() - began) * total / len(numbers)
    many = size_below(folder)
    _stack(folder, job, numbers[:1], progress)
    one = size_below(folder)
    each = (many - one) / max(len(numbers) - 1, 1)
    return one + each * (total - 1), seconds


def _spread(job: TileJob, most: int) -> list[int]:
    """Return the numbers of some tiles, spread over all of them."""
    total = len(job.planned)
    return [int(n) for n in np.unique(np.linspace(0, total - 1, min(most, total)).astype(int))]


def _shape(job: TileJob, count: int) -> StackShape:
    """Return the shape of a stack of some scenes."""
    side, grid = job.settings.tile_size, job.source.grid
    return StackShape(count, side, job.dtype, job.written_bands, job.classes, grid)


def _stack(folder: Path, job: TileJob, numbers: list[int], progress: Progress) -> None:
    """Write scenes as windows of a stack."""
    files = StackFiles(folder, "hdf5", _shape(job, len(numbers)))
    try:
        for number in numbers:
            progress.check_cancel()
            pixels, valid = job.read(job.planned[number].place)
            nowhere = np.zeros(1, dtype=np.int32)
            label, split = np.ones(1, dtype=np.uint16), np.ones(1, dtype=np.uint8)
            samples = WindowSamples(label, split, nowhere, nowhere, nowhere)
            files.add(pixels[None], valid[None], samples)
        files.close()
    except BaseException:
        files.abandon()
        raise

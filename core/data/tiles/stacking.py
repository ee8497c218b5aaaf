"""Scenes in one file: windows of a stack, as scripts read them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ...progress import Progress
from ...reduction.carried import carried_transform
from ..chip_format import ChipSetInfo
from ..footprints import outlines_in_place
from ..separation import Codes
from ..splits import Split
from ..window_set import WindowContent, write_window_set
from .footprints import stacked_tiles, write_tile_footprints
from .job import TileJob
from .writing import TileSplit


def write_scene_stack(
    folder: str | Path,
    job: TileJob,
    told: TileSplit,
    *,
    notes: Sequence[str],
    footprints: tuple[Path, Path] | None,
    progress: Progress,
) -> ChipSetInfo:
    """Write a chip set of scenes in one HDF5 file.

    Args:
        folder: see ``chip_folder.check_folder``.
        job: what is written.
        told: what is said of the division.
        notes: what the user was told.
        footprints: temporary and final name of the file for outlines; None for none.
        progress: told how far it is; asked for cancelling.

    Raises:
        ChipSetError: it cannot be written; what was there before stays.
        InputError: the outlines cannot be written.
        DependencyError: h5py is missing.
        RasterError: the raster cannot be read.
    """
    places = [tile.place for tile in job.planned]
    where = np.array([place.middle for place in places], dtype=np.int32)
    codes: Codes = np.array([tile.code for tile in job.planned], dtype=np.uint8)
    groups = np.array([tile.group for tile in job.planned], dtype=np.int32)
    values = np.array([job.value_of(tile) for tile in job.planned], dtype=np.uint16)
    divided = told.split
    numbers = (divided.block_size, divided.buffer, divided.seed)
    content = WindowContent(
        source_name=job.source.name,
        source_path=job.source.path,
        bands=job.written_bands,
        classes=job.classes,
        dtype=job.dtype,
        side=job.settings.tile_size,
        kind="scenes",
        labels=values,
        split=Split(codes, groups, divided.method, *numbers),
        grid=job.source.grid,
        rows=where[:, 0],
        cols=where[:, 1],
        reduction=carried_transform(job.source),
        leak=(told.leak,),
        location_only=told.location_only,
    )
    also = None
    if footprints is not None:
        own = (codes.tolist(), values.tolist())
        tiles = stacked_tiles(places, *own, job.classes, job.storage)
        write = partial(write_tile_footprints, footprints, tiles, progress=progress)
        also = partial(outlines_in_place, footprints, write)
    windows = (job.read(place)[0][None] for place in places)
    return write_window_set(
        folder, content, windows, storage=job.storage, notes=notes, also=also, progress=progress
    )

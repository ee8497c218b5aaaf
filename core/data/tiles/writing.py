"""Writing a set of tiles or scenes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...progress import Progress
from ...raster.bands import common_nodata
from ...raster.grid import Grid
from ...raster.values import valid_pixels
from ...reduction.carried import carried_transform
from ...timing import TimeLeft
from ..chip_files import ChipLook, write_chip
from ..chip_folder import check_folder, staged_folder
from ..chip_format import FORMAT_VERSION, ChipSetInfo
from ..chip_hash import hash_of_sums, value_sums
from ..chips import read_chip_set, write_index
from ..leakage import Leak
from ..separation import SPLIT_NAMES
from ..splits import Split
from .image_files import write_image
from .job import PlannedTile, TileJob
from .layouts.esri import EsriFiles
from .layouts.paths import class_folders, tile_paths
from .tile_set import Tile, TileSet

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class TileSplit:
    """What is said of the division in ``chips.json``.

    Attributes:
        split: of the candidates, for its method and numbers.
        leak: how many test tiles share pixels with training tiles.
        location_only: share of test tiles that location alone gets right.
    """

    split: Split
    leak: Leak
    location_only: float | None


class TileWriter:
    """Writes the files of tiles.

    Args:
        folder: that they are written to.
        job: what is written.
    """

    def __init__(self, folder: Path, job: TileJob) -> None:
        self._folder = folder
        self._job = job
        self._bands = job.written_bands
        self._folders = class_folders(job.classes)
        self._made: set[Path] = set()
        self.sums = np.zeros(len(self._bands), dtype=np.uint64)
        self._esri: EsriFiles | None = None
        if job.settings.layout == "esri":
            about = (job.settings.kind, job.settings.tile_size, self._bands, job.classes)
            self._esri = EsriFiles(*about, job.source.grid)

    def run(self, progress: Progress) -> TileSet:
        """Write all of them.

        Raises:
            OSError, ChipSetError: they cannot be written.
            RasterError: the raster cannot be read.
        """
        job, left = self._job, TimeLeft()
        starts = self._own_starts()
        tiles = []
        for number, planned in enumerate(job.planned):
            progress.check_cancel()
            own = slice(int(starts[number]), int(starts[number + 1]))
            tiles.append(self.write(number, planned, own))
            share = (number + 1) / len(job.planned)
            words = (f"{job.settings.kind[:-1]} {number + 1:,} of {len(job.planned):,}",
                     left.text(share))  # fmt: skip
            progress.report(share, ", ".join(word for word in words if word))
        files = self.finish()
        stretch = None if job.stretch is None else job.stretch.to_json()
        settings = job.settings
        numbers = (settings.tile_size, settings.step, job.storage, settings.layout)
        return TileSet(*numbers, stretch, tuple(tiles), files)

    def finish(self) -> tuple[str, ...]:
        """Write the files that the layout has besides; returns their paths from the folder on."""
        return self._esri.close(self._folder) if self._esri else ()

    def write(self, number: int, planned: PlannedTile, own: slice) -> Tile:
        """Write the files of a tile.

        Args:
            number: of the tile, from 0.
            planned: the tile.
            own: which of the job's ``own`` pixels lie in it.
        """
        job, place = self._job, planned.place
        grid = place.grid(job.source.grid)
        pixels, valid = job.read(place)
        flat, which = job.labelling.under(place, planned.code)
        values = job.classes_of[job.labelling.labels.values[which]]
        tile = self._tile(number, planned, values)
        image = self._path(tile.image)
        masked = not np.array_equal(valid_pixels(pixels, self._bands, None), valid)
        look = ChipLook([band.name for band in self._bands], common_nodata(self._bands))
        write_image(image, pixels, grid, look, valid if masked else None, storage=job.storage)
        if job.settings.kind == "tiles":
            self._write_label(tile, flat, values, grid)
        elif tile.label:
            self._path(tile.label)
        if self._esri is not None:
            self._esri.add(self._folder, tile, pixels, valid)
        if job.storage != "jpeg":  # its values are the decoder's
            told = np.arange(place.size**2) if job.own is None else job.own.flat[own]
            self.sums += value_sums(pixels.reshape(-1, len(self._bands)), told)
        return tile

    def _tile(self, number: int, planned: PlannedTile, values: npt.NDArray[np.uint16]) -> Tile:
        job, scene = self._job, self._job.value_of(planned)
        name = f"{number + 1:06d}"
        settings = job.settings
        image, label = tile_paths(
            settings.layout,
            settings.kind,
            job.storage,
            code=planned.code,
            name=name,
            class_folder=self._folders[scene - 1] if scene else "",
        )
        counts = np.bincount(values, minlength=len(job.classes) + 1)[1:]
        if scene:
            counts = np.eye(1, len(job.classes), scene - 1, dtype=np.int64)[0]
        told = tuple(int(count) for count in counts)
        split = SPLIT_NAMES[planned.code]
        return Tile(name, image, label, planned.place, split, planned.group, scene, told)

    def _write_label(
        self, tile: Tile, flat: IntArray, values: npt.NDArray[np.uint16], grid: Grid
    ) -> None:
        classes, size = self._job.classes, tile.place.size
        label = np.zeros((size * size, 1), dtype=np.uint8 if len(classes) < 256 else np.uint16)
        label[flat, 0] = values
        look = ChipLook(["class"], 0, classes)
        write_chip(self._path(tile.label), label.reshape(size, size, 1), grid, look)

    def _path(self, name: str) -> Path:
        """Return where a file lies; its folder is made."""
        path = self._folder / name
        if path.parent not in self._made:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._made.add(path.parent)
        return path

    def _own_starts(self) -> IntArray:
        """Return where the own pixels of every tile start, and behind them the end."""
        count = len(self._job.planned)
        if self._job.own is None:
            return np.zeros(count + 1, dtype=np.int64)
        return np.asarray(np.searchsorted(self._job.own.tile, np.arange(count + 1)))


def write_tile_set(
    folder: str | Path,
    job: TileJob,
    told: TileSplit,
    *,
    notes: Sequence[str] = (),
    also: Callable[[ChipSetInfo], AbstractContextManager[None]] | None = None,
    progress: Progress,
) -> ChipSetInfo:
    """Write a chip set of tiles or scenes; an earlier one is replaced when all is written.

    Args:
        folder: see ``chip_folder.check_folder``.
        job: what is written.
        told: what is said of the division.
        notes: what the user was told.
        also: entered with what the chip set will be, before it replaces an earlier one; an error
            in it keeps that, and it is left with an error where the set cannot be replaced.
        progress: told how far it is; asked for cancelling before every tile.

    Raises:
        ChipSetError: it cannot be written; what was there before stays.
        RasterError: the raster cannot be read.
    """
    target = check_folder(folder)
    with ExitStack() as together, staged_folder(target) as temporary:
        writer = TileWriter(temporary, job)
        tiles = writer.run(progress)
        info = _describe(temporary, job, told, tiles, sums=writer.sums, notes=notes)
        write_index(info)
        if also is not None:
            together.enter_context(also(replace(info, folder=target)))
    return read_chip_set(target)


def _describe(
    folder: Path,
    job: TileJob,
    told: TileSplit,
    tiles: TileSet,
    *,
    sums: npt.NDArray[np.uint64],
    notes: Sequence[str],
) -> ChipSetInfo:
    """Put together what ``chips.json`` says."""
    split, source, size = told.split, job.source, job.settings.tile_size
    codes = np.array([tile.code for tile in tiles.tiles], dtype=np.uint8)
    if job.own is None:
        where = np.array([tile.place.middle for tile in tiles.tiles])
        row, col = where.T
        label = np.array([tile.value for tile in tiles.tiles])
    else:
        row, col, label = job.own.row, job.own.col, job.own.label
        codes = codes[job.own.tile]
    table = np.zeros((len(SPLIT_NAMES), len(job.classes)), dtype=np.int64)
    np.add.at(table, (codes, label.astype(np.int64) - 1), 1)
    bands = job.written_bands
    return ChipSetInfo(
        folder=folder,
        format_version=FORMAT_VERSION,
        source_name=source.name,
        source_path=source.path,
        source_bands=len(source.bands),
        grid=source.grid,
        dtype=job.dtype,
        bands=bands,
        classes=job.classes,
        chip_size=size,
        halo=(size - 1) // 2,
        split_method=split.method,
        block_size=split.block_size,
        buffer=split.buffer,
        seed=split.seed,
        counts={name: [int(n) for n in counts] for name, counts in zip(SPLIT_NAMES, table)},
        leak=(told.leak,),
        location_only=told.location_only,
        notes=tuple(notes),
        hash=hash_of_sums(
            row=row, col=col, label=label, split=codes, sums=sums, bands=bands, classes=job.classes
        ),
        chips=(),
        kind=job.settings.kind,
        tiles=tiles,
        reduction=carried_transform(source),
    )

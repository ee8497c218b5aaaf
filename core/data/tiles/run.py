"""The steps of an export of tiles or scenes: find, divide, cut, say what came out."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import InputError
from ...progress import Portion
from ...raster.class_bands import class_map_type
from ...sizes import data_size
from ...timing import duration
from ..chip_format import MOST_CHIP_BYTES, ChipSetInfo
from ..export_run import ExportRun, check_classes
from ..footprints import outlines_in_place
from ..labels import Labels
from ..leakage import location_tells, majority_score
from ..separation import SPLIT_NAMES, TEST, TRAIN, UNUSED
from ..split_notes import without_small_classes
from ..split_raster import read_split_raster
from ..splits import Split
from .candidates import Candidates, find_candidates
from .class_check import class_warnings
from .division import Division, divide_tiles, leak_warnings, tile_leak, tile_location_score
from .estimate import measured
from .footprints import write_tile_footprints
from .job import PlannedTile, TileJob
from .label_index import LabelIndex
from .labelling import Labelling, make_labelling, without_foreign
from .layouts.imagenet import own_loader_needed
from .layouts.torchgeo import check_north_up
from .pixels import EachOnce, TilePixels, pixels_of
from .place import TilePlace
from .settings import SHOWN
from .stacking import write_scene_stack
from .stretch import Stretch, measure_stretch, shown_bands
from .writing import TileSplit, write_tile_set


@dataclass(frozen=True, eq=False)
class _Found:
    """What is known before anything is written."""

    candidates: Candidates
    division: Division
    labelling: Labelling


class TileRun(ExportRun):
    """One export of tiles or scenes."""

    def run(self, output: str, footprints: tuple[Path, Path] | None = None) -> ChipSetInfo:
        """Find, divide, cut and write; see ``ExportRun.run``."""
        settings = self._settings
        self._labels = self._taking_part()
        self._check()
        self._progress.report(0.25, f"looking for {settings.kind}")
        index = LabelIndex(self._labels, self._source.grid.width, settings.min_overlap)
        candidates = find_candidates(
            index,
            self._source.grid,
            settings,
            seed=settings.seed,
            mask=self._mask,
            progress=Portion(self._progress, 0.25, 0.3),
        )
        found = self._divide_tiles(index, candidates)
        division = found.division
        if settings.wants_test and not (division.split.codes == TEST).any():
            self.warn([
                f"No {settings.kind[:-1]} is left to test on, so the accuracy cannot be known. Use "
                "a smaller TILE_SIZE, BUFFER or BLOCK_SIZE, or label other parts of the image too."
            ])  # fmt: skip
        job = self._job(found)
        self._say_tiles(job, output)
        told = TileSplit(
            division.split,
            tile_leak(candidates, division.split.codes, settings),
            tile_location_score(candidates, division.split),
        )
        info = self._write(output, job, told, footprints)
        self._say_tile_result(info, majority_score(told.split, candidates.values))
        return info

    def _divide_tiles(self, index: LabelIndex, candidates: Candidates) -> _Found:
        """Divide the tiles, and give every polygon's labels to one split."""
        settings = self._settings
        division = divide_tiles(candidates, self._labels, settings)
        self.say([*candidates.notes, *division.notes])
        labelling = make_labelling(index, candidates, division.split, settings.tile_size)
        split, notes = without_foreign(labelling, candidates, division.split, settings)
        self.say(notes)
        self.warn([*division.warnings, *leak_warnings(candidates, split, settings)])
        return _Found(candidates, replace(division, split=split), labelling)

    def _taking_part(self) -> Labels:
        """Return the labels that take part; a split raster makes groups of them.

        Raises:
            SplitError, LabelError, RasterError: none does, or the raster is no split.
        """
        settings, known = self._settings, len(self._labels.notes)
        labels = without_small_classes(self._labels, settings.min_per_class)
        self.say(labels.notes[known:])
        if settings.split != "raster":
            return labels
        portion = Portion(self._progress, 0.2, 0.25)
        path, grid = settings.split_raster, self._source.grid
        found = read_split_raster(path, labels, grid, portion)
        self.say(found.notes)
        self.warn(found.warnings)
        used = found.codes != UNUSED
        groups = found.codes[used].astype(np.int32)
        return replace(found.labels.keep(used), groups=groups, group_names=SPLIT_NAMES[1:])

    def _check(self) -> None:
        """Refuse what the source or the labels do not allow.

        Raises:
            InputError, LabelError: in words.
        """
        settings, labels, source = self._settings, self._labels, self._source
        check_classes(labels)
        class_map_type(info.code for info in labels.classes)  # said now, not after a training
        if settings.min_overlap and not labels.groups.any():
            raise InputError(
                "MIN_OVERLAP goes by polygons, and the reference is a raster, which has none. Set "
                "it to 0, or choose a layer of polygons."
            )
        size = settings.tile_size**2 * len(self._bands) * source.dtype.itemsize
        if size > MOST_CHIP_BYTES:
            raise InputError(
                f"TILE_SIZE is {settings.tile_size}: a tile of {len(self._bands)} bands takes more "
                f"than {MOST_CHIP_BYTES >> 30} GiB. Use a smaller one."
            )
        if settings.file_format == "hdf5" and source.has_mask:
            raise InputError(
                f"{source.name} has a mask, which windows in HDF5 do not hold. Choose FORMAT "
                "'geotiff'."
            )
        if settings.layout == "torchgeo":
            check_north_up(source.grid, source.name)
        if settings.layout == "imagenet" and settings.file_format == "geotiff":
            self.warn([own_loader_needed(len(self._bands))])

    def _job(self, found: _Found) -> TileJob:
        """Plan every file."""
        settings = self._settings
        split = found.division.split
        labelling = found.labelling
        planned: list[PlannedTile] = []
        pixels = EachOnce() if settings.kind == "tiles" else None
        held = np.zeros((len(SPLIT_NAMES), len(self._labels.classes) + 1), dtype=np.int64)
        for tile in self._tiles(found.candidates, split):
            self._progress.check_cancel()
            flat, which = labelling.under(tile.place, tile.code)
            values: Any = tile.value
            if pixels is not None:
                if not len(flat):  # its labels belong to polygons of another split
                    continue
                values = self._labels.values[which]
                pixels.add(pixels_of(len(planned), tile.place, flat, values))
            if not tile.place.angle:
                held[tile.code, np.unique(values)] += 1
            planned.append(tile)
        own = pixels.result() if pixels is not None else None
        self._check_written(found.candidates, planned, own, held[:, 1:])
        values = own.label if own is not None else np.array([tile.value for tile in planned])
        present = np.flatnonzero(np.bincount(values, minlength=len(self._labels.classes) + 1))
        classes_of = np.zeros(len(self._labels.classes) + 1, dtype=np.uint16)
        classes_of[present] = np.arange(1, len(present) + 1)
        gone = [item.name for at, item in enumerate(self._labels.classes, 1) if not classes_of[at]]
        if gone:
            self.warn([f"No {settings.kind[:-1]} holds the classes {', '.join(gone[:10])}."])
        if own is not None:
            own = TilePixels(own.tile, own.flat, own.row, own.col, classes_of[own.label], own.depth)
        stretch, bands = self._stretch()
        return TileJob(
            self._source,
            bands,
            stretch,
            labelling,
            tuple(self._labels.classes[value - 1] for value in present),
            classes_of,
            planned,
            own,
            settings,
            settings.file_format,
        )

    def _check_written(
        self,
        found: Candidates,
        planned: Sequence[PlannedTile],
        own: TilePixels | None,
        held: npt.NDArray[np.int64],
    ) -> None:
        """Warn of classes with little to train or to test on; see ``class_warnings``."""
        pixels = None
        if own is not None:
            pixels = np.zeros_like(held)
            codes = np.array([tile.code for tile in planned], dtype=np.uint8)
            np.add.at(pixels, (codes[own.tile], own.label.astype(np.int64) - 1), 1)
        expected = (found.counts > 0).any(axis=0)
        self.warn(class_warnings(self._labels.classes, expected, held, pixels, self._settings))

    def _tiles(self, found: Candidates, split: Split) -> Iterator[PlannedTile]:
        """Yield the tiles that are used, and behind them the turned copies of training tiles."""
        grid, size = self._source.grid, self._settings.tile_size
        used = np.flatnonzero(split.codes != UNUSED).tolist()
        lost = 0
        for angle in (0.0, *self._settings.angles):
            for at in used:
                code = int(split.codes[at])
                if angle and code != TRAIN:
                    continue
                place = TilePlace(int(found.rows[at]), int(found.cols[at]), size, angle)
                reach = place.reach()
                bottom, right = reach.row + reach.height, reach.col + reach.width
                if min(reach.row, reach.col) < 0 or bottom > grid.height or right > grid.width:
                    lost += 1
                    continue
                value = int(found.values[at]) if self._settings.kind == "scenes" else 0
                yield PlannedTile(place, code, int(split.groups[at]), value)
        if lost:
            self.say([f"{lost:,} turned copies would leave the image and are not made."])

    def _stretch(self) -> tuple[Stretch | None, Any]:
        """Return the stretch of 8-bit files, and the bands to be written."""
        settings = self._settings
        if settings.file_format not in SHOWN:
            return None, self._bands
        bands = shown_bands(self._bands, settings.image_bands, self._source.name)
        self._progress.log("Looking at the whole image to find the stretch.")
        portion = Portion(self._progress, 0.3, 0.4)
        stretch = measure_stretch(self._source, bands, settings.stretch, portion)
        self.say([stretch.text(bands)])
        return stretch, bands

    def _say_tiles(self, job: TileJob, output: str) -> None:
        """Say size and time before the long part starts, measured on a few tiles."""
        size, seconds = measured(job, Path(output).absolute(), self._progress)
        side, count = self._settings.tile_size, len(job.planned)
        turned = sum(1 for tile in job.planned if tile.place.angle)
        copies = f", {turned:,} of them turned copies" if turned else ""
        self._progress.log(
            f"{count:,} {self._settings.kind} of {side} x {side} pixels and {len(job.bands)} "
            f"bands{copies}: about {data_size(size)}, about {duration(seconds)}."
        )
        free = shutil.disk_usage(Path(output).absolute().parent).free
        if free < size:
            self.warn([
                f"The disk of {output} has {data_size(free)} left; that is hardly enough."
            ])  # fmt: skip

    def _write(
        self, output: str, job: TileJob, told: TileSplit, footprints: tuple[Path, Path] | None
    ) -> ChipSetInfo:
        """Write the set, and its outlines where they are asked for."""
        progress = Portion(self._progress, 0.4, 0.97)
        notes = [*self.notes, *self.warnings]
        if job.storage == "hdf5":
            given: dict[str, Any] = {"notes": notes, "footprints": footprints}
            return write_scene_stack(output, job, told, **given, progress=progress)
        also = None
        if footprints is not None:
            also = partial(outlines_in_place, footprints, partial(self._outline, footprints))
        return write_tile_set(output, job, told, notes=notes, also=also, progress=progress)

    def _outline(self, footprints: tuple[Path, Path], info: ChipSetInfo) -> None:
        if info.tiles is not None:
            write_tile_footprints(footprints, info.tiles.tiles, info, progress=self._progress)

    def _say_tile_result(self, info: ChipSetInfo, majority: float | None) -> None:
        """Log the counts and how much the split gives away."""
        tiles = info.tiles.tiles if info.tiles is not None else ()
        for name in SPLIT_NAMES[1:]:
            count = sum(1 for tile in tiles if tile.split == name)
            if count:
                self._progress.log(f"{name}: {count:,} {self._settings.kind}")
        what = "scenes" if info.kind == "scenes" else "labelled pixels, each once"
        for place, item in enumerate(info.classes):
            row = ", ".join(f"{info.counts[name][place]:,} {name}" for name in SPLIT_NAMES[1:])
            self._progress.log(f"{item.code} {item.name}: {row} {what}")
        if info.location_only is None:
            return
        words = (
            f"Location alone, without any spectrum, gets the class of {info.location_only:.1%} of "
            f"the test {self._settings.kind} right."
        )
        if location_tells(info.location_only, majority):
            self.warn([f"{words} Accuracies on this split say little about other places."])
        else:
            self._progress.log(words)

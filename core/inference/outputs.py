"""The rasters a classification writes: class map, probabilities, confidence."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

from ..errors import Abandoned, RasterError
from ..modelfile.bundle import ModelBundle
from ..progress import Progress
from ..raster.class_bands import class_map_type
from ..raster.grid import Grid
from ..raster.style import Ramp
from ..raster.windows import Window, tiles
from ..raster.writer import TILE, RasterWriter, checksum_of
from .journal import FinishedZone, Journal
from .zones import Maps

IntArray = npt.NDArray[np.int64]
NOTHING = float("nan")  # probability where the image has no data


class MapOutputs:
    """Writes what is computed to the rasters that were asked for; a context.

    Leaving it without ``commit`` keeps what was there before. What is finished is noted in a
    journal, zone by zone: a run that is killed, or abandoned by its parent, leaves it and the
    unfinished rasters to the next one.

    Args:
        bundle: the model: its classes and where it comes from.
        grid: of the outputs.
        output: path of the class map, or empty.
        probabilities: path of the probabilities, or empty.
        confidence: path of the confidence, or empty.
        origin: metadata that say which model made it, and how.
        inputs: files being read.
        journal: of this job, with what an earlier run of it finished.
    """

    def __init__(
        self,
        bundle: ModelBundle,
        grid: Grid,
        *,
        output: str,
        probabilities: str,
        confidence: str,
        origin: Mapping[str, str],
        inputs: tuple[str, ...],
        journal: Journal,
    ) -> None:
        self._bundle = bundle
        self._grid = grid
        self._inputs = inputs
        self._journal = journal
        self._parts: dict[Window, tuple[IntArray, dict[str, int]]] = {}
        self._paths = {"map": output, "probabilities": probabilities, "confidence": confidence}
        self._origin = dict(origin)
        self._writers: dict[str, RasterWriter] = {}
        self._stack = ExitStack()
        self.counts = np.zeros(len(bundle.classes) + 1, dtype=np.int64)
        codes = [item.code for item in bundle.classes]
        self._dtype, self._nothing = class_map_type(codes)
        self._codes = np.array([self._nothing, *codes]).astype(self._dtype)

    def __enter__(self) -> MapOutputs:
        try:
            self._open_all()
        except BaseException:
            self._journal.remove()  # what it was about is discarded
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None and issubclass(kind, Abandoned):
            for writer in self._writers.values():
                writer.leave()
            return
        self._stack.close()
        self._journal.remove()

    def go_on(self, zones: Sequence[Window], progress: Progress) -> frozenset[int]:
        """Go on where an earlier run of the job ended, if all of it is as that run left it.

        Args:
            zones: of the job, in their order.
            progress: told; asked for cancelling.

        Returns:
            The numbers of the zones that are written already; none where all starts anew.

        Raises:
            RasterError: an output cannot be written.
            Cancelled: the user stopped.
        """
        found = self._journal.zones
        begun = any(writer.continued for writer in self._writers.values())
        if found and all(writer.continued for writer in self._writers.values()):
            progress.log(
                f"An earlier run of this classification was interrupted after {len(found)} of "
                f"{len(zones)} parts; checking them."
            )
            if self._are_as_left(zones, progress):
                self.counts += np.sum([zone.counts for zone in found.values()], axis=0)
                self._journal.mend()
                progress.log("They are sound: going on from there.")
                return frozenset(found)
            progress.warn("They are damaged and not used: the classification starts afresh.")
        if begun:
            self._stack.close()
            self._open_all()
        self._journal.begin()
        return frozenset()

    def _are_as_left(self, zones: Sequence[Window], progress: Progress) -> bool:
        """Whether finished zones hold what was written, and all others can be written over."""
        found = self._journal.zones
        for number, zone in enumerate(zones):
            progress.check_cancel()
            progress.report(0.0, f"checking part {number + 1} of {len(zones)}")
            stored = _tiles_of(zone)
            if number not in found:  # a kill may have left some of its tiles, for others to replace
                stored = [t for t in stored if any(w.stores(t) for w in self._writers.values())]
            try:
                held = self._checksums(stored)
            except RasterError:  # a tile that was being stored
                return False
            if number in found and held != found[number].checksums:
                return False
        return True

    def _checksums(self, windows: Sequence[Window]) -> dict[str, list[int]]:
        return {
            name: [writer.checksum(window) for window in windows]
            for name, writer in self._writers.items()
        }

    @property
    def wants_probabilities(self) -> bool:
        """Whether the probabilities of every class are written."""
        return "probabilities" in self._writers

    def write(self, maps: Maps) -> None:
        """Write a part to all rasters and count its classes."""
        counts = np.bincount(maps.labels.ravel(), minlength=len(self.counts))
        checksums = {}
        planes: Mapping[str, npt.NDArray[np.generic] | None] = {
            "map": self._codes[maps.labels],
            "probabilities": maps.probabilities,
            "confidence": maps.confidence,
        }
        for name, writer in self._writers.items():
            values = planes[name]
            if values is not None:
                stored = np.ascontiguousarray(values)
                writer.write(maps.window, stored)
                checksums[name] = checksum_of(stored.data)
        self.counts += counts
        self._parts[maps.window] = (counts, checksums)

    def finish(self, number: int, zone: Window) -> None:
        """Store a zone whose last part was written, and note it in the journal.

        Args:
            number: of the zone.
            zone: where it is. Parts of the next one may be there already.

        Raises:
            RasterError: it cannot be stored.
        """
        for writer in self._writers.values():
            writer.save()
        parts = [self._parts.pop(window) for window in _tiles_of(zone)]
        counts = np.sum([counts for counts, _ in parts], axis=0)
        checksums = {name: [sums[name] for _, sums in parts] for name in self._writers}
        self._journal.add(number, FinishedZone(counts.tolist(), checksums))

    def commit(self) -> None:
        """Give all rasters their final names, or none of them.

        Raises:
            RasterError: one cannot be written or renamed; what was there before, of all
                of them, is still there.
        """
        RasterWriter.commit_all(list(self._writers.values()))

    def _open_all(self) -> None:
        self._writers.clear()
        with ExitStack() as stack:
            for name, path in self._paths.items():
                if path:
                    self._writers[name] = stack.enter_context(self._open(name, path))
            self._stack = stack.pop_all()

    def _open(self, name: str, path: str) -> RasterWriter:
        classes = self._bundle.classes
        if name == "map":
            return RasterWriter(
                path,
                self._grid,
                1,
                self._dtype,
                nodata=self._nothing,
                descriptions=["class"],
                categories=classes,
                metadata={**self._origin, **training_pixels(self._bundle)},
                inputs=self._inputs,
                job_name=self._journal.job_name,
            )
        names = [item.name for item in classes] if name == "probabilities" else ["confidence"]
        return RasterWriter(
            path,
            self._grid,
            len(names),
            "float32",
            nodata=NOTHING,
            descriptions=names,
            metadata=self._origin,
            style=Ramp(0.0, 1.0),
            inputs=self._inputs,
            job_name=self._journal.job_name,
        )


def _tiles_of(zone: Window) -> list[Window]:
    """Return the tiles of the files that a zone fills."""
    inner = tiles(zone.height, zone.width, TILE, TILE)
    return [Window(zone.row + t.row, zone.col + t.col, t.height, t.width) for t in inner]


def origin(bundle: ModelBundle, models: Sequence[str], views: int = 1) -> dict[str, str]:
    """Return the metadata that say which model made a map.

    Args:
        bundle: the model.
        models: the files it comes from; of several no path is kept, as none of them is it.
        views: of every place that were averaged.
    """
    told = {"MODEL_CHECKPOINT": str(bundle.checkpoint)} if bundle.checkpoint else {}
    if views > 1:
        told["TURNS"] = str(views)
    if len(models) == 1:
        told["MODEL_PATH"] = str(Path(models[0]).resolve())
    return {
        **told,
        "MODEL_ID": bundle.model_id,
        "MODEL_NAME": ", ".join(Path(model).name for model in models),
        "ARCHITECTURE": bundle.architecture,
        "SPLIT_HASH": str(bundle.chips.get("split_hash", "")),
        "CHIPS": str(bundle.chips.get("path", "")),
    }


def training_pixels(bundle: ModelBundle) -> dict[str, str]:
    """Return the metadata that say where the model was trained.

    ``TRAINING_PIXELS`` is the base64 text of the zlib-packed little-endian int32 rows, then
    columns, on the grid ``TRAINING_GRID``.
    """
    numbers = np.stack([bundle.training_rows, bundle.training_cols]).astype("<i4")
    return {
        "TRAINING_PIXELS": base64.b64encode(zlib.compress(numbers.tobytes(), 9)).decode(),
        "TRAINING_GRID": json.dumps(bundle.training_grid.to_json()),
    }

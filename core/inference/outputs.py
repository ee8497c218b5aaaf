"""The rasters a classification writes: class map, probabilities, confidence."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

from ..modelfile.bundle import ModelBundle
from ..raster.grid import Grid
from ..raster.style import Ramp
from ..raster.writer import RasterWriter, class_map_type
from .zones import Maps

NOTHING = float("nan")  # probability where the image has no data


class MapOutputs:
    """Writes what is computed to the rasters that were asked for; a context.

    Leaving it without ``commit`` keeps what was there before.

    Args:
        bundle: the model: its classes and where it comes from.
        grid: of the outputs.
        output: path of the class map, or empty.
        probabilities: path of the probabilities, or empty.
        confidence: path of the confidence, or empty.
        model: path of the model file.
        inputs: files being read.
    """

    def __init__(
        self,
        bundle: ModelBundle,
        grid: Grid,
        *,
        output: str,
        probabilities: str,
        confidence: str,
        model: str,
        inputs: tuple[str, ...],
    ) -> None:
        self._bundle = bundle
        self._grid = grid
        self._inputs = inputs
        self._paths = {"map": output, "probabilities": probabilities, "confidence": confidence}
        self._origin = origin(bundle, model)
        self._writers: dict[str, RasterWriter] = {}
        self._stack = ExitStack()
        self.counts = np.zeros(len(bundle.classes) + 1, dtype=np.int64)
        codes = [item.code for item in bundle.classes]
        self._dtype, self._nothing = class_map_type(codes)
        self._codes = np.array([self._nothing, *codes]).astype(self._dtype)

    def __enter__(self) -> MapOutputs:
        with self._stack as stack:
            for name, path in self._paths.items():
                if path:
                    self._writers[name] = stack.enter_context(self._open(name, path))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def wants_probabilities(self) -> bool:
        """Whether the probabilities of every class are written."""
        return "probabilities" in self._writers

    def write(self, maps: Maps) -> None:
        """Write a part to all rasters and count its classes."""
        self.counts += np.bincount(maps.labels.ravel(), minlength=len(self.counts))
        planes: Mapping[str, npt.NDArray[np.generic] | None] = {
            "map": self._codes[maps.labels],
            "probabilities": maps.probabilities,
            "confidence": maps.confidence,
        }
        for name, writer in self._writers.items():
            values = planes[name]
            if values is not None:
                writer.write(maps.window, values)

    def commit(self) -> None:
        """Give all rasters their final names, or none of them.

        Raises:
            RasterError: one cannot be written or renamed; what was there before, of all
                of them, is still there.
        """
        RasterWriter.commit_all(list(self._writers.values()))

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
        )


def origin(bundle: ModelBundle, model: str) -> dict[str, str]:
    """Return the metadata that say which model made a map."""
    path = Path(model)
    unfinished = {"MODEL_CHECKPOINT": str(bundle.checkpoint)} if bundle.checkpoint else {}
    return {
        **unfinished,
        "MODEL_ID": bundle.model_id,
        "MODEL_NAME": path.name,
        "MODEL_PATH": str(path.resolve()),
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

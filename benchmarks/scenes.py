"""The labelled scenes that accuracy is measured on, read through the project's own floors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from hsicnn.core.data.labels import read_labels
from hsicnn.core.data.pixel_store import PixelStore
from hsicnn.core.progress import SilentProgress
from hsicnn.core.raster.bands import usable_bands
from hsicnn.core.raster.source import RasterSource
from hsicnn.core.raster.windows import Window
from tuned_svm import Pixels

HALO = 12
FILES = {
    "enmap_potsdam": ("enmap_potsdam/enmap_potsdam_cube.tif", "enmap_potsdam/enmap_potsdam_gt.tif"),
    "indian_pines_simulated": (
        "indian_pines/indian_pines_simulated_cube.tif",
        "indian_pines/indian_pines_gt_georef.tif",
    ),
}


@dataclass(frozen=True, eq=False)
class Scene:
    """A scene whose labelled pixels are divided into folds.

    Attributes:
        name: of the scene.
        store: the whole raster with a reflected halo as one pixel store; its splits are
            set anew for every fold.
        pixels: spectra, classes and places of the labelled pixels, for the SVM.
        classes: names.
    """

    name: str
    store: PixelStore
    pixels: Pixels
    classes: tuple[str, ...]


def load_scene(name: str, folder: Path) -> Scene:
    """Read a scene from the folder of real data."""
    image, reference = (folder / part for part in FILES[name])
    with RasterSource(str(image)) as source:
        bands, _ = usable_bands(source)
        positions = [source.bands.index(band) for band in bands]
        labels = read_labels(str(reference), source.grid, progress=SilentProgress())
        height, width = source.grid.height, source.grid.width
        window = Window(-HALO, -HALO, height + 2 * HALO, width + 2 * HALO)
        block = source.read_reflected(window, positions)
    values = np.ascontiguousarray(np.moveaxis(block.values, 0, -1)).reshape(-1, len(bands))
    valid = block.valid.ravel()
    stride = width + 2 * HALO
    index = (labels.rows.astype(np.int64) + HALO) * stride + labels.cols + HALO
    kept = valid[index]
    store = _store(values, valid, index[kept], stride, labels, kept)
    pixels = Pixels(
        store.physical(store.index).astype(np.float64),
        store.label.astype(np.int64),
        store.row.astype(np.int64),
        store.col.astype(np.int64),
    )
    return Scene(name, store, pixels, tuple(item.name for item in labels.classes))


def _store(  # noqa: PLR0917 - one call, in the order of the store
    values: npt.NDArray[Any],
    valid: npt.NDArray[np.bool_],
    index: npt.NDArray[np.int64],
    stride: int,
    labels: Any,
    kept: npt.NDArray[np.bool_],
) -> PixelStore:
    bands = values.shape[1]
    count = len(index)
    return PixelStore(
        values=values,
        valid=valid,
        scale=np.ones(bands, np.float32),
        offset=np.zeros(bands, np.float32),
        nodata=(None,) * bands,
        halo=HALO,
        index=index,
        stride=np.full(count, stride, np.int64),
        label=labels.values[kept],
        split=np.zeros(count, np.uint8),
        group=np.zeros(count, np.int32),
        row=labels.rows[kept],
        col=labels.cols[kept],
    )

"""The labelled scenes that accuracy is measured on, read through the project's own floors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from hsicnn.core.data.labels import Labels, read_labels
from hsicnn.core.data.pixel_store import PixelStore
from hsicnn.core.data.separation import UNUSED
from hsicnn.core.data.valid_labels import drop_invalid
from hsicnn.core.importing.import_scene import import_scene
from hsicnn.core.progress import SilentProgress
from hsicnn.core.raster.bands import Band, usable_bands
from hsicnn.core.raster.class_bands import class_map_type
from hsicnn.core.raster.source import RasterSource
from hsicnn.core.raster.windows import Window
from hsicnn.core.raster.writer import RasterWriter
from tuning import Pixels

# Around the scene: beyond the radius of a patch, neighbours are predicted at once.
HALO = 24


@dataclass(frozen=True)
class SceneFiles:
    """Where a scene lies, and what it is for.

    Attributes:
        image: in the folder of real data.
        reference: likewise.
        variable: the image's in a file that holds several; empty for what GDAL opens.
        choices: whether networks and recipes were chosen on it; others only confirm.
        block: side of the blocks that folds are made of, in pixels.
    """

    image: str
    reference: str
    variable: str = ""
    choices: bool = False
    block: int = 48


SCENES: Mapping[str, SceneFiles] = {
    "enmap_potsdam": SceneFiles(
        "enmap_potsdam/enmap_potsdam_cube.tif", "enmap_potsdam/enmap_potsdam_gt.tif", choices=True
    ),
    "indian_pines_simulated": SceneFiles(
        "indian_pines/indian_pines_simulated_cube.tif",
        "indian_pines/indian_pines_gt_georef.tif",
        choices=True,
    ),
    "salinas9": SceneFiles("salinas9/salinas_first9bands_cube.tif", "salinas9/salinas_gt.tif"),
    "samson": SceneFiles("samson/Samson.mat", "samson/samson_gt.tif", "SamSon", block=32),
}


@dataclass(frozen=True, eq=False)
class Scene:
    """A scene whose labelled pixels are divided into folds.

    Attributes:
        name: of the scene.
        image: raster.
        labels: the labelled pixels that have values.
        bands: those used.
        store: the whole raster with a reflected halo as one pixel store; no pixel of it is in
            any split.
        pixels: spectra, classes and places of the labelled pixels.
        choices: whether anything was chosen on it.
    """

    name: str
    image: Path
    labels: Labels
    bands: tuple[Band, ...]
    store: PixelStore
    pixels: Pixels
    choices: bool

    @property
    def classes(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(item.name for item in self.labels.classes)

    def numbers(self, codes: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Return the numbers 1..k of the classes that the user's codes ``(n,)`` mean."""
        known = {item.code: number for number, item in enumerate(self.labels.classes, 1)}
        return np.array([known[int(code)] for code in codes], np.int64)

    def store_with(self, codes: npt.NDArray[np.uint8]) -> PixelStore:
        """Return the store with split codes ``(n,)`` of its labelled pixels."""
        return replace(self.store, split=codes)

    def write_reference(self, path: Path, which: npt.NDArray[np.bool_]) -> None:
        """Write a class raster of some of the labelled pixels.

        Args:
            path: GeoTIFF.
            which: ``(n,)`` of the labelled pixels.
        """
        classes = self.labels.classes
        kind, nodata = class_map_type(item.code for item in classes)
        codes = np.array([nodata, *(item.code for item in classes)], dtype=kind)
        with RasterSource(str(self.image)) as source:
            grid = source.grid
        values = np.full((grid.height, grid.width), nodata, dtype=kind)
        rows, cols = self.labels.rows[which], self.labels.cols[which]
        values[rows, cols] = codes[self.labels.values[which]]
        whole = Window(0, 0, grid.height, grid.width)
        with RasterWriter(path, grid, 1, kind, nodata=nodata, categories=classes) as writer:
            writer.write(whole, values[None])
            writer.finish()
            writer.commit()


def load_scene(name: str, folder: Path, prepared: Path) -> Scene:
    """Read a scene from the folder of real data.

    Args:
        name: of ``SCENES``.
        folder: of real data.
        prepared: where what GDAL does not open is imported to; it is kept there.
    """
    image, reference = _rasters(name, folder, prepared)
    quiet = SilentProgress()
    with RasterSource(str(image)) as source:
        bands, _ = usable_bands(source)
        positions = [source.bands.index(band) for band in bands]
        labels = read_labels(str(reference), source.grid, progress=quiet)
        labels = drop_invalid(labels, source, bands, quiet)
        height, width = source.grid.height, source.grid.width
        window = Window(-HALO, -HALO, height + 2 * HALO, width + 2 * HALO)
        block = source.read_reflected(window, positions)
    values = np.ascontiguousarray(np.moveaxis(block.values, 0, -1)).reshape(-1, len(bands))
    store = _store(values, block.valid.ravel(), width + 2 * HALO, labels)
    pixels = Pixels(
        store.physical(store.index).astype(np.float64),
        store.label.astype(np.int64),
        store.row.astype(np.int64),
        store.col.astype(np.int64),
    )
    return Scene(name, image, labels, tuple(bands), store, pixels, SCENES[name].choices)


def _rasters(name: str, folder: Path, prepared: Path) -> tuple[Path, Path]:
    """Return image and reference as files that GDAL opens."""
    files = SCENES[name]
    image, reference = folder / files.image, folder / files.reference
    if not files.variable:
        return image, reference
    imported = prepared / f"{name}.tif", prepared / f"{name}-reference.tif"
    if not all(path.exists() for path in imported):
        prepared.mkdir(parents=True, exist_ok=True)
        import_scene(
            path=str(image),
            variable=files.variable,
            reference=str(reference),
            output=str(imported[0]),
            output_reference=str(imported[1]),
        )
    return imported


def _store(
    values: npt.NDArray[Any], valid: npt.NDArray[np.bool_], stride: int, labels: Labels
) -> PixelStore:
    """Put physical values with a halo around them and their labels into a store."""
    bands, count = values.shape[1], len(labels)
    return PixelStore(
        values=values,
        valid=valid,
        scale=np.ones(bands, np.float32),
        offset=np.zeros(bands, np.float32),
        nodata=(None,) * bands,
        halo=HALO,
        index=(labels.rows.astype(np.int64) + HALO) * stride + labels.cols + HALO,
        stride=np.full(count, stride, np.int64),
        label=labels.values,
        split=np.full(count, UNUSED, np.uint8),
        group=np.zeros(count, np.int32),
        row=labels.rows,
        col=labels.cols,
    )

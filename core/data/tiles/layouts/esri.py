"""The files that ArcGIS wants beside images and labels: "Classified Tiles", "Labeled Tiles".

The list of pairs (``map.txt``), what is in it (``stats.txt``, for people), the description that
training starts from (``esri_model_definition.emd``, JSON) and the statistics that sets are joined
by (``esri_accumulated_stats.json``), with the keys that Esri's help names and ``arcgis.learn``
looks for.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ....raster.bands import Band
from ....raster.grid import Grid
from ...classes import ClassInfo
from ..tile_set import Tile
from .paths import ESRI_PARTS

NAMES = ("map.txt", "stats.txt", "esri_model_definition.emd", "esri_accumulated_stats.json")
_MODES = {"tiles": "Classified_Tiles", "scenes": "Labeled_Tiles"}
_MODELS = {"tiles": "ImageClassification", "scenes": "ObjectClassification"}
#: The key of a list without which sets of three bands are refused.
_WELL_KNOWN = "WellKnownBandNames (FYI, these band names can be used in ExtractBands)"


class EsriFiles:
    """Gathers what the files of a set tell, tile by tile, a set for each split.

    Args:
        kind: ``tiles`` or ``scenes``.
        size: of tiles in pixels.
        bands: of the images.
        classes: value ``v`` is ``classes[v - 1]``.
        grid: of the source.
    """

    def __init__(
        self,
        kind: str,
        size: int,
        bands: Sequence[Band],
        classes: Sequence[ClassInfo],
        grid: Grid,
    ) -> None:
        self._about = _About(kind, size, bands, classes, grid)
        self._parts: dict[int, _Part] = {}

    def add(self, folder: Path, tile: Tile, pixels: npt.NDArray[Any], valid: Any) -> None:
        """Take in a tile; a scene's label file is written.

        Args:
            folder: of the chip set.
            tile: the tile.
            pixels: ``(size, size, bands)`` as written.
            valid: ``(size, size)`` which of them count.
        """
        part = self._parts.setdefault(tile.code, _Part(self._about))
        part.add(tile, pixels, valid)
        if self._about.kind == "scenes":
            text = _scene_label(tile, self._about)
            (folder / tile.label).write_text(text, encoding="utf-8")

    def close(self, folder: Path) -> tuple[str, ...]:
        """Write the files of every set; returns their paths from the folder on."""
        names = []
        for code, part in self._parts.items():
            for name, text in zip(NAMES, part.texts()):
                path = f"{ESRI_PARTS[code]}{name}"
                (folder / path).write_text(text, encoding="utf-8")
                names.append(path)
        return tuple(names)


class _About:
    """What all sets of an export share."""

    def __init__(
        self,
        kind: str,
        size: int,
        bands: Sequence[Band],
        classes: Sequence[ClassInfo],
        grid: Grid,
    ) -> None:
        self.kind, self.size, self.bands, self.classes = kind, size, bands, classes
        across, down = grid.pixel_size
        self.cell = {"x": across, "y": down}
        self.placed = bool(grid.crs_wkt)

    def class_records(self) -> list[dict[str, Any]]:
        return [
            {
                "Value": value,
                "Name": item.name,
                "Color": [int(item.color[at : at + 2], 16) for at in (1, 3, 5)],
            }
            for value, item in enumerate(self.classes, 1)
        ]


class _Part:
    """One set: what has been gathered of its tiles."""

    def __init__(self, about: _About) -> None:
        self._about = about
        count = len(about.bands)
        self._low, self._high = np.full(count, np.inf), np.full(count, -np.inf)
        self._mean, self._squares, self._pixels = np.zeros(count), np.zeros(count), 0
        self._pairs: list[str] = []
        self._counts: list[tuple[int, ...]] = []

    def add(self, tile: Tile, pixels: npt.NDArray[Any], valid: Any) -> None:
        prefix = ESRI_PARTS[tile.code]
        self._pairs.append(f"{tile.image[len(prefix) :]} {tile.label[len(prefix) :]}")
        self._counts.append(tile.counts)
        values = pixels[valid].astype(np.float64)
        values = values[np.isfinite(values).all(axis=1)]
        if not len(values):
            return
        self._low = np.minimum(self._low, values.min(axis=0))
        self._high = np.maximum(self._high, values.max(axis=0))
        # Chan, Golub and LeVeque (1983): means and squares of two parts as one.
        mean, count = values.mean(axis=0), len(values)
        total, away = self._pixels + count, mean - self._mean
        self._squares += ((values - mean) ** 2).sum(axis=0)
        self._squares += away**2 * self._pixels * count / total
        self._mean += away * count / total
        self._pixels = total

    def texts(self) -> tuple[str, str, str, str]:
        """Return the content of the four files, in the order of ``NAMES``."""
        pairs = "".join(f"{pair}\n" for pair in self._pairs)
        records = [json.dumps(item, indent=4) for item in (self._definition(), self._accumulated())]
        return pairs, self._summary(), records[0], records[1]

    def _statistics(self) -> list[dict[str, Any]]:
        spread = np.sqrt(self._squares / max(self._pixels, 1))
        seen = self._pixels > 0
        return [
            {
                "BandName": band.name,
                "Min": float(self._low[at]) if seen else 0.0,
                "Max": float(self._high[at]) if seen else 0.0,
                "Mean": float(self._mean[at]),
                "StdDev": float(spread[at]),
            }
            for at, band in enumerate(self._about.bands)
        ]

    def _definition(self) -> dict[str, Any]:
        about = self._about
        return {
            "Framework": "",
            "ModelConfiguration": "",
            "ModelFile": "",
            "ModelType": _MODELS[about.kind],
            "ImageHeight": about.size,
            "ImageWidth": about.size,
            "ExtractBands": list(range(len(about.bands))),
            "ModelPadding": 0,
            "MetaDataMode": _MODES[about.kind],
            "BlackenAroundFeature": False,
            "IsMultidimensional": False,
            "ImageSpaceUsed": "MAP_SPACE" if about.placed else "PIXEL_SPACE",
            "MinCellSize": about.cell,
            "MaxCellSize": about.cell,
            "Classes": about.class_records(),
            "InputRastersProps": {
                "RasterCount": 1,
                "SensorName": "Unknown",
                "BandNames": [band.name for band in about.bands],
            },
            "AllTilesStats": self._statistics(),
            _WELL_KNOWN: ["Red", "Green", "Blue", "NearInfrared"],
        }

    def _accumulated(self) -> dict[str, Any]:
        about, counts = self._about, np.array(self._counts, dtype=np.int64)
        scenes = about.kind == "scenes"
        per_class = {
            "NumImagesTotal": len(counts),
            "NumClasses": len(about.classes),
            "NumImagesPerClass": [int(n) for n in (counts > 0).sum(axis=0)],
        }
        amounts = [int(n) for n in counts.sum(axis=0)]
        state = [
            {
                "Min": item["Min"],
                "Max": item["Max"],
                "M1": item["Mean"],
                "M2": float(self._squares[at]),
                "Num": self._pixels,
            }
            for at, item in enumerate(self._statistics())
        ]
        return {
            "Version": 3,
            "NumBands": len(about.bands),
            "TileSizeX": about.size,
            "TileSizeY": about.size,
            "NumClasses": len(about.classes),
            "NumTiles": len(counts),
            "OutputFeatures": scenes,
            "MetaDataMode": _MODES[about.kind],
            "MinCellSize": about.cell,
            "MaxCellSize": about.cell,
            "Classes": about.class_records(),
            "FeatureStats" if scenes else "ClassPixelStats": {
                **per_class,
                "NumFeaturesPerClass" if scenes else "NumPixelsPerClass": amounts,
            },
            "BandStatsState": state,
        }

    def _summary(self) -> str:
        about, counts = self._about, np.array(self._counts, dtype=np.int64)
        held = (counts > 0).sum(axis=1)
        size = f"{len(about.bands)}*{about.size}*{about.size}"
        lines = [
            f"images = {len(counts)} *{size}",
            f"features = {int(held.sum())}",
            f"features per image = [min = {held.min()}, mean = {held.mean():.2f}, "
            f"max = {held.max()}]",
            f"classes = {len(about.classes)}",
            "cls_name cls_value images pixels",
        ]
        pixels = counts.sum(axis=0) * (about.size**2 if about.kind == "scenes" else 1)
        lines += [
            f"{item.name} {value} {int((counts[:, value - 1] > 0).sum())} {int(pixels[value - 1])}"
            for value, item in enumerate(about.classes, 1)
        ]
        return "".join(f"{line}\n" for line in lines)


def _scene_label(tile: Tile, about: _About) -> str:
    """Return the label file of a scene: one object, the whole of it, by its class's value."""
    name = html.escape(tile.image.rsplit("/", 1)[-1])
    size = about.size
    return (
        "<annotation>\n"
        f"  <filename>{name}</filename>\n"
        f"  <size><width>{size}</width><height>{size}</height>"
        f"<depth>{len(about.bands)}</depth></size>\n"
        "  <object>\n"
        f"    <name>{tile.value}</name>\n"
        f"    <bndbox><xmin>0</xmin><ymin>0</ymin><xmax>{size}</xmax><ymax>{size}</ymax></bndbox>\n"
        "  </object>\n"
        "</annotation>\n"
    )

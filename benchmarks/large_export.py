"""Chips of labels on a very large image: ``python benchmarks/large_export.py`` (Linux).

The image is virtual: a small one repeated to 20,000 x 20,000 pixels of 200 bands (160 GB when
unpacked). Exported are 200 polygons, and scattered points with windows of 9 x 9. Said are the
time, the memory above imports, the size on disk, and how far the estimate before was off.
Every run is a process of its own, in the environment of the worker.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from osgeo import gdal, ogr, osr

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(Path(__file__).resolve().parent)]
from conftest import mount_package  # noqa: E402

mount_package()

from hsicnn.core.data.export import export_training_chips  # noqa: E402
from hsicnn.core.progress import SilentProgress  # noqa: E402
from hsicnn.core.runtime.interpreter import worker_environment  # noqa: E402
from memory import resident  # noqa: E402
from rasters import write_raster  # noqa: E402

BANDS, TILE, PIXEL = 200, 500, 30.0
POLYGON = 40  # pixels, side of each at the most
MIB = 1 << 20


class Listening(SilentProgress):
    """Keeps the estimate."""

    def __init__(self) -> None:
        self.estimate = ""

    def log(self, text: str) -> None:
        """Keep the line with size and time."""
        if "labelled pixels and" in text:
            self.estimate = text


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, nargs="*", default=[25_000, 100_000])
    parser.add_argument("--sides", type=int, nargs="*", default=[10_000, 20_000])
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        measure(*given.one)
        return
    print(
        "| image | labels | pixels | s | MiB above imports | MiB on disk | said before |\n"
        "|---|---|---:|---:|---:|---:|---|"
    )
    with tempfile.TemporaryDirectory() as folder:
        tile = Path(folder) / "tile.tif"
        write_raster(tile, BANDS, TILE, TILE)
        for side in given.sides:
            image = repeat(tile, side)
            cases = [("200 polygons", write_polygons(Path(folder), side, 200))]
            cases += [
                (f"{count:,} points", write_points(Path(folder), side, count))
                for count in given.points
            ]
            for words, reference in cases:
                command = [sys.executable, __file__, "--one", str(image), str(reference), folder]
                answer = subprocess.run(
                    command,
                    check=True,
                    capture_output=True,
                    text=True,
                    env=worker_environment(os.environ),
                )
                found = json.loads(answer.stdout.splitlines()[-1])
                print(
                    f"| {side:,} x {side:,} x {BANDS} | {words} | {found['pixels']:,} "
                    f"| {found['seconds']:.0f} | {found['most'] / MIB:.0f} "
                    f"| {found['bytes'] / MIB:,.0f} | {found['estimate']} |",
                    flush=True,
                )


def measure(image: str, reference: str, folder: str) -> None:
    """Export once and print what it took."""
    heard, output = Listening(), Path(folder) / "chips"
    before, start = resident("VmRSS"), time.perf_counter()
    result = export_training_chips(
        image=image,
        reference=reference,
        field="class",
        output=str(output),
        halo=4,
        split="random" if "points" in reference else "blocks",
        buffer=0,
        progress=heard,
    )
    seconds = time.perf_counter() - start
    size = sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
    counted = sum(sum(row) for row in result.counts.values())
    told = re.search(r"in all: about (.*)\.$", heard.estimate)
    print(
        json.dumps({
            "seconds": seconds,
            "most": resident("VmHWM") - before,
            "bytes": size,
            "pixels": counted,
            "estimate": told[1] if told else heard.estimate,
        })
    )  # fmt: skip


def repeat(tile: Path, side: int) -> Path:
    """Write a virtual raster of a small one, repeated: first along a row, then down."""
    row = tile.with_name(f"row-{side}.vrt")
    whole = tile.with_name(f"whole-{side}.vrt")
    _mosaic(row, tile, (TILE, side), [(0, at) for at in range(0, side, TILE)], (TILE, TILE))
    _mosaic(whole, row, (side, side), [(at, 0) for at in range(0, side, TILE)], (TILE, side))
    return whole


def _mosaic(
    path: Path,
    source: Path,
    shape: tuple[int, int],
    places: list[tuple[int, int]],
    size: tuple[int, int],
) -> None:
    height, width = shape
    parts = [
        f'<VRTDataset rasterXSize="{width}" rasterYSize="{height}">'
        f"<SRS>EPSG:32633</SRS><GeoTransform>500000, {PIXEL}, 0, 6000000, 0, -{PIXEL}"
        "</GeoTransform>"
    ]
    rows, cols = size
    for band in range(1, BANDS + 1):
        parts.append(f'<VRTRasterBand dataType="Int16" band="{band}"><Scale>0.0001</Scale>')
        parts += [
            f'<SimpleSource><SourceFilename relativeToVRT="1">{source.name}</SourceFilename>'
            f'<SourceBand>{band}</SourceBand><SrcRect xOff="0" yOff="0" xSize="{cols}" '
            f'ySize="{rows}"/><DstRect xOff="{left}" yOff="{top}" xSize="{cols}" '
            f'ySize="{rows}"/></SimpleSource>'
            for top, left in places
        ]
        parts.append("</VRTRasterBand>")
    path.write_text("".join([*parts, "</VRTDataset>"]))


def write_points(folder: Path, side: int, count: int) -> Path:
    """Write scattered points of five classes."""
    random = np.random.default_rng(4)
    x, y = random.uniform(0, side * PIXEL, (2, count))
    made = (
        (f"POINT ({500_000 + across} {6_000_000 - down})", int(number % 5) + 1)
        for number, (across, down) in enumerate(zip(x, y))
    )
    return _layer(folder / f"points-{side}-{count}.gpkg", made)


def write_polygons(folder: Path, side: int, count: int) -> Path:
    """Write rectangles of five classes, up to ``POLYGON`` pixels wide."""
    random = np.random.default_rng(5)
    made = []
    for number in range(count):
        left, top = random.uniform(0, (side - POLYGON) * PIXEL, 2)
        width, height = random.uniform(5 * PIXEL, POLYGON * PIXEL, 2)
        west, north = 500_000 + left, 6_000_000 - top
        corners = [(0, 0), (width, 0), (width, -height), (0, -height), (0, 0)]
        ring = ", ".join(f"{west + across} {north + up}" for across, up in corners)
        made.append((f"POLYGON (({ring}))", number % 5 + 1))
    return _layer(folder / f"polygons-{side}-{count}.gpkg", made)


def _layer(path: Path, features: Iterable[tuple[str, int]]) -> Path:
    dataset = gdal.GetDriverByName("GPKG").Create(str(path), 0, 0, 0, gdal.GDT_Unknown)
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(32633)
    layer = dataset.CreateLayer("reference", reference, ogr.wkbUnknown)
    layer.CreateField(ogr.FieldDefn("class", ogr.OFTInteger))
    layer.StartTransaction()
    for text, value in features:
        feature = ogr.Feature(layer.GetLayerDefn())
        feature.SetField("class", value)
        feature.SetGeometry(ogr.CreateGeometryFromWkt(text))
        layer.CreateFeature(feature)
    layer.CommitTransaction()
    dataset.FlushCache()
    return path


if __name__ == "__main__":
    main()

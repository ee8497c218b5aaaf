"""Outputs in whole tiles, whatever the blocks are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hsicnn.core.inference.engine import Engine
from hsicnn.core.inference.inputs import Normaliser
from hsicnn.core.inference.plan import Plan
from hsicnn.core.inference.zones import Maps, Zone, even
from hsicnn.core.progress import SilentProgress
from hsicnn.core.raster.source import RasterSource
from hsicnn.core.raster.windows import Window, tiles
from hsicnn.core.raster.writer import TILE, RasterWriter
from osgeo import gdal

from .conftest import make_normalisation, read_raster, write_scene

HEIGHT, WIDTH, CLASSES = 300, 1100, 4


class Copy(torch.nn.Module):
    """Says what it sees."""

    radius = 0

    def forward(self, inputs):
        return inputs


class Writing:
    """Writes the probabilities and keeps the windows."""

    wants_probabilities = True

    def __init__(self, writer: RasterWriter) -> None:
        self.writer = writer
        self.windows: list[Window] = []

    def write(self, maps: Maps) -> None:
        self.windows.append(maps.window)
        self.writer.write(maps.window, maps.probabilities)

    def finish(self, number: int, zone: Window) -> None:
        pass


@pytest.fixture
def small_cache():
    """A cache of eight tiles of the outputs, less than one row of them."""
    before = gdal.GetCacheMax()
    gdal.SetCacheMax(2 << 20)
    yield
    gdal.SetCacheMax(before)


def new_raster(path, grid) -> RasterWriter:
    return RasterWriter(path, grid, CLASSES, "float32", nodata=float("nan"))


@pytest.mark.usefixtures("small_cache")
def test_files_are_as_small_as_written_tile_by_tile(tmp_path):
    path = write_scene(tmp_path / "scene.tif", CLASSES, HEIGHT, WIDTH)
    area = Window(0, 0, HEIGHT, WIDTH)
    with RasterSource(path) as source:
        engine = Engine(
            Copy(),
            source,
            range(CLASSES),
            Normaliser(make_normalisation(CLASSES)),
            classes=CLASSES,
            plan=Plan(50, 400, 400, 1, 1, 256, 1280),
            device=torch.device("cpu"),
        )
        with new_raster(tmp_path / "engine.tif", source.grid) as writer:
            sink = Writing(writer)
            engine.run(area, sink, SilentProgress())
            writer.commit()
        values = read_raster(tmp_path / "engine.tif")
        with new_raster(tmp_path / "aligned.tif", source.grid) as writer:
            for window in tiles(HEIGHT, WIDTH, TILE, TILE):
                writer.write(window, values[:, window.rows, window.cols])
            writer.commit()
    assert sink.windows == list(tiles(HEIGHT, WIDTH, TILE, TILE))
    found, least = (path.stat().st_size for path in map(tmp_path.joinpath, FILES))
    assert found < 1.05 * least


FILES = ("engine.tif", "aligned.tif")


def test_parts_are_views_of_the_whole():
    maps = Maps.empty(Window(512, 256, 300, 280), 3)
    for inner in tiles(300, 280, 70, 280):
        part = maps.part(inner)
        part.labels[:] = 7
        part.confidence[:] = 0.5
        part.probabilities[:] = 0.5
    assert (maps.labels == 7).all()
    assert (maps.confidence == 0.5).all()
    assert (maps.probabilities == 0.5).all()


def test_tiles_of_the_files_are_written_as_soon_as_they_are_complete():
    zone = Zone.begin(Window(512, 256, 300, 280), 3)
    left, right = Window(512, 256, 260, 270), Window(512, 526, 260, 10)
    assert [maps.window for maps in zone.finish(left)] == [Window(512, 256, 256, 256)]
    assert [maps.window for maps in zone.finish(right)] == [Window(512, 512, 256, 24)]
    assert zone.waiting == 40 * 280
    rest = [maps.window for maps in zone.finish(Window(772, 256, 40, 280))]
    assert rest == [Window(768, 256, 44, 256), Window(768, 512, 44, 24)]
    assert zone.waiting == 0


def test_maps_without_probabilities():
    maps = Maps.empty(Window(0, 0, 2, 3), 0)
    assert maps.probabilities is None
    assert maps.part(Window(0, 0, 1, 1)).probabilities is None
    assert np.isnan(maps.confidence).all()
    assert not maps.labels.any()


def test_even_parts_leave_no_sliver():
    assert even(256, 250) == 128
    assert even(256, 256) == 256
    assert even(10, 100) == 10

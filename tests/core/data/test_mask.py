from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from hsicnn.core.data.extents import outline
from hsicnn.core.data.mask import read_mask
from hsicnn.core.raster.gdal_session import gdal_session
from hsicnn.core.raster.grid import Grid
from hsicnn.core.raster.windows import Window
from osgeo import ogr

from .conftest import Said, make_grid, write_layer

LEFT, UPPER = 500_000.0, 5_800_000.0


def ring(points):
    """A ring of rows and columns as WKT."""
    places = [f"{LEFT + col * 10} {UPPER - row * 10}" for row, col in [*points, points[0]]]
    return f"({','.join(places)})"


def star(row, col, reach, edges, random):
    angles = np.linspace(0, 2 * np.pi, edges, endpoint=False)
    far = reach * random.uniform(0.5, 1.0, edges)
    return list(zip(row + far * np.sin(angles), col + far * np.cos(angles)))


def blocks(rows, cols, step):
    return [
        [(r, c), (r, c + step), (r + step, c + step), (r + step, c)]
        for r, c in itertools.product(rows, cols)
    ]


@pytest.mark.parametrize("turned", [False, True])
def test_windows_inside_are_those_that_the_polygons_contain(tmp_path, turned):
    random = np.random.default_rng(2)
    # Polygons that meet at whole pixels, one with a hole, and some of any shape.
    texts = [f"POLYGON({ring(one)})" for one in blocks(range(0, 24, 8), range(0, 24, 8), 8)]
    hole = [(34, 34), (34, 36), (36, 36), (36, 34)]
    texts.append(f"POLYGON({ring(blocks([28], [28], 16)[0])},{ring(hole)})")
    for row, col in ((12, 42), (48, 12)):
        texts.append(f"POLYGON({ring(star(row, col, 12, 40, random))})")
    grid = make_grid(60, 60)
    if turned:
        grid = Grid(grid.crs_wkt, (LEFT + 40, 9.0, 3.0, UPPER, 3.0, -9.0), 60, 60)
    path = write_layer(tmp_path / "m.gpkg", [(text, {"n": 1}) for text in texts])
    mask = read_mask(path, "", grid, Said())
    with gdal_session():
        whole = ogr.Geometry(ogr.wkbMultiPolygon)
        for text in texts:
            whole.AddGeometry(ogr.CreateGeometryFromWkt(text))
        whole = whole.UnionCascaded()
    counts = [0, 0]
    for row, col, size in itertools.product(range(0, 55, 2), range(0, 55, 2), (3, 6)):
        window = Window(row, col, size, size)
        with gdal_session():
            expected = whole.Contains(outline(grid.sub(window), 1e-6))
        assert mask.holds(window) == expected
        counts[expected] += 1
    assert min(counts) > 100


def test_pixels_inside_are_found_among_many_polygons(tmp_path, monkeypatch):
    from hsicnn.core.data import mask as module
    from hsicnn.core.data.classes import make_classes
    from hsicnn.core.data.labels import Labels

    monkeypatch.setattr(module, "_CELL", 16)
    squares = blocks(range(1, 60, 7), range(2, 60, 9), 4)
    path = write_layer(
        tmp_path / "m.gpkg", [(f"POLYGON({ring(one)})", {"n": 1}) for one in squares]
    )
    mask = read_mask(path, "", make_grid(60, 60), Said())
    rows, cols = np.divmod(np.arange(3600, dtype=np.int32), 60)
    classes = make_classes([1], ["a"], [], values=["1"])
    labels = Labels(
        rows, cols, np.ones(3600, dtype=np.uint16), classes, np.zeros(3600, dtype=np.int32)
    )
    kept = mask.keep(labels, Said())
    expected = {
        (row, col)
        for (top, left), *_ in squares
        for row, col in itertools.product(range(top, top + 4), range(left, left + 4))
        if row < 60 and col < 60
    }
    assert set(zip(kept.rows.tolist(), kept.cols.tolist())) == expected


def test_a_mask_of_many_edges_answers_fast(tmp_path):
    angles = np.linspace(0, 2 * np.pi, 100_000, endpoint=False)
    far = 900 + 20 * np.sin(angles * 2000)
    points = list(zip(1000 + far * np.sin(angles), 1000 + far * np.cos(angles)))
    path = write_layer(tmp_path / "m.gpkg", [(f"POLYGON({ring(points)})", {"n": 1})])
    mask = read_mask(path, "", make_grid(2000, 2000), Said())
    assert mask.holds(Window(900, 900, 32, 32))
    assert not mask.holds(Window(110, 900, 32, 32))
    started = time.perf_counter()
    for at in range(300):
        mask.holds(Window(400 + 2 * at, 900, 32, 32))
    assert time.perf_counter() - started < 1  # going through all edges takes four seconds

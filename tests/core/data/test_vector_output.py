"""A layer takes the place of an earlier one, of which a change may be pending."""

from __future__ import annotations

import shutil
import sqlite3

import pytest
from hsicnn.core.data.vector_output import staged_layer, write_layer
from hsicnn.core.errors import RasterError
from hsicnn.core.raster.output_path import JOURNALS, move_into_place
from osgeo import gdal, ogr


def write_points(staged, count):
    def fill(layer):
        for number in range(count):
            feature = ogr.Feature(layer.GetLayerDefn())
            feature.SetGeometry(ogr.CreateGeometryFromWkt(f"POINT ({number} 1)"))
            layer.CreateFeature(feature)
        return count

    write_layer(staged, "SUSPECTS", "", ogr.wkbPoint, fill)


def count_points(path):
    dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR)
    return len([feature.GetFID() for feature in dataset.GetLayer(0)])


@pytest.fixture
def pending(tmp_path):
    """A GeoPackage as a program leaves it that is ended in the middle of its work."""
    place, working = tmp_path / "points.gpkg", tmp_path / "working" / "points.gpkg"
    working.parent.mkdir()
    with staged_layer(str(working), "SUSPECTS") as staged:
        write_points(staged, 3)
        move_into_place([staged])
    connection = sqlite3.connect(working)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("CREATE TABLE more (text)")
    connection.executemany("INSERT INTO more VALUES (?)", [("x" * 500,)] * 2000)
    connection.commit()
    for file in working.parent.iterdir():
        shutil.copy(file, tmp_path / file.name)
    connection.close()
    shutil.rmtree(working.parent)
    assert (tmp_path / "points.gpkg-wal").stat().st_size > 100_000
    return place


def test_a_pending_change_of_the_earlier_file_goes_with_it(pending):
    with staged_layer(str(pending), "SUSPECTS") as staged:
        write_points(staged, 50)
        move_into_place([staged])
    assert [path.name for path in pending.parent.iterdir()] == ["points.gpkg"]
    assert count_points(pending) == 50
    connection = sqlite3.connect(pending)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


@pytest.mark.parametrize("suffix", JOURNALS)
def test_a_single_journal_goes_too(tmp_path, suffix):
    place = tmp_path / "points.GPKG"
    place.with_name(place.name + suffix).write_bytes(b"of an earlier file")
    with staged_layer(str(place), "SUSPECTS") as staged:
        write_points(staged, 5)
        move_into_place([staged])
    assert [path.name for path in tmp_path.iterdir()] == ["points.GPKG"]
    assert count_points(place) == 5


def test_it_comes_back_with_its_file_where_another_output_fails(pending):
    folder = pending.parent
    (folder / "report.html").mkdir()
    (folder / "made.html").write_text("a page")
    before = {path.name: path.read_bytes() for path in folder.glob("points*")}
    assert len(before) == 3
    with staged_layer(str(pending), "SUSPECTS") as staged:
        write_points(staged, 50)
        with pytest.raises(RasterError, match="it is a folder"):
            move_into_place([staged, (folder / "made.html", folder / "report.html")])
    assert {path.name: path.read_bytes() for path in folder.glob("points*")} == before
    assert not list(folder.glob(".*"))
    connection = sqlite3.connect(pending)
    assert connection.execute("SELECT count(*) FROM more").fetchone() == (2000,)
    connection.close()

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hsicnn.core.errors import RasterError
from hsicnn.core.raster.bands import Band
from hsicnn.core.raster.class_bands import class_map_type
from hsicnn.core.raster.gdal_session import gdal_session
from hsicnn.core.raster.grid import NO_GEOTRANSFORM, Grid
from hsicnn.core.raster.source import RasterSource
from hsicnn.core.raster.style import Ramp
from hsicnn.core.raster.windows import Window, tiles
from hsicnn.core.raster.writer import RasterWriter, checksum_of
from hypothesis import given
from hypothesis import strategies as st
from osgeo import gdal

UTM = (500000.0, 10.0, 0.0, 4000000.0, 0.0, -10.0)
ROTATED = (500000.0, 8.0, 6.0, 4000000.0, 6.0, -8.0)


def grid(height=5, width=6, geotransform=UTM, wkt=""):
    return Grid(wkt, geotransform, height, width)


def whole(target):
    return Window(0, 0, target.height, target.width)


def write(path, values, target=None, **options):
    target = target or grid(*values.shape[1:])
    options.setdefault("nodata", None)
    with RasterWriter(path, target, len(values), values.dtype.name, **options) as writer:
        writer.write(whole(target), values)
        writer.commit()


@pytest.fixture
def opened():
    """Open a file with GDAL; the dataset lives as long as the test."""
    kept = []

    def open_(path):
        with gdal_session():
            kept.append(gdal.Open(str(path)))
            # GDAL 3.6 reads the side file only when it is asked for something else first.
            kept[-1].GetMetadata()
        return kept[-1]

    yield open_
    # A failed test's traceback must not keep a file open until GDAL is gone.
    kept.clear()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32", "float32", "float64"])
@pytest.mark.parametrize("geotransform", [UTM, ROTATED, NO_GEOTRANSFORM])
def test_what_is_written_is_read(tmp_path, dtype, geotransform, epsg_wkt):
    values = np.arange(2 * 5 * 6).reshape(2, 5, 6).astype(dtype)
    target = grid(geotransform=geotransform, wkt=epsg_wkt())
    write(tmp_path / "out.tif", values, target, nodata=7, descriptions=["one", "zwei"])
    with RasterSource(tmp_path / "out.tif") as source:
        assert source.grid.same_as(target)
        assert source.grid.geotransform == pytest.approx(geotransform)
        assert bool(source.grid.crs_wkt)
        assert source.dtype == dtype
        assert [band.name for band in source.bands] == ["one", "zwei"]
        assert [band.nodata for band in source.bands] == [7, 7]
        np.testing.assert_array_equal(source.read_raw(whole(target), [0, 1])[0], values)
    assert [path.name for path in tmp_path.iterdir()] == ["out.tif"]


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 300), st.integers(1, 300))
def test_any_windows_give_the_same_file(tmp_path_factory, tile_height, tile_width, height, width):
    values = np.arange(height * width, dtype=np.uint32).reshape(1, height, width)
    path = tmp_path_factory.getbasetemp() / "any.tif"
    tile_height, tile_width = max(tile_height, height // 4), max(tile_width, width // 4)
    with RasterWriter(path, grid(height, width), 1, "uint32", nodata=None) as writer:
        for window in tiles(height, width, tile_height, tile_width):
            writer.write(window, values[:, window.rows, window.cols])
        writer.commit()
    with RasterSource(path) as source:
        found, _ = source.read_raw(Window(0, 0, height, width), [0])
    np.testing.assert_array_equal(found, values)


def test_the_file_is_tiled_and_compressed(tmp_path, opened):
    write(tmp_path / "out.tif", np.zeros((1, 600, 700), np.uint8))
    dataset = opened(tmp_path / "out.tif")
    assert dataset.GetRasterBand(1).GetBlockSize() == [256, 256]
    assert dataset.GetMetadata("IMAGE_STRUCTURE")["COMPRESSION"] == "DEFLATE"
    assert (tmp_path / "out.tif").stat().st_size < 10_000


def test_pixels_never_written_are_nodata(tmp_path):
    with RasterWriter(tmp_path / "o.tif", grid(300, 600), 2, "float32", nodata=-1) as writer:
        writer.write(Window(0, 0, 2, 2), np.ones((2, 2, 2), np.float32))
        writer.commit()
    with RasterSource(tmp_path / "o.tif") as source:
        _, valid = source.read_raw(Window(0, 0, 300, 600), [0, 1])
    assert np.argwhere(valid).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]


@pytest.mark.parametrize(("dtype", "code"), [("uint8", 250), ("uint16", 900)])
def test_classes_travel_in_the_file_and_beside_it(tmp_path, opened, fake_class, dtype, code):
    classes = [fake_class(2, "Wald", "#00ff00"), fake_class(code, "Wasser", "#0000ff")]
    values = np.full((1, 5, 6), code, dtype)
    write(tmp_path / "map.tif", values, nodata=0, categories=classes)
    band = opened(tmp_path / "map.tif").GetRasterBand(1)
    names = band.GetCategoryNames()
    assert (names[2], names[code], names[1]) == ("Wald", "Wasser", "")
    table = band.GetColorTable()
    assert table.GetColorEntry(2) == (0, 255, 0, 255)
    assert table.GetColorEntry(code) == (0, 0, 255, 255)
    assert table.GetColorEntry(0)[3] == 0


def test_qgis_opens_a_map_with_its_names(tmp_path, qgis_app, fake_class):
    core = pytest.importorskip("qgis.core")
    classes = [fake_class(2, "Wald", "#00ff00"), fake_class(250, "Wasser", "#0000ff")]
    write(tmp_path / "map.tif", np.full((1, 5, 6), 2, np.uint8), nodata=0, categories=classes)
    layer = core.QgsRasterLayer(str(tmp_path / "map.tif"), "map")
    found = [(c.value, c.label) for c in layer.renderer().classes()]
    assert found == [(2, "Wald"), (250, "Wasser")]


def test_a_ramp_lies_beside_a_continuous_layer(tmp_path, opened):
    write(tmp_path / "c.tif", np.ones((1, 5, 6), np.float32), nodata=math.nan, style=Ramp())
    assert "singlebandpseudocolor" in (tmp_path / "c.qml").read_text()
    assert math.isnan(opened(tmp_path / "c.tif").GetRasterBand(1).GetNoDataValue())


def test_metadata_of_any_length(tmp_path, opened):
    items = {"MODEL_ID": "äöü <&>\nline 2", "TRAINING_PIXELS": "x" * 300_000}
    write(tmp_path / "m.tif", np.ones((1, 5, 6), np.uint8), metadata=items)
    assert opened(tmp_path / "m.tif").GetMetadata("HSICNN") == items


def test_metadata_that_geotiff_cannot_hold_are_brought_into_a_form_it_can(tmp_path, opened):
    items = {"NAME": "  my model.safetensors ", "NOTHING": "", "BLANK": " ", "BELL": "a\x07b"}
    write(tmp_path / "m.tif", np.ones((1, 5, 6), np.uint8), metadata=items)
    found = opened(tmp_path / "m.tif").GetMetadata("HSICNN")
    assert found == {"NAME": "my model.safetensors ", "BELL": "ab"}


@pytest.fixture
def before(tmp_path):
    """An earlier output with a style, and a check that nothing of it changed."""
    files = {"map.tif": b"earlier", "map.qml": b"style", "map.tif.aux.xml": b"<PAMDataset/>"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)

    def unchanged():
        return {path.name: path.read_bytes() for path in tmp_path.iterdir()} == files

    assert unchanged()
    return unchanged


def test_without_commit_everything_is_as_before(tmp_path, before, fake_class):
    options = {"nodata": 0, "categories": [fake_class(1, "a", "#ffffff")]}
    with RasterWriter(tmp_path / "map.tif", grid(), 1, "uint8", **options) as writer:
        writer.write(whole(grid()), np.ones((5, 6), np.uint8))
    assert before()


def test_an_error_inside_leaves_everything_as_before(tmp_path, before):
    def fail():
        with RasterWriter(tmp_path / "map.tif", grid(), 1, "uint8", nodata=0) as writer:
            writer.write(whole(grid()), np.ones((5, 6), np.uint8))
            raise KeyError("lost")

    with pytest.raises(KeyError):
        fail()
    assert before()


def test_commit_replaces_the_file_with_all_that_belongs_to_it(tmp_path, before, fake_class):
    (tmp_path / "map.tif.ovr").write_bytes(b"old overviews")
    values = np.ones((1, 5, 6), np.uint8)
    path = tmp_path / "map.tif"
    write(path, values, nodata=0, categories=[fake_class(1, "neu", "#ffffff")])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["map.qml", "map.tif", "map.tif.aux.xml"]
    assert "neu" in (tmp_path / "map.qml").read_text()
    assert "neu" in (tmp_path / "map.tif.aux.xml").read_text()
    write(path, values)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["map.qml", "map.tif"]


def test_a_target_that_cannot_be_replaced(tmp_path):
    path = tmp_path / "map.tif"
    with RasterWriter(path, grid(), 1, "uint8", nodata=0) as writer:
        path.mkdir()
        with pytest.raises(RasterError, match="cannot be replaced"):
            writer.commit()
    assert list(tmp_path.iterdir()) == [path]


def no_links(*_):
    raise OSError(95, "not supported")


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("stuck", ["other.tif", "map.tif.aux.xml", "map.qml"])
def test_rasters_that_belong_together_come_all_or_none(
    tmp_path, before, fake_class, monkeypatch, stuck, links
):
    replace = Path.replace

    def refuse(self, target):
        if Path(target).name == stuck and "partial" in self.name:
            raise PermissionError(13, "open elsewhere")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    if not links:
        monkeypatch.setattr("os.link", no_links)
    options = {"nodata": 0, "categories": [fake_class(1, "a", "#ffffff")]}
    with RasterWriter(tmp_path / "map.tif", grid(), 1, "uint8", **options) as first:
        first.write(whole(grid()), np.ones((5, 6), np.uint8))
        with RasterWriter(tmp_path / "other.tif", grid(), 1, "uint8", **options) as second:
            with pytest.raises(RasterError, match=r"cannot be replaced: open.*is unchanged"):
                RasterWriter.commit_all([first, second])
            assert before()


def test_rasters_are_checked_before_any_is_renamed(tmp_path, before, monkeypatch):
    def torn(_):
        raise RuntimeError("tile 0, 0 of band 1 is missing")

    first = RasterWriter(tmp_path / "map.tif", grid(), 1, "uint8", nodata=0)
    second = RasterWriter(tmp_path / "other.tif", grid(), 1, "uint8", nodata=0)
    first.finish()
    monkeypatch.setattr(RasterWriter, "_check", torn)
    with pytest.raises(RasterError, match=r"other.tif cannot be written: tile 0, 0"):
        RasterWriter.commit_all([first, second])
    assert before()


@pytest.mark.parametrize("links", [True, False])
def test_nothing_is_left_of_what_was_replaced(tmp_path, before, monkeypatch, links):
    if not links:
        monkeypatch.setattr("os.link", no_links)
    write(tmp_path / "map.tif", np.ones((1, 5, 6), np.uint8))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["map.qml", "map.tif"]


def test_a_link_is_replaced_not_what_it_points_at(tmp_path):
    (tmp_path / "real.tif").write_bytes(b"real")
    (tmp_path / "map.tif").symlink_to(tmp_path / "real.tif")
    write(tmp_path / "map.tif", np.ones((1, 5, 6), np.uint8))
    assert (tmp_path / "real.tif").read_bytes() == b"real"
    assert not (tmp_path / "map.tif").is_symlink()


FULL_DISK = """
import resource, sys
sys.path.insert(0, sys.argv[1])
import conftest
import numpy as np
from hsicnn.core.errors import RasterError
from hsicnn.core.raster.grid import Grid
from hsicnn.core.raster.windows import Window
from hsicnn.core.raster.writer import RasterWriter
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
noise = np.random.default_rng(1).integers(0, 255, (1, 600, 600)).astype(np.uint8)
try:
    with RasterWriter(sys.argv[2], Grid("", (0, 1, 0, 0, 0, -1), 600, 600), 1, "uint8",
                      nodata=None) as writer:
        writer.write(Window(0, 0, 600, 600), noise)
        writer.commit()
except RasterError as error:
    sys.exit(str(error))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files as Linux does")
@pytest.mark.parametrize("limit", [0, 1000, 100_000, 300_000, 500_000])
def test_a_full_disk_is_an_error_and_loses_nothing(tmp_path, before, limit):
    tests = Path(__file__).resolve().parents[2]
    arguments = [str(tests), str(tmp_path / "map.tif"), str(limit)]
    run = subprocess.run(
        [sys.executable, "-c", FULL_DISK, *arguments], capture_output=True, text=True, check=False
    )
    enough = limit == 500_000
    assert run.returncode == (0 if enough else 1), run.stderr
    if not enough:
        assert "map.tif cannot be written" in run.stderr
        assert "disk is not full" in run.stderr
        assert before()


def test_outputs_that_cannot_work_are_refused_first(tmp_path, make_raster):
    (tmp_path / "folder.tif").mkdir()
    source = make_raster(np.ones((1, 2, 2), np.uint8))
    link = tmp_path / "link.tif"
    link.symlink_to(source)
    cases = {
        tmp_path / "map.img": r"ends in .tif",
        tmp_path / "nowhere" / "map.tif": "there is no folder",
        tmp_path / "folder.tif": "is a folder",
        source: "both input and output",
        link: "both input and output",
    }
    for path, words in cases.items():
        with pytest.raises(RasterError, match=words):
            RasterWriter(path, grid(), 1, "uint8", nodata=0, inputs=["NETCDF:x:y", source])


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no folder that refuses everybody")
def test_a_folder_without_write_permission():
    with pytest.raises(RasterError, match=r"map.tif cannot be written to /proc/self"):
        RasterWriter("/proc/self/map.tif", grid(), 1, "uint8", nodata=0)


def test_arguments_that_do_not_go_together(tmp_path, fake_class):
    classes = [fake_class(1, "a", "#ffffff"), fake_class(300, "b", "#000000")]
    cases = [
        (1, "uint8", {"categories": classes}, "0-255"),
        (1, "float32", {"categories": classes}, "one band of uint8"),
        (1, "uint16", {"categories": classes, "nodata": 300}, "code of a class"),
        (1, "uint16", {"categories": classes[:1] * 2}, "different"),
        (2, "uint8", {"descriptions": ["one"]}, "1 descriptions for 2"),
        (1, "complex64", {}, "cannot be written"),
    ]
    for count, dtype, options, words in cases:
        with pytest.raises(ValueError, match=words):
            RasterWriter(tmp_path / "o.tif", grid(), count, dtype, **{"nodata": None, **options})
    assert list(tmp_path.iterdir()) == []


def test_arrays_must_fit(tmp_path):
    with RasterWriter(tmp_path / "o.tif", grid(), 1, "uint8", nodata=0) as writer:
        for array in (np.ones((5, 6), np.int64), np.ones((2, 5, 6), np.uint8)):
            with pytest.raises(ValueError, match="expected uint8 of"):
                writer.write(whole(grid()), array)
        with pytest.raises(ValueError, match="leaves the raster"):
            writer.write(Window(3, 0, 5, 6), np.ones((5, 6), np.uint8))


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([1, 2, 3], ("uint8", 0)),
        ([1, 255], ("uint8", 0)),
        ([1, 256], ("uint16", 0)),
        ([0, 1], ("uint8", 255)),
        ([0, 255], ("uint16", 65535)),
        ([0, 300], ("uint16", 255)),
    ],
)
def test_types_of_class_maps(codes, expected):
    assert class_map_type(codes) == expected


@pytest.mark.parametrize("codes", [[-1, 2], [70000], [0, 255, 65535]])
def test_codes_that_fit_no_class_map(codes):
    with pytest.raises(RasterError, match=r"enumber"):
        class_map_type(codes)


def test_what_was_saved_is_still_there_when_a_later_job_opens_it(tmp_path):
    target = grid(512, 300)
    values = np.arange(256 * 256, dtype=np.float32).reshape(256, 256)
    rest = np.full((256, 44), 7, np.float32)

    def new() -> RasterWriter:
        return RasterWriter(tmp_path / "a.tif", target, 1, "float32", nodata=-1, job_name="ab12")

    first = new()
    assert not first.continued
    first.write(Window(0, 0, 256, 256), values)
    first.save()
    grown = first.staged[0].stat().st_size
    first.save()
    assert first.staged[0].stat().st_size == grown  # nothing is stored twice
    first.leave()
    with new() as second:
        assert second.continued
        assert second.checksum(Window(0, 0, 256, 256)) == checksum_of(values.tobytes())
        second.write(Window(0, 256, 256, 44), rest)
        second.write(Window(256, 0, 256, 256), values)
        second.write(Window(256, 256, 256, 44), rest)
        second.commit()
    found = np.frombuffer(gdal.Open(str(tmp_path / "a.tif")).ReadRaster(), np.float32)
    found = found.reshape(512, 300)
    np.testing.assert_array_equal(found[:256], np.hstack([values, rest]))
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


def test_an_unfinished_raster_of_another_shape_is_not_gone_on_with(tmp_path):
    def new(width: int) -> RasterWriter:
        return RasterWriter(
            tmp_path / "a.tif", grid(20, width), 1, "uint8", nodata=0, job_name="ab12"
        )

    new(30).leave()
    with new(31) as other:
        assert not other.continued
    assert not list(tmp_path.iterdir())


def test_a_file_that_goes_missing_meanwhile_is_a_clear_error(tmp_path):
    target = grid(20, 20)
    with RasterWriter(tmp_path / "a.tif", target, 1, "uint8", nodata=0, job_name="ab12") as writer:
        writer.write(Window(0, 0, 20, 20), np.ones((20, 20), np.uint8))
        writer.staged[0].unlink()
        with pytest.raises(RasterError, match=r"a\.tif cannot be written"):
            writer.save()


def test_what_bands_of_an_image_mean_is_read_back(tmp_path):
    bands = (
        Band(7, "red edge", 705.123456789, 15.25, scale=1e-4, offset=-0.1, nodata=-9999.0),
        Band(2, "old", 1380.0, None, bad=True, nodata=-9999.0),
        Band(1, "thermal", nodata=-9999.0),
    )
    path = tmp_path / "image.tif"
    write(path, np.ones((3, 5, 6), np.int16), bands=bands, nodata=-9999)
    with RasterSource(path) as source:
        for number, (told, found) in enumerate(zip(bands, source.bands), start=1):
            assert found == dataclasses.replace(told, index=number)

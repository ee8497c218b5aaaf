from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from hsicnn.core.data.chips import check_folder, read_chip_set
from hsicnn.core.data.export import export_training_chips
from hsicnn.core.errors import Cancelled, ChipSetError, InputError
from hsicnn.core.raster.windows import Window, clip, grow
from osgeo import gdal

from .conftest import Said, make_grid, write_raster

EASY = {"chip_size": 16, "halo": 3, "block_size": 6, "buffer": 1}


def export(scene, name="chips", **more):
    arguments = {**EASY, "image": scene.image, "reference": scene.reference, **more}
    return export_training_chips(output=str(scene.folder / name), **arguments)


def open_chip(path):
    dataset = gdal.Open(str(path))
    height, width = dataset.RasterYSize, dataset.RasterXSize
    kind = {1: np.uint8, 3: np.int16, 5: np.int32}[dataset.GetRasterBand(1).DataType]
    values = np.frombuffer(dataset.ReadRaster(), kind).reshape(-1, height, width)
    return dataset, values


def files_of(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_every_label_is_in_exactly_one_chip_with_its_split_and_block(scene):
    result = export(scene)
    info = read_chip_set(result.output)
    found = np.zeros((60, 50), int)
    times = np.zeros((60, 50), int)
    counts = {name: np.zeros(3, int) for name in info.counts}
    for chip in info.chips:
        _, (label,) = open_chip(info.path("labels", chip))
        _, (split, group) = open_chip(info.path("groups", chip))
        window = chip.window
        found[window.rows, window.cols] += label
        times[window.rows, window.cols] += label > 0
        assert ((split == 0) | (label > 0)).all()
        for row, col in zip(*np.nonzero(label)):
            block = (row + window.row) // 6 * 9 + (col + window.col) // 6 + 1
            assert group[row, col] == block
            name = ("unused", "train", "validation", "test")[split[row, col]]
            counts[name][label[row, col] - 1] += 1
    expected = scene.labels.astype(int)
    expected[40:, 45:] = 0  # nodata in the image
    np.testing.assert_array_equal(found, expected)
    assert times.max() == 1
    assert {name: row.tolist() for name, row in counts.items()} == info.counts == result.counts
    assert any("nodata" in note for note in result.notes)


def test_image_chips_are_the_raster_as_it_is_on_its_own_ground(scene):
    info = read_chip_set(export(scene).output)
    order = [1, 2, 0, 3]  # by wavelength
    assert [band.wavelength for band in info.bands] == [500, 600, 700, 800]
    for chip in info.chips:
        dataset, values = open_chip(info.path("images", chip))
        window = chip.window
        assert dataset.GetRasterBand(1).DataType == gdal.GDT_Int16
        np.testing.assert_array_equal(values, scene.values[order][:, window.rows, window.cols])
        transform = (500_000 + 10 * window.col, 10, 0, 5_800_000 - 10 * window.row, 0, -10)
        assert dataset.GetGeoTransform() == transform
        assert "33N" in dataset.GetProjection()
        assert dataset.GetRasterBand(1).GetNoDataValue() == -999
        names = [dataset.GetRasterBand(number + 1).GetDescription() for number in range(4)]
        assert names == [band.name for band in info.bands]
        # The halo ends at the raster's edge, and only there.
        box = chip.box
        assert window.row == max(box.row - 3, 0)
        assert window.col + window.width == min(box.col + box.width + 3, 50)


def test_label_chips_carry_the_classes_colours(scene):
    info = read_chip_set(export(scene).output)
    dataset, _ = open_chip(info.path("labels", info.chips[0]))
    table = dataset.GetRasterBand(1).GetColorTable()
    red, green, blue, alpha = table.GetColorEntry(1)
    assert f"#{red:02x}{green:02x}{blue:02x}" == info.classes[0].color
    assert alpha == 255


def test_what_chips_json_says_comes_back(scene):
    result = export(scene, seed=0)
    info = read_chip_set(result.output)
    record = json.loads((scene.folder / "chips" / "chips.json").read_text(encoding="utf-8"))
    assert record == info.to_json()
    assert (info.chip_size, info.halo, info.block_size, info.buffer, info.seed) == (16, 3, 6, 1, 0)
    assert info.split_method == "blocks"
    assert info.grid == scene.grid
    assert info.source_bands == 4
    assert info.dtype == "int16"
    assert [leak.radius for leak in info.leak] == [0, 1, 2, 3]
    assert 0 <= info.location_only <= 1
    assert record["classes"][2] == {"value": 3, **info.classes[2].to_json()}
    assert record["hash"] == result.hash == info.split_hash


def test_the_hash_follows_labels_split_and_values_but_not_how_chips_are_cut(scene):
    first = export(scene, "a").hash
    assert export(scene, "b", chip_size=9, halo=7).hash == first
    assert export(scene, "c", seed=2).hash != first
    values = scene.values.copy()
    place = np.argwhere(scene.labels[:40] > 0)[0]
    values[1, place[0], place[1]] += 1
    write_raster(
        scene.folder / "image.tif",
        values,
        scene.grid,
        nodata=-999,
        wavelengths=[700, 500, 600, 800],
    )
    assert export(scene, "d").hash != first


@pytest.mark.parametrize("questions", [0, 3, 12, 40])
def test_a_cancelled_export_leaves_the_earlier_chip_set(scene, questions):
    export(scene)
    before = files_of(scene.folder)
    with pytest.raises(Cancelled):
        export(scene, seed=9, chip_size=5, progress=Said(cancel_after=questions))
    assert files_of(scene.folder) == before
    assert not list(scene.folder.glob(".*"))


def test_a_failed_export_leaves_the_earlier_chip_set(scene, monkeypatch):
    export(scene)
    before = files_of(scene.folder)
    from hsicnn.core.data import chip_cutting

    real, calls = chip_cutting.write_chip, []

    def full_disk(path, *arguments):
        calls.append(path)
        if len(calls) == 5:
            raise OSError(28, "No space left on device")
        return real(path, *arguments)

    monkeypatch.setattr(chip_cutting, "write_chip", full_disk)
    with pytest.raises(ChipSetError, match="No space left"):
        export(scene, seed=9)
    assert files_of(scene.folder) == before


def test_an_earlier_chip_set_is_replaced_whole(scene):
    export(scene, chip_size=4)
    result = export(scene, chip_size=40)
    info = read_chip_set(result.output)
    assert len(list((scene.folder / "chips" / "images").iterdir())) == len(info.chips)
    assert {path.name for path in scene.folder.iterdir()} - {"labels.tif.aux.xml"} == {
        "chips",
        "image.tif",
        "labels.tif",
    }


def test_a_folder_that_is_no_chip_set_is_never_overwritten(scene):
    other = scene.folder / "chips"
    other.mkdir()
    export(scene)  # an empty folder is fine
    (other / "thesis.odt").write_text("years of work")
    before = files_of(scene.folder)
    with pytest.raises(ChipSetError, match=r"thesis\.odt"):
        export(scene)
    assert files_of(scene.folder) == before


@pytest.mark.parametrize("name", ["chips.json", "images/a.tif"])
def test_a_folder_that_only_looks_like_a_chip_set_is_not_overwritten(tmp_path, name):
    path = tmp_path / "x" / name
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    with pytest.raises(ChipSetError, match="not empty"):
        check_folder(tmp_path / "x")


def test_files_and_missing_parents_are_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ChipSetError, match="is a file"):
        check_folder(tmp_path / "file")
    with pytest.raises(ChipSetError, match="no folder"):
        check_folder(tmp_path / "a" / "b")


def damaged(folder, change):
    path = folder / "chips.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    change(record)
    path.write_text(json.dumps(record), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda r: r.update(format="other"), "does not belong"),
        (lambda r: r.update(format_version=99), "version 99.*Update"),
        (lambda r: r.pop("format_version"), "version"),
        (lambda r: r.pop("bands"), "damaged.*bands"),
        (lambda r: r["bands"][0].pop("scale"), "damaged"),
        (lambda r: r["classes"][0].update(color="red"), "color"),
        (lambda r: r["source"]["grid"].update(height="tall"), "damaged"),
        (lambda r: r.update(dtype="furlong"), "damaged"),
        (lambda r: r.update(chips=[], windows=None), "neither chips nor windows"),
        (lambda r: r["chips"].append(r["chips"][0]), "one name"),
        (lambda r: r["chips"][0].update(name="../../x"), "plain file name"),
        (lambda r: r["chips"][0]["window"].__setitem__(0, 999), "does not lie"),
        (lambda r: r["counts"]["train"].pop(), "counts"),
        (lambda r: r["counts"].pop("test"), "counts"),
        (lambda r: r.update(halo=-1), "halo"),
        (lambda r: r.update(halo=10**6), "has another halo"),
        (lambda r: r.update(halo="3"), "'halo' in it should be a whole number; it is '3'"),
        (lambda r: r.update(format_version=True), "no format version"),
        (lambda r: r.update(dtype="object"), "cannot hold values of type 'object'"),
        (lambda r: r.update(dtype="complex64"), "cannot hold values of type 'complex64'"),
        (lambda r: r.update(counts=[1, 2]), "'counts' in it should be a table"),
        (lambda r: r["classes"].__setitem__(0, 3), "a class should be a table; it is 3"),
        (lambda r: r["bands"].__setitem__(0, None), "a band should be a table"),
        (lambda r: r["bands"][0].update(index=float("inf")), "holds inf"),
        (lambda r: r["bands"][0].update(index=0), "band description is damaged"),
        (lambda r: r["bands"][0].update(wavelength=-5.0), "band description is damaged"),
        (lambda r: r["bands"][0].update(scale=0), "band description is damaged"),
        (lambda r: r["bands"][0].update(scale=10**400), "number of 401 digits"),
        (lambda r: r["source"]["grid"].update(width=2**31), "grid is damaged"),
        (lambda r: r["source"]["grid"].update(geotransform=[0] * 6), "grid is damaged"),
        (lambda r: r["leak"].insert(0, 7), "a 'leak' should be a table"),
        (lambda r: r["chips"][0].update(box=None), "'box' in a chip should be a list"),
        (lambda r: r["chips"][0].update(box=[1, 2]), "missing"),
        (lambda r: r["chips"][0]["window"].__setitem__(0, 1.5), "window should be a whole number"),
        (lambda r: r["chips"][0].update(name="x" * 50_000), "plain file name"),
        (lambda r: r["notes"].append("\ud800"), "cannot be shown"),
    ],
)
def test_damage_to_chips_json_is_named(scene, change, words):
    folder = scene.folder / "chips"
    export(scene)
    damaged(folder, change)
    with pytest.raises(ChipSetError, match=words):
        read_chip_set(folder)


def test_tables_nested_without_end_are_named(scene):
    export(scene)
    path = scene.folder / "chips" / "chips.json"
    path.write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(ChipSetError, match=r"chips\.json is damaged .*too deeply"):
        read_chip_set(path.parent)
    with pytest.raises(ChipSetError, match="not empty"):
        check_folder(path.parent)


def with_halo(record, halo):
    """Tell another halo, and windows that fit it."""
    grid = record["source"]["grid"]
    record["halo"] = halo
    for chip in record["chips"]:
        window = clip(grow(Window(*chip["box"]), halo), grid["height"], grid["width"])
        chip["window"] = list(window)


def test_a_halo_that_no_memory_can_hold_is_refused(scene):
    export(scene)
    damaged(scene.folder / "chips", lambda record: with_halo(record, 100_000))
    with pytest.raises(ChipSetError, match="larger than any that is ever written"):
        read_chip_set(scene.folder / "chips")
    with pytest.raises(InputError, match="HALO is 100000"):
        export(scene, "other", halo=100_000)


def test_missing_and_foreign_folders_are_named(scene, tmp_path):
    with pytest.raises(ChipSetError, match="no folder"):
        read_chip_set(tmp_path / "nowhere")
    with pytest.raises(ChipSetError, match="has no chips"):
        read_chip_set(tmp_path)
    export(scene)
    folder = scene.folder / "chips"
    text = (folder / "chips.json").read_text(encoding="utf-8")
    (folder / "chips.json").write_text(text[: len(text) // 2], encoding="utf-8")
    with pytest.raises(ChipSetError, match="damaged"):
        read_chip_set(folder)
    (folder / "chips.json").write_text(text, encoding="utf-8")
    shutil.rmtree(folder / "labels")
    with pytest.raises(ChipSetError, match="files in labels"):
        read_chip_set(folder)


def test_rasters_without_georeference_or_crs_can_be_cut(tmp_path):
    grid = make_grid(20, 20, epsg=0)
    random = np.random.default_rng(1)
    image = write_raster(tmp_path / "i.tif", random.random((2, 20, 20)).astype(np.float32), grid)
    labels = write_raster(
        tmp_path / "l.tif", random.integers(1, 3, (1, 20, 20)).astype(np.uint8), grid
    )
    result = export_training_chips(
        image=image, reference=labels, output=str(tmp_path / "c"), **EASY
    )
    assert read_chip_set(result.output).grid.crs_wkt == ""


@pytest.mark.parametrize("name", ["images/my_notes.txt", "labels/deep/a.tif", "images/999999.tif"])
def test_files_that_are_not_the_set_s_own_keep_it_where_it_is(scene, name):
    export(scene)
    own = scene.folder / "chips" / name
    own.parent.mkdir(exist_ok=True)
    own.write_text("mine")
    before = files_of(scene.folder)
    with pytest.raises(ChipSetError, match=name):
        export(scene, seed=9)
    assert files_of(scene.folder) == before


def test_what_qgis_leaves_beside_chips_is_no_hindrance(scene):
    result = export(scene)
    (chip, *_) = read_chip_set(result.output).chips
    left = scene.folder / "chips" / "images" / f"{chip.name}.tif.aux.xml"
    left.write_text("<PAMDataset/>")
    export(scene, seed=9)
    assert not left.exists()


@pytest.mark.parametrize("more", [{}, {"kind": "tiles", "tile_size": 8, "halo": 12}])
def test_footprints_that_cannot_be_replaced_keep_the_earlier_set(scene, monkeypatch, more):
    from hsicnn.core.errors import RasterError
    from hsicnn.core.raster import output_path

    footprints = scene.folder / "footprints.gpkg"
    given = {"footprints": str(footprints), "chip_size": 64, **more}
    export(scene, **given)
    before = files_of(scene.folder)

    def open_elsewhere(*_):
        raise PermissionError(13, "it is open elsewhere")

    monkeypatch.setattr(output_path, "_put", open_elsewhere)
    with pytest.raises(RasterError, match="open elsewhere"):
        export(scene, seed=9, **given)
    assert files_of(scene.folder) == before


def test_a_set_that_cannot_be_replaced_keeps_the_earlier_footprints(scene, monkeypatch):
    from hsicnn.core.data import chip_folder

    given = {"footprints": str(scene.folder / "footprints.gpkg")}
    export(scene, **given)
    before = files_of(scene.folder)

    def open_elsewhere(*_):
        raise ChipSetError("it is open elsewhere")

    monkeypatch.setattr(chip_folder, "_move_into_place", open_elsewhere)
    with pytest.raises(ChipSetError, match="open elsewhere"):
        export(scene, seed=9, **given)
    assert files_of(scene.folder) == before

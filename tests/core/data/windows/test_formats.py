"""Every format of windows, written by an export and read back by somebody else's reader."""

from __future__ import annotations

import csv
import json

import h5py
import numpy as np
import pytest
from hsicnn.core.data.chips import read_chip_set
from hsicnn.core.data.export import export_training_chips
from hsicnn.core.data.pixel_loading import load_pixels
from hsicnn.core.errors import Cancelled, ChipSetError, DependencyError, InputError
from hsicnn.core.progress import SilentProgress
from osgeo import gdal
from sklearn.datasets import load_svmlight_file

from ..conftest import Said, make_grid, write_raster

HALO = 3
SIDE = 2 * HALO + 1
ORDER = (1, 2, 0, 3)  # of the bands by wavelength, see the scene
FILES = {"hdf5": "windows.h5", "csv": "spectra.csv", "libsvm": "spectra.svm"}


@pytest.fixture
def scattered(scene):
    """The scene with a label on every ninth row and column only, the edges included."""
    labels = np.zeros_like(scene.labels)
    labels[::9, ::9] = np.maximum(scene.labels[::9, ::9], 1)
    write_raster(scene.folder / "labels.tif", labels[None], scene.grid, names=["", "a", "b", "c"])
    scene.labels = labels
    return scene


def export(scene, name="chips", **more):
    arguments = {"chip_size": 16, "halo": HALO, "split": "random", "buffer": 0, **more}
    return export_training_chips(
        image=scene.image, reference=scene.reference, output=str(scene.folder / name), **arguments
    )


def table_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def window_of(scene, row, col):
    """The window around a pixel, cut by numpy."""
    padded = np.pad(scene.values[list(ORDER)], ((0, 0), (HALO, HALO), (HALO, HALO)), "reflect")
    return np.moveaxis(padded[:, row : row + SIDE, col : col + SIDE], 0, -1)


def usable(scene):
    labels = scene.labels.copy()
    labels[40:, 45:] = 0  # nodata in the image
    return labels


def check_table(scene, table, info):
    """See that a table names every label once, where it lies."""
    labels = usable(scene)
    found = np.zeros_like(labels)
    codes = {item.code: value for value, item in enumerate(info.classes, 1)}
    for number, line in enumerate(table):
        row, col = int(line["row"]), int(line["col"])
        assert found[row, col] == 0
        found[row, col] = codes[int(line["class"])]
        assert int(line["window"]) == number
        assert line["name"] == info.classes[codes[int(line["class"])] - 1].name
        x, y = scene.grid.xy(row, col)
        assert (float(line["x"]), float(line["y"])) == (float(x), float(y))
    np.testing.assert_array_equal(found, labels)


def test_scattered_labels_are_stacked_in_one_geotiff(scattered):
    result = export(scattered)
    folder = scattered.folder / "chips"
    info = read_chip_set(folder)
    assert {path.name for path in folder.iterdir()} == {"chips.json", "windows.tif", "windows.csv"}
    assert (result.chips, result.windows) == (0, info.windows.count)
    table = table_of(folder / "windows.csv")
    check_table(scattered, table, info)
    dataset = gdal.Open(str(folder / "windows.tif"))
    assert dataset.GetMetadataItem("INTERLEAVE", "IMAGE_STRUCTURE") == "PIXEL"
    assert dataset.GetRasterBand(1).GetNoDataValue() == -999
    shape = (4, len(table), SIDE, SIDE)
    values = np.frombuffer(dataset.ReadRaster(), np.int16).reshape(shape)
    for number, line in enumerate(table):
        expected = window_of(scattered, int(line["row"]), int(line["col"]))
        np.testing.assert_array_equal(np.moveaxis(values[:, number], 0, -1), expected)


def test_hdf5_holds_a_window_around_every_label(scene):
    export(scene, file_format="hdf5")
    folder = scene.folder / "chips"
    info = read_chip_set(folder)
    table = table_of(folder / "windows.csv")
    check_table(scene, table, info)
    with h5py.File(folder / "windows.h5") as file:
        windows, labels, split = file["windows"][:], file["labels"][:], file["split"][:]
        wavelengths = file["windows"].attrs["wavelengths_nm"].tolist()
        assert list(file["labels"].attrs["names"]) == ["crop", "soil", "water"]
        assert "valid" not in file
    assert windows.dtype == np.int16
    assert wavelengths == [500, 600, 700, 800]
    names = ("unused", "train", "validation", "test")
    for number, line in enumerate(table):
        assert labels[number] == int(line["class"])
        assert names[split[number]] == line["split"]
        expected = window_of(scene, int(line["row"]), int(line["col"]))
        np.testing.assert_array_equal(windows[number], expected)


def test_csv_holds_the_spectra_behind_the_table(scene):
    export(scene, file_format="csv")
    folder = scene.folder / "chips"
    table = table_of(folder / "spectra.csv")
    check_table(scene, table, read_chip_set(folder))
    for line in table:
        found = [int(line[f"wl_{nm}"]) for nm in (500, 600, 700, 800)]
        assert found == scene.values[list(ORDER), int(line["row"]), int(line["col"])].tolist()


def test_libsvm_is_what_scikit_learn_reads(scene):
    scene.values[1, scene.labels == 2] = 0  # sparse lines leave zeros out
    write_raster(
        scene.folder / "image.tif", scene.values, scene.grid, nodata=-999,
        wavelengths=[700, 500, 600, 800],
    )  # fmt: skip
    export(scene, file_format="libsvm")
    folder = scene.folder / "chips"
    table = table_of(folder / "windows.csv")
    spectra, labels = load_svmlight_file(str(folder / "spectra.svm"), n_features=4)
    dense = spectra.toarray()
    assert labels.tolist() == [float(line["class"]) for line in table]
    for number, line in enumerate(table):
        expected = scene.values[list(ORDER), int(line["row"]), int(line["col"])]
        assert dense[number].tolist() == expected.tolist()


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.uint16, np.int32, np.uint8])
@pytest.mark.parametrize("file_format", ["geotiff", "hdf5", "csv", "libsvm"])
def test_values_of_every_type_come_back_to_the_bit(tmp_path, file_format, kind):
    random = np.random.default_rng(1)
    values = (random.standard_normal((3, 20, 20)) * 50).astype(kind)
    if np.dtype(kind).kind == "u":
        values = random.integers(0, np.iinfo(kind).max, (3, 20, 20), kind, endpoint=True)
    grid = make_grid(20, 20)
    labels = np.zeros((20, 20), np.uint8)
    labels[::4, ::4] = 1 + np.arange(25).reshape(5, 5) % 2
    image = write_raster(tmp_path / "image.tif", values, grid)
    reference = write_raster(tmp_path / "labels.tif", labels[None], grid)
    folder = tmp_path / "chips"
    export_training_chips(
        image=image, reference=reference, output=str(folder), halo=1, split="random", buffer=0,
        file_format=file_format,
    )  # fmt: skip
    info = read_chip_set(folder)
    store = load_pixels(info, memory_bytes=1 << 30, progress=SilentProgress())
    assert store.values.dtype == kind
    found = store.values[store.index]
    np.testing.assert_array_equal(
        found.view(np.uint8), values[:, store.row, store.col].T.copy().view(np.uint8)
    )


def test_all_formats_hold_the_same_samples(scene):
    stores = {}
    for name in ("geotiff", "hdf5", "csv", "libsvm"):
        export(scene, name, file_format=name, block_size=6, split="blocks", buffer=1)
        info = read_chip_set(scene.folder / name)
        stores[name] = load_pixels(info, memory_bytes=1 << 30, progress=SilentProgress())
    first = stores["geotiff"]
    order = np.lexsort((first.col, first.row))
    for name, store in stores.items():
        assert (
            read_chip_set(scene.folder / name).hash == read_chip_set(scene.folder / "geotiff").hash
        )
        own = np.lexsort((store.col, store.row))
        for column in ("row", "col", "label", "split", "group"):
            np.testing.assert_array_equal(
                getattr(store, column)[own], getattr(first, column)[order]
            )
    hdf5 = stores["hdf5"]
    own = np.lexsort((hdf5.col, hdf5.row))
    patches = hdf5.values[hdf5.patch_index(own, HALO)]
    np.testing.assert_array_equal(patches, first.values[first.patch_index(order, HALO)])
    np.testing.assert_array_equal(
        hdf5.valid[hdf5.patch_index(own, HALO)], first.valid[first.patch_index(order, HALO)]
    )


@pytest.mark.parametrize("file_format", ["geotiff", "hdf5"])
def test_a_mask_of_the_image_stays(scattered, file_format):
    mask = np.ones((60, 50), bool)
    mask[20:30, 10:20] = False
    image = write_raster(
        scattered.folder / "masked.tif", np.abs(scattered.values), scattered.grid, mask=mask
    )
    scattered.image = image
    export(scattered, file_format=file_format)
    info = read_chip_set(scattered.folder / "chips")
    store = load_pixels(info, memory_bytes=1 << 30, progress=SilentProgress())
    padded = np.pad(mask, HALO, "reflect")
    assert len(store)
    for at in range(len(store)):
        row, col = store.row[at], store.col[at]
        found = store.valid[store.patch_index(np.array([at]), HALO)[0]].reshape(SIDE, SIDE)
        np.testing.assert_array_equal(found, padded[row : row + SIDE, col : col + SIDE])


def test_chips_and_windows_live_side_by_side(scene):
    labels = np.zeros_like(scene.labels)
    labels[5:12, 5:12] = 1
    labels[20, 40] = labels[50, 5] = labels[2, 2] = labels[35, 30] = 2
    write_raster(scene.folder / "labels.tif", labels[None], scene.grid)
    scene.reference = str(scene.folder / "labels.tif")
    result = export(scene, train_fraction=0.5, validation_fraction=0.0)
    assert result.chips >= 1
    assert result.windows >= 3
    info = read_chip_set(result.output)
    store = load_pixels(info, memory_bytes=1 << 30, progress=SilentProgress())
    assert len(store) == 53
    for at in range(len(store)):
        row, col = int(store.row[at]), int(store.col[at])
        found = store.values[store.patch_index(np.array([at]), HALO)[0]].reshape(SIDE, SIDE, 4)
        np.testing.assert_array_equal(found, window_of(scene, row, col))


def damage_count(folder):
    index = json.loads((folder / "chips.json").read_text())
    index["windows"]["count"] += 1
    (folder / "chips.json").write_text(json.dumps(index))


def shortened(folder, name):
    path = folder / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def lines_changed(folder, name, old, new):
    path = folder / name
    path.write_text(path.read_text().replace(old, new, 1))


@pytest.mark.parametrize(
    ("file_format", "damage", "words"),
    [
        ("geotiff", damage_count, "lines for"),
        ("geotiff", lambda f: shortened(f, "windows.tif"), "damaged|missing"),
        ("geotiff", lambda f: (f / "windows.tif").write_text("none"), "damaged|missing"),
        ("geotiff", lambda f: (f / "windows.tif").unlink(), "lacks the file windows.tif"),
        ("geotiff", lambda f: (f / "windows.csv").unlink(), "lacks the file windows.csv"),
        ("geotiff", lambda f: lines_changed(f, "windows.csv", ",train,", ",try,"), "does not fit"),
        ("geotiff", lambda f: lines_changed(f, "windows.csv", "window,", "pane,"), "columns"),
        ("geotiff", lambda f: lines_changed(f, "windows.csv", ",train,", ",test,"), "no longer"),
        ("geotiff", lambda f: (f / "windows.csv").write_bytes(b"\xff\xfe\x00"), "damaged"),
        ("hdf5", lambda f: shortened(f, "windows.h5"), "damaged"),
        ("hdf5", lambda f: (f / "windows.h5").write_bytes(b"abc"), "damaged"),
        ("csv", lambda f: shortened(f, "spectra.csv"), "does not fit|lines for"),
        ("csv", lambda f: lines_changed(f, "spectra.csv", "\n0,", "\n0,0,"), "does not fit"),
        ("libsvm", lambda f: shortened(f, "spectra.svm"), "lines or more|none of"),
        ("libsvm", lambda f: lines_changed(f, "spectra.svm", " 2:", " 5:"), "none of LibSVM"),
        ("libsvm", lambda f: lines_changed(f, "spectra.svm", " 2:", " 2:x"), "is no int16"),
        ("libsvm", lambda f: lines_changed(f, "spectra.svm", " 2:", " 2:9"), "no int16|no longer"),
    ],
)  # fmt: skip
def test_damage_is_named(scene, file_format, damage, words):
    if file_format == "geotiff":
        labels = np.zeros_like(scene.labels)
        labels[::9, ::9] = np.maximum(scene.labels[::9, ::9], 1)
        write_raster(scene.folder / "labels.tif", labels[None], scene.grid)
    export(scene, file_format=file_format)
    damage(scene.folder / "chips")
    with pytest.raises(ChipSetError, match=words):
        load_pixels(
            read_chip_set(scene.folder / "chips"), memory_bytes=1 << 30, progress=SilentProgress()
        )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"storage": "zip"}, "unknown format"),
        ({"count": 0}, "without windows"),
        ({"side": 9}, "not as large as its halo"),
        ({"side": -7}, "not as large as its halo"),
        ({"side": 2**40 + 1}, "not as large as its halo"),
        ({"storage": "csv"}, "more than spectra"),
        ({"count": "5"}, "whole number"),
    ],
)
def test_damage_to_what_is_said_of_windows_is_named(scattered, change, words):
    export(scattered)
    index = json.loads((scattered.folder / "chips" / "chips.json").read_text())
    index["windows"].update(change)
    (scattered.folder / "chips" / "chips.json").write_text(json.dumps(index))
    with pytest.raises(ChipSetError, match=words):
        read_chip_set(scattered.folder / "chips")


def test_a_stack_is_replaced_by_chips(scattered):
    export(scattered)
    dense = np.kron(np.arange(100).reshape(10, 10) % 3 + 1, np.ones((6, 5), int)).astype(np.uint8)
    scattered.reference = write_raster(scattered.folder / "dense.tif", dense[None], scattered.grid)
    export(scattered)
    names = {path.name for path in (scattered.folder / "chips").iterdir()}
    assert names == {"chips.json", "images", "labels", "groups"}


def test_what_other_programs_leave_beside_the_stack_is_no_hindrance(scattered):
    export(scattered)
    (scattered.folder / "chips" / "windows.tif.aux.xml").write_text("<PAMDataset/>")
    export(scattered, seed=9)
    assert not (scattered.folder / "chips" / "windows.tif.aux.xml").exists()


@pytest.mark.parametrize("file_format", ["geotiff", "hdf5", "csv", "libsvm"])
def test_cancelling_leaves_the_earlier_set(scattered, file_format):
    export(scattered, file_format=file_format)
    folder = scattered.folder / "chips"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    rule = Said()
    export(scattered, "other", file_format=file_format, progress=rule)
    asked = Said(cancel_after=10**6)
    export(scattered, "other", file_format=file_format, progress=asked)
    with pytest.raises(Cancelled):
        export(
            scattered, file_format=file_format, seed=5,
            progress=Said(cancel_after=10**6 - asked.left - 5),
        )  # fmt: skip
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert not [path for path in scattered.folder.iterdir() if "partial" in path.name]


def test_without_h5py_the_error_says_what_to_install(scattered, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(DependencyError, match=r"pip install .h5py"):
        export(scattered, file_format="hdf5")
    assert not (scattered.folder / "chips").exists()


def test_an_unknown_format_is_refused(scattered):
    with pytest.raises(InputError, match="FORMAT is 'zip'"):
        export(scattered, file_format="zip")

"""Images and label maps of every format, read back with GDAL."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import scipy.io
from hsicnn.core.errors import InputError
from hsicnn.core.importing.matlab_tags import list_variables
from hsicnn.core.importing.opening import opened
from hsicnn.core.progress import SilentProgress
from hsicnn.core.raster.source import RasterSource
from osgeo import gdal, osr

from .conftest import category_names, raster


def save_mat(path, **arrays):
    scipy.io.savemat(path, arrays, do_compression=True)
    return path


def save_mat_73(path, **arrays):
    """Write as MATLAB does: 512 bytes of its own, axes in reverse, classes as attributes."""
    names = {"float64": b"double", "uint8": b"uint8", "int16": b"int16", "bool": b"logical"}
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, values in arrays.items():
            item = file.create_dataset(name, data=np.asarray(values).T)
            item.attrs["MATLAB_class"] = np.bytes_(names[np.asarray(values).dtype.name])
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: test".ljust(512, b" "))
    return path


def save_h5(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file.create_dataset(f"scene/{name}", data=values, compression="gzip")
    return path


def save_npz(path, **arrays):
    np.savez_compressed(path, **arrays)
    return path


SAVERS = {
    "v5.mat": save_mat,
    "v73.mat": save_mat_73,
    "scene.h5": save_h5,
    "scene.npz": save_npz,
}


@pytest.mark.parametrize("name", SAVERS)
def test_image_and_labels_of_one_file_are_written_as_they_are(run, tmp_path, cube, truth, name):
    path = SAVERS[name](tmp_path / name, cube=cube, gt=truth)
    done = run(path)
    assert done.image.dtype == np.int16
    np.testing.assert_array_equal(done.image, np.moveaxis(cube, 2, 0))
    np.testing.assert_array_equal(done.labels, truth)
    found = done.result
    assert (found.kind, found.width, found.height, found.bands) == ("image", 17, 30, 20)
    assert (found.classes, found.samples) == (3, int((truth > 0).sum()))
    assert "bands-last" in done.said.text
    assert "0 is unlabelled" in done.said.text


@pytest.mark.parametrize("name", SAVERS)
def test_bands_first_is_recognised_and_said(run, tmp_path, cube, truth, name):
    first = np.ascontiguousarray(np.moveaxis(cube, 2, 0))
    done = run(SAVERS[name](tmp_path / name, cube=first))
    np.testing.assert_array_equal(done.image, first)
    assert "bands-first (values change most from band to band)" in done.said.text
    assert done.result.output_reference == ""
    assert not (done.folder / "labels.tif").exists()


@pytest.mark.parametrize(
    "kind", ["uint8", "uint16", "int16", "uint32", "int32", "float32", "float64", ">i2", ">f4"]
)
def test_types_are_kept(run, tmp_path, cube, kind):
    values = (cube // 20).astype(kind)
    np.save(tmp_path / "cube.npy", values)
    done = run(tmp_path / "cube.npy")
    assert done.image.dtype == np.dtype(kind).newbyteorder("=")
    np.testing.assert_array_equal(done.image, np.moveaxis(values, 2, 0))


@pytest.mark.parametrize(
    ("kind", "written"), [("int64", "int32"), ("uint64", "int32"), ("float16", "float32")]
)
def test_other_types_are_written_unchanged_in_one_that_holds_them(
    run, tmp_path, cube, kind, written
):
    values = cube.astype(kind)
    np.save(tmp_path / "cube.npy", values)
    done = run(tmp_path / "cube.npy")
    assert done.image.dtype.name == written
    np.testing.assert_array_equal(done.image, np.moveaxis(values, 2, 0))
    assert f"{kind} values" in done.said.text


def test_true_and_false_become_bytes(run, tmp_path, rng):
    values = rng.random((9, 11, 3)) > 0.5
    np.save(tmp_path / "masks.npy", values)
    done = run(tmp_path / "masks.npy", layout="bands-last")
    np.testing.assert_array_equal(done.image, np.moveaxis(values, 2, 0).astype(np.uint8))


def test_arrays_in_fortran_order_are_mapped_as_well(run, tmp_path, cube):
    np.save(tmp_path / "cube.npy", np.asfortranarray(cube))
    np.testing.assert_array_equal(run(tmp_path / "cube.npy").image, np.moveaxis(cube, 2, 0))


def test_the_ground_truth_tells_rows_from_bands(run, tmp_path, rng):
    """Nothing else does here: noise, and sides that are all different."""
    values = rng.random((12, 13, 14))
    np.save(tmp_path / "noise.npy", values)
    for shape, layout in (((12, 13), "bands-last"), ((13, 14), "bands-first")):
        np.save(tmp_path / "map.npy", rng.integers(0, 3, shape).astype(np.int16))
        done = run(tmp_path / "noise.npy", reference=tmp_path / "map.npy")
        assert f"{layout} (the ground truth has" in done.said.text
        assert done.labels.shape == shape


def test_wavelengths_tell_the_bands_and_are_read_by_the_project(run, tmp_path, rng):
    np.savez(tmp_path / "s.npz", cube=rng.random((5, 6, 7)), wavelengths=np.linspace(0.4, 1, 7))
    done = run(tmp_path / "s.npz", scale=1e-4)
    assert "bands-last (there are 7 wavelengths)" in done.said.text
    with RasterSource(str(done.folder / "image.tif")) as source:
        lengths = [band.wavelength for band in source.bands]
        assert {band.scale for band in source.bands} == {1e-4}
    np.testing.assert_allclose(lengths, np.linspace(400, 1000, 7))
    assert "SCALE 0.0001 is written as the scale" in done.said.text


@pytest.mark.parametrize("form", ["range", "list", "lines", "numbered", "envi"])
def test_wavelengths_of_the_user(run, tmp_path, cube, form):
    lengths = np.linspace(400, 2300, 20)
    file = tmp_path / "wavelengths.txt"
    given = str(file)
    if form == "range":
        given = "400-2300"
    elif form == "list":
        given = ", ".join(f"{v:.6f}" for v in lengths)
    elif form == "lines":
        file.write_text("\n".join(f"{v:.6f}" for v in lengths))
    elif form == "numbered":
        file.write_text("band;nm\n" + "\n".join(f"{n};{v:.6f}" for n, v in enumerate(lengths, 1)))
    else:
        listed = ", ".join(f"{v / 1000:.9f}" for v in lengths)
        file.write_text(f"ENVI\nwavelength units = Micrometers\nwavelength = {{{listed}}}\n")
    np.save(tmp_path / "cube.npy", cube)
    done = run(tmp_path / "cube.npy", wavelengths=given)
    with RasterSource(str(done.folder / "image.tif")) as source:
        np.testing.assert_allclose([b.wavelength for b in source.bands], lengths, rtol=1e-6)


@pytest.mark.parametrize(("order", "down"), [("auto", True), ("rows", False)])
def test_a_matrix_of_bands_and_pixels_with_its_sides(run, tmp_path, cube, truth, order, down):
    """As Samson's V with nRow and nCol: pixels of MATLAB run down the columns."""
    bands = np.moveaxis(cube, 2, 0)
    flat = (bands.transpose(0, 2, 1) if down else bands).reshape(20, -1)
    path = save_mat(tmp_path / "v.mat", V=flat, nRow=30, nCol=17, nBand=20)
    done = run(path, pixel_order=order)
    np.testing.assert_array_equal(done.image, bands)
    assert ("down the columns" if down else "along the rows") in done.said.text
    np.save(tmp_path / "gt.npy", truth)
    also = run(path, pixel_order=order, reference=tmp_path / "gt.npy")
    np.testing.assert_array_equal(also.labels, truth)


def test_a_matrix_of_pixels_and_bands_with_rows_and_cols(run, tmp_path, cube):
    np.save(tmp_path / "m.npy", cube.reshape(-1, 20))
    done = run(tmp_path / "m.npy", rows=30, cols=17)
    np.testing.assert_array_equal(done.image, np.moveaxis(cube, 2, 0))
    assert "a column a band" in done.said.text


def test_labels_as_a_list_of_pixels(run, tmp_path, cube, truth):
    """Beside a matrix and beside an image; in the order of their program."""
    flat = cube.transpose(2, 1, 0).reshape(20, -1)
    labels = truth.T.reshape(-1, 1)
    path = save_mat(tmp_path / "v.mat", V=flat, gt=labels, nRow=30, nCol=17)
    np.testing.assert_array_equal(run(path).labels, truth)
    path = save_mat(tmp_path / "cube.mat", cube=cube, gt=labels)
    np.testing.assert_array_equal(run(path).labels, truth)
    np.savez(tmp_path / "cube.npz", cube=cube, gt=truth.reshape(-1))
    done = run(tmp_path / "cube.npz")
    np.testing.assert_array_equal(done.labels, truth)
    assert "The list of labels of cube.npz runs along the rows" in done.said.text


@pytest.mark.parametrize("image", ["cube.npy", "cube.mat", "matrix.npy"])
@pytest.mark.parametrize("order", ["rows", "columns"])
def test_the_order_of_a_list_of_another_program_is_asked(run, tmp_path, cube, truth, image, order):
    """A map has it in its axes; a list of another program than the image's may run either way."""
    given = {"layout": "bands-last"}
    if image == "cube.mat":
        save_mat(tmp_path / image, cube=cube)
        np.save(tmp_path / "gt.npy", truth.reshape(-1, order="F" if order == "columns" else "C"))
        given["reference"] = tmp_path / "gt.npy"
    else:
        stored = cube
        if image == "matrix.npy":  # one order for both
            given.update(rows=30, cols=17, layout="bands-columns")
            turned = cube.transpose(1, 0, 2) if order == "columns" else cube
            stored = turned.reshape(-1, 20)
        np.save(tmp_path / image, stored)
        labels = truth.reshape(-1, 1, order="F" if order == "columns" else "C")
        given["reference"] = save_mat(tmp_path / "gt.mat", gt=labels)
    with pytest.raises(InputError, match=r"list of pixels.*PIXEL_ORDER"):
        run(tmp_path / image, **given)
    done = run(tmp_path / image, **given, pixel_order=order)
    np.testing.assert_array_equal(done.labels, truth)
    np.testing.assert_array_equal(done.image, np.moveaxis(cube, 2, 0))
    assert "(PIXEL_ORDER says so)" in done.said.text


def test_large_matrices_are_read_in_parts_of_tiles(run, tmp_path, rng):
    """Sides beyond a tile, in either order of the pixels."""
    cube = rng.integers(0, 99, (300, 270, 2)).astype(np.uint8)
    np.save(tmp_path / "rows.npy", cube.reshape(-1, 2))
    np.save(tmp_path / "columns.npy", cube.transpose(1, 0, 2).reshape(-1, 2))
    given = {"rows": 300, "cols": 270, "layout": "bands-columns"}
    expected = np.moveaxis(cube, 2, 0)
    for name in ("rows", "columns"):
        done = run(tmp_path / f"{name}.npy", pixel_order=name, **given)
        np.testing.assert_array_equal(done.image, expected)


class Counted:
    """Values that note how many bytes were asked for at once."""

    def __init__(self, values) -> None:
        self.values, self.shape, self.dtype = values, values.shape, values.dtype
        self.most = self.whole = 0

    def __getitem__(self, key):
        found = self.values[key]
        self.most = max(self.most, found.nbytes)
        self.whole += found.nbytes
        return found


@pytest.mark.parametrize("down", [True, False])
@pytest.mark.parametrize("long", [True, False])
def test_of_a_matrix_no_more_is_read_than_fits(monkeypatch, rng, down, long):
    """However long its lines are, and everything only once."""
    from hsicnn.core.importing import scene
    from hsicnn.core.importing.image import Image

    height, width = (2000, 300) if long else (300, 2000)
    cube = rng.integers(0, 99, (3, height, width)).astype(np.uint8)
    flat = (cube.transpose(0, 2, 1) if down else cube).reshape(3, -1)
    monkeypatch.setattr(scene, "_BLOCK_BYTES", 3 << 17)  # two tiles
    values = Counted(flat)
    image = Image(values, height, width, 3, (0, 1), down, "")
    found = np.zeros_like(cube)
    for window in scene._windows(image):
        part = image.read(window)
        assert part.nbytes <= 3 << 17
        found[:, window.rows, window.cols] = part
    np.testing.assert_array_equal(found, cube)
    assert values.most <= 3 << 17
    assert values.whole == cube.nbytes


def test_extent_and_crs_place_both_files(run, tmp_path, cube, truth):
    np.save(tmp_path / "cube.npy", cube)
    np.save(tmp_path / "gt.npy", truth)
    done = run(
        tmp_path / "cube.npy",
        reference=tmp_path / "gt.npy",
        crs="EPSG:32633",
        extent=[500_000, 5_800_000, 500_510, 5_800_900],
    )
    for name in ("image.tif", "labels.tif"):
        found = gdal.Open(str(done.folder / name))
        assert found.GetGeoTransform() == (500_000, 30, 0, 5_800_900, 0, -30)
        assert osr.SpatialReference(found.GetProjection()).GetAuthorityCode(None) == "32633"


def test_a_placed_ground_truth_places_the_image_and_keeps_its_names(run, tmp_path, cube, truth):
    path = tmp_path / "gt.tif"
    made = gdal.GetDriverByName("GTiff").Create(str(path), 17, 30, 1, gdal.GDT_Byte)
    made.SetGeoTransform((400_000.0, 20.0, 0.0, 5_000_000.0, 0.0, -20.0))
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(32616)
    made.SetProjection(crs.ExportToWkt())
    band = made.GetRasterBand(1)
    band.SetCategoryNames(["", "corn", "soy", "", "", "oats"])
    band.WriteRaster(0, 0, 17, 30, truth.tobytes())
    del band, made
    np.save(tmp_path / "cube.npy", cube)
    done = run(tmp_path / "cube.npy", reference=path)
    image = gdal.Open(str(done.folder / "image.tif"))
    assert image.GetGeoTransform() == (400_000, 20, 0, 5_000_000, 0, -20)
    assert category_names(done.folder / "labels.tif") == ["", "corn", "soy", "", "", "oats"]
    np.testing.assert_array_equal(done.labels, truth)
    assert "from the ground truth" in done.said.text


def test_a_label_map_alone_has_colours_names_and_another_zero(run, tmp_path, truth):
    """0 is a class where UNLABELLED is another value."""
    values = truth.astype(np.float64)
    values[values == 1] = 255
    save_mat(tmp_path / "gt.mat", gt=values)
    done = run(tmp_path / "gt.mat", unlabelled=255, class_names="0=fallow, 2=corn, 5=trees")
    dataset = gdal.Open(str(done.folder / "labels.tif"))
    band = dataset.GetRasterBand(1)
    nodata = band.GetNoDataValue()
    expected = np.where(truth == 1, nodata, truth)
    np.testing.assert_array_equal(done.labels, expected)
    assert nodata not in (0, 2, 5)
    assert category_names(done.folder / "labels.tif")[:6] == ["fallow", "", "corn", "", "", "trees"]
    table = band.GetColorTable()
    assert len({table.GetColorEntry(code)[:3] for code in (0, 2, 5)}) == 3
    assert (done.folder / "labels.qml").exists()
    assert done.result.kind == "map"
    assert not (done.folder / "image.tif").exists()


def test_names_in_a_cell_name_the_classes(run, tmp_path, cube, truth):
    names = np.array(["corn", "soy", "trees"], dtype=object).reshape(3, 1)
    path = save_mat(tmp_path / "s.mat", cube=cube, gt=truth, legend=names)
    done = run(path)
    assert category_names(done.folder / "labels.tif")[1:6] == ["corn", "soy", "", "", "trees"]
    assert "names from 'legend' of s.mat" in done.said.text


def test_one_hot_maps(run, tmp_path, cube, truth):
    layers = np.stack([truth == code for code in (1, 2, 5)], axis=2).astype(np.uint8)
    np.save(tmp_path / "layers.npy", layers)
    np.save(tmp_path / "cube.npy", cube)
    done = run(tmp_path / "cube.npy", reference=tmp_path / "layers.npy")
    np.testing.assert_array_equal(done.labels, np.where(truth == 5, 3, truth))


def test_sparse_label_maps_of_matlab(run, tmp_path, truth):
    from scipy.sparse import csc_matrix

    sparse = csc_matrix(truth.astype(np.float64))
    save_mat(tmp_path / "v5.mat", gt=sparse)
    np.testing.assert_array_equal(run(tmp_path / "v5.mat").labels, truth)
    with h5py.File(tmp_path / "v73.mat", "w", userblock_size=512) as file:
        group = file.create_group("gt")
        group.attrs["MATLAB_sparse"] = np.uint64(truth.shape[0])
        group.attrs["MATLAB_class"] = np.bytes_(b"double")
        for name, values in zip(("data", "ir", "jc"), (sparse.data, sparse.indices, sparse.indptr)):
            group[name] = values
    with (tmp_path / "v73.mat").open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(512, b" "))
    np.testing.assert_array_equal(run(tmp_path / "v73.mat").labels, truth)


def test_an_earlier_result_is_replaced_whole(tmp_path, run, cube):
    np.save(tmp_path / "cube.npy", cube)
    first = run(tmp_path / "cube.npy")
    assert raster(first.folder / "image.tif").shape == (20, 30, 17)
    assert not [path for path in first.folder.iterdir() if path.name.startswith(".")]


def test_objects_beside_an_image_do_not_matter(run, tmp_path, cube):
    """Strings and tables of newer versions of MATLAB are such."""
    import struct

    path = save_mat(tmp_path / "objects.mat", cube=cube)

    def text(word):
        return struct.pack("<II", 1, len(word)) + word.ljust(-(-len(word) // 8) * 8, b"\0")

    flags = struct.pack("<IIII", 6, 8, 17, 0)
    content = flags + text(b"label") + text(b"MCOS") + text(b"string")
    inner = flags[:8] + struct.pack("<II", 13, 0) + struct.pack("<IIII", 5, 8, 1, 1) + text(b"")
    inner += struct.pack("<III", 6, 4, 7) + bytes(4)
    content += struct.pack("<II", 14, len(inner)) + inner
    path.write_bytes(path.read_bytes() + struct.pack("<II", 14, len(content)) + content)
    with opened(path, SilentProgress()) as found:
        told = {item.name: item.problem for item in found.arrays}
    assert told["cube"] == ""
    assert told["label"].startswith("a MATLAB opaque, which is not read")
    np.testing.assert_array_equal(run(path).image, np.moveaxis(cube, 2, 0))


@pytest.mark.parametrize("packed", [False, True])
def test_files_of_matlab_are_listed_as_scipy_does(tmp_path, packed):
    from scipy.sparse import csc_matrix

    content = {
        "double": np.ones((3, 4, 5)),
        "logical": np.array([[True, False]]),
        "sparse": csc_matrix(np.eye(3)),
        "cells": np.array(["a", "b", "c"], dtype=object),
        "scene": {"a": 1.0},
        "a_name_of_many_letters": np.arange(6, dtype=np.uint16).reshape(2, 3),
        "x": np.float32(4),
    }
    path = tmp_path / "all.mat"
    scipy.io.savemat(path, content, do_compression=packed)
    with path.open("rb") as file:
        found = [(item.name, item.shape, item.kind) for item in list_variables(file)]
    assert found == scipy.io.whosmat(path)

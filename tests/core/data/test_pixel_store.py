from __future__ import annotations

import dataclasses
import tempfile

import numpy as np
import pytest
from hsicnn.core.data.chips import read_chip_set
from hsicnn.core.data.pixel_loading import load_pixels
from hsicnn.core.errors import Cancelled, ChipSetError
from hsicnn.core.raster.source import RasterSource
from hsicnn.core.raster.windows import Window
from osgeo import gdal

from .conftest import Said, make_grid, write_raster
from .test_chips import export

ORDER = [1, 2, 0, 3]


def load(result, memory_bytes=2**30, **more):
    info = read_chip_set(result.output)
    return info, load_pixels(info, memory_bytes=memory_bytes, progress=more.pop("progress", Said()))


@pytest.mark.parametrize("radius", [0, 1, 5])
def test_patches_are_those_of_the_raster_with_its_edges_mirrored(scene, radius):
    info, store = load(export(scene, halo=5))
    rows = store.patch_index(np.arange(len(store)), radius)
    side = 2 * radius + 1
    assert rows.shape == (len(store), side * side)
    values, valid = store.physical(rows), store.valid[rows]
    with RasterSource(scene.image) as source:
        for number in range(0, len(store), 7):
            corner = Window(
                int(store.row[number]) - radius, int(store.col[number]) - radius, side, side
            )
            block = source.read_reflected(corner, ORDER)
            expected = np.moveaxis(block.values, 0, -1).reshape(side * side, 4)
            good = block.valid.ravel()
            np.testing.assert_array_equal(valid[number], good)
            np.testing.assert_array_equal(values[number][good], expected[good])
    assert store.values.dtype == np.int16
    assert len(info.bands) == store.values.shape[1]


def test_samples_are_all_labels_with_their_place_and_class(scene):
    info, store = load(export(scene))
    expected = scene.labels.copy()
    expected[40:, 45:] = 0
    found = np.zeros_like(expected)
    found[store.row, store.col] = store.label
    np.testing.assert_array_equal(found, expected)
    assert len(store) == (expected > 0).sum()
    np.testing.assert_array_equal(
        store.values[store.index], scene.values[ORDER][:, store.row, store.col].T
    )
    for code, name in enumerate(("unused", "train", "validation", "test")):
        counts = np.bincount(store.label[store.split == code], minlength=4)[1:]
        assert counts.tolist() == info.counts[name]
    kinds = {
        "index": "i8", "stride": "i8", "label": "u2", "split": "u1",
        "group": "i4", "row": "i4", "col": "i4",
    }  # fmt: skip
    for name, kind in kinds.items():
        assert getattr(store, name).dtype == kind
        assert getattr(store, name).shape == (len(store),)


def test_a_radius_beyond_the_halo_is_refused_with_the_number_to_export_with(scene):
    _, store = load(export(scene, halo=3))
    with pytest.raises(ChipSetError, match="HALO=4"):
        store.patch_index(np.array([0]), 4)


def test_beyond_the_memory_budget_the_store_lies_on_disk_and_is_the_same(scene):
    result = export(scene)
    _, small = load(result)
    _, mapped = load(result, memory_bytes=1000)
    assert isinstance(mapped.values, np.memmap)
    assert not isinstance(small.values, np.memmap)
    np.testing.assert_array_equal(mapped.values, small.values)
    rows = mapped.patch_index(np.arange(5), 2)
    np.testing.assert_array_equal(mapped.physical(rows), small.physical(rows))


def test_a_band_without_a_value_is_nan_and_the_pixel_stays_valid(scene):
    _, store = load(export(scene))
    top = store.row < 10
    values = store.physical(store.index)
    np.testing.assert_array_equal(np.isnan(values[:, 1]), top)
    assert not np.isnan(values[:, [0, 2, 3]]).any()
    assert store.valid[store.index].all()
    assert not store.valid.all()


def scaled_scene(folder, dtype):
    grid = make_grid(20, 20)
    random = np.random.default_rng(2)
    values = (random.random((3, 20, 20)) * 5000).astype(dtype)
    values[:, 0, 0] = np.nan if values.dtype.kind == "f" else 77
    path = write_raster(folder / "image.tif", values, grid, nodata=77)
    dataset = gdal.Open(path, gdal.GA_Update)
    for number, (scale, offset) in enumerate([(0.0001, 0.0), (0.5, -3.0), (2.0, 1.0)], 1):
        dataset.GetRasterBand(number).SetScale(scale)
        dataset.GetRasterBand(number).SetOffset(offset)
    dataset = None
    labels = random.integers(1, 3, (1, 20, 20)).astype(np.uint8)
    return path, write_raster(folder / "labels.tif", labels, grid)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "float32", "float64"])
def test_physical_values_are_those_that_rasters_are_read_with(tmp_path, dtype):
    from hsicnn.core.data.export import export_training_chips

    image, reference = scaled_scene(tmp_path, dtype)
    result = export_training_chips(
        image=image, reference=reference, output=str(tmp_path / "c"), block_size=4, buffer=0, halo=2
    )
    _, store = load(result)
    assert store.values.dtype == dtype
    with RasterSource(image) as source:
        block = source.read(Window(0, 0, 20, 20), [0, 1, 2])
    found = store.physical(store.index)
    expected = block.values[:, store.row, store.col].T
    np.testing.assert_allclose(found, expected, rtol=2e-7, equal_nan=True)
    assert (store.row * 20 + store.col).min() == 1  # the first pixel is nodata


def test_a_mask_of_the_source_is_kept(tmp_path):
    from hsicnn.core.data.export import export_training_chips

    grid = make_grid(20, 20)
    random = np.random.default_rng(2)
    mask = random.random((20, 20)) > 0.2
    image = write_raster(
        tmp_path / "i.tif", random.integers(0, 255, (2, 20, 20)).astype(np.uint8), grid, mask=mask
    )
    labels = write_raster(
        tmp_path / "l.tif", random.integers(1, 3, (1, 20, 20)).astype(np.uint8), grid
    )
    result = export_training_chips(
        image=image, reference=labels, output=str(tmp_path / "c"), block_size=4, buffer=0, halo=2
    )
    _, store = load(result)
    assert len(store) == mask.sum()
    found = store.valid[store.patch_index(np.arange(len(store)), 2)].reshape(-1, 5, 5)
    padded = np.pad(mask, 2, mode="reflect")
    for number in range(len(store)):
        row, col = store.row[number], store.col[number]
        np.testing.assert_array_equal(found[number], padded[row : row + 5, col : col + 5])
    assert not list((tmp_path / "c" / "images").glob("*.msk"))


def test_changed_labels_and_values_are_noticed(scene):
    result = export(scene)
    info = read_chip_set(result.output)
    path = info.path("labels", info.chips[0])
    original = path.read_bytes()
    dataset = gdal.Open(str(path), gdal.GA_Update)
    dataset.GetRasterBand(1).Fill(1)
    dataset = None
    with pytest.raises(ChipSetError, match="no longer"):
        load(result)
    dataset = gdal.Open(str(path), gdal.GA_Update)
    dataset.GetRasterBand(1).Fill(9)
    dataset = None
    with pytest.raises(ChipSetError, match="value 9"):
        load(result)
    path.write_bytes(original)
    load(result)


def test_truncated_swapped_and_missing_chips_are_named(scene):
    result = export(scene)
    info = read_chip_set(result.output)
    path = info.path("images", info.chips[1])
    original = path.read_bytes()
    path.write_bytes(original[: len(original) // 2])
    with pytest.raises(ChipSetError, match=rf"{path.name} is damaged"):
        load(result)
    path.write_bytes(info.path("labels", info.chips[1]).read_bytes())
    with pytest.raises(ChipSetError, match="expected"):
        load(result)
    path.unlink()
    with pytest.raises(ChipSetError, match=path.name):
        load_pixels(info, memory_bytes=2**30, progress=Said())


def test_loading_reports_and_can_be_cancelled(scene):
    result = export(scene)
    said = Said()
    load(result, progress=said)
    assert said.fractions == sorted(said.fractions)
    assert said.fractions[-1] == 1.0
    with pytest.raises(Cancelled):
        load(result, progress=Said(cancel_after=1))


def test_a_raster_smaller_than_the_halo_is_mirrored_again_and_again(tmp_path):
    from hsicnn.core.data.export import export_training_chips

    grid = make_grid(4, 5)
    random = np.random.default_rng(2)
    image = write_raster(tmp_path / "i.tif", random.random((2, 4, 5)).astype(np.float32), grid)
    labels = write_raster(
        tmp_path / "l.tif", np.arange(20, dtype=np.uint8).reshape(1, 4, 5) % 2 + 1, grid
    )
    result = export_training_chips(
        image=image, reference=labels, output=str(tmp_path / "c"), split="random", buffer=0, halo=9
    )
    _, store = load(result)
    rows = store.patch_index(np.arange(len(store)), 9)
    with RasterSource(image) as source:
        for number in range(len(store)):
            window = Window(int(store.row[number]) - 9, int(store.col[number]) - 9, 19, 19)
            block = source.read_reflected(window, [0, 1])
            expected = np.moveaxis(block.values, 0, -1).reshape(361, 2)
            np.testing.assert_array_equal(store.physical(rows[number]), expected)


def test_bands_with_a_nodata_value_of_their_own_are_each_held_to_it(scene):
    _, store = load(export(scene))
    store.values[:2] = [[1, 7, 9, 9], [7, 1, 1, 1]]
    rows = np.array([0, 1])

    def gone(*nodata):
        return np.isnan(dataclasses.replace(store, nodata=nodata).physical(rows)).tolist()

    assert gone(1, 7, None, 9) == [[True, True, False, True], [False] * 4]
    assert gone(7, 7, 7, 7) == [[False, True, False, False], [True, False, False, False]]
    assert gone(None, None, None, None) == [[False] * 4, [False] * 4]


def test_a_full_temporary_folder_is_named(scene, monkeypatch):
    def refuse(*_, **__):
        raise OSError(28, "No space left on device")

    result = export(scene)
    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with pytest.raises(ChipSetError, match=r"temporary folder .*No space left"):
        load(result, memory_bytes=1000)

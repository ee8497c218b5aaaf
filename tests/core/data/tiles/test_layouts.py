"""The layouts that others read, by the rules of those who read them."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from hsicnn.core.data.chips import read_chip_set
from hsicnn.core.data.pixel_loading import load_pixels
from hsicnn.core.errors import InputError
from hsicnn.core.raster.grid import Grid
from osgeo import gdal, ogr

from ..conftest import Said, write_raster

SCENES = {"kind": "scenes", "stride": 4, "min_labelled": 0.3}


def values_of(path):
    dataset = gdal.Open(str(path))
    kind = {1: np.uint8, 3: np.int16}[dataset.GetRasterBand(1).DataType]
    shape = (-1, dataset.RasterYSize, dataset.RasterXSize)
    return np.frombuffer(dataset.ReadRaster(), kind).reshape(shape)


def map_of(folder):
    """The pairs of map.txt, as arcgis.learn takes them: two words a line, by blanks."""
    lines = (folder / "map.txt").read_text().splitlines()
    pairs = [line.split() for line in lines]
    assert all(len(pair) == 2 for pair in pairs)
    return [(folder / image, folder / label) for image, label in pairs]


@pytest.mark.parametrize("storage", ["geotiff", "png", "jpeg"])
def test_classified_tiles_as_arcgis_reads_them(place, storage):
    result = place.export("esri", layout="esri", file_format=storage)
    root = Path(result.output)
    info = read_chip_set(root)
    seen = 0
    for split, folder in (("train", root), ("validation", root / "validation"),
                          ("test", root / "test")):  # fmt: skip
        tiles = [tile for tile in info.tiles.tiles if tile.split == split]
        pairs = map_of(folder)
        assert len(pairs) == len(tiles)
        seen += len(pairs)
        stats = json.loads((folder / "esri_accumulated_stats.json").read_text())
        emd = json.loads((folder / "esri_model_definition.emd").read_text())
        assert stats["MetaDataMode"] == emd["MetaDataMode"] == "Classified_Tiles"
        assert (emd["ImageHeight"], emd["ImageWidth"]) == (8, 8)
        assert stats["NumTiles"] == len(pairs)
        names = {item["Value"]: item["Name"] for item in emd["Classes"]}
        assert names == {1: "crop", 2: "soil", 3: "lake"}
        assert all(len(item["Color"]) == 3 for item in emd["Classes"])
        assert any(key.startswith("WellKnownBandNames") for key in emd)
        bands = 4 if storage == "geotiff" else 3
        assert len(emd["InputRastersProps"]["BandNames"]) == len(emd["AllTilesStats"]) == bands
        codes, pixels = [], []
        for (image, label), tile in zip(pairs, tiles):
            # A label has the name of its image, in the folder beside.
            assert label.parent == image.parents[1] / "labels"
            assert label.stem == image.stem
            assert (root / tile.image, root / tile.label) == (image, label)
            codes.append(values_of(label)[0])
            pixels.append(values_of(image))
        pixel_counts = np.bincount(np.concatenate(codes).ravel(), minlength=4)[1:]
        assert stats["ClassPixelStats"]["NumPixelsPerClass"] == pixel_counts.tolist()
        held = [sum((code == value).any() for code in codes) for value in (1, 2, 3)]
        assert stats["ClassPixelStats"]["NumImagesPerClass"] == held
        if storage == "geotiff":
            flat = np.concatenate([item.reshape(4, -1) for item in pixels], axis=1)
            flat = flat[:, (flat != -999).any(axis=0)].astype(float)
            for band, told in zip(flat, emd["AllTilesStats"]):
                assert (told["Min"], told["Max"]) == (band.min(), band.max())
                assert told["Mean"] == pytest.approx(band.mean())
                assert told["StdDev"] == pytest.approx(band.std())
        lines = (folder / "stats.txt").read_text().splitlines()
        assert lines[0] == f"images = {len(pairs)} *{bands}*8*8"
    assert seen == len(info.tiles.tiles)


def test_labeled_tiles_as_arcgis_reads_them(place):
    result = place.export("labeled", layout="esri", **SCENES)
    root = Path(result.output)
    info = read_chip_set(root)
    tiles = {root / tile.image: tile for tile in info.tiles.tiles}
    for folder in (root, root / "validation", root / "test"):
        emd = json.loads((folder / "esri_model_definition.emd").read_text())
        stats = json.loads((folder / "esri_accumulated_stats.json").read_text())
        assert stats["MetaDataMode"] == "Labeled_Tiles"
        names = {item["Value"]: item["Name"] for item in emd["Classes"]}
        found = []
        for image, label in map_of(folder):
            assert label == image.parents[1] / "labels" / f"{image.stem}.xml"
            (name,) = ElementTree.parse(label).getroot().findall("object/name")
            tile = tiles[image]
            assert names[int(name.text)] == info.classes[tile.value - 1].name
            found.append(int(name.text))
        counts = np.bincount(found, minlength=4)[1:].tolist()
        assert stats["FeatureStats"]["NumFeaturesPerClass"] == counts


def image_folder(root):
    """The rules of torchvision's ImageFolder: classes are the sorted folders, files by ending."""
    endings = {".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"}
    classes = sorted(entry.name for entry in root.iterdir() if entry.is_dir())
    index = {name: number for number, name in enumerate(classes)}
    samples = [
        (path, index[name])
        for name in classes
        for path in sorted((root / name).rglob("*"))
        if path.suffix.lower() in endings
    ]
    assert {label for _, label in samples} == set(index.values())  # it refuses empty classes
    return classes, samples


@pytest.mark.parametrize("storage", ["geotiff", "png", "jpeg"])
def test_folders_of_classes_as_torchvision_reads_them(place, storage):
    said = Said()
    given = {"layout": "imagenet", "file_format": storage, "progress": said, **SCENES}
    result = place.export("imagenet", **given)
    warned = [text for text in said.warnings if "4 bands" in text and "loader" in text]
    assert len(warned) == (storage == "geotiff")
    root = Path(result.output)
    info = read_chip_set(root)
    tiles = {root / tile.image: tile for tile in info.tiles.tiles}
    total = 0
    for folder, split in (("train", "train"), ("val", "validation"), ("test", "test")):
        classes, samples = image_folder(root / folder)
        assert classes == ["crop", "lake", "soil"]
        total += len(samples)
        for path, label in samples:
            tile = tiles[path]
            assert tile.split == split
            assert info.classes[tile.value - 1].name == classes[label]
            if storage != "geotiff":
                image = pytest.importorskip("PIL.Image")
                with image.open(path) as opened:  # as ImageFolder's loader does
                    np.testing.assert_array_equal(
                        np.moveaxis(np.asarray(opened.convert("RGB")), -1, 0).shape,
                        values_of(path).shape,
                    )
            else:
                window = tile.place.window
                expected = place.values[:, window.rows, window.cols]
                np.testing.assert_array_equal(values_of(path), expected)
    assert total == len(tiles)


def test_pairs_as_torchgeo_reads_them(place):
    """RasterDataset: files by a glob, placed by their north-up bounds, image and mask alike."""
    root = Path(place.export("geo", layout="torchgeo").output)
    info = read_chip_set(root)
    found = 0
    for split in ("train", "val", "test"):
        images = sorted((root / split / "images").glob("*.tif"))
        masks = sorted((root / split / "masks").glob("*.tif"))
        assert [path.name for path in images] == [path.name for path in masks]
        found += len(images)
        for image, mask in zip(images, masks):
            one, other = gdal.Open(str(image)), gdal.Open(str(mask))
            numbers = one.GetGeoTransform()
            assert numbers == other.GetGeoTransform()
            assert numbers[2] == numbers[4] == 0
            assert numbers[5] < 0
            assert one.GetProjection() == other.GetProjection()
            row, col = place.grid.rowcol(numbers[0] + 5, numbers[3] - 5)
            expected = place.valid_labels[row : row + 8, col : col + 8]
            np.testing.assert_array_equal(values_of(mask)[0], expected)
    assert found == len(info.tiles.tiles)


@pytest.mark.parametrize(
    "settings",
    [
        {"layout": "esri"},
        {"layout": "torchgeo"},
        {"layout": "esri", **SCENES},
        {"layout": "imagenet", **SCENES, "rotation": 90},
        {"layout": "imagenet", **SCENES, "file_format": "jpeg"},
        {"file_format": "hdf5", **SCENES},
    ],
    ids=str,
)
def test_our_own_reader_reads_every_layout(place, settings):
    result = place.export("own", **settings)
    info = read_chip_set(result.output)
    store = load_pixels(info, memory_bytes=2**30, progress=Said(), radius=1)
    assert len(store)
    if settings.get("file_format", "geotiff") == "geotiff" and settings.get("kind") != "scenes":
        expected = place.values[:, store.row, store.col].T
        np.testing.assert_array_equal(store.values[store.index], expected)
    total = {name: sum(counts) for name, counts in info.counts.items()}
    if info.kind == "scenes":
        codes = np.bincount(store.split, minlength=4)
        assert codes.tolist() == list(total.values())


@pytest.mark.parametrize(
    ("crs", "geotransform", "words"),
    [
        ("", (500_000.0, 10.0, 0.0, 5_800_000.0, 0.0, -10.0), "has no CRS"),
        (None, (500_000.0, 9.0, 3.0, 5_800_000.0, 3.0, -9.0), "is turned"),
        (None, (500_000.0, 10.0, 0.0, 5_800_000.0, 0.0, 10.0), ".*first row in the north"),
    ],
)
def test_an_image_that_torchgeo_cannot_place_is_refused(place, crs, geotransform, words):
    grid = Grid(place.grid.crs_wkt if crs is None else crs, geotransform, 96, 80)
    image = write_raster(place.folder / "odd.tif", place.values, grid, nodata=-999)
    labels = write_raster(place.folder / "odd_labels.tif", place.labels[None], grid)
    given = {"image": image, "reference": labels}
    with pytest.raises(InputError, match=rf"odd\.tif {words}"):
        place.export("odd", layout="torchgeo", **given)
    assert not (place.folder / "odd").exists()
    root = Path(place.export("esri", layout="esri", **given).output)
    emd = json.loads((root / "esri_model_definition.emd").read_text())
    assert emd["ImageSpaceUsed"] == ("PIXEL_SPACE" if crs == "" else "MAP_SPACE")


@pytest.mark.parametrize("settings", [{"file_format": "hdf5"}, {"layout": "esri"}], ids=str)
def test_outlines_of_scenes_say_class_split_and_file(place, settings):
    path = place.folder / "scenes.gpkg"
    result = place.export("outlined", footprints=str(path), **SCENES, **settings)
    info = read_chip_set(result.output)
    dataset = ogr.Open(str(path))
    rows = [
        (item["split"], item["class"], item["image"], item.GetGeometryRef().GetEnvelope())
        for item in dataset.GetLayer(0)
    ]
    classes = [item.name for item in info.classes]
    for split, counts in info.counts.items():
        found = [classes.index(row[1]) for row in rows if row[0] == split]
        assert np.bincount(found, minlength=3).tolist() == counts
    for _, _, image, (west, east, south, north) in rows:
        assert Path(image).is_file()
        assert (east - west, north - south) == (80, 80)
    del dataset

"""Split reference through qgis_process: what works, and what is refused in words."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, ogr
from wrong_inputs import values_of, vary

from .conftest import EARLIER, refusal, side_by_side

pytestmark = pytest.mark.slow

SPLIT = {"REFERENCE": Path("reference.tif")}
RASTER = {"SPLIT": "raster"}
POINTS = {"REFERENCE": Path("points.gpkg"), "FIELD": "class"}
OUTPUTS = {"OUTPUT": "split.tif", "TRAIN": "train.tif", "REPORT": "report.html", "JSON": "f.json"}

#: What is wrong: values, and patterns of what the message says.
CASES: dict[str, tuple[dict[str, object], tuple[str, ...]]] = {
    "a layer without a grid": (
        POINTS,
        ("REFERENCE is a vector layer, which has no pixels", "INPUT", "PIXEL_SIZE"),
    ),
    "an unknown field": (
        {**POINTS, "FIELD": "klass", "PIXEL_SIZE": 5},
        ("FIELD 'klass' is not one of the fields of 'points': fid, class, code",),
    ),
    "labels elsewhere": (
        {"REFERENCE": Path("far.tif"), "INPUT": Path("image.tif")},
        (r"far\.tif has no label inside the image", "assign the right"),
    ),
    "words with a slip": (
        {
            "REFERENCE": Path("slip.gpkg"),
            "FIELD": "class",
            "INPUT": Path("image.tif"),
            "SPLIT": "field",
            "SPLIT_FIELD": "part",
        },
        (r"SPLIT_FIELD holds train and test, but also tset; expected only train, training",),
    ),
    "folds with parts": (
        {"SPLIT": "folds"},
        ("SPLIT is 'folds', in which every pixel trains and is tested: TRAIN cannot be written",),
    ),
    "more folds than blocks": (
        {"SPLIT": "folds", "BLOCK_SIZE": 50, "TRAIN": None},
        (r"5 folds were asked for and the labels lie in 4 blocks of 50 pixels", "smaller blocks"),
    ),
    "a count in blocks": (
        {"COUNT_PER_CLASS": 20},
        ("COUNT_PER_CLASS is 20, but SPLIT is 'blocks'", "Use SPLIT 'random'"),
    ),
    "classes too small": (
        {"MIN_PER_CLASS": 100_000},
        ("MIN_PER_CLASS is 100,000, and no class has so many labelled pixels",),
    ),
    "codes of no split": (
        {**RASTER, "SPLIT_RASTER": Path("codes.tif")},
        (r"codes\.tif holds the value 9; expected 1 for train, 2 for validation, 3 for test",),
    ),
    "a split elsewhere": (
        {**RASTER, "SPLIT_RASTER": Path("far.tif")},
        (r"far\.tif has no label inside the image",),
    ),
    "masks that overlap": (
        {**RASTER, "TRAIN_MASK": Path("reference.tif"), "TEST_MASK": Path("codes.tif")},
        (r"labelled pixels are in both reference\.tif \(train\) and codes\.tif \(test\)",),
    ),
    "a raster of several bands": (
        {**RASTER, "SPLIT_RASTER": Path("image.tif")},
        (r"image\.tif has 16 bands; a label raster has one",),
    ),
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> Path:
    """A folder with a small scene, and with inputs that are wrong for a split."""
    from hsicnn.core.simulation.scene import create_example_scene

    folder = tmp_path_factory.mktemp("split")
    paths = [folder / name for name in ("image.tif", "reference.tif", "points.gpkg")]
    outputs = dict(zip(("output", "reference", "samples"), map(str, paths)))
    create_example_scene(**outputs, size=96, bands=16, classes=3)
    codes = values_of(paths[1]).copy()
    codes[codes > 0] = 1
    codes[0, :2, :2] = 9
    vary(paths[1], folder / "codes.tif", codes)
    left, size, _, top, _, _ = gdal.Open(str(paths[1])).GetGeoTransform()
    vary(paths[1], folder / "far.tif", transform=(left + 100_000, size, 0, top, 0, -size))
    write_slip(folder / "slip.gpkg", paths[0])
    return folder


def write_slip(path: Path, image: Path) -> None:
    """Write points whose field of splits has a word that is none."""
    like = gdal.Open(str(image))
    left, size, _, top, _, _ = like.GetGeoTransform()
    dataset = gdal.GetDriverByName("GPKG").Create(str(path), 0, 0, 0, gdal.GDT_Unknown)
    layer = dataset.CreateLayer("slip", like.GetSpatialRef(), ogr.wkbPoint)
    for name in ("class", "part"):
        layer.CreateField(ogr.FieldDefn(name, ogr.OFTString))
    for number, word in enumerate(["train", "test", "tset", "train"]):
        feature = ogr.Feature(layer.GetLayerDefn())
        feature.SetField("class", "ab"[number % 2])
        feature.SetField("part", word)
        across, up = left + (5.5 + 10 * number) * size, top - 5.5 * size
        feature.SetGeometry(ogr.CreateGeometryFromWkt(f"POINT({across} {up})"))
        layer.CreateFeature(feature)
    dataset.FlushCache()


@pytest.fixture(scope="module")
def said(request, headless, inputs, tmp_path_factory):
    """What was said in each case, at some time."""

    def run(name: str) -> str:
        folder = tmp_path_factory.mktemp("refused")
        outputs = {key: folder / file for key, file in OUTPUTS.items()}
        for path in outputs.values():
            path.write_bytes(EARLIER)
        given = {**SPLIT, **outputs, **CASES[name][0]}
        paths = {
            key: inputs / value if isinstance(value, Path) else value
            for key, value in given.items()
            if value is not None
        }
        return refusal(headless, "splitreference", folder, **paths)

    with side_by_side(request, run) as found:
        yield found


@pytest.mark.parametrize("case", CASES)
def test_is_refused_in_words_and_changes_nothing(said, case):
    text = said[case].result()
    for words in CASES[case][1]:
        assert re.search(words, text), f"no {words!r} in:\n{text}"


def test_a_split_of_points_without_an_image(headless, inputs, tmp_path):
    outputs = {name: tmp_path / file for name, file in OUTPUTS.items()}
    given = {"REFERENCE": inputs / "points.gpkg", "FIELD": "class", "PIXEL_SIZE": 5}
    done = headless.run("splitreference", **given, SPLIT="random", **outputs)
    assert done.returncode == 0, done.stdout
    figures = json.loads((tmp_path / "f.json").read_text())
    codes = values_of(tmp_path / "split.tif")[0]
    for code, name in enumerate(("train", "validation", "test"), 1):
        assert sum(figures["counts"][name]) == np.count_nonzero(codes == code) > 0
    assert np.count_nonzero(values_of(tmp_path / "train.tif")) == sum(figures["counts"]["train"])
    assert "<h1>Split of points.gpkg</h1>" in (tmp_path / "report.html").read_text()

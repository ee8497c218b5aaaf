"""Wrong inputs through qgis_process: refused in words, and nothing that was there is changed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .conftest import earlier_outputs, refusal, side_by_side

pytest.importorskip("torch")
pytest.importorskip("safetensors")
pytestmark = pytest.mark.slow

# Paths are files of the wrong inputs or of the chain.
EXPORT = {"INPUT": Path("image.tif"), "REFERENCE": Path("reference.tif")}
TRAIN = {"INPUT": Path("chips"), "EPOCHS": 1, "DEVICE": "cpu"}
CLASSIFY = {"INPUT": Path("image.tif"), "MODEL": Path("model.safetensors"), "DEVICE": "cpu"}
ASSESS = {"INPUT": Path("reference.tif"), "SAMPLES": Path("chips")}
COMMON = {
    "exporttrainingchips": EXPORT,
    "trainclassifier": TRAIN,
    "classifyraster": CLASSIFY,
    "assessaccuracy": ASSESS,
}
LABELS = {"FIELD": "class"}
BY_FIELD = {**LABELS, "SPLIT": "field", "SPLIT_FIELD": "part"}
HERE = r"x 427500\.00 to 427980\.00, y 5800520\.00 to 5801000\.00"

#: What is wrong: the algorithm, its values, and patterns of what the message says.
CASES: dict[str, tuple[str, dict[str, object], tuple[str, ...]]] = {
    "labels elsewhere": (
        "exporttrainingchips",
        {"REFERENCE": Path("far.tif")},
        (r"far\.tif has no label inside the image", r"x 527500\.00 to", HERE, "assign the right"),
    ),
    "labels elsewhere, without a CRS": (
        "exporttrainingchips",
        {"REFERENCE": Path("far-bare.tif")},
        (r"far-bare\.tif has no CRS and was taken to have the image's", HERE),
    ),
    "label raster on a local grid": (
        "exporttrainingchips",
        {"REFERENCE": Path("local.tif")},
        (r"local\.tif is site grid, which cannot be transformed", "33N", "Assign projection"),
    ),
    "layer on a local grid": (
        "exporttrainingchips",
        {"REFERENCE": Path("local.gpkg"), **LABELS},
        (r"local\.gpkg is site grid, which cannot be transformed", "33N", "Assign projection"),
    ),
    "image on a local grid": (
        "exporttrainingchips",
        {"INPUT": Path("local-image.tif")},
        (r"reference\.tif is WGS 84 .* cannot be transformed to site grid", "georeference"),
    ),
    "unknown field": (
        "exporttrainingchips",
        {"REFERENCE": Path("points.gpkg"), "FIELD": "klass"},
        ("FIELD 'klass' is not one of the fields of 'points': fid, class, code",),
    ),
    "unknown split field": (
        "exporttrainingchips",
        {"REFERENCE": Path("no-test.gpkg"), **BY_FIELD, "SPLIT_FIELD": "zone"},
        (r"no-test\.gpkg has no field 'zone'; it has class, part", "SPLIT_FIELD"),
    ),
    "one class only": (
        "exporttrainingchips",
        {"REFERENCE": Path("one-class.tif")},
        ("only one class, 'class 1', with 2,221 pixels", "two or more", "another field"),
    ),
    "a class of one pixel": (
        "exporttrainingchips",
        {"REFERENCE": Path("one-pixel.tif")},
        ("'class 3' has a single labelled pixel, of 1,460 in all", "Label more"),
    ),
    "a class that never trains": (
        "exporttrainingchips",
        {"REFERENCE": Path("no-train.gpkg"), **BY_FIELD},
        ("the class 'b' no pixel for train", "0 for train, 0 for validation, 576 for test"),
    ),
    "a class that is never tested": (
        "exporttrainingchips",
        {"REFERENCE": Path("no-test.gpkg"), **BY_FIELD},
        ("the class 'b' no pixel for test", "576 for train, .* 0 for test", "Write 'test' into"),
    ),
    "more classes than labels can have": (
        "exporttrainingchips",
        {"REFERENCE": Path("65792-classes.tif")},
        (r"65792-classes\.tif holds more than 1,000 different values", "expected classes"),
    ),
    "a code beyond 65535": (
        "exporttrainingchips",
        {"REFERENCE": Path("code-65536.tif")},
        ("Class code 65536 does not fit", "0-65535", "Renumber"),
    ),
    "image of NaN": (
        "exporttrainingchips",
        {"INPUT": Path("nan.tif")},
        (r"nan\.tif has no usable band", "bands 1-12, 14-16", "nodata value"),
    ),
    "image of nodata": (
        "exporttrainingchips",
        {"INPUT": Path("nodata.tif")},
        (r"nodata\.tif has no usable band", "choose another raster"),
    ),
    "image with control points only": (
        "exporttrainingchips",
        {"INPUT": Path("points-only.tif")},
        (r"points-only\.tif has 4 ground control points but no geotransform", "Warp"),
    ),
    "labels with control points only": (
        "exporttrainingchips",
        {"REFERENCE": Path("points-only-labels.tif")},
        (r"points-only-labels\.tif has 4 ground control points", "Warp"),
    ),
    "empty layer": (
        "exporttrainingchips",
        {"REFERENCE": Path("empty.gpkg"), **LABELS},
        (r"empty\.gpkg is empty: it has no features", "another layer"),
    ),
    "features without a place": (
        "exporttrainingchips",
        {"REFERENCE": Path("no-geometry.gpkg"), **LABELS},
        (r"None of the 2 features of no-geometry\.gpkg .*: 2 without a geometry",),
    ),
    "polygons that cross themselves": (
        "exporttrainingchips",
        {"REFERENCE": Path("crossed.gpkg"), **LABELS},
        (r"None of the 4 features of crossed\.gpkg .*: 4 with an invalid", "Fix geometries"),
    ),
    "chip set of a newer format": (
        "trainclassifier",
        {"INPUT": Path("newer-chips")},
        ("newer-chips has format version 99; this plugin reads up to 2", "Update the plugin"),
    ),
    "patches beyond the halo": (
        "trainclassifier",
        {"PATCH_SIZE": 31},
        ("takes patches of 1, 3, .* PATCH_SIZE is 31", "Leave it empty"),
    ),
    "model folder that is a file": (
        "trainclassifier",
        {"OUTPUT": Path("image.tif") / "model.safetensors"},
        (r"The folder \S+image\.tif for the model file does not exist; make it first",),
    ),
    "too few bands": (
        "classifyraster",
        {"INPUT": Path("three-bands.tif")},
        (r"three-bands\.tif has 3 bands, 420-607 nm; needed are 15", "Choose a raster of the same"),
    ),
    "too few bands without wavelengths": (
        "classifyraster",
        {"INPUT": Path("three-bands-bare.tif")},
        ("has 3 bands without wavelengths; expected are 16 bands", "or one with wavelengths"),
    ),
    "other wavelengths": (
        "classifyraster",
        {"INPUT": Path("shifted.tif")},
        (r"shifted\.tif has 16 bands, 820-2850 nm", r"420-2450 nm", r"bands 1-4 \(420-710 nm\)"),
    ),
    "values ten times too large": (
        "classifyraster",
        {"INPUT": Path("ten-times.tif")},
        (r"ten-times\.tif do not have the scale", "times as much", r"should probably be 0\.0001"),
    ),
    "values ten times too small": (
        "classifyraster",
        {"INPUT": Path("a-tenth.tif")},
        (r"a-tenth\.tif do not have the scale", "times less", r"should probably be 0\.0001"),
    ),
    "truncated model": (
        "classifyraster",
        {"MODEL": Path("cut.safetensors")},
        (r"cut\.safetensors is no whole model file", "cut short", "copy it again"),
    ),
    "pickle as model": (
        "classifyraster",
        {"MODEL": Path("pickle.pt")},
        (r"pickle\.pt is a PyTorch pickle", "never read", r"\.safetensors file written by"),
    ),
    "pickle in disguise": (
        "classifyraster",
        {"MODEL": Path("pickle.safetensors")},
        (r"pickle\.safetensors is a PyTorch pickle",),
    ),
    "model of a newer format": (
        "classifyraster",
        {"MODEL": Path("newer.safetensors")},
        ("newer version of hsicnn: its format is 99", "reads up to 2", "Update the plugin"),
    ),
    "raster of NaN": (
        "classifyraster",
        {"INPUT": Path("nan.tif")},
        (r"nan\.tif has no pixel to classify", "nodata or no number", "No map was written"),
    ),
    "raster of nodata": (
        "classifyraster",
        {"INPUT": Path("nodata.tif")},
        (r"nodata\.tif has no pixel to classify", r"nodata is -32768", "No map was written"),
    ),
    "raster with control points only": (
        "classifyraster",
        {"INPUT": Path("points-only.tif")},
        (r"points-only\.tif has 4 ground control points", "Warp"),
    ),
    "extent without an area": (
        "classifyraster",
        {"EXTENT": "427600,427600,5800600,5800700"},
        (r"extent \(427600, 5800600, 427600, 5800700\) is empty", "EXTENT that has an area"),
    ),
    "extent elsewhere": (
        "classifyraster",
        {"EXTENT": "0,100,0,100"},
        (r"extent \(0, 0, 100, 100\) lies outside", r"\(427500, 5800520, 427980, 5801000\)", "33N"),
    ),
    "map folder that is a file": (
        "classifyraster",
        {"OUTPUT": Path("image.tif") / "map.tif"},
        (r"map\.tif cannot be written: there is no folder \S+image\.tif", "Create it"),
    ),
    "image as class map": (
        "assessaccuracy",
        {"INPUT": Path("image.tif")},
        (r"image\.tif has 16 bands; a class map has one", "OUTPUT of 'Classify raster'"),
    ),
    "map without a class": (
        "assessaccuracy",
        {"INPUT": Path("empty-map.tif")},
        (r"empty-map\.tif holds no class: every pixel of it is nodata", "Choose the map"),
    ),
    "map elsewhere": (
        "assessaccuracy",
        {"INPUT": Path("far.tif")},
        (r"None of the 366 labelled pixels .* lies on far\.tif", r"\(527500, 5801000\)", "33N"),
    ),
    "map on a local grid": (
        "assessaccuracy",
        {"INPUT": Path("local.tif")},
        ("CRS of the samples is WGS 84 .* cannot be transformed to site grid",),
    ),
    "reference elsewhere": (
        "assessaccuracy",
        {"REFERENCE": Path("far.tif"), "SAMPLES": ""},
        (r"far\.tif has no label inside", HERE),
    ),
}


@pytest.fixture(scope="module")
def said(request, headless, chain, wrong, tmp_path_factory):
    """What was said in each case, at some time."""

    def path_of(value: object) -> object:
        if not isinstance(value, Path) or value.is_absolute():
            return value
        return wrong / value if (wrong / value).exists() else chain / value

    def run(name: str) -> str:
        algorithm, values, _ = CASES[name]
        folder = tmp_path_factory.mktemp("refused")
        given = {**COMMON[algorithm], **earlier_outputs(algorithm, folder), **values}
        paths = {key: path_of(value) for key, value in given.items()}
        return refusal(headless, algorithm, folder, **paths)

    with side_by_side(request, run) as found:
        yield found


@pytest.mark.parametrize("case", CASES)
def test_is_refused_in_words_and_changes_nothing(said, wrong, case):
    text = said[case].result()
    for words in CASES[case][2]:
        assert re.search(words, text), f"no {words!r} in:\n{text}"
    assert not (wrong / "executed").exists()

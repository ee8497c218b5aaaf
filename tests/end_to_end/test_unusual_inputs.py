"""Inputs that look wrong and are not: they work through qgis_process."""

from __future__ import annotations

import json
import math
import shutil

import numpy as np
import pytest
from osgeo import gdal
from wrong_inputs import values_of, vary

pytest.importorskip("torch")
pytest.importorskip("safetensors")
pytestmark = pytest.mark.slow

QUICK = {"EPOCHS": 1, "SHORTEST_EPOCH": 1, "LONGEST_EPOCH": 1, "DEVICE": "cpu"}


def ran(headless, algorithm: str, **values: object) -> str:
    done = headless.run(algorithm, **values)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_names_with_blanks_and_other_letters_work_from_scene_to_report(headless, chain, tmp_path):
    folder = tmp_path / "Fläche 7, Żółw & 森林"
    folder.mkdir()
    image, reference = folder / "Überflug 1 (März).tif", folder / "Wahrheit äöü.tif"
    shutil.copyfile(chain / "image.tif", image)
    shutil.copyfile(chain / "reference.tif", reference)
    chips, model = folder / "Ausschnitte №1", folder / "Modell ß.safetensors"
    outlines, training = folder / "Umrisse ñ.gpkg", folder / "Training é.html"
    ran(
        headless,
        "exporttrainingchips",
        INPUT=image,
        REFERENCE=reference,
        OUTPUT=chips,
        FOOTPRINTS=outlines,
    )
    given = {**QUICK, "PATCH_SIZE": 1}
    ran(headless, "trainclassifier", INPUT=chips, **given, OUTPUT=model, REPORT=training)
    classes, shares = folder / "Karte 森.tif", folder / "Anteile ø.tif"
    ran(
        headless,
        "classifyraster",
        INPUT=image,
        MODEL=model,
        DEVICE="cpu",
        OUTPUT=classes,
        PROBABILITIES=shares,
    )
    report, figures = folder / "Güte ł.html", folder / "Zahlen ł.json"
    errors = folder / "Fehler ł.tif"
    ran(
        headless,
        "assessaccuracy",
        INPUT=classes,
        SAMPLES=chips,
        REPORT=report,
        JSON=figures,
        ERRORS=errors,
    )
    assert values_of(classes).any()
    assert values_of(shares).shape[0] == 3
    assert set(np.unique(values_of(errors))) <= {0, 1, 2}
    assert json.loads(figures.read_text(encoding="utf-8"))["pixels"] == 366
    assert "Karte 森.tif" in report.read_text(encoding="utf-8")
    assert training.stat().st_size
    assert gdal.OpenEx(str(outlines), gdal.OF_VECTOR).GetLayer(0).GetFeatureCount() > 0
    assert not [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_a_rotated_image_is_cut_and_classified_where_it_lies(headless, chain, tmp_path):
    x, step, _, y, _, down = gdal.Open(str(chain / "image.tif")).GetGeoTransform()
    cosine, sine = math.cos(0.3), math.sin(0.3)
    turned = (x, step * cosine, step * sine, y, step * sine, down * cosine)
    image = vary(chain / "image.tif", tmp_path / "image.tif", transform=turned)
    reference = vary(chain / "reference.tif", tmp_path / "reference.tif", transform=turned)
    chips, classes = tmp_path / "chips", tmp_path / "map.tif"
    ran(headless, "exporttrainingchips", INPUT=image, REFERENCE=reference, OUTPUT=chips)
    straight = json.loads((chain / "chips" / "chips.json").read_text(encoding="utf-8"))
    assert json.loads((chips / "chips.json").read_text("utf-8"))["counts"] == straight["counts"]
    given = {"MODEL": chain / "model.safetensors", "DEVICE": "cpu"}
    ran(headless, "classifyraster", INPUT=image, **given, OUTPUT=classes)
    ran(headless, "classifyraster", INPUT=chain / "image.tif", **given, OUTPUT=tmp_path / "s.tif")
    assert (values_of(classes) == values_of(tmp_path / "s.tif")).all()
    assert gdal.Open(str(classes)).GetGeoTransform() == pytest.approx(turned)


def test_an_image_smaller_than_the_patch_is_mirrored_beyond_its_edges(headless, chain, tmp_path):
    image, reference = tmp_path / "image.tif", tmp_path / "reference.tif"
    part = values_of(chain / "image.tif")[:, 40:45, 40:45]
    labels = np.zeros((1, 5, 5), np.uint8)
    labels[0, :, :2], labels[0, :, 3:] = 1, 2
    vary(chain / "image.tif", image, part)
    vary(chain / "reference.tif", reference, labels)
    chips, model, classes = (tmp_path / n for n in ("chips", "m.safetensors", "map.tif"))
    apart = {"SPLIT": "random", "BUFFER": 0}
    ran(headless, "exporttrainingchips", INPUT=image, REFERENCE=reference, **apart, OUTPUT=chips)
    ran(headless, "trainclassifier", INPUT=chips, **QUICK, PATCH_SIZE=9, OUTPUT=model)
    ran(headless, "classifyraster", INPUT=image, MODEL=model, DEVICE="cpu", OUTPUT=classes)
    assert values_of(classes).shape == (1, 5, 5)
    assert set(np.unique(values_of(classes))) <= {1, 2}


def test_of_polygons_the_sound_ones_count_and_the_others_are_told(headless, chain, wrong, tmp_path):
    said = ran(
        headless,
        "exporttrainingchips",
        INPUT=chain / "image.tif",
        REFERENCE=wrong / "some-crossed.gpkg",
        FIELD="class",
        OUTPUT=tmp_path / "chips",
    )
    assert "WARNING" in said
    assert "1 of 10 features of some-crossed.gpkg with an invalid outline" in said
    assert "1 of 10 features of some-crossed.gpkg without a geometry were left out" in said
    record = json.loads((tmp_path / "chips" / "chips.json").read_text(encoding="utf-8"))
    assert sum(map(sum, record["counts"].values())) == 8 * 12 * 12

"""Classifying with several models and in several views."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest
from hsicnn.core.accuracy.class_map import ClassMap
from hsicnn.core.errors import InputError, ModelFileError, RasterError
from hsicnn.core.inference.classify import classify_raster
from hsicnn.core.inference.inputs import Normaliser
from hsicnn.core.inference.patches import classify_patches
from hsicnn.core.modelfile.bundle import load_bundle, save_bundle
from hsicnn.core.modelfile.ensemble import ensemble_of
from hsicnn.core.modelfile.network import network_of
from hsicnn.core.raster.source import RasterSource
from hsicnn.core.raster.windows import Window
from hsicnn.models.turned import Turned
from osgeo import gdal

from .conftest import CLASSES, make_model, make_network, read_raster, write_scene
from .test_classify import Listener

BANDS = 50  # enough for each of the networks


def model_of(path, architecture, kind):
    """A model of 50 bands with random weights."""
    bundle = make_model(path, "etrainee_1d", kind=kind)
    if architecture == "etrainee_1d":
        return bundle
    network = make_network(architecture, bundle.normalisation.outputs)
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    radius = int(network.radius)
    bundle = dataclasses.replace(
        bundle, architecture=architecture, radius=radius, patch_size=2 * radius + 1, weights=weights
    )
    save_bundle(str(path), bundle)
    return bundle


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ensembles")
    kinds = {"etrainee_1d": "band", "multiscale": "pca", "indian_pines_3d": "band"}
    paths = []
    for name, kind in kinds.items():
        paths.append(folder / f"{name}.safetensors")
        model_of(paths[-1], name, kind)
    return write_scene(folder / "image.tif", BANDS, 21, 18, tiled=True), paths


def probabilities(image, model, path, **more):
    classify_raster(
        image=str(image), model=str(model), probabilities=str(path), device="cpu", **more
    )
    return read_raster(path)


def test_the_probabilities_are_the_means_of_what_each_model_gives(material, tmp_path):
    image, paths = material
    alone = [probabilities(image, path, tmp_path / f"{n}.tif") for n, path in enumerate(paths)]
    others = [str(path) for path in paths[1:]]
    heard = Listener()
    both = probabilities(image, paths[0], tmp_path / "p.tif", ensemble=others, progress=heard)
    valid = np.isfinite(both[0])
    assert valid.any()
    assert not valid.all()
    np.testing.assert_allclose(both[:, valid], np.mean(alone, axis=0)[:, valid], atol=2e-6)
    assert any("Ensemble of 3 models" in line for line in heard.lines)
    told = gdal.Open(str(tmp_path / "p.tif")).GetMetadata("HSICNN")
    assert "MODEL_PATH" not in told
    assert told["MODEL_NAME"].split(", ") == [path.name for path in paths]
    # The same as one file.
    file = tmp_path / "ensemble.safetensors"
    save_bundle(str(file), ensemble_of([(path.name, load_bundle(str(path))) for path in paths]))
    np.testing.assert_array_equal(probabilities(image, file, tmp_path / "f.tif"), both)
    told = gdal.Open(str(tmp_path / "f.tif")).GetMetadata("HSICNN")
    assert told["MODEL_PATH"] == str(file)


@pytest.mark.parametrize("turns", ["2", "4", "8"])
def test_views_are_averaged_as_patch_by_patch(material, tmp_path, turns):
    image, paths = material
    path = tmp_path / "p.tif"
    found = probabilities(image, paths[2], path, turns=turns)
    bundle = load_bundle(str(paths[2]))
    with RasterSource(image) as source:
        expected = classify_patches(
            Turned(network_of(bundle), int(turns)),
            source,
            list(range(BANDS)),
            Normaliser(bundle.normalisation),
            area=Window(0, 0, source.grid.height, source.grid.width),
        )
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert gdal.Open(str(path)).GetMetadata("HSICNN")["TURNS"] == turns


@pytest.mark.parametrize("number", [0, 1])
def test_views_that_change_nothing_are_left_out(material, tmp_path, number):
    image, paths = material
    heard = Listener()
    found = probabilities(image, paths[number], tmp_path / "8.tif", turns="8", progress=heard)
    np.testing.assert_array_equal(found, probabilities(image, paths[number], tmp_path / "1.tif"))
    assert any("TURNS 8 would change nothing" in line for line in heard.lines)
    assert "TURNS" not in gdal.Open(str(tmp_path / "8.tif")).GetMetadata("HSICNN")


def test_the_time_and_the_memory_are_those_of_all_views(material):
    from hsicnn.core.inference.shadow import operations, peak_bytes

    bundle = load_bundle(str(material[1][2]))
    plain, inputs = network_of(bundle), bundle.normalisation.outputs
    turned = Turned(plain, 8)
    assert operations(turned, inputs, 8, 8) == 8 * operations(plain, inputs, 8, 8)
    assert peak_bytes(turned, inputs, 8, 8) >= peak_bytes(plain, inputs, 8, 8)


def test_models_and_views_are_part_of_what_is_gone_on_with(material, tmp_path, monkeypatch):
    from hsicnn.core.inference import classify

    image, paths = material
    seen = []
    kept = classify.job_name_of

    def noted(job):
        seen.append(kept(job))
        return seen[-1]

    monkeypatch.setattr(classify, "job_name_of", noted)
    path = tmp_path / "map.tif"
    for more in ({}, {"turns": "2"}, {"turns": "4"}, {"ensemble": [str(paths[0])]}, {}):
        probabilities(image, paths[2], path, **more)
    assert seen[0] == seen[-1]
    assert len(set(seen)) == 4


def test_what_cannot_be_averaged_is_said(material, tmp_path):
    image, paths = material
    with pytest.raises(InputError, match="given twice"):
        probabilities(image, paths[0], tmp_path / "p.tif", ensemble=[str(paths[0])])
    with pytest.raises(InputError, match=r"TURNS is '3'; choose one of none, 2, 4, 8"):
        probabilities(image, paths[0], tmp_path / "p.tif", turns="3")
    other = tmp_path / "other.safetensors"
    make_model(other, "etrainee_1d", classes=CLASSES[:2])
    with pytest.raises(ModelFileError, match=r"other.safetensors and .* the same classes"):
        probabilities(image, paths[0], tmp_path / "p.tif", ensemble=[str(other)])
    # A copy counts double as well.
    copy = tmp_path / "copy.safetensors"
    shutil.copy(paths[0], copy)
    with pytest.raises(InputError, match="is the same model as"):
        probabilities(image, paths[0], tmp_path / "p.tif", ensemble=[str(copy)])
    assert not (tmp_path / "p.tif").exists()


def test_the_scale_of_every_member_is_compared(material, tmp_path):
    """The mean of two trainings is that of none: one learnt from values 10,000 times as large."""
    image, paths = material
    one = load_bundle(str(paths[0]))
    kind = type(one.normalisation)
    larger = dataclasses.replace(
        one,
        normalisation=kind(
            one.normalisation.kind,
            (one.normalisation.mean * 1e4).astype(np.float32),
            (one.normalisation.transform / 1e4).astype(np.float32),
        ),
        statistics={key: np.asarray(values) * 1e4 for key, values in one.statistics.items()},
    )
    other = tmp_path / "larger.safetensors"
    save_bundle(str(other), larger)
    raw = tmp_path / "raw.tif"  # in the scale of the other
    gdal.Translate(str(raw), gdal.Open(str(image)))
    dataset = gdal.Open(str(raw), gdal.GA_Update)
    for number in range(1, BANDS + 1):
        dataset.GetRasterBand(number).SetScale(1.0)
    del dataset
    probabilities(raw, other, tmp_path / "alone.tif")
    for first, second in ((paths[0], other), (other, paths[0])):
        with pytest.raises(RasterError, match=r"scale of the training of member \d of the"):
            probabilities(raw, first, tmp_path / "p.tif", ensemble=[str(second)])


def test_pixels_that_any_member_learnt_from_are_stated_on_the_image(material, tmp_path):
    image, paths = material
    with RasterSource(image) as source:
        grid = source.grid
    here = dataclasses.replace(
        load_bundle(str(paths[0])),
        training_grid=dataclasses.replace(grid),
        training_rows=np.array([1, 2], np.int32),
        training_cols=np.array([3, 4], np.int32),
        seed=2,
    )
    part = grid.sub(Window(4, 5, 10, 9))
    beside = dataclasses.replace(
        here,
        training_grid=part,
        training_rows=np.array([0], np.int32),
        training_cols=np.array([2], np.int32),
        seed=3,
    )
    for name, bundle in (("here", here), ("beside", beside)):
        save_bundle(str(tmp_path / f"{name}.safetensors"), bundle)
    # The third one was trained on another raster, with more pixels.
    output = tmp_path / "map.tif"
    classify_raster(
        image=str(image),
        model=str(paths[1]),
        ensemble=[str(tmp_path / "here.safetensors"), str(tmp_path / "beside.safetensors")],
        output=str(output),
        device="cpu",
    )
    with ClassMap(str(output)) as opened:
        said = opened.training_pixels()
    assert said.grid.same_as(grid)
    assert list(zip(said.rows, said.cols)) == [(1, 3), (2, 4), (4, 7)]

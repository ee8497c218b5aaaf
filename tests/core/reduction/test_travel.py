"""A model that was trained on components takes the original image."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from osgeo import gdal

pytest.importorskip("torch")
pytest.importorskip("safetensors")
pytest.importorskip("sklearn")

from hsicnn.core.data.chips import read_chip_set
from hsicnn.core.data.export import export_training_chips
from hsicnn.core.errors import ChipSetError, InputError, RasterError
from hsicnn.core.inference.classify import classify_raster
from hsicnn.core.modelfile.bundle import load_bundle
from hsicnn.core.modelfile.describe import describe_model
from hsicnn.core.reduction.carried import find_transform
from hsicnn.core.reduction.reduce import reduce_bands
from hsicnn.core.simulation.scene import create_example_scene
from hsicnn.core.training.train import train_classifier
from spectral_images import Listener, read_all

QUICK = {"epochs": 6, "patch_size": 3, "shortest_epoch": 10, "longest_epoch": 20}


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """An image of 24 bands with a corner without values and one that misses in a pixel."""
    folder = tmp_path_factory.mktemp("scene")
    made = create_example_scene(
        output=str(folder / "image.tif"),
        reference=str(folder / "reference.tif"),
        size=80,
        bands=24,
        classes=4,
    )
    dataset = gdal.Open(made.output, gdal.GA_Update)
    nodata = dataset.GetRasterBand(1).GetNoDataValue()
    hole = np.full((12, 9), nodata, np.int16).tobytes()
    for number in range(1, 25):
        dataset.GetRasterBand(number).WriteRaster(0, 0, 9, 12, hole)
    dataset.GetRasterBand(3).WriteRaster(60, 60, 1, 1, np.array([nodata], np.int16).tobytes())
    dataset = None
    return made


def classified(folder, image, model, name, progress=None):
    paths = {kind: str(folder / f"{name} {kind}.tif") for kind in ("output", "probabilities")}
    classify_raster(image=str(image), model=str(model), device="cpu", progress=progress, **paths)
    return read_all(paths["output"])[0][0], read_all(paths["probabilities"])[0]


class Trained:
    """A reduced raster, its chips, the model, and one that does not know of the reduction."""

    def __init__(self, folder, scene, reduction, normalisation):
        self.folder = folder
        self.reduced = str(folder / "reduced.tif")
        self.said = Listener()
        reduce_bands(image=scene.output, output=self.reduced, **reduction)
        self.chips = folder / "chips"
        export_training_chips(
            image=self.reduced, reference=scene.reference, output=str(self.chips), halo=4
        )
        self.model = folder / "model.safetensors"
        settings = {**QUICK, "normalisation": normalisation}
        train_classifier(
            chips=str(self.chips),
            output=str(self.model),
            settings=settings,
            device="cpu",
            progress=self.said,
        )
        plain = folder / "plain"
        shutil.copytree(self.chips, plain)
        index = json.loads((plain / "chips.json").read_text(encoding="utf-8"))
        del index["reduction"]
        (plain / "chips.json").write_text(json.dumps(index), encoding="utf-8")
        self.uncomposed = folder / "uncomposed.safetensors"
        train_classifier(
            chips=str(plain), output=str(self.uncomposed), settings=settings, device="cpu"
        )


CASES = {
    "pca": ({"method": "pca", "components": 12}, "band"),
    "whitened": ({"method": "pca", "components": 14, "whiten": True}, "zca"),
    "mnf": ({"method": "mnf", "components": 13}, "band"),
}


@pytest.fixture(scope="module", params=list(CASES))
def trained(request, scene, tmp_path_factory):
    return Trained(tmp_path_factory.mktemp(request.param), scene, *CASES[request.param])


def test_the_original_gives_what_the_reduced_raster_gives(trained, scene):
    expected, shares = classified(trained.folder, trained.reduced, trained.uncomposed, "reduced")
    labels, probabilities = classified(trained.folder, scene.output, trained.model, "original")
    assert len(set(np.unique(labels))) > 2
    assert (labels[:12, :9] == 0).all()
    assert np.array_equal(labels == 0, expected == 0)
    # One value that misses becomes the training's mean here, and the image's mean there.
    apart = np.ones(labels.shape, bool)
    apart[59:62, 59:62] = False
    np.testing.assert_allclose(probabilities[:, apart], shares[:, apart], atol=1e-4, equal_nan=True)
    assert np.isfinite(probabilities[:, 60, 60]).all()
    ordered = np.sort(np.nan_to_num(shares), axis=0)
    tie = ordered[-1] - ordered[-2] < 2e-4
    assert np.array_equal(labels[apart & ~tie], expected[apart & ~tie])


def test_a_missing_value_hardly_matters(trained, scene):
    """Composed and not, the pixel around which a value misses gets nearly the same."""
    _, shares = classified(trained.folder, trained.reduced, trained.uncomposed, "reduced")
    _, probabilities = classified(trained.folder, scene.output, trained.model, "original")
    assert np.abs(probabilities[:, 59:62, 59:62] - shares[:, 59:62, 59:62]).max() < 0.2


def test_model_and_chips_know_the_way(trained, scene):
    carried = find_transform(trained.reduced)
    info = read_chip_set(trained.chips)
    assert np.array_equal(info.reduction.matrix, carried.matrix)
    bundle = load_bundle(str(trained.model))
    assert [band.index for band in bundle.bands] == [band.index for band in carried.bands]
    assert bundle.bands[0].wavelength is not None
    assert bundle.chips["source_bands"] == 24
    assert np.allclose(bundle.statistics["mean"], carried.mean, rtol=1e-6)
    assert np.array_equal(find_transform(str(trained.model)).matrix, carried.matrix)
    plain = load_bundle(str(trained.uncomposed))
    for name, weights in bundle.weights.items():
        assert np.array_equal(weights, plain.weights[name])
    assert any("takes the original image" in line for line in trained.said.logs)


def test_the_transform_of_a_model_can_be_applied(trained, scene, tmp_path):
    done = reduce_bands(
        image=scene.output, output=str(tmp_path / "out.tif"), apply=str(trained.model)
    )
    assert np.array_equal(read_all(done.output)[0], read_all(trained.reduced)[0], equal_nan=True)
    with pytest.raises(InputError, match=r"uncomposed.safetensors was not trained on a raster"):
        reduce_bands(
            image=scene.output, output=str(tmp_path / "out.tif"), apply=str(trained.uncomposed)
        )


def test_the_reduced_raster_is_refused_in_plain_words(trained, tmp_path):
    with pytest.raises(RasterError, match=r"reduced.tif holds 1\d components.*Choose image.tif"):
        classified(tmp_path, trained.reduced, trained.model, "wrong")


def test_the_model_is_described(trained, tmp_path):
    page = tmp_path / "page.html"
    result = describe_model(model=str(trained.model), report=str(page))
    assert result.bands == len(load_bundle(str(trained.model)).bands)
    text = page.read_text(encoding="utf-8")
    assert "takes the original image" in text


def test_a_model_of_the_original_refuses_components_too(scene, trained, tmp_path):
    chips = tmp_path / "chips"
    export_training_chips(image=scene.output, reference=scene.reference, output=str(chips), halo=4)
    model = tmp_path / "model.safetensors"
    train_classifier(chips=str(chips), output=str(model), settings=QUICK, device="cpu")
    with pytest.raises(RasterError, match=r"the model takes the original image.*image.tif"):
        classified(tmp_path, trained.reduced, model, "wrong")


def test_a_selection_without_wavelengths_is_found_in_the_whole_image(scene, tmp_path):
    whole = tmp_path / "whole.tif"
    gdal.Translate(str(whole), scene.output)
    dataset = gdal.Open(str(whole), gdal.GA_Update)
    for number in range(1, 25):
        band = dataset.GetRasterBand(number)
        band.SetMetadata({})
        band.SetDescription(f"b{number}")
    dataset.SetMetadata({})
    dataset = None
    scene = type(scene)(**{**vars(scene), "output": str(whole)})
    case = {"method": "selection", "bands": "2-9, 12-20, 23"}
    made = Trained(tmp_path, scene, case, "band")
    expected, shares = classified(tmp_path, made.reduced, made.uncomposed, "reduced")
    labels, probabilities = classified(tmp_path, whole, made.model, "original")
    bundle = load_bundle(str(made.model))
    assert [band.index for band in bundle.bands] == [*range(2, 10), *range(12, 21), 23]
    assert np.array_equal(labels, expected)
    np.testing.assert_allclose(probabilities, shares, atol=1e-6, equal_nan=True)


def test_brightness_is_turned_about_darkness_and_not_about_the_mean(trained, scene):
    """What a spectrum of zeros becomes is asked of both maps."""
    from hsicnn.core.data.normalisation import fit_normalisation
    from hsicnn.core.training.preparation import _dark

    info = read_chip_set(trained.chips)
    rng = np.random.default_rng(0)
    fitted = fit_normalisation("band", rng.random((50, len(info.bands))).astype("f4"))
    zeros = info.reduction.apply(np.zeros((1, len(info.reduction.bands)), "f4"))
    np.testing.assert_allclose(
        _dark(info, fitted), (zeros[0] - fitted.mean) @ fitted.matrix, rtol=1e-3, atol=1e-3
    )


def test_a_damaged_reduction_in_chips_is_named(trained, tmp_path):
    chips = tmp_path / "chips"
    shutil.copytree(trained.chips, chips)
    index = json.loads((chips / "chips.json").read_text(encoding="utf-8"))
    index["reduction"]["matrix"].pop()
    (chips / "chips.json").write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(ChipSetError, match=r"chips.json is damaged.*its 'reduction'"):
        read_chip_set(chips)

"""Trainings that begin with the weights of a model, from chip sets to model files."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from hsicnn.core.data.chips import read_chip_set  # noqa: E402
from hsicnn.core.data.export import export_training_chips  # noqa: E402
from hsicnn.core.errors import Cancelled, InputError, ModelFileError  # noqa: E402
from hsicnn.core.modelfile.bundle import load_bundle, save_bundle  # noqa: E402
from hsicnn.core.progress import SilentProgress  # noqa: E402
from hsicnn.core.simulation.scene import create_example_scene  # noqa: E402
from hsicnn.core.training.initial_model import check_bands, settings_and_start  # noqa: E402
from hsicnn.core.training.train import train_classifier  # noqa: E402

QUICK = {
    "epochs": 2,
    "patch_size": 3,
    "shortest_epoch": 3,
    "longest_epoch": 3,
    "components": 6,
    "options": {"members": 1, "width": 8, "hidden": 8},
}


class Said(SilentProgress):
    def __init__(self, epochs: int = 0) -> None:
        self.lines: list[str] = []
        self.last, self.epoch = epochs, -1

    def log(self, text):
        self.lines.append(text)

    def metric(self, name, values):
        self.epoch = values["epoch"]

    def check_cancel(self):
        if self.last and self.epoch == self.last:
            raise Cancelled


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("initial")
    for classes in (3, 4):
        made = create_example_scene(
            output=str(folder / f"image{classes}.tif"),
            reference=str(folder / f"reference{classes}.tif"),
            size=64,
            bands=10,
            classes=classes,
        )
        export_training_chips(
            image=made.output,
            reference=made.reference,
            output=str(folder / f"chips{classes}"),
            halo=4,
        )
    train(folder, "first.safetensors", classes=3)
    return folder


def train(folder, output, *, classes=3, said=None, **given):
    return train_classifier(
        chips=str(folder / f"chips{classes}"),
        output=str(folder / output),
        settings={**QUICK, **given},
        device="cpu",
        progress=said,
    )


def begun(folder, output, **given):
    """Train from the first model; returns both, and what was said."""
    said = Said()
    first = str(folder / "first.safetensors")
    train(folder, output, said=said, initial_model=first, **given)
    return load_bundle(first), load_bundle(str(folder / output)), said.lines


def test_all_weights_are_taken_where_the_classes_are_the_same(folder):
    given = {"learning_rate": 1e-8, "normalisation": "min-max"}
    first, second, lines = begun(folder, "same.safetensors", **given)
    assert lines[0].startswith("NORMALISATION is not used with an INITIAL_MODEL; ")
    assert any(f"{first.parameters:,} of {first.parameters:,} weights begin" in x for x in lines)
    # With next to no learning rate they are what they were.
    for name, array in first.weights.items():
        if "weight" in name:
            np.testing.assert_allclose(array, second.weights[name], atol=1e-5, err_msg=name)
    np.testing.assert_array_equal(first.normalisation.transform, second.normalisation.transform)
    np.testing.assert_array_equal(first.normalisation.mean, second.normalisation.mean)
    # Epoch 0 is how good the model is before it learns anything new.
    assert second.history[0]["epoch"] == 0
    assert second.history[0]["validation_overall"] == pytest.approx(
        first.metrics["validation"]["overall_accuracy"]
    )


def test_of_other_classes_the_last_layer_is_fresh_and_the_rest_can_be_frozen(folder):
    first, second, lines = begun(folder, "four.safetensors", classes=4, freeze="all but the last")
    assert len(second.classes) == 4
    [taken] = [line for line in lines if "weights begin as those of first.safetensors" in line]
    assert taken.endswith("fresh are classifiers.0.5.")
    assert any("weights are frozen: spectral" in line for line in lines)
    for name, array in first.weights.items():
        if not name.startswith("classifiers.0.5"):
            np.testing.assert_array_equal(array, second.weights[name], err_msg=name)


def test_as_many_classes_of_other_names_are_other_classes(folder, tmp_path):
    first = load_bundle(str(folder / "first.safetensors"))
    renamed = [dataclasses.replace(first.classes[0], name="Mars"), *first.classes[1:]]
    save_bundle(str(tmp_path / "mars.safetensors"), dataclasses.replace(first, classes=renamed))
    said = Said()
    train(folder, "mars.safetensors", said=said, initial_model=str(tmp_path / "mars.safetensors"))
    assert any(line.endswith("fresh are classifiers.0.5.") for line in said.lines)


def test_options_and_patch_size_are_the_models_where_none_are_given(folder):
    given = {"initial_model": str(folder / "first.safetensors")}
    settings, start = settings_and_start(given)
    assert settings.options == start.options
    assert settings.patch_size == 3
    assert (settings.normalisation, settings.components) == ("pca", 6)
    other, _ = settings_and_start({**given, "patch_size": 5, "options": {"hidden": 4}})
    assert other.patch_size == 5
    assert other.options == {**start.options, "hidden": 4}
    assert settings_and_start({})[1] is None


def test_what_has_another_shape_is_fresh(folder):
    _, second, lines = begun(folder, "wider.safetensors", options={**QUICK["options"], "hidden": 9})
    [taken] = [line for line in lines if "weights begin" in line]
    assert "fresh are classifiers.0.1, classifiers.0.2, classifiers.0.5" in taken
    assert second.weights["classifiers.0.5.weight"].shape == (3, 9)


def test_fresh_weights_are_not_frozen(folder):
    given = {"options": {**QUICK["options"], "hidden": 9}, "freeze": "all but the last"}
    with pytest.raises(InputError, match=r"FREEZE is .* keep classifiers.0.1, .* drawn at random"):
        begun(folder, "frozen.safetensors", **given)
    assert not (folder / "frozen.safetensors").exists()


def test_weights_of_which_none_fit_are_refused(folder):
    other = {"options": {"members": 1, "width": 5, "hidden": 5}}
    first = str(folder / "first.safetensors")
    with pytest.raises(InputError, match=r"No weights of INITIAL_MODEL first.* fit"):
        train(folder, "none.safetensors", classes=4, initial_model=first, **other)


def test_a_model_of_another_network_is_refused(folder):
    with pytest.raises(InputError, match=r"network multiscale, and ARCHITECTURE is etrainee_1d"):
        train(
            folder,
            "other.safetensors",
            architecture="etrainee_1d",
            patch_size=1,
            options={},
            initial_model=str(folder / "first.safetensors"),
        )


def test_a_model_that_is_not_there_is_told(folder):
    with pytest.raises(ModelFileError, match=r"nowhere\.safetensors"):
        train(folder, "x.safetensors", initial_model=str(folder / "nowhere.safetensors"))


def test_bands_that_are_not_the_models_are_refused(folder):
    first = load_bundle(str(folder / "first.safetensors"))
    info = read_chip_set(folder / "chips3")
    check_bands(first, info)
    fewer = dataclasses.replace(info, bands=info.bands[:-1])
    with pytest.raises(InputError, match=r"takes 8 bands, .* chip set has 7 bands"):
        check_bands(first, fewer)
    moved = list(info.bands)
    moved[3] = dataclasses.replace(moved[3], wavelength=moved[3].wavelength + 500)
    with pytest.raises(InputError, match=r"of which band 4 .* farther than half a band's width"):
        check_bands(first, dataclasses.replace(info, bands=tuple(moved)))
    nameless = tuple(dataclasses.replace(band, wavelength=None) for band in info.bands)
    check_bands(first, dataclasses.replace(info, bands=nameless))


def test_components_are_not_the_bands_of_a_model(folder):
    class Pca:
        is_selection = False

    first = load_bundle(str(folder / "first.safetensors"))
    info = dataclasses.replace(read_chip_set(folder / "chips3"), reduction=Pca())
    with pytest.raises(InputError, match="components that 'Reduce bands' made"):
        check_bands(first, info)


def test_a_training_goes_on_to_the_bit_and_not_with_another_initial_model(folder, tmp_path):
    given = {"freeze": "1", "epochs": 3, "averaging": 0.5}
    _, whole, _ = begun(folder, "whole.safetensors", **given)
    first = str(folder / "first.safetensors")
    with pytest.raises(Cancelled):
        train(folder, "half.safetensors", said=Said(1), initial_model=first, **given)
    checkpoint = folder / "half.safetensors.checkpoint.safetensors"
    kept = checkpoint.read_bytes()
    _, second, lines = begun(folder, "half.safetensors", **given)
    assert any("Going on after epoch 1" in line for line in lines)
    for name, array in whole.weights.items():
        np.testing.assert_array_equal(array, second.weights[name], err_msg=name)

    # The same file name, other weights: another training.
    checkpoint.write_bytes(kept)
    original = (folder / "first.safetensors").read_bytes()
    train(folder, "first.safetensors", seed=9)
    try:
        _, _, lines = begun(folder, "half.safetensors", **given)
    finally:
        (folder / "first.safetensors").write_bytes(original)
    assert any("belongs to a training with other samples or settings" in line for line in lines)

"""Model files that hold several models."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from hsicnn.core.data.normalisation import Normalisation
from hsicnn.core.errors import ModelFileError
from hsicnn.core.inference.inputs import Normaliser
from hsicnn.core.modelfile import schema
from hsicnn.core.modelfile.bundle import load_bundle, save_bundle
from hsicnn.core.modelfile.describe import describe_model
from hsicnn.core.modelfile.ensemble import channels_of, ensemble_of
from hsicnn.core.modelfile.network import network_of
from hsicnn.core.modelfile.schema import ENSEMBLE_VERSION, HEADER
from hsicnn.core.modelfile.summary import describe
from hsicnn.core.raster.source import RasterBlock
from safetensors import safe_open

from .test_bundle import make_bundle, rewrite


def members(count: int = 3):
    """Models of one set of bands: the same normalisation twice, then others."""
    first = make_bundle("etrainee_1d")
    found = [("a", first), ("b", dataclasses.replace(first, seed=7))]
    for number in range(2, count):
        own = first.normalisation
        other = Normalisation("band", own.mean + number, own.transform * number)
        found.append((f"{number}", dataclasses.replace(first, normalisation=other, seed=number)))
    return found


def test_an_ensemble_comes_back_as_it_was(tmp_path):
    path = tmp_path / "ensemble.safetensors"
    made = ensemble_of(members(), metrics={"test": {"pixels": 4, "overall_accuracy": 0.5}})
    save_bundle(str(path), made)
    loaded = load_bundle(str(path))
    assert loaded.model_id == made.model_id
    assert loaded.format_version == ENSEMBLE_VERSION
    assert [member.model_id for member in loaded.members] == [m.model_id for _, m in members()]
    assert loaded.metrics["test"]["overall_accuracy"] == 0.5
    assert loaded.parameters == sum(model.parameters for _, model in members())
    assert loaded.normalisation.outputs == 2 * len(loaded.bands)  # two share theirs
    np.testing.assert_array_equal(loaded.training_rows, np.arange(5))


def test_an_ensemble_tells_when_its_members_were_trained_and_how_good_they_are():
    (_, first), (_, second), *_ = members()
    second = dataclasses.replace(second, created="2025-03-02T03:04:05+00:00", metrics={})
    made = ensemble_of([("a", first), ("b", second)])
    lines = describe(made)
    (told,) = (line for line in lines if line.startswith("Trained: "))
    assert told.startswith(f"Trained: {first.created} to {second.created}, on 5 pixels")
    assert told.endswith(f"; put together {made.created}.")
    assert [line for line in lines if line.startswith("Member")] == [
        "Member 1, on 40 own test pixels: overall accuracy 0.900, kappa nan."
    ]


def test_a_model_by_itself_is_written_as_ever(tmp_path):
    path = tmp_path / "model.safetensors"
    save_bundle(str(path), make_bundle())
    with safe_open(str(path), framework="np") as file:
        assert json.loads(file.metadata()[HEADER])["format_version"] == 1


def test_an_older_version_says_that_it_must_be_updated(tmp_path, monkeypatch):
    path = tmp_path / "ensemble.safetensors"
    save_bundle(str(path), ensemble_of(members()))
    monkeypatch.setattr(schema, "FORMAT_VERSION", 1)
    with pytest.raises(ModelFileError, match=r"format is 2, and this version reads up to 1"):
        load_bundle(str(path))


def test_members_see_to_the_bit_what_they_see_alone():
    bundle = ensemble_of(members(4))
    bands = len(bundle.bands)
    rng = np.random.default_rng(3)
    values = rng.normal(0.3, 0.1, (bands, 6, 5)).astype(np.float32)
    values[2, 1, 1] = np.nan
    valid = np.ones((6, 5), bool)
    valid[4, 4] = False

    def seen(normalisation):
        return Normaliser(normalisation).apply(RasterBlock(values.copy(), valid))

    stacked = seen(bundle.normalisation)
    assert stacked.shape == (3 * bands, 6, 5)
    for member, (start, stop) in zip(bundle.members, channels_of(bundle)):
        assert torch.equal(stacked[start:stop], seen(member.normalisation))


def test_matrices_and_factors_go_side_by_side():
    first = make_bundle("etrainee_1d")
    own = first.normalisation
    matrix = np.random.default_rng(1).normal(size=(own.bands, own.bands)).astype(np.float32)
    other = dataclasses.replace(first, normalisation=Normalisation("zca", own.mean, matrix))
    bundle = ensemble_of([("a", first), ("b", other)])
    assert bundle.normalisation.kind == "band + zca"
    block = np.random.default_rng(2).normal(size=(own.bands, 3, 4)).astype(np.float32)
    whole = Normaliser(bundle.normalisation)
    stacked = whole.apply(RasterBlock(block.copy(), np.ones((3, 4), bool)))
    alone = Normaliser(other.normalisation).apply(RasterBlock(block, np.ones((3, 4), bool)))
    assert torch.equal(stacked[own.bands :], alone)
    assert whole.empty(3, 4).shape == stacked.shape


def test_bands_and_classes_in_another_order_are_matched():
    first = make_bundle("etrainee_1d")
    back = list(range(len(first.bands)))[::-1]
    own = first.normalisation
    swapped = dataclasses.replace(
        first,
        bands=[first.bands[place] for place in back],
        normalisation=Normalisation("band", own.mean[back], own.transform[back]),
        statistics={name: values[back] for name, values in first.statistics.items()},
        classes=first.classes[::-1],
    )
    bundle = ensemble_of([("a", first), ("b", swapped)])
    assert bundle.normalisation.outputs == len(first.bands)  # after that they are the same
    inputs = torch.randn(2, own.outputs, 1, 1)
    with torch.inference_mode():
        alone = network_of(first)(inputs).softmax(1)
        found = network_of(bundle)(inputs).exp()
    torch.testing.assert_close(found, (alone + alone.flip(1)) / 2)


def test_other_bands_and_other_classes_are_refused():
    first = make_bundle("etrainee_1d")
    renamed = [dataclasses.replace(first.classes[0], name="lake"), first.classes[1]]
    with pytest.raises(ModelFileError, match=r"b and a cannot be .* same classes .*lake, water"):
        ensemble_of([("a", first), ("b", dataclasses.replace(first, classes=renamed))])
    moved = [dataclasses.replace(band, wavelength=band.wavelength + 900) for band in first.bands]
    with pytest.raises(ModelFileError, match=r"do not take the same bands \(49 bands, 1300"):
        ensemble_of([("a", first), ("b", dataclasses.replace(first, bands=moved))])
    with pytest.raises(ModelFileError, match="2 to 64 members; these are 1"):
        ensemble_of([("a", first)])
    plain = [dataclasses.replace(band, wavelength=None) for band in first.bands]
    one = dataclasses.replace(first, bands=plain, chips={"source_bands": 49})
    other = dataclasses.replace(first, bands=plain, chips={"source_bands": 60})
    assert len(ensemble_of([("a", one), ("b", one)]).members) == 2
    with pytest.raises(ModelFileError, match="same bands"):
        ensemble_of([("a", one), ("b", other)])


def test_ensembles_of_ensembles_are_flat():
    whole = ensemble_of([("ab", ensemble_of(members())), ("c", make_bundle())])
    assert len(whole.members) == 4
    assert not any(member.members for member in whole.members)


def test_training_pixels_are_those_of_all_members():
    first = make_bundle("etrainee_1d")
    other = dataclasses.replace(
        first,
        training_rows=np.array([1, 30], np.int32),
        training_cols=np.array([2, 9], np.int32),
    )
    bundle = ensemble_of([("a", first), ("b", other)])
    pairs = list(zip(bundle.training_rows.tolist(), bundle.training_cols.tolist()))
    assert pairs == [(0, 0), (1, 2), (2, 4), (3, 6), (4, 8), (30, 9)]


def test_it_is_described(tmp_path):
    path, page = tmp_path / "ensemble.safetensors", tmp_path / "page.html"
    bundle = ensemble_of([*members(2), ("w", _with_window(make_bundle("etrainee_1d")))])
    save_bundle(str(path), bundle)
    assert "Ensemble of 3 models" in describe(bundle)[0]
    told = describe_model(model=str(path), report=str(page))
    text = page.read_text()
    assert told.architecture == "ensemble"
    assert told.patch_size == 5
    assert "Member 3: " in text
    assert "3: multiscale" in text


def _with_window(like):
    """A model of the recommended network that takes the bands of another."""
    from hsicnn.models.build import build

    options = {"members": 1, "width": 4, "hidden": 4}
    torch.manual_seed(1)
    network = build("multiscale", len(like.bands), 2, {**options, "patch_size": 5})
    return dataclasses.replace(
        like,
        architecture="multiscale",
        options=options,
        radius=2,
        patch_size=5,
        weights={name: value.numpy() for name, value in network.state_dict().items()},
    )


WRONG = [
    (lambda header: header.update(members=[]), "it has 0 members"),
    (lambda header: header.update(members=header["members"] * 30), "it has 90 members"),
    (lambda header: header.pop("members"), "lacks members"),
    (lambda header: header.update(format_version=1), "lacks architecture"),
    (lambda header: header["members"][1].update(members=[]), "member 2 has members itself"),
    (lambda header: header["members"][1].pop("radius"), "member 2 lacks radius"),
    (lambda header: header["members"][1].update(radius=9), "member 2 .* patch size"),
    (lambda header: header["members"][0].update(multiple="2"), "multiple. in member 1 should be"),
    (lambda header: header["members"][0].update(multiple=None), "multiple. in member 1 should be"),
    (lambda header: header["members"].pop(), "no part of its 2 members"),
    (lambda header: header["members"][2]["classes"][0].update(name="x"), "member 3 has other"),
    (lambda header: header["bands"].pop(), "member 1 .* bands"),
    (lambda header: header["members"][0].update(seed=99), "does not match its checksum"),
]


@pytest.mark.parametrize(("change", "said"), WRONG)
def test_a_damaged_header_is_refused(tmp_path, change, said):
    path = tmp_path / "ensemble.safetensors"
    save_bundle(str(path), ensemble_of(members()))
    rewrite(path, change_header=change)
    with pytest.raises(ModelFileError, match=said):
        load_bundle(str(path))


ARRAYS = [
    (lambda arrays: arrays.pop("members/1/normalisation/mean"), "member 2 lacks norm"),
    (lambda arrays: arrays.update({"members/3/weights/x": np.zeros(2)}), "no part of its 3"),
    (lambda arrays: arrays.update({"members/1/x": np.zeros(2)}), "no part of a model"),
    (lambda arrays: arrays.update({"weights/x": np.zeros(2)}), "no part of its 3"),
]


@pytest.mark.parametrize(("change", "said"), ARRAYS)
def test_wrong_arrays_are_refused(tmp_path, change, said):
    path = tmp_path / "ensemble.safetensors"
    save_bundle(str(path), ensemble_of(members()))
    rewrite(path, change_arrays=change)
    with pytest.raises(ModelFileError, match=said):
        load_bundle(str(path))

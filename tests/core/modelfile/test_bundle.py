"""Model files: the round trip, and every way a file can be wrong."""

from __future__ import annotations

import dataclasses
import json
import struct

import numpy as np
import pytest
import torch
from hsicnn.core.data.classes import ClassInfo
from hsicnn.core.data.normalisation import fit_normalisation
from hsicnn.core.errors import ModelFileError
from hsicnn.core.modelfile.bundle import ModelBundle, load_bundle, save_bundle
from hsicnn.core.modelfile.network import network_of
from hsicnn.core.modelfile.schema import FORMAT_VERSION, HEADER
from hsicnn.core.modelfile.summary import describe
from hsicnn.core.raster.bands import Band
from hsicnn.core.raster.grid import Grid
from hsicnn.models.build import build
from hsicnn.models.catalog import NETWORKS
from hsicnn.models.seamless import seamless
from safetensors import safe_open
from safetensors.numpy import save_file

CLASSES = (ClassInfo(1, "water", "#0000ff"), ClassInfo(7, "näher", "#00ff00"))


def make_bundle(architecture: str = "etrainee_1d") -> ModelBundle:
    entry = NETWORKS[architecture]
    count = entry.min_bands + 3
    rng = np.random.default_rng(4)
    spectra = rng.normal(0.3, 0.1, (200, count)).astype(np.float32)
    normalisation = fit_normalisation("band", spectra)
    torch.manual_seed(2)
    network = build(architecture, normalisation.outputs, len(CLASSES), {})
    shape = seamless(network)
    return ModelBundle(
        architecture=architecture,
        options={},
        bands=tuple(Band(n + 1, f"band {n + 1}", 400.0 + 7 * n, 8.0) for n in range(count)),
        normalisation=normalisation,
        classes=CLASSES,
        radius=int(shape.radius),
        patch_size=entry.default_patch,
        multiple=getattr(shape, "multiple", 1),
        chips={"path": "/data/chips", "split_hash": "abc", "counts": {"train": [3, 4]}},
        metrics={"test": {"pixels": 40, "overall_accuracy": 0.9, "kappa": float("nan")}},
        history=[{"epoch": 1.0, "loss": np.float32(0.5)}],
        versions={"torch": "2.6"},
        seed=0,
        settings={"epochs": 1, "learning_rate": 1e-3},
        created="2025-01-02T03:04:05+00:00",
        training_rows=np.arange(5, dtype=np.int32),
        training_cols=np.arange(5, dtype=np.int32) * 2,
        training_grid=Grid("", (0.0, 30.0, 0.0, 90.0, 0.0, -30.0), 40, 30),
        statistics={"mean": spectra.mean(0), "deviation": spectra.std(0)},
        weights={name: value.numpy() for name, value in network.state_dict().items()},
    )


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "model.safetensors"
    save_bundle(str(path), make_bundle())
    return path


def rewrite(path, change_header=None, change_arrays=None) -> None:
    """Write a model file again with something changed, past all checks."""
    with safe_open(str(path), framework="np") as file:
        header = json.loads(file.metadata()[HEADER])
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if change_header:
        change_header(header)
    if change_arrays:
        change_arrays(arrays)
    save_file(arrays, str(path), metadata={HEADER: json.dumps(header)})


@pytest.mark.parametrize("architecture", NETWORKS)
def test_a_model_comes_back_as_it_was(tmp_path, architecture):
    bundle = make_bundle(architecture)
    path = str(tmp_path / "model.safetensors")
    save_bundle(path, bundle)
    loaded = load_bundle(path)
    assert loaded.model_id == bundle.model_id
    plain = ("architecture", "options", "bands", "classes", "radius", "multiple", "chips", "seed")
    for field in plain:
        assert getattr(loaded, field) == getattr(bundle, field), field
    assert loaded.training_grid.same_as(bundle.training_grid)
    assert loaded.metrics["test"]["kappa"] is None  # JSON has no NaN
    np.testing.assert_array_equal(loaded.training_cols, bundle.training_cols)
    np.testing.assert_array_equal(loaded.normalisation.mean, bundle.normalisation.mean)
    network = network_of(loaded)
    assert not network.training
    learnt = getattr(network, "network", network)  # of tiles it is wrapped
    for name, value in learnt.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), bundle.weights[name])


def test_saving_leaves_only_the_model(saved):
    assert [item.name for item in saved.parent.iterdir()] == [saved.name]


def test_the_id_follows_the_content():
    bundle = make_bundle()
    assert make_bundle().model_id == bundle.model_id
    other = {**bundle.weights, "classes.bias": bundle.weights["classes.bias"] + 1e-3}
    assert dataclasses.replace(bundle, weights=other).model_id != bundle.model_id
    assert dataclasses.replace(bundle, seed=3).model_id != bundle.model_id


def test_describe_names_what_matters(saved):
    text = "\n".join(describe(load_bundle(str(saved))))
    for part in ("E-TRAINEE", "49 bands, 400-736 nm", "water, näher", "5 pixels", "0.900"):
        assert part in text


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ModelFileError, match="cannot be read"):
        load_bundle(str(tmp_path / "no.safetensors"))


@pytest.mark.parametrize("keep", [0, 5, 400, -1])
def test_a_truncated_file(saved, keep):
    content = saved.read_bytes()
    saved.write_bytes(content[:keep])
    with pytest.raises(ModelFileError, match="no whole model file"):
        load_bundle(str(saved))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_is_never_opened(tmp_path, zipped):
    path = tmp_path / "model.safetensors"
    torch.save({"a": torch.zeros(1)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ModelFileError, match="pickle"):
        load_bundle(str(path))


def test_a_safetensors_file_of_another_program(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"a": np.zeros(3, np.float32)}, str(path), metadata={"format": "pt"})
    with pytest.raises(ModelFileError, match="another program"):
        load_bundle(str(path))


def test_a_newer_format(saved):
    rewrite(saved, lambda header: header.update(format_version=FORMAT_VERSION + 1))
    with pytest.raises(ModelFileError, match=r"newer version .* Update the plugin"):
        load_bundle(str(saved))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda h: h.pop("classes"), "lacks classes"),
        (lambda h: h.update(radius="3"), "'radius' in its header should be a whole number"),
        (lambda h: h.update(format_version=None), "format version"),
        (lambda h: h["classes"][0].pop("name"), "'name'"),
        (lambda h: h["bands"].pop(), "48 bands, normalisation of 49"),
        (lambda h: h["bands"].__setitem__(0, 3), "is a damaged model file"),
        (lambda h: h["classes"].clear(), "no classes"),
        (lambda h: h["classes"][1].update(code=1), "not all different"),
        (lambda h: h.update(patch_size=3), "disagree"),
        (lambda h: h.update(normalisation="magic"), "magic"),
        (lambda h: h["training_grid"].pop("height"), "grid is damaged"),
        (lambda h: h.update(seed=77), "checksum"),
        (lambda h: h.update(seed=10**30), "number of 31 digits"),
        (lambda h: h.update(settings={"rate": float("nan")}), "holds nan"),
        (lambda h: h.update(settings=nested(100)), "nested too deeply"),
        (lambda h: h["classes"][0].update(name="a\x00"), "cannot be shown"),
        (lambda h: h["classes"][0].update(name="\ud800"), "cannot be shown"),
        (lambda h: h["bands"][0].update(wavelength=-1), "band description is damaged"),
        (lambda h: h["chips"].update(source_bands=3), "band 49 of a raster of 3 bands"),
        (lambda h: h["chips"].update(split_hash=3), "'split_hash' in its 'chips' should be a text"),
        (lambda h: h["chips"]["counts"].update(train="many"), "pixels of train should be a list"),
        (lambda h: h["metrics"].update(test=[1]), "'test' in its 'metrics' should be a table"),
        (lambda h: h["metrics"]["test"].update(pixels="40"), "'pixels' in its figures of test"),
        (lambda h: h["metrics"]["test"].update(kappa="0.5"), "'kappa' in its figures of test"),
        (lambda h: h["metrics"]["test"].update(classes={"f1": ["a"]}), "'f1' of test"),
        (lambda h: h.update(history=[3]), "item of its history should be a table"),
        (lambda h: h["history"][0].update(loss="low"), "epoch of its history"),
        (lambda h: h["versions"].update(torch=2), "its versions should be a text"),
        (lambda h: h["training_grid"].update(height=3), "outside their raster"),
        (lambda h: h["training_grid"].update(width=2**40), "grid is damaged"),
    ],
)
def test_a_header_that_is_wrong(saved, change, expected):
    rewrite(saved, change)
    with pytest.raises(ModelFileError, match=expected):
        load_bundle(str(saved))


def nested(depth):
    value = 1
    for _ in range(depth):
        value = [value]
    return {"deep": value}


def spelt(path, old, new):
    """Replace a piece of the table that safetensors itself reads."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    table, body = content[8 : 8 + length], content[8 + length :]
    assert table.count(old) >= 1
    table = table.replace(old, new, 1)
    path.write_bytes(struct.pack("<Q", len(table)) + table + body)


@pytest.mark.parametrize("dtype", [b"F8_E5M2", b"F8_E4M3", b"U8"])
def test_numbers_of_another_type_are_named(saved, dtype):
    spelt(saved, b'"dtype":"I64","shape":[]', b'"dtype":"%s","shape":[8]' % dtype)
    with pytest.raises(ModelFileError, match=r"model\.safetensors is "):
        load_bundle(str(saved))


def test_long_errors_of_libraries_are_cut(saved):
    spelt(saved, b'"dtype":"I64"', b'"dtype":"%s"' % (b"x" * 50_000))
    with pytest.raises(ModelFileError, match="no whole model file") as caught:
        load_bundle(str(saved))
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("architecture", "options"),
    [
        ("multiscale", {"members": 64, "width": 1024, "hidden": 4096}),
        ("etrainee_1d", {"conv1": 1024, "conv2": 1024, "conv3": 1024, "dense1": 8192}),
    ],
)
def test_a_network_is_not_built_before_its_weights_are_there(monkeypatch, architecture, options):
    # These would take 10 GB and 2 GB.
    bundle = dataclasses.replace(make_bundle(architecture), options=options)
    devices = []

    def watched(*arguments):
        devices.append(torch.empty(0).device.type)
        return build(*arguments)

    monkeypatch.setattr("hsicnn.models.build.build", watched)
    with pytest.raises(ModelFileError, match="weights"):
        network_of(bundle)
    assert devices == ["meta"]
    network_of(make_bundle(architecture))
    assert devices == ["meta", "meta", "cpu"]


def test_weights_of_another_type_are_named():
    bundle = make_bundle()
    weights = {**bundle.weights, "classes.bias": bundle.weights["classes.bias"].astype(np.float64)}
    with pytest.raises(ModelFileError, match=r"of float64; its network .* of float32"):
        network_of(dataclasses.replace(bundle, weights=weights))


def broken_weight(arrays):
    arrays["weights/classes.bias"][0] = np.nan


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda a: a.update({"network/weight": np.zeros(2, np.float32)}), "no part of a model"),
        (broken_weight, "'classes.bias' hold values that are no numbers"),
        (lambda a: a.pop("training/rows"), "lacks training/rows"),
        (lambda a: a.update({"training/rows": np.zeros(2, np.int32)}), "differ in number"),
        (lambda a: a.update({"statistics/mean": np.zeros(2, np.float32)}), "statistics of"),
        (lambda a: a["normalisation/mean"].__setitem__(0, np.inf), "normalisation is damaged"),
        (lambda a: a["weights/classes.bias"].__iadd__(1.0), "checksum"),
        (lambda a: a["statistics/deviation"].__setitem__(2, np.nan), "'deviation' hold values"),
        (lambda a: a.update({"training/rows": np.full(5, -1, np.int32)}), "outside their raster"),
        (lambda a: a.update({"training/rows": np.full(5, 40, np.int32)}), "outside their raster"),
        (lambda a: a.update({"training/rows": np.zeros(5, np.float32)}), "outside their raster"),
        (lambda a: a.update({"training/rows": np.array(3, np.int32)}), "differ in number"),
        (lambda a: a.update({"normalisation/mean": np.zeros(())}), "normalisation is damaged"),
    ],
)
def test_arrays_that_are_wrong(saved, change, expected):
    rewrite(saved, change_arrays=change)
    with pytest.raises(ModelFileError, match=expected):
        load_bundle(str(saved))


def test_weights_of_another_network():
    bundle = make_bundle()
    weights = dict(bundle.weights)
    weights["classes.bias"] = np.zeros(9, np.float32)
    with pytest.raises(ModelFileError, match=r"'classes.bias' have the shape \(9,\)"):
        network_of(dataclasses.replace(bundle, weights=weights))
    weights.pop("classes.bias")
    with pytest.raises(ModelFileError, match=r"lacking classes\.bias"):
        network_of(dataclasses.replace(bundle, weights=weights))
    with pytest.raises(ModelFileError, match="does not know"):
        network_of(dataclasses.replace(bundle, architecture="transformer"))
    with pytest.raises(ModelFileError, match="no option 'members'"):
        network_of(dataclasses.replace(bundle, options={"members": 3}))


def test_building_the_network_leaves_the_generator_alone():
    bundle = make_bundle()
    torch.manual_seed(9)
    expected = torch.rand(1)
    torch.manual_seed(9)
    network_of(bundle)
    assert torch.equal(torch.rand(1), expected)


def test_a_model_that_is_not_sound_is_not_written(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"what was there")
    bundle = make_bundle()
    broken = {**bundle.weights, "classes.bias": np.full(2, np.nan, np.float32)}
    with pytest.raises(ModelFileError, match="no numbers"):
        save_bundle(str(path), dataclasses.replace(bundle, weights=broken))
    assert path.read_bytes() == b"what was there"


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ModelFileError, match="cannot be written"):
        save_bundle(str(tmp_path / "no" / "model.safetensors"), make_bundle())


def test_a_damaged_file_is_not_quoted_at_length():
    from hsicnn.core.modelfile.schema import damaged

    told = str(damaged("a.safetensors", f"The model uses the normalisation '{'x' * 50_000}'"))
    assert "The model uses the normalisation ..." in told
    assert len(told) < 400


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("multiple", 8, r"multiple of 8 pixels; its network has 4"),
        ("radius", 20, r"radius of 20 pixels; its network has 23"),
    ],
)
def test_a_network_on_tiles_that_is_not_as_the_header_says_is_refused(name, value, words):
    bundle = dataclasses.replace(make_bundle("etrainee_2d"), **{name: value})
    with pytest.raises(ModelFileError, match=words):
        network_of(bundle)


def test_tiles_that_are_no_multiple_are_damage(tmp_path):
    bundle = dataclasses.replace(make_bundle("etrainee_2d"), patch_size=50)
    with pytest.raises(ModelFileError, match=r"tiles of 50 pixels and their multiple 4"):
        save_bundle(str(tmp_path / "model.safetensors"), bundle)


def test_the_header_of_a_network_of_pixels_says_nothing_of_tiles(saved):
    with safe_open(str(saved), framework="np") as file:
        assert "multiple" not in json.loads(file.metadata()[HEADER])

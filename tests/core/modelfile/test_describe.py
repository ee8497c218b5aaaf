"""The page about a model: complete, true, and harmless whatever the file says."""

from __future__ import annotations

import dataclasses
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from hsicnn.core.data.classes import ClassInfo
from hsicnn.core.data.normalisation import Normalisation
from hsicnn.core.errors import InputError, ModelFileError
from hsicnn.core.modelfile import bundle as bundle_module
from hsicnn.core.modelfile.bundle import load_bundle, save_bundle
from hsicnn.core.modelfile.describe import describe_model
from hsicnn.core.modelfile.network import network_of
from hsicnn.core.training.checkpoints import save_checkpoint
from hsicnn.core.training.loop import train
from hsicnn.models.build import count_parameters
from hsicnn.models.catalog import NETWORKS
from lessons import CLASSES, QUIET, make, model_of, settings, untrained

SCRIPT = "<script>alert('x')</script> & \"fields\""
SCORES = {
    "pixels": 40,
    "overall_accuracy": 0.875,
    "average_accuracy": 0.81,
    "kappa": 0.7,
    "location_only": 0.25,
    "classes": {
        "f1": [0.9, None, 0.5],
        "producers_accuracy": [0.95, None, 0.4],
        "users_accuracy": [0.85, 0.0, 0.6],
    },
}
CHIPS = {
    "path": "/data/chips",
    "split_hash": "abc123",
    "split_method": "blocks",
    "block_size": 16,
    "buffer": 4,
    "counts": {"test": [10, 0, 30], "train": [1200, 5, 60], "validation": [9, 0, 2]},
}


class Words(HTMLParser):
    """The words of a page, its tags, and whether tags close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.texts: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        if tag not in {"meta", "img", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "title"} & set(self.open):
            self.texts.append(data.strip())

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))


def read(path: Path) -> Words:
    page = Words()
    page.feed(path.read_text(encoding="utf-8"))
    assert page.open == []
    return page


def trained(**extra):
    """A state some way in, with its settings."""
    chosen = settings(
        **{"epochs": 5, "batch_size": 8, "shortest_epoch": 1, "longest_epoch": 1, **extra}
    )
    state, lesson = make(chosen)
    train(state, lesson, QUIET, lambda _: None)
    return state, chosen


def finished(**extra):
    state, chosen = trained(**extra)
    return dataclasses.replace(
        model_of(state, chosen),
        chips=CHIPS,
        metrics={"kept_epoch": 2, "validation": SCORES, "test": SCORES},
    )


@pytest.fixture
def report(tmp_path):
    return tmp_path / "report.html"


def described(tmp_path, report, bundle):
    model = tmp_path / "model.safetensors"
    save_bundle(str(model), bundle)
    result = describe_model(model=str(model), report=str(report))
    return result, read(report)


@pytest.mark.parametrize("architecture", NETWORKS)
def test_the_page_tells_network_classes_split_figures_and_origin(tmp_path, report, architecture):
    bundle = finished(architecture=architecture)
    result, page = described(tmp_path, report, bundle)
    parameters = count_parameters(network_of(bundle))
    assert result.architecture == architecture
    assert result.parameters == parameters
    assert (result.bands, result.classes, result.epochs) == (len(bundle.bands), 3, 5)
    assert result.patch_size == bundle.patch_size
    assert result.model_id == bundle.model_id
    assert not result.checkpoint
    for words in (
        NETWORKS[architecture].title,
        f"{parameters:,} parameters",
        f"All {parameters:,}",  # the last row of the layers
        f"{'Tile' if bundle.multiple > 1 else 'Patch'} {bundle.patch_size} x {bundle.patch_size} "
        f"pixels, radius {bundle.radius}",
        "Overall accuracy 0.875 on 40 test pixels",
        "location alone would have reached 0.250",
        "Class Code Train pixels Validation pixels Test pixels",
        "water 3 1,200 9 10",
        "All 1,265 11 40",
        "forest - - 0.000",  # F1, producer's and user's accuracy
        "Method blocks Block size (pixels) 16 Buffer (pixels) 4 Split hash abc123",
        "/data/chips (no longer there)",
        "2 (kept)",
        "LEARNING_RATE 0.002",
        f"Model id {bundle.model_id}",
        f"Format version 1 Model id {bundle.model_id} Created {bundle.created} Seed 1",
        f"PyTorch {bundle.versions['torch']}",
    ):
        assert words in page.text, words
    assert "img" in page.seen  # the curves
    assert "has not ended" not in page.text
    assert page.texts.count("soil") == 2


def test_all_bands_are_listed_and_what_they_share_is_said_once(tmp_path, report):
    _, page = described(tmp_path, report, finished(architecture="etrainee_1d"))
    assert "46 bands, 400-850 nm" in page.text
    assert "All 46 bands" in page.text
    assert "details" in page.seen
    assert "band 46 46 850.0 8.0 0 1 0 1" in page.text
    assert "Of all bands: scale 1, offset 0, no data none." in page.text


def test_bands_that_differ_get_columns_and_a_matrix_is_told(tmp_path, report):
    bundle = finished()
    bands = list(bundle.bands)
    bands[3] = dataclasses.replace(bands[3], name="red edge", scale=1e-4, nodata=-9999.0)
    bands[4] = dataclasses.replace(bands[4], wavelength=None, fwhm=None, bad=True)
    matrix = np.full((12, 12), 0.5, np.float32)
    normalisation = Normalisation("pca", bundle.normalisation.mean, matrix)
    bundle = dataclasses.replace(bundle, bands=tuple(bands), normalisation=normalisation)
    _, page = described(tmp_path, report, bundle)
    assert "A matrix makes 12 inputs of the network from 12 bands" in page.text
    assert "Bands are the components of the normalisation here." in page.text
    assert (
        "Width (nm) Scale No data Marked as bad Mean in training Deviation Subtracted" in page.text
    )
    assert "red edge 4 430.0 8.0 0.0001 -9999 no 0 1 0" in page.text
    assert "band 5 5 - - 1 - yes 0 1 0" in page.text
    assert "Factor" not in page.text


def test_a_checkpoint_is_said_to_be_one(tmp_path, report):
    state, chosen = trained(epochs=2)
    state.epoch = 2
    chosen = dataclasses.replace(chosen, epochs=9)
    path = tmp_path / "model.safetensors.checkpoint.safetensors"
    save_checkpoint(path, state, "job", model_of(state, chosen))
    result = describe_model(model=str(path), report=str(report))
    page = read(report)
    assert result.checkpoint
    assert result.epochs == 2
    assert "checkpoint after epoch 2 of 9: the training has not ended" in page.text
    assert f"Its weights are those of epoch {state.kept_epoch}" in page.text
    assert "seen when the training has ended" in page.text


def test_the_users_words_stay_words(tmp_path, report):
    classes = (ClassInfo(3, SCRIPT, "#0000ff"), *CLASSES[1:])
    bundle = finished()
    bands = tuple(dataclasses.replace(band, name=SCRIPT) for band in bundle.bands)
    bundle = dataclasses.replace(
        bundle,
        classes=classes,
        bands=bands,
        chips={**CHIPS, "path": SCRIPT, "split_method": SCRIPT, "counts": {SCRIPT: [1, 2, 3]}},
        versions={SCRIPT: SCRIPT},
        created=SCRIPT,
        settings={**bundle.settings, SCRIPT: SCRIPT},
        history=[{"epoch": 1.0, SCRIPT: 2.0}],
    )
    _, page = described(tmp_path, report, bundle)
    assert "script" not in page.seen
    assert page.texts.count(SCRIPT) >= 2 + len(bands)


def test_a_history_of_many_epochs_is_shown_in_short(tmp_path, report):
    history = [{"epoch": float(n), "loss": 100.0 + n} for n in range(1, 2001)]
    bundle = dataclasses.replace(finished(), history=history, metrics={"kept_epoch": 777})
    _, page = described(tmp_path, report, bundle)
    assert "13 of 2,000 epochs; the file has all." in page.text
    for words in ("1 101.000", "777 (kept) 877.000", "2,000 2100.000"):
        assert words in page.text, words


def test_many_classes_are_listed_behind_a_click(tmp_path, report):
    classes = tuple(ClassInfo(n + 1, f"kind {n + 1}", "#123456") for n in range(300))
    bundle = finished()
    weights = {
        name: np.resize(array, (300, *array.shape[1:]))
        if name.endswith(("5.weight", "5.bias"))
        else array
        for name, array in bundle.weights.items()
    }
    bundle = dataclasses.replace(bundle, classes=classes, weights=weights, metrics={})
    result, page = described(tmp_path, report, bundle)
    assert result.classes == 300
    assert "300 classes" in page.text
    assert all(f"kind {n + 1}" in page.texts for n in range(300))
    assert "No test pixels were held back" in page.text


@pytest.mark.parametrize(
    "less",
    [
        {"metrics": {"test": {"overall_accuracy": 0.5}}},
        {"metrics": {"test": {**SCORES, "overall_accuracy": None, "classes": {"f1": [0.5]}}}},
        {"chips": {"counts": {"train": [], "test": [1]}}},
        {"history": []},
        {"history": [{"epoch": None, "loss": None}, {}]},
        {"settings": {}, "versions": {}, "created": "", "metrics": {}, "chips": {}},
    ],
)
def test_a_file_that_says_less_is_described_all_the_same(tmp_path, report, less):
    _, page = described(tmp_path, report, dataclasses.replace(finished(), **less))
    assert "Layers" in page.text


@pytest.mark.parametrize(
    "odd",
    [
        {"metrics": {"test": 3}},
        {"metrics": {"kept_epoch": "x"}},
        {"metrics": {"test": {**SCORES, "classes": {"f1": 3}}}},
        {"chips": {"counts": {"train": 4}}},
        {"history": [{"epoch": 1.0, "loss": "low"}]},
    ],
)
def test_a_file_that_says_other_things_is_refused(tmp_path, report, odd):
    with pytest.raises(ModelFileError, match="damaged model file"):
        described(tmp_path, report, dataclasses.replace(finished(), **odd))
    assert not report.exists()


def test_without_torch_all_but_the_layers_is_told(tmp_path, report, monkeypatch):
    bundle = finished()
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "hsicnn.models.stages", raising=False)
    result, page = described(tmp_path, report, bundle)
    assert "The layers are not listed, because PyTorch cannot be loaded here" in page.text
    assert f"{result.parameters:,} parameters" in page.text
    assert "spectral.weight 24 x 12 float32 288" in page.text


def test_a_network_of_another_version_is_described_without_its_layers(tmp_path, report):
    bundle = dataclasses.replace(finished(), architecture="transformer")
    result, page = described(tmp_path, report, bundle)
    assert result.architecture == "transformer"
    assert "does not know the network 'transformer'" in page.text


def test_weights_of_another_network_are_an_error(tmp_path, report):
    bundle = finished()
    weights = {**bundle.weights, "spectral.weight": np.zeros((3, 3), np.float32)}
    with pytest.raises(ModelFileError, match=r"spectral\.weight"):
        described(tmp_path, report, dataclasses.replace(bundle, weights=weights))
    assert not report.exists()


def test_damaged_files_and_other_files_are_refused_and_nothing_is_written(tmp_path, report):
    model = tmp_path / "model.safetensors"
    with pytest.raises(ModelFileError, match="cannot be read"):
        describe_model(model=str(model), report=str(report))
    save_bundle(str(model), finished())
    model.write_bytes(model.read_bytes()[:-5])
    report.write_text("what was there before")
    with pytest.raises(ModelFileError, match="no whole model file"):
        describe_model(model=str(model), report=str(report))
    assert report.read_text() == "what was there before"


def test_the_model_is_never_written_over(tmp_path):
    model = tmp_path / "model.safetensors"
    save_bundle(str(model), finished())
    before = model.read_bytes()
    with pytest.raises(InputError, match="REPORT is the model file"):
        describe_model(model=str(model), report=str(model))
    with pytest.raises(InputError, match="nowhere"):
        describe_model(model=str(model), report=str(tmp_path / "nowhere" / "report.html"))
    assert model.read_bytes() == before
    assert list(tmp_path.iterdir()) == [model]


def test_a_checkpoints_own_arrays_are_not_read_for_the_page(tmp_path, report, monkeypatch):
    state, chosen = trained(epochs=1)
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(path, state, "job", model_of(state, chosen))
    loaded = []
    unpack = bundle_module.unpack
    monkeypatch.setattr(
        bundle_module,
        "unpack",
        lambda texts, names, arrays, name: (
            loaded.extend(arrays) or unpack(texts, names, arrays, name)
        ),
    )
    assert load_bundle(str(path)).checkpoint
    assert loaded
    assert not [name for name in loaded if name.startswith("resume/")]
    assert untrained(chosen).checkpoint is None

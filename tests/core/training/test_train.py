"""The training job on a small chip set: what it leaves behind, whole or cut short."""

from __future__ import annotations

import json

import pytest
from osgeo import gdal

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from hsicnn.core.data.chips import read_chip_set  # noqa: E402
from hsicnn.core.data.export import export_training_chips  # noqa: E402
from hsicnn.core.data.pixel_loading import load_pixels  # noqa: E402
from hsicnn.core.data.separation import TEST  # noqa: E402
from hsicnn.core.errors import Cancelled, HsicnnError  # noqa: E402
from hsicnn.core.inference.classify import classify_raster  # noqa: E402
from hsicnn.core.modelfile.bundle import load_bundle  # noqa: E402
from hsicnn.core.progress import SilentProgress  # noqa: E402
from hsicnn.core.simulation.scene import create_example_scene  # noqa: E402
from hsicnn.core.training.checkpoints import checkpoint_path  # noqa: E402
from hsicnn.core.training.history import history_path  # noqa: E402
from hsicnn.core.training.train import train_classifier  # noqa: E402

QUIET = SilentProgress()
QUICK = {"epochs": 4, "patch_size": 3, "shortest_epoch": 2, "longest_epoch": 4}


class StopAfter(SilentProgress):
    """Cancels once so many epochs are told of."""

    def __init__(self, epochs: int) -> None:
        self.left = epochs

    def metric(self, name, values):
        self.left -= values["epoch"] > 0

    def check_cancel(self):
        if not self.left:
            raise Cancelled


def losses(bundle):
    return [(row.get("loss"), row["validation_loss"]) for row in bundle.history]


class Listener(SilentProgress):
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []

    def log(self, text):
        self.lines.append(text)

    def warn(self, text):
        self.warnings.append(text)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scene")
    made = create_example_scene(
        output=str(folder / "image.tif"),
        reference=str(folder / "reference.tif"),
        size=64,
        bands=10,
        classes=3,
    )
    export_training_chips(
        image=made.output, reference=made.reference, output=str(folder / "chips"), halo=4
    )
    return folder


def train(scene, output, progress=None, **extra):
    return train_classifier(
        chips=str(scene / "chips"),
        output=str(output),
        settings={**QUICK, **extra},
        device="cpu",
        progress=progress,
    )


def test_a_training_leaves_a_model_with_its_figures_and_no_checkpoint(scene, tmp_path):
    output = tmp_path / "model.safetensors"
    train(scene, output)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"model.safetensors", "model.safetensors.history.jsonl"}
    bundle = load_bundle(str(output))
    assert bundle.checkpoint is None
    assert bundle.metrics["kept_epoch"] == 4
    for split in ("validation", "test"):
        found = bundle.metrics[split]
        counts = bundle.chips["counts"][split]
        assert sum(counts) == found["pixels"]
        producers = found["classes"]["producers_accuracy"]
        right = sum(share * count for share, count in zip(producers, counts) if count)
        assert right == pytest.approx(found["overall_accuracy"] * found["pixels"])
        assert {len(values) for values in found["classes"].values()} == {len(bundle.classes)}


def test_a_checkpoint_classifies_and_the_training_goes_on_from_it_to_the_bit(scene, tmp_path):
    whole, output = tmp_path / "whole.safetensors", tmp_path / "model.safetensors"
    train(scene, whole)
    with pytest.raises(Cancelled):
        train(scene, output, StopAfter(2))
    checkpoint = checkpoint_path(str(output))
    listener = Listener()
    classified = tmp_path / "map.tif"
    classify_raster(
        image=str(scene / "image.tif"),
        model=str(checkpoint),
        output=str(classified),
        device="cpu",
        progress=listener,
    )
    assert "checkpoint after epoch 2 of 4" in listener.lines[0]
    told = gdal.Open(str(classified)).GetMetadata("HSICNN")
    assert told["MODEL_CHECKPOINT"] == "checkpoint after epoch 2 of 4"
    assert told["MODEL_ID"] == load_bundle(str(checkpoint)).model_id

    listener = Listener()
    train(scene, output, listener)
    assert any("Going on after epoch 2" in line for line in listener.lines)
    assert not checkpoint.exists()
    first, second = load_bundle(str(whole)), load_bundle(str(output))
    for name, array in first.weights.items():
        assert (array == second.weights[name]).all(), name
    assert first.metrics == second.metrics
    assert [row["epoch"] for row in first.history] == [0, 1, 2, 3, 4]
    assert losses(first) == losses(second)


def lines(output):
    text = history_path(str(output)).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_a_finished_model_is_replaced_and_that_is_said(scene, tmp_path):
    heard = [Listener(), Listener()]
    for said in heard:
        train(scene, tmp_path / "m.safetensors", said, epochs=1)
    told = "m.safetensors is there from before and is replaced"
    assert [sum(told in line for line in said.lines) for said in heard] == [0, 1]


def test_the_history_can_be_read_while_it_trains_and_has_every_epoch_once(scene, tmp_path):
    output = tmp_path / "model.safetensors"
    seen = []

    class Reader(Listener):
        def metric(self, name, values):
            if values["epoch"]:  # the untrained network's row comes with the first epoch's
                seen.append(lines(output)[-1]["epoch"] == values["epoch"])

    reader = Reader()
    result = train(scene, output, reader)
    assert seen == [True] * 4
    assert result.history == str(history_path(str(output)))
    assert any(result.history in line for line in reader.lines)
    assert lines(output) == list(load_bundle(str(output)).history)
    # Another training in its place begins with the file as it was, and replaces it.
    with pytest.raises(Cancelled):
        train(scene, output, StopAfter(0), seed=2)
    assert len(lines(output)) == 5
    with pytest.raises(Cancelled):
        train(scene, output, StopAfter(2), seed=2)
    assert len(lines(output)) == 3
    # A killed one may leave more or less than its checkpoint knows, and half a line.
    path = history_path(str(output))
    path.write_text(path.read_text()[:-9])
    train(scene, output, seed=2)
    assert lines(output) == list(load_bundle(str(output)).history)
    assert [row["epoch"] for row in lines(output)] == [0, 1, 2, 3, 4]


def test_a_history_that_cannot_be_written_stops_no_training(scene, tmp_path):
    output = tmp_path / "model.safetensors"
    history_path(str(output)).mkdir()
    listener = Listener()
    train(scene, output, listener)
    assert len(load_bundle(str(output)).history) == 5
    assert len([line for line in listener.warnings if "history.jsonl cannot" in line]) == 1


def test_the_statistics_of_the_training_pixels_are_computed_once(scene, tmp_path, monkeypatch):
    from hsicnn.core.training import outcome

    calls = []
    moments = outcome.moments
    monkeypatch.setattr(outcome, "moments", lambda values: calls.append(1) or moments(values))
    train(scene, tmp_path / "model.safetensors")
    assert len(calls) == 1


@pytest.mark.parametrize("kind", ["min-max", "factor"])
def test_a_model_of_every_normalisation_classifies(scene, tmp_path, kind):
    output, classified = tmp_path / "model.safetensors", tmp_path / "map.tif"
    trained = train(scene, output, normalisation=kind, factor=0.5, flips=True, band_dropout=0.1)
    assert load_bundle(str(output)).normalisation.kind == kind
    classify_raster(
        image=str(scene / "image.tif"), model=str(output), output=str(classified), device="cpu"
    )
    store = load_pixels(read_chip_set(scene / "chips"), memory_bytes=1 << 30, progress=QUIET)
    test = store.split == TEST
    labels = gdal.Open(str(classified)).ReadAsArray()[store.row[test], store.col[test]]
    share = float((labels == store.label[test]).mean())
    assert share == pytest.approx(trained.metrics["test"]["overall_accuracy"], abs=0.002)
    assert share > 0.4


def test_a_learning_rate_is_found_once_and_shown_in_the_report(scene, tmp_path):
    output, report = tmp_path / "model.safetensors", tmp_path / "report.html"
    given = {
        "chips": str(scene / "chips"),
        "output": str(output),
        "report": str(report),
        "settings": {**QUICK, "find_learning_rate": True},
        "device": "cpu",
    }
    with pytest.raises(Cancelled):
        train_classifier(**given, progress=StopAfter(2))
    begun = load_bundle(str(checkpoint_path(str(output)))).metrics["learning_rate_trial"]
    listener = Listener()
    train_classifier(**given, progress=listener)
    assert not any("Learning-rate finder" in line for line in listener.lines)
    found = load_bundle(str(output)).metrics["learning_rate_trial"]
    assert found == begun
    assert found["suggested"] > 0
    page = report.read_text(encoding="utf-8")
    assert "Learning rates that were tried" in page
    assert f"Suggested is {found['suggested']:g}" in page
    assert "Loss at growing learning rates" in page
    # The training is that without the finder.
    plain = tmp_path / "plain.safetensors"
    train(scene, plain)
    assert "learning_rate_trial" not in load_bundle(str(plain)).metrics
    other = load_bundle(str(plain)).weights
    for name, array in load_bundle(str(output)).weights.items():
        assert (array == other[name]).all(), name


def test_a_training_that_diverges_leaves_the_earlier_model(scene, tmp_path):
    output = tmp_path / "model.safetensors"
    train(scene, output)
    before = output.read_bytes()
    with pytest.raises(HsicnnError, match=r"diverged in epoch \d.*an earlier one is as it was"):
        train(
            scene, output, optimiser="sgd", learning_rate=10.0, momentum=0.99, clip=0.0,
            schedule="constant", longest_epoch=80, shortest_epoch=80,
        )  # fmt: skip
    assert output.read_bytes() == before


def test_settings_of_a_model_say_what_it_was_computed_in(scene, tmp_path):
    output = tmp_path / "model.safetensors"
    train(scene, output, class_weights="given", given_weights="1=3", initialisation="glorot")
    settings = load_bundle(str(output)).settings
    assert settings["precision"] == "float32"
    assert settings["given_weights"] == "1=3"
    assert settings["initialisation"] == "glorot"


def test_a_checkpoint_after_the_best_epochs_only_and_the_same_model(scene, tmp_path, monkeypatch):
    from hsicnn.core.training import loop
    from hsicnn.core.training import run as module
    from hsicnn.core.training.validation import Figures

    def accuracies(values):
        found = iter(values)
        monkeypatch.setattr(loop, "validate", lambda *_: Figures(10, 1.0, *[next(found)] * 2))

    saved, plain = [], module.save_checkpoint
    monkeypatch.setattr(
        module, "save_checkpoint", lambda *given: saved.append(given[1].epoch) or plain(*given)
    )
    whole, output = tmp_path / "whole.safetensors", tmp_path / "model.safetensors"
    given = {"checkpoint": "best", "untrained": False, "keep": "last"}
    accuracies([0.5, 0.8, 0.7, 0.9])
    train(scene, whole, **given)
    assert saved == [1, 2, 4]
    accuracies([0.5, 0.8, 0.7])
    with pytest.raises(Cancelled):
        train(scene, output, StopAfter(3), **given)
    accuracies([0.7, 0.9])  # it goes on from the second epoch
    train(scene, output, **given)
    first, second = load_bundle(str(whole)), load_bundle(str(output))
    for name, array in first.weights.items():
        assert (array == second.weights[name]).all(), name

"""The search: the recipe first, on time, on validation pixels alone, and gone on with."""

from __future__ import annotations

import csv
import json
import time

import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")
pytest.importorskip("optuna")

from hsicnn.core.data.export import export_training_chips
from hsicnn.core.data.separation import TEST
from hsicnn.core.errors import Cancelled, ChipSetError, DependencyError, InputError
from hsicnn.core.modelfile.bundle import load_bundle
from hsicnn.core.progress import SilentProgress
from hsicnn.core.simulation.scene import create_example_scene
from hsicnn.core.training import patches
from hsicnn.core.training.settings_file import read_settings
from hsicnn.core.training.train import train_classifier
from hsicnn.core.tuning.journal import journal_path
from hsicnn.core.tuning.tune import tune_hyperparameters

FEW = {"epochs": 3, "shortest_epoch": 2, "longest_epoch": 4}
LONG = 60.0  # minutes: the number of trials ends these searches


class Heard(SilentProgress):
    def __init__(self, cancel_in_trial: int = 0) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []
        self.fractions: list[float] = []
        self.done = 0
        self._cancel = cancel_in_trial

    def log(self, text):
        self.lines.append(text)

    def warn(self, text):
        self.warnings.append(text)

    def report(self, fraction, text=""):
        self.fractions.append(fraction)

    def metric(self, name, values):
        self.done += name == "trial"

    def check_cancel(self):
        if self._cancel and self.done >= self._cancel - 1:
            raise Cancelled


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scene")
    return create_example_scene(
        output=str(folder / "image.tif"),
        reference=str(folder / "reference.tif"),
        size=96,
        bands=16,
        classes=3,
    )


@pytest.fixture(scope="module")
def chips(scene, tmp_path_factory):
    folder = tmp_path_factory.mktemp("set") / "chips"
    export_training_chips(image=scene.output, reference=scene.reference, output=str(folder))
    return str(folder)


def tune(chips, folder, *, trials=4, training=None, **given):
    return tune_hyperparameters(
        chips=chips,
        settings=str(folder / "best.json"),
        table=str(folder / "trials.csv"),
        report=str(folder / "report.html"),
        minutes=given.pop("minutes", LONG),
        trials=trials,
        training={**FEW, **(training or {})},
        device="cpu",
        **given,
    )


def lines_of(folder) -> list[dict]:
    text = journal_path(str(folder / "best.json")).read_text()
    return [json.loads(line) for line in text.splitlines()[1:]]


@pytest.fixture(scope="module")
def found(chips, tmp_path_factory):
    folder = tmp_path_factory.mktemp("found")
    heard = Heard()
    result = tune(chips, folder, trials=6, progress=heard)
    return folder, result, heard


def test_the_recipe_is_first_and_the_result_never_worse(found):
    folder, result, heard = found
    rows = list(csv.DictReader((folder / "trials.csv").open()))
    assert len(rows) == result.trials_done == 6
    assert float(rows[0]["learning_rate"]) == 3e-3
    assert float(rows[0]["score"]) == result.recipe_score
    finished = [float(row["score"]) for row in rows if row["state"] == "finished"]
    assert result.best_score == max(finished) >= result.recipe_score
    assert heard.fractions == sorted(heard.fractions)
    assert heard.fractions[-1] == 1.0


def test_a_training_with_the_settings_has_the_score(chips, found, tmp_path):
    folder, result, _ = found
    settings = read_settings(str(folder / "best.json"))
    model = tmp_path / "model.safetensors"
    train_classifier(chips=chips, output=str(model), settings=settings, device="cpu")
    scores = load_bundle(str(model)).metrics["validation"]
    again = (scores["overall_accuracy"] + scores["average_accuracy"]) / 2
    assert again == pytest.approx(result.best_score, abs=1e-6)


def test_the_settings_hold_the_call(chips, found):
    folder, result, _ = found
    told = json.loads((folder / "best.json").read_text())
    call = told["parameters"]
    assert call["INPUT"] == chips
    assert call["EPOCHS"] == 3
    assert "dropout=" in call["OPTIONS"]
    assert told["command"].startswith("qgis_process run hsicnn:trainclassifier -- ")
    for name, value in call.items():
        assert f"{name}={value}" in told["command"].replace("'", "")
    assert told["found"]["score"] == result.best_score
    assert told["found"]["score_of_recipe"] == result.recipe_score


def test_the_page_shows_the_search_and_warns(found):
    folder, _, _ = found
    page = (folder / "report.html").read_text()
    assert page.count("data:image/png") == 2
    assert "is optimistic" in page
    assert "Test pixels were not looked at" in page
    assert "qgis_process run hsicnn:trainclassifier" in page


@pytest.mark.parametrize(
    "given", [{}, {"kind": "tiles", "tile_size": 32, "block_size": 32}], ids=["chips", "tiles"]
)
def test_networks_on_tiles_are_searched_on_what_the_chips_hold(scene, tmp_path, given):
    chips = tmp_path / "chips"
    export_training_chips(image=scene.output, reference=scene.reference, output=str(chips), **given)
    training = {"architecture": "unet", "batch_size": 4, "options": {"width": 0.125}}
    heard = Heard()
    result = tune(
        str(chips), tmp_path, trials=3, training=training, search=["depth", "learning_rate"],
        output=str(tmp_path / "model.safetensors"), progress=heard,
    )  # fmt: skip
    assert any("Tiles of " in line for line in heard.lines)
    assert result.finished + result.pruned == 3
    assert result.finished
    model = load_bundle(result.output)
    assert model.metrics["validation"]["pixels"]
    # The settings fit a tile themselves, and a DEPTH that is found with them.
    assert "PATCH_SIZE" not in json.loads((tmp_path / "best.json").read_text())["parameters"]


def test_a_search_that_goes_on_equals_the_uninterrupted_one(chips, found, tmp_path):
    whole = lines_of(found[0])
    with pytest.raises(Cancelled):
        tune(chips, tmp_path, trials=6, progress=Heard(cancel_in_trial=4))
    assert len(lines_of(tmp_path)) == 3
    assert not (tmp_path / "best.json").exists()
    with journal_path(str(tmp_path / "best.json")).open("a") as file:
        file.write('{"number": 3, "sta')  # as a kill leaves it
    heard = Heard()
    result = tune(chips, tmp_path, trials=6, progress=heard)
    assert any("Going on after 3 trials" in line for line in heard.lines)
    assert any("damaged after 3 trials" in line for line in heard.warnings)
    kept = ("number", "state", "drawn", "values", "score", "curve")
    again = [{name: line[name] for name in kept} for line in lines_of(tmp_path)]
    assert again == [{name: line[name] for name in kept} for line in whole]
    assert result.best_score == found[1].best_score


def test_more_trials_go_on_with_a_finished_search(chips, tmp_path):
    tune(chips, tmp_path, trials=2)
    before = lines_of(tmp_path)
    assert tune(chips, tmp_path, trials=3).trials_done == 3
    assert lines_of(tmp_path)[:2] == before
    heard = Heard()
    assert tune(chips, tmp_path, trials=1, training={"seed": 9}, progress=heard).trials_done == 1
    assert any("other samples, settings or limits" in line for line in heard.lines)
    assert tune(chips, tmp_path, trials=2, training={"seed": 9}, resume=False).trials_done == 2


def test_test_pixels_are_not_looked_at(chips, tmp_path, monkeypatch):
    seen = []
    samples = patches.samples_of

    def watched(store, split):
        seen.append(split)
        return samples(store, split)

    from hsicnn.core.training import preparation, scores

    monkeypatch.setattr(preparation, "samples_of", watched)
    monkeypatch.setattr(scores, "samples_of", watched)
    tune(chips, tmp_path, trials=2)
    assert seen
    assert TEST not in seen


def test_the_time_is_kept_and_without_a_finished_trial_the_recipe_stands(chips, tmp_path):
    began = time.monotonic()
    heard = Heard()
    training = {"epochs": 100_000, "longest_epoch": 300}
    result = tune(chips, tmp_path, trials=0, minutes=0.05, training=training, progress=heard)
    assert time.monotonic() - began < 30
    assert (result.finished, result.best_score, result.best_trial) == (0, None, 0)
    assert any("No training has finished" in line for line in heard.warnings)
    assert read_settings(str(tmp_path / "best.json"))["learning_rate"] == 3e-3
    assert lines_of(tmp_path) == []  # what was stopped is tried again, given more time
    rows = list(csv.DictReader((tmp_path / "trials.csv").open()))
    assert [row["state"] for row in rows] == ["stopped"]


def test_a_model_is_trained_with_the_best_settings(chips, tmp_path):
    output = tmp_path / "model.safetensors"
    result = tune(chips, tmp_path, trials=3, output=str(output))
    bundle = load_bundle(str(output))
    best = read_settings(str(tmp_path / "best.json"))
    assert bundle.settings["learning_rate"] == best["learning_rate"]
    assert bundle.metrics["validation"]["overall_accuracy"] > 0
    assert result.output == str(output)


def test_a_trial_that_fails_is_noted_and_the_search_goes_on(chips, tmp_path, monkeypatch):
    from hsicnn.core.tuning import bench

    run, count = bench.train, iter(range(100))

    def sometimes(*arguments):
        if next(count) == 1:
            raise InputError("Training diverged.")
        return run(*arguments)

    monkeypatch.setattr(bench, "train", sometimes)
    result = tune(chips, tmp_path, trials=3)
    assert [line["state"] for line in lines_of(tmp_path)][:2] == ["finished", "failed"]
    assert lines_of(tmp_path)[1]["reason"] == "Training diverged"
    assert result.trials_done == 3
    assert "Training diverged" in (tmp_path / "report.html").read_text()


def test_where_every_trial_fails_the_reason_is_told(chips, tmp_path, monkeypatch):
    from hsicnn.core.tuning import bench

    def never(*_):
        raise InputError("Training diverged in epoch 1: the loss is nan.")

    monkeypatch.setattr(bench, "train", never)
    (tmp_path / "best.json").write_text("earlier")
    with pytest.raises(InputError, match="The first one failed: Training diverged in epoch 1"):
        tune(chips, tmp_path, trials=0)
    assert len(lines_of(tmp_path)) == 5
    assert (tmp_path / "best.json").read_text() == "earlier"


def test_settings_that_contradict_fail_alone(chips, tmp_path, monkeypatch):
    from hsicnn.core.tuning.search import Search

    settings_of = Search.settings_of

    def contradicted(self, values):
        if values:
            raise InputError("CLASS_MIXUP and MIXUP are both set.")
        return settings_of(self, values)

    monkeypatch.setattr(Search, "settings_of", contradicted)
    result = tune(chips, tmp_path, trials=3)
    assert [line["state"] for line in lines_of(tmp_path)] == ["finished", "failed", "failed"]
    assert lines_of(tmp_path)[1]["reason"] == "CLASS_MIXUP and MIXUP are both set"
    assert result.best_trial == 1


def test_trials_share_the_pixels_that_they_see_alike(chips, tmp_path, monkeypatch):
    from hsicnn.core.tuning import bench

    made = []
    normalise = bench.normalised_pixels

    def counted(*arguments):
        made.append(1)
        return normalise(*arguments)

    monkeypatch.setattr(bench, "normalised_pixels", counted)
    tune(chips, tmp_path, trials=4, search=["learning_rate", "dropout"])
    assert len(made) == 1


@pytest.mark.parametrize(
    ("given", "kind", "says"),
    [
        ({"search": ["patchsize"]}, InputError, "SEARCH names patchsize"),
        ({"minutes": 0.0}, InputError, "MINUTES is 0; it must lie between 0.05"),
        ({"trials": -1}, InputError, "TRIALS is -1"),
        ({"training": {"initial_model": "m.safetensors"}}, InputError, "Trials begin afresh"),
    ],
)
def test_refusals_come_first_and_leave_everything(chips, tmp_path, given, kind, says):
    (tmp_path / "best.json").write_text("earlier")
    with pytest.raises(kind, match=says):
        tune(chips, tmp_path, **given)
    assert (tmp_path / "best.json").read_text() == "earlier"
    assert [item.name for item in tmp_path.iterdir()] == ["best.json"]


def test_one_file_cannot_be_two_outputs(chips, tmp_path):
    same = str(tmp_path / "best.json")
    with pytest.raises(InputError, match="same file name"):
        tune_hyperparameters(chips=chips, settings=same, table=same)


def test_without_validation_pixels_nothing_may_choose(scene, tmp_path):
    folder = tmp_path / "chips"
    export_training_chips(
        image=scene.output,
        reference=scene.reference,
        output=str(folder),
        validation_fraction=0.0,
    )
    with pytest.raises(ChipSetError, match=r"no validation pixels.*VALIDATION_FRACTION"):
        tune(str(folder), tmp_path)


def test_without_optuna_the_remedy_is_told(chips, tmp_path, monkeypatch):
    from hsicnn.core.runtime import dependencies

    monkeypatch.setattr(dependencies, "missing", tuple)
    with pytest.raises(DependencyError, match=r"Optuna \(for searching the settings.*pip install"):
        tune(chips, tmp_path)


def test_patches_beyond_the_buffer_are_not_tried(chips, tmp_path):
    heard = Heard()
    tune(chips, tmp_path, trials=1, progress=heard)
    said = next(line for line in heard.lines if line.strip().startswith("patch_size"))
    assert "1, 3, 5, 7, 9 (" in said  # the buffer is 4 pixels
    assert not any("no BUFFER" in text for text in heard.warnings)


def test_without_a_buffer_no_larger_patches_than_the_recipes_are_tried(scene, tmp_path):
    """Their own neighbours in training would flatter them."""
    chips, heard = str(tmp_path / "chips"), Heard()
    export_training_chips(image=scene.output, reference=scene.reference, output=chips, buffer=0)
    tune(chips, tmp_path, trials=1, training={"patch_size": 5}, progress=heard)
    assert not any(line.strip().startswith("patch_size") for line in heard.lines)
    tune(chips, tmp_path, trials=1, training={"patch_size": 5}, search=["patch_size"],
         progress=heard)  # fmt: skip
    said = next(line for line in heard.lines if line.strip().startswith("patch_size"))
    assert "1, 3, 5 (" in said
    assert sum("no BUFFER" in text for text in heard.warnings) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "holds no settings"),
        ('{"format": "x", "format_version": 1, "settings": {}}', "its format is 'x'"),
        (
            '{"format": "hsicnn training settings", "format_version": 9, "settings": {}}',
            "version 9: update",
        ),
        (
            '{"format": "hsicnn training settings", "format_version": 1, "settings": {"rate": 1}}',
            "Unknown training setting rate",
        ),
        (
            '{"format": "hsicnn training settings", "format_version": 1,'
            ' "settings": {"epochs": "many"}}',
            "EPOCHS",
        ),
    ],
)
def test_a_file_that_holds_no_settings_is_refused(tmp_path, text, says):
    path = tmp_path / "settings.json"
    path.write_text(text)
    with pytest.raises(InputError, match=says):
        read_settings(str(path))

"""What the accuracy benchmark computes itself: lengths of recipes, keys, pooling, its tables."""

from __future__ import annotations

import datetime
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")
pytest.importorskip("sklearn")

from accuracy import seconds_left
from accuracy_table import Row, matrices, read_row, scene_lines
from budget import ENOUGH, FIRST_TRIAL, SHARE, fit_recipe, time_step
from budgeted_training import fitted_recipe
from fold_queue import run_tasks
from fold_work import Outcome, Task
from hsicnn.core.data.chips import read_chip_set
from hsicnn.core.data.classes import ClassInfo
from hsicnn.core.data.export import export_training_chips
from hsicnn.core.data.labels import Labels
from hsicnn.core.simulation.scene import create_example_scene
from hsicnn.core.training import loop
from hsicnn.core.training.loop import steps_an_epoch
from hsicnn.core.training.resolving import resolve_settings
from kept_folds import KeptFolds, fold_key
from methods import LocationMethod
from protocol import Guess, Leftover, Protocol, leftover
from scenes import Scene
from tuned_forest import tuned_forest
from tuned_svm import tuned_svm
from tuning import Pixels, inner_folds

SIDE = 64
ACCURACY = Path(__file__).resolve().parents[2] / "benchmarks" / "accuracy.py"


@pytest.fixture
def scene() -> Scene:
    """Two classes in stripes of four rows, told apart by their first band; a third in a corner."""
    rows, cols = (axis.ravel() for axis in np.mgrid[:SIDE, :SIDE])
    told = 1 + rows // 4 % 2
    told[(rows < 4) & (cols < 4)] = 3
    generator = np.random.default_rng(0)
    spectra = generator.normal(0, 0.3, (len(rows), 3))
    spectra[:, 0] += told
    classes = tuple(ClassInfo(10 * code, name, "#336699") for code, name in enumerate("abc", 1))
    labels = Labels(
        rows.astype(np.int32),
        cols.astype(np.int32),
        told.astype(np.uint16),
        classes,
        np.zeros(len(rows), np.int32),
    )
    pixels = Pixels(spectra, told, rows, cols)
    return Scene("stripes", Path(), labels, (), None, pixels, choices=False)  # type: ignore[arg-type]


@given(
    epochs=st.integers(1, 2000),
    steps=st.integers(1, 300),
    seconds=st.floats(1e-4, 10),
    budget=st.floats(0.1, 5000),
)
def test_a_fitted_recipe_never_takes_longer_than_its_budget(epochs, steps, seconds, budget):
    fitted = fit_recipe(epochs, steps, 300, step_seconds=seconds, budget=budget)
    assert 1 <= fitted.steps <= fitted.full == epochs * steps
    assert fitted.steps * seconds <= max(SHARE * budget, seconds) + 1e-6
    if fitted.settings():
        assert fitted.epochs * fitted.longest_epoch == fitted.steps
        # Not needlessly short either: another step in each epoch would not have fitted.
        assert (fitted.epochs + 1) * (fitted.longest_epoch + 1) * seconds > SHARE * budget


def test_a_recipe_that_fits_is_left_alone():
    fitted = fit_recipe(15, 60, 300, step_seconds=0.01, budget=60)
    assert (fitted.settings(), fitted.share) == ({}, 1)
    assert fit_recipe(15, 60, 300, step_seconds=100, budget=0).settings() == {}


def test_the_loop_takes_as_many_steps_as_were_fitted():
    recipe = resolve_settings({"architecture": "multiscale"})
    steps = steps_an_epoch(2000, recipe)
    fitted = fit_recipe(recipe.epochs, steps, recipe.longest_epoch, step_seconds=1.0, budget=200)
    short = resolve_settings({"architecture": "multiscale", **fitted.settings()})
    assert short.epochs * steps_an_epoch(2000, short) == fitted.steps == 180


def test_short_trials_are_made_longer_until_they_tell():
    tried = []

    def trial(steps: int) -> float:
        tried.append(steps)
        return 0.02 * steps

    assert time_step(trial) == pytest.approx(0.02)
    assert tried == [2, 8, 32, 32, 32]
    assert 0.02 * 32 >= ENOUGH > 0.02 * 8


def test_the_least_of_several_timings_counts():
    """Whatever else the machine does at the time makes a step longer, never shorter."""
    load = iter([1.0, 3.0, 1.0, 2.0])
    assert time_step(lambda steps: next(load) * 0.3 * steps) == pytest.approx(0.3)
    load = iter([3.0, 2.0, 1.0])
    assert time_step(lambda steps: next(load) * 0.3 * steps) == pytest.approx(0.3)


def test_steps_are_timed_without_validation(tmp_path, monkeypatch):
    """A chip set may validate many pixels after every epoch, the training that is fitted none."""
    image, reference = str(tmp_path / "image.tif"), str(tmp_path / "reference.tif")
    create_example_scene(output=image, reference=reference, size=48, bands=10, classes=3)
    chips, slow = str(tmp_path / "chips"), 1.0
    export_training_chips(image=image, reference=reference, output=chips)
    asked, validate = [], loop.validate

    def validating(*arguments):
        asked.append(1)
        time.sleep(slow)
        return validate(*arguments)

    monkeypatch.setattr(loop, "validate", validating)
    monkeypatch.setattr("budget.ENOUGH", 0.0)
    settings = resolve_settings({"patch_size": 3, "batch_size": 16})
    found = fitted_recipe(
        read_chip_set(chips), settings, budget=60, memory=tmp_path / "length.json"
    )
    assert asked  # it does validate
    assert 0 < found.step_seconds < slow / FIRST_TRIAL / 2


def test_a_fold_is_kept_under_all_that_decides_it(tmp_path):
    key = fold_key(recipe={"epochs": 15}, scene="stripes")
    assert key == fold_key(scene="stripes", recipe={"epochs": 15})
    assert key != fold_key(scene="stripes", recipe={"epochs": 16})
    kept = KeptFolds(tmp_path / "folds", "stripes", "random forest", key)
    assert not kept.has(0, 1)
    guess = Guess({"": np.array([1, 2]), "tuned for average": np.array([2, 2])}, {"radius": 4})
    kept.save(0, 1, guess)
    assert kept.has(0, 1)
    assert not kept.has(1, 0)
    found = kept.load(0, 1)
    assert found.facts == {"radius": 4}
    assert {name: part.tolist() for name, part in found.parts.items()} == {
        "": [1, 2],
        "tuned for average": [2, 2],
    }
    assert len(list((tmp_path / "folds").iterdir())) == 1


def test_folds_keep_their_distance_and_the_rest_is_said(scene):
    protocol = Protocol(folds=2, block=32, buffer=5)
    rows, cols = scene.pixels.rows, scene.pixels.cols
    for fold in range(2):
        training, test = protocol.divide(scene, 0, fold)
        far = np.maximum(
            np.abs(rows[training][:, None] - rows[test]),
            np.abs(cols[training][:, None] - cols[test]),
        )
        assert far.min() == 6
    left = leftover(scene, protocol, [0])
    assert 0.5 < left.pixels < 1
    assert left.attainable == 1 - 16 / SIDE**2  # the corner's class lies in one block only


def test_tables_are_of_whole_seeds_and_matrices_are_pooled(scene, tmp_path):
    protocol = Protocol(folds=2, block=16, buffer=0)
    method, kept = LocationMethod(), KeptFolds(tmp_path, "stripes", "location only", "key")
    for seed, fold in ((0, 0), (0, 1), (1, 0)):
        training, test = protocol.divide(scene, seed, fold)
        kept.save(seed, fold, method.guess(scene, training, test, seed, ""))
    row = read_row("location only", kept, scene, protocol, [0, 1])
    assert list(row.pooled[""]) == [0]
    found = matrices(scene, [row])["methods"]["location only"]["0"]
    assert np.sum(found) == SIDE**2
    assert np.sum(found, 1).tolist() == scene.labels.counts()
    right = float(np.mean(row.pooled[""][0] == scene.pixels.told))
    other = Row("etrainee_1d", {}, [], "it needs 46 bands")
    lines = scene_lines(scene, [row, other], protocol, Leftover(0.7, 0.996), [0, 1])
    text = "\n".join(lines)
    assert f"| location only |  | 1 | {right:.3f} ± 0.000 |" in text
    assert "nothing was ever chosen on it" in text
    assert "Rare classes (under 100 pixels): c (16)." in text
    assert "| etrainee_1d |  | 0 |" in text
    assert "it needs 46 bands" in text
    assert "Not all of the 2 seeds are in yet." in text
    widths = {line.count("|") for line in lines if line.startswith("|")}
    assert len(widths) == 1


def test_what_was_shortened_is_said(scene):
    facts = {"training_seconds": 9.5, "pixels_a_second": 1234.0, "radius": 4}
    row = Row("multiscale", {"": {0: scene.pixels.told}}, [{**facts, "steps": 250, "full": 900}])
    text = "\n".join(scene_lines(scene, [row], Protocol(4, 48, 12), Leftover(1, 1), [0]))
    assert "| **multiscale** | 4 px | 1 | 1.000 ± 0.000" in text
    assert "| 9.5 | 1,234 | 250 of 900 steps |" in text
    assert "not all" not in text.lower()


@pytest.mark.parametrize("fit", [tuned_svm, tuned_forest])
def test_rivals_learn_what_can_be_learnt_and_see_training_pixels_alone(scene, fit, monkeypatch):
    module = sys.modules[fit.__module__]
    if fit is tuned_svm:
        monkeypatch.setattr(module, "COSTS", (1.0, 100.0))
    else:
        monkeypatch.setattr(module, "TREES", 20)
        monkeypatch.setattr(module, "INNER_TREES", 5)
    training, test = Protocol(folds=2, block=16, buffer=2).divide(scene, 0, 0)
    fitted = fit(scene.pixels.take(training), block_size=16, buffer=2, seed=0)
    told = scene.pixels.told[test]
    assert set(fitted) == {"overall", "average"}
    for predictor in fitted.values():
        right = np.mean(predictor(scene.pixels.spectra[test]) == told)
        assert 0.85 < right < 1  # 0.95 is what bands and noise allow


def test_inner_folds_are_apart(scene):
    pixels = scene.pixels
    folds = list(inner_folds(pixels, block_size=16, buffer=3, seed=1))
    assert sorted(np.concatenate([held for _, held in folds]).tolist()) == list(range(SIDE**2))
    kept, held = folds[0]
    far = np.maximum(
        np.abs(pixels.rows[kept][:, None] - pixels.rows[held]),
        np.abs(pixels.cols[kept][:, None] - pixels.cols[held]),
    )
    assert far.min() > 3


def quick(task: Task) -> Outcome:
    return Outcome(task, 7.0, f"seed {task.seed}")


def test_folds_are_worked_on_in_order_and_none_begins_that_would_end_too_late():
    tasks = [
        Task("", "", "stripes", method, seed, 0, Protocol(4, 48, 12), budget)
        for seed in (0, 1)
        for method, budget in (("short", 1.0), ("long", 1000.0))
    ]
    done = [outcome.task for outcome in run_tasks(tasks, jobs=1, seconds=60, work=quick)]
    assert [(task.method, task.seed) for task in done] == [("short", 0), ("short", 1)]
    assert len(list(run_tasks(tasks, jobs=2, work=quick))) == 4


def test_the_time_left_is_the_least_that_is_said():
    assert seconds_left(None, None) == float("inf")
    assert seconds_left(2, None) == 120
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=90)
    assert 80 * 60 < seconds_left(None, f"{soon:%H:%M}") <= 90 * 60
    assert seconds_left(1, f"{soon:%H:%M}") == 60


def test_a_stopped_run_goes_on_and_a_changed_budget_runs_again(test_data, tmp_path):
    command = [sys.executable, str(ACCURACY), "--data", str(test_data), "--cache", str(tmp_path)]
    command += ["--scenes", "samson", "--seeds", "0", "--folds", "2"]
    network = ["--methods", "location only", "multiscale"]

    def run(*arguments: str) -> str:
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "no seed is whole yet" in run("--minutes", "0", "--budget", "1", *network)
    said = run("--budget", "1", *network)
    assert "4/4 samson seed 0 fold 1 multiscale: 0.9" in said
    assert " of 900 steps |" in said
    again = run("--budget", "1", *network)
    assert "1/" not in again
    assert again.splitlines()[-3:] == said.splitlines()[-3:]
    other = run("--budget", "2", "--table", *network)
    assert "| **multiscale** |  | 0 |" in other
    assert "| location only |  | 1 |" in other

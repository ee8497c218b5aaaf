from __future__ import annotations

import dataclasses
import math
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from hsicnn.core.data.normalisation import fit_normalisation  # noqa: E402
from hsicnn.core.data.separation import TEST, TRAIN, UNUSED, VALIDATION  # noqa: E402
from hsicnn.core.errors import Cancelled, HsicnnError  # noqa: E402
from hsicnn.core.progress import SilentProgress  # noqa: E402
from hsicnn.core.runtime.seeds import seed_torch  # noqa: E402
from hsicnn.core.training import loop  # noqa: E402
from hsicnn.core.training.checkpoints import (  # noqa: E402
    checkpoint_path,
    resume_from,
    save_checkpoint,
)
from hsicnn.core.training.loop import Lesson, TrainingState, train  # noqa: E402
from hsicnn.core.training.optimisers import make_optimiser  # noqa: E402
from hsicnn.core.training.patches import PatchSource, samples_of  # noqa: E402
from hsicnn.core.training.settings import TrainingSettings  # noqa: E402
from hsicnn.core.training.validation import predict  # noqa: E402
from hsicnn.models.build import build  # noqa: E402
from pixels import small_store  # noqa: E402

QUIET = SilentProgress()


class Recorder(SilentProgress):
    def __init__(self, cancel_after: int = 10**9) -> None:
        self.rows: list[dict] = []
        self.asked = 0
        self.fractions: list[float] = []
        self.cancel_after = cancel_after

    def report(self, fraction, text=""):
        self.fractions.append(fraction)

    def metric(self, name, values):
        self.rows.append(dict(values))

    def check_cancel(self):
        self.asked += 1
        if self.asked > self.cancel_after:
            raise Cancelled


def make(settings: TrainingSettings, store=None, margin: int = 0):
    store = store or small_store()
    fitted = fit_normalisation("band", store.physical(store.index[store.split == TRAIN]))
    seed_torch(settings.seed, "initialisation")
    network = build(
        "multiscale", fitted.outputs, 3, {"patch_size": 5, "width": 8, "hidden": 16, "dropout": 0.2}
    )
    source = PatchSource(
        store,
        fitted,
        2,
        margin=margin,
        device=torch.device("cpu"),
        memory_bytes=1 << 30,
        progress=QUIET,
    )
    lesson = Lesson(
        source, samples_of(store, TRAIN), samples_of(store, VALIDATION), torch.ones(3), settings
    )
    return TrainingState(network, make_optimiser(network, settings)), lesson


def settings(**given) -> TrainingSettings:
    few = {"epochs": 6, "batch_size": 32, "shortest_epoch": 5, "longest_epoch": 8}
    return TrainingSettings(**{**few, **given})


def test_training_learns_what_can_be_learnt():
    chosen = settings(epochs=12)
    state, lesson = make(chosen)
    recorder = Recorder()
    train(state, lesson, recorder, lambda _: None)
    assert state.best_figures["validation_overall"] > 0.9
    state.network.load_state_dict(state.best)
    store = small_store()
    test = samples_of(store, TEST)
    found = predict(state.network, lesson.source, test, QUIET).argmax(1)
    assert float((found == test.target).float().mean()) > 0.9
    assert recorder.fractions == sorted(recorder.fractions)
    assert recorder.fractions[-1] == pytest.approx(1.0)
    assert [row["epoch"] for row in recorder.rows] == list(range(1, 13))


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"averaging": 0.9, "noise": 0.1, "mixup": 0.3, "brightness": 0.1},
        {"schedule": "multi-step", "optimiser": "sgd", "keep": "last"},
    ],
)
def test_resumed_equals_uninterrupted_to_the_bit(extra, tmp_path):
    chosen = settings(**extra)
    whole, lesson = make(chosen)
    train(whole, lesson, QUIET, lambda _: None)

    path = checkpoint_path(str(tmp_path / "model.safetensors"))

    def stop_after_three(state):
        save_checkpoint(path, state, "job")
        if state.epoch == 3:
            raise Cancelled

    first, lesson = make(chosen)
    with pytest.raises(Cancelled):
        train(first, lesson, QUIET, stop_after_three)
    second, lesson = make(chosen)
    assert resume_from(path, second, "job", QUIET)
    assert second.epoch == 3
    train(second, lesson, QUIET, lambda _: None)
    assert whole.best_epoch == second.best_epoch
    for name, value in whole.best.items():
        assert torch.equal(value, second.best[name]), name
    losses = [row["loss"] for row in whole.history]
    assert losses == [row["loss"] for row in second.history]


def test_a_checkpoint_of_another_job_or_a_damaged_one_is_not_used(tmp_path):
    state, _ = make(settings())
    path = checkpoint_path(str(tmp_path / "model.safetensors"))
    save_checkpoint(path, state, "job")
    fresh, _ = make(settings())
    assert not resume_from(path, fresh, "another job", QUIET)
    path.write_bytes(path.read_bytes()[:100])
    assert not resume_from(path, fresh, "job", QUIET)
    path.unlink()
    assert not resume_from(path, fresh, "job", QUIET)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    results = []
    for seed in (1, 1, 2):
        state, lesson = make(settings(epochs=2, seed=seed))
        train(state, lesson, QUIET, lambda _: None)
        results.append(state.best["spectral.weight"])
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_cancel_is_asked_for_before_every_step():
    state, lesson = make(settings())
    recorder = Recorder(cancel_after=3)
    saved = []
    with pytest.raises(Cancelled):
        train(state, lesson, recorder, saved.append)
    assert not saved  # the fourth step of the first epoch never began
    assert state.epoch == 0


def test_early_stopping_and_the_best_epoch_are_chosen_on_validation_pixels(monkeypatch):
    from hsicnn.core.training.validation import Figures

    accuracies = iter([0.5, 0.8, 0.7, 0.6, 0.9, 0.9])
    monkeypatch.setattr(loop, "validate", lambda *_: Figures(10, 1.0, *[next(accuracies)] * 2))
    state, lesson = make(settings(epochs=6, patience=2))
    train(state, lesson, QUIET, lambda _: None)
    assert state.epoch == 4  # two epochs without anything better than the second
    assert state.best_epoch == state.kept_epoch == 2


def test_the_last_weights_are_kept_where_asked_and_patience_still_stops(monkeypatch):
    from hsicnn.core.training.validation import Figures

    accuracies = iter([0.5, 0.8, 0.7, 0.6, 0.9, 0.9])
    monkeypatch.setattr(loop, "validate", lambda *_: Figures(10, 1.0, *[next(accuracies)] * 2))
    state, lesson = make(settings(epochs=6, patience=2, keep="last"))
    train(state, lesson, QUIET, lambda _: None)
    assert (state.epoch, state.best_epoch, state.kept_epoch) == (4, 2, 4)


def test_without_validation_pixels_the_last_epoch_is_kept():
    store = small_store()
    codes = np.where(store.split == VALIDATION, UNUSED, store.split)
    state, lesson = make(settings(epochs=3), dataclasses.replace(store, split=codes))
    train(state, lesson, QUIET, lambda _: None)
    assert state.best_epoch == 3
    assert state.best_figures == {}
    assert "validation_overall" not in state.history[0]


def test_a_loss_that_is_no_number_ends_with_what_to_do():
    state, lesson = make(settings())
    lesson.weights[:] = math.nan
    with pytest.raises(HsicnnError, match="LEARNING_RATE"):
        train(state, lesson, QUIET, lambda _: None)


def test_batches_halve_when_memory_runs_out():
    chosen = settings(epochs=2)
    state, lesson = make(chosen)
    forward, sizes = state.network.forward_members, []

    def greedy(patches):
        sizes.append(len(patches))
        if len(patches) > 8 and state.network.training:
            raise RuntimeError("CUDA out of memory. Tried to allocate 3 GiB")
        return forward(patches)

    state.network.forward_members = greedy
    train(state, lesson, QUIET, lambda _: None)
    assert sizes[:3] == [32, 16, 8]
    assert state.micro_batch == 8
    assert state.epoch == 2


@pytest.mark.parametrize("batch", [3, 6, 7, 12])
def test_memory_that_never_suffices_ends_in_an_error_not_in_nothing_learnt(batch):
    state, lesson = make(settings(batch_size=batch))

    def greedy(patches):
        raise RuntimeError("CUDA out of memory. Tried to allocate 3 GiB")

    state.network.forward_members = greedy
    with pytest.raises(RuntimeError, match="out of memory"):
        train(state, lesson, QUIET, lambda _: None)


@pytest.mark.parametrize(
    ("count", "size"), [(7, 2), (7, 3), (6, 2), (5, 4), (3, 2), (2, 2), (1, 2)]
)
def test_parts_of_a_batch_hold_every_patch_and_never_one_alone(count, size):
    parts = loop._parts(torch.arange(count), size)
    assert torch.equal(torch.cat(parts), torch.arange(count))
    assert all(len(part) > 1 for part in parts) or count == 1


def test_a_checkpoint_of_another_network_is_not_used(tmp_path):
    state, _ = make(settings())
    path = checkpoint_path(str(tmp_path / "model.safetensors"))
    save_checkpoint(path, state, "job")
    other = build("multiscale", 12, 3, {"patch_size": 5, "width": 4, "hidden": 16})
    fresh = TrainingState(other, make_optimiser(other, settings()))
    before = {name: value.clone() for name, value in other.state_dict().items()}
    assert not resume_from(path, fresh, "job", QUIET)
    assert all(torch.equal(value, before[name]) for name, value in other.state_dict().items())


def test_a_checkpoint_that_cannot_be_written_keeps_the_earlier_one(tmp_path, monkeypatch):
    state, _ = make(settings())
    path = checkpoint_path(str(tmp_path / "model.safetensors"))
    save_checkpoint(path, state, "job")
    before = path.read_bytes()

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hsicnn.core.training.checkpoints.os.fsync", full)
    with pytest.raises(HsicnnError, match="No space left"):
        save_checkpoint(path, state, "job")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_other_failures_are_not_taken_for_missing_memory():
    state, lesson = make(settings())

    def broken(patches):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    state.network.forward_members = broken
    with pytest.raises(RuntimeError, match="mat1"):
        train(state, lesson, QUIET, lambda _: None)


def test_one_training_pixel_a_batch_and_very_few_pixels_work():
    store = small_store()
    training = np.flatnonzero(store.split == TRAIN)
    codes = np.zeros_like(store.split)
    codes[training[::70]] = TRAIN
    state, lesson = make(settings(epochs=2, batch_size=4), dataclasses.replace(store, split=codes))
    assert len(lesson.training) == 5  # a batch of four, and one left over for batch norm to fail on
    train(state, lesson, QUIET, lambda _: None)
    assert state.epoch == 2


def test_with_a_margin_the_neighbours_labels_are_learnt_along():
    chosen = settings(epochs=12, margin=3, batch_size=8)
    state, lesson = make(chosen, margin=3)
    train(state, lesson, QUIET, lambda _: None)
    assert state.best_figures["validation_overall"] > 0.9

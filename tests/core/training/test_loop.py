from __future__ import annotations

import dataclasses
import math
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from hsicnn.core.data.separation import TEST, TRAIN, UNUSED, VALIDATION  # noqa: E402
from hsicnn.core.errors import Cancelled, HsicnnError  # noqa: E402
from hsicnn.core.progress import SilentProgress  # noqa: E402
from hsicnn.core.training import loop, steps  # noqa: E402
from hsicnn.core.training.loop import train  # noqa: E402
from hsicnn.core.training.patches import samples_of  # noqa: E402
from hsicnn.core.training.validation import predict  # noqa: E402
from lessons import QUIET, make, settings  # noqa: E402
from pixels import small_store  # noqa: E402


class Recorder(SilentProgress):
    def __init__(self, cancel_after: int = 10**9) -> None:
        self.rows: list[dict] = []
        self.asked = 0
        self.fractions: list[float] = []
        self.cancel_after = cancel_after
        self.lines: list[str] = []

    def log(self, text):
        self.lines.append(text)

    def report(self, fraction, text=""):
        self.fractions.append(fraction)

    def metric(self, name, values):
        self.rows.append(dict(values))

    def check_cancel(self):
        self.asked += 1
        if self.asked > self.cancel_after:
            raise Cancelled


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
    assert [row["epoch"] for row in recorder.rows] == list(range(13))


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
    state, lesson = make(settings(untrained=False, epochs=6, patience=2))
    said = Recorder()
    train(state, lesson, said, lambda _: None)
    assert said.lines[-1] == (
        "Kept are the weights of epoch 2 of 4 (KEEP 'best'): validation 0.800 overall, 0.800 "
        "average."
    )
    assert state.epoch == 4  # two epochs without anything better than the second
    assert state.best_epoch == state.kept_epoch == 2


def test_the_last_weights_are_kept_where_asked_and_patience_still_stops(monkeypatch):
    from hsicnn.core.training.validation import Figures

    accuracies = iter([0.5, 0.8, 0.7, 0.6, 0.9, 0.9])
    monkeypatch.setattr(loop, "validate", lambda *_: Figures(10, 1.0, *[next(accuracies)] * 2))
    state, lesson = make(settings(untrained=False, epochs=6, patience=2, keep="last"))
    train(state, lesson, QUIET, lambda _: None)
    assert (state.epoch, state.best_epoch, state.kept_epoch) == (4, 2, 4)


def test_a_training_that_had_run_out_of_patience_does_not_go_on_when_resumed(monkeypatch):
    from hsicnn.core.training.validation import Figures

    accuracies = iter([0.5, 0.8, 0.7, 0.6, 0.9, 0.9])
    monkeypatch.setattr(loop, "validate", lambda *_: Figures(10, 1.0, *[next(accuracies)] * 2))
    state, lesson = make(settings(untrained=False, epochs=6, patience=2))
    train(state, lesson, QUIET, lambda _: None)
    again = train(state, lesson, QUIET, lambda _: None)  # killed after its last checkpoint
    assert (again.epoch, again.best_epoch, len(again.history)) == (4, 2, 4)


def test_without_validation_pixels_the_last_epoch_is_kept():
    store = small_store()
    codes = np.where(store.split == VALIDATION, UNUSED, store.split)
    state, lesson = make(settings(epochs=3), dataclasses.replace(store, split=codes))
    train(state, lesson, QUIET, lambda _: None)
    assert state.best_epoch == 3
    assert state.best_figures == {}
    assert "validation_overall" not in state.history[0]


def test_weights_that_are_no_numbers_end_with_what_to_do():
    state, lesson = make(settings())

    def break_weights(now):
        with torch.no_grad():
            now.network.spectral.weight[0, 0] = math.inf

    state.optimiser.register_step_post_hook(lambda *_: break_weights(state))
    lesson = dataclasses.replace(lesson, settings=settings(longest_epoch=1, shortest_epoch=1))
    with pytest.raises(HsicnnError, match=r"epoch 1: the network's weights .*LEARNING_RATE"):
        train(state, lesson, QUIET, lambda _: None)


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


def test_parts_of_batches_learn_what_whole_batches_do():
    """Without batch norm only the order of sums differs."""
    chosen = settings(architecture="indian_pines_3d", epochs=1, patch_size=7, flips=True)
    (plain, lesson), (halved, again) = make(chosen), make(chosen)
    train(plain, lesson, QUIET, lambda _: None)
    forward, told = halved.network.forward, Recorder()

    def greedy(patches):
        if len(patches) > 10 and halved.network.training:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return forward(patches)

    halved.network.forward = greedy
    train(halved, again, told, lambda _: None)
    assert halved.micro_batch == 8
    assert [line for line in told.lines if "in parts of 8 from here on" in line]
    assert (
        sum("ran out" in line for line in told.lines) == 2
    )  # said when it halves, not at every step
    for name, value in plain.network.state_dict().items():
        torch.testing.assert_close(halved.network.state_dict()[name], value, rtol=1e-4, atol=1e-5)


def test_validation_goes_on_with_less_at_once():
    state, lesson = make(settings(epochs=1))
    whole = predict(state.network, lesson.source, lesson.validation, QUIET)
    forward, sizes = state.network.forward, []

    def greedy(patches):
        sizes.append(len(patches))
        if len(patches) > 3:
            raise MemoryError
        return forward(patches)

    state.network.forward = greedy
    found = predict(state.network, lesson.source, lesson.validation, QUIET)
    torch.testing.assert_close(found, whole)
    assert max(sizes) > 3
    assert [size for size in sizes if size > 3] == sorted({s for s in sizes if s > 3}, reverse=True)

    def hopeless(patches):
        raise MemoryError

    state.network.forward = hopeless
    with pytest.raises(MemoryError):
        predict(state.network, lesson.source, lesson.validation, QUIET)


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
    parts = steps.parts_of(torch.arange(count), size)
    assert torch.equal(torch.cat(parts), torch.arange(count))
    assert all(len(part) > 1 for part in parts) or count == 1


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


@pytest.mark.parametrize("length", [0.5, 4.9, 5.1, 300.0])
def test_gradients_are_shortened_where_they_are_too_long_together(length):
    network = torch.nn.Linear(3, 4)
    drawn = [torch.randn_like(weight) for weight in network.parameters()]
    norm = math.sqrt(sum(float(part.square().sum()) for part in drawn))
    for weight, part in zip(network.parameters(), drawn):
        weight.grad = part * length / norm
    before = [weight.grad.clone() for weight in network.parameters()]
    steps.clip_gradients(network, 5.0)
    share = min(5.0 / length, 1.0)
    for weight, part in zip(network.parameters(), before):
        torch.testing.assert_close(weight.grad, part * share)
        assert length > 5.0 or torch.equal(weight.grad, part)

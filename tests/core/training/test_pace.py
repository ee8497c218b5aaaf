"""How long a training takes is tried out without touching it."""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from chip_sets import Said  # noqa: E402
from hsicnn.core.errors import Cancelled  # noqa: E402
from hsicnn.core.training import pace  # noqa: E402
from hsicnn.core.training.loop import train  # noqa: E402
from hsicnn.core.training.pace import say_how_long  # noqa: E402
from lessons import QUIET, make, settings  # noqa: E402


@pytest.fixture
def clock(monkeypatch):
    """Every trial takes a second for each patch or pixel of it."""
    sizes: list[int] = []

    def seconds(run, count):
        run(count)
        sizes.append(count)
        return float(count)

    monkeypatch.setattr(pace, "_seconds", seconds)
    return sizes


def test_steps_and_predictions_are_multiplied(clock):
    state, lesson = make(settings(epochs=6))
    said = Said()
    say_how_long(state, lesson, 100, said)
    # An epoch: 8 steps of 32 patches, and 144 validation pixels, which are scored at the end
    # as well, with the 100 of the test: 6 * (256 + 144) + 244 seconds.
    assert said.logs == ["Time: about 44 min 04 s, by a few steps tried on this machine."]
    state.epoch = 4
    say_how_long(state, lesson, 100, said)
    assert "about 17 min 24 s" in said.logs[1]
    state.epoch = 6
    say_how_long(state, lesson, 100, said)
    assert len(said.logs) == 2


def test_trials_grow_only_while_they_take_no_time(clock, monkeypatch):
    state, lesson = make(settings())
    say_how_long(state, lesson, 0, Said())
    assert clock == [2, 2, 2, 2]  # eight patches would have taken eight seconds
    clock.clear()
    monkeypatch.setattr(pace, "_seconds", lambda _, count: clock.append(count) or 1e-4)
    say_how_long(state, lesson, 0, Said())
    sizes = [2, 8, 32, 2, 8, 32, 128, 144]
    assert clock == [size for size in sizes for _ in (0, 1)]


def test_the_first_run_of_a_size_which_prepares_kernels_does_not_count(monkeypatch):
    state, lesson = make(settings(epochs=6))
    known = set()

    def seconds(run, count):
        slow = (run, count) not in known
        known.add((run, count))
        return 40.0 if slow else 1e-3 * count

    monkeypatch.setattr(pace, "_seconds", seconds)
    said = Said()
    say_how_long(state, lesson, 100, said)
    # A thousandth of the time of the steps and predictions of a second each.
    assert said.logs == ["Time: about 3 s, by a few steps tried on this machine."]


def test_a_batch_taken_in_parts_is_tried_in_such_parts(clock, monkeypatch):
    state, lesson = make(settings())
    state.micro_batch = 4
    monkeypatch.setattr(pace, "_seconds", lambda _, count: clock.append(count) or 1e-4)
    say_how_long(state, lesson, 0, Said())
    assert max(clock[:4]) == 4
    assert state.micro_batch == 4


@pytest.mark.parametrize(
    "extra", [{}, {"averaging": 0.9, "noise": 0.1, "mixup": 0.3, "brightness": 0.1}]
)
def test_a_training_goes_the_same_way_with_and_without_it(extra):
    chosen = settings(epochs=2, **extra)
    plain, lesson = make(chosen)
    train(plain, lesson, QUIET, lambda _: None)
    tried, lesson = make(chosen)
    weights = copy.deepcopy(tried.network.state_dict())
    numbers = torch.random.get_rng_state()
    said = Said()
    say_how_long(tried, lesson, 100, said)
    assert said.logs
    assert torch.equal(numbers, torch.random.get_rng_state())
    assert all(
        torch.equal(value, weights[name]) for name, value in tried.network.state_dict().items()
    )
    assert not tried.optimiser.state
    assert (tried.epoch, tried.history, tried.average, tried.best) == (0, [], {}, {})
    train(tried, lesson, QUIET, lambda _: None)
    assert all(torch.equal(value, plain.best[name]) for name, value in tried.best.items())
    assert [row.get("loss") for row in tried.history] == [row.get("loss") for row in plain.history]


def test_two_training_pixels_and_none_to_validate_are_enough():
    state, lesson = make(settings())
    few = lesson.training.first(2)
    assert len(few) == 2
    said = Said()
    say_how_long(
        state, pace.replace(lesson, training=few, validation=lesson.validation.first(0)), 0, said
    )
    assert said.logs


def test_what_fails_in_the_trial_is_left_to_the_training(monkeypatch):
    state, lesson = make(settings())
    lesson.weights[:] = float("nan")
    said = Said()
    say_how_long(state, lesson, 0, said)
    assert said.logs == []

    def too_much(*_):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(pace, "_steps", too_much)
    say_how_long(state, lesson, 0, said)
    assert said.logs == []


def test_a_cancel_during_the_trial_ends_it():
    class Cancelling(Said):
        def check_cancel(self):
            raise Cancelled

    state, lesson = make(settings())
    with pytest.raises(Cancelled):
        say_how_long(state, lesson, 0, Cancelling())

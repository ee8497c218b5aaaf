from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from hsicnn.core.errors import Cancelled  # noqa: E402
from hsicnn.core.progress import SilentProgress  # noqa: E402
from hsicnn.core.training import rate_finder  # noqa: E402
from hsicnn.core.training.freezing import freeze  # noqa: E402
from hsicnn.core.training.loop import train  # noqa: E402
from hsicnn.core.training.optimisers import make_optimiser  # noqa: E402
from hsicnn.core.training.rate_finder import find_learning_rate  # noqa: E402
from lessons import QUIET, make, settings  # noqa: E402


class Said(SilentProgress):
    def __init__(self, cancel_after: int = 10**9) -> None:
        self.lines: list[str] = []
        self.left = cancel_after

    def log(self, text):
        self.lines.append(text)

    def check_cancel(self):
        self.left -= 1
        if self.left < 0:
            raise Cancelled


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_a_rate_is_suggested_that_trains(optimiser):
    chosen = settings(optimiser=optimiser, noise=0.1, mixup=0.2, epochs=12, schedule="constant")
    state, lesson = make(chosen)
    said = Said()
    found = find_learning_rate(state, lesson, said)
    assert found["rates"] == sorted(found["rates"])
    assert len(found["losses"]) == len(found["rates"])
    lowest = found["losses"].index(min(found["losses"]))
    assert found["suggested"] == pytest.approx(found["rates"][lowest] / 10, rel=0.05)
    assert f"LEARNING_RATE of {found['suggested']:.1e} is suggested" in said.lines[0]
    better = settings(optimiser=optimiser, epochs=12, learning_rate=found["suggested"])
    state, lesson = make(better)
    train(state, lesson, QUIET, lambda _: None)
    assert state.best_figures["validation_overall"] > 0.85


def test_neither_weights_nor_random_numbers_are_touched():
    chosen = settings(epochs=2, accumulate=3, averaging=0.9)
    plain, lesson = make(chosen)
    train(plain, lesson, QUIET, lambda _: None)
    tried, lesson = make(chosen)
    weights = {name: value.clone() for name, value in tried.network.state_dict().items()}
    numbers = torch.get_rng_state()
    first = find_learning_rate(tried, lesson, QUIET)
    assert torch.equal(numbers, torch.get_rng_state())
    assert all(torch.equal(v, weights[name]) for name, v in tried.network.state_dict().items())
    assert not tried.optimiser.state
    assert (tried.epoch, tried.history, tried.average, tried.best) == (0, [], {}, {})
    torch.rand(7)  # whatever ran before
    assert find_learning_rate(tried, lesson, QUIET) == first
    train(tried, lesson, QUIET, lambda _: None)
    assert all(torch.equal(value, plain.best[name]) for name, value in tried.best.items())


def test_frozen_parts_stay_as_they_are_in_the_copy_too(monkeypatch):
    chosen = settings()
    state, lesson = make(chosen)
    state.frozen = freeze(state.network, "1")
    state.optimiser = make_optimiser(state.network, chosen)
    seen = []
    plain = rate_finder.take_step

    def step(trial, *rest, **named):
        loss = plain(trial, *rest, **named)
        seen.append(trial.network.spectral_norm.running_mean.clone())
        return loss

    monkeypatch.setattr(rate_finder, "take_step", step)
    find_learning_rate(state, lesson, QUIET)
    assert len(seen) > 10
    assert all(torch.equal(mean, seen[0]) for mean in seen)


def test_rates_end_where_the_loss_is_lost(monkeypatch):
    state, lesson = make(settings())
    falling = iter([1.0] * 60 + [0.5] * 20 + [50.0] * 60)
    monkeypatch.setattr(rate_finder, "take_step", lambda *_, **__: next(falling))
    found = find_learning_rate(state, lesson, QUIET)
    assert 80 <= len(found["rates"]) < 95
    assert all(math.isfinite(loss) for loss in found["losses"])


@pytest.mark.parametrize("losses", [[math.nan], [1.0, math.inf], [float(n + 1) for n in range(9)]])
def test_nothing_is_suggested_where_no_rate_helps(losses, monkeypatch):
    state, lesson = make(settings())
    told = iter([*losses, *[math.nan] * 200])
    monkeypatch.setattr(rate_finder, "take_step", lambda *_, **__: next(told))
    said = Said()
    found = find_learning_rate(state, lesson, said)
    assert found["suggested"] is None
    assert "nothing is suggested" in said.lines[0]


def test_cancel_ends_it():
    state, lesson = make(settings())
    with pytest.raises(Cancelled):
        find_learning_rate(state, lesson, Said(cancel_after=3))

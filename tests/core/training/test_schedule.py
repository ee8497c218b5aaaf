from __future__ import annotations

import pytest
from hsicnn.core.errors import InputError
from hsicnn.core.training.schedule import learning_rate
from hsicnn.core.training.settings import SCHEDULES


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_rate_is_positive_and_never_above_the_highest(schedule):
    rates = [learning_rate(schedule, 0.5, step / 100) for step in range(101)]
    assert all(0 < rate <= 0.5 for rate in rates)
    assert max(rates) == pytest.approx(0.5)


def test_one_cycle_rises_then_falls():
    rates = [learning_rate("one-cycle", 1.0, step / 100) for step in range(101)]
    top = rates.index(max(rates))
    assert top == 20
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[-1] == pytest.approx(1e-3)


def test_multi_step_falls_at_its_milestones():
    assert learning_rate("multi-step", 1.0, 0.49) == 1.0
    assert learning_rate("multi-step", 1.0, 0.5) == pytest.approx(0.3)
    assert learning_rate("multi-step", 1.0, 0.95) == pytest.approx(0.027)


def test_unknown_schedule():
    with pytest.raises(InputError, match="Unknown schedule"):
        learning_rate("magic", 1.0, 0.5)

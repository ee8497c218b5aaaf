from __future__ import annotations

import math

import pytest
from hsicnn.core.errors import InputError
from hsicnn.core.training.schedule import Moment, learning_rate, milestones
from hsicnn.core.training.settings import SCHEDULES, TrainingSettings


def rates(schedule: str, highest: float = 1.0, **given) -> list[float]:
    settings = TrainingSettings(schedule=schedule, learning_rate=highest, **given)
    return [learning_rate(settings, Moment(step / 100, step)) for step in range(101)]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_rate_is_positive_and_never_above_the_highest(schedule):
    found = rates(schedule, 0.5)
    assert all(0 < rate <= 0.5 for rate in found)
    assert max(found) == pytest.approx(0.5)


def test_one_cycle_rises_then_falls():
    found = rates("one-cycle")
    top = found.index(max(found))
    assert top == 20
    assert found[:top] == sorted(found[:top])
    assert found[top:] == sorted(found[top:], reverse=True)
    assert found[-1] == pytest.approx(1e-3)


def test_cosine_falls_along_half_a_wave():
    found = rates("cosine")
    assert found[50] == pytest.approx((1 + 1e-3) / 2)
    assert found == sorted(found, reverse=True)


def test_multi_step_falls_at_its_milestones():
    found = rates("multi-step")
    assert found[49] == 1.0
    assert found[50] == pytest.approx(0.3)
    assert found[95] == pytest.approx(0.027)


def test_milestones_and_their_factor_can_be_set_as_shares_or_epochs():
    shares = rates("multi-step", milestones="0.25; 0.5", rate_factor=0.1)
    assert (shares[24], shares[25], shares[60]) == pytest.approx((1, 0.1, 0.01))
    epochs = rates("multi-step", milestones="15,30", epochs=60, rate_factor=0.1)
    assert epochs == shares


def test_a_milestone_is_met_by_the_first_batch_of_its_epoch():
    for epochs in range(1, 400):
        for epoch in range(1, epochs):
            assert (epoch + 0 / 30) / epochs >= milestones(str(epoch), epochs)[0]


def test_multi_step_is_torchs_with_the_same_milestones():
    torch = pytest.importorskip("torch")
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.7)
    theirs = torch.optim.lr_scheduler.MultiStepLR(optimiser, [3, 8], 0.3)
    settings = TrainingSettings(
        schedule="multi-step", learning_rate=0.7, epochs=12, milestones="3, 8"
    )
    for epoch in range(12):
        assert learning_rate(settings, Moment(epoch / 12)) == pytest.approx(
            optimiser.param_groups[0]["lr"]
        )
        optimiser.step()
        theirs.step()


def test_plateau_falls_with_every_reduction():
    settings = TrainingSettings(schedule="plateau", learning_rate=0.5, rate_factor=0.2)
    found = [learning_rate(settings, Moment(0.9, 7, count)) for count in range(3)]
    assert found == pytest.approx([0.5, 0.1, 0.02])


def test_inverse_time_is_keras_decay_of_sgd():
    settings = TrainingSettings(schedule="inverse-time", learning_rate=1.0, rate_decay=5e-6)
    for step in (0, 1, 1000, 12_600):
        expected = 1.0 * 1.0 / (1.0 + 5e-6 * step)
        assert learning_rate(settings, Moment(0.1, step)) == pytest.approx(expected)


def test_constant_is_constant():
    assert set(rates("constant", 0.3)) == {0.3}


@pytest.mark.parametrize("text", ["", "half", "0.5, ,0.7", "0", "-1", "nan", "inf", "0.5,"])
def test_milestones_that_cannot_be_read_are_refused(text):
    with pytest.raises(InputError, match=r"MILESTONES is .*write numbers above 0"):
        milestones(text, 60)


def test_unknown_schedule():
    with pytest.raises(InputError, match="Unknown schedule"):
        learning_rate(TrainingSettings(schedule="magic"), Moment(math.pi / 4))

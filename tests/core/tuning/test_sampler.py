"""Optuna, kept repeatable: proposals follow from the seed, the number and what was found."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("optuna")

from hsicnn.core.tuning.sampler import COMPARED, DRAWN_FIRST, Sampler
from hsicnn.core.tuning.space import Dimension
from hsicnn.core.tuning.trial import FAILED, FINISHED, PRUNED, Trial

SPACE = (
    Dimension("rate", False, "float", 1e-3, 1e-5, 1e-1),
    Dimension("drop", True, "float", 0.5, 0.0, 0.8, even=True),
    Dimension("side", False, "ordered", 5, choices=(1, 3, 5, 7)),
    Dimension("wide", True, "int", 64, 16, 256),
    Dimension("word", False, "word", "a", choices=("a", "b")),
)


def score(drawn) -> float:
    """Best at a rate of 1e-2 and a side of 3."""
    return 1.0 - abs(math.log10(drawn["rate"]) + 2) / 4 - 0.1 * abs(drawn["side"] - 1)


def trial(number, drawn, state=FINISHED) -> Trial:
    found = score(drawn)
    curve = [(50, found - 0.1), (100, found)] if state != FAILED else []
    told = found if state == FINISHED else None
    return Trial(number, state, drawn, {}, told, {}, curve, 2, 0.0, 1.0)


def searched(count, earlier=(), states=None):
    states = states or {}
    sampler, trials = Sampler(SPACE, 7), list(earlier)
    for item in trials:
        sampler.remember(item)
    for number in range(len(trials), count):
        if number == 0:
            trials.append(trial(0, sampler.recipe()))
            sampler.remember(trials[0])
            continue
        drawn = sampler.propose(number)
        trials.append(trial(number, drawn, states.get(number, FINISHED)))
        for step, value in trials[-1].curve[:-1]:
            sampler.is_hopeless(step, value)
        sampler.end(trials[-1])
    return trials


def test_the_recipe_is_what_it_is():
    assert Sampler(SPACE, 1).recipe() == {
        "rate": 1e-3,
        "drop": 0.5,
        "side": 2,
        "wide": 64,
        "word": "a",
    }


def test_a_search_that_goes_on_proposes_what_it_would_have_proposed():
    whole = searched(14)
    for cut in (1, 5, 10):
        again = searched(14, whole[:cut])
        assert [item.drawn for item in again] == [item.drawn for item in whole]
    assert len({str(item.drawn) for item in whole}) == 14


def test_pruned_and_failed_trials_are_remembered_alike():
    states = {2: PRUNED, 4: FAILED, 7: PRUNED}
    whole = searched(12, states=states)
    # What pruning saw is what the curve holds.
    cut = [
        item if item.state != PRUNED else Trial(**{**item.__dict__, "curve": item.curve[:1]})
        for item in whole
    ]
    again = searched(12, cut[:9], states=states)
    assert [item.drawn for item in again] == [item.drawn for item in whole]


def test_what_is_proposed_gets_better():
    trials = searched(40)
    early = [item.score for item in trials[1 : 1 + DRAWN_FIRST]]
    late = [item.score for item in trials[-10:]]
    assert sum(late) / len(late) > sum(early) / len(early) + 0.1


def test_a_trial_that_lags_behind_is_hopeless():
    sampler = Sampler(SPACE, 1)
    for number in range(COMPARED):
        sampler.remember(
            Trial(number, FINISHED, sampler.recipe(), {}, 0.9, {}, [(50, 0.8), (100, 0.9)], 2, 0, 1)
        )
    sampler.propose(COMPARED)
    assert not sampler.is_hopeless(10, 0.1)  # too early to tell
    assert not sampler.is_hopeless(50, 0.85)
    sampler.end(trial(COMPARED, sampler.recipe(), PRUNED))
    sampler.propose(COMPARED + 1)
    assert sampler.is_hopeless(50, 0.3)

"""What a training can be told, and what it refuses."""

from __future__ import annotations

import pytest
from hsicnn.core.errors import InputError
from hsicnn.core.training.settings import CHOICES, RANGES, TrainingSettings, resolve_settings
from hsicnn.models.catalog import DEFAULT_NETWORK, NETWORKS


def test_nothing_given_is_the_recipe_of_the_recommended_network():
    found = resolve_settings({})
    assert found.architecture == DEFAULT_NETWORK
    assert found.patch_size == NETWORKS[DEFAULT_NETWORK].default_patch
    for name, value in NETWORKS[DEFAULT_NETWORK].recipe.items():
        assert getattr(found, name) == value


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_given_counts_more_than_the_recipe_and_none_is_not_given(name):
    recipe = dict(NETWORKS[name].recipe)
    given = {"architecture": name, "epochs": 7, "learning_rate": None, "batch_size": None}
    found = resolve_settings(given)
    assert found.epochs == 7
    plain = TrainingSettings()
    assert found.learning_rate == recipe.get("learning_rate", plain.learning_rate)
    assert found.batch_size == recipe.get("batch_size", plain.batch_size)


def test_settings_come_back_from_what_they_are_written_as():
    found = resolve_settings({"options": {"dropout": 0.1}, "seed": 5})
    assert TrainingSettings(**found.to_json()) == found
    assert resolve_settings(found.to_json()) == found


def test_an_unknown_setting_is_named_with_those_there_are():
    with pytest.raises(InputError, match=r"Unknown training setting epoch; there are .*epochs"):
        resolve_settings({"epoch": 3})


def test_an_unknown_network_is_named_with_those_there_are():
    with pytest.raises(InputError, match=r"resnet.*etrainee_1d"):
        resolve_settings({"architecture": "resnet"})


@pytest.mark.parametrize("name", RANGES)
def test_numbers_out_of_their_range_are_refused_with_the_range(name):
    low, high = RANGES[name]
    step = 1 if isinstance(low, int) else 1e-3
    for value in (low - step, high + step, float("nan")):
        with pytest.raises(InputError, match=rf"{name.upper()} is .*between {low} and {high}"):
            resolve_settings({name: value})
    for value in (low, high):
        assert getattr(resolve_settings({name: value}), name) == value


@pytest.mark.parametrize("name", CHOICES)
def test_unknown_words_are_refused_with_those_that_can_be(name):
    with pytest.raises(InputError, match=rf"{name.upper()} is 'best of all'; choose one of"):
        resolve_settings({name: "best of all"})
    for word in CHOICES[name]:
        assert getattr(resolve_settings({name: word}), name) == word


@pytest.mark.parametrize("name", NETWORKS)
def test_a_patch_the_network_cannot_take_is_refused(name):
    entry = NETWORKS[name]
    for size in entry.patch_sizes:
        assert resolve_settings({"architecture": name, "patch_size": size}).patch_size == size
    with pytest.raises(InputError, match=r"takes patches of .* PATCH_SIZE is 1000"):
        resolve_settings({"architecture": name, "patch_size": 1000})

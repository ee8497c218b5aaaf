"""What a training can be told, and what it refuses."""

from __future__ import annotations

import dataclasses

import pytest
from hsicnn.core.errors import InputError
from hsicnn.core.training import resolving
from hsicnn.core.training.resolving import not_used, resolve_settings
from hsicnn.core.training.settings import (
    CHOICES,
    MATRICES,
    RANGES,
    SETTINGS,
    THEMES,
    TrainingSettings,
)
from hsicnn.core.training.settings_file import read_settings
from hsicnn.models.catalog import DEFAULT_NETWORK, NETWORKS

#: What a word needs beside it.
NEEDED = {
    ("recipe", "published"): {"architecture": "indian_pines_3d"},
    ("class_weights", "given"): {"given_weights": "1=2"},
}


@pytest.fixture(autouse=True)
def a_network_with_a_published_training(monkeypatch):
    """Whatever the catalog says of it."""
    entry = NETWORKS["indian_pines_3d"]
    published = {"epochs": 600, "optimiser": "sgd", "momentum": 0.0, "patch_size": 11}
    made = dataclasses.replace(entry, published={**published, "options": {"depth": 2, "width": 3}})
    look_up = resolving.network
    monkeypatch.setattr(
        resolving, "network", lambda name: made if name == entry.name else look_up(name)
    )


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
    whole = isinstance(low, int)
    for value in (low - step, high + step, *(() if whole else (float("nan"),))):
        with pytest.raises(InputError, match=rf"{name.upper()} is .*between {low} and {high}"):
            resolve_settings({name: value})
    for value in (low, high):
        assert getattr(resolve_settings({name: value}), name) == value


@pytest.mark.parametrize("name", CHOICES)
def test_unknown_words_are_refused_with_those_that_can_be(name):
    with pytest.raises(InputError, match=rf"{name.upper()} is 'best of all'; choose one of"):
        resolve_settings({name: "best of all"})
    for word in CHOICES[name]:
        given = {name: word, **NEEDED.get((name, word), {})}
        assert getattr(resolve_settings(given), name) == word


@pytest.mark.parametrize("name", NETWORKS)
def test_a_patch_the_network_cannot_take_is_refused(name):
    entry = NETWORKS[name]
    for size in entry.patch_sizes:
        assert resolve_settings({"architecture": name, "patch_size": size}).patch_size == size
    with pytest.raises(InputError, match=r"takes (patches|tiles) of .* PATCH_SIZE is 1000"):
        resolve_settings({"architecture": name, "patch_size": 1000})


def test_the_published_recipe_fills_what_is_not_given():
    given = {"architecture": "indian_pines_3d", "recipe": "published", "epochs": 7}
    found = resolve_settings({**given, "options": {"width": 5}})
    assert (found.epochs, found.optimiser, found.momentum) == (7, "sgd", 0.0)
    assert found.patch_size == 11
    assert found.options == {"depth": 2, "width": 5}
    assert found.normalisation == TrainingSettings.normalisation  # the recommended one has another
    assert resolve_settings(found.to_json()) == found


def test_a_network_without_a_published_recipe_says_so():
    with pytest.raises(InputError, match=r"RECIPE is 'published'.*Choose 'recommended'"):
        resolve_settings({"architecture": "multiscale", "recipe": "published"})


@pytest.mark.parametrize("name", NETWORKS)
def test_the_catalogs_recipes_are_settings_that_work(name):
    entry = NETWORKS[name]
    recipes = [entry.recipe, entry.published]
    for recipe in filter(None, recipes):
        settings = {key: value for key, value in recipe.items() if key != "options"}
        found = resolve_settings({"architecture": name, **settings})
        assert {key: getattr(found, key) for key in settings} == settings
        known = {option.name: option for option in entry.options}
        for key, value in recipe.get("options", {}).items():
            known[key].check(value)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_explains_itself(name):
    setting = SETTINGS[name]
    assert setting.title
    assert setting.title[0].isupper()
    assert setting.help.endswith((".", '."')), setting.help
    assert len(setting.help) > 20
    assert getattr(TrainingSettings, name) == getattr(TrainingSettings(), name)
    setting.check(name, getattr(TrainingSettings, name))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"epochs": "many"}, "EPOCHS is 'many'; it must be a whole number"),
        ({"epochs": 2.5}, "EPOCHS is 2.5; it must be a whole number"),
        ({"epochs": True}, "EPOCHS is True; it must be a whole number"),
        ({"clip": "5"}, "CLIP is '5'; it must be a number"),
        ({"flips": 1}, "FLIPS is 1; it must be true or false"),
        ({"loss": 3}, "LOSS is 3; it must be a word"),
        ({"milestones": (0.5,)}, r"MILESTONES is \(0.5,\); it must be a text"),
        ({"initial_model": 3}, "INITIAL_MODEL is 3; it must be the path of a file"),
        ({"loss": "dice", "label_smoothing": 0.1}, "LABEL_SMOOTHING is 0.1, and LOSS 'dice'"),
        ({"given_weights": "1=2"}, "GIVEN_WEIGHTS is '1=2', and CLASS_WEIGHTS is 'sqrt'"),
        ({"class_weights": "given"}, "GIVEN_WEIGHTS is empty"),
        ({"freeze": "2"}, "FREEZE is '2' without INITIAL_MODEL"),
    ],
)
def test_values_of_another_kind_and_contradictions_are_refused(given, said):
    with pytest.raises(InputError, match=said):
        resolve_settings(given)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"milestones": "0.5"}, "MILESTONES is not used with SCHEDULE 'one-cycle'."),
        ({"milestones": "0.5", "schedule": "multi-step"}, ""),
        ({"momentum": 0.5}, "MOMENTUM is not used with OPTIMISER 'adamw'."),
        ({"momentum": 0.5, "optimiser": "sgd"}, ""),
        (
            {"momentum": 0.0, "nesterov": True, "optimiser": "sgd"},
            "NESTEROV is not used with MOMENTUM 0.",
        ),
        (
            {"focal_gamma": 1.0, "tversky_beta": 1.0, "loss": "dice"},
            "FOCAL_GAMMA is not used with LOSS 'dice'; TVERSKY_BETA is not used with LOSS 'dice'.",
        ),
        ({"symmetry": "turns", "flips": False}, "SYMMETRY is not used with FLIPS 'no'."),
        ({"components": 5, "normalisation": "band"}, "COMPONENTS is not used with NORMALISATION "),
        ({"components": 5, "normalisation": "zca"}, ""),
        ({"noise_limit": 1.0, "noise": 0.0}, "NOISE_LIMIT is not used with NOISE 0."),
        ({"rate_factor": None, "milestones": None}, ""),
    ],
)
def test_settings_without_effect_are_named_with_the_reason(given, told):
    said = not_used(given, resolve_settings(given))
    assert said == told if told.endswith(".") or not told else said.startswith(told)


def test_what_a_setting_needs_is_a_setting_and_can_be():
    for setting in SETTINGS.values():
        for need in setting.needs:
            other = SETTINGS[need.name]
            assert not need.values or other.kind == "file" or set(need.values) <= {*other.choices}


@pytest.mark.parametrize("name", ["components", "whitening"])
def test_the_help_of_components_names_all_normalisations_that_have_them(name):
    assert all(f"'{kind}'" in SETTINGS[name].help for kind in MATRICES)


def test_every_setting_has_one_theme():
    assert sorted(name for names in THEMES.values() for name in names) == sorted(SETTINGS)


def test_a_settings_file_that_is_not_there_is_told_in_words(tmp_path):
    with pytest.raises(
        InputError, match=r"none\.json cannot be read \(No such file or directory\)"
    ):
        read_settings(str(tmp_path / "none.json"))

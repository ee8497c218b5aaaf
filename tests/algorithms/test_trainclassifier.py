"""The settings of a training as parameters: what a dialog shows, and what reaches the job."""

from __future__ import annotations

import pytest
from hsicnn.core.training.resolving import resolve_settings
from hsicnn.core.training.settings import SETTINGS, THEMES, TrainingSettings
from hsicnn.models.catalog import NETWORKS
from qgis.core import QgsProcessingParameterDefinition

pytest.importorskip("torch")
pytest.importorskip("safetensors")

FLAG = QgsProcessingParameterDefinition.Flag
#: A value of every kind that is not the default.
OTHER = {
    "recipe": ("published", "published"),
    "milestones": ("10, 20", "10, 20"),
    "given_weights": ("1=2.0, roof=5", "1=2.0, roof=5"),
    "freeze": ("all but the last", "all but the last"),
}


@pytest.fixture
def algorithm(provider):
    return provider.algorithm("trainclassifier").create()


@pytest.fixture
def told(algorithm, context, tmp_path):
    """What reaches the job of what a user gives."""

    def arguments(**given):
        values = {"INPUT": str(tmp_path), "OUTPUT": str(tmp_path / "m.safetensors"), **given}
        return algorithm.arguments(values, context)["settings"]

    return arguments


def test_what_is_left_empty_is_left_to_the_recipe(told):
    assert told() == {"architecture": next(iter(NETWORKS)), "seed": TrainingSettings.seed}


@pytest.mark.parametrize("name", SETTINGS)
def test_what_is_given_reaches_the_job_as_the_core_takes_it(told, name, tmp_path):
    setting, default = SETTINGS[name], getattr(TrainingSettings, name)
    if setting.kind == "file":
        (tmp_path / "first.safetensors").write_bytes(b"")
        given = wanted = str(tmp_path / "first.safetensors")
    elif setting.kind == "switch":
        given, wanted = ("no", False) if default else ("yes", True)
    elif setting.kind == "choice":
        given = wanted = next(word for word in setting.choices if word != default)
    elif setting.kind == "text":
        given, wanted = OTHER[name]
    else:
        given = wanted = setting.limits[0] if default != setting.limits[0] else setting.limits[1]
    found = told(**{name.upper(): given})[name]
    assert found == wanted
    assert type(found) is type(default)


def test_main_settings_are_shown_first_and_the_others_are_advanced(algorithm):
    advanced = {
        item.name(): bool(item.flags() & FLAG.FlagAdvanced)
        for item in algorithm.parameterDefinitions()
    }
    for name, setting in SETTINGS.items():
        assert advanced[name.upper()] != setting.main
    shown = [name for name in advanced if name.lower() in SETTINGS]
    assert shown == [
        name.upper()
        for main in (True, False)
        for names in THEMES.values()
        for name in names
        if SETTINGS[name].main == main
    ]


def test_every_setting_may_be_left_empty_and_explains_itself(algorithm):
    for item in algorithm.parameterDefinitions():
        name = item.name().lower()
        if name in SETTINGS:
            assert item.flags() & FLAG.FlagOptional
            assert item.help().startswith(SETTINGS[name].help)
            assert item.defaultValue() is None


@pytest.mark.parametrize("name", NETWORKS)
def test_the_published_recipe_is_a_choice(told, name):
    if not NETWORKS[name].published:
        pytest.skip("its source has published none")
    found = resolve_settings(told(ARCHITECTURE=name, RECIPE="published"))
    recipe = {key: value for key, value in NETWORKS[name].published.items() if key != "options"}
    if NETWORKS[name].kind == "tile":
        recipe.pop("patch_size", None)  # goes by the chips
    assert {key: getattr(found, key) for key in recipe} == recipe


def test_labels_and_help_say_theme_limits_and_recommended_value(algorithm):
    smoothing = algorithm.parameterDefinition("LABEL_SMOOTHING")
    assert smoothing.description() == "[loss] Label smoothing"
    assert "From 0 to 0.5." in smoothing.help()
    rate = resolve_settings({}).learning_rate
    assert (
        f"recommended is {rate:g}, for other"
        in algorithm.parameterDefinition("LEARNING_RATE").help()
    )
    assert algorithm.parameterDefinition("FREEZE").help().count("Empty") == 1
    assert (
        "Empty: adamw, unless RECIPE says otherwise."
        in algorithm.parameterDefinition("OPTIMISER").help()
    )


@pytest.mark.parametrize("name", ["trainclassifier", "crossvalidate"])
def test_each_text_stands_once_and_citations_in_the_documents(provider, name):
    algorithm = provider.algorithm(name)
    assert SETTINGS["loss"].help not in algorithm.shortHelpString()
    text = algorithm.parameterDefinition("ARCHITECTURE").help()
    assert "doi" not in text
    assert all(network in text for network in NETWORKS)

"""What is searched: limits around the recipe, and names that are refused."""

from __future__ import annotations

import pytest
from hsicnn.core.errors import InputError
from hsicnn.core.training.resolving import resolve_settings
from hsicnn.core.training.settings import RANGES
from hsicnn.core.tuning.space import SETTINGS, Dimension, space
from hsicnn.models.catalog import NETWORKS


def found(name="multiscale", *, search=(), fixed=(), bands=100, patches=(1, 3, 5, 7, 9), **given):
    settings = resolve_settings({"architecture": name, **given})
    entry = NETWORKS[name]
    dimensions = space(settings, entry, bands=bands, patches=patches, search=search, fixed=fixed)
    return {item.name: item for item in dimensions}


def test_the_usual_ones_lie_around_the_recipe():
    usual = found()
    assert list(usual) == [
        "learning_rate",
        "weight_decay",
        "batch_size",
        "patch_size",
        "components",
        "dropout",
        "width",
        "hidden",
    ]
    rate = usual["learning_rate"]
    assert (rate.low, rate.start, rate.high) == pytest.approx((3e-4, 3e-3, 3e-2))
    assert usual["batch_size"].choices == (16, 32, 64, 128, 256)
    assert (usual["width"].low, usual["width"].high) == (16, 256)
    assert (usual["components"].low, usual["components"].high) == (4, 100)
    assert usual["dropout"].even
    assert usual["dropout"].option


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_has_something_to_search_and_its_recipe_is_inside(name):
    bands = NETWORKS[name].min_bands + 9
    dimensions = found(name, bands=bands, patches=NETWORKS[name].patch_sizes)
    assert {"learning_rate", "weight_decay", "batch_size"} <= set(dimensions)
    for item in dimensions.values():
        assert item.value(item.drawn(item.start)) == item.start or item.name == "weight_decay"
        if item.name in RANGES and not item.choices:
            assert RANGES[item.name][0] <= item.low < item.high <= RANGES[item.name][1]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_option_of_every_network_can_be_asked_for(name):
    entry = NETWORKS[name]
    for option in entry.options:
        if option.default == 0 and option.name != "dropout":  # 0 stands for another number
            with pytest.raises(InputError, match="only one possible value"):
                found(name, search=[option.name], bands=entry.min_bands + 9)
            continue
        item = found(name, search=[option.name], bands=entry.min_bands + 9)[option.name]
        ends = item.choices or (item.value(item.low), item.value(item.high))
        for value in ends:
            option.check(value)


def test_every_setting_can_be_asked_for():
    for name in SETTINGS:
        item = found(search=[name])[name]
        ends = item.choices or (item.value(item.low), item.value(item.high))
        for value in ends:
            resolve_settings({name: value})


def test_what_the_user_has_set_is_not_searched_unless_asked_for():
    assert "dropout" not in found(fixed=["dropout"], options={"dropout": 0.2})
    asked = found(fixed=["dropout"], search=["dropout"], options={"dropout": 0.2})
    assert asked["dropout"].start == 0.2


def test_values_have_few_digits_and_stay_inside():
    rate = Dimension("learning_rate", False, "float", 3e-3, 2.9996e-4, 3e-2)
    assert rate.value(0.00123456) == 0.00123
    assert rate.value(2.9996e-4) == 3.0e-4
    assert rate.value(2.9999e-4) >= rate.low


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"search": ["rate"]}, "SEARCH names rate, which .* does not have.*learning_rate.*members"),
        ({"search": ["components"], "normalisation": "band"}, "'pca' and 'zca' do"),
        (
            {"search": ["learning_rate", "class_weights"], "monitor": "loss"},
            "class_weights.*MONITOR is 'loss'.*cannot be compared.*'balanced'",
        ),
        ({"search": ["patch_size"], "patches": ()}, "only 9 pixels here.*HALO"),
    ],
)
def test_refusals_say_what_is_possible(arguments, says):
    with pytest.raises(InputError, match=says):
        found(**arguments)

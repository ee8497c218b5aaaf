"""Names and shapes say what arrays are."""

from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.importing.band_axis import band_axis
from hsicnn.core.importing.names import Role, role_of
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("name", "part", "kind", "rest"),
    [
        ("Train_X", "train", "data", ""),
        ("TrLabel", "train", "labels", ""),
        ("TeLabel", "test", "labels", ""),
        ("X_train_sat6", "train", "data", "sat6"),
        ("y_test_sat6", "test", "labels", "sat6"),
        ("x_val", "validation", "data", ""),
        ("ytest", "test", "labels", ""),
        ("trainX", "train", "data", ""),
        ("train_images", "train", "data", ""),
        ("EuroSAT_test_labels", "test", "labels", "euro sat"),
        ("set/train/images", "", "data", ""),
        ("indian_pines_gt", "", "labels", "indian pines"),
        ("Indian_pines_corrected", "", "", "indian pines corrected"),
        ("SamSon", "", "", "sam son"),
        ("", "", "", ""),
        ("SOC_target", "", "labels", "soc"),
    ],
)
def test_roles_of_names(name, part, kind, rest):
    found = role_of(name)
    assert (found.part, found.kind, found.rest) == (part, kind, rest)


def test_companions_leave_the_same_rest():
    """XtrainWindowSize25PCA30.npy and ytrainWindowSize25PCA30.npy, as courses call them."""
    x, y = (role_of(f"{letter}trainWindowSize25PCA30testRatio0.25") for letter in "Xy")
    assert (x.part, x.kind, y.part, y.kind) == ("train", "data", "train", "labels")
    assert x.rest == y.rest
    assert isinstance(x, Role)


def test_the_most_telling_name_of_a_column_counts():
    ranks = [role_of(name).rank for name in ("class", "label", "gt", "target", "y")]
    assert ranks == sorted(ranks)


SIDES = st.integers(2, 9)


@given(SIDES, SIDES, SIDES, st.booleans())
def test_a_ground_truth_of_one_reading_decides(rows, cols, bands, first):
    """And one that fits both readings, or none, leaves the question open."""
    values = np.zeros((bands, rows, cols) if first else (rows, cols, bands))
    found = band_axis(values, map_shape=(rows, cols)).layout
    both = values.shape[:2] == values.shape[1:]
    if not both:
        assert found == ("bands-first" if first else "bands-last")
    assert band_axis(values, layout="bands-first", map_shape=(rows, cols)).layout == "bands-first"


@given(st.integers(0, 200), st.integers(4, 60), st.integers(4, 60), st.integers(4, 60))
def test_values_decide_either_way_round_alike(seed, rows, cols, bands):
    """A cube and the same one with its bands first are never read as different cubes."""
    rng = np.random.default_rng(seed)
    cube = rng.normal(0, 1, bands) * 10 + rng.normal(0, 1, (rows, cols, bands))
    cube += (np.linspace(-4, 4, rows)[:, None] + np.linspace(-4, 4, cols))[..., None]
    names = {"bands-last": "bands-first", "bands-first": "bands-last", "": ""}
    found, turned = band_axis(cube).layout, band_axis(np.moveaxis(cube, 2, 0)).layout
    assert not (found and turned) or turned == names[found]
    if min(rows, cols) > 8 and bands > 8 and len({rows, cols, bands}) == 3:
        assert (found, turned) == ("bands-last", "bands-first")


def test_size_decides_where_values_do_not(rng):
    assert band_axis(rng.random((9, 9, 30))).layout == "bands-last"
    assert band_axis(rng.random((30, 9, 9))).layout == "bands-first"
    assert band_axis(rng.random((9, 9, 9))).layout == ""
    assert band_axis(np.zeros((7, 8, 9))).layout == ""


@pytest.mark.parametrize("standardised", [False, True])
def test_bands_that_were_made_alike_are_asked_for(rng, standardised):
    """Without their means the rows change most, and would be taken for the bands."""
    places = np.linspace(0, 9, 30)[:, None, None] + rng.normal(0, 0.5, (30, 17, 1))
    cube = places + rng.normal(0, 0.5, (30, 17, 12)) + 3 * np.arange(12)
    assert band_axis(cube).layout == "bands-last"
    cube -= cube.mean((0, 1))
    if standardised:
        cube /= cube.std((0, 1))
    for values in (cube, np.moveaxis(cube, 2, 0), cube + 50):
        found = band_axis(values)
        assert found.layout == ""
        assert "standardised bands never do" in found.why
    assert band_axis(cube, map_shape=(30, 17)).layout == "bands-last"


def test_missing_values_do_not_decide(rng):
    """A border of -9999 is no spectrum."""
    cube = rng.random((40, 30, 20)) + np.linspace(0, 3, 20) + np.linspace(0, 1, 40)[:, None, None]
    cube[:6] = -9999
    assert band_axis(cube).layout == "bands-last"
    cube[6:9] = np.nan
    assert band_axis(cube).layout == "bands-last"

"""A transform as a value and as JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hsicnn.core.errors import InputError
from hsicnn.core.raster.bands import Band
from hsicnn.core.reduction.transform import Transform, parse_transform, selection_of
from hypothesis import given
from hypothesis import strategies as st


def bands(count):
    return tuple(Band(2 * n + 1, f"b{n}", 400.0 + 10.1 * n, 8.5, scale=1e-4) for n in range(count))


def transform(count=5, outputs=3, seed=0, kind="pca"):
    rng = np.random.default_rng(seed)
    return Transform(
        kind=kind,
        whitened=False,
        bands=bands(count),
        source_name="image.tif",
        source_bands=2 * count,
        pixels=100,
        names=tuple(f"PC {n + 1}" for n in range(outputs)),
        mean=rng.standard_normal(count),
        deviation=rng.random(count),
        matrix=rng.standard_normal((count, outputs)) / 3,
        values=tuple(rng.random(outputs).tolist()),
        explained=tuple(rng.random(outputs).tolist()),
    )


@given(st.integers(0, 1000), st.sampled_from(["pca", "mnf"]))
def test_json_holds_every_digit(seed, kind):
    before = transform(seed=seed, kind=kind)
    after = parse_transform(json.dumps(before.to_json()), "x.json")
    for name in ("mean", "deviation", "matrix"):
        assert np.array_equal(getattr(after, name), getattr(before, name))
    for name in ("kind", "bands", "names", "values", "explained", "pixels", "source_bands"):
        assert getattr(after, name) == getattr(before, name)


def test_a_selection_is_its_bands():
    before = selection_of(bands(4), "image.tif", 8)
    record = before.to_json()
    assert "matrix" not in record
    after = parse_transform(json.dumps(record), "x.json")
    assert after.bands == before.bands
    assert after.is_selection
    assert np.array_equal(after.matrix, np.eye(4))


def test_missing_values_become_the_mean():
    made = transform()
    spectra = np.random.default_rng(1).random((4, 5)).astype(np.float32)
    spectra[2, 1] = np.nan
    filled = np.where(np.isnan(spectra), made.mean, spectra)
    expected = (filled - made.mean) @ made.matrix
    np.testing.assert_allclose(made.apply(spectra), expected, rtol=1e-5, atol=1e-6)


def test_components_are_called_by_what_they_hold():
    made = transform()
    assert made.descriptions[0] == f"PC 1 ({100 * made.explained[0]:.3g} %)"
    assert transform(kind="mnf").descriptions[1].startswith("PC 2 (SNR ")


def damaged(change):
    record = transform().to_json()
    change(record)
    return record


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda r: r.pop("matrix"), "lacks matrix"),
        (lambda r: r.pop("bands"), "lacks bands"),
        (lambda r: r["matrix"].pop(), "its matrix is"),
        (lambda r: r["matrix"][2].pop(), "columns"),
        (lambda r: r["matrix"][2].__setitem__(0, "1"), "a number"),
        (lambda r: r["mean"].pop(), "not one a band"),
        (lambda r: r["explained"].pop(), "not one a component"),
        (lambda r: r.update(kind="ica"), "kind"),
        (lambda r: r["deviation"].__setitem__(0, -1.0), "negative"),
        (lambda r: r["bands"].__setitem__(1, r["bands"][0]), "two of its bands"),
        (lambda r: r["source"].update(bands=3), "of a raster of 3"),
        (lambda r: r["bands"][0].pop("scale"), "lacks scale"),
        (lambda r: r.update(whitened="no"), "true or false"),
        (lambda r: r.update(names=[]), "columns"),
        (lambda r: r.update(bands=[]), "no bands"),
        (lambda r: r.update(format_version="1"), "no format version"),
    ],
)
def test_a_damaged_record_is_named(change, what):
    with pytest.raises(InputError, match=f"x.json is damaged: .*{what}.*again"):
        parse_transform(json.dumps(damaged(change)), "x.json")


def test_other_files():
    with pytest.raises(InputError, match=r"x.json is damaged.*again"):
        parse_transform("{", "x.json")
    with pytest.raises(InputError, match="is damaged"):
        parse_transform(json.dumps(transform().to_json()).replace("100", "NaN", 1), "x.json")
    with pytest.raises(InputError, match="holds no band transform"):
        parse_transform('{"format": "hsicnn chip set"}', "x.json")
    with pytest.raises(InputError, match="holds no band transform"):
        parse_transform("[]", "x.json")
    with pytest.raises(InputError, match=r"format version 9.*Update"):
        parse_transform(json.dumps({**transform().to_json(), "format_version": 9}), "x.json")
    selection = selection_of(bands(4), "image.tif", 8).to_json()
    with pytest.raises(InputError, match="names 3 of 4"):
        parse_transform(json.dumps({**selection, "names": ["a", "b", "c"]}), "x.json")

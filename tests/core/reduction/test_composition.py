"""Two affine maps as one."""

from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.data.normalisation import KINDS, Normalisation, fit_normalisation
from hsicnn.core.errors import InputError
from hsicnn.core.raster.bands import Band
from hsicnn.core.reduction.composition import chained, model_inputs, one_after_the_other, taken
from hsicnn.core.reduction.transform import selection_of
from hypothesis import given
from hypothesis import strategies as st

from .test_transform import bands, transform


def made_bands(numbers):
    return tuple(Band(number, f"PC {number}") for number in numbers)


@given(st.integers(0, 1000))
def test_one_after_the_other(seed):
    rng = np.random.default_rng(seed)
    count, middle, outputs = 9, int(rng.integers(1, 10)), int(rng.integers(1, 5))
    mean, next_mean = rng.standard_normal(count), rng.standard_normal(middle) * 10
    # Components of very different sizes, as noise components are.
    matrix = np.linalg.qr(rng.standard_normal((count, count)))[0][:, :middle]
    matrix = matrix * 10.0 ** rng.uniform(-4, 4, middle)
    next_matrix = rng.standard_normal((middle, outputs))
    offset, both = one_after_the_other(mean, matrix, next_mean, next_matrix)
    values = rng.standard_normal((20, count))
    expected = ((values - mean) @ matrix - next_mean) @ next_matrix
    found = (values - offset) @ both
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())


def test_components_that_depend_on_each_other_are_refused():
    matrix = np.ones((4, 2))
    with pytest.raises(InputError, match="2 components of which only 1"):
        one_after_the_other(np.zeros(4), matrix, np.array([1.0, 2.0]), np.eye(2))


@pytest.mark.parametrize("kind", ["band", "pca"])
def test_a_model_takes_the_original_bands(kind):
    reduction = transform(6, 4)
    rng = np.random.default_rng(5)
    factors = rng.random(3) if kind == "band" else rng.standard_normal((3, 2))
    fitted = Normalisation(kind, rng.random(3).astype("f4"), factors.astype("f4"))
    # The chips have three of the four components, in another order.
    own = made_bands([3, 1, 4])
    found = model_inputs(reduction, own, fitted, mean=np.zeros(3), deviation=np.ones(3))
    assert found.bands == reduction.bands
    assert found.source_bands == 12
    assert found.normalisation.bands == 6
    assert found.normalisation.outputs == fitted.outputs
    assert np.array_equal(found.mean, reduction.mean)
    spectra = rng.random((10, 6)).astype("f4")
    components = reduction.apply(spectra)[:, [2, 0, 3]]
    expected = (components - fitted.mean) @ fitted.matrix
    values = (spectra - found.normalisation.mean) @ found.normalisation.matrix
    np.testing.assert_allclose(values, expected, atol=1e-5)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_is_composed_exactly(kind):
    reduction = transform(6, 4)
    spectra = np.random.default_rng(5).random((50, 6)).astype("f4")
    components = reduction.apply(spectra).astype("f4")
    fitted = fit_normalisation(kind, components, factor=7.0)
    own = made_bands([1, 2, 3, 4])
    found = model_inputs(reduction, own, fitted, mean=np.zeros(4), deviation=np.ones(4))
    assert found.normalisation.kind == kind
    values = found.normalisation.apply(spectra)
    np.testing.assert_allclose(values, fitted.apply(components), rtol=1e-3, atol=1e-4)


def test_a_model_of_selected_bands_takes_them_from_the_whole():
    reduction = selection_of(bands(4), "image.tif", 9)
    fitted = Normalisation("band", np.zeros(2, "f4"), np.ones(2, "f4"))
    mean, deviation = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    found = model_inputs(reduction, made_bands([4, 2]), fitted, mean=mean, deviation=deviation)
    assert [band.index for band in found.bands] == [7, 3]
    assert found.source_bands == 9
    assert found.normalisation is fitted
    assert found.mean is mean


def test_bands_that_were_added():
    with pytest.raises(InputError, match=r"band 5.*makes 4: bands were added"):
        taken(transform(6, 4), made_bands([1, 5]))


def applied(reduction, values):
    """What a reduction makes of all bands of its source."""
    return (values[:, [band.index - 1 for band in reduction.bands]] - reduction.mean) @ (
        reduction.matrix
    )


@pytest.mark.parametrize("first", ["selection", "pca"])
@pytest.mark.parametrize("second", ["selection", "mnf"])
def test_a_chain_does_both(first, second):
    one = transform(6, 5, seed=1) if first == "pca" else selection_of(bands(5), "image.tif", 10)
    other = selection_of(made_bands([4, 1]), "middle.tif", 5)
    if second == "mnf":
        fitted = transform(3, 2, seed=2, kind="mnf")  # takes bands 1, 3 and 5
        other = fitted
    both = chained(one, other)
    values = np.random.default_rng(7).random((8, 12))
    np.testing.assert_allclose(applied(both, values), applied(other, applied(one, values)))
    assert both.source_name == "image.tif"
    assert both.source_bands == one.source_bands
    expected = "selection" if first == second == "selection" else {"selection": "pca"}.get(
        second, second
    )  # fmt: skip
    assert both.kind == expected
    assert len(both.names) == both.outputs

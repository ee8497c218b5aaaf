"""Networks as their sources write them have as many weights as were published, and learn."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import torch
from hsicnn.core.training.resolving import resolve_settings
from hsicnn.models.build import build, count_parameters
from published_forms import PUBLISHED, published_form


@pytest.mark.parametrize(
    ("name", "bands", "outputs", "count"),
    [
        ("etrainee_1d", 54, 7, 402_823),
        ("indian_pines_3d", 220, 16, 578_544),
        ("indian_pines_3d", 200, 16, 504_816),
    ],
)
def test_weights_are_as_many_as_published(name, bands, outputs, count):
    assert count_parameters(PUBLISHED[name](bands, outputs)) == count


@pytest.mark.parametrize("name", list(PUBLISHED))
def test_a_form_takes_what_the_catalogs_network_takes(name):
    settings = resolve_settings({"architecture": name})
    own = build(name, 60, 5, {})
    form = published_form(own, 60, 5, settings)
    side = 2 * int(own.radius) + 1
    for extra in (0, 2) if side > 1 else (0,):
        patches = torch.randn(3, 60, side + extra, side + extra)
        assert form.network(patches).shape == own(patches).shape
    form.network(patches).square().mean().backward()
    before = [weight.detach().clone() for weight in form.network.parameters()]
    form.optimiser.step()
    assert any(not torch.equal(old, new) for old, new in zip(before, form.network.parameters()))


def test_another_network_is_no_form_of_it():
    settings = resolve_settings({"architecture": "etrainee_1d"})
    with pytest.raises(ValueError, match="weights as published"):
        published_form(build("etrainee_1d", 60, 5, {"conv1": 16}), 60, 5, settings)

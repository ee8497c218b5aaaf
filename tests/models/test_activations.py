from __future__ import annotations

import pytest
import torch
from hsicnn.models.activations import make_activation
from hsicnn.models.entries.common_options import ACTIVATIONS


@pytest.mark.parametrize(
    ("name", "below", "above"),
    [
        ("relu", 0.0, 2.0),
        ("leaky", -0.02, 2.0),
        ("prelu", -0.5, 2.0),
        ("gelu", -0.0455, 1.9545),
        ("tanh", -0.9640, 0.9640),
    ],
)
def test_an_activation_bends_values_as_it_is_known_for(name, below, above):
    found = make_activation(name)(torch.tensor([-2.0, 2.0]))
    assert found.tolist() == pytest.approx([below, above], abs=1e-4)


def test_every_activation_of_the_options_can_be_made():
    for name in ACTIVATIONS:
        make_activation(name)
    with pytest.raises(ValueError, match="'swish'"):
        make_activation("swish")

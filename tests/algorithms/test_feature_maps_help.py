"""The help of Feature maps says what is refused."""

from __future__ import annotations

import dataclasses

import pytest

pytest.importorskip("torch")


def test_networks_on_tiles_are_named_in_help_and_refusal(provider):
    from hsicnn.core.errors import InputError
    from hsicnn.core.featuremaps.layers import layers_of
    from hsicnn.core.modelfile.bundle import ModelBundle
    from hsicnn.models.catalog import NETWORKS
    from torch import nn

    text = provider.algorithm("featuremaps").shortHelpString()
    fields = {field.name: None for field in dataclasses.fields(ModelBundle)}
    for name, entry in NETWORKS.items():
        if entry.kind != "tile":
            continue
        assert name in text
        bundle = ModelBundle(**{**fields, "architecture": name})
        with pytest.raises(InputError, match=r"whole tiles; .* one of those: .*multiscale") as told:
            layers_of(nn.Identity(), bundle)
        assert name in str(told.value)

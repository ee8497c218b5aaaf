"""A layer's values over a block are those of its patches, for every layer of every network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hsicnn.models.build import build
from hsicnn.models.catalog import NETWORKS
from hsicnn.models.features import LayerFeatures, NoPlacesError
from hsicnn.models.stages import Stage
from torch import nn

PIXEL = [entry.name for entry in NETWORKS.values() if entry.kind == "pixel"]
PLACES = ((0, 0), (1, 2))


def make(name: str) -> tuple[nn.Module, int]:
    """A network whose batch norms have seen data, and its inputs."""
    torch.manual_seed(5)
    inputs, side = NETWORKS[name].min_bands + 9, NETWORKS[name].default_patch
    network = build(name, inputs, 4, {}).train()
    with torch.no_grad():
        network(torch.randn(16, inputs, side, side) * 1.5 + 0.3)
    return network.eval(), inputs


def by_hand(network: nn.Module, stage: Stage, patch: torch.Tensor, place: str) -> np.ndarray:
    """What a stage gives for a single patch, hooked and picked apart by its axes' names."""
    caught = []
    if stage.after is not None:
        hook = stage.after.register_forward_hook(lambda _, __, out: caught.append(out))
    else:
        hook = stage.before.register_forward_pre_hook(lambda _, given: caught.append(given[0]))
    network(patch)  # with gradients: layer by layer
    hook.remove()
    values = caught[-1].detach()
    values = (values if stage.then is None else stage.then(values)).numpy()
    names = list(stage.axes)
    assert len(names) == values.ndim
    for axis, name in enumerate(names):
        if name in ("rows", "columns", "pixels"):
            size = values.shape[axis]
            middle = np.take(values, [size // 2], axis)
            values = middle if place == "centre" else values.mean(axis, keepdims=True)
    order = sorted(range(values.ndim), key=lambda axis: names[axis] in ("bands", "words"))
    return values.transpose(order).ravel()


@pytest.mark.parametrize("place", ["centre", "mean"])
@pytest.mark.parametrize("name", PIXEL)
def test_a_layer_on_a_block_is_the_layer_on_its_patches(name, place):
    network, inputs = make(name)
    side = 2 * network.radius + 1
    block = torch.randn(1, inputs, side + 1, side + 2)
    for number, stage in enumerate(network.stages()):
        layer = LayerFeatures(network, inputs, number, place=place)
        with torch.inference_mode():
            found = layer(block)[0].numpy()
        assert found.shape == (layer.features, 2, 3)
        assert len(layer.names) == layer.features
        for row, col in PLACES:
            patch = block[:, :, row : row + side, col : col + side]
            expected = by_hand(network, stage, patch, place)
            np.testing.assert_allclose(found[:, row, col], expected, atol=2e-5, rtol=2e-4)


def test_the_mean_over_the_spectrum_and_the_first_features():
    network, inputs = make("indian_pines_3d")
    block = torch.randn(2, inputs, 10, 11)
    with torch.inference_mode():
        every = LayerFeatures(network, inputs, 0)(block)
        mean = LayerFeatures(network, inputs, 0, over_spectrum=True)(block)
        first = LayerFeatures(network, inputs, 0, most=5)
    bands = (inputs - 4) // 3 * 3
    assert every.shape == (2, 48 * bands, 2, 3)
    torch.testing.assert_close(mean, every.unflatten(1, (48, bands)).mean(2), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(first(block), every[:, :5], atol=1e-6, rtol=1e-5)
    assert first.names == [(("features", 0), ("bands", n)) for n in range(5)]


def test_what_does_not_lie_in_pixels_is_refused():
    class Global(nn.Module):
        """Pools whole blocks, which no network of the catalog does."""

        radius = 1

        def __init__(self) -> None:
            super().__init__()
            self.pool = nn.AdaptiveAvgPool2d(1)
            self.unused = nn.ReLU()

        def stages(self):
            axes = ("", "features", "", "")
            return [Stage("Mean", axes, self.pool), Stage("Nothing", axes, self.unused)]

        def forward(self, inputs):
            return inputs[:, :2, 1:-1, 1:-1] + self.pool(inputs)[:, :2]

    with pytest.raises(NoPlacesError, match="do not grow with the block"):
        LayerFeatures(Global(), 3, 0)
    with pytest.raises(NoPlacesError, match="is not called"):
        LayerFeatures(Global(), 3, 1)

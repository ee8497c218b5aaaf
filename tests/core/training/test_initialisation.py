from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from hsicnn.core.training.initialisation import initialise  # noqa: E402
from hsicnn.models.build import build  # noqa: E402
from hsicnn.models.catalog import NETWORKS  # noqa: E402
from torch import nn  # noqa: E402

#: A layer of every kind with its fans, and where its inputs are shared by others.
LAYERS = {
    "dense": (lambda: nn.Linear(300, 200), 300, 200),
    "1d": (lambda: nn.Conv1d(60, 50, 5), 300, 250),
    "2d": (lambda: nn.Conv2d(40, 30, 3), 360, 270),
    "3d": (lambda: nn.Conv3d(20, 25, (3, 3, 5)), 900, 1125),
    "2d transposed": (lambda: nn.ConvTranspose2d(30, 40, 3), 270, 360),
}


def drawn(make, kind: str, seed: int = 1) -> nn.Module:
    torch.manual_seed(seed)
    layer = make()
    torch.manual_seed(seed)
    initialise(layer, kind)
    return layer


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("kind", ["glorot", "he"])
def test_kernels_are_uniform_within_the_published_bounds_and_biases_0(name, kind):
    make, fan_in, fan_out = LAYERS[name]
    layer = drawn(make, kind)
    bound = math.sqrt(6 / (fan_in + fan_out)) if kind == "glorot" else math.sqrt(6 / fan_in)
    weight = layer.weight.detach()
    assert float(weight.abs().max()) <= bound
    assert float(weight.abs().max()) > 0.99 * bound
    assert float(weight.std()) == pytest.approx(bound / math.sqrt(3), rel=0.02)
    assert not layer.bias.any()


@pytest.mark.parametrize("kind", ["glorot", "he"])
def test_attention_is_drawn_with_its_biases_at_0(kind):
    layer = drawn(lambda: nn.MultiheadAttention(32, 4), kind)
    bound = math.sqrt(6 / 128) if kind == "glorot" else math.sqrt(6 / 32)
    assert 0.95 * bound < float(layer.in_proj_weight.detach().abs().max()) <= bound
    assert not layer.in_proj_bias.any()
    assert not layer.out_proj.bias.any()


def test_the_networks_own_weights_stay():
    torch.manual_seed(3)
    layer = nn.Linear(5, 4)
    before = layer.weight.clone()
    numbers = torch.get_rng_state()
    initialise(layer, "own")
    assert torch.equal(layer.weight, before)
    assert torch.equal(torch.get_rng_state(), numbers)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("kind", ["glorot", "he"])
def test_networks_of_the_catalog_are_drawn_by_the_seed_and_their_norms_left_alone(name, kind):
    entry = NETWORKS[name]
    bands = max(entry.min_bands, 8)

    def made(seed):
        network = build(name, bands, 3, {})
        torch.manual_seed(seed)
        initialise(network, kind)
        return network

    first, second, other = made(1), made(1), made(2)
    drawn_anew = 0
    for (title, mine), theirs, others in zip(
        first.named_parameters(), second.parameters(), other.parameters()
    ):
        owner = first.get_submodule(title.rpartition(".")[0])
        if isinstance(owner, (nn.Linear, nn.modules.conv._ConvNd)):
            assert torch.equal(mine, theirs), title
            if title.endswith("weight"):
                drawn_anew += 1
                assert not torch.equal(mine, others), title
            else:
                assert not mine.any(), title
        elif isinstance(owner, nn.modules.batchnorm._BatchNorm):
            assert set(mine.flatten().tolist()) <= {0.0, 1.0}
    assert drawn_anew

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from hsicnn.core.training.optimisers import make_optimiser  # noqa: E402
from hsicnn.core.training.settings import TrainingSettings  # noqa: E402
from torch import nn  # noqa: E402


def small_network() -> nn.Module:
    torch.manual_seed(1)
    layers = nn.Sequential(
        nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 2, 1)
    )
    return layers.to(memory_format=torch.channels_last)


def published(kind: str, groups: list[dict]) -> torch.optim.Optimizer:
    if kind == "sgd":
        return torch.optim.SGD(groups, lr=0.01, momentum=0.9, nesterov=True, foreach=False)
    return {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}[kind](
        groups, lr=0.01, foreach=False
    )


@pytest.mark.parametrize("kind", ["adamw", "adam", "sgd"])
def test_steps_are_those_of_the_published_rule_and_decay_pulls_on_kernels_alone(kind):
    network, other = small_network(), small_network()
    settings = TrainingSettings(optimiser=kind, learning_rate=0.01, weight_decay=0.1)
    ours = make_optimiser(network, settings)
    kernels = [weight for weight in other.parameters() if weight.ndim > 1]
    rest = [weight for weight in other.parameters() if weight.ndim == 1]
    theirs = published(kind, [{"params": kernels, "weight_decay": 0.1},
                              {"params": rest, "weight_decay": 0.0}])  # fmt: skip
    batches = torch.randn(5, 4, 3, 6, 6).unbind()
    for batch in batches:
        for net, optimiser in ((network, ours), (other, theirs)):
            optimiser.zero_grad()
            net(batch).square().mean().backward()
            optimiser.step()
    for mine, expected in zip(network.parameters(), other.parameters()):
        torch.testing.assert_close(mine, expected, atol=1e-6, rtol=1e-4)

"""A network that looks at every place in several views, turned and mirrored.

Averaging over the views of an input at test time is as old as Krizhevsky et al., ImageNet
classification with deep convolutional neural networks, NIPS 2012 (crops and mirror images).
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from .ensemble import Ensemble

#: Views by their number: quarter turns, and whether mirrored before.
VIEWS: dict[int, tuple[tuple[int, bool], ...]] = {
    2: ((0, False), (0, True)),
    4: tuple((turn, False) for turn in range(4)),
    8: tuple((turn, mirrored) for mirrored in (False, True) for turn in range(4)),
}


class Turned(nn.Module):
    """A network on several views of its inputs, whose probabilities are averaged.

    A whole block is turned: every patch in it then is, so that the result is that of turning
    patch by patch.

    Args:
        network: of the contract in ``models.build``.
        views: 2, 4 or 8.

    Shapes:
        ``(N, bands, H, W) -> (N, outputs, H - 2 radius, W - 2 radius)``: logarithms of the mean
        probabilities.
    """

    def __init__(self, network: nn.Module, views: int) -> None:
        super().__init__()
        self.network = network
        self.views = VIEWS[views]
        self.radius = int(network.radius)  # type: ignore[arg-type]
        self.multiple = int(getattr(network, "multiple", 1))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return log probabilities; see the class for shapes."""
        height, width = (size - 2 * self.radius for size in inputs.shape[2:])
        # From its other end a network with a multiple must begin at one as well; no output that
        # is kept looks so far.
        below, right = (-size % self.multiple for size in inputs.shape[2:])
        if below or right:
            inputs = functional.pad(inputs, (0, right, 0, below))
        total: Tensor | None = None
        for turn, mirrored in self.views:
            view = torch.rot90(inputs.flip(3) if mirrored else inputs, turn, (2, 3))
            scores = torch.rot90(self.network(view).log_softmax(1), -turn, (2, 3))
            scores = (scores.flip(3) if mirrored else scores)[:, :, :height, :width]
            total = scores if total is None else torch.logaddexp(total, scores)
        return cast(Tensor, total) - math.log(len(self.views))


def is_symmetric(network: nn.Module) -> bool:
    """Tell whether turning and mirroring a patch changes nothing of what a network gives."""
    if isinstance(network, Ensemble):
        return all(map(is_symmetric, network.members))
    return int(network.radius) == 0 or bool(  # type: ignore[arg-type]
        getattr(network, "symmetric", False)
    )


def turned(network: nn.Module, views: int) -> nn.Module:
    """Return a network that averages over views; of an ensemble those members that gain from it.

    Args:
        network: of the contract in ``models.build``.
        views: 1, 2, 4 or 8; 1 is the network as it is.
    """
    if views == 1 or is_symmetric(network):
        return network
    if isinstance(network, Ensemble):
        return network.each(lambda member: turned(member, views)).eval()
    return Turned(network, views).eval()

"""The running average of the weights, and other sets of weights beside a network's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .state import TrainingState, Weights

if TYPE_CHECKING:
    from torch import nn


def average_weights(state: TrainingState, decay: float, step: int) -> None:
    """Move the running average of the weights towards the present ones.

    Args:
        state: of the training.
        decay: of the average; 0 keeps none.
        step: steps taken before this one.
    """
    import torch

    if not decay:
        return
    now = state.network.state_dict()
    if not state.average:
        state.average = copied(now)
        return
    # Early weights are far off: the average forgets faster at the beginning.
    decay = min(decay, (1 + step) / (10 + step))
    with torch.no_grad():
        for name, value in now.items():
            if value.dtype.is_floating_point:
                state.average[name].lerp_(value, 1 - decay)
            else:
                state.average[name].copy_(value)


def copied(weights: Weights) -> Weights:
    """Return weights that further steps do not change."""
    return {name: value.detach().clone() for name, value in weights.items()}


def swap(network: nn.Module, weights: Weights) -> Weights:
    """Load weights and return the ones that were there."""
    own = copied(network.state_dict())
    network.load_state_dict(weights)
    return own

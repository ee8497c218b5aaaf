"""The activations that networks can be told to take."""

from __future__ import annotations

from torch import nn

LEAK = 0.01  # slope of the leaky ReLU below 0


def make_activation(name: str) -> nn.Module:
    """Return a new activation; a PReLU has one slope of its own that is learnt.

    Args:
        name: ``relu``, ``leaky``, ``prelu``, ``gelu`` or ``tanh``.

    Raises:
        ValueError: for another name.
    """
    if name == "relu":
        return nn.ReLU()
    if name == "leaky":
        return nn.LeakyReLU(LEAK)
    if name == "prelu":
        return nn.PReLU()
    if name == "gelu":
        return nn.GELU()
    if name == "tanh":
        return nn.Tanh()
    raise ValueError(f"There is no activation called '{name}'.")

"""The weights of a network before its first step."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

ATTENTION = ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight")
ATTENTION_BIASES = ("in_proj_bias", "bias_k", "bias_v")


def initialise(network: nn.Module, kind: str) -> None:
    """Draw all kernels anew from torch's generator, and set their biases to 0.

    Kernels are those of convolutions, transposed or not, of dense layers and of attention.
    Norms keep factor 1 and bias 0; tokens and places of transformers keep what they have.

    Args:
        network: changed in place.
        kind: ``glorot`` (uniform, variance 2 / (fan in + fan out): Glorot and Bengio 2010),
            ``he`` (uniform, variance 2 / fan in: He et al. 2015), or ``own``, which leaves the
            network as it is.
    """
    import torch
    from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

    if kind == "own":
        return
    with torch.no_grad():
        for module in network.modules():
            attention = isinstance(module, torch.nn.MultiheadAttention)
            if not attention and not isinstance(module, (_ConvNd, torch.nn.Linear)):
                continue
            for name in ATTENTION if attention else ("weight",):
                weight = getattr(module, name, None)
                if weight is not None:
                    _draw(weight, kind, turned=isinstance(module, _ConvTransposeNd))
            for name in ATTENTION_BIASES if attention else ("bias",):
                bias = getattr(module, name, None)
                if bias is not None:
                    bias.zero_()


def _draw(weight: nn.Parameter, kind: str, *, turned: bool) -> None:
    """Fill a kernel; a transposed convolution's has its inputs where others have outputs."""
    from torch.nn import init

    if kind == "glorot":
        init.xavier_uniform_(weight)
    elif turned:
        init.kaiming_uniform_(weight, mode="fan_out", nonlinearity="relu")
    else:
        init.kaiming_uniform_(weight, nonlinearity="relu")

"""How much a network computes, without computing it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


def operations(network: nn.Module, inputs: int, height: int, width: int) -> int:
    """Return the floating-point operations of one block: twice its multiply-adds.

    The forward pass runs on the meta device, where tensors have shapes and no values.

    Args:
        network: in evaluation mode.
        inputs: channels of every pixel.
        height: rows of the network's output.
        width: columns of the network's output.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    shadow = copy.deepcopy(network).to("meta")
    margin = 2 * int(network.radius)  # type: ignore[arg-type]
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        values = torch.empty(
            (1, height + margin, width + margin, inputs), device="meta", dtype=torch.float32
        )
        shadow(values.permute(0, 3, 1, 2))
    return int(counter.get_total_flops())

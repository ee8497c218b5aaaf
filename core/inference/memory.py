"""How much memory a network needs, without computing anything."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from ..runtime.ledger import ledger

if TYPE_CHECKING:
    from torch import nn


def peak_bytes(network: nn.Module, inputs: int, height: int, width: int) -> int:
    """Return the most bytes that inputs and activations of one block take at a time.

    The forward pass runs on the meta device, where tensors have shapes and no values.

    Args:
        network: in evaluation mode.
        inputs: channels of every pixel.
        height: rows of the network's output.
        width: columns of the network's output.
    """
    import torch

    shadow = copy.deepcopy(network).to("meta")
    margin = 2 * int(network.radius)  # type: ignore[arg-type]
    with torch.inference_mode(), ledger() as book:
        values = torch.empty(
            (1, height + margin, width + margin, inputs), device="meta", dtype=torch.float32
        )
        # The scores' softmax is one more copy of them.
        shadow(values.permute(0, 3, 1, 2)).softmax(1)
    return int(book.peak)

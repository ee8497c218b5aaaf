"""What a network takes, without computing it: a forward pass of shapes without values."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING

from ...models.ledger import ledger

if TYPE_CHECKING:
    from torch import nn


def peak_bytes(network: nn.Module, inputs: int, height: int, width: int) -> int:
    """Return the most bytes that inputs and activations of one block take at a time.

    Args:
        network: in evaluation mode.
        inputs: channels of every pixel.
        height: rows of the network's output.
        width: columns of the network's output.
    """
    run = _shadow_pass(network, inputs, height, width)
    with ledger() as book:
        run()
    return int(book.peak)


def operations(network: nn.Module, inputs: int, height: int, width: int) -> int:
    """Return the floating-point operations of one block: twice its multiply-adds.

    Args: as ``peak_bytes``. A network that works in chunks is told of one chunk.
    """
    from torch.utils.flop_counter import FlopCounterMode

    run = _shadow_pass(network, inputs, height, width)
    with FlopCounterMode(display=False) as counter:
        run()
    return int(counter.get_total_flops())


def _shadow_pass(network: nn.Module, inputs: int, height: int, width: int) -> Callable[[], None]:
    """Copy the network to the meta device, where tensors have shapes and no values, to run it."""
    import torch

    shadow = copy.deepcopy(network).to("meta")
    margin = 2 * int(network.radius)  # type: ignore[arg-type]

    def run() -> None:
        with torch.inference_mode():
            values = torch.empty(
                (1, height + margin, width + margin, inputs), device="meta", dtype=torch.float32
            )
            # The scores' softmax is one more copy of them.
            shadow(values.permute(0, 3, 1, 2)).softmax(1)

    return run

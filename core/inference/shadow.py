"""What a network takes, without computing it: a forward pass of shapes without values."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING

from ...models.ledger import ledger
from .reach import Reach

if TYPE_CHECKING:
    from torch import nn


def shadow_of(network: nn.Module) -> nn.Module:
    """Return a copy on the meta device, where tensors have shapes and no values.

    To ask several things of a network make one copy and ask it.
    """
    return copy.deepcopy(network).to("meta")


def peak_bytes(
    network: nn.Module, inputs: int, height: int, width: int, *, accelerated: bool = False
) -> int:
    """Return the most bytes that inputs and activations of one block take at a time.

    Args:
        network: in evaluation mode; or its shadow.
        inputs: channels of every pixel.
        height: rows of a tile.
        width: columns of a tile.
        accelerated: windows are taken in the larger chunks of another device than the CPU.
    """
    run = _shadow_pass(network, inputs, height, width, accelerated=accelerated)
    with ledger() as book:
        run()
    return int(book.peak)


def operations(network: nn.Module, inputs: int, height: int, width: int) -> int:
    """Return the floating-point operations of one block: twice its multiply-adds.

    Args: as ``peak_bytes``.
    """
    from torch.utils.flop_counter import FlopCounterMode

    # Where gradients could be asked for networks do all at once what they else do in chunks, of
    # which only one is gone through without values.
    run = _shadow_pass(network, inputs, height, width, gradients=True)
    with FlopCounterMode(display=False) as counter:
        run()
    return int(counter.get_total_flops())


def _shadow_pass(
    network: nn.Module,
    inputs: int,
    height: int,
    width: int,
    *,
    gradients: bool = False,
    accelerated: bool = False,
) -> Callable[[], None]:
    """Return what runs the network's shadow."""
    import torch

    from ...models.windowed import Windowed

    is_shadow = all(weight.is_meta for weight in network.parameters())
    shadow = network if is_shadow else shadow_of(network)
    for module in shadow.modules():
        if isinstance(module, Windowed):
            module.stands_in_for_device = accelerated
    reach = Reach.of(network)
    shape = (1, reach.longest(height), reach.longest(width), inputs)

    def run() -> None:
        with torch.inference_mode(not gradients), torch.set_grad_enabled(gradients):
            values = torch.empty(shape, device="meta", dtype=torch.float32)
            # The scores' softmax is one more copy of them.
            shadow(values.permute(0, 3, 1, 2)).softmax(1)

    return run

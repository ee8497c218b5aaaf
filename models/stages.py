"""What a network does, stage by stage: in words of its own, with sizes and weights measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import torch
from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class Stage:
    """A stage as a network tells it.

    Attributes:
        words: what it does.
        axes: of what comes out of it, a name for every axis of the tensor; those without a
            name are left out.
        after: it ends with what this module returns,
        before: or with what this one is given.
        modules: hold its weights.
        then: what is done with that before the stage ends and is no module, such as a rectifier.
    """

    words: str
    axes: tuple[str, ...]
    after: nn.Module | None = None
    before: nn.Module | None = None
    modules: tuple[nn.Module, ...] = ()
    then: Callable[[Tensor], Tensor] | None = None


class Staged(Protocol):
    """A network that can tell its stages."""

    def stages(self) -> Sequence[Stage]:
        """Return them in their order."""


def dense_words(dropout: float, *, of: str = "", where: str = "") -> str:
    """Return the words of a dense layer with what training leaves out before it, if anything.

    Args:
        dropout: share of the features.
        of: what they are of, in words.
        where: what the layer is applied to, in words.
    """
    if not dropout:
        return f"Dense layer{where}"
    return f"Dropout of {dropout:.0%}{of} in training, dense layer{where}"


@dataclass(frozen=True)
class MeasuredStage:
    """A stage on one patch or tile.

    Attributes:
        words: what it does.
        shape: name and length of every axis of what comes out.
        parameters: weights that training changes.
    """

    words: str
    shape: tuple[tuple[str, int], ...]
    parameters: int


def measure_stages(network: nn.Module, inputs: int) -> list[MeasuredStage]:
    """Send one patch, or one tile, through a network and note what comes out of every stage.

    Nothing is computed: the network is moved to the meta device, where tensors have
    shapes only, and is of no other use afterwards.

    Args:
        network: from the catalog.
        inputs: of every pixel.
    """
    stages = cast(Staged, network).stages()
    radius = int(network.radius)  # type: ignore[arg-type]
    side = int(getattr(network, "tile", 2 * radius + 1))
    into: dict[nn.Module, tuple[int, ...]] = {}
    out_of: dict[nn.Module, tuple[int, ...]] = {}

    def note(module: nn.Module, given: tuple[Tensor, ...], returned: Tensor) -> None:
        into[module], out_of[module] = tuple(given[0].shape), tuple(returned.shape)

    network.to("meta").eval()
    hooks = [module.register_forward_hook(note) for module in network.modules()]
    # With gradients every layer is called by itself; without, some run folded together.
    with torch.enable_grad():
        network(torch.empty(1, inputs, side, side, device="meta"))
    for hook in hooks:
        hook.remove()
    found = []
    for stage in stages:
        shape = out_of[stage.after] if stage.after is not None else into[_known(stage.before)]
        axes = tuple((name, size) for name, size in zip(stage.axes, shape) if name)
        found.append(MeasuredStage(stage.words, axes, sum(map(_parameters, stage.modules))))
    return found


def _known(module: nn.Module | None) -> nn.Module:
    if module is None:
        raise ValueError("A stage needs a module that it ends after or before.")
    return module


def _parameters(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters() if weight.requires_grad)

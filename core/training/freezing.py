"""Parts of a network that stay as they are while the rest learns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import InputError

if TYPE_CHECKING:
    from torch import nn

ALL_BUT_LAST = "all but the last"


def learning_mode(network: nn.Module, frozen: Sequence[str]) -> None:
    """Set a network to training, and its frozen parts to evaluation.

    Batch norms of frozen parts go on with the means they have, and dropout leaves them alone.

    Args:
        network: to be trained.
        frozen: names of its modules that stay as they are.
    """
    network.train()
    for name in frozen:
        network.get_submodule(name).eval()


def freeze(network: nn.Module, wanted: str) -> tuple[str, ...]:
    """Freeze the first stages of a network; see ``models.stages``.

    Args:
        network: changed in place: frozen weights no longer ask for gradients.
        wanted: the number of the first stages that hold weights, ``all but the last``, or
            nothing.

    Returns:
        Names of the modules that stay as they are.

    Raises:
        InputError: it is neither, or nothing would be left to learn.
    """
    if not wanted.strip():
        return ()
    stages = network.stages()  # type: ignore[operator]  # every network tells its stages
    holding = [place for place, stage in enumerate(stages) if _holds_weights(stage.modules)]
    count = _count(wanted, len(holding))
    if not count:
        return ()
    # Normalisations without weights that lie between frozen stages stay as they are, too.
    kept = [module for stage in stages[: holding[count]] for module in stage.modules]
    later = {
        id(m) for stage in stages[holding[count] :] for top in stage.modules for m in top.modules()
    }
    chosen = {id(module) for module in kept if id(module) not in later}
    for module in kept:
        if id(module) in chosen:
            module.requires_grad_(False)
    return tuple(name for name, module in network.named_modules() if id(module) in chosen)


def _holds_weights(modules: Sequence[nn.Module]) -> bool:
    return any(True for module in modules for _ in module.parameters())


def _count(wanted: str, stages: int) -> int:
    """Return how many stages that hold weights are frozen."""
    text = wanted.strip().casefold()
    if text == ALL_BUT_LAST:
        return stages - 1
    try:
        count = int(text)
    except ValueError:
        count = -1
    if 0 <= count < stages:
        return count
    raise InputError(
        f"FREEZE is '{wanted}'; the network has {stages} stages that hold weights. Write a number "
        f"from 0 to {stages - 1} of the first ones to freeze, or '{ALL_BUT_LAST}'."
    )

"""Several networks as one: the mean of their probabilities."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn

from .stages import Stage, Staged


class Ensemble(nn.Module):
    """Networks side by side, whose probabilities are averaged.

    Every member takes channels of its own, or shares them with others, and sees around a pixel
    as far as it does alone: where its radius is smaller than the largest, its inputs are cropped.

    Args:
        members: networks of the contract in ``models.build``, at least one, of the same classes.
        channels: of each member among the inputs: first, and one after the last.
        orders: of each member, which of its outputs stands for each output here.

    Shapes:
        ``(N, channels, H, W) -> (N, outputs, H - 2 radius, W - 2 radius)``: logarithms of the
        mean probabilities, which are logits like any others.
    """

    def __init__(
        self,
        members: Sequence[nn.Module],
        channels: Sequence[tuple[int, int]],
        orders: Sequence[Sequence[int]],
    ) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.channels = [tuple(item) for item in channels]
        self.orders = [list(order) for order in orders]
        radii = [int(member.radius) for member in members]  # type: ignore[arg-type]
        steps = [int(getattr(member, "multiple", 1)) for member in members]
        self.multiple = math.lcm(*steps)
        self.radius = _common_radius(radii, steps, self.multiple)
        self.margins = [self.radius - radius for radius in radii]
        if self.multiple > 1:
            # What a patch is to other networks: large enough for the tile of every member.
            sides = [int(getattr(member, "tile", 2 * radius + 1)) + 2 * margin
                     for member, radius, margin in zip(members, radii, self.margins)]  # fmt: skip
            self.tile = -(-max(sides) // self.multiple) * self.multiple

    def forward(self, inputs: Tensor) -> Tensor:
        """Return log probabilities; see the class for shapes."""
        height, width = inputs.shape[2:]
        total: Tensor | None = None
        for member, (start, stop), order, margin in zip(
            self.members, self.channels, self.orders, self.margins
        ):
            part = inputs[:, start:stop, margin : height - margin, margin : width - margin]
            scores = member(part).log_softmax(1)
            if order != sorted(order):
                scores = scores[:, order]
            total = scores if total is None else torch.logaddexp(total, scores)
        return cast(Tensor, total) - math.log(len(self.members))

    def each(self, change: Callable[[nn.Module], nn.Module]) -> Ensemble:
        """Return an ensemble of what becomes of each member."""
        members = [change(member) for member in self.members]
        return Ensemble(members, [(a, b) for a, b in self.channels], self.orders)

    def stages(self) -> list[Stage]:
        """Return what happens to a patch in each member; see ``models.stages``."""
        found = [
            replace(stage, words=f"Member {number}: {stage.words}")
            for number, member in enumerate(self.members, 1)
            for stage in cast(Staged, member).stages()
        ]
        mean = Stage("Mean of the members' probabilities", ("", "classes", "", ""), self)
        return [*found, mean]


def _common_radius(radii: Sequence[int], steps: Sequence[int], multiple: int) -> int:
    """Return the smallest radius from which every member's inputs begin where they may.

    A network with a ``multiple`` takes inputs that begin at multiples of it in the raster: its
    crop must be one as well.
    """
    largest = max(radii)
    for radius in range(largest, largest + multiple):
        if all((radius - own) % step == 0 for own, step in zip(radii, steps)):
            return radius
    raise ValueError(
        f"Networks with radii {list(radii)} that align to {list(steps)} pixels share no raster."
    )

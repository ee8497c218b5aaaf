"""Batches: gathered, augmented, with the targets that go with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..data.augmentation import add_noise, mix_pairs, scale_brightness
from .objectives import Objective
from .patches import SYMMETRIES, PatchSource, Samples
from .settings import TrainingSettings

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Targets:
    """Classes of a batch, perhaps each mixed with a partner's.

    Attributes:
        own: ``(n, h, w)`` classes, ``UNKNOWN`` where there is no training label.
        partner: those of the partners.
        share: of the own class; 1 where nothing is mixed.
    """

    own: Tensor
    partner: Tensor
    share: float

    def loss(self, objective: Objective, logits: Tensor) -> Tensor:
        """Return the objective for the mixture."""
        own = objective(logits, self.own)
        if self.share == 1.0:
            return own
        return self.share * own + (1 - self.share) * objective(logits, self.partner)


def draw_batch(
    source: PatchSource,
    samples: Samples,
    which: Tensor,
    settings: TrainingSettings,
    generator: torch.Generator,
) -> tuple[Tensor, Targets]:
    """Return augmented patches ``(n, inputs, side, side)`` on the device, and their targets.

    Args:
        source: gathers patches.
        samples: the training pixels.
        which: ``(n,)`` positions among them.
        settings: says what is augmented, and how much.
        generator: of the epoch; draws how each patch is turned.
    """
    import torch

    turned = torch.zeros(len(which), dtype=torch.int64)
    if settings.flips:
        turned = torch.randint(SYMMETRIES, (len(which),), generator=generator)
    patches, own = source.draw(samples, which, turned)
    if settings.brightness:
        patches = scale_brightness(patches, source.dark, settings.brightness)
    if settings.noise:
        patches = add_noise(patches, settings.noise)
    if settings.mixup:
        patches, order, share = mix_pairs(patches, settings.mixup)
        return patches, Targets(own, own[order], share)
    return patches, Targets(own, own, 1.0)

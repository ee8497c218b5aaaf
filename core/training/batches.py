"""Batches: gathered, augmented, with the targets that go with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..data.augmentation import add_noise, drop_bands, mix_pairs, scale_brightness
from .objectives import Objective
from .patches import TURNED, Samples, Source
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
    source: Source,
    samples: Samples,
    which: Tensor,
    settings: TrainingSettings,
    generator: torch.Generator,
) -> tuple[Tensor, Targets]:
    """Return augmented images ``(n, inputs, side, side)`` on the device, and their targets.

    Args:
        source: gathers images.
        samples: what is learnt from.
        which: ``(n,)`` positions among them.
        settings: says what is augmented, and how much.
        generator: of the epoch; draws how each patch is turned.
    """
    import torch

    turned = torch.zeros(len(which), dtype=torch.int64)
    if settings.flips:
        turned = _turned(settings.symmetry, len(which), generator)
    patches, own = source.draw(samples, which, turned)
    if settings.brightness:
        patches = scale_brightness(patches, source.dark, settings.brightness)
    if settings.band_dropout:
        patches = drop_bands(patches, settings.band_dropout, source.matrices)
    if settings.noise:
        patches = add_noise(patches, settings.noise, settings.noise_limit)
    if settings.class_mixup:
        classes = samples.target[which].to(patches.device)
        patches, order, share = mix_pairs(patches, settings.class_mixup, classes)
        # Of single pixels both labels are the same; beside the middle they may differ.
        return patches, Targets(own, own[order], share if own[0].numel() > 1 else 1.0)
    if settings.mixup:
        patches, order, share = mix_pairs(patches, settings.mixup)
        return patches, Targets(own, own[order], share)
    return patches, Targets(own, own, 1.0)


def _turned(symmetry: str, count: int, generator: torch.Generator) -> Tensor:
    """Draw how each patch is turned: ``(count,)`` 0..7."""
    import torch

    kinds = TURNED[symmetry]
    drawn = torch.randint(len(kinds), (count,), generator=generator)
    every = len(kinds) == len(TURNED["turns-mirrors"])
    return drawn if every else torch.tensor(kinds)[drawn]

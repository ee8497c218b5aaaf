"""Augmentation of normalised patches: what a scene could as well have looked like.

Turning and mirroring is done by index (``core.training.patches``); these change values.
All draw from torch's generators, which the training loop seeds from (seed, epoch).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def add_noise(patches: Tensor, deviation: float) -> Tensor:
    """Add independent normal noise, ``deviation`` in units of the normalised inputs."""
    import torch

    # Drawn in the order in which batches lie in memory: in any other it takes ten times as long.
    pixels = patches.permute(0, 2, 3, 1)
    noise = torch.randn(pixels.shape, device=patches.device)
    return noise.mul_(deviation).add_(pixels).permute(0, 3, 1, 2)


def scale_brightness(patches: Tensor, dark: Tensor, deviation: float) -> Tensor:
    """Multiply every patch's physical values by a factor around 1.

    Args:
        patches: ``(n, inputs, h, w)`` normalised.
        dark: ``(inputs,)`` what a spectrum of zeros becomes when normalised: scaling a
            physical spectrum moves its normalised form along the line through this point.
        deviation: standard deviation of the factor.
    """
    import torch

    factor = 1 + torch.randn(len(patches), 1, 1, 1, device=patches.device) * deviation
    origin = dark[:, None, None]
    return origin + (patches - origin) * factor


def mix_pairs(patches: Tensor, alpha: float) -> tuple[Tensor, Tensor, float]:
    """Mix every patch with another of the batch (mixup: Zhang et al. 2018).

    Returns:
        The mixed patches, the ``(n,)`` positions of the partners, and the share of the
        patch's own values and label in the mixture (at least a half).
    """
    import torch

    share = float(torch.distributions.Beta(alpha, alpha).sample())
    share = max(share, 1 - share)
    partner = torch.randperm(len(patches), device=patches.device)
    return share * patches + (1 - share) * patches[partner], partner, share

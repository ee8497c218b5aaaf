"""Augmentation of normalised patches: what a scene could as well have looked like.

Turning and mirroring is done by index (``core.training.patches``); these change values.
All draw from torch's generators, which the training loop seeds from (seed, epoch).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def add_noise(patches: Tensor, deviation: float, limit: float = 0.0) -> Tensor:
    """Add independent normal noise.

    Args:
        patches: ``(n, inputs, h, w)`` normalised.
        deviation: standard deviation, in units of the normalised inputs.
        limit: what is larger is cut to this, either way; 0 cuts nothing.
    """
    import torch

    # Drawn in the order in which batches lie in memory: in any other it takes ten times as long.
    pixels = patches.permute(0, 2, 3, 1)
    noise = torch.randn(pixels.shape, device=patches.device)
    noise.mul_(deviation)
    if limit:
        noise.clamp_(-limit, limit)
    return noise.add_(pixels).permute(0, 3, 1, 2)


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


def drop_bands(
    patches: Tensor, share: float, matrices: tuple[Tensor, Tensor] | None = None
) -> Tensor:
    """Set random bands of every patch to what the normalisation subtracts: most often their mean.

    Args:
        patches: ``(n, inputs, h, w)`` normalised.
        share: chance of a band to be dropped, in each patch anew; all of its pixels alike.
        matrices: where inputs are no bands: the ``(inputs, bands)`` matrix that leads from them
            to the bands, and the ``(bands, inputs)`` one back. What the dropped bands have
            added to every input is taken out; with components left out, as far as the rest tell.
    """
    import torch

    pixels = patches.permute(0, 2, 3, 1)
    count, bands = len(pixels), pixels.shape[3] if matrices is None else matrices[0].shape[1]
    dropped = torch.rand(count, 1, 1, bands, device=patches.device) < share
    if matrices is None:
        return pixels.masked_fill(dropped, 0.0).permute(0, 3, 1, 2)
    back, forth = matrices
    lost = (pixels @ back).mul_(dropped) @ forth
    return (pixels - lost).permute(0, 3, 1, 2)


def mix_pairs(
    patches: Tensor, alpha: float, classes: Tensor | None = None
) -> tuple[Tensor, Tensor, float]:
    """Mix every patch with another of the batch (mixup: Zhang et al. 2018).

    Args:
        patches: ``(n, inputs, h, w)``.
        alpha: of the Beta distribution that the share is drawn from.
        classes: ``(n,)`` of the patches: partners are then of the same one.

    Returns:
        The mixed patches, the ``(n,)`` positions of the partners, and the share of the
        patch's own values and label in the mixture (at least a half).
    """
    import torch

    share = float(torch.distributions.Beta(alpha, alpha).sample())
    share = max(share, 1 - share)
    partner = torch.randperm(len(patches), device=patches.device)
    if classes is not None:
        partner = _next_of_class(classes, partner)
    return share * patches + (1 - share) * patches[partner], partner, share


def _next_of_class(classes: Tensor, order: Tensor) -> Tensor:
    """Return for every patch the one of its class that follows in an order.

    After the last of a class comes its first; a patch that is alone with its class gets itself.
    """
    import torch

    grouped = order[torch.argsort(classes[order], stable=True)]
    known = classes[grouped]
    begins = torch.ones_like(known, dtype=torch.bool)
    begins[1:] = known[1:] != known[:-1]
    places = torch.arange(len(known), device=known.device)
    first = torch.cummax(torch.where(begins, places, 0), dim=0).values
    following = torch.where(begins.roll(-1), first, (places + 1) % len(known))
    partner = torch.empty_like(order)
    partner[grouped] = grouped[following]
    return partner

"""What training minimises, and how classes are weighted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor

POWERS = {"none": 0.0, "sqrt": 0.5, "inverse": 1.0}


def class_weights(kind: str, counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Return a weight a class, with mean 1 over the training pixels.

    Args:
        kind: ``none``, ``sqrt`` or ``inverse``: the power of the class frequency.
        counts: training pixels of each class; a class without any gets weight 0.

    Returns:
        ``(classes,)`` float32.
    """
    present = counts > 0
    weights = np.where(present, 1.0 / np.maximum(counts, 1) ** POWERS[kind], 0.0)
    scale = counts.sum() / max(float((weights * counts).sum()), 1e-12)
    return np.asarray(weights * scale, dtype=np.float32)


def cross_entropy(
    logits: Tensor, target: Tensor, weights: Tensor, smoothing: float = 0.0
) -> Tensor:
    """Mean weighted cross-entropy of patches.

    Each patch counts with the weight of its class and the sum is divided by the number of
    patches, not by the sum of weights: a batch of rare classes then counts for more.

    Args:
        logits: ``(N, classes, 1, 1)``, or ``(members, N, classes, 1, 1)`` where a network
            trains several members at once; every member has the loss to itself.
        target: ``(N,)`` int64, 0..classes-1.
        weights: ``(classes,)``.
        smoothing: share of the target spread over all classes.
    """
    import torch
    from torch.nn import functional

    scores = logits.flatten(-3)  # (..., N, classes)
    members = scores.reshape(-1, *scores.shape[-2:])
    wanted = target.repeat(len(members))
    losses = functional.cross_entropy(
        members.flatten(0, 1), wanted, reduction="none", label_smoothing=smoothing
    )
    return torch.mean(losses * weights[wanted])

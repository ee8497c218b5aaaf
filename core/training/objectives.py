"""What training minimises, and how classes are weighted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor

UNKNOWN = -1  # in a target: a pixel without a training label
MEMBERS = 5  # dimensions of logits that hold several members
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
    """Mean weighted cross-entropy over the labelled pixels of a batch.

    Each pixel counts with the weight of its class and the sum is divided by the number of
    pixels, not by the sum of weights: a batch of rare classes then counts for more.

    Args:
        logits: ``(N, classes, H, W)``, or ``(members, N, classes, H, W)`` where a network
            trains several members at once; every member has the loss to itself.
        target: ``(N, H, W)`` int64, 0..classes-1, or ``UNKNOWN`` where there is no label.
        weights: ``(classes,)``.
        smoothing: share of the target spread over all classes.
    """
    import torch
    from torch.nn import functional

    members = logits if logits.ndim == MEMBERS else logits[None]
    known = target != UNKNOWN
    wanted = target[known].repeat(len(members))
    scores = members.movedim(2, -1)[:, known].flatten(0, 1)
    losses = functional.cross_entropy(scores, wanted, reduction="none", label_smoothing=smoothing)
    return torch.mean(losses * weights[wanted])

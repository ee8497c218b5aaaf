"""What training minimises.

Every loss takes logits, or logarithms of probabilities, of which the softmax is the same. It
counts the labelled pixels of a batch alone, and where a network trains several members at once,
every member has the loss to itself and the mean is returned.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from .settings import OVERLAPS, TrainingSettings

if TYPE_CHECKING:
    from torch import Tensor

UNKNOWN = -1  # in a target: a pixel without a training label
MEMBERS = 5  # dimensions of logits that hold several members
TINY = 1e-7  # keeps powers and quotients away from where they have no slope

Objective = Callable[["Tensor", "Tensor"], "Tensor"]


def make_objective(settings: TrainingSettings, weights: Tensor) -> Objective:
    """Return the loss that the settings ask for, as a function of logits and targets.

    Args:
        settings: name and parameters of the loss.
        weights: ``(classes,)`` how much pixels of each class count; for the losses of overlap,
            how much each class counts.
    """
    if settings.loss in OVERLAPS:
        dice = settings.loss == "dice"
        return partial(
            tversky,
            weights=weights,
            alpha=0.5 if dice else settings.tversky_alpha,
            beta=0.5 if dice else settings.tversky_beta,
            gamma=settings.tversky_gamma if settings.loss == "focal-tversky" else 1.0,
        )
    smoothing = settings.label_smoothing
    if settings.loss == "focal":
        return partial(focal, weights=weights, smoothing=smoothing, gamma=settings.focal_gamma)
    kind = squared_error if settings.loss == "squared-error" else cross_entropy
    return partial(kind, weights=weights, smoothing=smoothing)


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

    scores, labels = _labelled(logits, target)
    wanted = labels.repeat(len(scores))
    losses = functional.cross_entropy(
        scores.flatten(0, 1), wanted, reduction="none", label_smoothing=smoothing
    )
    return torch.mean(losses * weights[wanted])


def focal(
    logits: Tensor,
    target: Tensor,
    weights: Tensor,
    smoothing: float = 0.0,
    gamma: float = 2.0,
) -> Tensor:
    """Cross-entropy in which pixels count less the surer they are (Lin et al. 2017).

    ``-(1 - p)^gamma log p`` of the pixel's class; with smoothing, its mean over the classes
    with the smoothed target. See ``cross_entropy`` for shapes and weights.

    Args:
        logits: of the network.
        target: of the pixels.
        weights: of the classes.
        smoothing: share of the target spread over all classes.
        gamma: 0 is cross-entropy.
    """
    scores, labels = _labelled(logits, target)
    logs = scores.log_softmax(-1)
    # 1 - p, exact also where p is next to 1; a power below 1 has no slope at 0.
    left = (-logs.expm1()).clamp(min=TINY)
    terms = -(left**gamma) * logs
    each = terms.gather(-1, labels.expand(len(terms), -1)[..., None])[..., 0]
    if smoothing:
        each = (1 - smoothing) * each + smoothing * terms.mean(-1)
    return (each * weights[labels]).mean()


def squared_error(
    logits: Tensor, target: Tensor, weights: Tensor, smoothing: float = 0.0
) -> Tensor:
    """Mean squared difference of probabilities and one-hot targets, over classes and pixels.

    The loss of the Indian Pines course. See ``cross_entropy`` for shapes and weights.
    """
    scores, labels = _labelled(logits, target)
    wanted = _one_hot(labels, scores)
    if smoothing:
        wanted = (1 - smoothing) * wanted + smoothing / scores.shape[-1]
    each = (scores.softmax(-1) - wanted).square().mean(-1)
    return (each * weights[labels]).mean()


def tversky(
    logits: Tensor,
    target: Tensor,
    weights: Tensor,
    *,
    alpha: float = 0.5,
    beta: float = 0.5,
    gamma: float = 1.0,
) -> Tensor:
    """One less the overlap of each class with its target, over the classes of the batch.

    The overlap is ``T / (T + alpha F + beta M)``, with T, F and M the sums of probabilities
    that are rightly, wrongly and not given to a class (Salehi et al. 2017). With 0.5 and 0.5
    it is the Dice coefficient (Milletari et al. 2016). The loss of a class is raised to
    ``1 / gamma``: the focal Tversky loss (Abraham and Khan 2019), whose slope above 1 is steeper
    the nearer a class is to being learnt. A class of which the batch has no pixel has no overlap
    and is left out; weights say how much each class counts.

    Args:
        logits: see ``cross_entropy``.
        target: see ``cross_entropy``.
        weights: ``(classes,)`` of the classes.
        alpha: of what is wrongly given.
        beta: of what is missed.
        gamma: 1 leaves the losses of classes as they are. Above 1 the slope grows the nearer a
            loss is to 0: what is nearly learnt counts more. Below 1 it is the other way round.
    """
    scores, labels = _labelled(logits, target)
    shares, wanted = scores.softmax(-1), _one_hot(labels, scores)
    present = wanted.sum(0)
    hit = (shares * wanted).sum(1)
    false, missed = shares.sum(1) - hit, present - hit
    lost = 1 - hit / (hit + alpha * false + beta * missed).clamp(min=TINY)
    if gamma != 1.0:
        lost = lost.clamp(min=TINY) ** (1 / gamma)
    says = weights * (present > 0)
    return ((lost * says).sum(-1) / says.sum().clamp(min=TINY)).mean()


def _labelled(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return the ``(members, n, classes)`` logits and the ``(n,)`` classes of labelled pixels."""
    members = logits if logits.ndim == MEMBERS else logits[None]
    known = target != UNKNOWN
    return members.movedim(2, -1)[:, known], target[known]


def _one_hot(labels: Tensor, scores: Tensor) -> Tensor:
    from torch.nn import functional

    return functional.one_hot(labels, scores.shape[-1]).to(scores.dtype)

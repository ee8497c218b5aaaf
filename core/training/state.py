"""What a training is made of: how far it is, and what is learnt how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .patches import Samples, Source
from .settings import TrainingSettings

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

Weights = dict[str, "Tensor"]


@dataclass(eq=False)
class TrainingState:
    """Everything a run needs to go on: what a checkpoint holds.

    Attributes:
        network: the network in training.
        optimiser: its optimiser.
        average: the running average of the weights, empty where there is none.
        best: the weights to keep so far.
        kept_epoch: the epoch they are of.
        best_epoch: the epoch with the best validation figures, ``best_figures``.
        history: a row an epoch; the untrained network's is of epoch 0.
        epoch: epochs finished.
        micro_batch: patches taken at once, smaller than a batch where memory ran out.
        reductions: how often schedule ``plateau`` has lowered the learning rate.
        reduced_epoch: the epoch after which it did so last.
        trial: what the learning-rate finder found, see ``rate_finder``; empty where it was
            not asked for.
        frozen: names of the network's parts that are not trained; not in a checkpoint, as
            they follow from the settings.
    """

    network: nn.Module
    optimiser: torch.optim.Optimizer
    average: Weights = field(default_factory=dict)
    best: Weights = field(default_factory=dict)
    kept_epoch: int = 0
    best_epoch: int = 0
    best_figures: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    epoch: int = 0
    micro_batch: int = 0
    reductions: int = 0
    reduced_epoch: int = 0
    trial: Mapping[str, Any] = field(default_factory=dict)
    frozen: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Lesson:
    """What is learnt, and how.

    Attributes:
        source: gathers normalised patches.
        training: centres to learn from.
        validation: centres that choose the weights to keep; may be empty, then the last
            epoch's are kept.
        weights: ``(classes,)`` weights of the loss, on the device.
        settings: the recipe.
    """

    source: Source
    training: Samples
    validation: Samples
    weights: Tensor
    settings: TrainingSettings

"""Training settings: one table of everything a training run can be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any

from ...models.catalog import DEFAULT_NETWORK, network
from ...models.entry import Network
from ..errors import InputError

SCHEDULES = ("one-cycle", "cosine", "constant", "multi-step")
OPTIMISERS = ("adamw", "adam", "sgd")
CLASS_WEIGHTS = ("none", "sqrt", "inverse")
MONITORS = ("balanced", "overall", "loss")
KEEPS = ("best", "last")
# The kinds of core.data.normalisation, named here because that module needs numpy and this
# one fills the dialogs of QGIS, which opens without it.
NORMALISATIONS = ("band", "global", "pca", "zca")

#: Smallest and largest value of every number.
RANGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "epochs": (1, 100_000),
        "batch_size": (2, 65_536),
        "learning_rate": (1e-8, 10.0),
        "weight_decay": (0.0, 1.0),
        "label_smoothing": (0.0, 0.5),
        "mixup": (0.0, 10.0),
        "noise": (0.0, 10.0),
        "brightness": (0.0, 1.0),
        "averaging": (0.0, 0.99999),
        "patience": (0, 100_000),
        "margin": (0, 64),
        "shortest_epoch": (1, 1_000_000),
        "longest_epoch": (1, 1_000_000),
        "components": (0, 10_000),
        "whitening": (0.0, 1.0),
    }
)

#: What every word can be.
CHOICES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "optimiser": OPTIMISERS,
        "schedule": SCHEDULES,
        "class_weights": CLASS_WEIGHTS,
        "monitor": MONITORS,
        "keep": KEEPS,
        "normalisation": NORMALISATIONS,
    }
)


@dataclass(frozen=True)
class TrainingSettings:
    """What a training run does; the defaults are the recommended recipe.

    Attributes:
        architecture: a name from ``models.catalog``.
        options: options of that network; missing ones take its defaults.
        patch_size: side of the patch in pixels, odd; 0 takes the network's own.
        epochs: passes over the training pixels at the most.
        batch_size: patches a step; halved by itself when memory runs out.
        learning_rate: the highest learning rate of the schedule.
        weight_decay: decay of the weights (AdamW: decoupled).
        optimiser: one of ``OPTIMISERS``.
        schedule: one of ``SCHEDULES``.
        class_weights: ``none``, ``sqrt`` or ``inverse`` class frequency in the loss.
        label_smoothing: share of the target given to the other classes, 0..1.
        mixup: parameter of the Beta distribution that mixes pairs of patches; 0 is off.
        noise: standard deviation of the noise added to normalised inputs.
        brightness: standard deviation of a factor (1 +- x) on whole spectra.
        margin: learn the training pixels up to this many pixels around each drawn one along
            with it: 3-D networks share most of their work between neighbours, so a step
            then teaches many more pixels in the same time.
        flips: turn and mirror patches at random.
        averaging: decay of the running average of the weights that is validated and
            kept; 0 keeps the weights themselves.
        shortest_epoch: steps an epoch at the least: a handful of training pixels is
            passed over several times.
        longest_epoch: steps an epoch at the most: of very many training pixels each epoch
            draws others. Both keep the time of a recipe the same for small and large sets.
        patience: epochs without a better validation figure before training stops; 0 never.
        monitor: ``balanced`` (mean of overall and average accuracy), ``overall`` or
            ``loss``, on validation pixels.
        keep: ``best`` keeps the epoch with the best monitor, ``last`` the last one.
        normalisation: a kind from ``core.data.normalisation``.
        components: components of the ``pca`` normalisation; 0 keeps all.
        whitening: how far ``pca`` whitens, 0..1; see ``fit_normalisation``.
        seed: fixes initialisation, order, augmentation.
    """

    architecture: str = DEFAULT_NETWORK
    options: Mapping[str, Any] = field(default_factory=dict)
    patch_size: int = 0
    epochs: int = 60
    batch_size: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    optimiser: str = "adamw"
    schedule: str = "one-cycle"
    class_weights: str = "sqrt"
    label_smoothing: float = 0.0
    mixup: float = 0.0
    noise: float = 0.0
    brightness: float = 0.0
    margin: int = 0
    flips: bool = True
    averaging: float = 0.0
    shortest_epoch: int = 30
    longest_epoch: int = 300
    patience: int = 0
    monitor: str = "balanced"
    keep: str = "best"
    normalisation: str = "band"
    components: int = 0
    whitening: float = 1.0
    seed: int = 1

    def to_json(self) -> dict[str, Any]:
        """Return plain values, in the order of the table."""
        return {**asdict(self), "options": dict(self.options)}


def resolve_settings(given: Mapping[str, Any]) -> TrainingSettings:
    """Fill a table of settings: what the user gave, else the network's recipe, else the default.

    Args:
        given: names of ``TrainingSettings``; ``None`` means not given.

    Raises:
        InputError: for an unknown name or a value out of its range.
    """
    known = {item.name for item in fields(TrainingSettings)}
    unknown = sorted(set(given) - known)
    if unknown:
        raise InputError(
            f"Unknown training setting {', '.join(unknown)}; there are {', '.join(sorted(known))}."
        )
    chosen = {name: value for name, value in given.items() if value is not None}
    entry = _network(str(chosen.get("architecture", DEFAULT_NETWORK)))
    settings = replace(TrainingSettings(architecture=entry.name), **dict(entry.recipe))
    settings = replace(settings, **chosen)
    _check(settings)
    return replace(settings, patch_size=_patch_size(settings, entry))


def _network(name: str) -> Network:
    try:
        return network(name)
    except ValueError as error:
        raise InputError(str(error)) from error


def _patch_size(settings: TrainingSettings, entry: Network) -> int:
    """Return the patch size, checked against what the network can take."""
    wanted = settings.patch_size or entry.default_patch
    if entry.patch_sizes and wanted not in entry.patch_sizes:
        sizes = ", ".join(str(size) for size in entry.patch_sizes)
        raise InputError(
            f"{entry.title} takes patches of {sizes} pixels; PATCH_SIZE is {wanted}. "
            "Leave it empty to use the network's own."
        )
    return wanted


def _check(settings: TrainingSettings) -> None:
    """Refuse values that cannot work, with the range that can."""
    for name, (low, high) in RANGES.items():
        value = getattr(settings, name)
        if not low <= value <= high:
            raise InputError(f"{name.upper()} is {value}; it must lie between {low} and {high}.")
    for name, allowed in CHOICES.items():
        value = getattr(settings, name)
        if value not in allowed:
            raise InputError(f"{name.upper()} is '{value}'; choose one of {', '.join(allowed)}.")

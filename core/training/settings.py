"""Training settings: one table of everything a training run can be told.

A setting is one entry of ``TrainingSettings``: its default with limits, title and help. The
loop, the dialog of *Train classifier* and the checks read it from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any

from ...models.catalog import DEFAULT_NETWORK
from .setting import Need, choice, declared, line, model_file, number, switch

RECIPES = ("recommended", "published")
OPTIMISERS = ("adamw", "adam", "sgd")
SCHEDULES = ("one-cycle", "cosine", "constant", "multi-step", "plateau", "inverse-time")
LOSSES = ("cross-entropy", "focal", "dice", "tversky", "focal-tversky", "squared-error")
OVERLAPS = ("dice", "tversky", "focal-tversky")  # losses of whole classes, not of pixels
CLASS_WEIGHTS = ("none", "sqrt", "inverse", "median", "given")
INITIALISATIONS = ("own", "glorot", "he")
PRECISIONS = ("auto", "float32", "bfloat16")
MONITORS = ("balanced", "overall", "loss")
KEEPS = ("best", "last")
CHECKPOINTS = ("every-epoch", "best")
# The kinds of core.data.normalisation, named here because that module needs numpy and this
# one fills the dialogs of QGIS, which opens without it.
NORMALISATIONS = ("band", "global", "pca", "zca", "min-max", "factor")
# How patches may be turned: the keys of core.training.patches.TURNED, which needs numpy too.
SYMMETRIES = ("turns-mirrors", "turns", "mirrors")
MATRICES = ("pca", "zca")  # normalisations that have components

SGD = Need("optimiser", ("sgd",))
TVERSKY = Need("loss", ("tversky", "focal-tversky"))
OWN_INPUTS = Need("initial_model", ("",))  # its normalisation is taken over


@dataclass(frozen=True)
class TrainingSettings:
    """What a training run does; the defaults are the recommended recipe.

    Attributes:
        architecture: a name from ``models.catalog``.
        options: options of that network; missing ones take its defaults.
        patch_size: side of the patch in pixels, odd, or of the tiles that a network on tiles
            learns from; 0 takes the network's own, of tiles the largest that the chips hold.
        seed: fixes initialisation, order, augmentation.

    Every other setting says itself what it is; ``SETTINGS`` lists them.
    """

    architecture: str = DEFAULT_NETWORK
    options: Mapping[str, Any] = field(default_factory=dict)
    patch_size: int = 0
    seed: int = 1

    recipe: str = choice(
        "recommended",
        RECIPES,
        "Recipe",
        "Where settings that are left empty come from: what was measured to be best for the "
        "network, or what its source has published, to repeat that.",
        main=True,
    )
    epochs: int = number(
        60, 1, 100_000, "Epochs", "Passes over the training pixels at the most.", main=True
    )
    batch_size: int = number(
        64,
        2,
        65_536,
        "Batch size",
        "Patches a step; halved by itself where memory runs out.",
        main=True,
    )
    learning_rate: float = number(
        2e-3, 1e-8, 10.0, "Learning rate", "The highest learning rate of the schedule.", main=True
    )
    class_weights: str = choice(
        "sqrt",
        CLASS_WEIGHTS,
        "Class weights",
        "How much more a pixel of a rare class counts: not at all, by the square root of its "
        "rareness, fully (inverse), fully with the class of median size at 1, or as given.",
        main=True,
    )

    optimiser: str = choice(
        "adamw",
        OPTIMISERS,
        "Optimiser",
        "How weights are changed: AdamW (weight decay apart from the gradient), Adam, or "
        "stochastic gradient descent (sgd).",
    )
    momentum: float = number(
        0.9,
        0.0,
        0.9999,
        "Momentum",
        "Share of the last step that sgd takes again; 0 is plain sgd.",
        needs=(SGD,),
    )
    nesterov: bool = switch(
        True,
        "Nesterov momentum",
        "sgd looks ahead along its momentum; without effect at 0.",
        needs=(SGD, Need("momentum")),
    )
    weight_decay: float = number(
        1e-2, 0.0, 1.0, "Weight decay", "Pull of the weights towards 0, against learning by heart."
    )
    schedule: str = choice(
        "one-cycle",
        SCHEDULES,
        "Schedule",
        "How the learning rate goes: up and down (one-cycle), down along a cosine, constant, down "
        "at milestones (multi-step), down where validation no longer improves (plateau), or down "
        "as 1 / (1 + decay x steps) (inverse-time).",
    )
    milestones: str = line(
        "0.5, 0.75, 0.9",
        "Milestones",
        "Where schedule 'multi-step' lowers the rate, separated by commas: below 1 a share of the "
        "training, from 1 on an epoch.",
        needs=(Need("schedule", ("multi-step",)),),
    )
    rate_factor: float = number(
        0.3,
        0.001,
        0.999,
        "Factor on the rate",
        "What schedules 'multi-step' and 'plateau' multiply the learning rate by each time.",
        needs=(Need("schedule", ("multi-step", "plateau")),),
    )
    plateau_patience: int = number(
        5,
        1,
        100_000,
        "Patience of the plateau",
        "Epochs without a better validation figure (MONITOR) before schedule 'plateau' lowers the "
        "rate.",
        needs=(Need("schedule", ("plateau",)),),
    )
    rate_decay: float = number(
        1e-4,
        0.0,
        1.0,
        "Decay of the rate",
        "Decay a step of schedule 'inverse-time': rate / (1 + decay x steps).",
        needs=(Need("schedule", ("inverse-time",)),),
    )
    find_learning_rate: bool = switch(
        False,
        "Find a learning rate",
        "Before training, try growing rates on a copy of the network, and suggest one in the log "
        "and the report. The training itself takes LEARNING_RATE.",
    )

    loss: str = choice(
        "cross-entropy",
        LOSSES,
        "Loss",
        "What training minimises: cross-entropy, focal (pixels that are hard count more), overlap "
        "of classes (dice, tversky, focal-tversky: for classes of very unequal size), or "
        "squared-error of the probabilities.",
    )
    label_smoothing: float = number(
        0.0,
        0.0,
        0.5,
        "Label smoothing",
        "Share of a label that is given to all classes alike: against too great certainty. Not for "
        "the losses of overlap.",
    )
    focal_gamma: float = number(
        2.0,
        0.0,
        10.0,
        "Gamma of the focal loss",
        "How much less pixels count that are easy; 0 is cross-entropy.",
        needs=(Need("loss", ("focal",)),),
    )
    tversky_alpha: float = number(
        0.3,
        0.0,
        10.0,
        "Alpha of the Tversky loss",
        "What a pixel costs that is taken for a class and is of another.",
        needs=(TVERSKY,),
    )
    tversky_beta: float = number(
        0.7,
        0.01,
        10.0,
        "Beta of the Tversky loss",
        "What a pixel of a class costs that is missed.",
        needs=(TVERSKY,),
    )
    tversky_gamma: float = number(
        4 / 3,
        0.5,
        5.0,
        "Gamma of the focal Tversky loss",
        "Above 1, classes that are nearly learnt count more than with 'tversky', and those learnt "
        "badly less; below 1 it is the other way round.",
        needs=(Need("loss", ("focal-tversky",)),),
    )
    given_weights: str = line(
        "",
        "Given class weights",
        "For CLASS_WEIGHTS 'given': code or name = weight, separated by commas, such as "
        "'1=2.0, roof=5'. Only their ratios count; classes left out have 1, and 0 leaves a class "
        "out of the loss.",
        needs=(Need("class_weights", ("given",)),),
    )

    mixup: float = number(
        0.0,
        0.0,
        10.0,
        "Mixup",
        "Parameter of the Beta distribution that mixes patches; 0 is off.",
    )
    noise: float = number(
        0.0,
        0.0,
        10.0,
        "Noise",
        "Noise added to normalised values, as a standard deviation.",
    )
    brightness: float = number(
        0.0,
        0.0,
        1.0,
        "Brightness",
        "Random factor on whole spectra, as a standard deviation.",
    )
    flips: bool = switch(
        True, "Turn and mirror", "Turn and mirror patches at random, as SYMMETRY says."
    )
    margin: int = number(
        0,
        0,
        64,
        "Margin (pixels)",
        "Learn the training pixels up to so many pixels around each drawn one along with it: 3-D "
        "networks share most of their work between neighbours, and a step teaches more.",
    )

    clip: float = number(
        5.0,
        0.0,
        1e6,
        "Clip gradients",
        "Gradients that are longer than this together are shortened to it: one odd batch then does "
        "no harm. 0 is off.",
    )
    accumulate: int = number(
        1,
        1,
        10_000,
        "Accumulate batches",
        "Batches whose gradients are averaged for one step: a larger batch than memory holds.",
    )
    initialisation: str = choice(
        "own",
        INITIALISATIONS,
        "Initialisation",
        "The weights before the first step: the network's own, or Glorot's or He's uniform ones "
        "with biases of 0.",
    )
    initial_model: str = model_file(
        "Initial model",
        "A model file whose weights the training begins with, of the same network and bands; the "
        "last layer is fresh where the classes differ. That model's normalisation is used as well, "
        "and not NORMALISATION.",
    )
    freeze: str = line(
        "",
        "Freeze",
        "Layers of the initial model that stay as they are: the number of the first stages that "
        "hold weights, or 'all but the last'.",
        needs=(Need("initial_model"),),
    )
    precision: str = choice(
        "auto",
        PRECISIONS,
        "Precision",
        "What a step computes in. 'auto' takes bfloat16 where the graphics card gains from it, and "
        "float32 otherwise; the model is float32 always.",
    )

    averaging: float = number(
        0.0,
        0.0,
        0.99999,
        "Averaging",
        "Decay of the running mean of the weights that is validated and kept; 0 keeps the weights "
        "themselves.",
    )
    shortest_epoch: int = number(
        30,
        1,
        1_000_000,
        "Shortest epoch",
        "Batches an epoch at the least: few training pixels are passed over several times.",
    )
    longest_epoch: int = number(
        300,
        1,
        1_000_000,
        "Longest epoch",
        "Batches an epoch at the most: of very many training pixels each epoch draws others.",
    )
    patience: int = number(
        0,
        0,
        100_000,
        "Patience",
        "Epochs without a better validation figure before training stops; 0: never.",
    )
    monitor: str = choice(
        "balanced",
        MONITORS,
        "Monitor",
        "Validation figure that says which epoch is best: the mean of overall and average accuracy "
        "(balanced), overall accuracy, or the loss.",
    )
    keep: str = choice(
        "best", KEEPS, "Epoch to keep", "The weights of the best epoch or of the last one."
    )
    checkpoint: str = choice(
        "every-epoch",
        CHECKPOINTS,
        "Checkpoint",
        "When the training is written down to go on from: after every epoch, or after those that "
        "are the best so far.",
    )
    untrained: bool = switch(
        True,
        "Score the untrained network",
        "Begin the history with the accuracy before the first step, as epoch 0.",
    )

    normalisation: str = choice(
        "band",
        NORMALISATIONS,
        "Normalisation",
        "How band values are scaled: every band to mean 0 and deviation 1, all bands alike "
        "(global), principal components (pca), independent bands (zca), every band to 0..1 "
        "(min-max), or a division by FACTOR.",
        needs=(OWN_INPUTS,),
    )
    components: int = number(
        0,
        0,
        10_000,
        "Components",
        "Components of the normalisations 'pca' and 'zca'; 0 is all.",
        needs=(OWN_INPUTS, Need("normalisation", MATRICES)),
    )
    whitening: float = number(
        1.0,
        0.0,
        1.0,
        "Whitening",
        "How far the normalisations 'pca' and 'zca' whiten, 0..1.",
        needs=(OWN_INPUTS, Need("normalisation", MATRICES)),
    )

    symmetry: str = choice(
        "turns-mirrors",
        SYMMETRIES,
        "Turns and mirrors",
        "What turning and mirroring does: turns by 90 degrees, mirrors left to right and top to "
        "bottom, or both.",
        needs=(Need("flips"),),
    )
    noise_limit: float = number(
        0.0,
        0.0,
        10.0,
        "Largest noise",
        "Noise is cut to this in normalised values, either way; 0 cuts nothing.",
        needs=(Need("noise"),),
    )
    band_dropout: float = number(
        0.0,
        0.0,
        0.9,
        "Band dropout",
        "Chance of a band to be set to its mean, in each patch anew; 0 is off. It keeps the "
        "network from trusting a few bands.",
    )
    class_mixup: float = number(
        0.0,
        0.0,
        10.0,
        "Mixing within a class",
        "Parameter of the Beta distribution that mixes patches of one class; 0 is off. Not "
        "together with MIXUP.",
    )
    factor: float = number(
        10_000.0,
        1e-9,
        1e9,
        "Factor",
        "What the normalisation 'factor' divides values by, such as 10000 for reflectance stored "
        "as whole numbers, or 255 for 8-bit images.",
        needs=(OWN_INPUTS, Need("normalisation", ("factor",))),
    )

    def to_json(self) -> dict[str, Any]:
        """Return plain values, in the order of the table."""
        return {**asdict(self), "options": dict(self.options)}


#: Every setting that is declared with limits, title and help.
SETTINGS = declared(TrainingSettings)

#: Smallest and largest value of every number.
RANGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {name: item.limits for name, item in SETTINGS.items() if item.kind in ("whole", "real")}
)

#: What every word can be.
CHOICES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {name: item.choices for name, item in SETTINGS.items() if item.kind == "choice"}
)

#: Names of all settings by theme, in the order in which a dialog and a report have them.
THEMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "start": ("recipe", "initialisation", "initial_model", "freeze"),
        "epochs": (
            "epochs",
            "batch_size",
            "margin",
            "shortest_epoch",
            "longest_epoch",
            "patience",
            "monitor",
            "keep",
            "checkpoint",
            "untrained",
        ),
        "learning rate": (
            "learning_rate",
            "schedule",
            "milestones",
            "rate_factor",
            "plateau_patience",
            "rate_decay",
            "find_learning_rate",
        ),
        "loss": (
            "class_weights",
            "given_weights",
            "loss",
            "label_smoothing",
            "focal_gamma",
            "tversky_alpha",
            "tversky_beta",
            "tversky_gamma",
        ),
        "optimiser": (
            "optimiser",
            "momentum",
            "nesterov",
            "weight_decay",
            "clip",
            "accumulate",
            "averaging",
            "precision",
        ),
        "normalisation": ("normalisation", "components", "whitening", "factor"),
        "augmentation": (
            "flips",
            "symmetry",
            "brightness",
            "band_dropout",
            "noise",
            "noise_limit",
            "class_mixup",
            "mixup",
        ),
    }
)

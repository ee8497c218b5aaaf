"""Train classifier: from a chip set to a model file."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterString,
)

from ..core.training.settings import CHOICES, RANGES, TrainingSettings
from ..models.catalog import DEFAULT_NETWORK, NETWORKS
from . import parameters as p
from .base import HsicnnAlgorithm
from .network_options import option_help, parse_options

YES_NO = ("yes", "no")
OWN = "Empty: the network's own recipe."

# Settings of a recipe that are shown first, with title and help; their limits and words are the
# core's. Each may be left empty, because every network has a recipe of its own.
MAIN = (
    ("epochs", "Epochs", "Passes over the training pixels at the most."),
    ("batch_size", "Batch size", "Patches a step; halved by itself where memory runs out."),
    ("learning_rate", "Learning rate", "The highest learning rate of the schedule."),
    (
        "class_weights",
        "Class weights",
        "How much more a pixel of a rare class counts: not at all, by the square root of its "
        "rareness, or fully.",
    ),
)
FINE = (
    ("optimiser", "Optimiser", "How weights are changed."),
    ("schedule", "Schedule", "How the learning rate rises and falls."),
    ("weight_decay", "Weight decay", "Pull of the weights towards 0."),
    ("label_smoothing", "Label smoothing", "Share of a label that is given to other classes."),
    ("mixup", "Mixup", "Parameter of the Beta distribution that mixes patches; 0 is off."),
    ("noise", "Noise", "Noise added to normalised values, as a standard deviation."),
    ("brightness", "Brightness", "Random factor on whole spectra, as a standard deviation."),
    ("flips", "Turn and mirror", "Turn and mirror patches at random."),
    ("margin", "Margin (pixels)", "Learn labelled neighbours along with each drawn pixel."),
    ("averaging", "Averaging", "Decay of the running mean of the weights; 0 is off."),
    ("shortest_epoch", "Shortest epoch", "Steps an epoch at the least."),
    ("longest_epoch", "Longest epoch", "Steps an epoch at the most."),
    ("patience", "Patience", "Epochs without gain before training stops; 0: never."),
    ("monitor", "Monitor", "Validation figure that says which epoch is best."),
    ("keep", "Epoch to keep", "The weights of the best epoch or of the last one."),
    ("normalisation", "Normalisation", "How band values are scaled."),
    ("components", "Components", "Components of the normalisation 'pca'; 0 is all."),
    ("whitening", "Whitening", "How far the normalisation 'pca' whitens, 0..1."),
)


class TrainClassifier(HsicnnAlgorithm):
    """Trains a network on the pixels of a chip set."""

    ID = "trainclassifier"
    TITLE = "Train classifier"
    JOB = "train_classifier"
    TAGS = ("training", "neural network", "model", "supervised", "1d", "2d", "3d")
    OUTPUTS = ("OUTPUT", "REPORT")
    SUMMARY = "Trains a convolutional network on a chip set and writes a model file."
    HELP = (
        "<p>The defaults are a recipe that makes a good map from a small reference set in a few "
        "minutes of CPU; settings left empty take the chosen network's own. Validation pixels are "
        "watched while training, and choose the epoch where KEEP is 'best'; test pixels are scored "
        "once, at the end, and choose nothing.</p>"
        "<p>A training that was cancelled or interrupted goes on from its last epoch when it is "
        "started again with the same settings and output. Its checkpoint beside the output is a "
        "model: classify with it or describe it while the training goes on.</p>"
        "<p>Next: <i>Classify raster</i> with the model.</p>"
    )

    def declare(self) -> list[QgsProcessingParameterDefinition]:
        defaults = TrainingSettings()
        return [
            p.chip_set("INPUT", "Chip set", "The folder that 'Export training chips' has written."),
            p.choice(
                "ARCHITECTURE",
                "Network",
                "; ".join(
                    f"{name}: {entry.title}, {entry.dims} ({entry.paper})"
                    for name, entry in NETWORKS.items()
                ),
                tuple(NETWORKS),
                DEFAULT_NETWORK,
            ),
            p.whole(
                "PATCH_SIZE",
                "Patch size (pixels)",
                "Side of the square of pixels that the network sees around a pixel, odd. Empty: "
                "the network's own.",
                None,
                (1, 1025),
            ),
            *(setting(*entry) for entry in MAIN),
            *self._fine(),
            p.device("auto"),
            p.seed(defaults.seed),
            p.switch(
                "RESUME",
                "Resume",
                "Go on from the checkpoint beside the output where one of the same run is there.",
                True,
                advanced=True,
            ),
            p.file_output(
                "OUTPUT",
                "Model",
                "The model file: network, bands, classes and figures in one.",
                p.MODEL_FILTER,
            ),
            p.file_output(
                "REPORT",
                "Report",
                "Training curves and figures (HTML).",
                p.HTML_FILTER,
                optional=True,
            ),
        ]

    def _fine(self) -> list[QgsProcessingParameterDefinition]:
        options = QgsProcessingParameterString("OPTIONS", "Network options", None, False, True)
        return [
            *(setting(*entry, advanced=True) for entry in FINE),
            p.explained(options, option_help(), advanced=True),
        ]

    def arguments(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> dict[str, Any]:
        architecture = self.parameterAsEnumString(parameters, "ARCHITECTURE", context)
        settings: dict[str, Any] = {
            "architecture": architecture,
            "patch_size": p.whole_or_none(self, parameters, "PATCH_SIZE", context),
            "seed": self.parameterAsInt(parameters, "SEED", context),
        }
        for name, *_ in (*MAIN, *FINE):
            settings[name] = self._given(parameters, name, context)
        options = self.parameterAsString(parameters, "OPTIONS", context)
        if options:
            settings["options"] = parse_options(options, architecture)
        return {
            "chips": self.parameterAsFile(parameters, "INPUT", context),
            "settings": {name: value for name, value in settings.items() if value is not None},
            "device": self.parameterAsEnumString(parameters, "DEVICE", context),
            "resume": self.parameterAsBool(parameters, "RESUME", context),
        }

    def _given(self, parameters: dict[str, Any], name: str, context: QgsProcessingContext) -> Any:
        """Return a setting as the core takes it, or nothing where it was left empty."""
        default = getattr(TrainingSettings, name)
        if isinstance(default, bool):
            word = p.word(self, parameters, name.upper(), context)
            return word == "yes" if word else None
        if isinstance(default, int):
            return p.whole_or_none(self, parameters, name.upper(), context)
        if isinstance(default, float):
            return p.real_or_none(self, parameters, name.upper(), context)
        return p.word(self, parameters, name.upper(), context) or None


def setting(
    name: str, title: str, text: str, *, advanced: bool = False
) -> QgsProcessingParameterDefinition:
    """Return the parameter of a training setting, with the limits or the words of the core."""
    default = getattr(TrainingSettings, name)
    text = f"{text} {OWN}"
    if isinstance(default, bool):
        return p.choice(name.upper(), title, text, YES_NO, None, advanced=advanced)
    if isinstance(default, str):
        return p.choice(name.upper(), title, text, CHOICES[name], None, advanced=advanced)
    low, high = RANGES[name]
    if isinstance(default, int):
        limits = (int(low), int(high))
        return p.whole(name.upper(), title, text, None, limits, advanced=advanced)
    return p.real(name.upper(), title, text, None, (low, high), advanced=advanced)

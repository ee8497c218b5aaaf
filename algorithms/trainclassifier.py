"""Train classifier: from a chip set to a model file."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterString,
)

from ..core.training.settings import (
    CLASS_WEIGHTS,
    MONITORS,
    OPTIMISERS,
    SCHEDULES,
    TrainingSettings,
)
from ..models.catalog import DEFAULT_NETWORK, NETWORKS
from . import parameters as p
from .base import HsicnnAlgorithm
from .network_options import option_help, parse_options

KEEP = ("best", "last")
YES_NO = ("yes", "no")
OWN = "Empty: the network's own recipe"

WHOLE = ("PATCH_SIZE", "EPOCHS", "BATCH_SIZE", "EPOCH_SAMPLES", "PATIENCE", "COMPONENTS")
REAL = (
    "LEARNING_RATE",
    "WEIGHT_DECAY",
    "LABEL_SMOOTHING",
    "MIXUP",
    "NOISE",
    "BRIGHTNESS",
    "AVERAGING",
    "DAMPING",
)
WORDS = (
    "ARCHITECTURE",
    "CLASS_WEIGHTS",
    "OPTIMISER",
    "SCHEDULE",
    "MONITOR",
    "KEEP",
    "NORMALISATION",
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
        "minutes of CPU; settings left empty take the chosen network's own. The best epoch is "
        "chosen by the validation pixels; the test pixels are not looked at.</p>"
        "<p>A training that was cancelled or interrupted goes on from its last epoch when it is "
        "started again with the same settings and output.</p>"
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
            *self._main(),
            *self._recipe(),
            p.device("auto"),
            p.seed(defaults.seed),
            p.switch(
                "RESUME",
                "Resume",
                "Go on from the checkpoint beside the output where one of the same run is there.",
                True,
                advanced=True,
            ),
            p.file_output("OUTPUT", "Model", "The model file.", p.MODEL_FILTER),
            p.file_output(
                "REPORT",
                "Report",
                "Training curves and figures (HTML).",
                p.HTML_FILTER,
                optional=True,
            ),
        ]

    def _main(self) -> list[QgsProcessingParameterDefinition]:
        return [
            p.whole(
                "PATCH_SIZE",
                "Patch size (pixels)",
                "Side of the square of pixels that the network sees around a pixel, odd. Empty: "
                "the network's own.",
                None,
                (1, 1025),
            ),
            p.whole(
                "EPOCHS",
                "Epochs",
                f"Passes over the training pixels at the most. {OWN}.",
                None,
                (1, 100_000),
            ),
            p.whole(
                "BATCH_SIZE",
                "Batch size",
                f"Patches a step; halved by itself where memory runs out. {OWN}.",
                None,
                (2, 65_536),
            ),
            p.real(
                "LEARNING_RATE",
                "Learning rate",
                f"The highest learning rate of the schedule. {OWN}.",
                None,
                (1e-8, 10.0),
            ),
            p.choice(
                "CLASS_WEIGHTS",
                "Class weights",
                "How much more a pixel of a rare class counts: not at all, by the square root of "
                f"its rareness, or fully. {OWN}.",
                CLASS_WEIGHTS,
                None,
            ),
        ]

    def _recipe(self) -> list[QgsProcessingParameterDefinition]:
        from ..core.data.normalisation import KINDS

        numbers = (
            ("WEIGHT_DECAY", "Weight decay", "Decay of the weights", (0.0, 1.0)),
            ("LABEL_SMOOTHING", "Label smoothing", "Share given to other classes", (0.0, 0.5)),
            ("MIXUP", "Mixup", "Beta parameter for mixing pairs of patches; 0 is off", (0.0, 10.0)),
            ("NOISE", "Noise", "Noise added to normalised values", (0.0, 10.0)),
            ("BRIGHTNESS", "Brightness", "Random change of whole spectra, as a share", (0.0, 1.0)),
            ("AVERAGING", "Averaging", "Decay of the running mean of the weights", (0.0, 0.99999)),
            ("DAMPING", "Damping", "Damping of weak components in 'pca'", (0.0, 1e6)),
        )
        wholes = (
            ("EPOCH_SAMPLES", "Pixels an epoch", "Pixels an epoch at the most; 0 is all", 10**9),
            ("PATIENCE", "Patience", "Epochs without gain before it stops; 0 never", 100_000),
            ("COMPONENTS", "Components", "Components of 'pca'; 0 is all", 10_000),
        )
        choices = (
            ("OPTIMISER", "Optimiser", "How weights are changed", OPTIMISERS),
            ("SCHEDULE", "Schedule", "How the learning rate goes up and down", SCHEDULES),
            ("MONITOR", "Monitor", "Validation figure that the best epoch is chosen by", MONITORS),
            ("KEEP", "Epoch to keep", "The best epoch's weights or the last one's", KEEP),
            ("NORMALISATION", "Normalisation", "How band values are scaled", tuple(KINDS)),
            ("FLIPS", "Flips", "Turn and mirror patches at random", YES_NO),
        )
        options = QgsProcessingParameterString("OPTIONS", "Network options", None, False, True)
        return [
            *(p.whole(n, t, f"{h}. {OWN}.", None, (0, m), advanced=True) for n, t, h, m in wholes),
            *(p.real(n, t, f"{h}. {OWN}.", None, r, advanced=True) for n, t, h, r in numbers),
            *(p.choice(n, t, f"{h}. {OWN}.", c, None, advanced=True) for n, t, h, c in choices),
            p.explained(options, option_help(), advanced=True),
        ]

    def arguments(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> dict[str, Any]:
        settings: dict[str, Any] = {
            **{n.lower(): p.whole_or_none(self, parameters, n, context) for n in WHOLE},
            **{n.lower(): p.real_or_none(self, parameters, n, context) for n in REAL},
            **{n.lower(): p.word(self, parameters, n, context) or None for n in WORDS},
            "seed": self.parameterAsInt(parameters, "SEED", context),
        }
        flips = p.word(self, parameters, "FLIPS", context)
        settings["flips"] = None if not flips else flips == "yes"
        architecture = self.parameterAsEnumString(parameters, "ARCHITECTURE", context)
        settings["architecture"] = architecture
        options = self.parameterAsString(parameters, "OPTIONS", context)
        if options:
            settings["options"] = parse_options(options, architecture)
        return {
            "chips": self.parameterAsFile(parameters, "INPUT", context),
            "output": self.parameterAsFileOutput(parameters, "OUTPUT", context),
            "report": self.parameterAsFileOutput(parameters, "REPORT", context),
            "settings": {name: value for name, value in settings.items() if value is not None},
            "device": self.parameterAsEnumString(parameters, "DEVICE", context),
            "resume": self.parameterAsBool(parameters, "RESUME", context),
        }

"""Tune hyperparameters: settings of a training that are best on validation pixels."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsProcessingContext, QgsProcessingParameterDefinition

from ..core.training.settings import MONITORS, TrainingSettings
from ..core.training.settings import SETTINGS as DECLARED
from ..core.tuning.settings import MINUTES, MOST_TRIALS, TuneSettings
from ..core.tuning.space import SETTINGS, USUAL
from ..models.catalog import DEFAULT_NETWORK, NETWORKS
from . import parameters as p
from .base import HsicnnAlgorithm
from .network_options import option_help, parse_options
from .trainclassifier import parameter


class TuneHyperparameters(HsicnnAlgorithm):
    """Searches the settings of a training."""

    ID = "tunehyperparameters"
    TITLE = "Tune hyperparameters"
    JOB = "tune_hyperparameters"
    TAGS = ("search", "optimisation", "learning rate", "optuna", "settings", "training")
    OUTPUTS = ("SETTINGS", "TABLE", "REPORT", "OUTPUT")
    VALUES = (
        ("TRIALS_DONE", "Number of trials", int),
        ("BEST_SCORE", "Score of the best trial", float),
        ("RECIPE_SCORE", "Score of the network's recipe", float),
    )
    SUMMARY = "Searches the settings of a training that are best on validation pixels."
    HELP = (
        "<p>Trains again and again, each time with other settings, until the time is over. The "
        "network's recipe is always the first trial, so that the result is never worse on the "
        "validation pixels. Each further trial is proposed by what the ones before gave "
        "(tree-structured Parzen estimators), and is given up where it lags behind half of them at "
        "the same point of their training.</p>"
        "<p>Test pixels are not looked at. The accuracy of the best of many trials on validation "
        "pixels is optimistic: judge the settings by a training with them, on test pixels.</p>"
        "<p>The settings file serves <i>Train classifier</i> (SETTINGS) and holds the call to "
        "copy. A search that was cancelled goes on with its finished trials when it is started "
        "again with the same settings file; with more MINUTES a finished one goes on as well. The "
        "trials are kept beside the settings file. Needs the Python package Optuna.</p>"
    )

    def declare(self) -> list[QgsProcessingParameterDefinition]:
        defaults = TuneSettings()
        return [
            p.chip_set(
                "INPUT",
                "Chip set",
                "The folder that 'Export training chips' has written, with validation pixels.",
            ),
            p.choice(
                "ARCHITECTURE",
                "Network",
                "The network whose settings are searched.",
                tuple(NETWORKS),
                DEFAULT_NETWORK,
            ),
            p.text(
                "SEARCH",
                "What to search",
                "Names of what is searched, separated by commas. Empty: those of "
                f"{', '.join(USUAL)} that the network has. There are also "
                f"{', '.join(name for name in SETTINGS if name not in USUAL)}, and all options of "
                "the network.",
            ),
            p.real(
                "MINUTES",
                "Time (minutes)",
                "Time for all trials together. A trial that is not done by then is stopped and "
                "does not count. A model that is asked for is trained after that.",
                defaults.minutes,
                MINUTES,
                decimals=2,
            ),
            p.whole(
                "TRIALS",
                "Most trials",
                "The search also ends after so many trials; 0: only when the time is over.",
                defaults.trials,
                (0, MOST_TRIALS),
            ),
            parameter("recipe", DECLARED["recipe"]),
            parameter("epochs", DECLARED["epochs"]),
            parameter("normalisation", DECLARED["normalisation"]),
            p.choice(
                "MONITOR",
                "What is best",
                "Validation figure that trials are judged by: the mean of overall and average "
                "accuracy, overall accuracy, or the loss.",
                MONITORS,
                TrainingSettings.monitor,
                advanced=True,
            ),
            p.text(
                "OPTIONS",
                "Network options",
                f"Options that all trials have. {option_help()}",
                advanced=True,
            ),
            p.device(defaults.device),
            p.whole(
                "MEMORY",
                "Memory for pixels (MB)",
                "Pixels are kept in memory up to this size, else in a temporary file.",
                defaults.memory_mb,
                (16, 1_000_000),
                advanced=True,
            ),
            p.seed(TrainingSettings.seed),
            p.switch(
                "RESUME",
                "Resume",
                "Go on with the trials of an earlier run of the same search.",
                True,
                advanced=True,
            ),
            p.file_output(
                "SETTINGS",
                "Best settings",
                "The best settings, for 'Train classifier', with the call to copy (JSON).",
                p.JSON_FILTER,
            ),
            p.file_output(
                "TABLE",
                "Table of trials",
                "All trials, a row each: settings, score, time (CSV).",
                p.CSV_FILTER,
                optional=True,
                offered=True,
            ),
            p.file_output(
                "REPORT",
                "Report",
                "A page about the search: scores over time, and what matters (HTML).",
                p.HTML_FILTER,
                optional=True,
                offered=True,
            ),
            p.file_output(
                "OUTPUT",
                "Model",
                "A model trained with the best settings, after the search.",
                p.MODEL_FILTER,
                optional=True,
            ),
        ]

    def arguments(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> dict[str, Any]:
        architecture = self.parameterAsEnumString(parameters, "ARCHITECTURE", context)
        training: dict[str, Any] = {
            "architecture": architecture,
            "epochs": p.whole_or_none(self, parameters, "EPOCHS", context),
            "recipe": p.word(self, parameters, "RECIPE", context) or None,
            "normalisation": p.word(self, parameters, "NORMALISATION", context) or None,
            "monitor": self.parameterAsEnumString(parameters, "MONITOR", context),
            "seed": self.parameterAsInt(parameters, "SEED", context),
        }
        options = self.parameterAsString(parameters, "OPTIONS", context)
        if options:
            training["options"] = parse_options(options, architecture)
        names = self.parameterAsString(parameters, "SEARCH", context)
        return {
            "chips": self.parameterAsFile(parameters, "INPUT", context),
            "training": {name: value for name, value in training.items() if value is not None},
            "search": [name for name in names.replace(";", ",").split(",") if name.strip()],
            "minutes": self.parameterAsDouble(parameters, "MINUTES", context),
            "trials": self.parameterAsInt(parameters, "TRIALS", context),
            "device": self.parameterAsEnumString(parameters, "DEVICE", context),
            "memory_mb": self.parameterAsInt(parameters, "MEMORY", context),
            "resume": self.parameterAsBool(parameters, "RESUME", context),
        }

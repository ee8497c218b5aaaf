"""Train classifier: from a chip set to a model file."""

from __future__ import annotations

import functools
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFile,
    QgsProcessingParameterString,
)

from ..core.errors import InputError
from ..core.training.resolving import resolve_settings
from ..core.training.setting import Setting
from ..core.training.settings import SETTINGS, THEMES, TrainingSettings
from ..core.training.settings_file import read_settings
from ..models.catalog import DEFAULT_NETWORK, NETWORKS
from . import parameters as p
from .base import HsicnnAlgorithm
from .network_options import option_help, parse_options

SETTINGS_FILE = "SETTINGS"
YES_NO = ("yes", "no")
#: The theme of every setting, in the order of the themes.
BY_THEME = {name: theme for theme, names in THEMES.items() for name in names}


class TrainClassifier(HsicnnAlgorithm):
    """Trains a network on the pixels of a chip set."""

    ID = "trainclassifier"
    TITLE = "Train classifier"
    JOB = "train_classifier"
    TAGS: tuple[str, ...] = ("training", "neural network", "model", "supervised", "1d", "2d", "3d")
    OUTPUTS: tuple[str, ...] = ("OUTPUT", "REPORT")
    VALUES: tuple[tuple[str, str, type], ...] = (
        ("HISTORY", "History of the training (JSON lines)", str),
    )
    SUMMARY = "Trains a convolutional network on a chip set and writes a model file."
    HELP = (
        "<p>The defaults are a recipe that makes a good map from a small reference set in a few "
        "minutes of CPU; settings left empty take the chosen network's own. Validation pixels are "
        "watched while training, and choose the epoch where KEEP is 'best'; test pixels are scored "
        "once, at the end, and choose nothing.</p>"
        "<p>A training that was cancelled or interrupted goes on from its last epoch when it is "
        "started again with the same settings and output. Its checkpoint beside the output is a "
        "model: classify with it or describe it while the training goes on. Beside it, a line is "
        "added to OUTPUT.history.jsonl after every epoch; it stays beside the model.</p>"
        "<p>Next: <i>Classify raster</i> with the model.</p>"
    )

    def declare(self) -> list[QgsProcessingParameterDefinition]:
        defaults = TrainingSettings()
        return [
            p.chip_set("INPUT", "Chip set", "The folder that 'Export training chips' has written."),
            p.choice(
                "ARCHITECTURE",
                "Network",
                f"{'; '.join(f'{name}: {entry.title}' for name, entry in NETWORKS.items())}. Where "
                "they come from: docs/networks.md.",
                tuple(NETWORKS),
                DEFAULT_NETWORK,
            ),
            p.whole(
                "PATCH_SIZE",
                "Patch size (pixels)",
                "Side of the square of pixels that the network sees around a pixel, odd. Of a "
                "network on tiles the side of the tiles it learns from, a multiple of 4 (or of 2 "
                "to the power of its depth). Empty: the network's own, of tiles the largest that "
                "the chips hold.",
                None,
                (1, 1025),
            ),
            *(parameter(name, SETTINGS[name]) for name in BY_THEME if SETTINGS[name].main),
            *self._fine(),
            p.explained(
                QgsProcessingParameterFile(
                    SETTINGS_FILE, "Settings", optional=True, fileFilter=p.ANY_JSON_FILTER
                ),
                "Settings to train with, as 'Tune hyperparameters' writes them: used where a "
                "setting is left empty. ARCHITECTURE and SEED are the file's unless they are "
                "changed here.",
                advanced=True,
            ),
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
            p.explained(options, option_help(), advanced=True),
            *(
                parameter(name, SETTINGS[name], theme=theme)
                for name, theme in BY_THEME.items()
                if not SETTINGS[name].main
            ),
        ]

    def shortHelpString(self) -> str:
        """Leave out the texts of the many parameters: dialog and command line show them by each."""
        return f"<p>{self.SUMMARY}</p>{self.HELP}"

    def arguments(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> dict[str, Any]:
        architecture = self.parameterAsEnumString(parameters, "ARCHITECTURE", context)
        found = self._from_file(parameters, architecture, context)
        architecture = found.get("architecture", architecture)
        settings: dict[str, Any] = {
            "architecture": architecture,
            "patch_size": p.whole_or_none(self, parameters, "PATCH_SIZE", context),
            "seed": self.parameterAsInt(parameters, "SEED", context),
        }
        for name, item in SETTINGS.items():
            settings[name] = self._given(parameters, name, item, context)
        options = self.parameterAsString(parameters, "OPTIONS", context)
        if options:
            given = parse_options(options, architecture)
            settings["options"] = {**found.get("options", {}), **given}
        if found and settings["seed"] == TrainingSettings.seed:
            settings["seed"] = found.get("seed")
        told = {name: value for name, value in settings.items() if value is not None}
        return {
            "chips": self.parameterAsFile(parameters, "INPUT", context),
            "settings": {**found, **told},
            "device": self.parameterAsEnumString(parameters, "DEVICE", context),
            "resume": self.parameterAsBool(parameters, "RESUME", context),
        }

    def _from_file(
        self, parameters: dict[str, Any], architecture: str, context: QgsProcessingContext
    ) -> dict[str, Any]:
        """Return the settings of SETTINGS, none where it is empty.

        A dialog always gives a network: the default one stands for none.

        Raises:
            InputError: the file is none of settings, or is for another network.
        """
        path = self.parameterAsFile(parameters, SETTINGS_FILE, context)
        if not path:
            return {}
        found = read_settings(path)
        wanted = found.setdefault("architecture", architecture)
        if architecture not in (DEFAULT_NETWORK, wanted):
            raise InputError(
                f"ARCHITECTURE is '{architecture}', and SETTINGS {path} is for '{wanted}'. Leave "
                "one of them empty."
            )
        return found

    def _given(
        self,
        parameters: dict[str, Any],
        name: str,
        item: Setting,
        context: QgsProcessingContext,
    ) -> Any:
        """Return a setting as the core takes it, or nothing where it was left empty."""
        place = name.upper()
        if item.kind == "whole":
            return p.whole_or_none(self, parameters, place, context)
        if item.kind == "real":
            return p.real_or_none(self, parameters, place, context)
        if item.kind == "text":
            return self.parameterAsString(parameters, place, context) or None
        if item.kind == "file":
            return self.parameterAsFile(parameters, place, context) or None
        word = p.word(self, parameters, place, context) or None
        return word == "yes" if word and item.kind == "switch" else word


def parameter(name: str, item: Setting, theme: str = "") -> QgsProcessingParameterDefinition:
    """Return the parameter of a training setting; empty, it is left to the recipe.

    Args:
        name: of the setting.
        item: the setting.
        theme: that its label names.
    """
    place, advanced = name.upper(), not item.main
    text = " ".join(filter(None, (item.help, _limits(item), _recommended(name))))
    title = f"[{theme}] {item.title}" if theme else item.title
    if item.kind == "whole":
        limits = (int(item.limits[0]), int(item.limits[1]))
        return p.whole(place, title, text, None, limits, advanced=advanced)
    if item.kind == "real":
        return p.real(place, title, text, None, item.limits, advanced=advanced)
    if item.kind == "text":
        return p.text(place, title, text, advanced=advanced)
    if item.kind == "file":
        return p.explained(
            QgsProcessingParameterFile(place, title, optional=True, fileFilter=p.ANY_MODEL_FILTER),
            item.help,
            advanced=advanced,
        )
    words = YES_NO if item.kind == "switch" else item.choices
    return p.choice(place, title, text, words, None, advanced=advanced)


def _limits(item: Setting) -> str:
    if item.kind not in ("whole", "real"):
        return ""
    low, high = item.limits
    return f"From {_value(low)} to {_value(high)}."


def _recommended(name: str) -> str:
    """Say what an empty parameter stands for: the value of the recommended recipes."""
    if name == "recipe":
        return f"Empty: {TrainingSettings.recipe}."
    values = {network: getattr(_recipe(network), name) for network in NETWORKS}
    own = values.pop(DEFAULT_NETWORK)
    told = _value(own) if own != "" else "none"
    others = sorted({value for value in values.values() if value != own}, key=_order)
    if not others:
        published = any(name in entry.published for entry in NETWORKS.values())
        return f"Empty: {told}{', unless RECIPE says otherwise' if published else ''}."
    listed = ", ".join(_value(value) for value in others)
    return f"Empty: as RECIPE says; recommended is {told}, for other networks also {listed}."


@functools.cache
def _recipe(network: str) -> TrainingSettings:
    return resolve_settings({"architecture": network})


def _order(value: Any) -> tuple[bool, Any]:
    return isinstance(value, str), value


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else f"{value}"

"""The settings of a training as its user reads them: those that have an effect."""

from __future__ import annotations

from typing import Any

from .settings import MATRICES, SETTINGS, THEMES, TrainingSettings


def settings_line(settings: TrainingSettings) -> str:
    """Return what a training takes, in a line for the log: most of it came from a recipe."""
    held = settings.schedule == "constant"
    rate = f"{settings.schedule} {'at' if held else 'up to'} {settings.learning_rate:g}"
    inputs = f"normalisation {settings.normalisation}"
    if settings.normalisation in MATRICES and settings.components:
        inputs += f" of {settings.components} components"
    if settings.initial_model:
        inputs = "normalisation of the initial model"
    parts = (
        f"{settings.optimiser}, {rate}",
        f"{settings.loss} with class weights '{settings.class_weights}'",
        inputs,
        f"augmentation {', '.join(_augmented(settings)) or 'none'}",
    )
    return f"RECIPE '{settings.recipe}', and what was given: {'; '.join(parts)}."


def settings_rows(settings: TrainingSettings) -> list[tuple[str, str]]:
    """Return the settings that have an effect, a row a theme: its name, and names with values.

    What is off (0, no, nothing) is left out, and so is what has no effect with the others.
    """
    options = ", ".join(f"{name}={value}" for name, value in settings.options.items())
    network = {"architecture": settings.architecture, "patch_size": settings.patch_size}
    own = [*network.items(), ("options", options), ("seed", settings.seed)]
    rows = [("Network", _row([(name, value) for name, value in own if value]))]
    for theme, names in THEMES.items():
        text = _row([(name, getattr(settings, name)) for name in names if _counts(name, settings)])
        if text:
            rows.append((theme.capitalize(), text))
    return rows


def _counts(name: str, settings: TrainingSettings) -> bool:
    met = all(need.met(settings) for need in SETTINGS[name].needs)
    return met and bool(getattr(settings, name))


def _augmented(settings: TrainingSettings) -> list[str]:
    """What augmentation is on, by the names of the settings that switch it on."""
    return [
        name.replace("_", " ")
        for name in THEMES["augmentation"]
        if not SETTINGS[name].needs and getattr(settings, name)
    ]


def _row(values: list[tuple[str, Any]]) -> str:
    return "; ".join(f"{name.upper()} {_plain(value)}" for name, value in values)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else f"{value}"

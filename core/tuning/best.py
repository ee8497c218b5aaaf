"""The best settings as a file: for 'Train classifier', and as a call to copy."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ..training.resolving import resolve_settings
from ..training.settings import TrainingSettings
from ..training.settings_file import settings_text
from .trial import Trial


def chosen_settings(names: Collection[str], best: TrainingSettings) -> dict[str, Any]:
    """Return what has to be told to train with the best settings: the rest is the recipe's.

    Args:
        names: of what the user has set and of what was searched.
        best: all settings of the best trial.
    """
    known = (TrainingSettings(), resolve_settings({"architecture": best.architecture}))
    full = best.to_json()
    # Also what differs from the defaults alone: recipes may change, the file says what was tried.
    named = {
        name
        for name, value in full.items()
        if name in names or any(value != other.to_json()[name] for other in known)
    }
    return {name: full[name] for name in full if name in named | {"architecture", "seed"}}


def parameters(chips: str, settings: Mapping[str, Any], output: str) -> dict[str, Any]:
    """Return the parameters of 'Train classifier' for settings."""
    found: dict[str, Any] = {"INPUT": chips}
    for name, value in settings.items():
        if name == "options":
            if value:
                found["OPTIONS"] = ", ".join(f"{key}={_plain(v)}" for key, v in value.items())
        else:
            found[name.upper()] = _plain(value)
    return {**found, "OUTPUT": output}


def command(values: Mapping[str, Any]) -> str:
    """Return the call of ``qgis_process`` with parameters, to copy into a terminal."""
    words = [shlex.quote(f"{name}={value}") for name, value in values.items()]
    return " ".join(["qgis_process run hsicnn:trainclassifier --", *words])


def best_text(
    best: Trial | None,
    settings: Mapping[str, Any],
    call: Mapping[str, Any],
    trials: Sequence[Trial],
    monitor: str,
) -> str:
    """Return the text of the settings file."""
    more = {
        "parameters": dict(call),
        "command": command(call),
        "found": {
            "trial": None if best is None else best.number + 1,
            "trials": len(trials),
            "monitor": monitor,
            "score": None if best is None else best.score,
            "score_of_recipe": trials[0].score if trials else None,
            "validation": {} if best is None else dict(best.figures),
            "note": "Chosen on validation pixels among many trials: their accuracy is optimistic. "
            "Test pixels were not looked at.",
        },
    }
    return settings_text(settings, more)


def _plain(value: Any) -> Any:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value

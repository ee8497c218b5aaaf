"""Settings of a training as a file: what a search found best, to train with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError, reason
from ..stored_json import check_fields, read_json
from .resolving import resolve_settings

FORMAT = "hsicnn training settings"
FORMAT_VERSION = 1


def settings_text(settings: Mapping[str, Any], more: Mapping[str, Any]) -> str:
    """Return the text of a settings file.

    Args:
        settings: names of ``TrainingSettings`` and their values.
        more: what else the file tells its reader.
    """
    head = {"format": FORMAT, "format_version": FORMAT_VERSION, "settings": dict(settings)}
    return json.dumps({**head, **more}, indent=2) + "\n"


def read_settings(path: str) -> dict[str, Any]:
    """Return the settings that a file holds, checked, as ``resolve_settings`` takes them.

    Raises:
        InputError: no file, not one of settings, or with values that cannot be.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        found = getattr(error, "strerror", None) or reason(error)
        raise InputError(
            f"The settings {path} cannot be read ({found}). Choose the file that 'Tune "
            "hyperparameters' has written, or leave SETTINGS empty."
        ) from error
    try:
        record = check_fields(
            read_json(text), {"format": str, "format_version": int, "settings": dict}, "the file"
        )
        if record["format"] != FORMAT:
            raise ValueError(f"its format is '{record['format']}'")
        if record["format_version"] > FORMAT_VERSION:
            raise ValueError(f"it is of version {record['format_version']}: update the plugin")
        settings = dict(record["settings"])
        check_fields({"options": {}, **settings}, {"options": dict}, "'settings'")
        resolve_settings(settings)
    except (InputError, ValueError, TypeError) as error:
        raise InputError(
            f"{path} holds no settings of a training: {reason(error)}. Choose the file that 'Tune "
            "hyperparameters' has written, or leave SETTINGS empty."
        ) from error
    return settings

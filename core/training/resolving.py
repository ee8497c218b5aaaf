"""From what a user gave to settings of a training: the recipe fills the rest, all is checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from ...models.catalog import DEFAULT_NETWORK, network
from ...models.entry import Network
from ..errors import InputError
from .settings import OVERLAPS, SETTINGS, TrainingSettings


def resolve_settings(given: Mapping[str, Any]) -> TrainingSettings:
    """Fill a table of settings: what the user gave, else the recipe, else the default.

    Args:
        given: names of ``TrainingSettings``; ``None`` means not given. ``recipe`` says whether
            the network's recommended or its published one fills the rest.

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
    recipe = dict(recipe_of(entry, chosen.get("recipe", TrainingSettings.recipe)))
    if entry.kind == "tile":
        recipe.pop("patch_size", None)  # it goes by the chips; see tile_size
    chosen["options"] = {**recipe.pop("options", {}), **chosen.get("options", {})}
    settings = replace(TrainingSettings(architecture=entry.name), **recipe)
    settings = replace(settings, **chosen)
    for name, setting in SETTINGS.items():
        setting.check(name, getattr(settings, name))
    _check_together(settings)
    return replace(settings, patch_size=_patch_size(settings, entry))


def not_used(given: Mapping[str, Any], settings: TrainingSettings) -> str:
    """Say which settings that a user gave have no effect with the others, and why.

    Args:
        given: names of ``TrainingSettings``; ``None`` means not given.
        settings: what they were filled to.

    Returns:
        A line for the log; empty where all of them count.
    """
    found = []
    for name, setting in SETTINGS.items():
        missing = [need for need in setting.needs if not need.met(settings)]
        if missing and given.get(name) is not None:
            found.append(f"{name.upper()} is not used {missing[0].lacking(settings)}")
    return f"{'; '.join(found)}." if found else ""


def _network(name: str) -> Network:
    try:
        return network(name)
    except ValueError as error:
        raise InputError(str(error)) from error


def recipe_of(entry: Network, name: str) -> Mapping[str, Any]:
    """Return a recipe of a network.

    Raises:
        InputError: its source has published none.
    """
    if name != "published":
        return entry.recipe
    if not entry.published:
        raise InputError(
            f"RECIPE is 'published', and the source of {entry.title} states no training of its "
            "own. Choose 'recommended'."
        )
    return entry.published


def _patch_size(settings: TrainingSettings, entry: Network) -> int:
    """Return the patch size, checked against what the network can take.

    That of tiles stays open where it was not given: it goes by the chips (``tile_size``).
    """
    if entry.kind == "tile" and not settings.patch_size:
        return 0
    wanted = settings.patch_size or entry.default_patch
    if entry.patch_sizes and wanted not in entry.patch_sizes:
        raise InputError(
            f"{entry.title} takes {entry.sizes_told()}; PATCH_SIZE is {wanted}. "
            "Leave it empty to use the network's own."
        )
    return wanted


def _check_together(settings: TrainingSettings) -> None:
    """Refuse settings that contradict each other."""
    if settings.mixup and settings.class_mixup:
        raise InputError(
            f"MIXUP is {settings.mixup:g} and CLASS_MIXUP is {settings.class_mixup:g}: patches are "
            "mixed with any others or with those of their class, not with both. Set one to 0."
        )
    if settings.label_smoothing and settings.loss in OVERLAPS:
        raise InputError(
            f"LABEL_SMOOTHING is {settings.label_smoothing:g}, and LOSS '{settings.loss}' compares "
            "classes as wholes, where a smoothed label has no meaning. Set LABEL_SMOOTHING to 0, "
            "or choose another LOSS."
        )
    if settings.given_weights.strip() and settings.class_weights != "given":
        raise InputError(
            f"GIVEN_WEIGHTS is '{settings.given_weights}', and CLASS_WEIGHTS is "
            f"'{settings.class_weights}'. Choose CLASS_WEIGHTS 'given', or leave GIVEN_WEIGHTS "
            "empty."
        )
    if settings.class_weights == "given" and not settings.given_weights.strip():
        raise InputError(
            "CLASS_WEIGHTS is 'given', and GIVEN_WEIGHTS is empty. Write the weights there, such "
            "as '1=2.0, roof=5', or choose another CLASS_WEIGHTS."
        )
    if settings.freeze.strip() and not settings.initial_model:
        raise InputError(
            f"FREEZE is '{settings.freeze}' without INITIAL_MODEL: layers that are frozen "
            "untrained would never learn. Give the model that their weights come from, or leave "
            "FREEZE empty."
        )

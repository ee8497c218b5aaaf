"""What a user may want to know of a model, in a few sentences for the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...models.catalog import NETWORKS
from ..raster.bands import describe_range
from .bundle import ModelBundle

NAMED = 30  # classes; more are only counted


def describe(bundle: ModelBundle) -> list[str]:
    """Return what a user may want to know of a model, a sentence a line."""
    named = network_told(bundle) if bundle.members else (
        f"{network_told(bundle)} ({bundle.architecture})"
    )  # fmt: skip
    lines = [
        f"Network: {named}, {bundle.parameters:,} parameters, on {sees(bundle)}.",
        f"Bands: {describe_range(bundle.bands)}; normalisation '{bundle.normalisation.kind}'.",
        f"Classes: {len(bundle.classes)} ({_names(bundle)}).",
        _training(bundle),
    ]
    if "reduction" in bundle.chips:
        lines.insert(2, reduction_told(bundle))
    if bundle.checkpoint:
        lines.insert(0, f"An unfinished training: {bundle.checkpoint}.")
    for split in ("validation", "test"):
        found = bundle.metrics.get(split)
        if isinstance(found, Mapping) and isinstance(found.get("overall_accuracy"), float):
            lines.append(_accuracy_line(split, found))
    lines += _members(bundle)
    lines.append(f"Model id: {bundle.model_id[:16]}.")
    return lines


def network_told(bundle: ModelBundle) -> str:
    """Return the title of a model's network; of an ensemble what its members are."""
    if bundle.members:
        kinds = dict.fromkeys(network_told(member) for member in bundle.members)
        return f"Ensemble of {len(bundle.members)} models ({'; '.join(kinds)})"
    entry = NETWORKS.get(bundle.architecture)
    return entry.title if entry else bundle.architecture


def sees(bundle: ModelBundle) -> str:
    """Say what a model is shown at a time."""
    side, radius = bundle.patch_size, bundle.radius
    if bundle.multiple > 1:
        return f"tiles of {side} x {side} pixels, up to {radius} pixels around each pixel"
    return f"windows of {side} x {side} pixels" if side > 1 else "single pixels"


def _training(bundle: ModelBundle) -> str:
    """Say when it was trained and on what; of an ensemble, when its members were."""
    pixels = f"on {len(bundle.training_rows):,} pixels of a raster of "
    pixels += bundle.training_grid.describe()
    if not bundle.members:
        course = f"; {bundle.epochs} epochs, seed {bundle.seed}"
        return f"Trained: {bundle.created}, {pixels}{course}."
    times = sorted({member.created for member in bundle.members})
    span = " to ".join(dict.fromkeys((times[0], times[-1])))
    return f"Trained: {span}, {pixels}; put together {bundle.created}."


def _members(bundle: ModelBundle) -> list[str]:
    """Return the accuracy of each member of an ensemble, on the test pixels of its own training."""
    lines = []
    for number, member in enumerate(bundle.members, 1):
        found = member.metrics.get("test")
        if isinstance(found, Mapping) and isinstance(found.get("overall_accuracy"), float):
            lines.append(f"Member {number}, {_accuracy_line('own test', found, 'on')}")
    if len(lines) > NAMED:
        lines[NAMED:] = [f"{len(lines) - NAMED} more members have figures."]
    return lines


def reduction_told(bundle: ModelBundle) -> str:
    """Say what made the raster that the model was trained on of the bands that it takes."""
    record = bundle.chips["reduction"]
    kind, made = str(record["kind"]), len(record["names"])
    if kind == "selection":
        return f"It was trained on a choice of {made} bands, and takes them from the whole image."
    return (
        f"It was trained on {made} components of the bands ({kind.upper()}, 'Reduce bands'), which "
        "it makes itself: it takes the original image, and the normalisation is of both together."
    )


def _names(bundle: ModelBundle) -> str:
    names = [item.name for item in bundle.classes[:NAMED]]
    more = len(bundle.classes) - len(names)
    return ", ".join(names) + (f" and {more:,} more" if more else "")


def _accuracy_line(split: str, found: Mapping[str, Any], word: str = "On") -> str:
    shown = {
        "overall accuracy": found.get("overall_accuracy"),
        "average accuracy": found.get("average_accuracy"),
        "kappa": found.get("kappa"),
        "location alone": found.get("location_only"),
    }
    parts = [f"{what} {value:.3f}" for what, value in shown.items() if isinstance(value, float)]
    return f"{word} {found.get('pixels', 0):,} {split} pixels: {', '.join(parts)}."

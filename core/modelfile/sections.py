"""Parts of pages about a model: how good it is, how training went, its classes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..report import html
from ..report.curves import training_curves
from .bundle import ModelBundle
from .mapped import as_mapped

SPLITS = ("validation", "test")
FIGURES = ("overall_accuracy", "average_accuracy", "kappa", "location_only")
COUNTED = ("train", "validation", "test", "unused")
COLUMNS = (
    "loss",
    "validation_loss",
    "validation_overall",
    "validation_average",
    "learning_rate",
    "seconds",
)
ROWS = 12  # of the history that are shown
MANY = 40  # rows of a table beyond which it opens on a click


def accuracy(bundle: ModelBundle) -> list[str]:
    """Return the figures on validation and test pixels, location alone beside them."""
    found = {split: bundle.metrics.get(split, {}) for split in SPLITS}
    rows: list[list[html.Cell]] = [
        [split, scores.get("pixels"), *(scores.get(name) for name in FIGURES)]
        for split, scores in found.items()
        if scores
    ]
    headers = ("Pixels of", "Count", "Overall", "Average", "Kappa", "Location alone")
    pieces = [html.paragraph(_lead(bundle, found["test"]), "lead")]
    pieces += [html.paragraph(text) for text in _overlap(bundle, found["test"])]
    if rows:
        pieces.append(html.table(headers, rows))
    pieces += _how_judged(bundle, found)
    for split in reversed(SPLITS):
        # Of the test pixels where there are any: nothing was chosen on them.
        by_class = found[split].get("classes")
        if by_class:
            return [*pieces, *_accuracy_of_classes(bundle, split, by_class)]
    return pieces


def _how_judged(bundle: ModelBundle, found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Say where figures of a network on tiles are not quite those of its map."""
    told = []
    for split, scores in found.items():
        share = scores.get("as_mapped")
        if share is not None and share < 1:
            text = as_mapped(
                f"the {split} pixels", share, margin=bundle.radius, multiple=bundle.multiple
            )
            told.append(html.paragraph(text, "note"))
    return told


def _lead(bundle: ModelBundle, test: Mapping[str, Any]) -> str:
    if bundle.checkpoint:
        return "How good the model is on test pixels is seen when the training has ended."
    if bundle.members and not test:
        return (
            "How good the ensemble is on pixels that none of its members saw is not known; how "
            "good each member is on its own test pixels stands below."
        )
    overall, location = test.get("overall_accuracy"), test.get("location_only")
    if overall is None:
        return "No test pixels were held back: there is no honest accuracy."
    beside = "" if location is None else f"; location alone would have reached {location:.3f}"
    pixels, seen = test.get("pixels", 0), test.get("seen_by_initial_model", 0)
    if seen:
        return (
            f"Overall accuracy {overall:.3f} on {pixels:,} test pixels{beside}. They are not "
            f"unseen: {seen:,} of them trained the model that this training began with, and the "
            "accuracy flatters."
        )
    return (
        f"Overall accuracy {overall:.3f} on {pixels:,} test pixels that "
        f"were neither trained on nor chosen by{beside}."
    )


def _overlap(bundle: ModelBundle, test: Mapping[str, Any]) -> Iterable[str]:
    """How much training patches show of the test pixels, where that is known."""
    leak = test.get("leak")
    if not leak or not (leak["radius"] or leak["test_centres_inside"]):
        return
    radius = leak["radius"]
    inside, touching = (
        html.percent(leak[name]) for name in ("test_centres_inside", "test_patches_touching")
    )
    side = f"{2 * radius + 1} x {2 * radius + 1} pixels"
    told = (
        f"{inside} of the test pixels lie in a training patch of {side}, and {touching} of their "
        "own patches share a pixel with one."
    )
    if bundle.multiple > 1:
        told = (
            f"{inside} of the test pixels lie within {radius} pixels of a training pixel, as far "
            f"as the network looks in a tile, and {touching} within twice that."
        )
    if leak["test_centres_inside"]:
        told += " Training saw their values, and the accuracy flatters"
        told += f"; a BUFFER of {radius} or more at the export keeps them apart." if radius else "."
    yield told


def _accuracy_of_classes(
    bundle: ModelBundle, split: str, by_class: Mapping[str, Any]
) -> Iterable[str]:
    names = ("f1", "producers_accuracy", "users_accuracy")
    columns = [by_class.get(name, ()) for name in names]
    rows: list[list[html.Cell]] = [
        [item.name, *(_at(column, place) for column in columns)]
        for place, item in enumerate(bundle.classes)
    ]
    headers = ("Class", "F1", "Producer's accuracy", "User's accuracy")
    told = html.table(headers, rows, [item.color for item in bundle.classes])
    title = f"Accuracy of the classes on {split} pixels"
    yield html.collapsed(title, [told]) if len(rows) > MANY else html.subheading(title) + told


def course(bundle: ModelBundle) -> list[str]:
    """Return how the training went: the curves, and some rows of the history."""
    history = bundle.history
    if not history:
        return []
    kept = bundle.metrics.get("kept_epoch")
    found = {name for row in history for name in row if name != "epoch"}
    names = sorted(found, key=_place_in(COLUMNS))
    rows: list[list[html.Cell]] = []
    for row in _some(history, kept):
        epoch = row.get("epoch")
        title = "-" if epoch is None else f"{epoch:,.0f}"
        rows.append(
            [
                f"{title} (kept)" if epoch is not None and epoch == kept else title,
                *(_figure(name, row.get(name)) for name in names),
            ]
        )
    headers = ("Epoch", *(name.replace("_", " ").capitalize() for name in names))
    pieces = [html.heading("How the training went"), training_curves(history, kept)]
    if len(rows) < len(history):
        pieces.append(
            html.paragraph(f"{len(rows)} of {bundle.epochs:,} epochs; the file has all.", "note")
        )
    return [*pieces, html.table(headers, rows)]


def _figure(name: str, value: html.Cell) -> html.Cell:
    """A learning rate is far below what three decimals show."""
    return f"{value:.3g}" if name == "learning_rate" and isinstance(value, float) else value


def _some(history: Sequence[Mapping[str, Any]], kept: float | None) -> Iterable[Mapping[str, Any]]:
    """The first epoch, the last, the kept one, and some evenly between."""
    last = len(history) - 1
    places = {round(step * last / (ROWS - 1)) for step in range(ROWS)} if last else {0}
    places.update(place for place, row in enumerate(history) if kept and row.get("epoch") == kept)
    return [history[place] for place in sorted(places)]


def classes(bundle: ModelBundle) -> list[str]:
    """Return the classes with their codes and the pixels of each split."""
    given = bundle.chips.get("counts", {})
    counts = {name: given[name] for name in sorted(given, key=_place_in(COUNTED))}
    headers = ("Class", "Code", *(f"{name.capitalize()} pixels" for name in counts))
    rows: list[list[html.Cell]] = [
        [
            item.name,
            str(item.code),
            *(_at(column, place) for column in counts.values()),
        ]
        for place, item in enumerate(bundle.classes)
    ]
    if len(rows) > 1 and counts:
        rows.append(["All", "", *(sum(column) for column in counts.values())])
    told = html.table(headers, rows, [item.color for item in bundle.classes])
    title = f"{len(bundle.classes):,} classes"
    return [
        html.heading("Classes"),
        html.collapsed(title, [told]) if len(rows) > MANY else told,
    ]


def _place_in(order: Sequence[str]) -> Callable[[str], tuple[int, str]]:
    """Sort what is known in its order and the rest after it."""
    return lambda name: (order.index(name) if name in order else len(order), name)


def _at(column: Sequence[Any], place: int) -> Any:
    return column[place] if place < len(column) else None

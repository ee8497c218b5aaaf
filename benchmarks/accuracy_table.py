"""The tables of accuracy: what the finished folds say, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hsicnn.core.accuracy.confusion import confusion_matrix, figures
from hsicnn.core.data.splits import block_ids
from hsicnn.models.catalog import DEFAULT_NETWORK, NETWORKS
from kept_folds import KeptFolds
from methods import RIVALS
from pooled import accuracies, hits_by_block, paired_difference
from protocol import Leftover, Protocol
from scenes import Scene
from tuning import Ints

RARE = 100  # pixels under which a class is also left out of the average accuracy


@dataclass(frozen=True, eq=False)
class Row:
    """A method on a scene, with its variants' pooled predictions.

    Attributes:
        method: its name.
        pooled: ``(n,)`` predictions of all labelled pixels, by variant and seed.
        facts: of every fold of these seeds.
        why_not: why there is nothing, where there is nothing.
    """

    method: str
    pooled: Mapping[str, Mapping[int, Ints]]
    facts: Sequence[Mapping[str, Any]]
    why_not: str = ""

    def fact(self, name: str) -> float | None:
        """Return the median of a figure over the folds that have it."""
        found = [fold[name] for fold in self.facts if fold.get(name) is not None]
        return float(np.median(found)) if found else None


def read_row(
    method: str, kept: KeptFolds, scene: Scene, protocol: Protocol, seeds: Sequence[int]
) -> Row:
    """Pool the folds of every seed that is whole."""
    pooled: dict[str, dict[int, Ints]] = {}
    facts: list[Mapping[str, Any]] = []
    for seed in seeds:
        if not all(kept.has(seed, fold) for fold in range(protocol.folds)):
            continue
        for fold in range(protocol.folds):
            guess = kept.load(seed, fold)
            facts.append(guess.facts)
            test = protocol.divide(scene, seed, fold)[1]
            for variant, found in guess.parts.items():
                own = pooled.setdefault(variant, {})
                own.setdefault(seed, np.zeros(len(test), np.int64))[test] = found
    return Row(method, pooled, facts)


def scene_lines(
    scene: Scene, rows: Sequence[Row], protocol: Protocol, left: Leftover, seeds: Sequence[int]
) -> list[str]:
    """Return all that is said of a scene."""
    return [
        f"### {scene.name}",
        "",
        *_intro(scene, protocol, left),
        "",
        *_table(scene, rows, seeds),
        *_differences(scene, rows, protocol),
        "",
    ]


def _intro(scene: Scene, protocol: Protocol, left: Leftover) -> list[str]:
    counts = scene.labels.counts()
    rare = [f"{scene.classes[place]} ({counts[place]})" for place in _rare(scene)]
    use = "Networks and recipes were chosen on it." if scene.choices else _CONFIRMS
    return [
        f"{len(scene.labels):,} labelled pixels, {len(counts)} classes, {len(scene.bands)} bands. "
        f"**{use}**",
        f"{protocol.folds} folds of {protocol.block}-pixel blocks; a buffer of {protocol.buffer} "
        f"leaves {left.pixels:.0%} of the other folds' pixels to train on. {left.attainable:.1%} "
        "of the pixels are of a class that their fold has training pixels of: no method can be "
        "right more often.",
        f"Rare classes (under {RARE} pixels): {', '.join(rare) or 'none'}.",
    ]


_CONFIRMS = "Confirmation only: nothing was ever chosen on it."


def _table(scene: Scene, rows: Sequence[Row], seeds: Sequence[int]) -> list[str]:
    rare = _rare(scene)
    titles = ["method", "looks around", "seeds", "OA", "AA"]
    titles += ["AA without rare classes"] * bool(rare)
    titles += ["kappa", "training, s", "px/s", "shortened to"]
    lines = [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}"]
    for row in rows:
        for variant, by_seed in row.pooled.items():
            cells = [_title(row.method, variant), _reach(row), str(len(by_seed))]
            lines.append(f"| {' | '.join([*cells, *_scores(scene, by_seed), *_costs(row)])} |")
        if not row.pooled:
            why = row.why_not or "no seed is whole yet"
            cells = [_title(row.method, ""), "", "0", *[""] * (len(titles) - 4), why]
            lines.append(f"| {' | '.join(cells)} |")
    if any(0 < len(found) < len(seeds) for row in rows for found in row.pooled.values()):
        lines += ["", f"Not all of the {len(seeds)} seeds are in yet."]
    return lines


def _title(method: str, variant: str) -> str:
    name = f"{method} {variant}".strip()
    return f"**{name}**" if method == DEFAULT_NETWORK else name


def _reach(row: Row) -> str:
    radius = row.fact("radius")
    return "" if radius is None or row.method not in NETWORKS else f"{radius:.0f} px"


def _scores(scene: Scene, by_seed: Mapping[int, Ints]) -> list[str]:
    told, classes, rare = scene.pixels.told, len(scene.classes), _rare(scene)
    table = []
    for found in by_seed.values():
        result = figures(confusion_matrix(told, found, classes))
        right, total = hits_by_block(told, found, np.zeros_like(told), classes)
        without = [accuracies(right, total, rare)[1]] if rare else []
        overall, average = accuracies(right, total)
        table.append([overall, average, *without, result.kappa])
    mean, deviation = np.mean(table, 0), np.std(table, 0)
    return [f"{m:.3f} ± {d:.3f}" for m, d in zip(mean, deviation)]


def _costs(row: Row) -> list[str]:
    seconds, rate = row.fact("training_seconds"), row.fact("pixels_a_second")
    steps, full = row.fact("steps"), row.fact("full")
    shortened = ""
    if steps is not None and full is not None and steps < full:
        shortened = f"{steps:,.0f} of {full:,.0f} steps"
    return [
        "" if seconds is None else f"{seconds:.1f}",
        "" if rate is None else f"{rate:,.0f}",
        shortened,
    ]


def _differences(scene: Scene, rows: Sequence[Row], protocol: Protocol) -> list[str]:
    """Return the lines of the paired differences default network - rival."""
    by_method = {row.method: row for row in rows if row.pooled}
    rivals = [by_method[name] for name in RIVALS if name in by_method]
    if DEFAULT_NETWORK not in by_method or not rivals:
        return []
    ours = by_method[DEFAULT_NETWORK].pooled[""]
    ids = block_ids(scene.pixels.rows, scene.pixels.cols, protocol.block)
    blocks = np.unique(ids, return_inverse=True)[1]
    lines = ["", "| difference | OA (95 % interval) | AA (95 % interval) |", "|---|---|---|"]
    for row in rivals:
        for variant, theirs in row.pooled.items():
            if not set(ours) & set(theirs):
                continue
            found = paired_difference(ours, theirs, scene.pixels.told, blocks)
            cells = " | ".join(f"{d:+.3f} ({a:+.3f} to {b:+.3f})" for d, a, b in found.values())
            lines.append(f"| {DEFAULT_NETWORK} - {row.method} {variant} | {cells} |")
    return lines


def matrices(scene: Scene, rows: Sequence[Row]) -> dict[str, Any]:
    """Return the pooled confusion matrices: rows reference, columns predictions, by seed."""
    classes = len(scene.classes)
    return {
        "classes": list(scene.classes),
        "methods": {
            f"{row.method} {variant}".strip(): {
                str(seed): confusion_matrix(scene.pixels.told, found, classes).tolist()
                for seed, found in by_seed.items()
            }
            for row in rows
            for variant, by_seed in row.pooled.items()
        },
    }


def _rare(scene: Scene) -> list[int]:
    return [place for place, count in enumerate(scene.labels.counts()) if count < RARE]

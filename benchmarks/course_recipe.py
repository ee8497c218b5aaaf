"""The Indian Pines network as its course trained it, and by our recipe in a tenth of the epochs.

``python benchmarks/course_recipe.py --help``. On the simulated Indian Pines scene, with the
course's kind of split (a random tenth trains; patches overlap, so that it leaks) and with spatial
blocks. All pixels that do not train are scored after every epoch and nothing is chosen by
them: both recipes have a fixed length and keep their last weights. A run that was stopped or
killed goes on from its last epoch; table and picture are of what there is.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(Path(__file__).resolve().parent)]
from conftest import mount_package  # noqa: E402

mount_package()

import numpy as np  # noqa: E402
from budgeted_training import MEMORY_MB, fitted_recipe, train_on  # noqa: E402
from course_picture import draw_curves  # noqa: E402
from hsicnn.core.data.chips import read_chip_set  # noqa: E402
from hsicnn.core.data.export import export_training_chips  # noqa: E402
from hsicnn.core.data.leakage import location_only  # noqa: E402
from hsicnn.core.data.pixel_loading import load_pixels  # noqa: E402
from hsicnn.core.data.separation import TRAIN, VALIDATION  # noqa: E402
from hsicnn.core.errors import Cancelled  # noqa: E402
from hsicnn.core.modelfile.bundle import load_bundle  # noqa: E402
from hsicnn.core.progress import SilentProgress  # noqa: E402
from hsicnn.core.training.checkpoints import checkpoint_path  # noqa: E402
from hsicnn.core.training.resolving import resolve_settings  # noqa: E402
from hsicnn.core.training.settings import TrainingSettings  # noqa: E402
from scenes import SCENES  # noqa: E402

NETWORK = "indian_pines_3d"
SCENE = "indian_pines_simulated"
RECIPES = {"course": "published", "ours": "recommended"}
TENTH = 10
SPLITS: Mapping[str, Mapping[str, Any]] = {
    "random tenth": {"split": "random", "buffer": 0, "train_fraction": 0.1},
    "spatial blocks": {"split": "blocks", "block_size": 16, "buffer": 4, "train_fraction": 0.25},
}
SEED = 1


@dataclass(frozen=True)
class Run:
    """A recipe on a split.

    Attributes:
        split: a name of ``SPLITS``.
        recipe: a name of ``RECIPES``.
        epochs: of the course's schedule.
        budget: seconds that the steps of a training may take; 0 is no limit. Scoring all other
            pixels after every epoch comes on top.
        cache: folder of chip sets and models.
    """

    split: str
    recipe: str
    epochs: int
    budget: float
    cache: Path

    @property
    def chips(self) -> Path:
        """Their folder."""
        return self.cache / self.split.replace(" ", "-")

    @property
    def model(self) -> Path:
        """Its file; the checkpoint lies beside it."""
        kind = f"{self.split}-{self.recipe}-{self.epochs}-{self.budget:g}".replace(" ", "-")
        return self.cache / f"{kind}.safetensors"

    def settings(self) -> TrainingSettings:
        """Return the recipe; ours has a tenth of the course's epochs, or its own if fewer."""
        given = {"architecture": NETWORK, "recipe": RECIPES[self.recipe], "seed": SEED}
        own = resolve_settings({**given, "patience": 0, "keep": "last"})
        most = self.epochs if self.recipe == "course" else max(self.epochs // TENTH, 1)
        wanted = most if self.recipe == "course" else min(own.epochs, most)
        return dataclasses.replace(own, epochs=wanted)

    def history(self) -> list[Mapping[str, Any]]:
        """Return a row an epoch of what is trained so far."""
        for path in (self.model, checkpoint_path(str(self.model))):
            if path.exists():
                return [row for row in load_bundle(str(path)).history if row["epoch"] > 0]
        return []


class Limited(SilentProgress):
    """Cancels when the time is up, and says every tenth epoch where the training is."""

    def __init__(self, title: str, end: float) -> None:
        self._title = title
        self._end = end

    def check_cancel(self) -> None:
        """Raise ``Cancelled`` when the time is up."""
        if time.monotonic() > self._end:
            raise Cancelled("The time is up.")

    def metric(self, name: str, values: Mapping[str, float]) -> None:
        """Say every tenth epoch."""
        tenth = name == "epoch" and values["epoch"] and values["epoch"] % TENTH == 0
        if tenth and "validation_overall" in values:
            said = f"epoch {values['epoch']:.0f}, {values['validation_overall']:.3f}"
            print(f"  {self._title}: {said}", flush=True)


def export(run: Run, data: Path) -> None:
    """Export the chip set of a split where it is not there: what does not train is validated."""
    if run.chips.exists():
        return
    files, share = SCENES[SCENE], float(SPLITS[run.split]["train_fraction"])
    export_training_chips(
        image=str(data / files.image),
        reference=str(data / files.reference),
        output=str(run.chips),
        seed=SEED,
        **{**SPLITS[run.split], "validation_fraction": 1.0 - share},
    )


def train(run: Run, progress: Limited, budget: float) -> None:
    """Train, or go on with the training."""
    info, settings = read_chip_set(str(run.chips)), run.settings()
    if budget:
        memory = run.model.with_suffix(".json")
        recipe = fitted_recipe(info, settings, budget=budget, memory=memory, progress=progress)
        settings = dataclasses.replace(settings, **recipe.settings())
    train_on(info, settings, run.model, resume=True, progress=progress)


def location(run: Run) -> tuple[int, int, float]:
    """Return training and scored pixels, and the share that location alone gets right."""
    info = read_chip_set(str(run.chips))
    store = load_pixels(info, memory_bytes=MEMORY_MB << 20, progress=SilentProgress())
    train_, score = store.split == TRAIN, store.split == VALIDATION
    found = location_only(
        store.row[train_],
        store.col[train_],
        store.label[train_],
        store.row[score],
        store.col[score],
    )
    return int(train_.sum()), int(score.sum()), float(np.mean(found == store.label[score]))


def table(runs: Sequence[Run]) -> list[str]:
    """Return a line a run."""
    lines = [
        "| split | training / scored pixels | location only | recipe | epochs of its own | seconds "
        "| OA | AA | best OA on the way |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for run in runs:
        history = run.history()
        if not history:
            continue
        learnt, scored, nearest = location(run)
        last = history[-1]
        seconds = sum(row["seconds"] for row in history)
        best = max(row["validation_overall"] for row in history)
        lines.append(
            f"| {run.split} | {learnt:,} / {scored:,} | {nearest:.3f} | {run.recipe} "
            f"| {last['epoch']:.0f} of {run.settings().epochs} | {seconds:,.0f} "
            f"| {last['validation_overall']:.3f} | {last['validation_average']:.3f} | {best:.3f} |"
        )
    return lines


def main() -> None:
    """Train what is not trained, and print and draw what there is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("HSICNN_TEST_DATA"))
    parser.add_argument("--cache", type=Path, default=ROOT / "build" / "course_recipe")
    parser.add_argument("--splits", nargs="+", default=list(SPLITS), choices=list(SPLITS))
    parser.add_argument("--recipes", nargs="+", default=["ours", "course"], choices=list(RECIPES))
    parser.add_argument("--epochs", type=int, default=600, help="of the course's schedule")
    help_text = "seconds of a training's steps, scoring apart; a longer schedule takes fewer epochs"
    parser.add_argument("--budget", type=float, default=0.0, help=help_text)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after, to go on")
    parser.add_argument("--picture", type=Path, help="PNG to draw the curves in")
    given = parser.parse_args()
    if given.data is None:
        parser.error("name the folder of real scenes: --data, or HSICNN_TEST_DATA")
    end = time.monotonic() + 60 * given.minutes
    given.cache.mkdir(parents=True, exist_ok=True)
    runs = [
        Run(split, recipe, given.epochs, given.budget, given.cache)
        for recipe in given.recipes
        for split in given.splits
    ]
    try:
        for run in runs:
            export(run, Path(given.data))
            if not run.model.exists():
                train(run, Limited(f"{run.split}, {run.recipe}", end), given.budget)
    except Cancelled:
        print("The time is up; the next run goes on from the last epoch.")
    print("\n".join(table(runs)))
    if given.picture:
        curves = {(run.split, run.recipe): run.history() for run in runs}
        given.picture.write_bytes(draw_curves(curves))


if __name__ == "__main__":
    main()

"""The training step against the network's own work in it: ``python benchmarks/training_step.py``.

Every repetition takes some steps of the training loop and as many bare ones: forward, loss,
backward and optimiser of the same network, on batches that lie ready in the same layout, with
the loop's own loss and optimiser. Where the network's source writes it in another way
(``published_forms.py``), both forms are taken and the faster one counts. So a busy machine slows
all; figures are medians over the repetitions. Pixels come from an example scene by the default
export.

``GOMP_SPINCOUNT=300000`` in the environment lets threads wait as torch does by default, without
what the worker sets; with ``--busy 1`` the difference shows.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(Path(__file__).resolve().parent)]
from conftest import mount_package  # noqa: E402

mount_package()

from hsicnn.core.runtime.interpreter import worker_environment  # noqa: E402
from hsicnn.models.catalog import NETWORKS  # noqa: E402

# Threads wait for each other as they do in the worker; torch reads it when it is imported.
os.environ.update(worker_environment(os.environ))

import torch  # noqa: E402
from training_cases import (  # noqa: E402
    ROOM_MB,
    Case,
    Epoch,
    bare_step,
    loop_epoch,
    make_case,
    make_chips,
    step_parts,
)

TARGET = 1.10
WARM_UP = 5  # steps before the clock counts
RECIPES: Mapping[str, Mapping[str, object]] = {
    "own": {},
    "full": {"flips": True, "brightness": 0.1, "noise": 0.1, "mixup": 0.3, "averaging": 0.99},
}


@dataclass
class Figures:
    """What was measured of one training, medians in milliseconds.

    Attributes:
        title: network, recipe, place of the pixels, threads.
        steps: of a real epoch.
        form: the faster form of the network alone.
        bare: its bare step.
        epoch: of the loop.
        ratio: whole step by bare step, in one repetition.
        parts: of the whole step.
    """

    title: str
    steps: int
    form: str
    bare: float
    epoch: Epoch
    ratio: float
    parts: Mapping[str, float]

    def with_epoch(self, *, validation: bool) -> float:
        """The ratio with what an epoch takes besides its steps, spread over them."""
        between = self.epoch.checkpoint + self.epoch.rest
        between += self.epoch.validation if validation else 0.0
        return self.ratio + between / self.steps / self.bare


def measure(case: Case, title: str, repetitions: int, steps: int) -> Figures:
    """Alternate bare steps and the loop's."""
    loop_epoch(case, WARM_UP)
    for form in case.forms:
        bare_step(case, form, WARM_UP)
    epochs, parts = [], []
    for _ in range(repetitions):
        for form in case.forms:
            form.seconds.append(bare_step(case, form, steps))
        epochs.append(loop_epoch(case, steps))
        parts.append(step_parts(case, steps))
    fastest = min(case.forms, key=lambda form: statistics.median(form.seconds[-repetitions:]))
    bare = fastest.seconds[-repetitions:]
    return Figures(
        title,
        case.steps,
        fastest.title,
        _milliseconds(bare),
        Epoch(
            _milliseconds(epoch.step for epoch in epochs),
            _milliseconds(epoch.checkpoint for epoch in epochs),
            _milliseconds(epoch.validation for epoch in epochs),
            _milliseconds(epoch.rest for epoch in epochs),
        ),
        statistics.median(epoch.step / one for epoch, one in zip(epochs, bare)),
        {name: _milliseconds(part[name] for part in parts) for name in parts[0]},
    )


def _milliseconds(seconds: Iterable[float]) -> float:
    return 1e3 * statistics.median(seconds)


@contextmanager
def other_programs(count: int) -> Iterator[None]:
    """Keep as many other programs busy within the block."""
    command = [sys.executable, "-c", "while True: pass"]
    programs = [subprocess.Popen(command) for _ in range(count)]
    try:
        yield
    finally:
        for program in programs:
            program.kill()
            program.wait()


def print_ratios(rows: list[Figures]) -> None:
    """Print whole steps by bare ones, and what comes between two epochs."""
    print(
        "| training | faster form | bare step, ms | whole step, ms | ratio | with checkpoint "
        "| with validation | steps an epoch | checkpoint, ms | validation, ms | rest, ms |"
    )
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for row in rows:
        epoch = row.epoch
        print(
            f"| {row.title} | {row.form} | {row.bare:.1f} | {epoch.step:.1f} | {row.ratio:.3f} "
            f"| {row.with_epoch(validation=False):.3f} | {row.with_epoch(validation=True):.3f} "
            f"| {row.steps} | {epoch.checkpoint:.0f} | {epoch.validation:.0f} | {epoch.rest:.1f} |"
        )


def print_parts(rows: list[Figures]) -> None:
    """Print the parts of the whole step as shares of their sum."""
    names = list(rows[0].parts)
    print(f"\n| share of a whole step, % | {' | '.join(names)} |")
    print(f"|---|{'---:|' * len(names)}")
    for row in rows:
        whole = sum(row.parts.values())
        shares = " | ".join(f"{100 * row.parts[name] / whole:.1f}" for name in names)
        print(f"| {row.title} | {shares} |")


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=11)
    parser.add_argument("--steps", type=int, default=10, help="of a repetition")
    parser.add_argument("--size", type=int, default=288, help="side of the scene, in pixels")
    parser.add_argument("--bands", type=int, default=200)
    both = sorted({1, torch.get_num_threads()})
    parser.add_argument("--threads", type=int, nargs="+", default=both)
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--places", nargs="+", default=list(ROOM_MB), choices=list(ROOM_MB))
    parser.add_argument("--recipes", nargs="+", default=["own"], choices=list(RECIPES))
    parser.add_argument("--busy", type=int, default=0, help="other programs that compute as well")
    given = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        info = make_chips(Path(folder), given.size, given.bands)
        for network, recipe, place in product(given.networks, given.recipes, given.places):
            case = make_case(info, network, place, RECIPES[recipe])
            for threads in given.threads:
                torch.set_num_threads(threads)
                count = f"{threads} thread{'s' if threads > 1 else ''}"
                title = f"{network}, {recipe} recipe, {place}, {count}"
                with other_programs(given.busy):
                    rows.append(measure(case, title, given.repetitions, given.steps))
    print(
        f"torch {torch.__version__}; {sum(info.counts['train']):,} training and "
        f"{sum(info.counts['validation']):,} validation pixels, {given.bands} bands; medians of "
        f"{given.repetitions} x {given.steps} steps; {given.busy} other programs busy\n"
    )
    print_ratios(rows)
    print_parts(rows)
    worst = max(row.with_epoch(validation=False) for row in rows)
    verdict = "reached" if worst <= TARGET else "NOT reached"
    print(f"\nTarget {TARGET:.2f} with the checkpoint: {verdict} (largest {worst:.3f}).")


if __name__ == "__main__":
    main()

"""Accuracy on spatial folds, pooled: ``python benchmarks/accuracy.py --help``.

Every labelled pixel is predicted once by a model that was trained on other blocks, with the
buffer between them. Finished folds are kept in the cache folder: a run that was stopped or
killed goes on where it was and loses the folds under way, and a changed recipe is run again.
The tables at the end are of the seeds that are whole, whether all are or not.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(Path(__file__).resolve().parent)]
from conftest import mount_package  # noqa: E402

mount_package()

from accuracy_table import Row, matrices, read_row, scene_lines  # noqa: E402
from fold_queue import run_tasks  # noqa: E402
from fold_work import Task, kept_folds_of, scene_of  # noqa: E402
from hsicnn.core.errors import InputError  # noqa: E402
from kept_folds import KeptFolds  # noqa: E402
from methods import METHODS  # noqa: E402
from protocol import BUFFER, FOLDS, Protocol, leftover  # noqa: E402
from scenes import SCENES  # noqa: E402

BUDGET = 60.0
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Comparison:
    """Methods on scenes: what is finished, what is to be done, what the tables say.

    Args:
        given: the command line.
    """

    def __init__(self, given: argparse.Namespace) -> None:
        self.given = given
        self.kept: dict[tuple[str, str], KeptFolds] = {}
        self.why_not: dict[tuple[str, str], str] = {}
        for scene in given.scenes:
            for method in given.methods:
                self._find(scene, method)

    def _find(self, scene: str, method: str) -> None:
        try:
            self.kept[scene, method] = kept_folds_of(self._task(scene, method, 0, 0))
        except InputError as error:
            self.why_not[scene, method] = str(error).partition(";")[0]

    def tasks(self) -> Iterator[Task]:
        """Yield the folds that are not finished: all methods on one seed before the next."""
        for seed in self.given.seeds:
            for (scene, method), kept in self.kept.items():
                for fold in range(self.given.folds):
                    if not kept.has(seed, fold):
                        yield self._task(scene, method, seed, fold)

    def lines(self) -> list[str]:
        """Return the tables; matrices are written into the cache."""
        seeds, lines = self.given.seeds, []
        for name in self.given.scenes:
            scene = scene_of(str(self.given.data), str(self.given.cache), name)
            rows = [self._row(name, method) for method in self.given.methods]
            protocol = self._protocol(name)
            left = leftover(scene, protocol, seeds)
            lines += scene_lines(scene, rows, protocol, left, seeds)
            written = json.dumps(matrices(scene, rows))
            (self.given.cache / f"matrices-{name}.json").write_text(written, encoding="utf-8")
        return lines

    def _row(self, name: str, method: str) -> Row:
        kept = self.kept.get((name, method))
        if kept is None:
            return Row(method, {}, [], self.why_not[name, method])
        scene = scene_of(str(self.given.data), str(self.given.cache), name)
        return read_row(method, kept, scene, self._protocol(name), self.given.seeds)

    def _protocol(self, scene: str) -> Protocol:
        given = self.given
        return Protocol(given.folds, given.block or SCENES[scene].block, given.buffer)

    def _task(self, scene: str, method: str, seed: int, fold: int) -> Task:
        given = self.given
        places = (str(given.data), str(given.cache))
        return Task(*places, scene, method, seed, fold, self._protocol(scene), given.budget)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("HSICNN_TEST_DATA"))
    parser.add_argument("--scenes", nargs="+", default=list(SCENES), choices=list(SCENES))
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--folds", type=int, default=FOLDS)
    help_text = "side of a block, in pixels; the scene's own where it is not given"
    parser.add_argument("--block", type=int, help=help_text)
    parser.add_argument("--buffer", type=int, default=BUFFER, help="in pixels; one for all methods")
    help_text = "seconds of a training; a longer recipe takes fewer steps; 0: no limit"
    parser.add_argument("--budget", type=float, default=BUDGET, help=help_text)
    parser.add_argument("--jobs", type=int, default=1, help="folds at once, one thread each")
    parser.add_argument("--cache", type=Path, default=ROOT / "build" / "accuracy")
    parser.add_argument("--minutes", type=float, help="no fold is begun that would end later")
    parser.add_argument("--until", help="likewise: a time of day, HH:MM, UTC")
    parser.add_argument("--table", action="store_true", help="only print what is finished")
    given = parser.parse_args()
    if given.data is None:
        parser.error("name the folder of real scenes: --data, or HSICNN_TEST_DATA")
    given.data, given.cache = Path(given.data).resolve(), given.cache.resolve()
    return given


def seconds_left(minutes: float | None, until: str | None) -> float:
    """Return the seconds that a run may take: the least of what is said."""
    found = [float("inf")]
    if minutes is not None:
        found.append(60 * minutes)
    if until is not None:
        now = datetime.datetime.now(datetime.timezone.utc)
        hour, minute = map(int, until.split(":"))
        end = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
        if end <= now:
            end += datetime.timedelta(days=1)
        found.append((end - now).total_seconds())
    return min(found)


def run(tasks: Sequence[Task], jobs: int, seconds: float) -> None:
    """Work on what is not finished, and say how it goes."""
    failed = []
    for number, outcome in enumerate(run_tasks(tasks, jobs=jobs, seconds=seconds), 1):
        say(f"{number}/{len(tasks)} {outcome.line()}")
        if outcome.error:
            failed.append(outcome.line())
    if failed:
        say(f"{len(failed)} folds failed:\n" + "\n".join(failed))


def main() -> None:
    """Run what is not in the cache and print the tables."""
    given = arguments()
    began = time.monotonic()
    for name in THREADS:  # inherited by the processes that work
        os.environ[name] = "1"
    given.cache.mkdir(parents=True, exist_ok=True)
    comparison = Comparison(given)
    if not given.table:
        tasks = list(comparison.tasks())
        left = seconds_left(given.minutes, given.until)
        run(tasks, given.jobs, left - (time.monotonic() - began))
    say("\n".join(comparison.lines()))


if __name__ == "__main__":
    main()

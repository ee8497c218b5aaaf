"""Folds worked on by several processes, until a time."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait

from fold_work import Outcome, Task, run_task

BESIDES = 30.0  # seconds that a fold is thought to take besides its budget, until one has told


def run_tasks(
    tasks: Sequence[Task],
    *,
    jobs: int,
    seconds: float = float("inf"),
    work: Callable[[Task], Outcome] = run_task,
) -> Iterator[Outcome]:
    """Work on folds in their order, and yield what became of them as they end.

    Args:
        tasks: to do.
        jobs: processes.
        seconds: no fold is begun that would, as far as the ones before it tell, end later.
        work: done in another process.
    """
    end = time.monotonic() + seconds
    waiting = list(tasks)
    known: dict[tuple[str, str], float] = {}
    running: set[Future[Outcome]] = set()
    # A process that is forked from one with threads of torch and GDAL can hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        while True:
            while waiting and len(running) < jobs:
                task = _next_that_fits(waiting, known, end - time.monotonic())
                if task is None:
                    break
                waiting.remove(task)
                running.add(pool.submit(work, task))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                outcome = future.result()
                known[outcome.task.scene, outcome.task.method] = outcome.seconds
                yield outcome


def _next_that_fits(
    waiting: Sequence[Task], known: dict[tuple[str, str], float], left: float
) -> Task | None:
    for task in waiting:
        if known.get((task.scene, task.method), task.budget + BESIDES) <= left:
            return task
    return None

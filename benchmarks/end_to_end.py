"""From file to file against computing alone: ``python benchmarks/end_to_end.py``.

Every network of the catalog classifies rasters in several file formats, once to a map and once
to map, probabilities and confidence. Before and after each run the network computes the same
tiles from memory; the table shows the share of that rate, and what every thread was busy with.
Files are in the system's cache: the disk's own speed is not measured.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(Path(__file__).resolve().parent)]
from conftest import mount_package  # noqa: E402

mount_package()

from hsicnn.core.inference.engine import Engine  # noqa: E402
from hsicnn.core.inference.inputs import Normaliser  # noqa: E402
from hsicnn.core.inference.plan import Plan  # noqa: E402
from hsicnn.core.inference.zones import Maps  # noqa: E402
from hsicnn.core.progress import SilentProgress  # noqa: E402
from hsicnn.core.raster.source import RasterSource  # noqa: E402
from hsicnn.core.raster.windows import Window  # noqa: E402
from hsicnn.core.raster.writer import RasterWriter, checksum_of  # noqa: E402
from rasters import FORMATS, raster_path, write_raster  # noqa: E402
from speed_cases import (  # noqa: E402
    Case,
    all_cases,
    compute_rate,
    large_plan,
    plan_of,
    timed,
)

NETWORKS = ("multiscale", "etrainee_1d", "indian_pines_3d")  # a kind each; files do not ask which
WORK = ("reading", "normalising", "computing", "writing")


@dataclass
class Ledger:
    """Seconds of the processor's time and of the clock, by what they were spent on."""

    busy: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    clock: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def spent_on(self, what: str) -> Iterator[None]:
        """Count the time of a context, of the calling thread."""
        busy, clock = time.thread_time(), time.perf_counter()
        yield
        busy, clock = time.thread_time() - busy, time.perf_counter() - clock
        with self.lock:
            self.busy[what] += busy
            self.clock[what] += clock


class Watched:
    """Stands in for an object; the calls of one method are counted."""

    def __init__(self, inner: Any, method: str, ledger: Ledger, what: str) -> None:
        self._inner, self._method, self._ledger, self._what = inner, method, ledger, what

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name != self._method:
            return found

        def counted(*args: Any, **kwargs: Any) -> Any:
            with self._ledger.spent_on(self._what):
                return found(*args, **kwargs)

        return counted


class Sink:
    """Writes what was asked for, with checksums and zones stored, as the job does."""

    def __init__(self, writers: dict[str, RasterWriter]) -> None:
        self._writers = writers
        self.wants_probabilities = "probabilities" in writers

    def write(self, maps: Maps) -> None:
        """Write a part."""
        for name, writer in self._writers.items():
            values = getattr(maps, name)
            stored = values.astype(np.uint8) if name == "labels" else values
            stored = np.ascontiguousarray(stored)
            writer.write(maps.window, stored)
            checksum_of(stored.data)

    def finish(self, _number: int, _zone: Window) -> None:
        """Store a zone."""
        for writer in self._writers.values():
            writer.save()

    def commit(self) -> None:
        """Finish all files."""
        RasterWriter.commit_all(list(self._writers.values()))


def run(
    case: Case, source: RasterSource, plan: Plan, folder: Path, *, everything: bool
) -> tuple[float, Ledger]:
    """Classify a raster; returns the seconds it took and what they went to."""
    ledger = Ledger()
    grid = source.grid
    with ExitStack() as stack:
        writers = {
            "labels": RasterWriter(folder / "map.tif", grid, 1, "uint8", nodata=0, job_name="1")
        }
        if everything:
            nothing = float("nan")
            writers["probabilities"] = RasterWriter(
                folder / "p.tif", grid, case.classes, "float32", nodata=nothing, job_name="1"
            )
            writers["confidence"] = RasterWriter(
                folder / "c.tif", grid, 1, "float32", nodata=nothing, job_name="1"
            )
        for writer in writers.values():
            stack.enter_context(writer)
        sink = Sink(writers)
        engine = Engine(
            case.network,
            Watched(source, "read_array", ledger, "reading"),
            list(range(case.bands)),
            Watched(Normaliser(case.normalisation), "apply", ledger, "normalising"),
            classes=case.classes,
            plan=plan,
            device=torch.device("cpu"),
        )
        engine._computer = Watched(engine._computer, "compute", ledger, "computing")

        def work() -> None:
            watched = Watched(sink, "write", ledger, "writing")
            engine.run(Window(0, 0, grid.height, grid.width), watched, SilentProgress())
            with ledger.spent_on("writing"):
                sink.commit()

        return timed(work), ledger


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each run, about")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--only", default="", help="networks whose title holds this")
    parser.add_argument("--formats", nargs="*", default=list(FORMATS), choices=list(FORMATS))
    parser.add_argument("--folder", type=Path, help="where rasters are kept for another time")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    print(
        "| network | file | outputs | px/s | of computing alone | busy, share: reading "
        "| normalising | computing | writing | waiting, of the time: reader | workers | writer |"
    )
    print("|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        for case in all_cases(NETWORKS):
            for form in given.formats if given.only in case.title else ():
                measure(case, form, given.folder or Path(folder), Path(folder), given)


def measure(case: Case, form: str, keep: Path, folder: Path, given: argparse.Namespace) -> None:
    """Print the lines of a network and a format."""
    rate = compute_rate(case, large_plan(case, given.threads), given.seconds / 6)
    side = max(int((rate * given.seconds) ** 0.5) // 64, 1) * 64
    path = raster_path(keep, form, case.bands, side)
    if not path.exists():
        write_raster(path, case.bands, side, side, form)
    for everything in (False, True):
        with RasterSource(path) as source:
            plan = plan_of(case, source, threads=given.threads, probabilities=everything)
            before = compute_rate(case, plan, given.seconds / 6)
            seconds, ledger = run(case, source, plan, folder, everything=everything)
            after = compute_rate(case, plan, given.seconds / 6)
        share = side * side / seconds / ((before + after) / 2)
        total, clock = sum(ledger.busy.values()), ledger.clock
        busy = [f"{ledger.busy[what] / total:.1%}" for what in WORK]
        reader = (clock["reading"] + clock["normalising"]) / seconds
        workers = clock["computing"] / seconds / plan.workers
        waits = [f"{1 - part:.0%}" for part in (reader, workers, clock["writing"] / seconds)]
        outputs = "map, probabilities, confidence" if everything else "map"
        print(
            f"| {case.title} | {form}, {side} x {side} | {outputs} | {side * side / seconds:,.0f} "
            f"| {share:.0%} | {' | '.join(busy)} | {' | '.join(waits)} |",
            flush=True,
        )


if __name__ == "__main__":
    main()

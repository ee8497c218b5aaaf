"""Spoils model files, chip sets, rasters and maps, and tells what is not met with a clear error.

    python tests/fuzz/run.py --count 10000 --seed 0

Every mutant follows from its seed. It is tried in a child process: what a user may see is a
success, or an error of the project's own that names the file. Everything else is a finding:
another exception, a crash, a hang, memory without bounds. A finding shows its seed; the same
program with ``--seed N --count 1 --keep FOLDER`` makes that mutant again and keeps it.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).with_name("attempt.py")
PATIENCE = 90  # seconds for one mutant, of a machine that does other things too


@dataclass
class Outcome:
    """What came of a run.

    Attributes:
        counts: mutants by family and outcome.
        findings: for each finding its seed, kind, outcome and message.
    """

    counts: collections.Counter[tuple[str, str]] = field(default_factory=collections.Counter)
    findings: list[dict[str, Any]] = field(default_factory=list)

    def add(self, record: dict[str, Any]) -> None:
        """Take in what one mutant came to; findings are told at once."""
        family = record["kind"].split(":")[0]
        self.counts[family, record["outcome"]] += 1
        if record["outcome"] not in ("accepted", "refused", "cancelled"):
            self.findings.append(record)
            sys.stdout.write(describe(record) + "\n")
            sys.stdout.flush()

    def table(self) -> str:
        """A line for each family."""
        lines = []
        for family in sorted({family for family, _ in self.counts}):
            own = {what: n for (name, what), n in sorted(self.counts.items()) if name == family}
            parts = ", ".join(f"{count} {what}" for what, count in own.items())
            lines.append(f"{family}: {sum(own.values())} mutants, {parts}")
        return "\n".join(lines)


def describe(finding: dict[str, Any]) -> str:
    """A finding in words, with what makes it again."""
    return (
        f"seed {finding['seed']} ({finding['kind']}) {finding['outcome']}\n"
        f"{finding['message']}\n"
        f"again: python tests/fuzz/run.py --seed {finding['seed']} --count 1 --keep FOLDER\n"
    )


class Child:
    """A child process; a new one comes where it ended."""

    def __init__(self, originals: Path, work: Path) -> None:
        self._originals, self._work = originals, work
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str] = queue.Queue()

    def attempt(self, seed: int) -> dict[str, Any]:
        """Have a mutant tried; a crash and a hang are outcomes too."""
        process = self._process or self._start()
        self._process = process
        assert process.stdin is not None
        process.stdin.write(f"{seed}\n")
        process.stdin.flush()
        known: dict[str, Any] = {"seed": seed, "kind": "making: ?"}
        until = time.monotonic() + PATIENCE
        while "outcome" not in known:
            try:
                line = self._lines.get(timeout=max(until - time.monotonic(), 0.01))
            except queue.Empty:
                known.update(outcome="hang", message=f"nothing for {PATIENCE} seconds")
                self.close()
                return known
            if not line:
                return {**known, **self._ended(process)}
            known.update(json.loads(line))
        return known

    def make_originals(self) -> None:
        """Write the sound files."""
        process = self._start()
        if not self._lines.get(timeout=300):
            raise RuntimeError(f"the sound files could not be made:\n{self._ended(process)}")
        process.wait()

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _start(self) -> subprocess.Popen[str]:
        self._errors = (self._work / "stderr.txt").open("w+")
        process = subprocess.Popen(
            [sys.executable, "-X", "utf8", str(PROGRAM), str(self._originals), str(self._work)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=_environment(self._work),
        )
        self._lines = queue.Queue()
        threading.Thread(target=self._read, args=(process, self._lines), daemon=True).start()
        return process

    @staticmethod
    def _read(process: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put("")

    def _ended(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        code = process.wait()
        self._process = None
        self._errors.seek(0)
        tail = self._errors.read()[-3000:]
        if code == -signal.SIGPROF:
            return {"outcome": "hang", "message": f"too long on the processor\n{tail}"}
        return {"outcome": "crash", "message": f"ended with {code}\n{tail}"}


def _environment(work: Path) -> dict[str, str]:
    """A child's environment: its own temporary folder, and nobody counts its lines."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    return {**kept, "OMP_NUM_THREADS": "1", "TMPDIR": str(work)}


def run(seeds: Iterable[int], jobs: int, keep: Path | None = None) -> Outcome:
    """Try the mutants of some seeds, several side by side."""
    outcome, waiting = Outcome(), queue.SimpleQueue[int]()
    for seed in seeds:
        waiting.put(seed)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        originals = Path(folder, "originals")
        Child(originals, Path(folder)).make_originals()
        threads = [
            threading.Thread(target=_work, args=(waiting, outcome, originals, number))
            for number in range(jobs)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if keep is not None:
            for number in range(jobs):
                shutil.copytree(
                    Path(folder, f"work{number}"), keep / f"work{number}", symlinks=True
                )
    outcome.findings.sort(key=lambda finding: finding["seed"])
    return outcome


def _work(waiting: queue.SimpleQueue[int], outcome: Outcome, originals: Path, number: int) -> None:
    place = originals.with_name(f"work{number}")
    place.mkdir()
    child = Child(originals, place)
    while True:
        try:
            seed = waiting.get_nowait()
        except queue.Empty:
            break
        outcome.add(child.attempt(seed))
    child.close()


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Try spoilt files.")
    parser.add_argument("--count", type=int, default=10_000, help="mutants")
    parser.add_argument("--seed", type=int, default=0, help="of the first one")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="side by side")
    parser.add_argument("--keep", type=Path, help="folder for the last mutant of every job")
    given = parser.parse_args()
    began = time.monotonic()
    seeds = range(given.seed, given.seed + given.count)
    outcome = run(seeds, min(given.jobs, given.count), given.keep)
    seconds = time.monotonic() - began
    found = f"{len(outcome.findings)} findings in {seconds:.0f} s"
    sys.stdout.write(f"{outcome.table()}\n{found}, seeds {seeds[0]} to {seeds[-1]}\n")
    return 1 if outcome.findings else 0


if __name__ == "__main__":
    sys.exit(main())

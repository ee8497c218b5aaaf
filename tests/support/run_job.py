"""Runs one job as QGIS does, in a worker, and prints a line for everything that it says.

    python tests/support/run_job.py '{"job": "train_classifier", "arguments": {...}}'

What it says ends up on stdout, with ``result`` and the result as JSON at the end.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def mount() -> None:
    spec = importlib.util.spec_from_file_location(
        "hsicnn", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules["hsicnn"] = module
    spec.loader.exec_module(module)


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


class Speaker:
    """A progress that prints."""

    def report(self, fraction, text=""):
        say("report", f"{fraction:.4f}", text)

    def log(self, text):
        say("log", text)

    def warn(self, text):
        say("warn", text)

    def metric(self, name, values):
        say("metric", name)

    def check_cancel(self):
        pass


def main(text: str) -> int:
    mount()
    from hsicnn.core.errors import HsicnnError
    from hsicnn.core.runtime.client import run_job

    wanted = json.loads(text)
    try:
        result = run_job(wanted["job"], wanted["arguments"], Speaker(), python=sys.executable)
    except HsicnnError as error:
        say("error", error)
        return 1
    say("result", json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

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


class Speaker:
    """A progress that prints."""

    def report(self, fraction, text=""):
        print("report", f"{fraction:.4f}", text, flush=True)

    def log(self, text):
        print("log", text, flush=True)

    def warn(self, text):
        print("warn", text, flush=True)

    def metric(self, name, values):
        print("metric", name, flush=True)

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
        print("error", error, flush=True)
        return 1
    print("result", json.dumps(result), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

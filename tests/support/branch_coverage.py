"""Says how much of the method and the networks the tests reach; fails below the floor.

Run it after ``coverage run -m pytest``. It puts the data of all processes together: the
tests', the workers' and qgis_process's.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import coverage
from coverage.exceptions import CoverageWarning

ROOT = Path(__file__).resolve().parents[2]
FLOOR = 90.0
PARTS = ("core", "models")


def collect() -> dict[str, dict]:
    """Return the summary of every source file by its path from the checkout."""
    measured = coverage.Coverage(config_file=str(ROOT / "pyproject.toml"))
    with warnings.catch_warnings():
        # A process that a test kills, or leaves no disk, cannot finish its data.
        warnings.simplefilter("ignore", CoverageWarning)
        measured.combine()
    measured.save()
    folder = ROOT / "build" / "coverage"
    for unfinished in folder.glob("data.*"):
        unfinished.unlink()
    report = folder / "report.json"
    measured.json_report(outfile=str(report))
    files = json.loads(report.read_text(encoding="utf-8"))["files"]
    return {path: file["summary"] for path, file in sorted(files.items())}


def share(summaries: list[dict], covered: str, number: str) -> float:
    """Return a share in percent; of nothing, all is covered."""
    total = sum(summary[number] for summary in summaries)
    return 100.0 * sum(summary[covered] for summary in summaries) / total if total else 100.0


def row(name: str, summaries: list[dict]) -> tuple[str, float]:
    """Return a line of the table, and the share of branches."""
    lines = share(summaries, "covered_lines", "num_statements")
    branches = share(summaries, "covered_branches", "num_branches")
    return f"{name:<40} {lines:9.1f} {branches:9.1f}", branches


def main() -> int:
    """Print the table; return 1 where a part lies below the floor."""
    files = collect()
    out = sys.stdout
    out.write(f"{'percent reached by tests':<40} {'lines':>9} {'branches':>9}\n")
    status = 0
    for part in PARTS:
        line, branches = row(part, [files[path] for path in files if path.startswith(f"{part}/")])
        out.write(f"{line}\n")
        if branches < FLOOR:
            out.write(f"Tests reach less than {FLOOR:.0f} % of the branches of {part}.\n")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())

"""``make bench``: speed and start-up, then accuracy where the real scenes are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

#: What is measured, and the program that does it.
PROGRAMS = {
    "speed": "speed.py",
    "end_to_end": "end_to_end.py",
    "memory": "memory.py",
    "precision": "low_precision.py",
    "training": "training_step.py",
    "provider": "provider_load.py",
    "splits": "splits.py",
    "export": "large_export.py",
    "labels": "wrong_labels.py",
    "accuracy": "accuracy.py",
    "buffers": "buffers.py",
    "course": "course_recipe.py",
    "folds": "folds.py",
}
#: Those that take real scenes, and those that take so long that they run by name alone.
REAL, LONG = ("accuracy", "buffers", "course", "folds"), ("course", "folds")


def main() -> None:
    """Run the benchmarks named on the command line, or all that can run here.

    Words that begin with ``-`` are handed on, such as ``--repetitions=1``.
    """
    options = [word for word in sys.argv[1:] if word.startswith("-")]
    wanted = [word for word in sys.argv[1:] if word not in options] or [
        name for name in PROGRAMS if name not in LONG
    ]
    unknown = [name for name in wanted if name not in PROGRAMS]
    if unknown:
        sys.exit(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(PROGRAMS)}.")
    for name in wanted:
        if name in REAL and not os.environ.get("HSICNN_TEST_DATA"):
            sys.stdout.write(f"{name}: HSICNN_TEST_DATA names no folder of scenes, left out.\n")
            continue
        sys.stdout.write(f"== {name}\n")
        sys.stdout.flush()
        subprocess.run([sys.executable, str(HERE / PROGRAMS[name]), *options], check=True)


if __name__ == "__main__":
    main()

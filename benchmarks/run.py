"""``make bench``: speed, then accuracy where the real scenes are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Run the benchmarks named on the command line, or all that can run here."""
    wanted = sys.argv[1:] or ["speed", "accuracy"]
    for name in wanted:
        if name == "accuracy" and not os.environ.get("HSICNN_TEST_DATA"):
            sys.stdout.write("accuracy: HSICNN_TEST_DATA names no folder of scenes, left out.\n")
            continue
        subprocess.run([sys.executable, str(HERE / f"{name}.py")], check=True)


if __name__ == "__main__":
    main()

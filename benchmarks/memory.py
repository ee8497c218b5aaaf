"""Most resident memory above imports, by raster size: ``python benchmarks/memory.py`` (Linux).

The default network writes map, probabilities and confidence of 50 bands. One row in 16 of the
raster is valid; all of it is read, tiles without a valid pixel are not computed. ``--largest``
adds 8,000 x 8,000 pixels. Every run is a process of its own, in the environment of the worker.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(Path(__file__).resolve().parent)]
from conftest import mount_package  # noqa: E402

mount_package()

from end_to_end import run  # noqa: E402
from hsicnn.core.raster.source import RasterSource  # noqa: E402
from hsicnn.core.runtime.interpreter import worker_environment  # noqa: E402
from rasters import write_striped_raster  # noqa: E402
from speed_cases import MIB, make_case, plan_of  # noqa: E402

BANDS, CLASSES = 50, 16


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sides", type=int, nargs="*", default=[2000, 4000])
    parser.add_argument("--largest", action="store_true", help="also 8,000 x 8,000 pixels")
    parser.add_argument("--budgets", type=int, nargs="*", default=[256, 1024], help="MiB")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        measure(Path(given.one[0]), int(given.one[1]))
        return
    print("| raster | budget, MiB | most above imports, MiB | within |\n|---|---:|---:|---|")
    for side in [*given.sides, *([8000] if given.largest else [])]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "image.img"
            write_striped_raster(path, BANDS, side)
            for budget in given.budgets:
                command = [sys.executable, __file__, "--one", str(path), str(budget)]
                answer = subprocess.run(
                    command,
                    check=True,
                    capture_output=True,
                    text=True,
                    env=worker_environment(os.environ),
                )
                most = int(answer.stdout)
                print(
                    f"| {side:,} x {side:,} x {BANDS} | {budget} | {most} "
                    f"| {'yes' if most <= budget else 'NO'} |",
                    flush=True,
                )


def measure(path: Path, budget: int) -> None:
    """Classify a raster and print the most MiB it took above what imports took."""
    case = make_case("multiscale", BANDS, CLASSES, inputs=40, batches=())
    before = resident("VmRSS")
    with RasterSource(path) as source:
        plan = plan_of(
            case, source, threads=torch.get_num_threads(), memory_mb=budget, probabilities=True
        )
        run(case, source, plan, path.parent, everything=True)
    print((resident("VmHWM") - before) // MIB)


def resident(what: str) -> int:
    """Bytes of this process in memory: now (``VmRSS``) or at the most (``VmHWM``)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(what):
            return int(line.split()[1]) << 10
    raise ValueError(f"This system does not tell {what}.")


if __name__ == "__main__":
    main()

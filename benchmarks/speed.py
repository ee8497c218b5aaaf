"""Speed of classification, as ratios measured side by side: ``python benchmarks/speed.py``.

Every repetition runs the matrix product, each network's engine, and patch by patch at
several batch sizes one after the other, so that a busy machine slows all of them; the table
shows medians. ``--memory`` adds the resident memory of whole jobs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(Path(__file__).resolve().parent)]
from conftest import mount_package  # noqa: E402

mount_package()

from hsicnn.core.inference.inputs import Normaliser  # noqa: E402
from hsicnn.core.inference.patches import classify_patches  # noqa: E402
from hsicnn.core.raster.source import RasterSource  # noqa: E402
from hsicnn.core.raster.windows import Window  # noqa: E402
from speed_cases import (  # noqa: E402
    MIB,
    Case,
    dense_rate,
    make_case,
    matrix_rate,
    patch_rate,
    write_raster,
)

BANDS = 200
TARGET_SHARE, TARGET_GAIN = 0.40, 20.0


def all_cases() -> list[Case]:
    """The networks of the catalog, in the sizes that are published."""
    pavia = {"conv1": 16, "conv2": 32, "conv3": 64, "dense1": 480, "dense2": 240, "dense3": 120}
    return [
        make_case("indian_pines_3d", BANDS, 16, batches=(8, 16, 32, 64, 128)),
        make_case("etrainee_1d", 54, 7, batches=(512, 1024, 4096)),
        make_case("etrainee_1d", 102, 9, batches=(512, 1024, 4096), **pavia),
        make_case("multiscale", BANDS, 16, inputs=40, batches=(64, 256, 1024)),
    ]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--side", type=int, default=256, help="of the raster, in pixels")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as torch takes")
    parser.add_argument(
        "--memory", action="store_true", help="also measure resident memory (Linux)"
    )
    parser.add_argument("--memory-of", type=int, default=-1, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    with tempfile.TemporaryDirectory() as folder:
        if given.memory_of >= 0:
            measure_memory(all_cases()[given.memory_of], Path(folder))
            return
        measure_speed(Path(folder), given.repetitions, given.side)
    if given.memory:
        for number in range(len(all_cases())):
            command = [sys.executable, __file__, "--memory-of", str(number)]
            subprocess.run(command, check=True)


def measure_speed(folder: Path, repetitions: int, side: int) -> None:
    """Print rates, the share of the matrix rate, and the gain over patch by patch."""
    cases = all_cases()
    matrix: list[float] = []
    dense: dict[int, list[float]] = defaultdict(list)
    shares: dict[int, list[float]] = defaultdict(list)
    patch: dict[tuple[int, int], list[float]] = defaultdict(list)
    for case in cases:
        if not (folder / f"{case.bands}.tif").exists():
            write_raster(folder / f"{case.bands}.tif", case.bands, side, side)
    for _ in range(repetitions):
        for number, case in enumerate(cases):
            path = folder / f"{case.bands}.tif"
            before = matrix_rate()
            dense[number].append(dense_rate(case, path, folder / "map.tif"))
            rate = (before + matrix_rate()) / 2
            matrix.append(rate)
            shares[number].append(dense[number][-1] * case.flops / rate)
            for batch in case.batches:
                pixels = 256 if case.radius == 4 and case.bands == BANDS else 4096
                patch[number, batch].append(patch_rate(case, path, batch, pixels))
    print(
        f"torch {torch.__version__}, {torch.get_num_threads()} threads; matrix product "
        f"{statistics.median(matrix) / 1e9:.0f} GFLOP/s; raster of {side} x {side} pixels, "
        f"medians of {repetitions} runs\n"
    )
    print("| network | MFLOP a pixel | dense, px/s | of matrix rate | by patches, px/s | gain |")
    print("|---|---:|---:|---:|---:|---:|")
    for number, case in enumerate(cases):
        fast = statistics.median(dense[number])
        best, batch = max((statistics.median(patch[number, size]), size) for size in case.batches)
        share = statistics.median(shares[number])
        print(
            f"| {case.title} | {case.flops / 1e6:.2f} | {fast:,.0f} | {share:.0%} "
            f"| {best:,.0f} (batch {batch}) | {fast / best:.1f} x |"
        )
    print()
    print(agreement(cases[0], folder / f"{BANDS}.tif"))
    fast = statistics.median(dense[0])
    gain = fast / max(statistics.median(patch[0, size]) for size in cases[0].batches)
    reached = gain >= TARGET_GAIN and statistics.median(shares[0]) >= TARGET_SHARE
    print(
        f"Targets for the 9 x 9 network: {TARGET_GAIN:.0f} x and {TARGET_SHARE:.0%} of the "
        f"matrix rate: {'reached' if reached else 'NOT reached'}."
    )


def agreement(case: Case, path: Path) -> str:
    """Compare a block with its patches."""
    area = Window(30, 40, 12, 20)
    normaliser = Normaliser(case.normalisation)
    with RasterSource(path) as source:
        positions = list(range(case.bands))
        alone = classify_patches(case.network, source, positions, normaliser, area=area)
        margin = case.radius
        place = Window(30 - margin, 40 - margin, 12 + 2 * margin, 20 + 2 * margin)
        inputs = normaliser.apply(source.read(place, positions))
    with torch.inference_mode():
        block = case.network(inputs[None]).softmax(1)[0].numpy()
    same = "equal" if np.array_equal(block.argmax(0), alone.argmax(0)) else "DIFFERENT"
    return (
        f"Block against patches ({case.title}): labels {same}, probabilities within "
        f"{np.abs(block - alone).max():.1e}."
    )


def measure_memory(case: Case, folder: Path) -> None:
    """Print the most resident memory of a run above what the process held before it."""
    path = folder / "image.tif"
    write_raster(path, case.bands, 512, 512)
    before = most = resident()
    done = threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.wait(0.02):
            most = max(most, resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    dense_rate(case, path, folder / "map.tif")
    done.set()
    watcher.join()
    print(f"{case.title}: {(most - before) / MIB:.0f} MiB of a budget of 1024 MiB")


def resident() -> int:
    """Bytes of this process in memory now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()

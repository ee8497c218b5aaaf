"""What splits give away, and how long they take: ``python benchmarks/splits.py --help``.

The first table needs a label map (``--labels``, or Indian Pines where HSICNN_TEST_DATA is set); the
second is of a simulated map of square fields, every pixel labelled. Each line of it is a process of
its own, from the file to rasters and report.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(Path(__file__).resolve().parent)]
from conftest import mount_package  # noqa: E402

mount_package()

from hsicnn.core.data.classes import make_classes  # noqa: E402
from hsicnn.core.raster.grid import Grid  # noqa: E402
from hsicnn.core.raster.windows import tiles  # noqa: E402
from hsicnn.core.raster.writer import RasterWriter  # noqa: E402
from hsicnn.core.splitting.split_reference import split_reference  # noqa: E402

#: Splits by what they are called in the tables.
SPLITS: dict[str, dict[str, Any]] = {
    "random, 10 % for training": {
        "split": "random", "train_fraction": 0.1, "validation_fraction": 0.0,
    },
    "random, 60 % for training": {"split": "random"},
    "random, 200 a class, classes of 100 and more": {
        "split": "random", "count_per_class": 200, "min_per_class": 100,
    },
    "blocks of the chosen size, buffer 0": {"buffer": 0},
    "blocks of 16 pixels, buffer 4": {"block_size": 16},
    "blocks of the chosen size, buffer 4": {},
    "blocks of the chosen size, buffer 8": {"buffer": 8},
    "5 folds of blocks of the chosen size, buffer 4": {"split": "folds"},
    "polygons (patches), buffer 4": {"split": "polygons"},
}  # fmt: skip
CLASSES, FIELD = 8, 50  # of the simulated map: classes, and pixels along a field's side


def leaks(labels: str, seeds: int, names: list[str]) -> None:
    """Print how much each split gives away."""
    print("| split | blocks | location alone, mean (range) | in a 9 x 9 training patch |")
    print("|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        output = str(Path(folder) / "split.tif")
        for name in names:
            found = [
                split_reference(reference=labels, output=output, seed=seed, **SPLITS[name])
                for seed in range(seeds)
            ]
            scores = [100 * item.location_only for item in found]
            inside = 100 * float(np.mean([item.inside for item in found]))
            sizes = "-".join(sorted({str(item.blocks or "") for item in found}))
            print(
                f"| {name} | {sizes} | {np.mean(scores):.1f} % ({min(scores):.1f}-"
                f"{max(scores):.1f}) | {inside:.1f} % |",
                flush=True,
            )


def write_fields(path: Path, side: int) -> None:
    """Write a map of square fields, every pixel labelled."""
    count = -(-side // FIELD)
    fields = np.random.default_rng(0).integers(1, CLASSES + 1, (count, count))
    classes = make_classes(range(1, CLASSES + 1), [""] * CLASSES, [])
    grid = Grid("", (0.0, 1.0, 0.0, 0.0, 0.0, -1.0), side, side)
    with RasterWriter(path, grid, 1, "uint8", nodata=0, categories=classes) as writer:
        for window in tiles(side, side, *writer.block_shape):
            rows = np.arange(window.row, window.row + window.height) // FIELD
            cols = np.arange(window.col, window.col + window.width) // FIELD
            writer.write(window, fields[np.ix_(rows, cols)].astype(np.uint8))
        writer.commit()


def times(side: int, names: list[str]) -> None:
    """Print how long each split takes, and how much memory."""
    print(f"\n| {side:,} x {side:,} pixels, all labelled | seconds of the processor | memory, MB |")
    print("|---|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fields.tif"
        write_fields(path, side)
        for name in names:
            command = [sys.executable, __file__, "--one", name, "--labels", str(path)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found = json.loads(done.stdout.splitlines()[-1])
            print(f"| {name} | {found['seconds']:.1f} | {found['memory']:,.0f} |", flush=True)


def one(name: str, labels: str) -> None:
    """Run a split with all that it can write but classes; print what it took."""
    with tempfile.TemporaryDirectory() as folder:
        paths = {"output": "split.tif", "report": "page.html", "json": "figures.json"}
        outputs = {key: str(Path(folder) / file) for key, file in paths.items()}
        began = time.process_time()
        split_reference(reference=labels, **outputs, **SPLITS[name])
        seconds = time.process_time() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "memory": memory}))


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", default="", help="label raster of the first table")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--side", type=int, default=4000, help="of the simulated map, pixels")
    parser.add_argument("--only", default="", help="splits whose name has this")
    parser.add_argument("--one", default="", help=argparse.SUPPRESS)
    # Of a split nothing is repeated but the seeds; ``run.py`` hands this on to all programs.
    parser.add_argument("--repetitions", type=int, default=1, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one(given.one, given.labels)
        return
    data = os.environ.get("HSICNN_TEST_DATA", "")
    labels = given.labels
    if not labels and data:
        labels = str(Path(data) / "indian_pines" / "indian_pines_gt_georef.tif")
    names = [name for name in SPLITS if given.only in name]
    if labels:
        leaks(labels, given.seeds, names)
    times(given.side, names)


if __name__ == "__main__":
    main()

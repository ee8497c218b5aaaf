"""Speed of every network, as ratios measured side by side: ``python benchmarks/speed.py``.

Every repetition runs the matrix product, the network over the tiles that a large raster is
computed in, the matrix product again, and patch by patch at several batch sizes; the table
shows medians. Normalised values are in memory. Files are another program's: end_to_end.py.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(Path(__file__).resolve().parent)]
from conftest import mount_package  # noqa: E402

mount_package()

from hsicnn.core.inference.patches import gather  # noqa: E402
from hsicnn.core.inference.plan import Plan  # noqa: E402
from hsicnn.core.raster.windows import Window  # noqa: E402
from speed_cases import Case, all_cases, compute_rate, large_plan, matrix_rate, timed  # noqa: E402


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each dense run")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--only", default="", help="networks whose title holds this")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    print(f"torch {torch.__version__}, {given.threads} threads; medians of {given.repetitions}\n")
    print(
        "| network | MFLOP a pixel | dense, px/s | matrix rate, GFLOP/s | share of it "
        "| by patches, px/s | gain | one call a pixel, px/s | gain |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for case in all_cases():
        if given.only in case.title:
            print(row(case, large_plan(case, given.threads), given), flush=True)


def row(case: Case, plan: Plan, given: argparse.Namespace) -> str:
    """Measure a network; returns its line of the table."""
    dense, matrix, shares, single = [], [], [], []
    patch: dict[int, list[float]] = defaultdict(list)
    for _ in range(given.repetitions):
        before = matrix_rate()
        dense.append(compute_rate(case, plan, given.seconds))
        matrix.append((before + matrix_rate()) / 2)
        shares.append(dense[-1] * case.flops / matrix[-1])
        for batch in case.batches:
            patch[batch].append(patch_rate(case, batch, given.seconds / 4))
        if case.batches:
            single.append(patch_rate(case, 1, given.seconds / 4))
    fast = statistics.median(dense)
    cells = [
        case.title,
        f"{case.flops / 1e6:.2f}",
        f"{fast:,.0f}",
        f"{statistics.median(matrix) / 1e9:.0f}",
        f"{statistics.median(shares):.0%}",
        *(_gains(fast, patch, single) if case.batches else ["", "", "", ""]),
    ]
    return f"| {' | '.join(cells)} |"


def _gains(fast: float, patch: Mapping[int, Sequence[float]], single: Sequence[float]) -> list[str]:
    """Return the cells of patch by patch; tiles of an encoder-decoder have no such thing."""
    alone = statistics.median(single)
    best, batch = max((statistics.median(rates), size) for size, rates in patch.items())
    at_best = [f"{best:,.0f} (batch {batch})", f"{fast / best:.1f} x"]
    return [*at_best, f"{alone:,.0f}", f"{fast / alone:,.0f} x"]


def patch_rate(case: Case, batch: int, seconds: float) -> float:
    """Return pixels a second patch by patch: gathering and computing, values in memory."""
    area = Window(0, 0, -(-batch // 32), 32) if batch > 32 else Window(0, 0, 1, batch)
    side = 2 * case.radius
    pixels = (area.height + side) * (area.width + side)
    store = torch.randn(pixels, case.inputs)

    def run() -> None:
        for patches in gather(store, area, case.radius, batch):
            case.network(patches).softmax(1).argmax(1)

    with torch.inference_mode():
        run()
        spent, done = 0.0, 0
        while spent < seconds:
            spent += timed(run)
            done += area.size
    return float(np.divide(done, spent))


if __name__ == "__main__":
    main()

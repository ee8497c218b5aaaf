"""What blocks and buffers leave of a scene to train on: ``python benchmarks/buffers.py --help``.

Wide networks need a wide buffer, or their training patches hold tested pixels; a wide buffer
needs large blocks, or nothing is left. The table shows what the accuracy benchmark chose from.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(Path(__file__).resolve().parent)]
from conftest import mount_package  # noqa: E402

mount_package()

import numpy as np  # noqa: E402
from hsicnn.core.data.leakage import location_only  # noqa: E402
from protocol import FOLDS, Protocol, leftover  # noqa: E402
from scenes import SCENES, Scene, load_scene  # noqa: E402


def location(scene: Scene, protocol: Protocol, seeds: list[int]) -> float:
    """Return what location alone gets right; a fold without training pixels is all wrong."""
    pixels, right = scene.pixels, 0
    for seed in seeds:
        for fold in range(protocol.folds):
            learnt, tested = (pixels.take(part) for part in protocol.divide(scene, seed, fold))
            if len(learnt.told):
                found = location_only(
                    learnt.rows, learnt.cols, learnt.told, tested.rows, tested.cols
                )
                right += int(np.sum(found == tested.told))
    return right / (len(pixels.told) * len(seeds))


def cell(scene: Scene, protocol: Protocol, seeds: list[int]) -> str:
    """Return a cell of the table."""
    left = leftover(scene, protocol, seeds)
    return f"{left.pixels:.0%} / {left.attainable:.1%} / {location(scene, protocol, seeds):.2f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("HSICNN_TEST_DATA"))
    parser.add_argument("--scenes", nargs="+", default=list(SCENES), choices=list(SCENES))
    parser.add_argument("--blocks", type=int, nargs="+", default=[16, 24, 32, 48, 64])
    parser.add_argument("--buffers", type=int, nargs="+", default=[4, 12, 24])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--cache", type=Path, default=ROOT / "build" / "accuracy")
    given = parser.parse_args()
    if given.data is None:
        parser.error("name the folder of real scenes: --data, or HSICNN_TEST_DATA")
    scenes = [load_scene(name, Path(given.data), given.cache / "scenes") for name in given.scenes]
    print("Training pixels left / pixels whose class can be learnt / location only, OA\n")
    print(f"| block | buffer | {' | '.join(given.scenes)} |\n|---|---|{'---|' * len(scenes)}")
    for block in given.blocks:
        for buffer in given.buffers:
            protocol = Protocol(FOLDS, block, buffer)
            cells = [cell(scene, protocol, given.seeds) for scene in scenes]
            print(f"| {block} | {buffer} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()

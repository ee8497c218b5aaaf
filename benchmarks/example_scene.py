"""How hard the example scene is: tuned SVM, location alone, and the default network.

    python benchmarks/example_scene.py [--network] [--seeds 1 2 3]

Every figure is of the test pixels of the plugin's own default export: spatial blocks of 16
pixels, 60/20/20, a buffer of 4.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(Path(__file__).resolve().parent)]
from conftest import mount_package  # noqa: E402

mount_package()

from hsicnn.core.accuracy.confusion import confusion_matrix, figures  # noqa: E402
from hsicnn.core.data.chips import read_chip_set  # noqa: E402
from hsicnn.core.data.export import export_training_chips  # noqa: E402
from hsicnn.core.data.leakage import location_only  # noqa: E402
from hsicnn.core.data.pixel_loading import load_pixels  # noqa: E402
from hsicnn.core.data.pixel_store import PixelStore  # noqa: E402
from hsicnn.core.data.separation import TEST, TRAIN  # noqa: E402
from hsicnn.core.progress import SilentProgress  # noqa: E402
from hsicnn.core.simulation.scene import create_example_scene  # noqa: E402
from tuned_svm import tuned_svm  # noqa: E402
from tuning import Pixels  # noqa: E402

BUDGET = 1 << 30


def pixels_of(store: PixelStore, split: int) -> Pixels:
    """Return spectra, classes and places of the pixels of a split."""
    which = store.split == split
    return Pixels(
        store.physical(store.index[which]).astype(np.float64),
        store.label[which].astype(np.int64),
        store.row[which].astype(np.int64),
        store.col[which].astype(np.int64),
    )


def line(name: str, told: np.ndarray, found: np.ndarray, began: float) -> str:
    """Return a row of the table."""
    classes = int(max(told.max(), found.max()))
    result = figures(confusion_matrix(told, found, classes))
    seconds = time.monotonic() - began
    return f"  {name:14s} OA {result.overall:.3f}  AA {result.average:.3f}  {seconds:6.1f} s"


def measure(folder: Path, seed: int, with_network: bool) -> None:
    """Make one scene and print its table."""
    began = time.monotonic()
    image, reference = str(folder / "scene.tif"), str(folder / "reference.tif")
    create_example_scene(output=image, reference=reference, seed=seed)
    made = time.monotonic() - began
    chips = str(folder / "chips")
    export_training_chips(image=image, reference=reference, output=chips)
    info = read_chip_set(chips)
    store = load_pixels(info, memory_bytes=BUDGET, progress=SilentProgress())
    training, test = pixels_of(store, TRAIN), pixels_of(store, TEST)
    print(f"seed {seed}: {len(training.told)} training, {len(test.told)} test pixels", end=", ")
    print(f"scene made in {made:.1f} s", flush=True)
    began = time.monotonic()
    nearest = location_only(training.rows, training.cols, training.told, test.rows, test.cols)
    print(line("location only", test.told, nearest, began), flush=True)
    began = time.monotonic()
    chosen = tuned_svm(training, block_size=info.block_size, buffer=info.buffer, seed=info.seed)
    found = chosen["overall"](test.spectra)
    print(line("tuned SVM", test.told, found, began), flush=True)
    if with_network:
        from hsicnn.core.training.train import train_classifier

        began = time.monotonic()
        result = train_classifier(chips=chips, output=str(folder / "model.safetensors"))
        scores = result.metrics["test"]
        overall, average = scores["overall_accuracy"], scores["average_accuracy"]
        seconds = time.monotonic() - began
        print(f"  {'default network':14s} OA {overall:.3f}  AA {average:.3f}  {seconds:6.1f} s")


def main() -> None:
    """Print a table a seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", action="store_true", help="train the default network too")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    options = parser.parse_args()
    for seed in options.seeds:
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), seed, options.network)


if __name__ == "__main__":
    main()

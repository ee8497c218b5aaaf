"""How many wrong labels 'Check training data' finds, and how many right ones it suspects.

    python benchmarks/wrong_labels.py [IMAGE REFERENCE] [--size 288] [--shares 0 0.02 0.05 0.1]
                                      [--seeds 1 2 3]

Some labels of a raster get another class, drawn at random; the share of these that is found with
the others' word for it, and the share of the right ones that is suspected, of those compared.
Without IMAGE and REFERENCE it is the example scene, whose classes are not easily told apart: each
seed another one, else another draw.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from osgeo import gdal

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests")]
from conftest import mount_package  # noqa: E402

mount_package()

from hsicnn.core.checking.check import check_training_data  # noqa: E402
from hsicnn.core.checking.suspects import CONTRARY  # noqa: E402
from hsicnn.core.raster.gdal_session import gdal_session  # noqa: E402
from hsicnn.core.simulation.scene import create_example_scene  # noqa: E402

ALL = 1_000_000  # pixels of a class: every labelled pixel is compared, as far as memory allows


def swap(source: str, target: str, share: float, seed: int) -> np.ndarray:
    """Write labels of which some have another class; return ``(rows, cols)`` which."""
    with gdal_session():
        before = gdal.Open(source)
        shape = before.RasterYSize, before.RasterXSize
        labels = np.frombuffer(before.ReadRaster(buf_type=gdal.GDT_Byte), np.uint8).copy()
        codes = np.unique(labels[labels > 0])
        generator = np.random.default_rng(seed)
        here = np.flatnonzero(labels)
        chosen = generator.permutation(here)[: round(share * len(here))]
        place = np.searchsorted(codes, labels[chosen])
        steps = generator.integers(1, len(codes), len(chosen))
        labels[chosen] = codes[(place + steps) % len(codes)]
        after = gdal.GetDriverByName("GTiff").CreateCopy(target, before)
        after.WriteRaster(0, 0, shape[1], shape[0], labels.tobytes(), buf_type=gdal.GDT_Byte)
        after.FlushCache()
    changed = np.zeros(labels.size, bool)
    changed[chosen] = True
    return changed.reshape(shape)


def measure(image: str, reference: str, share: float, seed: int, folder: Path) -> str:
    """Return a row of the table."""
    labels, layer = str(folder / "swapped.tif"), str(folder / "suspects.gpkg")
    changed = swap(reference, labels, share, seed)
    began = time.monotonic()
    given = {"image": image, "reference": labels, "suspects": layer, "samples": ALL}
    check_training_data(**given, report=str(folder / "report.html"))
    seconds = time.monotonic() - began
    with gdal_session():
        dataset = gdal.OpenEx(layer, gdal.OF_VECTOR)
        told = [item.items() for item in dataset.GetLayer(0)]
    named = [f for f in told if CONTRARY in (f["finding"], *(f["also"] or "").split(", "))]
    right = [f for f in named if changed[f["row"], f["col"]]]
    found = f"{len(right) / changed.sum():.1%}" if changed.any() else "-"
    with gdal_session():
        total = np.count_nonzero(np.frombuffer(gdal.Open(labels).ReadRaster(), np.uint8))
    false = (len(named) - len(right)) / (total - changed.sum())
    # Of what is suspected for any reason, how much is wrong?
    hits = sum(changed[f["row"], f["col"]] for f in told) / max(len(told), 1)
    return (
        f"| {share:.0%} | {seed} | {found} | {false:.2%} | {len(told):,} | {hits:.0%} | "
        f"{seconds:.1f} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("files", nargs="*", help="IMAGE and REFERENCE")
    parser.add_argument("--size", type=int, default=288)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.0, 0.02, 0.05, 0.1])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    options = parser.parse_args()
    print("| swapped | seed | found | right ones suspected | suspects | of them swapped | s |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for seed in options.seeds:
            image, reference = options.files or (str(folder / "i.tif"), str(folder / "r.tif"))
            if not options.files:
                size = {"size": options.size, "seed": seed}
                create_example_scene(output=image, reference=reference, **size)
            for share in options.shares:
                print(measure(image, reference, share, seed, folder), flush=True)


if __name__ == "__main__":
    main()

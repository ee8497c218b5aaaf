"""How many wrong labels 'Check training data' finds, and how many right ones it suspects.

    python benchmarks/wrong_labels.py [IMAGE REFERENCE] [--size 288] [--shares 0 0.02 0.05 0.1]
                                      [--kinds random pair patches] [--seeds 1 2 3]

Some labels of a raster get another class: single pixels, each another one drawn at random; single
pixels of one class, all the same other one; or whole patches of touching pixels, each another one
drawn at random. The share of these that is found with the others' word for it, and the share of
the right ones that is suspected, of those compared.
Without IMAGE and REFERENCE it is the example scene, whose classes are not easily told apart: each
seed another one, else another draw.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from itertools import product
from pathlib import Path

import numpy as np
from osgeo import gdal
from scipy import ndimage

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests")]
from conftest import mount_package  # noqa: E402

mount_package()

from hsicnn.core.checking.check import check_training_data  # noqa: E402
from hsicnn.core.checking.suspects import CONTRARY  # noqa: E402
from hsicnn.core.raster.gdal_session import gdal_session  # noqa: E402
from hsicnn.core.simulation.scene import create_example_scene  # noqa: E402

KINDS = ["random", "pair", "patches"]
ALL = 1_000_000  # pixels of a class: every labelled pixel is compared, as far as memory allows


def swap(source: str, target: str, kind: str, share: float, seed: int) -> np.ndarray:
    """Write labels of which some have another class; return ``(rows, cols)`` which."""
    with gdal_session():
        before = gdal.Open(source)
        shape = before.RasterYSize, before.RasterXSize
        right = np.frombuffer(before.ReadRaster(buf_type=gdal.GDT_Byte), np.uint8).reshape(shape)
        labels = spoilt(right, kind, share, np.random.default_rng(seed))
        after = gdal.GetDriverByName("GTiff").CreateCopy(target, before)
        values = labels.tobytes()
        after.WriteRaster(0, 0, shape[1], shape[0], values, buf_type=gdal.GDT_Byte)
        after.FlushCache()
    return labels != right


def spoilt(
    right: np.ndarray, kind: str, share: float, generator: np.random.Generator
) -> np.ndarray:
    """Return labels of which a share has another class; of a pair, that share of one class."""
    labels = right.copy()
    codes = np.unique(right[right > 0])
    if kind == "pair":
        first, second = generator.permutation(codes)[:2]
        here = np.flatnonzero(right == first)
        labels.ravel()[generator.permutation(here)[: round(share * len(here))]] = second
        return labels
    units = np.zeros(right.shape, np.int64)
    if kind == "patches":
        for code in codes:
            own, _ = ndimage.label(right == code, np.ones((3, 3)))
            units[own > 0] = own[own > 0] + units.max()
    else:
        units[right > 0] = np.arange(1, np.count_nonzero(right) + 1)
    sizes = np.bincount(units.ravel())
    order = generator.permutation(np.arange(1, len(sizes)))
    # As many as fit: a patch that would be too much is passed over.
    chosen, room = [], round(share * sizes[1:].sum())
    for unit in order:
        if sizes[unit] <= room:
            chosen.append(unit)
            room -= sizes[unit]
    steps = np.zeros(len(sizes), np.int64)
    steps[chosen] = generator.integers(1, len(codes), len(chosen))
    here = right > 0
    place = np.searchsorted(codes, right[here])
    labels[here] = codes[(place + steps[units[here]]) % len(codes)]
    return labels


def measure(files: tuple[str, str], folder: Path, *, kind: str, share: float, seed: int) -> str:
    """Return a row of the table."""
    image, reference = files
    labels, layer = str(folder / "swapped.tif"), str(folder / "suspects.gpkg")
    changed = swap(reference, labels, kind, share, seed)
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
        f"| {kind} | {share:.0%} | {changed.sum():,} | {seed} | {found} | "
        f"{false:.2%} | {len(told):,} | {hits:.0%} | {seconds:.1f} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("files", nargs="*", help="IMAGE and REFERENCE")
    parser.add_argument("--size", type=int, default=288)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.0, 0.02, 0.05, 0.1])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    options = parser.parse_args()
    print("| kind | share | swapped | seed | found | right ones suspected | suspects | ", end="")
    print("of them swapped | s |")
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for seed in options.seeds:
            image, reference = options.files or (str(folder / "i.tif"), str(folder / "r.tif"))
            if not options.files:
                size = {"size": options.size, "seed": seed}
                create_example_scene(output=image, reference=reference, **size)
            for kind, share in product(options.kinds, options.shares):
                if share or kind == options.kinds[0]:  # nothing swapped is the same of any kind
                    row = measure((image, reference), folder, kind=kind, share=share, seed=seed)
                    print(row, flush=True)


if __name__ == "__main__":
    main()

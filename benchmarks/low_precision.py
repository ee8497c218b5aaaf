"""Whether bfloat16 would make classification faster, and whether labels stay the same.

    python benchmarks/low_precision.py [--epochs 5] [--repetitions 5]

Each network is trained on the example scene with its own recipe (fewer epochs), then computes the
normalised scene in tiles: in float32, as classification does, with autocast, and with weights
and inputs of bfloat16. Labels are compared pixel by pixel with those of float32.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(Path(__file__).resolve().parent)]
from conftest import mount_package  # noqa: E402

mount_package()

from hsicnn.core.inference.inputs import Normaliser  # noqa: E402
from hsicnn.core.inference.reading import BlockReader  # noqa: E402
from hsicnn.core.modelfile.bundle import load_bundle  # noqa: E402
from hsicnn.core.modelfile.network import network_of  # noqa: E402
from hsicnn.core.raster.source import RasterSource  # noqa: E402
from hsicnn.core.raster.windows import Window, tiles  # noqa: E402
from hsicnn.core.training.train import train_classifier  # noqa: E402
from hsicnn.models.catalog import NETWORKS  # noqa: E402
from speed_cases import timed  # noqa: E402
from training_cases import make_chips  # noqa: E402

SIZE, BANDS = 288, 200
TILE = 64


def inputs_of(image: Path, model: Path) -> tuple[nn.Module, Tensor, npt.NDArray[np.bool_]]:
    """Return a model's network, the whole image as its inputs, and which pixels are valid."""
    bundle = load_bundle(str(model))
    network = network_of(bundle).eval()
    with RasterSource(str(image)) as source:
        area = Window(0, 0, source.grid.height, source.grid.width)
        reader = BlockReader(
            source,
            list(range(len(bundle.bands))),
            Normaliser(bundle.normalisation),
            radius=int(network.radius),  # type: ignore[arg-type]
            area=area,
            keep=False,
        )
        inputs, valid = reader.read(area)
    return network, inputs, valid


def labels_of(network: nn.Module, inputs: Tensor) -> npt.NDArray[np.int64]:
    """Return the classes of the image, computed tile by tile."""
    margin = 2 * int(network.radius)  # type: ignore[arg-type]
    height, width = inputs.shape[1] - margin, inputs.shape[2] - margin
    found = np.empty((height, width), np.int64)
    for tile in tiles(height, width, TILE, TILE):
        part = inputs[
            None,
            :,
            tile.row : tile.row + tile.height + margin,
            tile.col : tile.col + tile.width + margin,
        ]
        found[tile.rows, tile.cols] = network(part)[0].argmax(0).numpy()
    return found


def compare(network: nn.Module, inputs: Tensor, valid: npt.NDArray[np.bool_], times: int) -> str:
    """Return the columns of a network's row."""
    low, low_inputs = copy.deepcopy(network).bfloat16(), inputs.bfloat16()
    nothing: Callable[[], AbstractContextManager[object]] = contextlib.nullcontext
    ways = {
        "float32": (nothing, lambda: labels_of(network, inputs)),
        "autocast": (
            lambda: torch.autocast("cpu", torch.bfloat16),
            lambda: labels_of(network, inputs),
        ),
        "weights": (nothing, lambda: labels_of(low, low_inputs)),
    }
    labels, seconds = {}, {}
    with torch.inference_mode():
        for name, (context, work) in ways.items():
            with context():
                try:
                    labels[name] = work()
                    seconds[name] = [timed(work)]
                except RuntimeError as error:
                    print(f"{name}: {error}", file=sys.stderr)
        for _ in range(times - 1):
            for name, found in seconds.items():
                context, work = ways[name]
                with context():
                    found.append(timed(work))
    base, columns = median(seconds["float32"]), []
    for name in ("autocast", "weights"):
        if name not in labels:
            columns += ["does not run", ""]
            continue
        other = int((labels[name] != labels["float32"])[valid].sum())
        columns += [
            f"{base / median(seconds[name]):.2f} x",
            f"{other:,} ({other / valid.sum():.2%})",
        ]
    return " | ".join(columns)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--repetitions", type=int, default=5)
    options = parser.parse_args()
    capability, threads = torch.backends.cpu.get_cpu_capability(), torch.get_num_threads()
    print(f"torch {torch.__version__}, {capability}, {threads} threads, tiles of {TILE} x {TILE}\n")
    print("| network | autocast: gain | other labels | bfloat16 weights: gain | other labels |")
    print("|---|---:|---:|---:|---:|", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_chips(folder, SIZE, BANDS)
        for architecture in NETWORKS:
            model = folder / f"{architecture}.safetensors"
            settings = {"architecture": architecture, "epochs": options.epochs}
            train_classifier(chips=str(folder / "chips"), output=str(model), settings=settings)
            found = inputs_of(folder / "scene.tif", model)
            print(f"| {architecture} | {compare(*found, options.repetitions)} |", flush=True)


if __name__ == "__main__":
    main()

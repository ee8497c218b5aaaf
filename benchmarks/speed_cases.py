"""The networks that speed and memory are measured on, and how one of them is run."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np
import torch
from hsicnn.core.data.normalisation import Normalisation
from hsicnn.core.inference.plan import Plan, make_plan
from hsicnn.core.inference.zones import even
from hsicnn.core.raster.source import RasterSource
from hsicnn.core.raster.windows import Window, tiles
from hsicnn.models.build import build
from hsicnn.models.catalog import NETWORKS
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

MIB = 1 << 20
MATRIX = 2048  # side of the matrices whose product sets the machine's rate


@dataclass(frozen=True, eq=False)
class Case:
    """A network on a raster.

    Attributes:
        architecture: the network's name in the catalog.
        title: what the table says.
        network: in evaluation mode, with random weights.
        bands: of the raster.
        normalisation: from bands to the network's inputs.
        classes: outputs.
        flops: of the dense pass, a pixel: 2 x multiply-adds, margins of blocks left out.
        batches: patches at once that patch by patch tries.
    """

    architecture: str
    title: str
    network: nn.Module
    bands: int
    normalisation: Normalisation
    classes: int
    flops: float = 0.0
    batches: Sequence[int] = ()

    @property
    def inputs(self) -> int:
        """Channels of every pixel that the network takes."""
        return self.normalisation.outputs

    @property
    def radius(self) -> int:
        """Pixels around each pixel that the network looks at."""
        return int(self.network.radius)  # type: ignore[arg-type]


BANDS, CLASSES = 200, 16
BATCHES: Mapping[str, Sequence[int]] = {
    "1D": (512, 1024, 4096),
    "2D": (16, 64, 256, 1024),
    "3D": (8, 16, 32, 64, 128),
}
PAVIA = {"conv1": 16, "conv2": 32, "conv3": 64, "dense1": 480, "dense2": 240, "dense3": 120}
#: Sizes of the courses' own scenes: network, bands, classes, options.
OTHERS: Sequence[tuple[str, int, int, Mapping[str, Any]]] = (
    ("etrainee_1d", 54, 7, {}),
    ("etrainee_1d", 102, 9, PAVIA),
)


def all_cases(names: Collection[str] = ()) -> list[Case]:
    """Every network of the catalog on 200 bands, as it was published and as its recipe uses it.

    Args:
        names: only these networks; none: all of them.
    """
    cases = []
    for name, entry in NETWORKS.items():
        if names and name not in names:
            continue
        batches = BATCHES[entry.dims] if entry.kind == "pixel" else ()
        for recipe in filter(None, (entry.published, entry.recipe or {"normalisation": "band"})):
            inputs = _components(recipe)
            if all((case.architecture, case.inputs) != (name, inputs or BANDS) for case in cases):
                side = {"patch_size": recipe["patch_size"]} if "patch_size" in recipe else {}
                options = {**recipe.get("options", {}), **side}
                case = make_case(name, BANDS, CLASSES, inputs=inputs, batches=batches, **options)
                cases.append(case)
        for other, bands, classes, options in OTHERS:
            if other == name:
                cases.append(make_case(name, bands, classes, batches=batches, **options))
    return cases


def _components(recipe: Mapping[str, Any]) -> int:
    """Return how many components a recipe makes of the bands; 0 where it takes bands."""
    return int(recipe.get("components", 0)) if recipe.get("normalisation") == "pca" else 0


def make_case(
    name: str, bands: int, classes: int, *, inputs: int = 0, batches: Sequence[int], **options: Any
) -> Case:
    """Build a case; with ``inputs`` a matrix makes as many components of the bands."""
    torch.manual_seed(1)
    network = build(name, inputs or bands, classes, options).eval()
    if NETWORKS[name].kind == "tile":
        from hsicnn.models.seamless import seamless

        network = seamless(network)
    mean, rng = np.full(bands, 0.3, np.float32), np.random.default_rng(1)
    transform = np.full(bands, 10.0, np.float32)
    if inputs:
        transform = rng.normal(0, 1, (bands, inputs)).astype(np.float32)
    normalisation = Normalisation("pca" if inputs else "band", mean, transform)
    side = 2 * int(network.radius) + 1  # type: ignore[arg-type]
    of_bands = f" to {inputs} components" if inputs else ""
    title = f"{name}, {side} x {side}, {bands} bands{of_bands}"
    flops = pixel_flops(network, inputs or bands)
    return Case(name, title, network, bands, normalisation, classes, flops, batches)


def pixel_flops(network: nn.Module, inputs: int) -> float:
    """Return 2 x the multiply-adds of a large block's dense pass, a pixel."""
    radius = int(network.radius)  # type: ignore[arg-type]
    length = given_length(network, 32 if radius == 0 else 1024)
    shape = (1, inputs, length, length)
    shadow = copy.deepcopy(network).to("meta")
    with FlopCounterMode(display=False) as counter:  # of the plain definition, as it is learnt
        shadow(torch.empty(shape, device="meta"))
    return float(counter.get_total_flops()) / (length - 2 * radius) ** 2


def given_length(network: nn.Module, length: int) -> int:
    """Return how many rows a network has to be given for so many rows of its output, or more."""
    multiple = int(getattr(network, "multiple", 1))
    rows = length + 2 * int(network.radius)  # type: ignore[arg-type]
    return -(-rows // multiple) * multiple


def matrix_rate() -> float:
    """Return the machine's rate of float32 matrix products now, in FLOP/s."""
    left, right = torch.randn(MATRIX, MATRIX), torch.randn(MATRIX, MATRIX)
    torch.mm(left, right)
    seconds = [timed(lambda: torch.mm(left, right)) for _ in range(3)]
    return 2 * MATRIX**3 / sorted(seconds)[1]


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def plan_of(
    case: Case,
    source: RasterSource,
    *,
    threads: int,
    memory_mb: int = 1024,
    probabilities: bool = False,
) -> Plan:
    """Divide a raster as the job would."""
    return make_plan(
        case.network,
        source,
        Window(0, 0, source.grid.height, source.grid.width),
        bands=case.bands,
        inputs=case.inputs,
        outputs=case.classes,
        memory_bytes=memory_mb * MIB,
        threads=threads,
        probabilities=probabilities,
    )


def large_plan(case: Case, threads: int) -> Plan:
    """Return how a raster of 4,000 x 4,000 pixels would be divided."""

    class Large:
        """As much of a raster as a plan asks for: tiles of 256 x 256 pixels."""

        dtype = np.dtype("int16")
        interleave = "BAND"
        block_shape = (256, 256)

    return make_plan(
        case.network,
        Large(),  # type: ignore[arg-type]
        Window(0, 0, 4000, 4000),
        bands=case.bands,
        inputs=case.inputs,
        outputs=case.classes,
        memory_bytes=1024 * MIB,
        threads=threads,
        probabilities=False,
    )


def compute_rate(case: Case, plan: Plan, seconds: float) -> float:
    """Return pixels a second of the network alone, on the plan's tiles and workers.

    Every worker goes through the tiles of a block that is already normalised.
    """
    network = case.network
    shape = (given_length(network, plan.rows), given_length(network, plan.cols), case.inputs)
    block = torch.randn(shape).permute(2, 0, 1)
    places = [*tiles(plan.rows, plan.cols, even(plan.rows, plan.tile), even(plan.cols, plan.tile))]
    counts = [0] * plan.workers

    def compute(place: Window) -> int:
        rows, cols = given_length(network, place.height), given_length(network, place.width)
        # What lies in a block is of no matter here, and its last tile may begin a little earlier.
        row, col = min(place.row, shape[0] - rows), min(place.col, shape[1] - cols)
        with torch.inference_mode():
            network(block[None, :, row : row + rows, col : col + cols])
        return place.size

    def work(number: int) -> None:
        torch.set_num_threads(plan.threads)
        for place in cycle(places):
            counts[number] += compute(place)
            if time.perf_counter() - began > seconds:
                return

    before = torch.get_num_threads()
    compute(places[0])
    workers = [threading.Thread(target=work, args=(number,)) for number in range(plan.workers)]
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    torch.set_num_threads(before)
    return sum(counts) / (time.perf_counter() - began)

"""What the speed benchmark runs: networks, a raster on disk, one run each way."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from hsicnn.core.data.normalisation import Normalisation
from hsicnn.core.inference.engine import Engine
from hsicnn.core.inference.inputs import Normaliser
from hsicnn.core.inference.patches import gather
from hsicnn.core.inference.plan import make_plan
from hsicnn.core.inference.zones import Maps
from hsicnn.core.progress import SilentProgress
from hsicnn.core.raster.source import RasterSource
from hsicnn.core.raster.windows import Window, grow
from hsicnn.core.raster.writer import RasterWriter
from hsicnn.models.build import build
from osgeo import gdal
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

MIB = 1 << 20
MATRIX = 2048  # side of the matrices whose product sets the machine's rate


@dataclass(frozen=True, eq=False)
class Case:
    """A network on a raster.

    Attributes:
        title: what the table says.
        network: in evaluation mode, with random weights.
        bands: of the raster.
        normalisation: from bands to the network's inputs.
        classes: outputs.
        flops: of the dense pass, a pixel: 2 x multiply-adds, margins of blocks left out.
        batches: patches at once that patch by patch tries.
    """

    title: str
    network: nn.Module
    bands: int
    normalisation: Normalisation
    classes: int
    flops: float
    batches: Sequence[int]

    @property
    def radius(self) -> int:
        """Pixels around each pixel that the network looks at."""
        return int(self.network.radius)  # type: ignore[arg-type]


def make_case(
    name: str, bands: int, classes: int, *, inputs: int = 0, batches: Sequence[int], **options: int
) -> Case:
    """Build a case; ``inputs`` components where not every band is one."""
    torch.manual_seed(1)
    network = build(name, inputs or bands, classes, options).eval()
    mean, rng = np.full(bands, 0.3, np.float32), np.random.default_rng(1)
    transform = np.full(bands, 10.0, np.float32)
    if inputs:
        transform = rng.normal(0, 1, (bands, inputs)).astype(np.float32)
    normalisation = Normalisation("pca" if inputs else "band", mean, transform)
    title = f"{name} ({bands} bands, {2 * int(network.radius) + 1} px)"
    flops = pixel_flops(network, inputs or bands)
    return Case(title, network, bands, normalisation, classes, flops, batches)


def pixel_flops(network: nn.Module, inputs: int) -> float:
    """Return 2 x the multiply-adds of a large block's dense pass, a pixel."""
    radius = int(network.radius)  # type: ignore[arg-type]
    side = 32 if radius == 0 else 1024
    shape = (1, inputs, side + 2 * radius, side + 2 * radius)
    shadow = build_on_meta(network)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        shadow(torch.empty(shape, device="meta"))
    return float(counter.get_total_flops()) / side**2


def build_on_meta(network: nn.Module) -> nn.Module:
    """Return a copy that has shapes and no values."""
    import copy

    return copy.deepcopy(network).to("meta")


def write_raster(path: Path, bands: int, height: int, width: int) -> None:
    """Write a pixel-interleaved int16 raster of smooth noise."""
    rng = np.random.default_rng(2)
    options = ["TILED=YES", "BLOCKXSIZE=128", "BLOCKYSIZE=128", "INTERLEAVE=PIXEL"]
    driver = gdal.GetDriverByName("GTiff")
    dataset = driver.Create(str(path), width, height, bands, gdal.GDT_Int16, options=options)
    dataset.SetGeoTransform((0.0, 30.0, 0.0, 0.0, 0.0, -30.0))
    rows = 128
    for top in range(0, height, rows):
        count = min(rows, height - top)
        values = rng.integers(1500, 4500, (bands, count, width), dtype=np.int16)
        dataset.WriteRaster(0, top, width, count, values.tobytes())
    for number in range(bands):
        dataset.GetRasterBand(number + 1).SetScale(1e-4)
    dataset.FlushCache()


class MapSink:
    """Writes labels to a class map, as the job does.

    Args:
        writer: of one uint8 band.
    """

    wants_probabilities = False

    def __init__(self, writer: RasterWriter) -> None:
        self._writer = writer

    def write(self, maps: Maps) -> None:
        """Write the labels of a part."""
        self._writer.write(maps.window, maps.labels.astype(np.uint8))


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


def dense_rate(case: Case, path: Path, output: Path, memory_mb: int = 1024) -> float:
    """Return pixels a second of the engine: reading, computing and writing."""
    with RasterSource(path) as source:
        area = Window(0, 0, source.grid.height, source.grid.width)
        plan = make_plan(
            case.network,
            source,
            area,
            bands=case.bands,
            inputs=case.normalisation.outputs,
            outputs=case.classes,
            memory_bytes=memory_mb * MIB,
            threads=torch.get_num_threads(),
            probabilities=False,
        )
        engine = Engine(
            case.network,
            source,
            list(range(case.bands)),
            Normaliser(case.normalisation),
            classes=case.classes,
            plan=plan,
            device=torch.device("cpu"),
        )
        with RasterWriter(output, source.grid, 1, "uint8", nodata=0) as writer:
            seconds = timed(lambda: engine.run(area, MapSink(writer), SilentProgress()))
            writer.commit()
    return area.size / seconds


def patch_rate(case: Case, path: Path, batch: int, pixels: int) -> float:
    """Return pixels a second patch by patch, without reading: gathering and computing alone."""
    rows = max(pixels // 32, 1)
    area = Window(20, 20, rows, 32)
    with RasterSource(path) as source:
        block = source.read(grow(area, case.radius), list(range(case.bands)))
    values = Normaliser(case.normalisation).apply(block)
    store = values.permute(1, 2, 0).flatten(0, 1).contiguous()

    def run() -> None:
        with torch.inference_mode():
            for patches in gather(store, area, case.radius, batch):
                case.network(patches).softmax(1).argmax(1)

    return area.size / timed(run)

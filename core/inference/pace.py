"""How long a classification will take: a block and a few tiles tried here, before it begins."""

from __future__ import annotations

import os
import time
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..progress import Progress
from ..raster.windows import Window, clip, grow
from ..runtime.memory_errors import is_out_of_memory
from ..timing import duration
from .plan import Plan
from .reach import Reach
from .reading import BlockReader
from .zones import even

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from torch import Tensor, nn

    from ..raster.source import RasterSource
    from .inputs import Normaliser

LONGEST = 0.25  # seconds that a trial may take, as far as the one before it tells
FIRST = 8  # side of the tile that is tried first
ZLIB_LEVEL = 6  # of GDAL's outputs
MUCH = 10  # pixels computed for each one that is kept
SAMPLE = 1 << 18  # numbers that are compressed to see how long it takes


@dataclass(frozen=True)
class Pace:
    """Seconds a pixel of the three things that overlap.

    Attributes:
        reading: and normalising, by one thread.
        computing: by one worker.
        writing: by one thread.
    """

    reading: float
    computing: float
    writing: float

    def seconds(self, pixels: int, plan: Plan, cores: int) -> float:
        """Return how long it takes, start to end.

        Args:
            pixels: that are classified.
            plan: how the work is divided.
            cores: of the processor, which the three share.
        """
        computing = self.computing / plan.workers
        together = [self.reading, computing, self.writing]
        if not plan.on_device:
            busy = self.reading + self.writing + computing * plan.workers * plan.threads
            together.append(busy / cores)
        return pixels * max(together)


def say_how_long(pace: Pace | None, pixels: int, plan: Plan, progress: Progress) -> None:
    """Say how long the pixels will take on this machine, where that is known."""
    if pace is not None:
        seconds = pace.seconds(pixels, plan, os.cpu_count() or 1)
        progress.log(f"Time: about {duration(seconds)}, by a few tiles tried on this machine.")


def measure_pace(
    network: nn.Module,
    source: RasterSource,
    positions: Sequence[int],
    normaliser: Normaliser,
    *,
    area: Window,
    plan: Plan,
    device: torch.device,
    written: tuple[int, int],
    progress: Progress,
) -> Pace | None:
    """Try a block and a few tiles.

    Args:
        network: in evaluation mode, on ``device``.
        source: the raster.
        positions: of the network's bands in it.
        normaliser: of the model.
        area: that is classified.
        plan: how the work is divided.
        device: where tiles are computed.
        written: bands of whole numbers, and of real ones, that are written.
        progress: asked for cancelling.

    Returns:
        Nothing where memory runs out.

    Raises:
        RasterError: the raster cannot be read.
        Cancelled: the user stopped.
    """
    import torch

    reading, inputs = _try_reading(source, positions, normaliser, area, plan)
    _say_what_margins_cost(network, inputs, plan, progress)
    threads = torch.get_num_threads()
    torch.set_num_threads(plan.threads)
    try:
        computing, shares = _try_tiles(network, inputs, plan, device, progress)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return None  # smaller tiles are then tried, which nobody can tell the time of
    finally:
        torch.set_num_threads(threads)
    return Pace(reading, computing, _try_writing(shares, *written))


def _try_reading(
    source: RasterSource,
    positions: Sequence[int],
    normaliser: Normaliser,
    area: Window,
    plan: Plan,
) -> tuple[float, Tensor]:
    """Seconds a pixel of reading and normalising, and the inputs of the first block."""
    zone = Window(0, 0, min(plan.zone_rows, area.height), min(plan.zone_cols, area.width))
    first = next(iter(plan.blocks(zone)))
    place = Window(area.row + first.row, area.col + first.col, first.height, first.width)

    def run() -> tuple[float, Tensor]:
        began = time.perf_counter()
        reader = BlockReader(
            source, positions, normaliser, radius=plan.radius, area=area, keep=plan.keep
        )
        inputs, _ = reader.read(place)
        return time.perf_counter() - began, inputs

    seconds, _ = run()
    again, inputs = run()  # what is decoded is there now, where GDAL's cache can hold it
    read = clip(grow(place, plan.radius), source.grid.height, source.grid.width)
    # What is decoded for a block of a larger tile of the file is there for the others.
    rows = max(read.height, min(plan.file.rows, area.height))
    cols = max(read.width, min(plan.file.cols, area.width))
    # Blocks keep what the next ones share with them, but for the rows below where memory is short.
    fresh = 1.0 if plan.keep else (first.height + 2 * plan.radius) / first.height
    return (max(seconds - again, 0.0) / (rows * cols) + again / read.size) * fresh, inputs


def _say_what_margins_cost(
    network: nn.Module, inputs: Tensor, plan: Plan, progress: Progress
) -> None:
    """Say so where nearly all of the work is for what a network looks at around its tiles."""
    times = _computed(Reach.of(network), *_tile_shape(Reach.of(network), inputs, plan))
    if times > MUCH:
        progress.log(
            f"Of all that is computed only one part in {times:,.0f} is for the tiles themselves; "
            f"the rest is what the network looks at around them, up to {plan.radius} pixels. A "
            "larger budget (MEMORY) makes larger tiles, if the image is large enough for them."
        )


def _tile_shape(reach: Reach, inputs: Tensor, plan: Plan) -> tuple[int, int]:
    """Return rows and columns of the tiles that a block with these inputs is divided into."""
    rows, cols = (even(length - 2 * reach.halo, plan.tile) for length in inputs.shape[1:])
    return rows, cols


def _computed(reach: Reach, rows: int, cols: int) -> float:
    """Return how many pixels are computed for each pixel of a tile."""
    return reach.longest(rows) * reach.longest(cols) / (rows * cols)


def _try_tiles(
    network: nn.Module, inputs: Tensor, plan: Plan, device: torch.device, progress: Progress
) -> tuple[float, Tensor]:
    """Seconds a pixel of the plan's tiles, and the probabilities ``(classes, h, w)`` of the last.

    Tiles grow while they take no time: their margins are less and less of the work.
    """
    import torch

    reach = Reach.of(network)
    most = min(plan.tile, *(length - 2 * reach.halo for length in inputs.shape[1:]))
    side = min(FIRST, most)

    def run() -> tuple[float, Tensor]:
        progress.check_cancel()
        began = time.perf_counter()
        with torch.inference_mode():
            image = slice(reach.longest(side))
            tile = inputs[None, :, image, image].to(device)
            shares = network(tile).softmax(1)[0].cpu()
        return time.perf_counter() - began, shares

    while True:
        seconds, shares = run()
        more = min(2 * side, most)
        if side == most or seconds * (more / side) ** 2 > LONGEST:
            break
        side = more
    if seconds < LONGEST:  # the first run of a size also prepares kernels
        seconds = min(seconds, run()[0])
    # Larger tiles have less margin, which is most of a small tile's work.
    extra = _computed(reach, *_tile_shape(reach, inputs, plan)) / _computed(reach, side, side)
    return seconds / side**2 * extra, shares


def _try_writing(shares: Tensor, whole: int, real: int) -> float:
    """Seconds a pixel that compressing takes, the most of writing.

    Args:
        shares: ``(classes, h, w)`` probabilities.
        whole: bands of classes that are written.
        real: bands of probabilities or confidence.
    """
    confidence, best = shares.max(0)
    pixels = best.numel()
    began = time.perf_counter()
    if whole:
        zlib.compress(best.numpy().astype(np.uint8).tobytes(), ZLIB_LEVEL)
    spent = time.perf_counter() - began
    bands = [confidence.numpy(), *shares.numpy()][: max(SAMPLE // pixels, 1)]
    began = time.perf_counter()
    for band in bands[:real]:
        # As GDAL's predictor does it: the bytes of a row by their weight, then differences.
        planes = np.ascontiguousarray(band).view(np.uint8).reshape(*band.shape, 4).swapaxes(1, 2)
        zlib.compress(np.diff(planes.reshape(len(band), -1), prepend=0).tobytes(), ZLIB_LEVEL)
    tried = max(min(len(bands), real), 1)
    return (spent + (time.perf_counter() - began) * real / tried) / pixels

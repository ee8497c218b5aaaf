"""How a raster is divided: zones are written, blocks of them read, tiles of these computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..raster.gdal_session import CACHE_BYTES
from ..raster.windows import Window, tiles
from ..raster.writer import TILE
from ..sizes import MIB
from .blocks import SMALL, FileTiles, blocks
from .reach import Reach
from .reading import SLAB_BYTES, above_bytes
from .shadow import operations, peak_bytes, shadow_of
from .zones import even

if TYPE_CHECKING:
    from torch import nn

    from ..raster.source import RasterSource

SIDES = (256, 192, 128, 96, 64, 48, 32, 16, 8)  # of tiles, in pixels
# Activations of this size still gain from the processor's caches, and the C library keeps
# memory of this size instead of asking the system for it, page by page, at every layer.
TILE_BYTES = 96 * MIB
DEVICE_TILE_BYTES = 1024 * MIB  # on a graphics card
# Floating-point operations of a tile on a CPU: half a second at 70 GFLOP/s, so that progress is
# soon seen. Counted and not timed: the same run is divided in the same way on a busy machine.
# Networks that look far around may take longer for a tile: see ``least_side``.
TILE_WORK = 36e9
OVERHEAD = 1.25  # kernels' own workspaces, which nobody can ask for
SLACK_BYTES = 64 * MIB  # libraries' first use, the interpreter's own
TILES_KEPT = 2.2  # of the file, in GDAL's cache: the one being read and the one below it
TALL = 4  # rows of the file's tiles in a zone, where memory allows: those below are read twice
READ_BYTES = 32 * MIB  # of a block: more would only delay the first one and a cancel
BLOCKS = 8  # of small rasters too, so that reading and writing overlap computing
IN_FLIGHT = 3  # blocks: one is read, one waits, one is computed
ZONES = 2  # one is computed, one written
STRETCHES = 8  # of zones; of the one in which it was killed, a run that goes on reads all again
SHORTEST = 4  # zones of a stretch
PARTS = 64  # zones of a large raster: a run that is killed goes on at the first unfinished one


@dataclass(frozen=True)
class Plan:
    """A division of the work.

    Attributes:
        rows: of a block, give or take an eighth.
        cols: of a block, likewise.
        tile: largest side of a tile.
        workers: threads that compute tiles side by side.
        threads: of each worker.
        zone_rows: of a zone: whole tiles of the outputs.
        zone_cols: of a zone.
        radius: pixels that are read around a block: the halo of the network's ``Reach``.
        file: where the file's own tiles lie.
        keep: whether the reader keeps the last rows of blocks for those below.
        cache_bytes: of GDAL.
        memory: bytes that all of it takes at a time, beyond what the process holds already.
        on_device: bytes that a tile takes where another device computes.
    """

    rows: int
    cols: int
    tile: int
    workers: int
    threads: int
    zone_rows: int
    zone_cols: int
    radius: int = 0
    file: FileTiles = field(default_factory=FileTiles)
    keep: bool = True
    cache_bytes: int = CACHE_BYTES
    memory: int = 0
    on_device: int = 0

    def zones(self, area: Window) -> list[Window]:
        """Return the zones of an area in their order; rows and columns count within it."""
        return list(tiles(area.height, area.width, self.zone_rows, self.zone_cols))

    def stretches(self, area: Window) -> Iterator[range]:
        """Yield the numbers of the zones that are read without a break.

        Between two stretches the reader forgets the overlap of blocks, so that what is read of
        one, to the last bit, does not depend on whether the one before was read at all.
        """
        count = len(self.zones(area))
        step = max(-(-count // STRETCHES), SHORTEST)
        for start in range(0, count, step):
            yield range(start, min(start + step, count))

    def blocks(self, zone: Window) -> Iterator[Window]:
        """Yield the blocks of a zone; rows and columns count within it."""
        return blocks(zone, self.file, self.rows, self.cols, self.radius)

    def describe(self) -> str:
        """Return the plan in plain words."""
        return (
            f"Blocks of up to {self.rows} x {self.cols} pixels, computed in tiles of up to "
            f"{self.tile} x {self.tile} by {self.workers * self.threads} "
            f"thread{'s' if self.workers * self.threads > 1 else ''}."
        )


def make_plan(
    network: nn.Module,
    source: RasterSource,
    area: Window,
    *,
    bands: int,
    inputs: int,
    outputs: int,
    memory_bytes: int,
    threads: int,
    probabilities: bool = True,
    accelerated: bool = False,
    device_bytes: int = DEVICE_TILE_BYTES,
) -> Plan:
    """Divide the work so that it stays within a memory budget.

    Args:
        network: on the CPU, in evaluation mode.
        source: the raster.
        area: the part of it to classify.
        bands: read from it.
        inputs: channels after normalisation.
        outputs: classes.
        memory_bytes: for everything beyond what the process holds already.
        threads: of the processor that may be used.
        probabilities: they are written, a band a class.
        accelerated: tiles are computed on another device, with memory of its own.
        device_bytes: that a tile may take there.
    """
    radius = Reach.of(network).halo
    network = shadow_of(network)
    item = source.dtype.itemsize
    file = FileTiles(*source.block_shape, area.row, area.col)
    cache, decoding = _file_bytes(source, bands * item, memory_bytes)
    budget = max(memory_bytes - SLACK_BYTES - cache - decoding - 3 * SLAB_BYTES, 32 * MIB)
    if accelerated:
        limit = min(DEVICE_TILE_BYTES, device_bytes)
        tile = _tile(network, inputs, limit, accelerated=True)
        workers, each, left = 1, threads, budget
    else:
        tile, workers = _tile_and_workers(network, inputs, threads, int(budget * 0.6))
        tile = min(tile, max(_busy_side(network, inputs), least_side(2 * radius)))
        each = max(threads // workers, 1)
        left = budget - workers * int(peak_bytes(network, inputs, tile, tile) * OVERHEAD)
    tile = min(tile, max(_shared_side(area.size, workers), least_side(radius)))
    keep = above_bytes(radius, area.width, inputs) <= left // 8
    above = above_bytes(radius, area.width, inputs) if keep else 0
    left -= above
    most = left // 4 // (ZONES * _zone_bytes(outputs, probabilities))
    # A row of the outputs' tiles at the least, and some of the file's, if memory allows.
    least = max(TILE, TALL * file.rows if radius else 0)
    part = max(area.size // PARTS, least * _up(area.width, TILE))
    zone_pixels = max(min(most, part), TILE * TILE)
    left -= ZONES * zone_pixels * _zone_bytes(outputs, probabilities)
    # As wide as may be: the file's strips are then read in their order.
    widest = zone_pixels // TILE // TILE * TILE
    zone_cols = _up(even(area.width, widest), TILE)
    width = min(zone_cols, area.width)
    # An eighth longer and wider than planned is a quarter larger.
    pixels = max(left, 8 * MIB) // _pixel_bytes(item, bands, inputs) * 4 // 5
    # Two tiles each way at the least: smaller blocks are mostly margin.
    enough = max(area.size // BLOCKS, (2 * tile + 2 * radius) ** 2)
    busy = int((2 * workers) ** 0.5 * tile) + 2 * radius  # two tiles for every worker
    readable = max(READ_BYTES // (bands * (item + 4)), busy**2)
    rows, cols = block_shape(
        (area.height, width), source.block_shape, min(pixels, readable, enough), radius
    )
    tall = TALL * file.rows if radius and SMALL * file.rows > rows else rows
    zone_rows = min(_up(max(rows, tall), TILE), max(zone_pixels // zone_cols // TILE, 1) * TILE)
    rows = min(rows, zone_rows)
    # Every block has work for all workers.
    tile = min(tile, max(_shared_side(2 * rows * cols, workers), least_side(radius)))
    plan = Plan(rows, cols, tile, workers, each, zone_rows, zone_cols, radius, file, keep, cache)
    taken = peak_bytes(network, inputs, tile, tile, accelerated=accelerated)
    computing = int(taken * OVERHEAD)
    block = (rows + 2 * radius) * (cols + 2 * radius) * _pixel_bytes(item, bands, inputs) * 5 // 4
    zone = min(zone_rows, area.height) * width * _zone_bytes(outputs, probabilities)
    memory = SLACK_BYTES + cache + decoding + 3 * SLAB_BYTES + above + block + ZONES * zone
    if accelerated:
        return replace(plan, memory=memory, on_device=computing)
    return replace(plan, memory=memory + workers * computing)


def _file_bytes(source: RasterSource, pixel: int, memory_bytes: int) -> tuple[int, int]:
    """Return the size of GDAL's cache, and of its room to decode a tile of all bands in."""
    rows, cols = source.block_shape
    tile = rows * cols * pixel
    most = memory_bytes // 4
    cache = CACHE_BYTES
    if TILES_KEPT * tile > CACHE_BYTES and tile < most:  # what cannot hold a tile is no use
        cache = max(int(min(TILES_KEPT * tile, most)), CACHE_BYTES)
    return cache, tile if source.interleave == "PIXEL" else 0


def block_shape(
    grid: tuple[int, int], file_block: Sequence[int], pixels: int, radius: int
) -> tuple[int, int]:
    """Return rows and columns of blocks that follow the file's own strips or tiles.

    Args:
        grid: height and width of what is classified.
        file_block: rows and columns of the file's blocks.
        pixels: that fit in memory, margin included.
        radius: width of the margin on every side.

    Returns:
        Whole multiples of the file's blocks where these are small. Strips stay as long as
        the raster is wide while that leaves blocks less than about four times as long as high,
        and twice as high as the margins are together: lower ones are mostly margin.
    """
    height, width = grid
    margin = 2 * radius
    side = max(int(pixels**0.5) - margin, 1)
    step_rows, step_cols = file_block
    if step_cols >= width:  # strips: columns cost nothing, rows are read once a block
        lowest = max(min(side, 2 * margin, height), 1)
        cols = min(width, 4 * side, max(pixels // (lowest + margin) - margin, 1))
    else:
        cols = min(_multiple(side, step_cols), width)
    rows = max(pixels // (cols + margin) - margin, 1)
    return min(_multiple(min(rows, height), step_rows), height), min(cols, width)


def _multiple(size: int, step: int) -> int:
    """The largest multiple of ``step`` up to ``size``; ``size`` where that loses a quarter."""
    whole = size // step * step
    return whole if 4 * whole >= 3 * size else size


def _up(size: int, step: int) -> int:
    """The next multiple of ``step``."""
    return -(-size // step) * step


def _pixel_bytes(item: int, bands: int, inputs: int) -> int:
    """Bytes a pixel of a block takes: while it is read, and in every block under way."""
    return bands * item + 8 + IN_FLIGHT * (inputs * 4 + 2)


def _zone_bytes(outputs: int, probabilities: bool) -> int:
    """Bytes a pixel of a zone takes: label, confidence, probabilities."""
    return 6 + (4 * outputs if probabilities else 0)


def _shared_side(pixels: int, workers: int) -> int:
    """Side of tiles small enough that every worker gets four of them, but no slivers."""
    return max(int((pixels / (4 * workers)) ** 0.5), 32)


def least_side(length: int) -> int:
    """Return the smallest side of tiles that is not less than a length, if there is one.

    A tile as wide as its halo takes nine times the work of its own pixels, one twice as wide
    four times. So whatever else wants small tiles, they are not made much smaller than that.
    """
    return next((side for side in reversed(SIDES) if side >= length), SIDES[0])


def _tile(network: nn.Module, inputs: int, limit: int, *, accelerated: bool = False) -> int:
    """Return the largest tile whose activations stay below a limit."""

    def fits(side: int) -> bool:
        taken = peak_bytes(network, inputs, side, side, accelerated=accelerated)
        return taken * OVERHEAD <= limit

    return _largest(fits)


def _busy_side(network: nn.Module, inputs: int) -> int:
    """Return the side of the largest tile that a thread has computed soon enough."""
    return _largest(lambda side: operations(network, inputs, side, side) <= TILE_WORK)


def _largest(fits: Callable[[int], bool]) -> int:
    """Return the largest side that fits, as all smaller ones do; the smallest where none does."""
    first, last = 0, len(SIDES) - 1
    while first < last:
        middle = (first + last) // 2
        if fits(SIDES[middle]):
            last = middle
        else:
            first = middle + 1
    return SIDES[first]


def _tile_and_workers(network: nn.Module, inputs: int, threads: int, limit: int) -> tuple[int, int]:
    """Return the tile's side and how many tiles are computed side by side.

    One worker a thread: tiles need nothing from each other, layers of one tile do. Where
    that would make tiles so small that margins are most of the work, fewer workers share
    the threads.
    """
    halo = Reach.of(network).halo
    least, enough = max(least_side(halo), 32), least_side(2 * halo)
    # Doing the same again for every tile's halo costs more than the caches save.
    most = max(TILE_BYTES, int(peak_bytes(network, inputs, enough, enough) * OVERHEAD))
    workers = threads
    while workers > 1:
        tile = _tile(network, inputs, min(most, limit // workers))
        if tile >= least:
            return tile, workers
        workers //= 2
    return _tile(network, inputs, min(most, limit)), 1

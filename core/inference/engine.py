"""Classifies a raster of any size: reading, computing and writing overlap.

One thread reads and normalises blocks, some compute tiles of them, one writes zones whose
blocks are all computed; the calling thread reports, watches for a cancel, and raises what
went wrong in any of the others. Blocks and zones under way are counted, so that memory stays
bounded.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, TypeVar

from ..progress import Progress
from ..raster.gdal_session import gdal_session
from ..raster.source import RasterSource
from ..raster.windows import Window, tiles
from ..timing import TimeLeft
from .inputs import Normaliser
from .plan import IN_FLIGHT, ZONES, Plan
from .reach import Reach
from .reading import BlockReader
from .tiles import Block, TileComputer
from .zones import Maps, Zone, even

if TYPE_CHECKING:
    import torch
    from torch import nn

PATIENCE = 0.1  # seconds between two looks at the cancel button

Item = TypeVar("Item")


class Sink(Protocol):
    """What takes finished parts of the outputs."""

    @property
    def wants_probabilities(self) -> bool:
        """Whether the probabilities of every class are wanted."""

    def write(self, maps: Maps) -> None:
        """Write a part, whole tiles of the files; called from one thread."""

    def finish(self, number: int, zone: Window) -> None:
        """Hear that all of a zone was written; called from the same thread.

        Parts of the next zone may have been written by then.
        """


class Engine:
    """A network, a raster, and how the work is divided.

    Args:
        network: in evaluation mode, on ``device``.
        source: the raster; read by one thread only.
        positions: of the network's bands in the raster.
        normaliser: of the model.
        classes: outputs of the network.
        plan: blocks, tiles and threads.
        device: where tiles are computed.
    """

    def __init__(
        self,
        network: nn.Module,
        source: RasterSource,
        positions: Sequence[int],
        normaliser: Normaliser,
        *,
        classes: int,
        plan: Plan,
        device: torch.device,
    ) -> None:
        self._source = source
        self._positions = positions
        self._normaliser = normaliser
        self._classes = classes
        self._plan = plan
        self._halo = Reach.of(network).halo
        self._stop = threading.Event()
        self._computer = TileComputer(network, device, plan.tile, self._stop)
        self._blocks = threading.Semaphore(IN_FLIGHT)
        self._zones = threading.Semaphore(ZONES)
        self._tasks: queue.Queue[tuple[Block, Window] | None] = queue.Queue()
        self._finished: queue.Queue[Block | None] = queue.Queue()
        self._computed: queue.Queue[int] = queue.Queue()
        self._errors: list[BaseException] = []

    def run(
        self, area: Window, sink: Sink, progress: Progress, finished: Collection[int] = ()
    ) -> None:
        """Classify a part of the raster.

        Args:
            area: inside the raster.
            sink: takes the outputs; their windows count from the area's first pixel.
            progress: told how far it is, and asked several times a second.
            finished: numbers of the zones that are written already.

        Raises:
            Cancelled: within a second of the user's wish.
            RasterError: where reading or writing fails.
        """
        import torch

        zones = self._plan.zones(area)
        left = sum(zone.size for number, zone in enumerate(zones) if number not in finished)
        threads_before = torch.get_num_threads()
        threads = [
            threading.Thread(target=self._guarded, args=(work,), name=name, daemon=True)
            for name, work in self._roles(area, sink, finished, left)
        ]
        with gdal_session(self._plan.cache_bytes), self._computer.watching():
            try:
                for thread in threads:
                    thread.start()
                self._watch(left, progress)
            finally:
                self._stop.set()
                for thread in threads:
                    thread.join()
                torch.set_num_threads(threads_before)
        if self._errors:
            raise self._errors[0]
        largest = self._computer.largest
        if largest < self._plan.tile:
            progress.log(
                f"Memory ran out on the way: tiles of up to {largest} x {largest} pixels were "
                "computed instead. The result is the same but for rounding."
            )

    def _roles(
        self, area: Window, sink: Sink, finished: Collection[int], left: int
    ) -> Iterator[tuple[str, Callable[[], None]]]:
        yield "reader", lambda: self._read(area, sink.wants_probabilities, finished)
        for number in range(self._plan.workers):
            yield f"worker-{number}", self._compute
        yield "writer", lambda: self._write(left, sink)

    def _guarded(self, work: Callable[[], None]) -> None:
        """Run a thread's work; what goes wrong stops all and is raised by ``run``."""
        try:
            work()
        except BaseException as error:
            self._errors.append(error)
            self._stop.set()

    def _watch(self, pixels: int, progress: Progress) -> None:
        """Report and watch for a cancel until everything is written or something failed."""
        left, done = TimeLeft(), 0
        while not self._stop.is_set():
            progress.check_cancel()
            with suppress(queue.Empty):
                count = self._computed.get(timeout=PATIENCE)
                if not count:
                    return
                done += count
                progress.report(done / pixels, left.text(done / pixels))

    def _read(self, area: Window, probabilities: bool, finished: Collection[int]) -> None:
        """Read blocks, zone by zone, and hand out their tiles."""
        import torch

        torch.set_num_threads(1)  # the workers have the other ones
        plan, zones = self._plan, self._plan.zones(area)
        reader = BlockReader(
            self._source,
            self._positions,
            self._normaliser,
            radius=self._halo,
            area=area,
            keep=plan.keep,
        )
        for stretch in plan.stretches(area):
            reader.forget()
            unfinished = [number for number in stretch if number not in finished]
            for number in range(stretch.start, max(unfinished, default=-1) + 1):
                if number in finished:
                    read = self._read_again(reader, area, zones[number])
                else:
                    zone = (zones[number], self._classes if probabilities else 0, number)
                    read = self._read_zone(reader, area, zone)
                if not read:
                    return
        for _ in range(plan.workers):
            self._tasks.put(None)

    def _read_zone(self, reader: BlockReader, area: Window, what: tuple[Window, int, int]) -> bool:
        """Read a zone and hand out its tiles; false where the job has stopped."""
        if not self._take(self._zones):
            return False
        zone = Zone.begin(*what)
        for inner in self._plan.blocks(zone.maps.window):
            if not self._take(self._blocks):
                return False
            self._hand_out(self._read_block(reader, area, zone, inner))
        return True

    def _read_again(self, reader: BlockReader, area: Window, zone: Window) -> bool:
        """Read a finished zone for what the next ones share with it, as it was read before."""
        for inner in self._plan.blocks(zone):
            if not self._take(self._blocks):
                return False
            reader.read(_place(area, zone, inner))
            self._blocks.release()
        return True

    def _take(self, slots: threading.Semaphore) -> bool:
        """Wait for a free slot; false where the job has stopped."""
        while not self._stop.is_set():
            if slots.acquire(timeout=PATIENCE):
                return True
        return False

    def _read_block(self, reader: BlockReader, area: Window, zone: Zone, inner: Window) -> Block:
        maps = zone.maps.part(inner)
        place = _place(area, zone.maps.window, inner)
        inputs, valid = reader.read(place)
        return Block(inputs, valid, maps, zone, (place.row, place.col))

    def _hand_out(self, block: Block) -> None:
        """Queue the tiles of a block; a block without a valid pixel is finished as it is."""
        side = self._plan.tile
        height, width = block.valid.shape
        pieces = [
            tile
            for tile in tiles(height, width, even(height, side), even(width, side))
            if block.valid[tile.rows, tile.cols].any()
        ]
        if not pieces:
            self._finished.put(block)
            return
        block.waiting = len(pieces)
        for tile in pieces:
            self._tasks.put((block, tile))

    def _compute(self) -> None:
        """Compute tiles until there are no more."""
        import torch

        torch.set_num_threads(self._plan.threads)
        while True:
            task = self._next(self._tasks)
            if task is None:
                return
            block, tile = task
            self._computer.compute(block, tile)
            if self._stop.is_set():
                return
            if block.finish_tile():
                self._finished.put(block)
            del task, block  # or the last one would outlive its turn

    def _write(self, left: int, sink: Sink) -> None:
        """Free the places of computed blocks, and write every tile of a file that is complete."""
        while left:
            block = self._next(self._finished)
            if block is None:
                return
            zone, window = block.zone, block.maps.window
            del block  # its inputs go before the next one is read
            self._blocks.release()
            self._computed.put(window.size)
            left -= window.size
            for maps in zone.finish(window):
                if self._stop.is_set():
                    return
                sink.write(maps)
                del maps
            if not zone.waiting:
                sink.finish(zone.number, zone.maps.window)
                self._zones.release()
            del zone
        self._computed.put(0)

    def _next(self, waiting: queue.Queue[Item | None]) -> Item | None:
        """Return the next item; nothing where the job has stopped or there are no more."""
        while not self._stop.is_set():
            with suppress(queue.Empty):
                return waiting.get(timeout=PATIENCE)
        return None


def _place(area: Window, zone: Window, block: Window) -> Window:
    """Return where a block of a zone of an area lies in the raster."""
    row, col = area.row + zone.row + block.row, area.col + zone.col + block.col
    return Window(row, col, block.height, block.width)

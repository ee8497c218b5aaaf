"""Classifies a raster of any size: reading, computing and writing overlap.

One thread reads and normalises blocks, some compute tiles of them, one writes finished
blocks; the calling thread reports, watches for a cancel, and raises what went wrong in any
of the others. Blocks under way are counted, so that memory stays bounded.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from ..progress import Progress
from ..raster.source import RasterSource
from ..raster.windows import Window, grow, tiles
from ..timing import TimeLeft
from .inputs import Normaliser
from .plan import IN_FLIGHT, Plan
from .tiles import Block, TileComputer

if TYPE_CHECKING:
    import torch
    from torch import nn

PATIENCE = 0.1  # seconds between two looks at the cancel button

Item = TypeVar("Item")


class Sink(Protocol):
    """What takes finished blocks."""

    @property
    def wants_probabilities(self) -> bool:
        """Whether the probabilities of every class are wanted."""

    def write(self, block: Block) -> None:
        """Write a block; called from one thread, in no fixed order."""


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
        self._radius = int(network.radius)  # type: ignore[arg-type]
        self._stop = threading.Event()
        self._computer = TileComputer(network, device, plan.tile, self._stop)
        self._slots = threading.Semaphore(IN_FLIGHT)
        self._tasks: queue.Queue[tuple[Block, Window] | None] = queue.Queue()
        self._finished: queue.Queue[Block | None] = queue.Queue()
        self._written: queue.Queue[int] = queue.Queue()
        self._errors: list[BaseException] = []

    def run(self, area: Window, sink: Sink, progress: Progress) -> None:
        """Classify a part of the raster.

        Args:
            area: inside the raster.
            sink: takes the blocks; their windows count from the area's first pixel.
            progress: told how far it is, and asked several times a second.

        Raises:
            Cancelled: within a second of the user's wish.
            RasterError: where reading or writing fails.
        """
        import torch

        threads_before = torch.get_num_threads()
        threads = [
            threading.Thread(target=self._guarded, args=(work,), name=name, daemon=True)
            for name, work in self._roles(area, sink)
        ]
        try:
            for thread in threads:
                thread.start()
            self._watch(area.size, progress)
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()
            torch.set_num_threads(threads_before)
        if self._errors:
            raise self._errors[0]

    def _roles(self, area: Window, sink: Sink) -> Iterator[tuple[str, Callable[[], None]]]:
        yield "reader", lambda: self._read(area, sink.wants_probabilities)
        for number in range(self._plan.workers):
            yield f"worker-{number}", self._compute
        yield "writer", lambda: self._write(sink)

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
        while done < pixels and not self._stop.is_set():
            progress.check_cancel()
            with suppress(queue.Empty):
                done += self._written.get(timeout=PATIENCE)
                progress.report(done / pixels, left.text(done / pixels))

    def _read(self, area: Window, probabilities: bool) -> None:
        """Read blocks in the order of the file and hand out their tiles."""
        import torch

        torch.set_num_threads(1)  # the workers have the other ones
        for window in tiles(area.height, area.width, self._plan.rows, self._plan.cols):
            while not self._slots.acquire(timeout=PATIENCE):
                if self._stop.is_set():
                    return
            if self._stop.is_set():
                return
            self._hand_out(self._read_block(area, window, probabilities))
        for _ in range(self._plan.workers):
            self._tasks.put(None)

    def _read_block(self, area: Window, window: Window, probabilities: bool) -> Block:
        place = Window(area.row + window.row, area.col + window.col, window.height, window.width)
        read = self._source.read_reflected(grow(place, self._radius), self._positions)
        margin = self._radius
        valid = read.valid[margin : margin + window.height, margin : margin + window.width].copy()
        shape = (window.height, window.width)
        scores = None
        if probabilities:
            scores = np.full((self._classes, *shape), np.nan, dtype=np.float32)
        return Block(
            window=window,
            inputs=self._normaliser.apply(read),
            valid=valid,
            labels=np.zeros(shape, dtype=np.uint16),
            confidence=np.full(shape, np.nan, dtype=np.float32),
            probabilities=scores,
        )

    def _hand_out(self, block: Block) -> None:
        """Queue the tiles of a block; a block without a valid pixel is finished as it is."""
        side = self._plan.tile
        pieces = [
            tile
            for tile in tiles(
                block.window.height,
                block.window.width,
                _even(block.window.height, side),
                _even(block.window.width, side),
            )
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

    def _write(self, sink: Sink) -> None:
        """Write finished blocks until all are written, and free their places."""
        while True:
            block = self._next(self._finished)
            if block is None:
                return
            sink.write(block)
            self._slots.release()
            self._written.put(block.window.size)

    def _next(self, waiting: queue.Queue[Item | None]) -> Item | None:
        """Return the next item; nothing where the job has stopped or there are no more."""
        while not self._stop.is_set():
            with suppress(queue.Empty):
                return waiting.get(timeout=PATIENCE)
        return None


def _even(length: int, largest: int) -> int:
    """Side of tiles that divide a length evenly, instead of leaving a sliver."""
    return -(-length // -(-length // largest))

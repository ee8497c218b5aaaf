"""Computes feature maps over a raster: block by block, tile by tile, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..inference.inputs import Normaliser
from ..inference.plan import OVERHEAD, SIDES, SLACK_BYTES, TILE_WORK
from ..inference.reading import SLAB_BYTES, BlockReader
from ..inference.shadow import operations, peak_bytes
from ..progress import Progress
from ..raster.gdal_session import gdal_session
from ..raster.source import RasterSource
from ..raster.windows import Window, tiles
from ..raster.writer import TILE, RasterWriter
from ..runtime.memory_errors import is_out_of_memory, release_memory
from ..sizes import MIB, data_size
from ..timing import TimeLeft

if TYPE_CHECKING:
    import torch

    from ...models.features import LayerFeatures

Array = npt.NDArray[Any]
SMALLEST = (*SIDES, 4, 2, 1)  # of tiles, in pixels
DEVICE_BYTES = 1024 * MIB  # of a tile on a graphics card
COPIES = 2  # of a zone: what is computed, and what the writer makes of it
BLOCKS = (256, 128, 64, 32, 16, 8)  # rows of a block
SHOWN = 12  # features in the preview
PREVIEW = 160  # its longest side, pixels


@dataclass(frozen=True)
class Work:
    """How the work is divided.

    Attributes:
        tile: side of what is computed at once.
        rows: of what is read at once.
        memory: bytes that all of it takes.
    """

    tile: int
    rows: int
    memory: int


def divide(
    network: LayerFeatures,
    source: RasterSource,
    area: Window,
    *,
    bands: int,
    inputs: int,
    memory_bytes: int,
    accelerated: bool,
) -> Work:
    """Divide the work so that it stays within a memory budget.

    Args:
        network: that ends with the layer, on the CPU.
        source: the raster.
        area: the part of it that is computed.
        bands: read from it.
        inputs: channels after normalisation.
        memory_bytes: for all of it.
        accelerated: tiles are computed on another device, with memory of its own.

    Raises:
        InputError: even the smallest division takes more.
    """
    zone = COPIES * 4 * network.features * min(TILE, area.height) * min(TILE, area.width)
    margin, item = 2 * network.radius, source.dtype.itemsize
    fixed = SLACK_BYTES + SLAB_BYTES + zone

    def reading(rows: int) -> int:
        return (rows + margin) * (TILE + margin) * (bands * item + 4 * inputs + 2)

    def computing(side: int) -> int:
        return int(peak_bytes(network, inputs, side, side) * OVERHEAD)

    least = fixed + reading(BLOCKS[-1]) + (0 if accelerated else computing(SMALLEST[-1]))
    if least > memory_bytes:
        most = max((memory_bytes - least + zone) * network.features // zone, 1)
        raise InputError(
            f"{network.features:,} bands take at least {data_size(least)} of memory, and "
            f"{data_size(memory_bytes)} are allowed or free. Set MEMORY to {-(-least // MIB)} or "
            f"more, or make about {most:,} bands at the most (FEATURES 'first' with MAX_BANDS). "
            "Nothing was written."
        )
    rows = next(
        rows for rows in (*BLOCKS, 1) if fixed + 2 * reading(rows) <= memory_bytes or rows == 1
    )
    room = DEVICE_BYTES if accelerated else memory_bytes - fixed - reading(rows)
    each = operations(network, inputs, 1, 1)
    tile = next(
        side
        for side in SMALLEST
        if side == 1
        or (
            side <= max(rows, 8)
            and computing(side) <= room
            and (accelerated or each * side**2 <= 4 * TILE_WORK)
        )
    )
    memory = fixed + reading(rows) + (0 if accelerated else computing(tile))
    return Work(tile, rows, memory)


class Preview:
    """Some of the maps, thinned out for a page.

    Args:
        features: of the layer.
        area: that is computed.
    """

    def __init__(self, features: int, area: Window) -> None:
        self._step = max(-(-max(area.height, area.width) // PREVIEW), 1)
        shape = (min(features, SHOWN), -(-area.height // self._step), -(-area.width // self._step))
        self.maps = np.full(shape, np.nan, dtype=np.float32)

    def add(self, window: Window, values: Array) -> None:
        """Take in a part; its rows and columns count within the area."""
        step = self._step
        down, right = -window.row % step, -window.col % step
        part = values[: len(self.maps), down::step, right::step]
        row, col = (window.row + down) // step, (window.col + right) // step
        self.maps[:, row : row + part.shape[1], col : col + part.shape[2]] = part


class FeatureComputer:
    """Writes the values of a layer for every pixel of an area.

    Args:
        network: that ends with the layer, on ``device``.
        source: the raster.
        positions: of the model's bands in it.
        normaliser: of the model.
        area: inside the raster.
        work: how it is divided.
        device: where tiles are computed.
    """

    def __init__(
        self,
        network: LayerFeatures,
        source: RasterSource,
        positions: list[int],
        normaliser: Normaliser,
        *,
        area: Window,
        work: Work,
        device: torch.device,
    ) -> None:
        self._network = network
        self._area = area
        self._work = work
        self._device = device
        self._side = work.tile
        self._reader = BlockReader(
            source, positions, normaliser, radius=network.radius, area=area, keep=False
        )

    def run(self, writer: RasterWriter, preview: Preview, progress: Progress) -> int:
        """Compute everything.

        Args:
            writer: takes the maps, a band a feature.
            preview: takes some of them.
            progress: told how far it is; asked for cancelling before every tile.

        Returns:
            Pixels with a value.

        Raises:
            Cancelled: the user stopped.
            RasterError: reading or writing fails.
        """
        left, done, seen = TimeLeft(), 0, 0
        with gdal_session():
            for zone in tiles(self._area.height, self._area.width, TILE, TILE):
                maps = np.full(
                    (self._network.features, zone.height, zone.width), np.nan, dtype=np.float32
                )
                for block in tiles(zone.height, zone.width, self._work.rows, zone.width):
                    seen += self._block(zone, block, maps, progress)
                    done += block.size
                    share = done / self._area.size
                    progress.report(share, left.text(share))
                writer.write(zone, maps)
                preview.add(zone, maps)
        return seen

    def _block(self, zone: Window, block: Window, maps: Array, progress: Progress) -> int:
        row, col = self._area.row + zone.row + block.row, self._area.col + zone.col + block.col
        progress.check_cancel()
        inputs, valid = self._reader.read(Window(row, col, block.height, block.width))
        inner = maps[:, block.rows, block.cols]
        start = 0
        while start < block.height:
            # The side shrinks where memory runs out.
            height = min(self._side, block.height - start)
            left = 0
            while left < block.width:
                progress.check_cancel()
                width = min(self._side, block.width - left)
                tile = Window(start, left, min(height, self._side), width)
                if valid[tile.rows, tile.cols].any() and not self._tile(inputs, tile, inner):
                    break  # this row of tiles again, with smaller ones
                left += width
            else:
                start += height
        inner[:, ~valid] = np.nan
        return int(valid.sum())

    def _tile(self, inputs: torch.Tensor, tile: Window, maps: Array) -> bool:
        """Fill in a tile; false where memory ran out, and smaller ones are to be tried."""
        import torch

        margin = 2 * self._network.radius
        rows = slice(tile.row, tile.row + tile.height + margin)
        cols = slice(tile.col, tile.col + tile.width + margin)
        try:
            with torch.inference_mode():
                found = self._network(inputs[None, :, rows, cols].to(self._device))[0]
                maps[:, tile.rows, tile.cols] = found.cpu().numpy()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or self._side == 1:
                raise
        else:
            return True
        self._side = max(self._side // 2, 1)
        release_memory(self._device.type)
        return False

"""Writing the raster of a reduction, in parts of whole tiles and in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import RasterError
from ..progress import Progress
from ..raster.bands import Band
from ..raster.file_size import LEAST_FLOATS, largest_size
from ..raster.source import RasterSource
from ..raster.values import missing, nodata_in
from ..raster.windows import Window, tiles
from ..raster.writer import TILE, RasterWriter
from ..report.html import percent
from ..runtime.disk_space import DiskNeed, check_disks
from ..timing import TimeLeft
from .carried import item_of
from .transform import Transform

Array = npt.NDArray[Any]

PART_BYTES = 64 * 1024 * 1024  # of output values that are collected before they are written
READ_BYTES = 32 * 1024 * 1024  # of values that are read at once, in all the forms they take
LEAST_COPY = 1 / 50  # to which copied values are compressed at the most, for refusals
NAN = float("nan")

#: The next wider type, for images that say with a mask what is missing.
_WIDER = {"uint8": "int16", "uint16": "int32", "int16": "int32", "uint32": "float64"}
_WIDER["int32"] = "float64"


@dataclass(frozen=True)
class Form:
    """How values are stored.

    Attributes:
        dtype: numpy name.
        nodata: the value of missing pixels; None where none can miss.
        note: what is not as in the image; empty where nothing is.
    """

    dtype: str
    nodata: float | None
    note: str = ""


@dataclass
class Written:
    """What a raster got.

    Attributes:
        pixels: with values.
        filled: of these, how many miss some band, for which its mean stands in the components.
        most: bands that one of them misses, at the most.
    """

    pixels: int = 0
    filled: int = 0
    most: int = 0

    def gaps(self, bands: int) -> str:
        """Say how many pixels have components though they miss some of so many bands."""
        share = percent(self.filled / self.pixels)
        return (
            f"{self.filled:,} of {self.pixels:,} pixels with values ({share}) miss some of the "
            f"bands, up to {self.most} of {bands}: the band's mean stands in their components. "
            "Where many are missing, a pixel looks more like the mean than it is: leave out the "
            "bands that are often missing (RANGES, BANDS), or mask these pixels."
        )


def form_of(source: RasterSource, bands: Sequence[Band]) -> Form:
    """Return how bands are stored that are copied: as they are, wherever a GeoTIFF can.

    A mask, and nodata values that differ between bands, become one nodata value that no pixel
    has; whole numbers get the next wider type for that.

    Raises:
        RasterError: the values are of a type that is not written.
    """
    name = source.dtype.name
    dtype = "int16" if name == "int8" else name
    if dtype in ("int64", "uint64"):
        raise RasterError(
            f"{source.name} holds {name} values, which a GeoTIFF of ours cannot. Convert it first "
            "(in QGIS: Raster > Conversion > Translate, to Float64 or Int32)."
        )
    marks = {band.nodata for band in bands}
    if len(marks) == 1:
        mark = marks.pop()
        # What a mask takes away needs a value that the type can hold: bytes have no -9999.
        if not source.has_mask or nodata_in(np.dtype(dtype), mark) is not None:
            return Form(dtype, mark)
    if np.dtype(dtype).kind == "f":
        return Form(dtype, NAN, "Missing pixels become NaN.")
    wider = _WIDER[dtype]
    nodata = NAN if wider == "float64" else float(np.iinfo(wider).min)
    said = "mask" if source.has_mask else "nodata values, which differ between bands,"
    return Form(
        wider, nodata, f"The {said} of {source.name} become the nodata value {nodata:g}: {wider}."
    )


def check_space(
    source: RasterSource, transform: Transform, form: Form, output: str, progress: Progress
) -> None:
    """Say how large the raster becomes, and refuse what its disk cannot hold.

    Raises:
        InputError: there is too little room.
    """
    height, width = source.grid.height, source.grid.width
    item = np.dtype(form.dtype).itemsize
    values = height * width * transform.outputs * item
    least = int(values * (LEAST_COPY if transform.is_selection else LEAST_FLOATS))
    most = largest_size(height, width, transform.outputs, item)
    what = "take fewer bands" if transform.is_selection else "keep fewer COMPONENTS"
    instead = f"Choose a folder on a larger disk for OUTPUT, or {what}."
    check_disks([DiskNeed("OUTPUT", Path(output), most, least, instead)], progress)


def write_components(
    writer: RasterWriter,
    source: RasterSource,
    positions: Sequence[int],
    transform: Transform,
    progress: Progress,
) -> Written:
    """Transform a raster and write it.

    Args:
        writer: of a float32 raster with a band a component; NaN is its nodata.
        source: the raster.
        positions: of the transform's bands in it.
        transform: see ``Transform.apply``.
        progress: told how far it is; asked for cancelling.

    Returns:
        How many pixels have values, and how many of them not in all bands.

    Raises:
        RasterError: the raster cannot be read, or the output not written.
        Cancelled: the user stopped.
    """
    made = Written()

    def fill(window: Window, out: Array) -> None:
        block = source.read(window, positions)
        spectra = block.values[:, block.valid].T
        out[:, block.valid] = transform.apply(spectra).T
        gaps = np.isnan(spectra).sum(axis=1)
        made.pixels += len(spectra)
        made.filled += int(np.count_nonzero(gaps))
        made.most = max(made.most, int(gaps.max(initial=0)))

    # Raw, single and double precision, twice that while products are formed; gaps.
    pixel = len(positions) * (source.dtype.itemsize + 4 + 16 + 1) + transform.outputs * 12
    _write(
        writer,
        source,
        fill,
        pixel_bytes=pixel,
        empty=NAN,
        progress=progress,
        text="computing components",
    )
    return made


def write_copy(
    writer: RasterWriter,
    source: RasterSource,
    positions: Sequence[int],
    form: Form,
    progress: Progress,
) -> Written:
    """Copy bands of a raster, values as they are; see ``write_components``."""
    bands, made = [source.bands[position] for position in positions], Written()

    def fill(window: Window, out: Array) -> None:
        raw, mask = source.read_array(window, positions)
        valid = np.zeros(out.shape[1:], dtype=bool)
        for plane, band, own in zip(raw, bands, out):
            gone = missing(plane, band)
            own[...] = plane
            valid |= True if gone is None else ~gone
            if gone is not None and band.nodata != form.nodata:
                own[gone] = form.nodata
        if mask is not None:
            out[:, ~mask] = form.nodata
            valid &= mask
        made.pixels += int(valid.sum())

    pixel = len(positions) * (source.dtype.itemsize * 2 + 1)
    empty = 0.0 if form.nodata is None else form.nodata
    _write(
        writer,
        source,
        fill,
        pixel_bytes=pixel,
        empty=empty,
        progress=progress,
        text="copying bands",
    )
    return made


def _write(
    writer: RasterWriter,
    source: RasterSource,
    fill: Callable[[Window, Array], None],
    *,
    pixel_bytes: int,
    empty: float,
    progress: Progress,
    text: str,
) -> None:
    """Fill and write part after part; ``fill`` is given windows of the image and their values."""
    left, done, total = TimeLeft(), 0, source.grid.height * source.grid.width
    for part in _parts(source, writer.count * writer.dtype.itemsize):
        out = np.full((writer.count, part.height, part.width), empty, dtype=writer.dtype)
        for inner in _reads(source, part, pixel_bytes):
            progress.check_cancel()
            fill(inner, out[:, inner.row - part.row :, inner.col - part.col :][
                :, : inner.height, : inner.width
            ])  # fmt: skip
            done += inner.size
            share = done / total
            progress.report(share, ", ".join(p for p in (text, left.text(share)) if p))
        writer.write(part, out)


def _parts(source: RasterSource, pixel_bytes: int) -> Iterator[Window]:
    """Cover the raster with rows of whole tiles of the output."""
    across = max(PART_BYTES // (pixel_bytes * TILE * TILE), 1) * TILE
    return tiles(source.grid.height, source.grid.width, TILE, across)


def _reads(source: RasterSource, part: Window, pixel_bytes: int) -> Iterator[Window]:
    """Divide a part into what is read at once: whole rows of the file's own blocks, if they fit."""
    pixels = max(READ_BYTES // pixel_bytes, 1)
    width = min(part.width, pixels)
    height = max(min(pixels // width, part.height), 1)
    own = source.block_shape[0]
    if height > own:
        height -= height % own
    for window in tiles(part.height, part.width, height, width):
        yield window._replace(row=window.row + part.row, col=window.col + part.col)


def open_writer(
    output: str,
    source: RasterSource,
    positions: Sequence[int],
    step: Transform,
    noted: Transform,
    *,
    form: Form,
    inputs: Sequence[str],
) -> RasterWriter:
    """Return a writer for a reduced raster, which carries its transform along.

    Args:
        output: path.
        source: the image: its grid, and the bands that are copied.
        positions: of the step's bands in it.
        step: from the image to the output.
        noted: what the raster carries: from the original image to the output.
        form: of its values.
        inputs: files that are read.
    """
    copied = [source.bands[position] for position in positions if step.is_selection]
    return RasterWriter(
        output,
        source.grid,
        step.outputs,
        form.dtype,
        nodata=form.nodata,
        descriptions=None if copied else step.descriptions,
        bands=copied,
        metadata=item_of(noted),
        inputs=inputs,
    )

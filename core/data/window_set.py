"""Chip sets of windows that come from elsewhere: imported spectra, windows and scenes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..progress import Progress
from ..raster.bands import Band
from ..raster.grid import NO_GEOTRANSFORM, Grid
from ..reduction.transform import Transform
from ..timing import TimeLeft
from .chip_folder import check_folder, staged_folder
from .chip_format import FORMAT_VERSION, ChipSetInfo, WindowStack
from .chip_hash import hash_of_sums, value_sums
from .chips import read_chip_set, write_index
from .classes import ClassInfo
from .leakage import Leak, leak_by_radius, location_only_score
from .splits import Split
from .windows.files import FILES, StackFiles
from .windows.stack import RawArray, StackShape, WindowSamples

_KINDS = ("pixels", "scenes")  # tiles are no windows


@dataclass(frozen=True, eq=False)
class WindowContent:
    """What is known of windows besides their values.

    Attributes:
        source_name: file name of where they come from.
        source_path: where that is.
        bands: of their pixels; ``index`` is the place in the source, from 1.
        classes: label ``v`` is ``classes[v - 1]``.
        dtype: numpy name of the values.
        side: of a window in pixels; odd where the label is that of the pixel in the middle.
        kind: ``pixels`` or ``scenes``, see ``ChipSetInfo``.
        labels: ``(n,)`` uint16, 1..classes.
        split: what each window is used for; its codes and groups are ``(n,)``.
        grid: of the raster that they were cut from; None where they have no place.
        rows: ``(n,)`` of the pixels in the middle; None where they have no place.
        cols: ``(n,)``; None where they have no place.
        reduction: what made the bands of an original image, where that is known.
        leak: how much test windows share with training windows; None where that is to be worked
            out from their middles, as of windows with a pixel in the middle that are not turned.
        location_only: share of test windows that location alone gets right, where ``leak`` is
            given.
    """

    source_name: str
    source_path: str
    bands: Sequence[Band]
    classes: Sequence[ClassInfo]
    dtype: str
    side: int
    kind: str
    labels: npt.NDArray[np.uint16]
    split: Split
    grid: Grid | None = None
    rows: npt.NDArray[np.int32] | None = None
    cols: npt.NDArray[np.int32] | None = None
    reduction: Transform | None = None
    leak: Sequence[Leak] | None = None
    location_only: float | None = None

    @property
    def samples(self) -> WindowSamples:
        """The windows' samples; those without a place are numbered."""
        count = len(self.labels)
        rows = np.arange(count) if self.rows is None else self.rows
        cols = np.zeros(count) if self.cols is None else self.cols
        places = (rows.astype(np.int32), cols.astype(np.int32))
        return WindowSamples(self.labels, self.split.codes, self.split.groups, *places)


def write_window_set(
    folder: str | Path,
    content: WindowContent,
    windows: Iterable[RawArray],
    *,
    storage: str = "geotiff",
    notes: Sequence[str] = (),
    also: Callable[[ChipSetInfo], AbstractContextManager[None]] | None = None,
    progress: Progress,
) -> ChipSetInfo:
    """Write a chip set of windows; an earlier one in its place is replaced when all is written.

    Args:
        folder: see ``chip_folder.check_folder``.
        content: what the windows are.
        windows: their values, ``(m, side, side, bands)`` of ``dtype`` a part, in the order of the
            labels.
        storage: one of ``windows.files.FILES``.
        notes: what the user was told.
        also: entered with what the chip set will be, before it replaces an earlier one; an error
            in it keeps that, and it is left with an error where the set cannot be replaced.
        progress: told how far it is; asked for cancelling before every part.

    Raises:
        ChipSetError: it cannot be written; what was there before stays.
        DependencyError: the storage needs a package that is missing.
        ValueError: parts do not fit together.
    """
    target = check_folder(folder)
    _check(content, storage)
    with ExitStack() as together, staged_folder(target) as temporary:
        sums = _write(temporary, content, windows, storage, progress)
        info = _describe(temporary, content, sums, storage, notes)
        write_index(info)
        if also is not None:
            together.enter_context(also(replace(info, folder=target)))
    return read_chip_set(target)


def _check(content: WindowContent, storage: str) -> None:
    """Refuse what no chip set can be.

    Raises:
        ValueError: the caller's mistake, in words.
    """
    places = {content.grid is None, content.rows is None, content.cols is None}
    wrong = {
        "the kind is unknown": content.kind not in _KINDS,
        "the storage is unknown": storage not in FILES,
        "the middle of an even window is no pixel": content.kind == "pixels"
        and content.side % 2 == 0,
        "grid, rows and cols belong together": len(places) > 1,
        "the split is of other samples": len(content.split.codes) != len(content.labels),
    }
    found = next((words for words, is_so in wrong.items() if is_so), "")
    if found:
        raise ValueError(found)


def _write(
    folder: Path,
    content: WindowContent,
    windows: Iterable[RawArray],
    storage: str,
    progress: Progress,
) -> npt.NDArray[np.uint64]:
    """Write the stack; returns the sums for the hash."""
    samples, count, side = content.samples, len(content.labels), content.side
    shape = StackShape(count, side, content.dtype, content.bands, content.classes, content.grid)
    sums = np.zeros(len(content.bands), dtype=np.uint64)
    files = StackFiles(folder, storage, shape)
    done, left = 0, TimeLeft()
    try:
        for part in windows:
            progress.check_cancel()
            own = slice(done, done + len(part))
            if part.shape[1:] != (side, side, len(content.bands)) or own.stop > count:
                raise ValueError(f"windows {part.shape} do not fit {count} of side {side}")
            pixels = part.astype(content.dtype, copy=False)
            files.add(pixels, np.ones(pixels.shape[:3], dtype=bool), samples.part(own))
            # The label of a scene is that of all its pixels.
            told = pixels if content.kind == "scenes" else pixels[:, side // 2, side // 2]
            flat = told.reshape(-1, len(content.bands))
            sums += value_sums(flat, np.arange(len(flat)))
            done = own.stop
            share = done / count
            words = (f"window {done:,} of {count:,}", left.text(share))
            progress.report(share, ", ".join(word for word in words if word))
        if done != count:
            raise ValueError(f"{done} windows for {count} labels")
        files.close()
    except BaseException:
        files.abandon()
        raise
    return sums


def _describe(
    folder: Path,
    content: WindowContent,
    sums: npt.NDArray[np.uint64],
    storage: str,
    notes: Sequence[str],
) -> ChipSetInfo:
    """Put together what ``chips.json`` says."""
    samples, split, halo = content.samples, content.split, (content.side - 1) // 2
    placed = content.grid is not None
    where = (samples.row, samples.col)
    leak, alone = tuple(content.leak or ()), content.location_only
    if content.leak is None and placed:
        leak = leak_by_radius(split, *where, range(halo + 1))
        alone = location_only_score(split, *where, content.labels)
    return ChipSetInfo(
        folder=folder,
        format_version=FORMAT_VERSION,
        source_name=content.source_name,
        source_path=content.source_path,
        source_bands=max(band.index for band in content.bands),
        grid=content.grid or Grid("", NO_GEOTRANSFORM, len(samples), 1),
        dtype=content.dtype,
        bands=tuple(content.bands),
        classes=tuple(content.classes),
        chip_size=content.side,
        halo=halo,
        split_method=split.method,
        block_size=split.block_size,
        buffer=split.buffer,
        seed=split.seed,
        counts=split.counts(content.labels, len(content.classes)),
        leak=leak,
        location_only=alone,
        notes=tuple(notes),
        hash=hash_of_sums(
            row=samples.row,
            col=samples.col,
            label=samples.label,
            split=samples.split,
            sums=sums,
            bands=content.bands,
            classes=content.classes,
        ),
        chips=(),
        windows=WindowStack(storage, content.side, len(samples)),
        kind=content.kind,
        placed=placed,
        reduction=content.reduction,
    )

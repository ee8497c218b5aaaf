"""Splits from rasters: one of codes, or a mask for each part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..errors import SplitError
from ..progress import Portion, Progress
from ..raster.grid import Grid
from ..raster.opening import short_name
from ..raster.source import RasterSource
from .label_pixels import IntArray, LabelPixels
from .label_raster import read_raster_labels
from .labels import Labels
from .separation import SPLIT_NAMES, TEST, TRAIN, UNUSED, VALIDATION, Codes

#: Item of the metadata domain that says what a raster of a split holds.
KIND = "SPLIT_KIND"
PARTS, FOLDS = "parts", "folds"
MOST_FOLDS = 100
#: Item of the metadata domain that says in words how the pixels were divided.
SUMMARY = "SPLIT_SUMMARY"


@dataclass(frozen=True, eq=False)
class RasterSplit:
    """What rasters say of labelled pixels.

    Attributes:
        labels: those whose classes have a pixel in some part.
        codes: ``(n,)`` their split codes.
        notes: what the user should know: what was resampled, left out.
        warnings: what the user should look at, such as an assumed CRS.
    """

    labels: Labels
    codes: Codes
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def read_split_raster(path: str, labels: Labels, grid: Grid, progress: Progress) -> RasterSplit:
    """Read a raster of codes: 1 train, 2 validation, 3 test, 0 or nodata unused.

    Args:
        path: what GDAL opens; on another grid it is resampled (nearest), and a note says so.
        labels: the labelled pixels, in row-major order.
        grid: of the image.
        progress: told how far it is; asked for cancelling.

    Raises:
        SplitError: for other codes, a raster of folds, or where no labelled pixel has a code.
        LabelError: where the raster has nothing inside the image, or several bands.
        RasterError: where it cannot be opened.
    """
    with RasterSource(path) as raster:
        name, kind, summary = raster.name, raster.noted(KIND), raster.noted(SUMMARY)
    if kind == FOLDS:
        raise SplitError(
            f"{name} holds spatial folds, which are no training, validation and test. Choose a "
            "raster that 'Split reference' has written with another SPLIT."
        )
    found = read_raster_labels(path, grid, unlabelled=UNUSED, progress=progress)
    other = sorted(set(found.codes) - {TRAIN, VALIDATION, TEST})
    if other:
        shown = ", ".join(map(str, other[:8])) + (" ..." if len(other) > 8 else "")
        raise SplitError(
            f"{name} holds the value{'s' if len(other) > 1 else ''} {shown}; expected {TRAIN} for "
            f"train, {VALIDATION} for validation, {TEST} for test and {UNUSED} for unused. "
            "Choose a raster of a split, or give a mask raster for each part."
        )
    codes = np.zeros(len(labels), dtype=np.uint8)
    where, which = _labelled(found, labels)
    codes[where] = np.array(found.codes, dtype=np.uint8)[found.members[which]]
    source = f"The split is that of {name}{': ' if summary else ''}{summary}."
    return _finished(labels, codes, name, (source, *found.notes), tuple(found.warnings))


def read_split_masks(
    masks: Mapping[int, str], labels: Labels, grid: Grid, progress: Progress
) -> RasterSplit:
    """Read a mask for each part: every pixel that is neither 0 nor nodata belongs to it.

    Class rasters serve as masks: what they label is in.

    Args:
        masks: what GDAL opens, by split code; other grids as ``read_split_raster``.
        labels: the labelled pixels, in row-major order.
        grid: of the image.
        progress: told how far it is; asked for cancelling.

    Raises:
        SplitError: where a labelled pixel is in two masks, or none is in any.
        LabelError, RasterError: as ``read_split_raster``.
    """
    codes = np.zeros(len(labels), dtype=np.uint8)
    names = {code: short_name(path) for code, path in masks.items()}
    notes: list[str] = []
    warnings: list[str] = []
    for number, (code, path) in enumerate(masks.items()):
        part = Portion(progress, number / len(masks), (number + 1) / len(masks))
        found = read_raster_labels(path, grid, unlabelled=UNUSED, progress=part)
        where, _ = _labelled(found, labels)
        taken = codes[where][codes[where] != UNUSED]
        if len(taken):
            before = int(taken[0])
            raise SplitError(
                f"{int((taken == before).sum()):,} labelled pixels are in both {names[before]} "
                f"({SPLIT_NAMES[before]}) and {names[code]} ({SPLIT_NAMES[code]}). A pixel can be "
                "in one of them only: correct the masks."
            )
        codes[where] = code
        notes += found.notes
        warnings += found.warnings
    listed = ", ".join(f"{SPLIT_NAMES[code]} {name}" for code, name in names.items())
    source = f"The split is that of the masks: {listed}."
    every = " and ".join(names.values())
    return _finished(labels, codes, every, (source, *notes), tuple(warnings))


def read_fold_raster(
    path: str, grid: Grid, rows: IntArray, cols: IntArray, progress: Progress
) -> IntArray:
    """Read a raster of folds: the number of the fold that tests a pixel; 0 or nodata none.

    Args:
        path: what GDAL opens; on another grid it is resampled (nearest).
        grid: of the image.
        rows: ``(n,)`` of the pixels asked about.
        cols: ``(n,)``.
        progress: told how far it is; asked for cancelling.

    Returns:
        ``(n,)`` folds, 0 where a pixel is in none.

    Raises:
        SplitError: for a raster of training, validation and test, or for numbers that are none
            of folds.
        LabelError, RasterError: as ``read_split_raster``.
    """
    with RasterSource(path) as raster:
        name, kind = raster.name, raster.noted(KIND)
    if kind == PARTS:
        raise SplitError(
            f"{name} holds training, validation and test, which are no folds. Choose a raster that "
            "'Split reference' has written with SPLIT 'folds'."
        )
    found = read_raster_labels(path, grid, unlabelled=UNUSED, progress=progress)
    wrong = [code for code in found.codes if not 1 <= code <= MOST_FOLDS]
    if wrong:
        raise SplitError(
            f"{name} holds the value {wrong[0]}; a raster of folds holds 1 to {MOST_FOLDS}. "
            "Choose one that 'Split reference' has written with SPLIT 'folds'."
        )
    width = grid.width
    keys = found.rows.astype(np.int64) * width + found.cols
    order = np.argsort(keys)
    wanted = rows * width + cols
    place = order[np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)]
    codes = np.array(found.codes, dtype=np.int64)[found.members[place]]
    return np.where(keys[place] == wanted, codes, 0)


def _labelled(found: LabelPixels, labels: Labels) -> tuple[IntArray, IntArray]:
    """Return the labelled pixels that a raster says something of, and where it says it."""
    width = max(int(labels.cols.max(initial=0)), int(found.cols.max(initial=0))) + 1
    keys = labels.rows.astype(np.int64) * width + labels.cols
    wanted = found.rows.astype(np.int64) * width + found.cols
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    there = np.flatnonzero(keys[place] == wanted)
    return place[there], there


def _finished(
    labels: Labels, codes: Codes, name: str, notes: tuple[str, ...], warnings: tuple[str, ...]
) -> RasterSplit:
    """Leave out the classes that no part has; say what is not used."""
    if not codes.any():
        raise SplitError(
            f"{name} marks none of the {len(labels):,} labelled pixels. Check that it belongs to "
            "this reference, and that 0 is not one of its parts."
        )
    unused = int((codes == UNUSED).sum())
    if unused:
        notes = (*notes, f"{unused:,} labelled pixels are in no part of the split: unused.")
    present = np.bincount(labels.values[codes != UNUSED], minlength=len(labels.classes) + 1) > 0
    if present[1:].all():
        return RasterSplit(labels, codes, notes, warnings)
    gone = [info.name for info, there in zip(labels.classes, present[1:]) if not there]
    kept = present[labels.values]
    note = f"Classes without a pixel in any part are left out: {', '.join(gone)}."
    return RasterSplit(labels.keep(kept), codes[kept], (*notes, note), warnings)

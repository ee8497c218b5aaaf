"""Writing and reading chip sets; the format itself is in ``chip_format``."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..disk import room_left, write_refusal
from ..errors import ChipSetError
from ..progress import Progress
from ..raster.bands import Band
from ..raster.source import RasterSource
from ..timing import TimeLeft
from .chip_files import ChipLook, write_chip
from .chip_format import (
    FOLDERS,
    FORMAT_VERSION,
    GROUPS,
    IMAGES,
    INDEX,
    LABELS,
    Chip,
    ChipSetInfo,
)
from .chip_hash import hash_of_sums, value_sums
from .chip_index import is_chip_set, parse_index
from .chip_plan import ChipRules, PlannedChip
from .labels import Labels
from .leakage import Leak, leak_by_radius, location_only_score
from .pixel_store import valid_pixels
from .separation import SPLIT_NAMES
from .splits import Split

__all__ = ["Chip", "ChipSetInfo", "check_folder", "read_chip_set", "write_chip_set"]


def read_chip_set(folder: str | Path) -> ChipSetInfo:
    """Read what a chip set says about itself, and check that its files are there.

    Raises:
        ChipSetError: where the folder is no chip set, damaged, or lacks files.
    """
    place = Path(folder)
    index = place / INDEX
    if not place.is_dir():
        raise ChipSetError(
            f"There is no folder {place}. Choose one that 'Export training chips' has written."
        )
    try:
        text = index.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ChipSetError(
            f"The folder {place} is no chip set: it has no {INDEX}. Choose one that "
            "'Export training chips' has written."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ChipSetError(f"{index} cannot be read: {error}. Export the chips again.") from error
    info = parse_index(place, text)
    for kind in FOLDERS:
        there = {path.name for path in (place / kind).glob("*.tif")}
        lost = [chip.name for chip in info.chips if f"{chip.name}.tif" not in there]
        if lost:
            raise ChipSetError(
                f"The chip set {place} lacks {len(lost)} of {len(info.chips)} files in {kind}, "
                f"the first is {lost[0]}.tif. Export the chips again."
            )
    return info


def check_folder(folder: str | Path) -> Path:
    """Refuse a folder that a chip set must not be written to, before a long run.

    Returns:
        The absolute path. It does not exist, is empty, or is a chip set to be replaced.

    Raises:
        ChipSetError: where it is a file, holds anything else, or its parent is missing or
            cannot be written to.
    """
    place = Path(folder).absolute()
    if place.exists() and not place.is_dir():
        raise ChipSetError(f"{place} is a file; a chip set is a folder. Choose another name.")
    if not place.parent.is_dir():
        raise ChipSetError(
            f"There is no folder {place.parent} to put the chip set {place.name} into. Create it, "
            "or choose another one."
        )
    if place.is_dir():
        others = sorted({path.name for path in place.iterdir()} - {INDEX, *FOLDERS})
        if others or (any(place.iterdir()) and not is_chip_set(place)):
            shown = ", ".join(others[:3]) or f"no valid {INDEX}"
            raise ChipSetError(
                f"The folder {place} is not empty and holds more or other things than a chip set "
                f"({shown}). It is left as it is: choose another folder, or an empty one."
            )
    refusal = write_refusal(place)
    if refusal:
        raise ChipSetError(
            f"The chip set {place.name} cannot be written to {place.parent}: {refusal}. Choose a "
            "folder that you may write to, on a disk with room."
        )
    return place


@dataclass(frozen=True, eq=False)
class _Content:
    """What goes into a chip set."""

    source: RasterSource
    bands: Sequence[Band]
    labels: Labels
    split: Split
    nodata: float | None

    @property
    def positions(self) -> list[int]:
        """Where the bands are in the source."""
        return [band.index - 1 for band in self.bands]


def write_chip_set(
    folder: str | Path,
    source: RasterSource,
    bands: Sequence[Band],
    labels: Labels,
    split: Split,
    *,
    plan: Sequence[PlannedChip],
    rules: ChipRules,
    notes: Sequence[str] = (),
    also: Callable[[ChipSetInfo], None] | None = None,
    progress: Progress,
) -> ChipSetInfo:
    """Write a chip set; an earlier one in its place is replaced when all is written.

    Args:
        folder: see ``check_folder``.
        source: the raster.
        bands: the bands to use, in their order.
        labels: the labelled pixels, all of them valid in the raster.
        split: what they are used for.
        plan: where to cut, from ``plan_chips``.
        rules: of the plan.
        notes: what the user was told.
        also: called with what the chip set will be, before it replaces an earlier one; an error
            in it keeps that.
        progress: told how far it is; asked for cancelling before every chip.

    Raises:
        ChipSetError: where it cannot be written; what was there before stays.
        RasterError: where the raster cannot be read.
    """
    target = check_folder(folder)
    nodata = {band.nodata for band in bands}
    content = _Content(source, bands, labels, split, nodata.pop() if len(nodata) == 1 else None)
    with _beside(target) as temporary:
        chips, sums = _write_chips(temporary, content, plan, progress)
        info = _describe(temporary, content, chips, sums, rules=rules, notes=notes)
        text = json.dumps(info.to_json(), indent=1, ensure_ascii=False)
        (temporary / INDEX).write_text(text, encoding="utf-8")
        if also is not None:
            also(replace(info, folder=target))
        _move_into_place(temporary, target)
    return read_chip_set(target)


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """Make a folder beside the target, and remove it unless it was moved away."""
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        for kind in FOLDERS:
            (temporary / kind).mkdir(parents=True)
        yield temporary
    except OSError as error:
        raise ChipSetError(
            f"The chip set {target} cannot be written: {error.strerror or error}. Its disk has "
            f"{room_left(target)}: free some, or choose another folder (OUTPUT). What was there "
            "before is unchanged."
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _move_into_place(temporary: Path, target: Path) -> None:
    """Put the finished folder where the target is; if that fails, the old one comes back."""
    old = target.with_name(f".{target.name}.{secrets.token_hex(4)}.old")
    try:
        if target.exists():
            target.rename(old)
        try:
            temporary.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
    except OSError as error:
        raise ChipSetError(
            f"The chip set {target} cannot be replaced: {error}. If its files are open in a "
            "program, such as layers in QGIS, close them there, or choose another folder."
        ) from error
    shutil.rmtree(old, ignore_errors=True)


def _write_chips(
    folder: Path, content: _Content, plan: Sequence[PlannedChip], progress: Progress
) -> tuple[tuple[Chip, ...], npt.NDArray[np.uint64]]:
    """Write all chips; returns them, and the sums for the hash."""
    total = sum(chip.window.size for chip in plan)
    sums = np.zeros(len(content.bands), dtype=np.uint64)
    chips = []
    done, left = 0, TimeLeft()
    for number, planned in enumerate(plan, 1):
        progress.check_cancel()
        chip, part = _write_one(folder, f"{number:06d}", content, planned)
        chips.append(chip)
        sums += part
        done += planned.window.size
        text = ", ".join(p for p in (f"chip {number} of {len(plan)}", left.text(done / total)) if p)
        progress.report(done / total, text)
    return tuple(chips), sums


def _write_one(
    folder: Path, name: str, content: _Content, planned: PlannedChip
) -> tuple[Chip, npt.NDArray[np.uint64]]:
    """Write the three files of a chip."""
    window, own = planned.window, planned.members
    labels, split, bands = content.labels, content.split, content.bands
    grid = content.source.grid.sub(window)
    raw, valid = content.source.read_raw(window, content.positions)
    pixels = np.ascontiguousarray(np.moveaxis(raw, 0, -1))
    # The source may have a mask that no nodata value tells of.
    masked = not np.array_equal(valid_pixels(pixels, bands, None), valid)
    look = ChipLook([band.name for band in bands], content.nodata)
    write_chip(folder / IMAGES / f"{name}.tif", pixels, grid, look, valid if masked else None)

    down, right = labels.rows[own] - window.row, labels.cols[own] - window.col
    kind = np.uint8 if len(labels.classes) < 256 else np.uint16
    label = np.zeros((window.height, window.width, 1), dtype=kind)
    label[down, right, 0] = labels.values[own]
    look = ChipLook(["class"], 0, labels.classes)
    write_chip(folder / LABELS / f"{name}.tif", label, grid, look)

    group = np.zeros((window.height, window.width, 2), dtype=np.int32)
    group[down, right, 0], group[down, right, 1] = split.codes[own], split.groups[own]
    write_chip(folder / GROUPS / f"{name}.tif", group, grid, ChipLook(["split", "group"]))

    found = np.bincount(split.codes[own], minlength=len(SPLIT_NAMES))
    counts = {word: int(count) for word, count in zip(SPLIT_NAMES, found)}
    index = down.astype(np.int64) * window.width + right
    part = value_sums(pixels.reshape(-1, len(bands)), index)
    return Chip(name, window, planned.box, counts), part


def _describe(
    folder: Path,
    content: _Content,
    chips: tuple[Chip, ...],
    sums: npt.NDArray[np.uint64],
    *,
    rules: ChipRules,
    notes: Sequence[str],
) -> ChipSetInfo:
    """Put together what ``chips.json`` says."""
    labels, split, source = content.labels, content.split, content.source
    return ChipSetInfo(
        folder=folder,
        format_version=FORMAT_VERSION,
        source_name=source.name,
        source_path=source.path,
        source_bands=len(source.bands),
        grid=source.grid,
        dtype=source.dtype.name,
        bands=tuple(content.bands),
        classes=labels.classes,
        chip_size=rules.chip_size,
        halo=rules.halo,
        split_method=split.method,
        block_size=split.block_size,
        buffer=split.buffer,
        seed=split.seed,
        counts=split.counts(labels.values, len(labels.classes)),
        leak=_leaks(labels, split, rules.halo),
        location_only=location_only_score(split, labels.rows, labels.cols, labels.values),
        notes=tuple(notes),
        hash=hash_of_sums(
            row=labels.rows,
            col=labels.cols,
            label=labels.values,
            split=split.codes,
            sums=sums,
            bands=content.bands,
            classes=labels.classes,
        ),
        chips=chips,
    )


def _leaks(labels: Labels, split: Split, halo: int) -> tuple[Leak, ...]:
    return leak_by_radius(split, labels.rows, labels.cols, range(halo + 1))


def stored_bytes(plan: Sequence[PlannedChip], bands: int, dtype: np.dtype[Any]) -> int:
    """Return the bytes of a plan's image values, before compression."""
    return sum(chip.window.size for chip in plan) * bands * dtype.itemsize

"""Reading ``chips.json``: what must be in it, and what is wrong where it is not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ChipSetError, HsicnnError
from ..raster.bands import Band
from ..raster.grid import Grid
from ..raster.windows import Window, clip, grow, inside
from ..reduction.transform import Transform, transform_from_json
from ..stored_json import Kinds, check_fields, check_items, read_json, shown
from .chip_files import TYPES
from .chip_format import (
    FOLDERS,
    FORMAT,
    FORMAT_VERSION,
    INDEX,
    MOST_CHIP_BYTES,
    Chip,
    ChipSetInfo,
    WindowStack,
)
from .classes import MAX_CLASSES, ClassInfo
from .leakage import Leak
from .separation import SPLIT_NAMES
from .tiles.settings import KINDS
from .tiles.tile_set import fault_of_tiles, parse_tiles
from .windows.files import FILES, NAMES, SPECTRA

_FIELDS: Mapping[str, Kinds] = {
    "format_version": int,
    "dtype": str,
    "bands": list,
    "classes": list,
    "chip_size": int,
    "halo": int,
    "counts": dict,
    "leak": list,
    "location_only": (float, type(None)),
    "notes": list,
    "hash": str,
    "chips": list,
}
_SINCE_2: Mapping[str, Kinds] = {"kind": str, "placed": bool, "windows": (dict, type(None))}
_SOURCE = {"name": str, "path": str, "bands": int, "grid": dict}
_WINDOWS = {"storage": str, "side": int, "count": int}
_SPLIT = {"method": str, "block_size": int, "buffer": int, "seed": int}
_LEAK = {"radius": int, "test_centres_inside": float, "test_patches_touching": float}
_CHIP = {"name": str, "window": list, "box": list, "counts": dict}


def is_chip_set(folder: Path) -> bool:
    """Tell whether a folder holds a chip set, of whatever version."""
    return bool(_record(folder))


def own_files(folder: Path) -> set[str]:
    """Return the files that a chip set says are its own, below its folder."""
    record = _record(folder)
    chips = record.get("chips")
    found = [
        f"{kind}/{chip.get('name')}.tif"
        for chip in (chips if isinstance(chips, list) else ())
        if isinstance(chip, dict)
        for kind in FOLDERS
    ]
    tiles = record.get("tiles")
    if isinstance(tiles, dict):
        records = [item for item in tiles.get("tiles", ()) if isinstance(item, dict)]
        told = [item.get(key) for item in records for key in ("image", "label")]
        found += [n for n in (*told, *tiles.get("files", ())) if isinstance(n, str) and n]
    return {INDEX, *found, *NAMES}


def _record(folder: Path) -> Mapping[str, Any]:
    """Return what the index of a chip set holds; nothing where there is none."""
    try:
        record = read_json((folder / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) and record.get("format") == FORMAT else {}


def parse_index(folder: Path, text: str) -> ChipSetInfo:
    """Read ``chips.json`` and check everything it says.

    Raises:
        ChipSetError: where it is not a chip set's, damaged, or of a newer version.
    """
    try:
        record = read_json(text)
    except ValueError as error:
        raise ChipSetError(
            f"{folder / INDEX} is damaged ({error}). Export the chips again."
        ) from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise ChipSetError(
            f"{folder / INDEX} does not belong to a chip set of this plugin. Choose the folder "
            "that 'Export training chips' has written."
        )
    version = record.get("format_version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise ChipSetError(f"{folder / INDEX} has no format version. Export the chips again.")
    if version > FORMAT_VERSION:
        raise ChipSetError(
            f"The chip set {folder} has format version {version}; this plugin reads up to "
            f"{FORMAT_VERSION}. Update the plugin."
        )
    try:
        info = _info(folder, record)
    except (TypeError, ValueError, HsicnnError) as error:
        raise ChipSetError(
            f"{folder / INDEX} is damaged: {str(error).rstrip('.')}. Export the chips again."
        ) from error
    _check(info)
    return info


def _info(folder: Path, record: Mapping[str, Any]) -> ChipSetInfo:
    """Put the parts together; whatever is missing or of the wrong type raises."""
    check_fields(record, {**_FIELDS, "source": dict, "split": dict}, "it")
    source = check_fields(record["source"], _SOURCE, "its 'source'")
    split = check_fields(record["split"], _SPLIT, "its 'split'")
    if record["format_version"] < 2:  # there were only pixels in chips
        record = {**record, "kind": "pixels", "placed": True, "windows": None}
    check_fields(record, _SINCE_2, "it")
    leaks = [check_fields(leak, _LEAK, "a 'leak'") for leak in record["leak"]]
    return ChipSetInfo(
        folder=folder,
        format_version=record["format_version"],
        source_name=source["name"],
        source_path=source["path"],
        source_bands=source["bands"],
        grid=Grid.from_json(source["grid"]),
        dtype=record["dtype"],
        bands=tuple(Band.from_json(band) for band in record["bands"]),
        classes=tuple(ClassInfo.from_json(item) for item in record["classes"]),
        chip_size=record["chip_size"],
        halo=record["halo"],
        split_method=split["method"],
        block_size=split["block_size"],
        buffer=split["buffer"],
        seed=split["seed"],
        counts={
            name: check_items(row, int, f"counts of {name}")
            for name, row in record["counts"].items()
        },
        leak=tuple(Leak(**{key: leak[key] for key in _LEAK}) for leak in leaks),
        location_only=record["location_only"],
        notes=tuple(str(note) for note in record["notes"]),
        hash=record["hash"],
        chips=tuple(_chip(chip) for chip in record["chips"]),
        windows=_windows(record["windows"]),
        kind=record["kind"],
        placed=record["placed"],
        reduction=_reduction(record.get("reduction")),
        tiles=parse_tiles(record.get("tiles")),
    )


def _windows(record: Any) -> WindowStack | None:
    if record is None:
        return None
    found = check_fields(record, _WINDOWS, "its 'windows'")
    return WindowStack(**{key: found[key] for key in _WINDOWS})


def _reduction(record: Any) -> Transform | None:
    return None if record is None else transform_from_json(record, "its 'reduction'")


def _chip(record: Any) -> Chip:
    chip = check_fields(record, _CHIP, "a chip")
    counts = dict(
        zip(chip["counts"], check_items(list(chip["counts"].values()), int, "a chip's counts"))
    )
    window, box = (check_items(chip[key], int, f"a chip's {key}") for key in ("window", "box"))
    return Chip(chip["name"], Window(*window), Window(*box), counts)


def _check(info: ChipSetInfo) -> None:
    """Check that the parts fit together.

    Raises:
        ChipSetError: where they don't.
    """
    wrong = _fault_of_tables(info) or _fault_of_windows(info)
    shape = (info.grid.height, info.grid.width)
    wrong = wrong or fault_of_tiles(info.tiles, info.kind, *shape, len(info.classes))
    for chip in info.chips:
        wrong = wrong or _fault_of_chip(info, chip)
    if wrong:
        raise ChipSetError(f"{info.folder / INDEX} is damaged: {wrong}. Export the chips again.")


def _fault_of_tables(info: ChipSetInfo) -> str:
    """What is wrong with bands, classes, counts and the list of chips; empty where nothing is."""
    names, classes = {chip.name for chip in info.chips}, len(info.classes)
    faults = {
        "it has no bands or no classes": not (info.bands and classes),
        "it has neither chips nor windows": not (info.chips or info.windows or info.tiles),
        f"it is of the unknown kind {shown(info.kind)}": info.kind not in KINDS,
        "its chips have no place": bool(info.chips) and not (info.placed and info.kind == "pixels"),
        f"it cannot hold values of type {shown(info.dtype)}": info.dtype not in TYPES,
        f"it has {classes:,} classes, more than there can be": classes > MAX_CLASSES,
        "the halo is negative": info.halo < 0,
        "two chips have one name": len(names) < len(info.chips),
        "the counts are not one for each class": any(
            len(row) != classes for row in info.counts.values()
        ),
        f"the counts are not those of {', '.join(SPLIT_NAMES)}": set(info.counts)
        != set(SPLIT_NAMES),
    }
    return next((words for words, found in faults.items() if found), "")


def _fault_of_windows(info: ChipSetInfo) -> str:
    """What is wrong with the stack of windows; empty where nothing is."""
    stack = info.windows
    if stack is None:
        return ""
    value_bytes = max(stack.side, 1) ** 2 * len(info.bands) * np.dtype(info.dtype).itemsize
    faults = {
        f"it stores windows in the unknown format {shown(stack.storage)}": stack.storage
        not in FILES,
        "it has a stack without windows": stack.count < 1,
        "its windows are not as large as its halo": (stack.side - 1) // 2 != info.halo
        or (info.kind == "pixels" and stack.side % 2 == 0),
        "its tables hold more than spectra": stack.storage in SPECTRA and stack.side != 1,
        "its windows are larger than any that are ever written": value_bytes > MOST_CHIP_BYTES,
        "its windows without a place are not the rows of its grid": not info.placed
        and (info.grid.height, info.grid.width) != (stack.count, 1),
    }
    return next((words for words, found in faults.items() if found), "")


def _fault_of_chip(info: ChipSetInfo, chip: Chip) -> str:
    """What is wrong with a chip; empty where nothing is."""
    name, height, width = chip.name, info.grid.height, info.grid.width
    if Path(name).name != name or name in {"", ".", ".."} or len(name) > 100:
        return f"a chip's name is not a plain file name: {shown(name)}"
    full = grow(chip.box, info.halo)
    if not inside(chip.box, height, width) or chip.window != clip(full, height, width):
        return f"chip {name} does not lie in its raster, or has another halo"
    if full.size * len(info.bands) * np.dtype(info.dtype).itemsize > MOST_CHIP_BYTES:
        return f"chip {name} is larger than any that is ever written"
    return ""

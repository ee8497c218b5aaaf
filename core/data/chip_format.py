"""The chip set's format: what ``chips.json`` says, and how it is checked when it is read.

A chip set is a folder::

    chips.json        everything below
    images/NAME.tif   image values in the source's data type, halo included
    labels/NAME.tif   1..k where this chip holds the label (position in the classes), else 0
    groups/NAME.tif   two bands: split code, and block or polygon id, of those pixels

A labelled pixel is a label in one chip only. Around it the image goes on for HALO pixels
or to the raster's edge.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ChipSetError, HsicnnError
from ..raster.bands import Band
from ..raster.grid import Grid
from ..raster.windows import Window, clip, grow, inside
from .classes import ClassInfo
from .leakage import Leak
from .separation import SPLIT_NAMES

FORMAT = "hsicnn chip set"
FORMAT_VERSION = 1
INDEX = "chips.json"
IMAGES, LABELS, GROUPS = FOLDERS = ("images", "labels", "groups")


@dataclass(frozen=True)
class Chip:
    """One chip.

    Attributes:
        name: of its three files, without ``.tif``.
        window: the pixels of the source that its files hold.
        box: the pixels of the source that it may hold labels of; ``window`` is this with
            the halo, cut at the raster's edges.
        counts: labelled pixels by the name of the split.
    """

    name: str
    window: Window
    box: Window
    counts: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "name": self.name,
            "window": list(self.window),
            "box": list(self.box),
            "counts": dict(self.counts),
        }


@dataclass(frozen=True)
class ChipSetInfo:
    """Everything about a chip set but its pixels.

    Attributes:
        folder: where it is.
        format_version: of its format.
        source_name: file name of the raster it was cut from.
        source_path: where that was.
        source_bands: how many bands it had.
        grid: its grid.
        dtype: numpy name of the values in the image chips.
        bands: the bands used, in the order of the chips; ``index`` is the source's.
        classes: value ``v`` in a label chip is ``classes[v - 1]``.
        chip_size: largest side of a chip's box in pixels.
        halo: pixels around a box.
        split_method: ``blocks``, ``random``, ``polygons`` or ``field``.
        block_size: of the split, in pixels; 0 where it has no blocks.
        buffer: of the split, in pixels.
        seed: of the split.
        counts: labelled pixels of each class, by the name of the split.
        leak: overlap of test and training patches for every radius 0..halo.
        location_only: share of test pixels that location alone gets right; None where
            nothing is tested.
        notes: what the user was told at the export.
        hash: of labelled pixels, split, bands, classes and the values there; the same
            whatever the chip size and the halo.
        chips: all chips.
    """

    folder: Path
    format_version: int
    source_name: str
    source_path: str
    source_bands: int
    grid: Grid
    dtype: str
    bands: tuple[Band, ...]
    classes: tuple[ClassInfo, ...]
    chip_size: int
    halo: int
    split_method: str
    block_size: int
    buffer: int
    seed: int
    counts: Mapping[str, list[int]]
    leak: tuple[Leak, ...]
    location_only: float | None
    notes: tuple[str, ...]
    hash: str
    chips: tuple[Chip, ...]

    @property
    def split_hash(self) -> str:
        """The same as ``hash``: the name it has in model files."""
        return self.hash

    def leak_at(self, radius: int) -> Leak | None:
        """Return the leak for patches of a radius; nothing where it was not worked out."""
        return next((leak for leak in self.leak if leak.radius == radius), None)

    def path(self, kind: str, chip: Chip) -> Path:
        """Return the file of a chip in ``images``, ``labels`` or ``groups``."""
        return self.folder / kind / f"{chip.name}.tif"

    def to_json(self) -> dict[str, Any]:
        """Return what ``chips.json`` holds."""
        return {
            "format": FORMAT,
            "format_version": self.format_version,
            "source": {
                "name": self.source_name,
                "path": self.source_path,
                "bands": self.source_bands,
                "grid": self.grid.to_json(),
            },
            "dtype": self.dtype,
            "bands": [band.to_json() for band in self.bands],
            "classes": [
                {"value": value, **item.to_json()} for value, item in enumerate(self.classes, 1)
            ],
            "chip_size": self.chip_size,
            "halo": self.halo,
            "split": {
                "method": self.split_method,
                "block_size": self.block_size,
                "buffer": self.buffer,
                "seed": self.seed,
                "codes": {name: code for code, name in enumerate(SPLIT_NAMES)},
            },
            "counts": {name: list(counts) for name, counts in self.counts.items()},
            "leak": [leak.to_json() for leak in self.leak],
            "location_only": self.location_only,
            "notes": list(self.notes),
            "hash": self.hash,
            "chips": [chip.to_json() for chip in self.chips],
        }


def is_chip_set(folder: Path) -> bool:
    """Tell whether a folder holds a chip set, of whatever version."""
    try:
        record = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(record, dict) and record.get("format") == FORMAT


def parse_index(folder: Path, text: str) -> ChipSetInfo:
    """Read ``chips.json`` and check everything it says.

    Raises:
        ChipSetError: where it is not a chip set's, damaged, or of a newer version.
    """
    try:
        record = json.loads(text)
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
    if not isinstance(version, int) or version < 1:
        raise ChipSetError(f"{folder / INDEX} has no format version. Export the chips again.")
    if version > FORMAT_VERSION:
        raise ChipSetError(
            f"The chip set {folder} has format version {version}; this plugin reads up to "
            f"{FORMAT_VERSION}. Update the plugin."
        )
    try:
        info = _info(folder, record)
    except (KeyError, TypeError, ValueError, HsicnnError) as error:
        raise ChipSetError(
            f"{folder / INDEX} is damaged ({type(error).__name__}: {error}). "
            "Export the chips again."
        ) from error
    _check(info)
    return info


def _info(folder: Path, record: Mapping[str, Any]) -> ChipSetInfo:
    """Put the parts together; whatever is missing or of the wrong type raises."""
    source, split = record["source"], record["split"]
    score = record["location_only"]
    return ChipSetInfo(
        folder=folder,
        format_version=int(record["format_version"]),
        source_name=str(source["name"]),
        source_path=str(source["path"]),
        source_bands=int(source["bands"]),
        grid=Grid.from_json(source["grid"]),
        dtype=np.dtype(str(record["dtype"])).name,
        bands=tuple(Band.from_json(band) for band in record["bands"]),
        classes=tuple(ClassInfo.from_json(item) for item in record["classes"]),
        chip_size=int(record["chip_size"]),
        halo=int(record["halo"]),
        split_method=str(split["method"]),
        block_size=int(split["block_size"]),
        buffer=int(split["buffer"]),
        seed=int(split["seed"]),
        counts={str(name): [int(n) for n in row] for name, row in record["counts"].items()},
        leak=tuple(
            Leak(
                int(leak["radius"]),
                float(leak["test_centres_inside"]),
                float(leak["test_patches_touching"]),
            )
            for leak in record["leak"]
        ),
        location_only=None if score is None else float(score),
        notes=tuple(str(note) for note in record["notes"]),
        hash=str(record["hash"]),
        chips=tuple(_chip(chip) for chip in record["chips"]),
    )


def _chip(record: Mapping[str, Any]) -> Chip:
    counts = {str(name): int(n) for name, n in record["counts"].items()}
    window, box = (Window(*(int(n) for n in record[key])) for key in ("window", "box"))
    return Chip(str(record["name"]), window, box, counts)


def _check(info: ChipSetInfo) -> None:
    """Check that the parts fit together.

    Raises:
        ChipSetError: where they don't.
    """
    wrong = ""
    names = [chip.name for chip in info.chips]
    if not info.bands or not info.classes or not info.chips:
        wrong = "it has no bands, no classes or no chips"
    elif info.halo < 0 or len(set(names)) < len(names):
        wrong = "the halo is negative, or two chips have one name"
    elif any(Path(name).name != name or name in {"", ".", ".."} for name in names):
        wrong = "a chip's name is not a plain file name"
    elif any(len(row) != len(info.classes) for row in info.counts.values()):
        wrong = "the counts are not one for each class"
    elif set(info.counts) != set(SPLIT_NAMES):
        wrong = f"the counts are not those of {', '.join(SPLIT_NAMES)}"
    else:
        height, width = info.grid.height, info.grid.width
        for chip in info.chips:
            whole = inside(chip.box, height, width)
            if not whole or chip.window != clip(grow(chip.box, info.halo), height, width):
                wrong = f"chip {chip.name} does not lie in its raster, or has another halo"
    if wrong:
        raise ChipSetError(f"{info.folder / INDEX} is damaged: {wrong}. Export the chips again.")

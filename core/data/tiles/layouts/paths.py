"""The files of a tile in each layout.

- ``hsicnn``: ``images/NAME.tif`` and, of tiles, ``labels/NAME.tif``; the split is in chips.json.
- ``esri``: the same, of training tiles; validation and test are sets of their own in
  ``validation/`` and ``test/``, for the reader draws its validation from all that it finds.
- ``imagenet``: ``train/CLASS/NAME.tif``, ``val/...``, ``test/...``.
- ``torchgeo``: ``train/images/NAME.tif`` and ``train/masks/NAME.tif``, ``val/...``, ``test/...``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...classes import ClassInfo
from ...separation import TEST, TRAIN, VALIDATION
from ..tile_set import STORAGES

_SHORT = {TRAIN: "train", VALIDATION: "val", TEST: "test"}
#: Names of devices, which Windows lets no file have, with no ending either.
_PORTS = (f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³")
_RESERVED = frozenset(["con", "prn", "aux", "nul", *_PORTS])
#: Folders of the Esri sets beside the training set.
ESRI_PARTS = {TRAIN: "", VALIDATION: "validation/", TEST: "test/"}


def tile_paths(
    layout: str, kind: str, storage: str, *, code: int, name: str, class_folder: str
) -> tuple[str, str]:
    """Return the paths of a tile's image and of its labels, from the folder of the set on.

    Args:
        layout: one of ``settings.LAYOUTS``.
        kind: ``tiles`` or ``scenes``.
        storage: of the image.
        code: of its split.
        name: of the tile.
        class_folder: of a scene's class.

    Returns:
        The second is empty where there is no such file.
    """
    image = f"{name}{STORAGES[storage][1]}"
    if layout == "imagenet":
        return f"{_SHORT[code]}/{class_folder}/{image}", ""
    if layout == "torchgeo":
        return f"{_SHORT[code]}/images/{image}", f"{_SHORT[code]}/masks/{name}.tif"
    part = ESRI_PARTS[code] if layout == "esri" else ""
    if kind == "tiles":
        return f"{part}images/{image}", f"{part}labels/{name}.tif"
    label = f"{part}labels/{name}.xml" if layout == "esri" else ""
    return f"{part}images/{image}", label


def class_folders(classes: Sequence[ClassInfo]) -> list[str]:
    """Return a folder's name for every class: its own, where that can be one, and each once."""
    found: list[str] = []
    taken: set[str] = set()
    for item in classes:
        words = re.sub(r"[^\w.-]+", "_", item.name).strip("._") or f"class_{item.code}"
        if words.split(".")[0].lower() in _RESERVED:
            words = f"class_{words}"
        name = words
        # Some systems take upper and lower case for the same.
        while name.lower() in taken:
            name = f"{name}_{item.code}"
        taken.add(name.lower())
        found.append(name)
    return found

"""Which labels a tile of a split gets: a polygon is never in two splits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..labels import Labels
from ..separation import UNUSED, Codes
from ..splits import Split
from .candidates import Candidates, class_of
from .label_index import LabelIndex
from .place import TilePlace
from .settings import TileSettings

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Labelling:
    """Labels of tiles after the division.

    Attributes:
        index: of the labelled pixels.
        codes: ``(groups + 1,)`` the split each polygon or group belongs to; None where tiles
            were not divided by them.
    """

    index: LabelIndex
    codes: Codes | None

    @property
    def labels(self) -> Labels:
        """The labelled pixels."""
        return self.index.labels

    def under(self, place: TilePlace, code: int) -> tuple[IntArray, IntArray]:
        """Return ``(n,)`` positions in a tile that have a label, and ``(n,)`` which label."""
        flat, which = self.index.under(place)
        if self.codes is not None:
            own = self.codes[self.labels.groups[which]] == code
            flat, which = flat[own], which[own]
        return flat, which

    def held(self, row: int, col: int, size: int, code: int) -> IntArray:
        """Return which labelled pixels count in a tile that is not turned, row-major."""
        own = self.index.held(TilePlace(row, col, size).window)
        return own if self.codes is None else own[self.codes[self.labels.groups[own]] == code]


def make_labelling(index: LabelIndex, found: Candidates, split: Split, size: int) -> Labelling:
    """Give every polygon to the split of the tiles that it was divided by, or that hold most of it.

    Args:
        index: of the labelled pixels.
        found: the tiles.
        split: of them.
        size: of tiles in pixels.
    """
    if split.method not in ("polygons", "field", "raster"):
        return Labelling(index, None)
    groups = index.labels.groups
    held = np.zeros((int(groups.max(initial=0)) + 1, 4))
    for row, col, code, group in zip(*_columns(found, split)):
        if code == UNUSED:
            continue
        own = groups[index.held(TilePlace(row, col, size).window)]
        np.add.at(held, (own, code), 1.0)
        held[group, code] += np.inf  # its own tile decides
    return Labelling(
        index, np.where(held.any(axis=1), held.argmax(axis=1), UNUSED).astype(np.uint8)
    )


def without_foreign(
    labelling: Labelling, found: Candidates, split: Split, settings: TileSettings
) -> tuple[Split, list[str]]:
    """Leave out what only polygons of another split gave its labels or its class.

    Args:
        labelling: of the tiles, after the division.
        found: the tiles.
        split: of them.
        settings: of the tiles.

    Returns:
        The split; and what was left out, for the user.
    """
    if labelling.codes is None:
        return split, []
    scenes, size = settings.kind == "scenes", settings.tile_size
    least = max(settings.min_labelled * size * size - 1e-6, 1) if scenes else 1
    codes = split.codes.copy()
    for at in np.flatnonzero(codes != UNUSED).tolist():
        place = (int(found.rows[at]), int(found.cols[at]))
        own = labelling.held(*place, size, int(codes[at]))
        if scenes:
            value = int(found.values[at])
            same = class_of(labelling.labels, own, place, settings) == value
            own = own[labelling.labels.values[own] == value] if same else own[:0]
        if len(own) < least:
            codes[at] = UNUSED
    lost = int((codes != split.codes).sum())
    note = (
        f"{lost:,} {settings.kind} are left out: without the polygons of other splits they have "
        f"{'another class, or none' if scenes else 'no labels'}."
    )
    return replace(split, codes=codes), [note] if lost else []


def _columns(found: Candidates, split: Split) -> Sequence[list[int]]:
    return [found.rows.tolist(), found.cols.tolist(), split.codes.tolist(), split.groups.tolist()]

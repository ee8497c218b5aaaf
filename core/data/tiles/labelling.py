"""Which labels a tile of a split gets: a polygon is never in two splits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..labels import Labels
from ..separation import UNUSED, Codes
from ..splits import Split
from .candidates import Candidates
from .label_index import LabelIndex
from .place import TilePlace

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


def _columns(found: Candidates, split: Split) -> Sequence[list[int]]:
    return [found.rows.tolist(), found.cols.tolist(), split.codes.tolist(), split.groups.tolist()]

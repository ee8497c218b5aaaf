"""Labels: the labelled pixels of a raster, sparse, from reference data of any kind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .classes import ClassInfo


@dataclass(frozen=True, eq=False)
class Labels:
    """Labelled pixels on a grid, in row-major order, each pixel once.

    Attributes:
        rows: ``(n,)`` int32.
        cols: ``(n,)`` int32.
        values: ``(n,)`` uint16, 1..k: position in ``classes`` plus one.
        classes: the classes that have a pixel.
        groups: ``(n,)`` int32, the polygon or point (1, 2, ... in the layer's order) that
            gave the label, 0 for labels of a raster.
        notes: what the user should know: what was dropped, resampled, reprojected.
        group_names: where a field said which pixels belong together, its values: group
            ``g`` is ``group_names[g - 1]``.
    """

    rows: npt.NDArray[np.int32]
    cols: npt.NDArray[np.int32]
    values: npt.NDArray[np.uint16]
    classes: tuple[ClassInfo, ...]
    groups: npt.NDArray[np.int32]
    notes: tuple[str, ...] = ()
    group_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    def counts(self) -> list[int]:
        """Return the labelled pixels of each class."""
        found = np.bincount(self.values, minlength=len(self.classes) + 1)
        return [int(count) for count in found[1:]]

    def keep(self, mask: npt.NDArray[np.bool_], *notes: str) -> Labels:
        """Return the labels where ``mask`` is true; classes left without a pixel go."""
        values = self.values[mask]
        present = np.flatnonzero(np.bincount(values, minlength=len(self.classes) + 1))
        renumbered = np.zeros(len(self.classes) + 1, dtype=np.uint16)
        renumbered[present] = np.arange(1, len(present) + 1)
        return Labels(
            self.rows[mask],
            self.cols[mask],
            renumbered[values],
            tuple(self.classes[value - 1] for value in present),
            self.groups[mask],
            (*self.notes, *notes),
            self.group_names,
        )

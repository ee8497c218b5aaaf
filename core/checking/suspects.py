"""Samples that somebody should look at, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from ..inspection.finding import ERROR, WARNING, Finding

DISPUTED = "two classes claim it"
NODATA = "no values here"
STUCK = "values repeat"
TWIN = "same spectrum, other class"
CONTRARY = "looks like another class"
OUTLIER = "unlike its class"

#: Every kind of suspicion, the surest first, with its severity and colour on the map.
KINDS = {
    DISPUTED: (ERROR, "#d55e00"),
    NODATA: (ERROR, "#332288"),
    STUCK: (WARNING, "#cc79a7"),
    TWIN: (WARNING, "#f0e442"),
    CONTRARY: (WARNING, "#e69f00"),
    OUTLIER: (WARNING, "#56b4e9"),
}
#: Samples of a kind that are shown at the most; the report counts all.
MOST = 5000


@dataclass(frozen=True)
class Suspect:
    """A labelled pixel that may be wrong.

    Attributes:
        row: on the image's grid.
        col: likewise.
        kind: one of ``KINDS``.
        label: name of its class; of two, where both claim it.
        code: of its class, None where two claim it.
        score: 0..1, how sure: 1 where it is a fact.
        reason: in words.
        suggested: name of the class that it looks like; empty where none does.
        suggested_code: of that class.
        also: other kinds that hold for the same pixel.
    """

    row: int
    col: int
    kind: str
    label: str
    code: int | None
    score: float
    reason: str
    suggested: str = ""
    suggested_code: int | None = None
    also: tuple[str, ...] = ()

    @property
    def severity(self) -> str:
        """Of its kind."""
        return KINDS[self.kind][0]


@dataclass(frozen=True)
class Verdict:
    """What one look at the samples gave.

    Attributes:
        findings: what to look at.
        suspects: the samples concerned, ``MOST`` of a kind.
    """

    findings: list[Finding] = field(default_factory=list)
    suspects: list[Suspect] = field(default_factory=list)


def some(indices: npt.NDArray[np.int64], generator: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return indices to show: all, or ``MOST`` of them drawn at random."""
    if len(indices) <= MOST:
        return indices
    return np.sort(generator.permutation(indices)[:MOST])


def each_pixel_once(suspects: Iterable[Suspect]) -> list[Suspect]:
    """Put together what concerns the same pixel, the surest kind first; sorted by kind."""
    order = list(KINDS)
    places: dict[tuple[int, int], list[Suspect]] = defaultdict(list)
    for item in suspects:
        places[item.row, item.col].append(item)
    found = []
    for own in places.values():
        own.sort(key=lambda item: order.index(item.kind))
        hint = next((item for item in own if item.suggested), own[0])
        found.append(
            replace(
                own[0],
                reason=" ".join(item.reason for item in own),
                suggested=hint.suggested,
                suggested_code=hint.suggested_code,
                also=tuple(item.kind for item in own[1:]),
            )
        )
    found.sort(key=lambda item: (order.index(item.kind), -item.score, item.row, item.col))
    return found


def listed(names: Sequence[str], most: int = 10) -> str:
    """Return names in a sentence: the first ones, and how many more there are."""
    words = ", ".join(f"'{name}'" for name in names[:most])
    return words if len(names) <= most else f"{words} and {len(names) - most} more"

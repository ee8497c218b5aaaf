"""Which class of the map is which class of the reference: by name, then by value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..data.classes import ClassInfo
from ..errors import InputError


@dataclass(frozen=True)
class Matched:
    """The classes of an assessment.

    Attributes:
        classes: of the reference first, then those that only the map has.
        from_map: for every map code its class: position in ``classes`` plus one.
        notes: what was matched by value, and what found no partner.
    """

    classes: tuple[ClassInfo, ...]
    from_map: dict[int, int]
    notes: tuple[str, ...]

    def values(self, codes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the class 1..k of every map code ``(n,)``; 0 where it is none."""
        known = np.asarray(sorted(self.from_map), dtype=np.int64)
        targets = np.asarray([self.from_map[int(code)] for code in known], dtype=np.int64)
        if not known.size:
            return np.zeros(codes.shape, dtype=np.int64)
        place = np.searchsorted(known, codes).clip(0, known.size - 1)
        return np.where(known[place] == codes, targets[place], 0)


def match_classes(
    reference: Sequence[ClassInfo], legend: Sequence[ClassInfo], map_name: str
) -> Matched:
    """Find the partner of every class.

    Names are compared without regard to case and blanks. What has no partner by name is
    matched by value, and the notes say so where both have names of their own.

    Args:
        reference: the classes of the reference.
        legend: the classes of the map; the name is empty where the map gives none.
        map_name: of the map, for the messages.

    Raises:
        InputError: where no class of the reference is in the map.
    """
    partner: dict[int, int] = {}  # map code -> reference position
    by_name = {_key(item.name): place for place, item in enumerate(reference)}
    for item in legend:
        place = by_name.get(_key(item.name)) if item.name else None
        if place is not None and place not in partner.values():
            partner[item.code] = place
    by_value: list[str] = []
    for place, item in enumerate(reference):
        other = next((entry for entry in legend if entry.code == item.code), None)
        if place in partner.values() or other is None or other.code in partner:
            continue
        partner[other.code] = place
        if other.name:
            by_value.append(f"{item.code} ('{item.name}' and '{other.name}')")
    if not partner:
        raise InputError(
            f"No class of the reference ({_titles(reference)}) is in {map_name} "
            f"({_titles(legend) or 'no classes'}): neither names nor values agree. Choose the map "
            "that was made with these classes, or another FIELD of the reference."
        )
    return _joined(reference, legend, partner, by_value)


def _joined(
    reference: Sequence[ClassInfo],
    legend: Sequence[ClassInfo],
    partner: dict[int, int],
    by_value: list[str],
) -> Matched:
    classes = list(reference)
    from_map = {code: place + 1 for code, place in partner.items()}
    for item in legend:
        if item.code not in from_map:
            name = item.name or f"class {item.code}"
            classes.append(ClassInfo(item.code, name, item.color))
            from_map[item.code] = len(classes)
    notes = []
    if by_value:
        notes.append(f"Classes matched by value, not by name: {', '.join(by_value)}.")
    absent = [reference[p] for p in range(len(reference)) if p not in partner.values()]
    if absent:
        notes.append(f"Not in the map at all, so always wrong: {_titles(absent)}.")
    return Matched(tuple(classes), from_map, tuple(notes))


def _key(name: str) -> str:
    return " ".join(name.casefold().split())


def _titles(classes: Sequence[ClassInfo]) -> str:
    shown = [item.name or str(item.code) for item in classes]
    return ", ".join(shown[:8]) + (" …" if len(shown) > 8 else "")

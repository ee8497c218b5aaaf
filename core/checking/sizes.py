"""Classes with little to learn from: few pixels, few places, or next to nothing beside others."""

from __future__ import annotations

from collections.abc import Sequence

from ..data.classes import ClassInfo
from ..data.split_notes import THIN
from ..inspection.finding import ERROR, NOTE, WARNING, Finding
from .suspects import listed

FEW_PATCHES = 3  # one each for training, validation and test
_UNEVEN, _VERY_UNEVEN = 20, 100  # times as many pixels in the largest class as in the smallest


def check_sizes(
    classes: Sequence[ClassInfo], counts: Sequence[int], patches: Sequence[int], what: str
) -> list[Finding]:
    """Look at how much of each class there is.

    Args:
        classes: of the labels.
        counts: usable pixels of each.
        patches: polygons, points or patches of each.
        what: these are called, such as ``polygons``.
    """
    findings = []
    present = [(item.name, n, p) for item, n, p in zip(classes, counts, patches) if n]
    if len(present) < 2:
        found = f"Only one class has usable pixels, {listed([name for name, _, _ in present])}."
        advice = "A classifier needs two or more: choose another field, or label other classes too."
        findings.append(Finding(ERROR, "classes", found, advice))
    lone = [name for name, count, _ in present if count == 1]
    if lone:
        found = f"A single usable pixel: {listed(lone)}."
        advice = (
            "One pixel cannot be learnt and tested, so the export will refuse it. Label more "
            "pixels of it, or take the class out of the reference."
        )
        findings.append(Finding(ERROR, "tiny classes", found, advice))
    thin = [(count, name) for name, count, _ in present if 1 < count < THIN]
    if thin:
        told = [f"{name} ({count})" for count, name in sorted(thin)]
        found = f"Fewer than {THIN} usable pixels: {', '.join(told[:10])}{_more(told)}."
        advice = (
            "So few are learnt badly, and their accuracy is known within some ten per cent at the "
            "best. Label more, or join them with a class that they resemble."
        )
        findings.append(Finding(WARNING, "tiny classes", found, advice))
    findings += _places(present, what)
    findings += _balance(present)
    return findings


def _places(present: Sequence[tuple[str, int, int]], what: str) -> list[Finding]:
    few = [(p, name, n) for name, n, p in present if p < FEW_PATCHES and n > 1]
    if not few:
        return []
    told = [f"{name} ({places} for {count:,} pixels)" for places, name, count in sorted(few)]
    found = f"Fewer than {FEW_PATCHES} {what}: {', '.join(told[:10])}{_more(told)}."
    advice = (
        "Pixels side by side are much the same sample. Training, validation and test each need "
        "places of their own: label the class elsewhere too. Where that cannot be, its accuracy "
        "says little about other places."
    )
    return [Finding(WARNING, "few places", found, advice)]


def _balance(present: Sequence[tuple[str, int, int]]) -> list[Finding]:
    if len(present) < 2:
        return []
    least, most = min(present, key=lambda item: item[1]), max(present, key=lambda item: item[1])
    ratio = most[1] / least[1]
    if ratio < _UNEVEN:
        return []
    found = (
        f"{most[0]} has {ratio:,.0f} times as many pixels ({most[1]:,}) as {least[0]} "
        f"({least[1]:,})."
    )
    advice = (
        "Label more of the small classes. CLASS_WEIGHTS of 'Train classifier' helps with the rest, "
        "as does MAX_PER_CLASS of 'Export training chips'; judge the map by the figures of each "
        "class, not by overall accuracy."
    )
    return [Finding(WARNING if ratio >= _VERY_UNEVEN else NOTE, "imbalance", found, advice)]


def _more(told: Sequence[str]) -> str:
    return f" and {len(told) - 10} more" if len(told) > 10 else ""

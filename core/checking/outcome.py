"""All that a check found, for the page, the figures and the layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.classes import ClassInfo
from ..inspection.finding import ERROR, NOTE, SEVERITIES, WARNING, Finding
from .separability import Pair
from .suspects import KINDS, Suspect


@dataclass(frozen=True)
class ClassCheck:
    """A class in numbers.

    Attributes:
        info: the class.
        labelled: its pixels.
        usable: those on values.
        patches: polygons, points or patches that these belong to.
        looked_at: how many spectra were compared.
        recognised: share of these that all others take for the class, None where that was not
            tried.
    """

    info: ClassInfo
    labelled: int
    usable: int
    patches: int
    looked_at: int
    recognised: float | None


@dataclass(frozen=True, eq=False)
class Outcome:
    """What was checked and what was found.

    Attributes:
        image: name of the image.
        reference: name of the reference.
        findings: from the worst on.
        classes: in their order.
        patch_word: what the patches are, such as ``polygons``.
        pairs: classes by how much they are alike, the most alike first.
        confusion: ``(k, k)`` samples by class and by what others take them for; None where that
            was not tried.
        noise: share of the labels that look as if drawn at random, or None.
        suspects: each pixel once, the surest first.
        notes: how the reference was read.
    """

    image: str
    reference: str
    findings: Sequence[Finding]
    classes: Sequence[ClassCheck]
    patch_word: str
    pairs: Sequence[Pair]
    confusion: npt.NDArray[np.int64] | None
    noise: float | None
    suspects: Sequence[Suspect]
    notes: Sequence[str]

    def count(self, severity: str) -> int:
        """Return how many findings are of a severity."""
        return sum(item.severity == severity for item in self.findings)

    def kinds(self) -> dict[str, int]:
        """Return how many suspects there are of each kind that occurs."""
        found = Counter(item.kind for item in self.suspects)
        return {kind: found[kind] for kind in KINDS if found[kind]}

    def verdict(self) -> str:
        """Return all of it in a sentence or two."""
        numbers = [(self.count(ERROR), "error"), (self.count(WARNING), "warning")]
        numbers.append((self.count(NOTE), "note"))
        told = ", ".join(f"{n} {word}{'' if n == 1 else 's'}" for n, word in numbers if n)
        ready = {
            ERROR: "Mend the errors before training.",
            WARNING: "Training can go ahead; the warnings say what would make it better.",
            NOTE: "Nothing stands in the way of training.",
        }
        worst = next((item for item in SEVERITIES if self.count(item)), NOTE)
        count = len(self.suspects)
        suspicious = f"{count:,} suspicious sample{'' if count == 1 else 's'}"
        return f"{told or 'Nothing found'}; {suspicious}. {ready[worst]}"


def ranked(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return findings from the worst on; equals stay in their order."""
    return tuple(sorted(findings, key=lambda item: SEVERITIES.index(item.severity)))


def plain(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as plain values for JSON."""
    names = [item.info.name for item in outcome.classes]
    return {
        "image": outcome.image,
        "reference": outcome.reference,
        "verdict": outcome.verdict(),
        "findings": [
            {"severity": f.severity, "topic": f.topic, "found": f.found, "advice": f.advice}
            for f in outcome.findings
        ],
        "classes": [
            {
                "code": item.info.code,
                "name": item.info.name,
                "labelled": item.labelled,
                "usable": item.usable,
                "patches": item.patches,
                "looked_at": item.looked_at,
                "recognised": item.recognised,
            }
            for item in outcome.classes
        ],
        "pairs": [
            {
                "first": names[pair.first],
                "second": names[pair.second],
                "error": round(pair.error, 4),
                "pixels": pair.pixels,
            }
            for pair in outcome.pairs
        ],
        "label_noise": outcome.noise,
        "suspects": outcome.kinds(),
    }

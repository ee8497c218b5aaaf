"""What the comparison of the classes says: pairs that are alike, and labels it contradicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..inspection.finding import NOTE, WARNING, Finding
from ..report.html import percent
from .samples import Samples
from .separability import Calibration, OutOfFold, Pair, contradicted
from .suspects import CONTRARY, Suspect, Verdict, some

#: Errors between two classes (0.5 is a coin) from which they are named.
ALIKE, HARD = 0.25, 0.1
FEWEST = 10  # judged samples of a class for a verdict on it
SURE = 0.8  # how probably a label is noise, to become a suspect
_NAMED = 8  # pairs in a finding
_WHOLE = 0.7  # share of the samples of a polygon that say the same
_MEMBERS = 5  # samples of a polygon for a verdict on it
_MUCH, _AND = 0.02, 5  # share of doubtful labels from which it is a warning, and how many


def pair_findings(pairs: Sequence[Pair], names: Sequence[str]) -> list[Finding]:
    """Name the classes that the spectra can hardly tell apart."""
    known = [pair for pair in pairs if pair.pixels >= FEWEST]
    alike = [pair for pair in known if pair.error >= ALIKE]
    hard = [pair for pair in known if HARD <= pair.error < ALIKE]
    findings = []
    if alike:
        found = (
            f"The spectra of single pixels do not tell these classes apart: {_told(alike, names)} "
            "(wrong between these two; a coin has 50 %)."
        )
        advice = (
            "Join them if the map need not tell them apart; look for wrong labels in them; or rely "
            "on a network that sees the surroundings of a pixel, and judge it by its own figures."
        )
        findings.append(Finding(WARNING, "alike classes", found, advice))
    if hard:
        found = f"Hard to tell apart by single pixels: {_told(hard, names)}."
        advice = "More samples of both help, from more places; so does seeing the surroundings."
        findings.append(Finding(NOTE, "alike classes", found, advice))
    return findings


def _told(pairs: Sequence[Pair], names: Sequence[str]) -> str:
    words = [f"{names[p.first]} / {names[p.second]} {percent(p.error)}" for p in pairs[:_NAMED]]
    return ", ".join(words) + (f" and {len(pairs) - _NAMED} more" if len(pairs) > _NAMED else "")


def check_labels(
    samples: Samples,
    found: OutOfFold,
    calibration: Calibration,
    generator: np.random.Generator,
) -> Verdict:
    """Look for labels that all other samples contradict.

    Args:
        samples: that were compared.
        found: what the others say of each.
        calibration: how probable that is.
        generator: draws the ones that are shown.
    """
    other = contradicted(found, calibration, SURE)
    own = np.flatnonzero(other)
    if not len(own):
        return Verdict()
    share = len(own) / int(found.judged.sum())
    names = samples.names()
    turns = Counter(
        (names[a - 1], names[b - 1])
        for a, b in zip(samples.values[own].tolist(), other[own].tolist())
    )
    words = ", ".join(f"{a} like {b} {count:,}" for (a, b), count in turns.most_common(5))
    text = (
        f"{len(own):,} of {int(found.judged.sum()):,} labels compared ({percent(share)}) are "
        f"contradicted by all other samples: {words}."
    )
    whole = _whole_patches(samples, other)
    if whole:
        one = "patch or polygon is" if whole == 1 else "patches or polygons are"
        text += f" {whole:,} {one} so as a whole: look there first."
    advice = (
        "Look at them on the map, the surest first. Wrong labels are corrected or removed; but a "
        "sample may be right and merely rare, in shadow or mixed: then it should stay. Removing "
        "all that is hard makes accuracies better and maps worse."
    )
    severity = WARNING if (share >= _MUCH and len(own) >= _AND) or whole else NOTE
    suspects = [
        _suspect(samples, place, int(other[place]), calibration)
        for place in some(own, generator).tolist()
    ]
    return Verdict([Finding(severity, "wrong labels", text, advice)], suspects)


def _whole_patches(samples: Samples, other: npt.NDArray[np.int64]) -> int:
    """Count polygons of which nearly all samples look like one other class."""
    count = 0
    order = np.argsort(samples.patches, kind="stable")
    starts = np.flatnonzero(np.diff(samples.patches[order], prepend=-1))
    for own in np.split(order, starts[1:]):
        if len(own) >= _MEMBERS:
            most = np.bincount(other[own])[1:].max(initial=0)
            count += bool(most >= _WHOLE * len(own))
    return count


def _suspect(samples: Samples, place: int, other: int, calibration: Calibration) -> Suspect:
    info, seen = samples.info(place), samples.classes[other - 1]
    own = calibration.probabilities[place]
    reason = (
        f"Samples of other places take it for {seen.name} ({percent(float(own[other - 1]))}), "
        f"not for {info.name} ({percent(float(own[samples.values[place] - 1]))})."
    )
    return samples.suspect(place, CONTRARY, float(calibration.wrong[place]), reason, seen)

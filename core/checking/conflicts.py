"""Labels that contradict each other: on one pixel, or on one and the same spectrum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..data.classes import ClassInfo
from ..data.label_pixels import Asides
from ..data.label_vector import REPEAT
from ..data.labels import Labels
from ..inspection.finding import NOTE, WARNING, Finding
from ..report.html import percent
from .samples import Samples
from .suspects import DISPUTED, TWIN, Suspect, Verdict, some

_ENOUGH_BANDS = 8  # two materials seldom have the same spectrum in so many
_MUCH = 0.01  # share of repeated spectra that is told


def check_disputed(labels: Labels, generator: Any) -> Verdict:
    """Look at pixels that features of two classes claim.

    Args:
        labels: with what reading them left aside.
        generator: draws the ones that are shown.
    """
    asides = labels.asides
    if not len(asides.disputed):
        return Verdict()
    names = _claims(asides, labels.classes)
    pairs = Counter((names[a], names[b]) for a, b in asides.disputed[:, 2:].tolist())
    words = ", ".join(f"{a} / {b} {count:,}" for (a, b), count in pairs.most_common(5))
    found = (
        f"{len(asides.disputed):,} pixels are claimed by polygons or points of two classes, beside "
        f"{len(labels):,} that are not: {words}."
    )
    advice = (
        "They are left out of training. Polygons should not overlap: mend them where the map of "
        "suspicious samples shows it."
    )
    chosen = some(np.arange(len(asides.disputed)), generator)
    suspects = [
        Suspect(
            row=row,
            col=col,
            kind=DISPUTED,
            label=f"{names[a]} / {names[b]}",
            code=None,
            score=1.0,
            reason=f"Features of the classes {names[a]} and {names[b]} lie on this pixel.",
        )
        for row, col, a, b in asides.disputed[chosen].tolist()
    ]
    return Verdict([Finding(WARNING, "conflicting labels", found, advice)], suspects)


def _claims(asides: Asides, classes: Sequence[ClassInfo]) -> list[str]:
    """Return the names of the classes that claim pixels: field values may be codes."""
    names = {str(item.code): item.name for item in classes}
    known = {item.name for item in classes}
    return [key if key in known else names.get(key, key) for key in asides.claims]


def check_repeats(labels: Labels) -> Verdict:
    """Look at labels that say again what another one says of the same pixel."""
    repeats = labels.asides.counts.get(REPEAT, 0)
    if not repeats:
        return Verdict()
    found = (
        f"{repeats:,} labels repeat another of the same class on the same pixel: points that are "
        "there twice or closer together than a pixel, or polygons that overlap."
    )
    advice = "Each pixel counts once, so there are fewer samples than features suggest."
    return Verdict([Finding(NOTE, "duplicate labels", found, advice)])


def check_twins(samples: Samples, generator: Any) -> Verdict:
    """Look for pixels with one and the same spectrum.

    Args:
        samples: the labelled pixels looked at, without those whose values repeat.
        generator: draws the ones that are shown.
    """
    if len(samples) < 2:
        return Verdict()
    rows = np.ascontiguousarray(samples.spectra + np.float32(0))  # -0 and 0 are the same
    raw = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).reshape(-1)
    _, same, sizes = np.unique(raw, return_inverse=True, return_counts=True)
    same = same.reshape(-1)
    lowest = np.full(len(sizes), np.iinfo(np.int64).max)
    highest = np.zeros(len(sizes), dtype=np.int64)
    np.minimum.at(lowest, same, samples.values)
    np.maximum.at(highest, same, samples.values)
    torn = lowest != highest
    own = np.flatnonzero(torn[same])
    findings, suspects = [], []
    if len(own):
        findings.append(_contradiction(samples, own, int(torn.sum())))
        if len(samples.bands) >= _ENOUGH_BANDS:
            chosen = some(own, generator).tolist()
            suspects = [_twin(samples, n, lowest[same[n]], highest[same[n]]) for n in chosen]
    again = int((sizes[~torn] - 1).sum())
    if again >= len(samples) * _MUCH and len(samples.bands) >= _ENOUGH_BANDS:
        found = (
            f"{again:,} of {len(samples):,} spectra looked at ({percent(again / len(samples))}) "
            "repeat another one of the same class exactly."
        )
        advice = (
            "Pixels that are copies, as in an image resampled to smaller pixels, are no "
            "independent samples: there are fewer than it seems, and accuracies are too good."
        )
        findings.append(Finding(WARNING, "duplicate spectra", found, advice))
    return Verdict(findings, suspects)


def _contradiction(samples: Samples, own: Any, spectra: int) -> Finding:
    found = (
        f"{len(own):,} of {len(samples):,} labelled pixels looked at share their exact spectrum "
        f"with a pixel of another class ({spectra:,} such spectra)."
    )
    if len(samples.bands) < _ENOUGH_BANDS:
        advice = (
            f"With {len(samples.bands)} bands that can be chance: the bands are too few or too "
            "coarse to tell these classes apart by single pixels."
        )
        return Finding(NOTE, "conflicting labels", found, advice)
    advice = (
        "One of the two labels is wrong, or the pixels are copies of each other (a resampled or "
        "mosaicked image). Look at them on the map."
    )
    return Finding(WARNING, "conflicting labels", found, advice)


def _twin(samples: Samples, place: int, low: int, high: int) -> Suspect:
    other = samples.classes[int(high if samples.values[place] == low else low) - 1]
    reason = f"A pixel labelled {other.name} has exactly this spectrum."
    return samples.suspect(place, TWIN, 0.5, reason)

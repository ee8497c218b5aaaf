"""Labels where the image has nothing to say: nodata, missing bands, values that repeat."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.labels import Labels
from ..inspection.finding import ERROR, NOTE, WARNING, Finding
from ..raster.bands import describe_bands
from ..report.html import percent
from .samples import Samples
from .suspects import NODATA, STUCK, Suspect, Verdict, listed, some

_MUCH = 0.05  # share of labels on nodata from which it is no matter of the edge
#: Share of the samples without a value in a band, from which that is told and it is not compared.
GAP = 0.01
_FEW_BANDS = 10  # images with fewer repeat a value by chance, as all grey does: only 0 counts
_RUN = 0.1  # share of the bands, one beside the other, with one and the same value
_DEAD = 0.9  # share of the bands, from which the pixel holds nothing at all
_USUAL = 0.2  # share of the samples of a class from which it is how the class looks

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


def check_nodata(labels: Labels, on_values: BoolArray, generator: Any) -> Verdict:
    """Look at labels on nodata.

    Args:
        labels: the labelled pixels.
        on_values: ``(n,)`` which of them lie on values.
        generator: draws the ones that are shown.
    """
    lost = np.flatnonzero(~on_values)
    if not len(lost):
        return Verdict()
    share = len(lost) / len(labels)
    total = np.array(labels.counts())
    left = np.bincount(labels.values[on_values], minlength=len(total) + 1)[1:]
    names = [item.name for item in labels.classes]
    gone = [name for name, count in zip(names, left) if not count]
    worst = sorted(zip(1 - left / np.maximum(total, 1), names), reverse=True)[:5]
    words = ", ".join(f"{name} {percent(part)}" for part, name in worst if part > 0)
    severity = ERROR if gone else WARNING if share >= _MUCH else NOTE
    found = f"{len(lost):,} of {len(labels):,} labelled pixels ({percent(share)}) lie on nodata; "
    found += f"of the classes: {words}."
    if gone:
        found += f" Nothing is left of {listed(gone)}."
    advice = (
        "They are left out of training. If the image has values there, check its nodata value and "
        "mask; if not, label other places."
    )
    suspects = [
        Suspect(
            row=int(labels.rows[place]),
            col=int(labels.cols[place]),
            kind=NODATA,
            label=(info := labels.classes[labels.values[place] - 1]).name,
            code=info.code,
            score=1.0,
            reason="The image has no value in any band.",
        )
        for place in some(lost, generator).tolist()
    ]
    return Verdict([Finding(severity, "nodata", found, advice)], suspects)


def check_gaps(samples: Samples) -> Verdict:
    """Look for bands that some labelled pixels lack though others have them."""
    missing = np.isnan(samples.spectra).mean(axis=0) if len(samples) else np.zeros(0)
    bands = [band for band, share in zip(samples.bands, missing) if share >= GAP]
    if not bands:
        return Verdict()
    affected = np.isnan(samples.spectra).any(axis=1)
    found = (
        f"{percent(affected.mean())} of the labelled pixels looked at have no value in some band; "
        f"{describe_bands(bands)} {'is' if len(bands) == 1 else 'are'} missing in "
        f"{percent(missing.max())} at the most."
    )
    advice = (
        "A network sees the mean there instead. Leave these bands out, or label places where all "
        "bands have values."
    )
    return Verdict([Finding(WARNING, "nodata", found, advice)])


def stuck(samples: Samples) -> tuple[BoolArray, IntArray, IntArray]:
    """Find spectra that hold one value in many bands, one beside the other.

    Returns:
        ``(n,)`` which samples; the first band of the run; how many bands it has.
    """
    values = samples.spectra
    count, bands = values.shape
    if bands < 2:
        nothing = np.zeros(count, dtype=np.int64)
        return np.zeros(count, dtype=bool), nothing, nothing
    longest = np.ones(count, dtype=np.int64)
    run = np.ones(count, dtype=np.int64)
    end = np.zeros(count, dtype=np.int64)
    for band in range(1, bands):
        run = np.where(values[:, band] == values[:, band - 1], run + 1, 1)
        better = run > longest
        longest[better], end[better] = run[better], band
    if bands < _FEW_BANDS:
        return (values == 0).all(axis=1), end - longest + 1, longest
    return longest >= max(int(bands * _RUN), 5), end - longest + 1, longest


def check_stuck(samples: Samples, generator: Any) -> tuple[Verdict, BoolArray]:
    """Look for values that repeat: nodata that is not declared, or a detector that is missing.

    Where much of a class is like that in a part of the bands, it is how the class looks: over dark
    water an atmospheric correction cuts off at 0.

    Args:
        samples: the labelled pixels looked at.
        generator: draws the ones that are shown.

    Returns:
        The verdict, and ``(n,)`` which samples cannot be compared for it.
    """
    here, first, length = stuck(samples)
    counts = np.bincount(samples.values[here], minlength=len(samples.classes) + 1)[1:]
    usual = np.flatnonzero(counts >= _USUAL * np.maximum(samples.counts(), 1)) + 1
    dead = length >= _DEAD * len(samples.bands)
    normal = here & ~dead & np.isin(samples.values, usual)
    wrong = here & ~normal
    findings = []
    if normal.any():
        names = [samples.classes[value - 1].name for value in np.unique(samples.values[normal])]
        found = (
            f"Pixels of {listed(names)} hold {_run(samples, normal, first, length)}: "
            f"{int(normal.sum()):,} of those looked at."
        )
        advice = (
            "Over dark water that is an atmospheric correction that cuts off at 0, and does no "
            "harm. Over land the values are wrong: a detector is missing, or nodata is not "
            "declared."
        )
        findings.append(Finding(NOTE, "nodata", found, advice))
    if wrong.any():
        share = float(wrong.mean())
        of = np.bincount(samples.values[wrong], minlength=len(samples.classes) + 1)[1:]
        most = sorted(zip(of.tolist(), samples.names()), reverse=True)[:5]
        words = ", ".join(f"{name} {count:,}" for count, name in most if count)
        found = (
            f"{int(wrong.sum()):,} of {len(samples):,} labelled pixels looked at "
            f"({percent(share)}) hold {_run(samples, wrong, first, length)}: {words}."
        )
        advice = (
            "Look at them on the map. At the edge of an image a detector is often missing, and "
            "nodata may not be declared: set the nodata value, or label other places."
        )
        severity = WARNING if share >= GAP else NOTE
        findings.append(Finding(severity, "nodata", found, advice))
    suspects = [
        samples.suspect(
            place,
            STUCK,
            1.0,
            f"{length[place]} bands one beside the other hold the value "
            f"{samples.spectra[place, first[place]]:g}.",
        )
        for place in some(np.flatnonzero(wrong), generator).tolist()
    ]
    return Verdict(findings, suspects), wrong


def _run(samples: Samples, which: BoolArray, first: IntArray, length: IntArray) -> str:
    """Describe the values that repeat, by the samples in the middle of all."""
    own = np.flatnonzero(which)
    start, bands = int(np.median(first[own])), int(np.median(length[own]))
    common = float(np.median(samples.spectra[own, first[own]]))
    return (
        f"one and the same value, mostly {common:g}, in many bands one beside the other, such as "
        f"{describe_bands(samples.bands[start : start + bands])}"
    )

"""Labels where the image has nothing to say: nodata, missing bands, values that repeat."""

from __future__ import annotations

from dataclasses import dataclass
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
_CHANCE = 0.05  # runs that are expected in all samples, from which one is told to be no chance
_PRIOR = 5.0  # samples that all classes together weigh in how often a class repeats values
_SUREST = 0.99  # of a run that is shorter: it may be how the spectrum is
_USUAL = 0.2  # share of the samples of a class from which it is how the class looks

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


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


@dataclass(frozen=True, eq=False)
class Runs:
    """The longest run of one value in each spectrum, over bands one beside the other.

    Attributes:
        first: ``(n,)`` place of its first band.
        length: ``(n,)`` how many bands it has.
        chance: ``(n,)`` how many of such runs are expected by chance in all samples.
    """

    first: IntArray
    length: IntArray
    chance: FloatArray


def longest_runs(samples: Samples) -> Runs:
    """Find where each spectrum repeats a value, and how odd that is in this image.

    Whole numbers repeat by chance, the more the coarser they are. How often a run begins is
    counted for each band and class; a run that goes on counts once, so that those that are found
    here do not make themselves usual. It stays at the commonest value, and of normal noise that
    has sqrt(2) times the chance of two values to be equal.
    """
    values = samples.spectra
    count, bands = values.shape
    nothing = np.zeros(count, dtype=np.int64)
    if bands < 2 or not count:
        return Runs(nothing, nothing, np.ones(count))
    goes_on = np.log(np.minimum(np.sqrt(2) * _tie_rates(samples), 1.0))
    length, end = nothing + 1, nothing.copy()
    run, odds = nothing + 1, np.zeros(count)
    best = odds.copy()
    for band in range(1, bands):
        same = values[:, band] == values[:, band - 1]
        run = np.where(same, run + 1, 1)
        odds = np.where(same, odds + goes_on[samples.values - 1, band - 1], 0.0)
        better = run > length
        length[better], end[better], best[better] = run[better], band, odds[better]
    return Runs(
        end - length + 1, length, np.asarray(count * bands * np.exp(best), dtype=np.float64)
    )


def _tie_rates(samples: Samples) -> FloatArray:
    """How often a value is that of the band before, where that one began a run.

    Returns:
        ``(classes, bands - 1)``; where a class tells little, nearly what all classes do.
    """
    values = samples.spectra
    same = values[:, 1:] == values[:, :-1]
    begins = np.isfinite(values[:, 1:]) & np.isfinite(values[:, :-1])
    begins[:, 1:] &= ~same[:, :-1]
    usual = (same & begins).sum() / max(int(begins.sum()), 1)
    rates = np.empty((len(samples.classes), same.shape[1]))
    for place in range(len(rates)):
        own = samples.values == place + 1
        ties = (same[own] & begins[own]).sum(axis=0)
        rates[place] = (ties + _PRIOR * usual) / (begins[own].sum(axis=0) + _PRIOR)
    return np.maximum(rates, 1e-12)  # none was seen: it has a logarithm all the same


def stuck(samples: Samples, runs: Runs) -> BoolArray:
    """Say which spectra hold one value in many bands, and not by chance, ``(n,)``."""
    bands = len(samples.bands)
    if bands < _FEW_BANDS:
        return np.asarray((samples.spectra == 0).all(axis=1) & (bands > 1))
    long = runs.length >= max(int(bands * _RUN), 5)
    return np.asarray(long & (runs.chance < _CHANCE))


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
    runs = longest_runs(samples)
    here, first, length = stuck(samples, runs), runs.first, runs.length
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
            1.0 if dead[place] else min(1.0 - float(runs.chance[place]), _SUREST),
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

"""Spectra that are unlike the rest of their class."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from ..inspection.finding import NOTE, WARNING, Finding
from ..progress import Progress
from ..report.html import percent
from ..runtime.seeds import sequence
from .samples import Samples
from .suspects import OUTLIER, Verdict, some

FEWEST = 50  # samples of a class to say what is usual in it
AXES = 10
FAR = 8.0  # robust deviations of the distances in a class: far beyond its tail
MANY = 0.05  # share of a class from which they are no outliers but something of its own,
_AND = 10  # and that many samples
_CORE = 0.75  # share of the samples, the ones nearest to the median, that the axes are fitted on
_A_AXIS = 10  # samples for each axis, to fit a robust covariance

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


def distances(spectra: FloatArray, state: int) -> FloatArray:
    """Return how far each spectrum is from the rest, in robust deviations.

    Principal axes are fitted on the samples nearest to the median. A spectrum is far within
    these axes (Mahalanobis distance with the minimum covariance determinant of Rousseeuw & Van
    Driessen 1999) or far from them, as in ROBPCA (Hubert, Rousseeuw & Vanden Branden 2005); that
    puts the power 2/3 of distances, which is nearly normal, in place of the distances, as is done
    here for both.

    Args:
        spectra: ``(n, bands)`` of one class.
        state: of the random starts.

    Returns:
        ``(n,)`` the larger of both.
    """
    from sklearn.covariance import MinCovDet

    around = spectra - np.median(spectra, axis=0)
    length = np.linalg.norm(around, axis=1)
    core = length <= np.quantile(length, _CORE)
    centre = spectra[core].mean(axis=0)
    axes = min(AXES, spectra.shape[1] - 1, len(spectra) // _A_AXIS)
    if axes < 1:
        return _robust(length)
    basis = np.linalg.svd(spectra[core] - centre, full_matrices=False)[2][:axes]
    inside = (spectra - centre) @ basis.T
    beside = np.linalg.norm(spectra - centre - inside @ basis, axis=1)
    try:
        fitted = MinCovDet(random_state=state).fit(inside)
    except ValueError:  # most of the spectra are one and the same
        return _robust(length)
    within = np.sqrt(np.maximum(fitted.mahalanobis(inside), 0.0))
    return np.maximum(_robust(within), _robust(beside))


def _robust(values: FloatArray) -> FloatArray:
    """Return how many robust deviations above the median the power 2/3 of distances is."""
    powers = values ** (2 / 3)
    middle = np.median(powers)
    spread = 1.4826 * np.median(np.abs(powers - middle))
    if spread <= 1e-9 * max(float(middle), 1e-30):
        return np.zeros(len(values))
    return np.asarray((powers - middle) / spread, dtype=np.float64)


def check_outliers(
    samples: Samples, seed: int, generator: np.random.Generator, progress: Progress
) -> Verdict:
    """Look for spectra unlike the rest of their class.

    Args:
        samples: without missing values.
        seed: of the random starts.
        generator: draws the ones that are shown.
        progress: told how far it is; asked for cancelling before every class.

    Raises:
        ImportError: scikit-learn is missing.
        Cancelled: the user stopped.
    """
    far = np.zeros(len(samples))
    mixed: list[tuple[str, float]] = []
    for place, info in enumerate(samples.classes, 1):
        progress.check_cancel()
        own = np.flatnonzero(samples.values == place)
        if len(own) < FEWEST:
            continue
        state = int(sequence(seed, "checking", "outliers", place).generate_state(1)[0])
        with warnings.catch_warnings():
            # Bands that are alike make covariances singular; that is no news here.
            warnings.simplefilter("ignore")
            found = distances(samples.spectra[own].astype(np.float64), state)
        count = int((found > FAR).sum())
        if count >= max(MANY * len(own), _AND):
            mixed.append((info.name, count / len(own)))
        else:
            far[own] = np.where(found > FAR, found, 0.0)
        progress.report(place / len(samples.classes), "looking for outliers")
    return _verdict(samples, far, mixed, generator)


def _verdict(
    samples: Samples,
    far: FloatArray,
    mixed: list[tuple[str, float]],
    generator: np.random.Generator,
) -> Verdict:
    findings = []
    own = np.flatnonzero(far)
    if len(own):
        share = len(own) / len(samples)
        found = (
            f"{len(own):,} of {len(samples):,} labelled pixels looked at ({percent(share)}) have "
            "spectra that are far from all others of their class."
        )
        advice = (
            "Clouds, shadows, mixed pixels at borders, damaged pixels, wrong labels; or a rare "
            "kind of the class, which should stay. Look at them on the map."
        )
        findings.append(Finding(WARNING if share >= 0.02 else NOTE, "outliers", found, advice))
    if mixed:
        words = ", ".join(f"{name} ({percent(share)})" for name, share in mixed)
        found = (
            f"A part of the class is far from the rest of it: {words}. That is too much for "
            "outliers."
        )
        advice = (
            "Perhaps two materials have one name, or a part of the image is damaged. Look at the "
            "spectra of the class, and divide it if there are two."
        )
        findings.append(Finding(WARNING, "mixed classes", found, advice))
    suspects = [
        samples.suspect(
            place,
            OUTLIER,
            min(far[place] / (2 * FAR), 1.0),
            f"Its spectrum is {far[place]:.0f} robust deviations from those of its class.",
        )
        for place in some(own, generator).tolist()
    ]
    return Verdict(findings, suspects)

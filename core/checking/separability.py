"""Which classes spectra can tell apart, and which labels they contradict.

Every sample is classified by a linear discriminant analysis with a shrunk covariance (Ledoit & Wolf
2004) that was fitted without its patch: a polygon or field never speaks for itself. Measures that
are computed on the samples themselves, such as the Jeffries-Matusita distance, find any classes
separable where there are more bands than samples.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..progress import Progress
from ..runtime.seeds import sequence
from .patches import fold_groups
from .samples import Samples

FOLDS = 5
_LEAST = 1 / 3  # share of a class that must be left to train on, for a verdict on the rest of it
_FIT = 5000  # samples that the calibration is fitted on at the most

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """What the other samples say of each one.

    Attributes:
        values: ``(n,)`` classes of the labels, 1 or larger.
        scores: ``(n, classes)`` logarithms of probabilities with equal priors; -inf for classes
            that were missing from the training of a fold.
        judged: ``(n,)`` whether enough of its own class was among those.
    """

    values: IntArray
    scores: FloatArray
    judged: BoolArray

    def recognised(self) -> FloatArray:
        """Return the share of each class that is taken for it, ``(classes,)``; NaN: not judged."""
        right = self.judged & (self.scores.argmax(axis=1) + 1 == self.values)
        classes = self.scores.shape[1]
        total = np.bincount(self.values[self.judged], minlength=classes + 1)[1:]
        found = np.bincount(self.values[right], minlength=classes + 1)[1:]
        return np.where(total > 0, found / np.maximum(total, 1), np.nan)

    def confusion(self) -> IntArray:
        """Return the judged samples by class and by what they are taken for, ``(k, k)``."""
        classes = self.scores.shape[1]
        taken = self.scores[self.judged].argmax(axis=1)
        flat = (self.values[self.judged] - 1) * classes + taken
        return np.bincount(flat, minlength=classes**2).reshape(classes, classes)


@dataclass(frozen=True)
class Pair:
    """Two classes and how often one is taken for the other where there are only these two.

    Attributes:
        first: position of a class.
        second: of another one.
        error: mean of both classes' errors, 0..1; 0.5 is what a coin reaches.
        pixels: judged samples of the smaller of both.
    """

    first: int
    second: int
    error: float
    pixels: int


@dataclass(frozen=True, eq=False)
class Calibration:
    """Probabilities that say how often they are right.

    Attributes:
        temperature: that the scores are divided by.
        noise: share of the labels that look as if drawn at random, 0..1.
        probabilities: ``(n, classes)`` of the classes, of labels that are no noise.
        wrong: ``(n,)`` probability that the label is noise, 0..1; 0 where it was not judged.
    """

    temperature: float
    noise: float
    probabilities: FloatArray
    wrong: FloatArray


def classify_out_of_fold(samples: Samples, seed: int, progress: Progress) -> OutOfFold | None:
    """Classify each sample by the samples of other patches.

    Args:
        samples: without missing values.
        seed: of the division into folds.
        progress: told how far it is; asked for cancelling before every fold.

    Returns:
        None where there are too few samples, patches or classes for it.

    Raises:
        ImportError: scikit-learn is missing.
        Cancelled: the user stopped.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.model_selection import StratifiedGroupKFold

    groups = fold_groups(samples.patches, samples.values, samples.rows, samples.cols, FOLDS)
    folds = min(FOLDS, int(groups.max(initial=-1)) + 1, int(samples.counts().max(initial=0)))
    if folds < 2 or (samples.counts() > 0).sum() < 2:
        return None
    scores = np.full((len(samples), len(samples.classes)), -np.inf)
    state = int(sequence(seed, "checking", "folds").generate_state(1)[0])
    divide = StratifiedGroupKFold(folds, shuffle=True, random_state=state)
    spectra = samples.spectra.astype(np.float64)
    totals = np.bincount(samples.values, minlength=len(samples.classes) + 1)
    judged = np.zeros(len(samples), dtype=bool)
    with warnings.catch_warnings():
        # Classes with fewer samples than folds, and alike bands, are what is being looked for.
        warnings.simplefilter("ignore")
        for number, (train, test) in enumerate(divide.split(spectra, samples.values, groups), 1):
            progress.check_cancel()
            if len(np.unique(samples.values[train])) < 2 or not len(test):
                continue
            fitted = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
            fitted.fit(spectra[train], samples.values[train])
            # The priors weigh the covariances of the classes; a verdict should not favour any.
            found = fitted.predict_log_proba(spectra[test]) - np.log(fitted.priors_)
            scores[np.ix_(test, fitted.classes_ - 1)] = found
            left = np.bincount(samples.values[train], minlength=len(totals)) >= _LEAST * totals
            judged[test] = left[samples.values[test]]
            progress.report(number / folds, "comparing the classes")
    return OutOfFold(samples.values, scores, judged) if judged.any() else None


def confused_pairs(found: OutOfFold) -> list[Pair]:
    """Return all pairs of classes with judged samples, the most alike first."""
    classes = found.scores.shape[1]
    errors = np.full((classes, classes), np.nan)
    counts = np.bincount(found.values[found.judged], minlength=classes + 1)[1:]
    for place in np.flatnonzero(counts):
        own = found.judged & (found.values == place + 1)
        others = found.scores[own]
        known = np.isfinite(others)
        lost = (others > others[:, place : place + 1]) & known
        errors[place] = lost.sum(axis=0) / np.where(known.any(axis=0), known.sum(axis=0), np.nan)
    mean = (errors + errors.T) / 2
    first, second = np.nonzero(np.triu(np.isfinite(mean), 1))
    pairs = [
        Pair(a, b, float(mean[a, b]), int(min(counts[a], counts[b])))
        for a, b in zip(first.tolist(), second.tolist())
    ]
    return sorted(pairs, key=lambda pair: (-pair.error, pair.first, pair.second))


def calibrate(found: OutOfFold, seed: int) -> Calibration:
    """Turn scores into probabilities, and tell labels that look like noise.

    A temperature (Guo et al. 2017, "On calibration of modern neural networks") and a share of
    labels drawn at random (Lawrence & Schoelkopf 2001, "Estimating a kernel Fisher discriminant in
    the presence of label noise") are fitted together by maximum likelihood: wrong labels then do
    not make the probabilities humbler than the right ones deserve.

    Args:
        found: the scores.
        seed: of the draw of samples to fit on.
    """
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    classes = int(np.isfinite(found.scores).any(axis=0).sum())
    rows = np.flatnonzero(found.judged)
    generator = np.random.Generator(np.random.PCG64(sequence(seed, "checking", "calibration")))
    fit = np.sort(generator.permutation(rows)[:_FIT])
    own = found.values - 1

    def unlikely(point: FloatArray) -> float:
        temperature, noise = _meant(point)
        log = log_softmax(found.scores[fit] / temperature, axis=1)[np.arange(len(fit)), own[fit]]
        return -float(np.logaddexp(log + np.log1p(-noise), np.log(noise / classes)).mean())

    best = minimize(unlikely, [0.7, -3.0], method="Nelder-Mead", options={"maxiter": 200}).x
    temperature, noise = _meant(best)
    probabilities = np.zeros(found.scores.shape)
    probabilities[rows] = np.exp(log_softmax(found.scores[rows] / temperature, axis=1))
    right = (1 - noise) * probabilities[np.arange(len(own)), own]
    wrong = np.where(found.judged, noise / classes / (right + noise / classes), 0.0)
    return Calibration(temperature, noise, probabilities, wrong)


def _meant(point: FloatArray) -> tuple[float, float]:
    """Return temperature and noise that a point of the search means: any numbers will do there."""
    noise = 0.5 / (1.0 + np.exp(-np.clip(point[1], -14.0, 14.0)))
    return float(np.exp(np.clip(point[0], -3.0, 5.0))), float(noise)


def contradicted(found: OutOfFold, calibration: Calibration, sure: float) -> IntArray:
    """Return which class each sample is confidently taken for instead of its own.

    As in confident learning (Northcutt, Jiang & Chuang 2021, "Confident learning: estimating
    uncertainty in dataset labels"), a class counts only where its probability reaches the mean
    that it has on samples of its own; beyond that, the label must look like noise.

    Args:
        found: the scores.
        calibration: their probabilities.
        sure: how probable it must be that the label is noise, 0..1.

    Returns:
        ``(n,)`` class, 1 or larger; 0 where the label is not contradicted.
    """
    shares = calibration.probabilities
    thresholds = np.full(shares.shape[1], np.inf)
    for place in range(shares.shape[1]):
        own = found.judged & (found.values == place + 1)
        if own.any():
            thresholds[place] = shares[own, place].mean()
    confident = np.where(shares >= thresholds, shares, -1.0)
    best = confident.argmax(axis=1)
    other = (confident.max(axis=1) > 0) & (best + 1 != found.values)
    doubtful = found.judged & other & (calibration.wrong >= sure)
    return np.where(doubtful, best + 1, 0)

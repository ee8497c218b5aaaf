"""Normalisation: an affine map from physical band values to network inputs.

It is fitted on training pixels only and travels inside the model. Every kind has the
same form, ``(values - mean) * scale`` or ``(values - mean) @ matrix``, so that training,
inference and the model file never ask which one it is.

What is missing becomes 0, whatever the kind: the training mean where a mean is subtracted, the
lowest value of the training for ``min-max``, and a value of 0 for ``factor``, as in networks that
pad with zeros.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError, ModelFileError

if TYPE_CHECKING:
    from torch import Tensor

FloatArray = npt.NDArray[np.float32]

KINDS: Mapping[str, str] = {
    "band": "every band to mean 0 and standard deviation 1",
    "global": "all bands by one mean and one standard deviation",
    "pca": "decorrelated components (whitening PCA)",
    "zca": "bands made alike and independent, in their own order (whitening and back: ZCA)",
    "min-max": "every band from its lowest (0) to its highest training value (1)",
    "factor": "all values divided by one number, nothing subtracted",
}
_ALIKE = 1e-6  # singular values of a matrix below this share of the largest are rounding


@dataclass(frozen=True, eq=False)
class Normalisation:
    """An affine map of spectra.

    Attributes:
        kind: one of ``KINDS``.
        mean: ``(bands,)``, physical units; what is subtracted, and what a missing value becomes.
            The training mean, but the lowest values of ``min-max`` and 0 of ``factor``.
        transform: ``(bands,)`` factors, or a ``(bands, outputs)`` matrix.
    """

    kind: str
    mean: FloatArray
    transform: FloatArray

    @property
    def bands(self) -> int:
        """Number of bands that go in."""
        return int(self.mean.shape[0])

    @property
    def outputs(self) -> int:
        """Number of network inputs that come out."""
        return int(self.transform.shape[-1])

    @property
    def matrix(self) -> FloatArray:
        """The transform as a ``(bands, outputs)`` matrix, whatever its kind."""
        if self.transform.ndim == 1:
            return np.diag(self.transform).astype(np.float32)
        return self.transform

    @property
    def dark(self) -> FloatArray:
        """What a spectrum of zeros becomes: ``(outputs,)``, the fixed point of brightness."""
        if self.transform.ndim == 1:
            return (-self.mean * self.transform).astype(np.float32)
        return (-self.mean @ self.transform).astype(np.float32)

    @property
    def inverse(self) -> FloatArray:
        """The ``(outputs, bands)`` matrix that leads back: ``inputs @ inverse + mean``.

        Exact where no component was left out; else the nearest spectrum. A band that is switched
        off comes back as its mean.
        """
        if self.transform.ndim == 1:
            used = self.transform != 0
            factors = np.divide(1.0, self.transform, where=used, out=np.zeros_like(self.mean))
            return np.asarray(np.diag(factors))
        matrix = self.transform.astype(np.float64)
        return np.asarray(np.linalg.pinv(matrix, rcond=_ALIKE), dtype=np.float32)

    def restore(self, inputs: FloatArray) -> FloatArray:
        """Return the ``(..., bands)`` physical values of ``(..., outputs)`` inputs.

        Exact where no component was left out, see ``inverse``.
        """
        return np.asarray(inputs @ self.inverse + self.mean, dtype=np.float32)

    def apply(self, values: FloatArray) -> FloatArray:
        """Normalise spectra.

        Args:
            values: ``(n, bands)`` physical values; NaN becomes ``mean``.

        Returns:
            ``(n, outputs)`` float32.
        """
        import torch

        spectra = torch.from_numpy(np.array(values, dtype=np.float32))
        mean, transform = torch.from_numpy(self.mean), torch.from_numpy(self.transform)
        return np.asarray(normalise_tensor(spectra, mean, transform).numpy())

    def to_json(self) -> dict[str, Any]:
        """Return the part that goes into a JSON header (the numbers are tensors)."""
        return {"kind": self.kind, "bands": self.bands, "outputs": self.outputs}

    def arrays(self) -> dict[str, FloatArray]:
        """Return the numbers, by the names ``from_arrays`` takes."""
        return {"mean": self.mean, "transform": self.transform}

    @classmethod
    def from_arrays(cls, kind: str, arrays: Mapping[str, npt.NDArray[Any]]) -> Normalisation:
        """Put a normalisation together again.

        Raises:
            ModelFileError: where the numbers don't fit together.
        """
        if kind not in KINDS:
            raise ModelFileError(
                f"The model uses the normalisation '{kind}', which this version does not know; "
                f"it knows {', '.join(KINDS)}. Update the plugin."
            )
        mean = np.asarray(arrays["mean"], dtype=np.float32)
        transform = np.asarray(arrays["transform"], dtype=np.float32)
        fits = mean.ndim == 1 and transform.ndim in (1, 2) and len(transform) == len(mean)
        if not fits or not (np.isfinite(mean).all() and np.isfinite(transform).all()):
            raise ModelFileError(
                f"The model's normalisation is damaged: mean {mean.shape}, transform "
                f"{transform.shape}. Copy the file again or train again."
            )
        return cls(kind, mean, transform)


def normalise_tensor(
    values: Tensor, mean: Tensor, transform: Tensor, invalid: Tensor | None = None
) -> Tensor:
    """Normalise spectra; the one definition, which training and inference share.

    Args:
        values: ``(n, bands)`` float32, physical, of any memory layout; used up.
        mean: ``(bands,)``; what NaN and infinities become.
        transform: ``(bands,)`` or ``(bands, outputs)``.
        invalid: ``(n,)`` bool: spectra that become 0.

    Returns:
        ``(n, outputs)``; in the memory of ``values`` where there is a factor a band.
    """
    values.sub_(mean).nan_to_num_(nan=0.0, posinf=0.0, neginf=0.0)
    values = values.mul_(transform) if transform.ndim == 1 else values @ transform
    if invalid is not None and invalid.any():
        values.index_fill_(0, invalid.nonzero().flatten(), 0.0)
    return values


def fit_normalisation(
    kind: str,
    values: FloatArray,
    *,
    components: int = 0,
    power: float = 1.0,
    factor: float = 1.0,
) -> Normalisation:
    """Fit a normalisation.

    Args:
        kind: one of ``KINDS``.
        values: ``(n, bands)`` physical values of training pixels; NaN is left out.
        components: how many components ``pca`` and ``zca`` keep; 0 keeps all that carry
            variance.
        power: how far they whiten: components are divided by this power of their
            standard deviation. 1 gives all the same variance; 0.5 leaves the first ones
            larger, so that components of mostly noise count for less. The mean variance of
            the inputs is 1 in any case.
        factor: what ``factor`` divides by.

    Raises:
        InputError: for an unknown kind, or no values at all.
    """
    if kind not in KINDS:
        raise InputError(f"Unknown normalisation '{kind}'; choose one of {', '.join(KINDS)}.")
    if values.size == 0:
        raise InputError("There is no training pixel to fit the normalisation on.")
    if kind == "factor":
        nothing = np.zeros(values.shape[1], dtype=np.float32)
        return Normalisation(kind, nothing, nothing + np.float32(1.0 / factor))
    if kind == "min-max":
        return _fit_ranges(kind, values)
    mean, deviation = moments(values)
    if kind == "band":
        return Normalisation(kind, mean.astype(np.float32), _factors(deviation))
    if kind == "global":
        finite = values[np.isfinite(values)].astype(np.float64)
        level = np.full(values.shape[1], finite.mean(), dtype=np.float32)
        spread = np.full(values.shape[1], finite.std())
        return Normalisation(kind, level, _factors(spread))
    return _fit_whitening(kind, values, mean, components, power)


def _fit_ranges(kind: str, values: FloatArray) -> Normalisation:
    """Every band's lowest value to 0 and its highest to 1; values beyond them go beyond."""
    known = np.isfinite(values)
    low = np.where(known, values, np.inf).min(axis=0).astype(np.float64)
    high = np.where(known, values, -np.inf).max(axis=0).astype(np.float64)
    empty = ~known.any(axis=0)
    low[empty] = high[empty] = 0.0
    return Normalisation(kind, low.astype(np.float32), _factors(high - low))


def moments(values: FloatArray) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean and standard deviation of each band of ``(n, bands)`` values, in double precision.

    NaN is left out; a band of nothing else becomes 0 and 0.
    """
    known = np.isfinite(values)
    count = np.maximum(known.sum(axis=0), 1)
    filled = np.where(known, values, 0).astype(np.float64)
    mean = filled.sum(axis=0) / count
    variance = (np.where(known, filled - mean, 0.0) ** 2).sum(axis=0) / count
    return mean, np.sqrt(variance)


def _factors(deviation: npt.NDArray[np.float64]) -> FloatArray:
    """One over the deviation; a band without variance stays 0 instead of becoming infinite."""
    floor = max(float(deviation.max(initial=0.0)) * 1e-6, 1e-12)
    factors = np.where(deviation > floor, 1.0 / np.maximum(deviation, floor), 0.0)
    return np.asarray(factors, dtype=np.float32)


def _fit_whitening(
    kind: str,
    values: FloatArray,
    mean: npt.NDArray[np.float64],
    components: int,
    power: float,
) -> Normalisation:
    """Principal components by a power of their deviation; for ``zca`` turned back into bands."""
    import torch  # QGIS's numpy may stand on a reference BLAS, torch's never does

    centred = np.nan_to_num(values - mean.astype(np.float32), nan=0.0).astype(np.float32)
    spectra = torch.from_numpy(centred).double()
    covariance = spectra.T @ spectra / max(len(spectra) - 1, 1)
    variances, found = torch.linalg.eigh(covariance)
    order = torch.argsort(variances, descending=True)
    deviations = variances[order].clamp_min(0).sqrt()
    # Fewer pixels than bands leave components of rounding noise behind: never whiten those.
    carrying = int((deviations > deviations[0] * 1e-6).sum())
    kept = max(min(components or carrying, carrying), 1)
    spread = deviations[:kept].clamp_min(1e-12).numpy()
    vectors = found[:, order[:kept]].numpy()
    vectors = vectors * signs(vectors)
    matrix = vectors * spread**-power
    if kind == "zca":
        matrix = matrix @ vectors.T
    variance = np.sum((matrix.T @ (vectors * spread)) ** 2) / matrix.shape[1]
    matrix /= np.sqrt(max(float(variance), 1e-12))
    return Normalisation(kind, mean.astype(np.float32), np.asarray(matrix, dtype=np.float32))


def signs(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return what turns every column so that its largest entry is positive: 1 or -1.

    One answer on every machine: libraries differ in the signs of eigenvectors.
    """
    rows = np.abs(vectors).argmax(axis=0)
    return np.where(vectors[rows, np.arange(vectors.shape[1])] < 0, -1.0, 1.0)

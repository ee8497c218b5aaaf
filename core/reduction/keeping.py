"""How many components are kept, and what share of the whole they hold."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from .settings import SHARE, ReduceSettings

FloatArray = npt.NDArray[np.float64]

# Eigenvalues below this share of the first are rounding: values are stored in single precision.
ROUNDING = 1e-12
# Noise is 1 in every noise component; less than this is left only where bands repeat others.
NO_VALUES = 1e-3
SIGNAL = 2.0  # eigenvalue of a noise component that has as much signal as noise


def shares_of(eigenvalues: FloatArray, *, mnf: bool) -> FloatArray:
    """Share of each component in the variance, or in the sum of signal-to-noise ratios."""
    amounts = np.maximum(eigenvalues - 1.0 if mnf else eigenvalues, 0.0)
    return np.asarray(amounts / max(float(amounts.sum()), 1e-300))


def carrying(eigenvalues: FloatArray, *, mnf: bool) -> int:
    """How many components are more than rounding; at least one."""
    least = NO_VALUES if mnf else float(eigenvalues[0]) * ROUNDING
    return max(int((eigenvalues > least).sum()), 1)


def how_many(eigenvalues: FloatArray, shares: FloatArray, settings: ReduceSettings) -> int:
    """How many components are asked for.

    Raises:
        InputError: none has more signal than noise.
    """
    if settings.components is not None:
        return settings.components
    explained = settings.explained
    if explained is None and settings.method == "mnf":
        clear = int((eigenvalues > SIGNAL).sum())
        if not clear:
            raise InputError(
                "No component has more signal than noise: neighbouring pixels differ as much as "
                f"any (the highest signal-to-noise ratio is {eigenvalues[0] - 1:.2g}). Say how "
                "many to keep (COMPONENTS), or use METHOD 'pca'."
            )
        return clear
    reached = np.cumsum(shares) >= (SHARE if explained is None else explained) - 1e-12
    return int(reached.argmax()) + 1 if reached.any() else len(shares)

"""How much each class counts in the loss."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..data.classes import ClassInfo
from ..errors import InputError
from .settings import TrainingSettings

POWERS = {"none": 0.0, "sqrt": 0.5, "inverse": 1.0}


def class_weights(
    settings: TrainingSettings, counts: npt.NDArray[np.int64], classes: Sequence[ClassInfo]
) -> npt.NDArray[np.float32]:
    """Return a weight a class.

    All kinds but ``median`` have the mean 1 over the training pixels, so that a learning rate
    means the same with each of them. With ``median`` the class of median size has weight 1
    (Eigen and Fergus 2015).

    Args:
        settings: the kind, and the weights where they are given.
        counts: training pixels of each class; a class without any gets weight 0.
        classes: their codes and names.

    Returns:
        ``(classes,)`` float32.

    Raises:
        InputError: the given weights cannot be understood, or leave nothing to learn.
    """
    present = counts > 0
    if settings.class_weights == "median":
        median = float(np.median(counts[present]))
        return np.asarray(np.where(present, median / np.maximum(counts, 1), 0.0), np.float32)
    if settings.class_weights == "given":
        weights = np.where(present, given_weights(settings.given_weights, classes), 0.0)
        if not weights.any():
            raise InputError(
                f"GIVEN_WEIGHTS '{settings.given_weights}' leaves no class with training pixels a "
                "weight above 0: nothing could be learnt."
            )
    else:
        power = POWERS[settings.class_weights]
        weights = np.where(present, 1.0 / np.maximum(counts, 1) ** power, 0.0)
    scale = counts.sum() / max(float((weights * counts).sum()), 1e-12)
    return np.asarray(weights * scale, dtype=np.float32)


def given_weights(text: str, classes: Sequence[ClassInfo]) -> npt.NDArray[np.float64]:
    """Read weights such as ``1=2.0, roof=5``: by code or name of a class; the others have 1.

    Raises:
        InputError: a part that is no weight of a class, or two of one class.
    """
    weights = np.ones(len(classes))
    seen: set[int] = set()
    for part in re.split("[,;]", text):
        if not part.strip():
            continue
        name, equals, value = (piece.strip() for piece in part.rpartition("="))
        if not equals:
            raise InputError(
                f"GIVEN_WEIGHTS has '{part.strip()}'; write code or name = weight, such as "
                "'1=2.0, roof=5'."
            )
        place = _place(name, classes)
        if place in seen:
            raise InputError(f"GIVEN_WEIGHTS names the class {classes[place].name} twice.")
        seen.add(place)
        weights[place] = _weight(value, name)
    return weights


def _place(name: str, classes: Sequence[ClassInfo]) -> int:
    """Return which class a code or a name means."""
    for place, item in enumerate(classes):
        if name in (str(item.code), item.name):
            return place
    for place, item in enumerate(classes):
        if name.casefold() == item.name.strip().casefold():
            return place
    there = ", ".join(f"{item.code} ({item.name})" for item in classes[:30])
    more = f" and {len(classes) - 30} more" if len(classes) > 30 else ""
    raise InputError(
        f"GIVEN_WEIGHTS names the class '{name}', which the chip set does not have; there are: "
        f"{there}{more}."
    )


def _weight(value: str, name: str) -> float:
    try:
        weight = float(value)
    except ValueError:
        weight = math.nan
    if not 0 <= weight < math.inf:
        raise InputError(
            f"GIVEN_WEIGHTS gives '{value}' for the class {name}; a weight is a number from 0 on, "
            "such as 2.0."
        )
    return weight

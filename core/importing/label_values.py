"""Labels of any form as class codes: numbers, texts, one column a class; per sample or pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.label_pixels import MOST_VALUES
from ..errors import LabelError
from .arrays import RawArray, StoredArray, times

Codes = npt.NDArray[np.int64]
REGRESSION = (
    "Numbers to be predicted (regression) cannot be imported yet; choose labels that are classes."
)


@dataclass(frozen=True, eq=False)
class LabelCodes:
    """Class codes.

    Attributes:
        codes: ``(n,)`` of samples or ``(height, width)`` of a map.
        names: of the codes, where the labels are texts.
        why: how they were read, in words.
    """

    codes: Codes
    names: dict[int, str]
    why: str


def sample_codes(stored: StoredArray, samples: tuple[int, ...], file: str) -> LabelCodes:
    """Read the labels of samples.

    Args:
        stored: ``(n,)``, ``(n, 1)`` or ``(1, n)`` codes or texts, or ``(n, k)`` or ``(k, n)``
            with a 1 in the column of the class.
        samples: how many samples there may be: the lengths of the data's outer axes.
        file: its name.

    Raises:
        LabelError: they are none, or of another number.
    """
    values = stored.read()
    what = f"'{stored.name}' of {file}"
    lengths = [length for length in values.shape if length > 1]
    if len(lengths) <= 1:
        flat = values.reshape(-1)
        if len(flat) not in samples:
            raise LabelError(
                f"{what} holds {len(flat):,} labels for {_either(samples)} samples; labels and "
                "samples must be as many. Choose the labels that belong to them."
            )
        return _of_texts(flat, what) if flat.dtype.kind == "U" else _of_numbers(flat, what)
    fitting = [axis for axis, length in enumerate(values.shape) if length in samples]
    if values.ndim != 2 or not fitting:
        raise LabelError(
            f"{what} is {times(values.shape)}; expected a label for each of {_either(samples)} "
            "samples, or a column for each class. Choose the labels that belong to them."
        )
    for axis in fitting:
        rows = values if axis == 0 else values.T
        if _one_hot(rows):
            classes = rows.shape[1]
            codes = rows.argmax(axis=1).astype(np.int64) + 1
            return LabelCodes(
                codes, {}, f"one-hot, {classes} classes: the first of them has the code 1"
            )  # fmt: skip
    raise LabelError(
        f"{what} is {times(values.shape)} and has no single 1 for every sample: its rows are no "
        f"one-hot labels. {REGRESSION}"
    )


def map_codes(stored: StoredArray, file: str) -> LabelCodes:
    """Read a label map ``(height, width)``, or one with a layer for each class behind it.

    A list of pixels stays ``(pixels,)``.

    Raises:
        LabelError: it is none.
    """
    values = stored.read()
    what = f"'{stored.name}' of {file}"
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[:, :, 0]
    if values.ndim == 3 and _one_hot(values.reshape(-1, values.shape[2]), empty=True):
        codes = np.where(values.any(axis=2), values.argmax(axis=2) + 1, 0).astype(np.int64)
        return LabelCodes(codes, {}, f"one-hot, {values.shape[2]} classes, the first has code 1")
    if sum(length > 1 for length in values.shape) == 1:
        return _of_numbers(values.reshape(-1), what)
    if values.ndim != 2:
        raise LabelError(
            f"{what} is {times(values.shape)}; a label map has rows and columns. If it holds "
            "shares of classes (abundances), import it as an image: VARIABLE."
        )
    found = _of_numbers(values.reshape(-1), what)
    return LabelCodes(found.codes.reshape(values.shape), {}, found.why)


def _of_texts(values: RawArray, what: str) -> LabelCodes:
    empty = np.flatnonzero(values == "")
    if len(empty):
        raise LabelError(
            f"{what} has no label in line {empty[0] + 1}, and in {len(empty):,} lines in all. "
            "Leave those lines out, or label them."
        )
    names, codes = np.unique(values, return_inverse=True)
    _check_classes(len(names), what)
    told = {code: str(name) for code, name in enumerate(names, 1)}
    return LabelCodes(
        codes.reshape(-1).astype(np.int64) + 1,
        told,
        f"{len(names)} names, with the codes 1 to {len(names)} in alphabetical order",
    )


def _of_numbers(values: RawArray, what: str) -> LabelCodes:
    if values.dtype.kind not in "biuf":
        raise LabelError(f"{what} holds {values.dtype}; expected class codes.")
    if values.dtype.kind == "f":
        missing = int((~np.isfinite(values)).sum())
        if missing:
            raise LabelError(
                f"{what} holds {missing:,} values that are no number (NaN) among its "
                f"{values.size:,} labels. Give every one a code, 0 for no label on a map."
            )
        broken = values[values != np.rint(values)]
        if len(broken):
            raise LabelError(
                f"{what} holds numbers such as {broken[0]:g}, {len(broken):,} of {values.size:,} "
                f"not whole: these are no classes. {REGRESSION}"
            )
    if values.dtype.kind in "uif" and (
        float(values.max()) >= 2**31 or float(values.min()) < -(2**31)
    ):
        raise LabelError(f"{what} holds codes beyond 31 bits, up to {values.max():g}; renumber it.")
    codes = values.astype(np.int64)
    found = np.unique(codes)
    _check_classes(len(found), what)
    return LabelCodes(codes, {}, f"{len(found)} different codes, {found[0]} to {found[-1]}")


def _check_classes(count: int, what: str) -> None:
    if count > MOST_VALUES:
        raise LabelError(
            f"{what} holds {count:,} different values; expected at most {MOST_VALUES:,} classes. "
            f"{REGRESSION}"
        )


def _one_hot(rows: npt.NDArray[Any], *, empty: bool = False) -> bool:
    """Return whether every row has a single 1 and else 0; or nothing, where that may be."""
    if rows.dtype.kind not in "biuf" or rows.shape[1] < 2:
        return False
    sums = rows.sum(axis=1, dtype=np.float64)
    ones = np.isin(sums, (0.0, 1.0)) if empty else sums == 1
    return bool(np.isin(rows, (0, 1)).all() and ones.all())


def _either(samples: tuple[int, ...]) -> str:
    return " or ".join(f"{count:,}" for count in samples)

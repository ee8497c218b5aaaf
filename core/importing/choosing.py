"""Chooses among the arrays of a file; what is left open is asked, with all there is to choose."""

from __future__ import annotations

import numpy as np

from ..errors import InputError, LabelError
from .arrays import Container, StoredArray
from .label_values import REGRESSION
from .names import DATA, LABELS, TRAIN, role_of
from .recognise import listing
from .tables import CSV, VALUES


def choose_data(container: Container, variable: str, *, part: str = TRAIN) -> StoredArray:
    """Return the array with the values of an image or of samples.

    Args:
        container: the file.
        variable: its name; empty: it is found out. Of a table it is what band columns begin with.
        part: that is wanted where the file holds several, ``train`` or ``test``.

    Raises:
        InputError: there is none, or more than one could be it.
    """
    if container.family == CSV:
        return _of_table(container)
    if variable:
        return _named(container, variable, "VARIABLE")
    known = [item for item in container.arrays if item.numeric and item.long_axes >= 2]
    free = [item for item in known if role_of(item.name).kind != LABELS] or known
    cubes = [item for item in free if item.long_axes >= 3]
    candidates = cubes or free
    for wanted in ((part, DATA), ("", DATA)):
        fitting = [
            item
            for item in candidates
            if (role_of(item.name).part, role_of(item.name).kind) == wanted
        ]
        if len(fitting) == 1:
            return fitting[0]
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        raise InputError(
            f"VARIABLE must say which array of {container.name} to import: {len(candidates)} could "
            f"be it. {listing(container)}"
        )
    if any(item.numeric for item in container.arrays):
        raise InputError(
            f"No array of {container.name} has two axes or more: it may hold labels, which go with "
            f"an image or samples as REFERENCE. {listing(container)}"
        )
    raise InputError(f"{container.name} has no array that can be imported. {listing(container)}")


def _of_table(container: Container) -> StoredArray:
    found = container.array(VALUES)
    if found is None:
        names = ", ".join(f"'{item.name}'" for item in container.arrays[:20])
        raise InputError(
            f"{container.name} has no columns that look like bands: names of the same beginning "
            f"and a number, such as wl_350, wl_352. It has {names}. Give what the names of the "
            "bands begin with as VARIABLE."
        )
    return found


def choose_labels(container: Container, variable: str) -> StoredArray:
    """Return the array with the labels, of a file that was given for them.

    Raises:
        InputError: there is none, or more than one could be it.
    """
    if variable:
        return _named(container, variable, "REFERENCE_VARIABLE")
    usable = [item for item in container.arrays if not item.problem and item.size > 1]
    found = best_labels(usable)
    if found is not None:
        return found
    if len(usable) == 1:
        return usable[0]
    raise InputError(
        f"REFERENCE_VARIABLE must say which array of {container.name} holds the labels. "
        f"{listing(container)}"
    )


def best_labels(arrays: list[StoredArray], part: str = "", rest: str = "") -> StoredArray | None:
    """Return the array whose name says most clearly that it holds the labels of a part."""
    found = []
    for item in arrays:
        role = role_of(item.name)
        if role.kind == LABELS and not item.problem and (role.part, role.rest) == (part, rest):
            found.append((role.rank, item))
    if not found:
        return None
    least = min(rank for rank, _ in found)
    best = [item for rank, item in found if rank == least]
    return best[0] if len(best) == 1 else None


def no_labels(container: Container, data: StoredArray) -> LabelError:
    """Return the error that samples have no labels, and which columns could hold them."""
    others = [item for item in container.arrays if item is not data and not item.problem]
    told = [_column(item) for item in others[:20]]
    if container.family == CSV and told:
        return LabelError(
            f"{container.name} has no column that is known to hold classes; it has, beside its "
            f"bands: {'; '.join(told)}. Name the one with classes as REFERENCE_VARIABLE. "
            f"{REGRESSION}"
        )
    return LabelError(
        f"'{data.name}' of {container.name} ({data.what()}) holds samples and there are no labels "
        "for them: give the file with a label for each as REFERENCE, or as REFERENCE_VARIABLE the "
        f"array of this file that holds them. {listing(container)}"
    )


def _column(item: StoredArray) -> str:
    """Return what a column of a table holds."""
    if not item.numeric:
        return f"'{item.name}' (texts)"
    values = item.read()
    distinct = len(np.unique(values))
    if values.dtype.kind == "f":
        return f"'{item.name}' (numbers to be predicted, {distinct:,} different)"
    return f"'{item.name}' (whole numbers, {distinct:,} different)"


def _named(container: Container, name: str, parameter: str) -> StoredArray:
    found = container.array(name)
    if found is None:
        raise InputError(
            f"{parameter} is '{name}', which is not there. {listing(container)} Choose one of them."
        )
    if found.problem:
        raise InputError(
            f"{parameter} is '{found.name}' of {container.name}, which cannot be used: "
            f"{found.problem}. {listing(container)}"
        )
    return found

"""What an array is: an image, samples or a label map, and what its axes mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from .arrays import Container, RawArray, StoredArray, Values, times

ASK = "Say what its axes are with LAYOUT: bands-last or bands-first."


@dataclass(frozen=True)
class SampleAxes:
    """How samples lie in an array.

    Attributes:
        sample: the axis along which they follow each other.
        order: of all axes, so that the array becomes ``(samples, rows, cols, bands)``; axes of
            a table are ``(samples, bands)``.
        window: rows and columns of a window.
        bands: of each pixel.
        why: in words.
    """

    sample: int
    order: tuple[int, ...]
    window: tuple[int, int]
    bands: int
    why: str

    def take(self, values: Values, first: int, stop: int) -> RawArray:
        """Return the samples from ``first`` to ``stop``, ``(m, rows, cols, bands)``."""
        shape = values.shape
        key = [slice(None)] * len(shape)
        key[self.sample] = slice(first, stop)
        part = np.transpose(values[tuple(key)], self.order)
        return part.reshape(part.shape[0], *self.window, -1)


def listing(container: Container) -> str:
    """Return what a file holds and how it would be read, a sentence an array."""
    told = [f"'{item.name}' {item.what()}: {_reading(item)}" for item in container.arrays[:30]]
    if len(container.arrays) > len(told):
        told.append(f"and {len(container.arrays) - len(told)} more")
    return f"{container.name} holds " + ("; ".join(told) or "no array") + "."


def _reading(item: StoredArray) -> str:
    """Return how an array would be read."""
    if item.problem:
        return f"not used ({item.problem})"
    shape = item.shape
    if len(shape) >= 4:
        return "windows with their labels"
    if len(shape) == 3 and item.long_axes == 3:
        return f"an image of {shape[2]} bands (or {shape[0]}, bands first)"
    if item.long_axes >= 2:
        return "a table of samples, a label map, or an image as a matrix with ROWS and COLS"
    return "labels, wavelengths or a number"


def squeezed_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """Return a shape without axes of length 1 behind the fourth, as Keras adds them."""
    found = tuple(shape)
    while len(found) > 4 and found[-1] == 1:
        found = found[:-1]
    return found


def sample_axes(
    stored: StoredArray, labels: int, *, layout: str, sides: tuple[int, int] | None
) -> SampleAxes:
    """Tell how samples lie in an array of two to four axes (and more of length 1).

    Args:
        stored: the array.
        labels: how many there are.
        layout: ``auto``, or what the user says.
        sides: rows and columns of windows that are the rows of a table; None for spectra.

    Raises:
        InputError: it cannot be told, or the labels are of another number.
    """
    shape = squeezed_shape(stored.shape)
    extra = tuple(range(len(shape), len(stored.shape)))
    if len(shape) not in (2, 3, 4):
        raise InputError(
            f"'{stored.name}' is {times(stored.shape)}; expected samples of two axes (spectra) or "
            "four (windows)."
        )
    ends = (0, len(shape) - 1)
    axes = [axis for axis in ends if shape[axis] == labels]
    if not axes:
        raise InputError(
            f"'{stored.name}' is {times(stored.shape)} and there are {labels:,} labels; none of "
            "its ends has that length. Labels and samples must be as many: choose the labels "
            "that belong to it."
        )
    if len(shape) == 2:
        return _table(stored, shape, axes, layout, sides)
    sample = axes[0] if len(axes) == 1 else _sample_axis(stored, shape, layout)
    inner = tuple(axis for axis in range(len(shape)) if axis != sample)
    sizes = tuple(shape[axis] for axis in inner)
    if len(shape) == 3:
        order, why = inner, f"windows of {times(sizes)} pixels and one band"
        bands = 1
    else:
        order, why = _window_order(stored, inner, sizes, layout)
        sizes = tuple(shape[axis] for axis in order)
        bands = sizes[2]
    rows, cols = sizes[:2]
    if rows != cols:
        raise InputError(
            f"The windows of '{stored.name}' have {rows} x {cols} pixels; expected squares. {ASK}"
        )
    return SampleAxes(sample, (sample, *order, *extra), (rows, cols), bands, why)


def _table(
    stored: StoredArray,
    shape: tuple[int, ...],
    axes: Sequence[int],
    layout: str,
    sides: tuple[int, int] | None,
) -> SampleAxes:
    sample = axes[0]
    if len(axes) == 2:
        if layout == "auto":
            raise InputError(
                f"'{stored.name}' is {times(shape)}, and both could be the samples. Say with "
                "LAYOUT which the bands are: bands-columns, or bands-first where they are rows."
            )
        sample = 1 if layout == "bands-first" else 0
    values = shape[1 - sample]
    if sides is None:
        return SampleAxes(sample, (sample, 1 - sample), (1, 1), values, f"{values} bands each")
    rows, cols = sides
    if values % (rows * cols) or rows != cols:
        raise InputError(
            f"'{stored.name}' has {values} values a sample, which are no whole bands of square "
            f"windows of {rows} x {cols} pixels (ROWS, COLS). Give other sides, or none for "
            "spectra."
        )
    bands = values // (rows * cols)
    why = f"windows of {rows} x {cols} pixels and {bands} bands, pixel by pixel, in each line"
    return SampleAxes(sample, (sample, 1 - sample), sides, bands, why)


def _sample_axis(stored: StoredArray, shape: tuple[int, ...], layout: str) -> int:
    """Return which end holds the samples where both are as long as there are labels.

    Windows are squares, which leaves one end or both.

    Raises:
        InputError: it leaves both.
    """
    readings = {
        # The end with the samples, and the axes that must be alike then.
        (0, "bands-last"): (1, 2),
        (0, "bands-first"): (2, 3),
        (3, "bands-last"): (0, 1),
        (3, "bands-first"): (1, 2),
    }
    if len(shape) == 3:  # windows of one band
        readings = {(0, layout): (1, 2), (2, layout): (0, 1)}
    wanted = {layout} if layout in {"bands-last", "bands-first"} else {name for _, name in readings}
    fitting = {
        end
        for (end, name), (one, other) in readings.items()
        if name in wanted and shape[one] == shape[other]
    }
    if len(fitting) == 1:
        return fitting.pop()
    if not fitting:
        return 0  # refused for its sides
    if len(shape) == 3:
        ask = "Save it with the samples first and an axis of length 1 behind: "
        ask += f"{times((*shape, 1))}."
    elif shape[0] == shape[1]:  # then LAYOUT leaves both, too
        ask = "Save it with another number of samples, so that its axes differ in length."
    else:
        ask = "Say which with LAYOUT: bands-last where the first axis is that of the samples, "
        ask += "bands-first where the last one is."
    raise InputError(
        f"'{stored.name}' is {times(shape)}, and its first axis could be that of the samples as "
        f"well as its last. {ask}"
    )


def _window_order(
    stored: StoredArray, inner: tuple[int, ...], sizes: tuple[int, ...], layout: str
) -> tuple[tuple[int, ...], str]:
    """Return three axes as rows, columns, bands."""
    first, middle, last = sizes
    squares = {"last": first == middle, "first": middle == last}
    options = [name for name, square in squares.items() if square]
    if layout in {"bands-last", "bands-first"}:
        options = [layout.removeprefix("bands-")]
    if len(options) != 1:
        told = "all its sides are equal" if options else "no two of its neighbouring sides are"
        raise InputError(
            f"A window of '{stored.name}' is {times(sizes)}: {told}, so its bands cannot be told. "
            f"{ASK}"
        )
    if options[0] == "last":
        return inner, f"windows of {first} x {middle} pixels and {last} bands, bands last"
    bands, rows, cols = inner
    return (rows, cols, bands), (
        f"windows of {middle} x {last} pixels and {first} bands, bands first"
    )

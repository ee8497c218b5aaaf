"""Samples with labels: what they are in all parts together, and their values part by part."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..data.separation import TEST as TEST_CODE
from ..data.separation import TRAIN as TRAIN_CODE
from ..data.separation import VALIDATION as VALIDATION_CODE
from ..errors import InputError, LabelError, shortened
from ..progress import Progress
from .arrays import Container, RawArray, StoredArray, Values
from .choosing import no_labels
from .gather import Part
from .label_values import LabelCodes, sample_codes
from .names import TEST, TRAIN, VALIDATION
from .recognise import SampleAxes, sample_axes, squeezed_shape
from .settings import ImportSettings
from .value_types import written_type

_CODES = {"": TRAIN_CODE, TRAIN: TRAIN_CODE, VALIDATION: VALIDATION_CODE, TEST: TEST_CODE}
_BLOCK_BYTES = 16 << 20
_SAT_NAME = re.compile(r"sat[-_ ]?[46]", re.IGNORECASE)
_SAT_SIDE, _SAT_VALUES = 28, 28 * 28 * 4
_SPLIT_COLUMNS = ("split", "subset", "set", "partition")
_FOLD_COLUMNS = ("fold", "folds")  # of a cross-validation: not one split but several
_SPLIT_WORDS = {
    **dict.fromkeys(("train", "training"), TRAIN_CODE),
    **dict.fromkeys(("validation", "valid", "val"), VALIDATION_CODE),
    **dict.fromkeys(("test", "testing"), TEST_CODE),
    "unused": 0,
}


@dataclass(frozen=True, eq=False)
class SamplePart:
    """Samples of one array.

    Attributes:
        values: of the array.
        axes: what its axes mean.
        keep: ``(n,)`` bool, the samples with a label.
    """

    values: Values
    axes: SampleAxes
    keep: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples with labels.

    Attributes:
        parts: where their values are.
        codes: ``(n,)`` int64 class codes, of those with a label, one part after the other.
        names: of the codes, where the labels have some.
        split: ``(n,)`` uint8 codes of the split that the files give; None where they give none.
        side: of the windows in pixels.
        bands: of each pixel.
        dtype: numpy name of the values to write.
        notes: how all was read, a sentence each.
    """

    parts: tuple[SamplePart, ...]
    codes: npt.NDArray[np.int64]
    names: dict[int, str]
    split: npt.NDArray[np.uint8] | None
    side: int
    bands: int
    dtype: str
    notes: tuple[str, ...]

    def windows(self) -> Iterator[RawArray]:
        """Yield the values, ``(m, side, side, bands)``, in the order of the codes."""
        for part in self.parts:
            for first, stop, values in _blocks(part, self.bands):
                yield values[part.keep[first:stop]].astype(self.dtype, copy=False)


def read_samples(parts: Sequence[Part], settings: ImportSettings, progress: Progress) -> Samples:
    """Find out what the samples of all parts are; their values are read later.

    Args:
        parts: values and labels.
        settings: what the user says.
        progress: warned of columns that look like a split; asked for cancelling.

    Raises:
        InputError: an array's axes cannot be told, or parts do not fit together.
        LabelError: labels are missing, or are no classes.
    """
    found: list[SamplePart] = []
    told: list[LabelCodes] = []
    notes: list[str] = []
    for part in parts:
        progress.check_cancel()
        labels = _labels_of(part)
        sides = _sides(part.data, part.container, settings)
        axes = sample_axes(part.data, len(labels.codes), layout=settings.layout, sides=sides)
        keep = np.ones(len(labels.codes), dtype=bool)
        if settings.unlabelled is not None:
            keep = labels.codes != settings.unlabelled
        found.append(SamplePart(part.data.load(), axes, keep))
        told.append(labels)
        notes.append(
            f"{part.name or 'samples'}: {keep.sum():,} of '{part.data.name}' "
            f"({part.container.name}), {axes.why}; labels '{part.labels and part.labels.name}' "
            f"({part.labels_file}): {labels.why}."
        )
    bands = _common_bands(parts, found)
    codes, names = _common_codes(told, found)
    dtype, note = written_type(
        np.result_type(*(part.values.dtype for part in found)),
        lambda: _limits(found, bands, progress),
    )
    split, split_note = _given_split(parts, found, progress)
    notes += [text for text in (note, split_note) if text]
    side = found[0].axes.window[0]
    return Samples(tuple(found), codes, names, split, side, bands, dtype, tuple(notes))


def _labels_of(part: Part) -> LabelCodes:
    if part.labels is None:
        raise no_labels(part.container, part.data)
    shape = squeezed_shape(part.data.shape)
    return sample_codes(part.labels, tuple(dict.fromkeys((shape[0], shape[-1]))), part.labels_file)


def _sides(
    data: StoredArray, container: Container, settings: ImportSettings
) -> tuple[int, int] | None:
    """Return the sides of windows that are lines of a table; None for spectra."""
    if len(data.shape) != 2:
        return None
    if settings.rows and settings.cols:
        return settings.rows, settings.cols
    if _SAT_VALUES in data.shape and _SAT_NAME.search(container.name):
        return _SAT_SIDE, _SAT_SIDE  # the tables of SAT-4 and SAT-6
    return None


def _common_bands(parts: Sequence[Part], found: Sequence[SamplePart]) -> int:
    """Return the bands of all parts, which must be as many, in windows of the same size."""
    bands = max(part.axes.bands for part in found)
    for part, own in zip(parts, found):
        short = own.axes.bands != bands and not part.data.open_ended
        if short or own.axes.window != found[0].axes.window:
            raise InputError(
                f"The parts do not fit together: '{parts[0].data.name}' has windows of "
                f"{found[0].axes.window[0]} pixels and {found[0].axes.bands} bands, "
                f"'{part.data.name}' of {own.axes.window[0]} and {own.axes.bands}. Choose files of "
                "the same data set."
            )
    return bands


def _common_codes(
    told: Sequence[LabelCodes], found: Sequence[SamplePart]
) -> tuple[npt.NDArray[np.int64], dict[int, str]]:
    """Put the labels of all parts together; names get the same code in each."""
    if any(labels.names for labels in told) and not all(labels.names for labels in told):
        raise LabelError(
            "The labels of one part are names and those of another are numbers; they must be of "
            "the same kind in all parts."
        )
    names = sorted({name for labels in told for name in labels.names.values()})
    places = {name: code for code, name in enumerate(names, 1)}
    codes = []
    for labels, part in zip(told, found):
        own = labels.codes
        if names:
            own = np.array([places[labels.names[int(code)]] for code in own], dtype=np.int64)
        codes.append(own[part.keep])
    return np.concatenate(codes), {code: name for name, code in places.items()}


def _given_split(
    parts: Sequence[Part], found: Sequence[SamplePart], progress: Progress
) -> tuple[npt.NDArray[np.uint8] | None, str]:
    """Return the split that the parts, or a column of the table, give; None for none."""
    if len(parts) > 1:
        codes = [
            np.full(int(own.keep.sum()), _CODES[part.name], dtype=np.uint8)
            for part, own in zip(parts, found)
        ]
        return np.concatenate(codes), "The split of the files is kept."
    for item in parts[0].container.arrays:
        split = _split_of(item, parts[0], len(found[0].keep), progress)
        if split is not None:
            return split[found[0].keep], f"The split is that of the column '{item.name}'."
    return None, ""


def _split_of(
    item: StoredArray, part: Part, count: int, progress: Progress
) -> npt.NDArray[np.uint8] | None:
    """Return the split of a column that is called so; None, and a warning, where it holds none.

    Raises:
        InputError: some of its words are those of a split and others are not.
    """
    called = item.name.lower()
    if called not in (*_SPLIT_COLUMNS, *_FOLD_COLUMNS) or item.problem or item is part.labels:
        return None
    if item.size != count or item.long_axes > 1:
        return None
    words = [str(word).strip().lower() for word in item.read().reshape(-1)]
    if called in _SPLIT_COLUMNS and set(words) <= set(_SPLIT_WORDS):
        return np.array([_SPLIT_WORDS[word] for word in words], dtype=np.uint8)
    unknown = sorted(set(words) - set(_SPLIT_WORDS))
    told = shortened(", ".join(f"'{word}'" for word in unknown))
    known = ", ".join(_SPLIT_WORDS)
    if called in _SPLIT_COLUMNS and len(unknown) < len(set(words)):
        raise InputError(
            f"The column '{item.name}' of {part.container.name} gives a split, but {told} "
            f"{'is none of its words' if len(unknown) == 1 else 'are none of its words'}; they are "
            f"{known}. Change it there, or call the column otherwise."
        )
    progress.warn(
        f"The column '{item.name}' of {part.container.name} is not taken as a split: it holds "
        f"{told}. If it is one, write it as a column 'split' with the words {known}."
    )
    return None


def _limits(found: Sequence[SamplePart], bands: int, progress: Progress) -> tuple[int, int]:
    """Return the smallest and the largest value of all samples."""
    seen = []
    for part in found:
        for _, _, values in _blocks(part, bands):
            progress.check_cancel()
            seen.append((int(values.min()), int(values.max())))
    return min(low for low, _ in seen), max(high for _, high in seen)


def _blocks(part: SamplePart, bands: int) -> Iterator[tuple[int, int, RawArray]]:
    """Yield first, end and values ``(m, side, side, bands)`` of some samples at a time."""
    rows, cols = part.axes.window
    size = rows * cols * bands * part.values.dtype.itemsize
    step = max(_BLOCK_BYTES // size, 1)
    for first in range(0, len(part.keep), step):
        stop = min(first + step, len(part.keep))
        values = part.axes.take(part.values, first, stop)
        if values.shape[3] < bands:  # zeros at the end of LibSVM's lines are not written
            missing = bands - values.shape[3]
            values = np.pad(values, ((0, 0), (0, 0), (0, 0), (0, missing)))
        yield first, stop, values

"""Imports samples as a chip set, with the split they come with or a drawn one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.classes import ClassInfo
from ..data.labels import Labels
from ..data.separation import TEST, TRAIN
from ..data.split_notes import thin_classes
from ..data.splits import Split, split_random
from ..data.window_set import WindowContent, write_window_set
from ..data.windows.files import SPECTRA as TEXTS
from ..errors import InputError, LabelError
from ..progress import Portion, Progress
from ..raster.bands import describe_range
from ..raster.class_bands import class_map_type
from ..runtime.disk_space import DiskNeed, check_disks
from .arrays import Container
from .class_names import make_named_classes
from .gather import Part
from .into_rasters import say_bands
from .results import SAMPLES, ImportResult
from .samples import Samples, read_samples
from .settings import ImportSettings, Meaning
from .telling import Told
from .truth import say_classes
from .wavelengths import find_wavelengths, make_bands

GIVEN = "field"  # the data say themselves what each sample is for
_SQUEEZED = 1000  # deflate makes values smaller by about this factor at the most
_DIGITS = 25  # of a number as text, with what separates it from the next


def import_samples(
    parts: Sequence[Part], meaning: Meaning, output: str, told: Told
) -> ImportResult:
    """Write samples as a chip set.

    Args:
        parts: values with their labels: of training, or of training and others.
        meaning: what the user says.
        output: folder of the chip set.
        told: hears how all was read.

    Raises:
        InputError, LabelError, SplitError, ChipSetError: they cannot be read or written; what was
            there before stays.
    """
    data, container, settings = parts[0].data, parts[0].container, meaning.settings
    if parts[0].labels is not None and not output:
        raise InputError(
            f"'{data.name}' of {container.name} ({data.what()}) holds samples; give OUTPUT_CHIPS, "
            "the folder of the chip set to write."
        )
    if meaning.crs or meaning.extent is not None:
        raise InputError("CRS and EXTENT are of images; samples have no place. Leave them out.")
    samples = read_samples(parts, settings, told)
    for note in samples.notes:
        told.log(note)
    classes = _classes(samples, meaning, [part.container for part in parts], told)
    found = find_wavelengths(meaning.wavelengths, container, samples.bands)
    bands = make_bands(found, container.band_names, samples.bands, settings.scale)
    told.log(say_bands(describe_range(bands), found.why, settings.scale))
    kind = _kind(samples, settings, told)
    labels = _labels(samples.codes, classes)
    content = WindowContent(
        source_name=container.name,
        source_path=str(container.path),
        bands=bands,
        classes=classes,
        dtype=samples.dtype,
        side=samples.side,
        kind=kind,
        labels=labels.values,
        split=_split(samples, labels, settings, told),
    )
    _check_disk(output, samples, settings, told)
    missing: list[int] = []
    write_window_set(
        output,
        content,
        _watched(samples, missing),
        storage=settings.file_format,
        notes=[*told.notes, *told.warnings],
        progress=Portion(told, 0.3, 1.0),
    )
    if sum(missing):
        told.warn(
            f"{sum(missing):,} samples hold values that are no finite number; they count as "
            "missing. Look at where they come from."
        )
    return ImportResult(
        output="",
        output_reference="",
        output_chips=output,
        kind=SAMPLES,
        width=samples.side,
        height=samples.side,
        bands=samples.bands,
        classes=len(classes),
        samples=len(samples.codes),
        notes=tuple(told.notes),
        warnings=tuple(told.warnings),
    )


def _watched(samples: Samples, missing: list[int]) -> Iterator[npt.NDArray[Any]]:
    """Yield the windows, and count those with values that are no finite number."""
    for values in samples.windows():
        if values.dtype.kind == "f":
            missing.append(int((~np.isfinite(values)).any(axis=(1, 2, 3)).sum()))
        yield values


def _classes(
    samples: Samples, meaning: Meaning, containers: Sequence[Container], told: Told
) -> tuple[ClassInfo, ...]:
    """Return the classes of samples.

    Raises:
        LabelError: there are none, or there is only one.
    """
    codes = [int(code) for code in np.unique(samples.codes)]
    if not codes:
        raise LabelError("No sample has a label: all have the value of UNLABELLED.")
    classes, why = make_named_classes(
        codes,
        samples.names,
        text=meaning.class_names,
        containers=containers,
        texts=bool(samples.names),
    )
    told.log(say_classes(classes, why, "0 is a class" if codes[0] == 0 else ""))
    if len(classes) < 2:
        raise LabelError(
            f"There is only one class, '{classes[0].name}', with {len(samples.codes):,} samples; "
            "a classifier needs two or more. Choose other labels, or add samples of other classes."
        )
    class_map_type(item.code for item in classes)  # said now, not after a training
    return classes


def _kind(samples: Samples, settings: ImportSettings, told: Told) -> str:
    """Return what a label belongs to: ``pixels`` or ``scenes``.

    Raises:
        InputError: windows of this size cannot be that, or not be stored as asked.
    """
    kind = settings.kind
    if kind == "auto":
        kind = "scenes" if samples.side % 2 == 0 else "pixels"
    if kind == "pixels" and samples.side % 2 == 0:
        raise InputError(
            f"CHIP_KIND is pixels, and windows of {samples.side} x {samples.side} have no pixel in "
            "their middle; choose scenes."
        )
    if settings.file_format in TEXTS and samples.side > 1:
        raise InputError(
            f"FORMAT {settings.file_format} holds spectra, and these are windows of "
            f"{samples.side} x {samples.side} pixels; choose geotiff or hdf5."
        )
    meant = "of the pixel in the middle" if kind == "pixels" else "of the whole window"
    told.log(
        f"{len(samples.codes):,} windows of {samples.side} x {samples.side} pixels; a label is "
        f"that {meant} (CHIP_KIND {kind})."
    )
    return kind


def _labels(codes: npt.NDArray[np.int64], classes: Sequence[ClassInfo]) -> Labels:
    """Return labels without a place: one below the other."""
    values = np.searchsorted([item.code for item in classes], codes) + 1
    rows = np.arange(len(codes), dtype=np.int32)
    nothing = np.zeros(len(codes), dtype=np.int32)
    return Labels(rows, nothing, values.astype(np.uint16), tuple(classes), nothing)


def _split(samples: Samples, labels: Labels, settings: ImportSettings, progress: Progress) -> Split:
    """Take the split that there is, or draw one."""
    if samples.split is not None:
        nothing = np.zeros(len(labels), dtype=np.int32)
        split = Split(samples.split, nothing, GIVEN, 0, 0, settings.seed)
        _check_training(split, labels)
    else:
        validation, test = settings.validation_fraction, settings.test_fraction
        split = split_random(
            labels,
            train_fraction=1.0 - validation - test,
            validation_fraction=validation,
            seed=settings.seed,
        )
        progress.warn(
            "The split was drawn at random, class by class: the files give none that can be used. "
            "Samples that were taken side by side are much alike, and the accuracy will then be "
            "too good; give the test samples as TEST where you have them."
        )
    for sentence in thin_classes(labels, split.codes):
        progress.warn(sentence)
    if not (split.codes == TEST).any():
        progress.warn("No sample is for testing, so the accuracy cannot be known.")
    return split


def _check_training(split: Split, labels: Labels) -> None:
    """Refuse a given split that leaves a class nothing to train on.

    Raises:
        LabelError: naming the class.
    """
    trained = set(labels.values[split.codes == TRAIN].tolist())
    for value, (item, count) in enumerate(zip(labels.classes, labels.counts()), 1):
        if value not in trained:
            raise LabelError(
                f"The class '{item.name}' has {count:,} samples and none of them is for training. "
                "Add samples of it to the training file, or take it out of the others."
            )


def _check_disk(
    folder: str, samples: Samples, settings: ImportSettings, progress: Progress
) -> None:
    """Say what will be written, and refuse what cannot fit."""
    values = len(samples.codes) * samples.side**2 * samples.bands
    text = settings.file_format in TEXTS
    most = values * (_DIGITS if text else np.dtype(samples.dtype).itemsize)
    least = values if text else most // _SQUEEZED
    instead = "Choose another folder (OUTPUT_CHIPS)."
    check_disks([DiskNeed("OUTPUT_CHIPS", Path(folder), most, least, instead)], progress)

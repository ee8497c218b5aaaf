"""Imports an image with its ground truth, or a label map alone, as GeoTIFFs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..data.classes import ClassInfo
from ..errors import InputError, LabelError
from ..raster.bands import describe_range
from ..raster.grid import Grid
from .arrays import StoredArray, times
from .gather import Part
from .georeference import make_grid
from .image import Image, as_image, runs_down
from .label_values import map_codes
from .results import IMAGE, MAP, ImportResult
from .scene import SceneFiles
from .settings import ImportSettings, Meaning
from .telling import Told
from .truth import Truth, classes_of, read_truth
from .wavelengths import count_of_wavelengths, find_wavelengths, make_bands


def import_image(
    parts: Sequence[Part], meaning: Meaning, output: str, output_reference: str, told: Told
) -> ImportResult:
    """Write an image, and its ground truth where it has one.

    Args:
        parts: the image with its labels; only one.
        meaning: what the user says.
        output: GeoTIFF of the image.
        output_reference: GeoTIFF of the ground truth; empty for none.
        told: hears how all was read.

    Raises:
        InputError, LabelError, RasterError: it cannot be read or written; what was there before
            stays.
    """
    part, data, settings = parts[0], parts[0].data, meaning.settings
    what = f"'{data.name}' of {part.container.name}"
    if not output:
        raise InputError(
            f"{what} ({data.what()}) is an image; give OUTPUT, the GeoTIFF to write it to."
        )
    if len(parts) > 1:
        raise InputError(
            f"{what} is an image, and there are samples to test on: give both parts as samples "
            "with their labels, or leave TEST empty."
        )
    truth = read_truth(part, meaning, told)
    if truth is not None:
        _check_length(truth, data)
    count = count_of_wavelengths(meaning.wavelengths, part.container, data.shape)
    image = as_image(
        data,
        part.container,
        settings,
        map_shape=truth.shape if truth else (),
        wavelengths=count,
    )
    told.log(f"{what}: {image.why}.")
    found = find_wavelengths(meaning.wavelengths, part.container, image.bands)
    bands = make_bands(found, part.container.band_names, image.bands, settings.scale)
    told.log(say_bands(describe_range(bands), found.why, settings.scale))
    classes: tuple[ClassInfo, ...] = ()
    labelled = 0
    if truth is not None:
        if truth.is_list:
            truth = _unfolded(truth, image, data, settings, told)
        truth.check_size(image.height, image.width)
        classes, labelled = classes_of(truth, meaning, [part.container], told)
    grid = _grid(image.height, image.width, meaning, truth, told)
    written = output_reference if truth is not None else ""
    if truth is not None and not written:
        told.warn("The ground truth is not written: OUTPUT_REFERENCE is empty.")
    with SceneFiles(grid, [part.container.path], told) as files:
        files.write_image(output, image, bands)
        if truth is not None and written:
            files.write_map(written, truth.codes, classes, meaning.unlabelled)
        files.commit()
    return ImportResult(
        output=output,
        output_reference=written,
        output_chips="",
        kind=IMAGE,
        width=image.width,
        height=image.height,
        bands=image.bands,
        classes=len(classes),
        samples=labelled,
        notes=tuple(told.notes),
        warnings=tuple(told.warnings),
    )


def _unfolded(
    truth: Truth, image: Image, data: StoredArray, settings: ImportSettings, told: Told
) -> Truth:
    """Unfold a list of labels in the order of the pixels that is its own.

    Raises:
        InputError: it was not written by the program that wrote the image, so that nothing tells
            its order.
    """
    down = runs_down(data, settings)
    if settings.pixel_order == "auto" and truth.column_major != data.column_major:
        raise InputError(
            f"The labels of {truth.name} are a list of pixels, and it cannot be told whether they "
            "run along the rows or down the columns of the image: programs differ, and the image "
            "was written by another one than the list. Say it with PIXEL_ORDER, or give the "
            "labels as a map of rows and columns."
        )
    run = "down the columns" if down else "along the rows"
    why = "as the program counts that wrote it; PIXEL_ORDER can say otherwise"
    if settings.pixel_order != "auto":
        why = "PIXEL_ORDER says so"
    told.log(f"The list of labels of {truth.name} runs {run} of the image ({why}).")
    return truth.unfolded(image.height, image.width, down=down)


def _check_length(truth: Truth, data: StoredArray) -> None:
    """Refuse a list of labels that is neither one of samples nor one of pixels.

    Raises:
        LabelError: saying how many there should be.
    """
    sides = {data.shape[:2], data.shape[-2:]} if len(data.shape) == 3 else {data.shape}
    pixels = sorted({math.prod(pair) for pair in sides} | set(data.shape))
    if truth.codes.ndim == 1 and truth.codes.size not in pixels:
        raise LabelError(
            f"{truth.name} holds {truth.codes.size:,} labels, and '{data.name}' is "
            f"{times(data.shape)}. Labels and samples, or pixels, must be as many: choose the "
            "labels that belong to it."
        )


def import_map(part: Part, meaning: Meaning, output: str, told: Told) -> ImportResult:
    """Write a label map that comes alone.

    Args:
        part: the label map.
        meaning: what the user says.
        output: GeoTIFF to write.
        told: hears how it was read.

    Raises:
        InputError, LabelError, RasterError: as ``import_image``.
    """
    data, name = part.data, part.container.name
    if not output:
        raise InputError(
            f"'{data.name}' of {name} ({data.what()}) is a label map; give OUTPUT_REFERENCE, the "
            "GeoTIFF to write it to. If it is an image as a matrix of bands and pixels, give ROWS "
            "and COLS; if it is a table of samples, give the file with their labels as REFERENCE."
        )
    found = map_codes(data, name)
    if found.codes.ndim != 2:
        raise InputError(
            f"'{data.name}' of {name} ({data.what()}) is a single line of labels; they go with an "
            "image or with samples as REFERENCE."
        )
    height, width = found.codes.shape
    told.log(f"'{data.name}' of {name}: a label map, {height} rows, {width} columns, {found.why}.")
    truth = Truth(found.codes, None, (), name)
    classes, labelled = classes_of(truth, meaning, [part.container], told)
    grid = _grid(height, width, meaning, None, told)
    with SceneFiles(grid, [part.container.path], told) as files:
        files.write_map(output, found.codes, classes, meaning.unlabelled)
        files.commit()
    return ImportResult(
        output="",
        output_reference=output,
        output_chips="",
        kind=MAP,
        width=width,
        height=height,
        bands=0,
        classes=len(classes),
        samples=labelled,
        notes=tuple(told.notes),
        warnings=tuple(told.warnings),
    )


def say_bands(range_text: str, why: str, scale: float) -> str:
    """Return how many bands there are, where their wavelengths come from, and their scale."""
    where = f" (from {why})" if why else "; WAVELENGTHS can give them"
    if scale == 1.0:
        return f"{range_text}{where}."
    return (
        f"{range_text}{where}. SCALE {scale:g} is written as the scale of the bands; the stored "
        "values stay what they are."
    )


def _grid(height: int, width: int, meaning: Meaning, truth: Truth | None, told: Told) -> Grid:
    own = truth.grid if truth else None
    grid, why = make_grid(height, width, meaning.crs, meaning.extent, own)
    told.log(f"Grid: {grid.describe()}" + (f", from {why}." if why else "."))
    return grid

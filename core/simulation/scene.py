"""Job ``create_example_scene``: image, reference and samples that everything can be tried on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..progress import Progress, SilentProgress
from .covers import COVERS
from .landscape import make_landscape, survey
from .rendering import Conditions, Scene
from .scene_files import ImageFile, scene_grid, write_reference, write_samples
from .sensor import make_sensor, quantise, swath
from .settings import FEWEST_BANDS, LARGEST, MOST_BANDS, SMALLEST, SceneSettings

STRIP = 32  # rows rendered at a time
SAMPLES_A_CLASS = 40


@dataclass(frozen=True)
class ExampleSceneResult:
    """What was made.

    Attributes:
        output: the image.
        reference: the reference raster; empty where none was asked for.
        samples: the points; empty where none were asked for.
        class_names: names of classes 1, 2, ...
        labelled: labelled pixels of each class.
    """

    output: str
    reference: str
    samples: str
    class_names: tuple[str, ...]
    labelled: tuple[int, ...]


def create_example_scene(
    *,
    output: str,
    reference: str = "",
    samples: str = "",
    size: int = SceneSettings.size,
    bands: int = SceneSettings.bands,
    classes: int = SceneSettings.classes,
    seed: int = SceneSettings.seed,
    progress: Progress | None = None,
) -> ExampleSceneResult:
    """Make a hyperspectral scene of a small-parcelled countryside with its reference.

    The image is int16 reflectance with scale 0.0001 in UTM zone 33N, pixels of 5 m, nodata
    -32768 outside a turned swath, wavelength, fwhm and bad-band flag at every band.

    Args:
        output: the image to write (GeoTIFF).
        reference: a raster of class codes on the same grid, part of the pixels labelled.
        samples: a GeoPackage of points with the fields ``class`` (text) and ``code``.
        size: pixels along a side.
        bands: spectral bands.
        classes: land covers that are mapped.
        seed: another one gives another landscape.
        progress: told how far it is.

    Raises:
        InputError: for a size, a band or a class count that cannot work.
        RasterError: where a file cannot be written.
        Cancelled: when the user cancels; no file is left behind.
    """
    progress = progress or SilentProgress()
    settings = SceneSettings(size, bands, classes, seed)
    check_settings(settings, output)
    conditions = Conditions()
    generator = np.random.default_rng(settings.seed)
    progress.report(0.0, "Laying out fields")
    landscape = make_landscape(settings.size, settings.classes, generator)
    seen = swath(settings.size, generator)
    labels = survey(landscape, seen, _visited_share(settings.size), generator)
    progress.report(0.15, "Rendering")
    sensor = make_sensor(settings.bands, conditions.noise)
    scene = Scene(landscape, sensor, conditions, generator)
    grid = scene_grid(settings.size, conditions.pixel_size)
    with ImageFile(output, grid, sensor) as image:
        for start, strip in scene.strips(STRIP):
            progress.check_cancel()
            image.write(start, quantise(strip, seen[start : start + strip.shape[1]]))
            progress.report(0.15 + 0.75 * (start + strip.shape[1]) / settings.size, "Rendering")
        covers = COVERS[: settings.classes]
        if reference:
            write_reference(reference, grid, labels, covers)
        if samples:
            pixels = _sample_points(labels, settings.classes, generator)
            write_samples(samples, grid, pixels, labels[pixels], covers)
        image.commit()
    counts = np.bincount(labels.ravel(), minlength=settings.classes + 1)[1:]
    progress.report(1.0)
    return ExampleSceneResult(
        output=output,
        reference=reference,
        samples=samples,
        class_names=tuple(cover.name for cover in COVERS[: settings.classes]),
        labelled=tuple(int(count) for count in counts),
    )


def check_settings(settings: SceneSettings, output: str) -> None:
    """Refuse what cannot work.

    Raises:
        InputError: with the range that can.
    """
    if not output:
        raise InputError("No OUTPUT was given; name the image to write, such as scene.tif.")
    ranges = (
        ("SIZE", settings.size, SMALLEST, LARGEST),
        ("BANDS", settings.bands, FEWEST_BANDS, MOST_BANDS),
        ("CLASSES", settings.classes, 2, len(COVERS)),
        ("SEED", settings.seed, 0, 2**31 - 1),
    )
    for name, value, low, high in ranges:
        if not low <= value <= high:
            raise InputError(f"{name} is {value}; it must lie between {low} and {high}.")


def _visited_share(size: int) -> float:
    """Share of the fields that is surveyed: a small scene needs most of its few fields."""
    return float(np.clip(0.22 * (288.0 / size) ** 0.5, 0.15, 0.75))


def _sample_points(
    labels: npt.NDArray[np.uint8], classes: int, generator: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Draw the same number of labelled pixels of every class."""
    chosen = []
    for code in range(1, classes + 1):
        pixels = np.flatnonzero(labels == code)
        chosen.append(generator.permutation(pixels)[:SAMPLES_A_CLASS])
    rows, cols = np.unravel_index(np.sort(np.concatenate(chosen)), labels.shape)
    return rows, cols

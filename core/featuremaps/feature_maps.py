"""The job that makes feature maps: a layer of a model over a raster, and what it has learnt."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError, RasterError
from ..inference.classify import area_of
from ..inference.inputs import Normaliser
from ..inference.model_bands import find_bands
from ..inference.outputs import origin, training_pixels
from ..inference.scale import check_scale
from ..modelfile.bundle import load_bundle
from ..modelfile.network import network_of
from ..modelfile.summary import describe
from ..progress import Portion, Progress, SilentProgress
from ..raster.bands import describe_range
from ..raster.output_path import all_distinct, check_output, move_into_place
from ..raster.source import RasterSource
from ..raster.windows import Window
from ..raster.writer import RasterWriter
from ..report.files import check_text_output, staged_text
from ..runtime.devices import choose_device
from ..runtime.disk_space import DiskNeed, check_disks
from ..runtime.resources import free_memory
from ..sizes import MIB, data_size
from .computing import FeatureComputer, Preview, divide
from .kernels import kernels_of
from .layers import band_names, chosen_layer, layer_features, layers_of
from .page import Told, feature_page
from .settings import FEATURES, MOST_BANDS, PLACES, FeatureMapSettings

LEAST = 1 / 20  # of what is not compressed, for refusals: rectified features are mostly 0


@dataclass(frozen=True)
class FeatureMapResult:
    """What was made.

    Attributes:
        output: path of the raster.
        report: path of the page, empty where none was asked for.
        layer_name: the layer in words.
        bands: of the raster.
        pixels: with values.
    """

    output: str
    report: str
    layer_name: str
    bands: int
    pixels: int


def feature_maps(
    *,
    image: str,
    model: str,
    output: str,
    report: str = "",
    layer: str = "1",
    features: str = FeatureMapSettings.features,
    place: str = FeatureMapSettings.place,
    max_bands: int = FeatureMapSettings.max_bands,
    extent: Sequence[float] | None = None,
    device: str = FeatureMapSettings.device,
    memory_mb: int = FeatureMapSettings.memory_mb,
    progress: Progress | None = None,
) -> FeatureMapResult:
    """Write what a layer of a model gives when the network looks at each pixel of a raster.

    Args:
        image: anything GDAL opens, with the bands of the model.
        model: the model file, of a network that looks around one pixel.
        output: raster to write, a band a feature.
        report: HTML page to write, with the kernels; or empty.
        layer: its number as 'Describe model' lists them, from 1, or words of its description.
        features: ``all``, the ``first`` ones, or the ``mean`` over the spectrum.
        place: where a layer has rows and columns within the patch: those of the ``centre``, or
            their ``mean``.
        max_bands: bands at the most.
        extent: ``(xmin, ymin, xmax, ymax)`` in the raster's CRS; nothing takes all of it.
        device: ``auto``, ``cpu``, ``cuda[:n]``, ``mps`` or ``xpu``.
        memory_mb: memory for the computation, MiB.
        progress: told what is going on.

    Raises:
        InputError: a layer that is none, too many bands, an extent that is none.
        ModelFileError: the model file is not sound.
        RasterError: the raster lacks bands or values; the output cannot be written.
        Cancelled: the user stopped; what was there before is still there.
    """
    import torch

    progress = progress or SilentProgress()
    _check(output, report, (image, model), features=features, place=place, max_bands=max_bands)
    bundle = load_bundle(model)
    for line in describe(bundle):
        progress.log(line)
    network, inputs = network_of(bundle), bundle.normalisation.outputs
    layers = layers_of(network, bundle)
    number = chosen_layer(layers, layer)
    kernels = kernels_of(network, bundle) if report else []
    ending = layer_features(
        network, inputs, number, features=features, place=place, max_bands=max_bands
    )
    names = band_names(ending, number)
    progress.log(f"Layer {number + 1}: {layers[number].words}; {len(names):,} bands.")
    with RasterSource(image) as source:
        positions = find_bands(bundle, source)
        used = describe_range([source.bands[position] for position in positions])
        progress.log(f"{source.name}: {source.grid.describe()}; uses {used}.")
        check_scale(source, positions, bundle.statistics, progress)
        area, where = area_of(source, extent), choose_device(device)
        for note in where.notes:
            progress.log(note)
        free = free_memory().size
        work = divide(
            ending,
            source,
            area,
            bands=len(positions),
            inputs=inputs,
            memory_bytes=min(memory_mb * MIB, memory_mb * MIB if free is None else free),
            accelerated=where.kind != "cpu",
        )
        progress.log(
            f"Memory: about {data_size(work.memory)} of {data_size(memory_mb * MIB)} (MEMORY). "
            f"Tiles of up to {work.tile} x {work.tile} pixels on {where.title}."
        )
        _check_disk(output, area, len(names), progress)
        computer = FeatureComputer(
            ending.to(torch.device(where.name)),
            source,
            positions,
            Normaliser(bundle.normalisation),
            area=area,
            work=work,
            device=torch.device(where.name),
        )
        preview = Preview(len(names), area)
        writer = RasterWriter(
            output,
            source.grid.sub(area),
            len(names),
            "float32",
            nodata=float("nan"),
            descriptions=names,
            metadata={
                **origin(bundle, (model,)),
                **training_pixels(bundle),
                "LAYER": f"{number + 1}: {layers[number].words}",
            },
            inputs=(image, model),
        )
        with writer:
            pixels = computer.run(writer, preview, Portion(progress, 0.0, 0.97))
            if not pixels:
                raise RasterError(
                    f"{source.name} has no pixel with values there: all are nodata. Check its "
                    "nodata value and mask, or choose another image or EXTENT. Nothing was written."
                )
            page = ""
            if report:
                told = Told(Path(model).name, source.name, number, names, place, features)
                page = feature_page(bundle, layers, told, preview.maps, kernels)
            _commit(writer, report, page)
    progress.report(1.0, "")
    return FeatureMapResult(output, report, layers[number].words, len(names), pixels)


def _check(
    output: str,
    report: str,
    inputs: tuple[str, str],
    *,
    features: str,
    place: str,
    max_bands: int,
) -> None:
    """Refuse what cannot work before anything is computed."""
    if features not in FEATURES:
        raise InputError(f"FEATURES is '{features}'; choose one of {', '.join(FEATURES)}.")
    if place not in PLACES:
        raise InputError(f"PLACE is '{place}'; choose one of {', '.join(PLACES)}.")
    if not 1 <= max_bands <= MOST_BANDS:
        raise InputError(f"MAX_BANDS is {max_bands}; it must lie between 1 and {MOST_BANDS}.")
    check_output(output, inputs)
    if not report:
        return
    if not all_distinct([output, report]):
        raise InputError("OUTPUT and REPORT are the same file; give each of them its own.")
    check_text_output(report)
    for path in inputs:
        with suppress(OSError):
            if Path(report).samefile(path):
                raise InputError(f"REPORT is {path} itself; choose another file.")


def _check_disk(output: str, area: Window, bands: int, progress: Progress) -> None:
    size = 4 * bands * area.size
    instead = "Give OUTPUT a folder on a larger disk, or make fewer bands (MAX_BANDS)."
    check_disks([DiskNeed("OUTPUT", Path(output), size, int(size * LEAST), instead)], progress)


def _commit(writer: RasterWriter, report: str, page: str) -> None:
    """Give raster and page their final names, or none of them."""
    if not report:
        writer.commit()
        return
    writer.finish()
    with staged_text(report, page) as text:
        move_into_place([writer.staged, text])

"""The classification job: from a raster and a model file to a class map."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError, RasterError
from ..modelfile.bundle import ModelBundle, load_bundle
from ..modelfile.ensemble import ensemble_of
from ..modelfile.network import network_of
from ..modelfile.summary import describe
from ..progress import Portion, Progress, SilentProgress
from ..raster.bands import describe_range
from ..raster.output_path import all_distinct, check_output, remove_temporary, temporary_name
from ..raster.source import RasterSource
from ..raster.windows import Window
from ..runtime.devices import Device, choose_device
from ..runtime.leftovers import is_mine, journal_name, remove_leftovers, unfinished_jobs
from ..timing import duration
from .engine import Engine
from .identity import identity_of, job_name_of
from .inputs import Normaliser
from .journal import Journal, outputs_of
from .model_bands import find_bands
from .outputs import MapOutputs, origin
from .pace import measure_pace, say_how_long
from .plan import Plan, make_plan
from .preflight import check_room, fit_plan
from .scale import check_scales, scales_of
from .settings import TURNS, ClassifySettings
from .trained_where import trained_where

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class ClassifyResult:
    """What a classification gave.

    Attributes:
        output: path of the class map, empty where none was asked for.
        probabilities: path of the probabilities, likewise.
        confidence: path of the confidence, likewise.
        model_id: of the model.
        pixels: classified.
        classes: a row a class: ``code``, ``name``, ``color`` and its ``pixels``.
        seconds: the computation took.
    """

    output: str
    probabilities: str
    confidence: str
    model_id: str
    pixels: int
    classes: Sequence[dict[str, Any]]
    seconds: float


def classify_raster(
    *,
    image: str,
    model: str,
    ensemble: Sequence[str] = (),
    output: str = "",
    probabilities: str = "",
    confidence: str = "",
    extent: Sequence[float] | None = None,
    turns: str = ClassifySettings.turns,
    device: str = ClassifySettings.device,
    memory_mb: int = ClassifySettings.memory_mb,
    resume: bool = True,
    progress: Progress | None = None,
) -> ClassifyResult:
    """Classify a raster of any size.

    Only one process may write the same outputs at a time: unfinished ones have names that a
    later run of the same classification finds.

    Args:
        image: anything GDAL opens, with the bands of the model.
        model: the model file.
        ensemble: more model files, of the same bands and classes, to average it with.
        output: class map to write, with the user's codes; or empty.
        probabilities: raster to write with a band a class, 0..1; or empty.
        confidence: raster to write with the largest probability, 0..1; or empty.
        extent: ``(xmin, ymin, xmax, ymax)`` in the raster's CRS; nothing takes all of it.
        turns: one of ``settings.TURNS``: how many turned and mirrored views are averaged.
        device: ``auto``, ``cpu``, ``cuda[:n]``, ``mps`` or ``xpu``.
        memory_mb: memory for the computation, GDAL's cache included, MiB.
        resume: go on with what a killed run of the same classification finished.
        progress: told what is going on.

    Raises:
        InputError: nothing to write, an extent that is none, or unknown ``turns``.
        ModelFileError: a model file is not sound, or models cannot be averaged.
        RasterError: the raster lacks bands, has another scale, or no value at all; an output
            cannot be written.
        Cancelled: the user stopped; what was there before is still there.
    """
    progress = progress or SilentProgress()
    if not (output or probabilities or confidence):
        raise InputError("Nothing to write: give OUTPUT, PROBABILITIES or CONFIDENCE a file name.")
    models = (model, *ensemble)
    bundle = _model_of(models, progress)
    for line in describe(bundle):
        progress.log(line)
    with RasterSource(image) as source:
        _check_outputs((output, probabilities, confidence), (image, *models))
        positions = find_bands(bundle, source)
        bands = [source.bands[position] for position in positions]
        progress.log(f"{source.name}: {source.grid.describe()}; uses {describe_range(bands)}.")
        check_scales(source, positions, scales_of(bundle), progress)
        area = area_of(source, extent)
        place = choose_device(device)
        for note in place.notes:
            progress.log(note)
        files = {"OUTPUT": output, "PROBABILITIES": probabilities, "CONFIDENCE": confidence}
        network, views = _in_views(network_of(bundle), turns, progress)
        plan = _plan(
            network,
            bundle,
            source,
            area,
            bands=len(positions),
            place=place,
            memory_mb=memory_mb,
            probabilities=bool(probabilities),
            progress=progress,
        )
        job = identity_of(
            source, positions, models, area, views=views, plan=plan, device=place, files=files
        )
        zones = plan.zones(area)
        sizes = (len(zones), len(bundle.classes))
        journal = _journal(files, job, sizes, resume=resume, progress=progress)
        check_room(files, area, bundle, journal.job_name, progress)
        engine = _engine(
            network,
            bundle,
            source,
            positions,
            area,
            plan=plan,
            place=place,
            files=files,
            pixels=area.size - sum(zones[number].size for number in journal.zones),
            progress=progress,
        )
        outputs = MapOutputs(
            trained_where(bundle, source.grid, progress),
            source.grid.sub(area),
            output=output,
            probabilities=probabilities,
            confidence=confidence,
            origin=origin(bundle, models, views),
            inputs=(image, *models),
            journal=journal,
        )
        with outputs:
            finished = outputs.go_on(zones, progress)
            earlier = sum(zones[number].size for number in finished)
            began = time.monotonic()
            rest = Portion(progress, 0.99 * earlier / area.size, 0.99)
            engine.run(area, outputs, rest, finished)
            if not outputs.counts[1:].any():
                raise _nothing_to_classify(source, extent)
            outputs.commit()
        seconds = time.monotonic() - began
    progress.report(1.0, "")
    _say(bundle, outputs.counts, (area.size, earlier), seconds, progress)
    rows = [
        {**item.to_json(), "pixels": int(count)}
        for item, count in zip(bundle.classes, outputs.counts[1:])
    ]
    pixels = int(outputs.counts[1:].sum())
    written = (output, probabilities, confidence)
    return ClassifyResult(*written, bundle.model_id, pixels, rows, round(seconds, 3))


def _model_of(paths: Sequence[str], progress: Progress) -> ModelBundle:
    """Load a model, or several as one."""
    bundles = [load_bundle(path) for path in paths]
    if len(bundles) == 1:
        return bundles[0]
    twice = [path for place, path in enumerate(paths) if path in paths[:place]]
    if twice:
        raise InputError(f"{twice[0]} is given twice to be averaged; give each model once.")
    first: dict[str, str] = {}
    for path, bundle in zip(paths, bundles):
        # By what is in it: one file has many paths, and a copy is the same model.
        if bundle.model_id in first:
            raise InputError(
                f"{path} is the same model as {first[bundle.model_id]}: it would count double. "
                "Give each model once."
            )
        first[bundle.model_id] = path
        if bundle.checkpoint:
            progress.warn(f"{Path(path).name} is an unfinished training: {bundle.checkpoint}.")
    return ensemble_of([(Path(path).name, bundle) for path, bundle in zip(paths, bundles)])


def _in_views(network: nn.Module, turns: str, progress: Progress) -> tuple[nn.Module, int]:
    """Return the network that averages over turned and mirrored views, and how many those are."""
    from ...models.turned import is_symmetric, turned

    if turns not in TURNS:
        raise InputError(f"TURNS is '{turns}'; choose one of {', '.join(TURNS)}.")
    views = TURNS[turns]
    if views > 1 and is_symmetric(network):
        progress.log(
            f"TURNS {turns} would change nothing and is left out: this network sees the same in "
            "every turned or mirrored view."
        )
        views = 1
    elif views > 1:
        progress.log(f"Every place is classified in {views} views, which are averaged (TURNS).")
    return turned(network, views), views


def _plan(
    network: nn.Module,
    bundle: ModelBundle,
    source: RasterSource,
    area: Window,
    *,
    bands: int,
    place: Device,
    memory_mb: int,
    probabilities: bool,
    progress: Progress,
) -> Plan:
    """Divide the work, and say what memory it takes."""
    import torch

    def plan_of(memory_bytes: int, device_bytes: int) -> Plan:
        return make_plan(
            network,
            source,
            area,
            bands=bands,
            inputs=bundle.normalisation.outputs,
            outputs=len(bundle.classes),
            memory_bytes=memory_bytes,
            threads=torch.get_num_threads(),
            probabilities=probabilities,
            accelerated=place.kind != "cpu",
            device_bytes=device_bytes,
        )

    plan = fit_plan(
        plan_of,
        memory_mb=memory_mb,
        place=place,
        probabilities=probabilities,
        progress=progress,
    )
    progress.log(f"{plan.describe()} On {place.title}.")
    return plan


def _journal(
    files: Mapping[str, str],
    job: Mapping[str, Any],
    sizes: tuple[int, int],
    *,
    resume: bool,
    progress: Progress,
) -> Journal:
    """Open the journal of a job, and remove what other jobs left unfinished."""
    job_name, paths = job_name_of(job), [path for path in files.values() if path]
    for path in map(Path, paths):
        for other in unfinished_jobs([str(path)]) - {job_name}:
            progress.log(
                f"Unfinished work of another classification to {path.name} was removed: its image, "
                "model, outputs or settings were not the same."
            )
            # Also where it lies beside outputs that this job has not.
            for output in map(Path, outputs_of(journal_name(path, other))):
                unfinished = temporary_name(output, other)
                if unfinished.exists() and is_mine(unfinished):
                    remove_temporary(unfinished)
    remove_leftovers(paths, (job_name,) if resume else ())
    return Journal(paths[0], job_name, job, sizes)


def _engine(
    network: nn.Module,
    bundle: ModelBundle,
    source: RasterSource,
    positions: Sequence[int],
    area: Window,
    *,
    plan: Plan,
    place: Device,
    files: Mapping[str, str],
    pixels: int,
    progress: Progress,
) -> Engine:
    """Bring the network to its device, and say how long the pixels take."""
    import torch

    where, normaliser = torch.device(place.name), Normaliser(bundle.normalisation)
    network = network.to(where)
    real = bool(files["PROBABILITIES"]) * len(bundle.classes) + bool(files["CONFIDENCE"])
    pace = measure_pace(
        network,
        source,
        positions,
        normaliser,
        area=area,
        plan=plan,
        device=where,
        written=(int(bool(files["OUTPUT"])), real),
        progress=progress,
    )
    say_how_long(pace, pixels, plan, progress)
    return Engine(
        network,
        source,
        positions,
        normaliser,
        classes=len(bundle.classes),
        plan=plan,
        device=where,
    )


def _check_outputs(outputs: Sequence[str], inputs: Sequence[str]) -> None:
    """Refuse outputs that cannot be written, or that are one file, before anything is computed."""
    paths = [check_output(path, inputs) for path in outputs if path]
    # A style goes by the name without its ending.
    if not all_distinct([path.with_suffix("") for path in paths]):
        raise InputError(
            "Two outputs have the same file name; give class map, probabilities and confidence "
            "a file each, with names that differ in more than their ending."
        )


def _nothing_to_classify(source: RasterSource, extent: Sequence[float] | None) -> RasterError:
    """Return the error for an image, or a part of it, without a single value."""
    where = source.name if extent is None else f"The EXTENT in {source.name}"
    nodata = sorted({f"{band.nodata:g}" for band in source.bands if band.nodata is not None})
    values = f" (nodata is {', '.join(nodata[:3])})" if nodata else ""
    return RasterError(
        f"{where} has no pixel to classify: every one of them is nodata or no number{values}. "
        "Check the nodata value and the mask of the image, or choose another image or EXTENT. No "
        "map was written."
    )


def area_of(source: RasterSource, extent: Sequence[float] | None) -> Window:
    """Return the part of a raster that an extent ``(xmin, ymin, xmax, ymax)`` covers, or all of it.

    Raises:
        InputError: it has not four numbers.
        RasterError: it does not meet the raster.
    """
    if extent is None:
        return Window(0, 0, source.grid.height, source.grid.width)
    if len(extent) != 4:
        raise InputError(f"EXTENT has {len(extent)} numbers; it takes xmin, ymin, xmax, ymax.")
    xmin, ymin, xmax, ymax = (float(value) for value in extent)
    return source.grid.window_of_extent((xmin, ymin, xmax, ymax))


def _say(
    bundle: ModelBundle,
    counts: np.ndarray[Any, np.dtype[np.int64]],
    sizes: tuple[int, int],
    seconds: float,
    progress: Progress,
) -> None:
    """Tell the user how much of the area is which class, and how fast it went.

    Args:
        bundle: the model: its classes.
        counts: pixels without data, then of every class.
        sizes: pixels of the whole area, and of what an earlier run had finished.
        seconds: that the others took.
        progress: told.
    """
    pixels, (area, earlier) = int(counts[1:].sum()), sizes
    for item, count in zip(bundle.classes, counts[1:]):
        share = int(count) / max(pixels, 1)
        progress.log(f"  {item.name}: {int(count):,} pixels, {share:.1%}")
    begun = ""
    if earlier:
        begun = f" Of {area:,} pixels, {earlier:,} were finished by the run that was interrupted."
    progress.log(
        f"{pixels:,} pixels classified in {duration(seconds)} "
        f"({(area - earlier) / max(seconds, 1e-3):,.0f} a second); "
        f"{int(counts[0]):,} have no data.{begun}"
    )

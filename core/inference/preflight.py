"""What a classification will take, said before it begins; what cannot fit is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ..disk import size_of
from ..errors import InputError
from ..modelfile.bundle import ModelBundle
from ..progress import Progress
from ..raster.class_bands import class_map_type
from ..raster.file_size import LEAST_FLOATS, largest_size
from ..raster.output_path import temporary_name
from ..raster.windows import Window
from ..runtime.devices import Device
from ..runtime.disk_space import DiskNeed, check_disks
from ..runtime.resources import FreeMemory, free_device_memory, free_memory
from ..sizes import MIB, data_size
from .plan import DEVICE_TILE_BYTES, Plan

# How far a map is compressed at the most, for refusals: that of the example scene to a sixth.
LEAST_MAP = 1 / 50
TRIES = 8
STEP = 64 * MIB


def fit_plan(
    plan_of: Callable[[int, int], Plan],
    *,
    memory_mb: int,
    place: Device,
    probabilities: bool,
    progress: Progress,
) -> Plan:
    """Divide the work within the user's budget and within what is free; say what it takes.

    Args:
        plan_of: gives the plan for bytes of memory, and bytes of the device for a tile.
        memory_mb: the user's budget, MiB.
        place: where it computes.
        probabilities: they are written, a band a class.
        progress: told.

    Raises:
        InputError: not even the smallest plan fits.
    """
    free, budget = free_memory(), memory_mb * MIB
    on_device = free_device_memory(place.name) if place.kind != "cpu" else None
    card = DEVICE_TILE_BYTES if on_device is None else on_device
    allowed = budget if free.size is None else min(budget, free.size)
    # In steps: what is free is never twice the same, and a run that goes on needs the same plan.
    plan = plan_of(allowed if allowed == budget else allowed // STEP * STEP, card)
    if plan.memory > allowed:
        plan = plan_of(allowed, card)
    if plan.memory > allowed:
        raise _too_little(_smallest(plan_of, card), budget, free, probabilities)
    if on_device is not None and plan.on_device > on_device:
        raise InputError(
            f"The smallest part of the image takes {data_size(plan.on_device)} on {place.title}, "
            f"and {data_size(on_device)} are free there. Close other programs that use it, or "
            "choose DEVICE 'cpu'. Nothing was changed."
        )
    left = "what is free is not known"
    if free.size is not None:
        left = f"{data_size(free.size)} free {free.bound}"
    progress.log(f"Memory: about {data_size(plan.memory)} of {data_size(budget)} (MEMORY); {left}.")
    if plan.on_device:
        left = "what is free is not known" if on_device is None else f"{data_size(on_device)} free"
        progress.log(f"Memory of {place.title}: about {data_size(plan.on_device)}; {left}.")
    if allowed < budget:
        progress.log("That is less than the budget: smaller blocks are computed.")
    return plan


def _smallest(plan_of: Callable[[int, int], Plan], card: int) -> int:
    """The smallest budget that a plan keeps, bytes."""
    budget = 0
    for _ in range(TRIES):
        plan = plan_of(budget, card)
        if plan.memory <= budget:
            break
        budget = -(-plan.memory // MIB) * MIB
    return budget


def _too_little(least: int, budget: int, free: FreeMemory, probabilities: bool) -> InputError:
    """The refusal of a budget, or of a machine, that is too small."""
    without = ", or leave PROBABILITIES out: a band a class takes most" if probabilities else ""
    needed = f"This image and this model need at least {data_size(least)} of memory"
    if budget < least:
        return InputError(
            f"{needed}; MEMORY is {budget // MIB:,} MB. Set MEMORY to {least // MIB} or "
            f"more{without}. Nothing was changed."
        )
    return InputError(
        f"{needed}; {data_size(free.size or 0)} are free {free.bound}. Close other "
        f"programs{without}. Nothing was changed."
    )


def check_room(
    files: Mapping[str, str], area: Window, bundle: ModelBundle, job_name: str, progress: Progress
) -> None:
    """Say how large the outputs become, and refuse what their disks cannot hold.

    Args:
        files: path by the name of its parameter: OUTPUT, PROBABILITIES, CONFIDENCE; empty
            ones are not written.
        area: that is classified.
        bundle: the model: its classes.
        job_name: of the job: what an earlier run of it has written is there already.
        progress: told.

    Raises:
        InputError: a disk cannot hold them, however well they are compressed.
    """
    wide = class_map_type(item.code for item in bundle.classes)[0] == "uint16"
    kinds = {
        "OUTPUT": (1, 2 if wide else 1, LEAST_MAP),
        "PROBABILITIES": (len(bundle.classes), 4, LEAST_FLOATS),
        "CONFIDENCE": (1, 4, LEAST_FLOATS),
    }
    needs = []
    for name, (bands, item, share) in kinds.items():
        if not files.get(name):
            continue
        stored = largest_size(area.height, area.width, bands, item)
        out = "" if name == "OUTPUT" else f"leave {name} out, "
        instead = f"Choose a folder on a larger disk for {name}, {out}or classify parts (EXTENT)."
        least = int(area.size * bands * item * share)
        path = Path(files[name])
        there = size_of(temporary_name(path, job_name))
        needs.append(DiskNeed(name, path, max(stored - there, 0), max(least - there, 0), instead))
    check_disks(needs, progress)

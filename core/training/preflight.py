"""What a training will do and take, said before it begins; what cannot fit is refused."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...models.catalog import network as catalog_entry
from ..data.chips import ChipSetInfo
from ..errors import InputError
from ..progress import Progress
from ..runtime.devices import Device
from ..runtime.disk_space import DiskNeed, check_disks
from ..runtime.resources import FreeMemory, free_device_memory, free_memory
from ..sizes import MIB, data_size
from .class_weights import given_weights
from .footprint import Footprint, expected_inputs, footprint, step_bytes
from .loop import steps_an_epoch
from .patches import side_of
from .preparation import check_halo, make_network, say_what_comes
from .schedule import Moment, learning_rate
from .settings import TrainingSettings
from .told_settings import settings_line
from .windows import most_windows

if TYPE_CHECKING:
    from torch import nn

FEWEST = 2  # patches at once: batch norm cannot learn from one
REPORT_BYTES = MIB


@dataclass(frozen=True)
class Allowance:
    """How much a training may take at once.

    Attributes:
        memory_bytes: of pixels kept in memory.
        patches: of a batch taken at once.
        radius: pixels that the network looks around each.
    """

    memory_bytes: int
    patches: int
    radius: int


def check_training(
    info: ChipSetInfo,
    settings: TrainingSettings,
    place: Device,
    *,
    files: tuple[Path, Path],
    report: str,
    memory_bytes: int,
    progress: Progress,
) -> Allowance:
    """Say what a training will do and take, and refuse what cannot fit.

    Args:
        info: the chip set.
        settings: of the training.
        place: where it computes.
        files: the model file, and the checkpoint beside it.
        report: to write, or empty.
        memory_bytes: that pixels may take in memory, where the machine has so much.
        progress: told.

    Raises:
        InputError: memory or disk are too small, or the network cannot be built.
        ChipSetError: the halo is smaller than the network's radius.
    """
    # What could not be read is told now, and not after pixels were loaded.
    learning_rate(settings, Moment(0.0))
    given_weights(settings.given_weights, info.classes)
    network = sketch(settings, info)
    check_halo(network, info)
    say_what_comes(info, settings, network, place, progress)
    tiles = catalog_entry(settings.architecture).kind == "tile"
    count = most_windows(info, side_of(network)) if tiles else sum(info.counts["train"])
    most, what = ("up to ", "tiles") if tiles else ("", "patches")
    steps = f"{settings.epochs:,} epochs of {most}{steps_an_epoch(count, settings):,}"
    progress.log(
        f"{steps} steps of {settings.batch_size:,} {what} each."
        if settings.accumulate == 1
        else f"{steps} batches of {settings.batch_size:,} {what}, "
        f"{settings.accumulate:,} to a step."
    )
    share = _share_of_an_epoch(info, settings, network, count)
    if share:
        progress.log(share)
    progress.log(settings_line(settings))
    free, memory_bytes = free_memory(), pixel_budget(memory_bytes)
    needs = footprint(
        info, settings, network, memory_bytes=memory_bytes, accelerated=place.kind != "cpu"
    )
    patches = _check_memory(_Room(needs, place, free), settings, network, info, progress)
    _check_disks(needs, files, report, progress)
    return Allowance(memory_bytes, patches, int(network.radius))  # type: ignore[arg-type]


def _share_of_an_epoch(
    info: ChipSetInfo, settings: TrainingSettings, network: nn.Module, count: int
) -> str:
    """Say why an epoch takes fewer patches than there are training pixels, where it does."""
    drawn = settings.longest_epoch * settings.batch_size
    if catalog_entry(settings.architecture).kind == "tile" or drawn >= count:
        return ""
    told = f"An epoch draws {drawn:,} of the {count:,} training pixels anew (LONGEST_EPOCH)"
    margin = min(settings.margin, info.margin_at(int(network.radius)))  # type: ignore[arg-type]
    around = f"those up to {margin} pixels around each are learnt along with it (MARGIN)"
    return f"{told}; {around}." if margin else f"{told}."


def pixel_budget(memory_bytes: int) -> int:
    """Return what pixels may take in memory: what is wanted, and half of what is free at most."""
    free = free_memory().size
    return memory_bytes if free is None else min(memory_bytes, free // 2)


def sketch(settings: TrainingSettings, info: ChipSetInfo) -> nn.Module:
    """The network without memory for its weights: even one that cannot fit can be looked at."""
    import torch

    with torch.device("meta"):
        inputs = expected_inputs(settings, len(info.bands))
        return make_network(settings, inputs, len(info.classes))


class _Room:
    """What is free where a training computes, and what it takes of that.

    Args:
        needs: of the training.
        place: where it computes.
        free: memory of the machine.
    """

    def __init__(self, needs: Footprint, place: Device, free: FreeMemory) -> None:
        self._needs = needs
        self._machine = free
        self._card: FreeMemory | None = None
        if place.kind != "cpu":
            self._card = FreeMemory(free_device_memory(place.name), f"on {place.title}")

    def takes(self, step: int) -> list[tuple[str, int, FreeMemory]]:
        """Return what is taken of each memory with ``step`` bytes a step, in words and bytes."""
        needs, accelerated = self._needs, self._card is not None
        what, most = needs.at_a_time(step, accelerated=accelerated)
        parts = {"pixels": needs.pixels, "network and optimiser": needs.weights, what: most}
        if self._card is None:
            return [(_listed(parts), needs.on_machine(step, accelerated=False), self._machine)]
        here = {"pixels": needs.pixels, what: most}
        there = {"pixels": needs.on_device, "network and optimiser": needs.weights, "a step": step}
        return [
            (_listed(here), needs.on_machine(step, accelerated=True), self._machine),
            (_listed(there), needs.on_accelerator(step), self._card),
        ]

    def lacks(self, step: int) -> tuple[str, int, FreeMemory] | None:
        """Return the first of ``takes`` that is more than there is."""
        return next(
            (t for t in self.takes(step) if t[2].size is not None and t[1] > t[2].size), None
        )


def _listed(parts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {data_size(size)}" for name, size in parts.items() if size)


def _check_memory(
    room: _Room,
    settings: TrainingSettings,
    network: nn.Module,
    info: ChipSetInfo,
    progress: Progress,
) -> int:
    """Say and check the memory; returns how many patches of a batch may be taken at once."""
    radius = int(network.radius)  # type: ignore[arg-type]
    margin, whole = min(settings.margin, info.margin_at(radius)), settings.batch_size
    inputs = expected_inputs(settings, len(info.bands))

    def step(patches: int) -> int:
        return step_bytes(network, settings, inputs, patches, margin, bands=len(info.bands))

    patches, taken = whole, step(whole)
    if room.lacks(taken):
        least = step(FEWEST)
        lacking = room.lacks(least)
        if lacking:
            raise _too_large(settings, side_of(network, margin), margin, lacking)
        each = (taken - least) / max(whole - FEWEST, 1)
        while room.lacks(taken):
            patches = max(patches // 2, FEWEST)
            taken = int(least + each * (patches - FEWEST))
    for parts, size, free in room.takes(taken):
        left = "what is free is not known"
        if free.size is not None:
            left = f"{data_size(free.size)} free {free.bound}"
        progress.log(f"Memory: about {data_size(size)} ({parts}); {left}.")
    if patches < whole:
        progress.warn(
            f"A batch of {whole:,} patches does not fit in memory: it is taken in parts of "
            f"{patches:,}. Results differ slightly from those of a whole batch; a smaller "
            "BATCH_SIZE avoids that."
        )
    return patches


def _too_large(
    settings: TrainingSettings, side: int, margin: int, lacking: tuple[str, int, FreeMemory]
) -> InputError:
    """The refusal of a training that cannot fit, with what to change."""
    parts, size, free = lacking
    remedies = []
    if margin:
        remedies.append(f"a smaller MARGIN (now {margin})")
    if settings.patch_size > min(catalog_entry(settings.architecture).patch_sizes):
        remedies.append(f"a smaller PATCH_SIZE (now {settings.patch_size})")
    if settings.options:
        remedies.append("smaller OPTIONS of the network")
    remedies.append("another ARCHITECTURE")
    elsewhere = " or DEVICE 'cpu'" if free.bound.startswith("on ") else ""
    return InputError(
        f"The training does not fit: even with {FEWEST} patches of {side} x {side} pixels at once "
        f"it takes about {data_size(size)} of memory ({parts}), and {data_size(free.size or 0)} "
        f"are free {free.bound}. Choose {', '.join(remedies)}{elsewhere}, or close other "
        "programs. Nothing was changed."
    )


def _check_disks(
    needs: Footprint, files: tuple[Path, Path], report: str, progress: Progress
) -> None:
    """Say and check what is written: model, checkpoint, report, pixels that are mapped."""
    model, checkpoint = files
    larger = "Give {} a folder on a larger disk."
    # A new checkpoint is written whole before it replaces the last one.
    there = checkpoint.stat().st_size if checkpoint.is_file() else 0
    size = max(2 * needs.checkpoint - there, needs.model)
    written = [DiskNeed("OUTPUT with its checkpoint", model, size, size, larger.format("OUTPUT"))]
    if report:
        instead = larger.format("REPORT")
        written.append(DiskNeed("REPORT", Path(report), REPORT_BYTES, 0, instead))
    if needs.mapped:
        folder = Path(tempfile.gettempdir())
        instead = "Set the environment variable TMPDIR to a folder on a larger disk."
        written.append(DiskNeed("pixels", folder, needs.mapped, needs.mapped, instead))
    check_disks(written, progress)

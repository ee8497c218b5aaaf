"""Refuses outputs that a disk cannot hold, before a long run rather than at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..progress import Progress
from ..sizes import data_size
from .resources import Disk, disk_of


@dataclass(frozen=True)
class DiskNeed:
    """Something that will be written.

    Attributes:
        what: it is, as a user knows it: a parameter's name.
        path: where; its folder need not be there.
        most: bytes it takes at the most.
        least: bytes it takes however well it is compressed; ``most`` where it is not.
        instead: what to do where there is no room for it, a sentence.
    """

    what: str
    path: Path
    most: int
    least: int
    instead: str


def check_disks(needs: Sequence[DiskNeed], progress: Progress) -> None:
    """Say what will be written, a line a disk, and refuse what cannot fit.

    Args:
        needs: all that lies on disk at the same time.
        progress: told; warned where it may not fit.

    Raises:
        InputError: a disk has less room than the least that is written to it.
    """
    disks: dict[int, Disk] = {}
    written: dict[int, list[DiskNeed]] = {}
    for need in needs:
        disk = disk_of(need.path)
        if disk is not None:
            disks.setdefault(disk.number, disk)
            written.setdefault(disk.number, []).append(need)
    for number, disk in disks.items():
        _check_disk(disk, sorted(written[number], key=lambda need: -need.most), progress)
    unknown = len(needs) - sum(map(len, written.values()))
    if unknown:
        progress.log("Disk: it does not say how much room is left.")


def _check_disk(disk: Disk, needs: Sequence[DiskNeed], progress: Progress) -> None:
    """Say and check what is written to one disk; the largest need comes first."""
    least, most = sum(need.least for need in needs), sum(need.most for need in needs)
    parts = ", ".join(f"{need.what} {data_size(need.most)}" for need in needs)
    upto = "up to " if least < most else ""
    room = f"{data_size(disk.free)} free at {disk.folder}"
    if disk.free < least:
        atleast = f"at least {data_size(least)}" if least < most else data_size(most)
        raise InputError(
            f"The disk is too small: {room}, and {atleast} will be written there "
            f"({upto}{parts}). {needs[0].instead} Or free some space. Nothing was changed."
        )
    progress.log(f"Disk: {upto}{data_size(most)} ({parts}); {room}.")
    if disk.free < most:
        progress.warn(
            f"The disk may become full: {room}, and up to {data_size(most)} will be written "
            f"there, less as far as it compresses. {needs[0].instead}"
        )

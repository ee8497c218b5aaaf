"""What this machine has free: memory, memory of a graphics card, disk."""

from __future__ import annotations

import importlib
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/")


@dataclass(frozen=True)
class FreeMemory:
    """Memory that may still be taken.

    Attributes:
        size: bytes, or None where the machine does not say.
        bound: what bounds it, in words.
    """

    size: int | None
    bound: str = "of this machine"


def free_memory(root: Path = ROOT) -> FreeMemory:
    """Return how much memory this process may still take, the least that anything allows.

    On Linux these are the memory that is available without swapping, the limits of the
    control groups the process is in (containers, batch systems), and the limit of its address
    space (``ulimit -v``). Elsewhere psutil is asked where it is installed.

    Args:
        root: where ``proc`` and ``sys`` are.
    """
    found = [*_machine(root), *_groups(root), *_address_space(root)]
    return min(found, key=lambda free: free.size or 0, default=FreeMemory(None))


def free_device_memory(name: str) -> int | None:
    """Return how many bytes a device can still give, or None where it does not say.

    Args:
        name: what torch calls it, such as ``cuda:0``.
    """
    import torch

    kind, _, number = name.partition(":")
    if kind not in {"cuda", "xpu"}:
        return None
    card, index = getattr(torch, kind), int(number or 0)
    with suppress(Exception):  # whatever a driver raises: it does not say
        # What torch's own cache holds unused can be given out again.
        cached = card.memory_reserved(index) - card.memory_allocated(index)
        return int(card.mem_get_info(index)[0]) + int(cached)
    return None


@dataclass(frozen=True)
class Disk:
    """A disk that a path lies on.

    Attributes:
        number: tells disks apart.
        folder: the nearest folder of the path that is there.
        free: bytes that may still be written.
    """

    number: int
    folder: Path
    free: int


def disk_of(path: Path) -> Disk | None:
    """Return the disk of a path, whether or not it is there yet; None where it does not say."""
    place = path.absolute()
    while not place.is_dir() and place != place.parent:
        place = place.parent
    try:
        return Disk(place.stat().st_dev, place, shutil.disk_usage(place).free)
    except OSError:
        return None


def _machine(root: Path) -> Iterator[FreeMemory]:
    """What the whole machine has."""
    with suppress(OSError):
        found = re.search(r"^MemAvailable:\s+(\d+) kB", (root / "proc/meminfo").read_text(), re.M)
        if found:
            yield FreeMemory(int(found[1]) * 1024)
        return
    # A package of others that may be there; nothing is lost where it is not.
    with suppress(Exception):
        yield FreeMemory(int(importlib.import_module("psutil").virtual_memory().available))


def _groups(root: Path) -> Iterator[FreeMemory]:
    """What the control groups of this process allow, of either version."""
    with suppress(OSError, ValueError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                yield from _group(root / "sys/fs/cgroup", path, _VERSION_2)
            elif "memory" in controllers.split(","):
                yield from _group(root / "sys/fs/cgroup/memory", path, _VERSION_1)


# Files of limit and use, and what can be given back at once.
_VERSION_1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_VERSION_2 = ("memory.max", "memory.current", "inactive_file")


def _group(mount: Path, path: str, names: tuple[str, str, str]) -> Iterator[FreeMemory]:
    """What a group and those around it allow; a container sees its own as the outermost."""
    limit_name, use_name, cache_name = names
    inner = mount / path.strip("/")
    for folder in (inner, *inner.parents):
        with suppress(OSError, ValueError):  # "max" is no number: no limit
            limit = int((folder / limit_name).read_text())
            use = int((folder / use_name).read_text())
            found = re.search(rf"^{cache_name} (\d+)$", (folder / "memory.stat").read_text(), re.M)
            cache = int(found[1]) if found else 0
            yield FreeMemory(max(limit - use + cache, 0), "within the limit of its control group")
        if folder == mount:
            return


def _address_space(root: Path) -> Iterator[FreeMemory]:
    """What ``ulimit -v`` allows."""
    if sys.platform == "win32":
        return
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return
    with suppress(OSError):
        found = re.search(r"^VmSize:\s+(\d+) kB", (root / "proc/self/status").read_text(), re.M)
        if found:
            yield FreeMemory(max(limit - int(found[1]) * 1024, 0), "within 'ulimit -v'")

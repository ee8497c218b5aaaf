"""What the disk of an output allows: may it be written to, and how much room is left."""

from __future__ import annotations

import secrets
from pathlib import Path

from .runtime.resources import disk_of
from .sizes import data_size


def write_refusal(target: Path) -> str:
    """Try whether a file can be made beside an output, before a long run rather than after it.

    Args:
        target: the output; its folder must be there.

    Returns:
        The system's words, such as ``Permission denied``; nothing where a file can be made.
    """
    # The name is one that is swept up where a worker was killed.
    probe = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        probe.touch()
        probe.unlink()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def room_left(target: Path) -> str:
    """Say how much room the disk of an output has, as the end of a sentence."""
    disk = disk_of(target)
    if disk is None:
        return "an unknown amount of room left"
    return f"{data_size(disk.free)} left" if disk.free else "no room left"


def size_of(path: Path) -> int:
    """Return the bytes of a file, 0 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def size_below(folder: Path) -> int:
    """Return the bytes of all files in a folder, at any depth."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

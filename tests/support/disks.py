"""Folders on disks that are full or may not be written to, also for root.

A small disk is a file system in memory, mounted in a name space of its own: programs that are to
see it run there, and a test looks in through ``/proc``. Where that is not allowed (containers
without the right to mount), a limit on the size of files takes its place, and a folder of the
system or one without rights.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

#: Without rights of its own a user may still mount in a user's name space.
_WAYS = (("unshare", "--mount"), ("unshare", "--user", "--map-root-user", "--mount"))


@dataclass(frozen=True)
class Disk:
    """A folder that something is wrong with.

    Attributes:
        folder: as programs see it that are started with ``prefix`` and ``variables``.
        seen: the same folder as this process sees it.
        prefix: words before a command line.
        variables: more variables of the environment.
    """

    folder: Path
    seen: Path
    prefix: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def full_disk(folder: Path, kib: int) -> Iterator[Disk]:
    """Yield a folder that holds no more than some KiB, or at least no file that is larger."""
    with _mounted(folder, f"size={kib}k") as disk:
        yield disk or limited_files(folder, kib)


@contextmanager
def read_only_disk(folder: Path, fill: Callable[[Path], None]) -> Iterator[Disk]:
    """Yield a folder that was filled and takes no file from then on."""
    with _mounted(folder, "size=4m") as disk:
        if disk is not None:
            fill(disk.seen)
            mount = ("mount", "-o", "remount,ro", "tmpfs", str(folder))
            subprocess.run([*disk.prefix, *mount], check=True)
            yield disk
            return
    fill(folder)
    if os.geteuid() == 0:  # whom no rights keep out
        yield Disk(Path("/proc/self"), folder)
        return
    folder.chmod(0o555)
    try:
        yield Disk(folder, folder)
    finally:
        folder.chmod(0o755)


def limited_files(folder: Path, kib: int) -> Disk:
    """Return a folder for workers that may not write a file of more than some KiB."""
    python = folder.with_name(f"{folder.name}-limited") / "python3"
    python.parent.mkdir()
    # A shell counts in blocks of 512 bytes, which POSIX has it do.
    python.write_text(f'#!/bin/sh\nulimit -f {2 * kib}\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return Disk(folder, folder, (), {"HSICNN_PYTHON": str(python)})


@contextmanager
def _mounted(folder: Path, options: str) -> Iterator[Disk | None]:
    """Mount a file system in memory for programs that are started with the disk's prefix."""
    script = f'mount -t tmpfs -o {options} tmpfs "$0" && echo mounted && exec sleep 600'
    for way in _WAYS if sys.platform == "linux" and shutil.which("nsenter") else ():
        holder = subprocess.Popen(
            [*way, "sh", "-c", script, str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            if holder.stdout.readline().strip() == "mounted":
                users = ("--user", "--preserve-credentials") if "--user" in way else ()
                enter = ("nsenter", "--target", str(holder.pid), "--mount", *users)
                yield Disk(folder, Path(f"/proc/{holder.pid}/root{folder}"), enter)
                return
        finally:
            holder.kill()
            holder.communicate()
    yield None

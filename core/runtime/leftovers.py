"""What a killed worker leaves behind: files under temporary names, never under final ones."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

#: What is written beside an output and has an ending of its own, with the output's name.
_SIDES = (".checkpoint.safetensors", ".aux.xml", ".ovr", ".msk")


def remove_leftovers(paths: Iterable[str]) -> tuple[Path, ...]:
    """Remove the temporary files of outputs, made by a job that could not do it itself.

    Every writer of the project writes beside its output, as ``.map.0a1b2c3d.partial.tif`` for
    ``map.tif``. What the output is to replace waits as ``.map.tif.0a1b2c3d.before``, a chip set
    as ``.chips.0a1b2c3d.old``: it takes its place again where the job ended before the new one
    was there. Call this while the outputs are locked: then nobody else writes them, and what
    is found is of a job that was killed. Another user's files are left alone: the locks are a
    user's own.

    Args:
        paths: the outputs of the job.

    Returns:
        What was removed.
    """
    removed: list[Path] = []
    for path in map(Path, paths):
        with contextlib.suppress(OSError):
            names = [item.name for item in path.parent.iterdir() if item.name.startswith(".")]
            removed += _remove_unfinished(path, names)
            removed += _settle_replaced(path, names)
    return tuple(removed)


def _remove_unfinished(path: Path, names: Iterable[str]) -> list[Path]:
    own = "|".join(re.escape(name) for name in (*_names(path), path.stem))
    pattern = re.compile(rf"\.({own})\.[0-9a-f]+\.partial(\..*)?")
    found = [path.with_name(name) for name in names if pattern.fullmatch(name)]
    unfinished = [item for item in found if _is_mine(item)]
    for item in unfinished:
        _remove(item)
    return unfinished


def _is_mine(path: Path) -> bool:
    return not hasattr(os, "getuid") or path.lstat().st_uid == os.getuid()


def _settle_replaced(path: Path, names: Iterable[str]) -> list[Path]:
    """Put back what is missing under its own name; remove what was replaced."""
    own = "|".join(re.escape(name) for name in _names(path))
    pattern = re.compile(rf"\.({own})\.[0-9a-f]{{8}}\.(old|before)")
    removed = []
    for match in filter(None, map(pattern.fullmatch, names)):
        kept, place = path.with_name(match[0]), path.with_name(match[1])
        if place.exists():
            _remove(kept)
            removed.append(kept)
        else:
            kept.rename(place)
    return removed


def _names(path: Path) -> tuple[str, ...]:
    """Return the names of an output and of what lies beside it."""
    return (path.name, *(f"{path.name}{side}" for side in _SIDES), f"{path.stem}.qml")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)

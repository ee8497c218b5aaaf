"""What a killed worker leaves behind: files under temporary names, never under final ones."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Collection, Iterable
from pathlib import Path

#: What is written beside an output and has an ending of its own, with the output's name.
_SIDES = (".checkpoint.safetensors", ".aux.xml", ".ovr", ".msk")


def journal_name(output: Path, job_name: str) -> Path:
    """Return where a job that can go on keeps its journal: beside an output, hidden."""
    return output.with_name(f".{output.stem}.{job_name}.partial.journal")


def unfinished_jobs(paths: Iterable[str]) -> frozenset[str]:
    """Return the names of killed jobs that can go on: those with a journal beside an output.

    Args:
        paths: the outputs of the job.
    """
    found: set[str] = set()
    for path in map(Path, paths):
        pattern = re.compile(re.escape(journal_name(path, "@").name).replace("@", "([0-9a-f]+)"))
        with contextlib.suppress(OSError):
            matches = [pattern.fullmatch(item.name) for item in path.parent.iterdir()]
            found.update(match[1] for match in matches if match)
    return frozenset(found)


def remove_leftovers(paths: Iterable[str], keep: Collection[str] = ()) -> tuple[Path, ...]:
    """Remove the temporary files of outputs, made by a job that could not do it itself.

    Every writer of the project writes beside its output, as ``.map.0a1b2c3d.partial.tif`` for
    ``map.tif``. What the output is to replace waits as ``.map.tif.0a1b2c3d.before``, a chip set
    as ``.chips.0a1b2c3d.old``: it takes its place again where the job ended before the new one
    was there. Call this while the outputs are locked: then nobody else writes them, and what
    is found is of a job that was killed. Another user's files are left alone: the locks are a
    user's own.

    Args:
        paths: the outputs of the job.
        keep: names of jobs whose unfinished files stay, see ``unfinished_jobs``.

    Returns:
        What was removed.
    """
    removed: list[Path] = []
    for path in map(Path, paths):
        with contextlib.suppress(OSError):
            names = [item.name for item in path.parent.iterdir() if item.name.startswith(".")]
            removed += _remove_unfinished(path, names, keep)
            removed += _settle_replaced(path, names)
    return tuple(removed)


def _remove_unfinished(path: Path, names: Iterable[str], keep: Collection[str]) -> list[Path]:
    own = "|".join(re.escape(name) for name in (*_names(path), path.stem))
    pattern = re.compile(rf"\.({own})\.([0-9a-f]+)\.partial(\..*)?")
    matches = [match for match in map(pattern.fullmatch, names) if match and match[2] not in keep]
    unfinished = [
        item for item in (path.with_name(match[0]) for match in matches) if _is_mine(item)
    ]
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

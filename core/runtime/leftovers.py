"""What a killed worker leaves behind: files under temporary names, never under final ones."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Collection, Iterable
from pathlib import Path

#: What is written beside an output and has an ending of its own, with the output's name.
_WITH_STYLE = {".tif", ".tiff"}
_SIDES = (".checkpoint.safetensors", ".history.jsonl", ".aux.xml", ".ovr", ".msk")


def journal_name(output: Path, job_name: str) -> Path:
    """Return where a job that can go on keeps its journal: beside an output, hidden."""
    return output.with_name(f".{output.name}.{job_name}.partial.journal")


def unfinished_jobs(paths: Iterable[str]) -> frozenset[str]:
    """Return the names of killed jobs that can go on.

    Those have a journal beside an output that holds more than what the job is.

    Args:
        paths: the outputs of the job.
    """
    found: set[str] = set()
    for path in map(Path, paths):
        pattern = re.compile(re.escape(journal_name(path, "@").name).replace("@", "([0-9a-f]+)"))
        with contextlib.suppress(OSError):
            matches = [pattern.fullmatch(item.name) for item in path.parent.iterdir()]
            found.update(match[1] for match in matches if match and _has_lines(path, match[0]))
    return frozenset(found)


def _has_lines(output: Path, journal: str) -> bool:
    try:
        return output.with_name(journal).read_bytes().count(b"\n") > 1
    except OSError:
        return False


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
    own = "|".join(re.escape(name) for name in _names(path))
    # Rasters and layers keep their own ending, so that their format can be told.
    ending = re.escape(path.suffix) + r"(?![A-Za-z0-9]).*"
    if path.suffix.lower() in _WITH_STYLE:
        ending += r"|\.qml"
    pattern = re.compile(
        rf"\.({own})\.(?P<job>[0-9a-f]+)\.partial(\..*)?"
        rf"|\.{re.escape(path.stem)}\.(?P<job_too>[0-9a-f]+)\.partial({ending})"
    )
    matches = [match for match in map(pattern.fullmatch, names) if match]
    found = [path.with_name(m[0]) for m in matches if (m["job"] or m["job_too"]) not in keep]
    unfinished = [item for item in found if is_mine(item)]
    for item in unfinished:
        _remove(item)
    return unfinished


def is_mine(path: Path) -> bool:
    """Whether a file or link is of the user who runs this."""
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

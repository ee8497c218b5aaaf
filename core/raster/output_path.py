"""Where an output goes: what can be told before anything is computed, and the last rename."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from ..disk import write_refusal
from ..errors import RasterError

SUFFIXES = (".tif", ".tiff")
# What belongs to a GeoTIFF and would be wrong beside another one of the same name.
STALE = (".aux.xml", ".ovr", ".msk")
# What SQLite leaves of an unfinished change: played into another GeoPackage, it destroys it.
DATABASES = (".gpkg",)
JOURNALS = ("-wal", "-shm", "-journal")


def check_output(path: str | Path, inputs: Iterable[str | Path] = ()) -> Path:
    """Refuse an output that cannot work, before a long run rather than after it.

    Args:
        path: a GeoTIFF to write.
        inputs: files that are being read, which it must not be.

    Returns:
        The absolute path.

    Raises:
        RasterError: no ``.tif`` name, a folder that is missing or cannot be written to, a
            folder in its place, or one of the inputs.
    """
    target = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
    if target.suffix.lower() not in SUFFIXES:
        raise RasterError(
            f"{target.name} cannot be written: rasters are written as GeoTIFF. "
            "Give a file name that ends in .tif."
        )
    if not target.parent.is_dir():
        raise RasterError(
            f"{target.name} cannot be written: there is no folder {target.parent}. "
            "Create it, or choose another one."
        )
    if target.is_dir():
        raise RasterError(f"{target} is a folder; give the name of a file.")
    for source in inputs:
        # Subdatasets and /vsi paths are no files of their own.
        with suppress(OSError, ValueError):
            if target.exists() and target.samefile(source):
                raise RasterError(
                    f"{target.name} is both input and output; choose another output file."
                )
    refusal = write_refusal(target)
    if refusal:
        raise RasterError(
            f"{target.name} cannot be written to {target.parent}: {refusal}. Choose a folder that "
            "you may write to, on a disk with room. What was there before is unchanged."
        )
    return target


def all_distinct(outputs: Sequence[str | Path], inputs: Iterable[str | Path] = ()) -> bool:
    """Return whether outputs are all files of their own, and none of them one that is read.

    Links lead to the same file.
    """
    names = {_identity(path) for path in outputs}
    return len(names) == len(outputs) and not names & {_identity(path) for path in inputs}


def _identity(path: str | Path) -> str:
    return os.path.normcase(os.path.realpath(path))


def temporary_name(target: Path, job_name: str = "") -> Path:
    """A hidden name in the same folder that nobody else uses; or the one of a job."""
    return target.with_name(
        f".{target.stem}.{job_name or secrets.token_hex(4)}.partial{target.suffix}"
    )


def side_file(path: Path, suffix: str) -> Path:
    """A file that goes with another: QGIS replaces the suffix for styles, others append."""
    return path.with_suffix(suffix) if suffix == ".qml" else path.with_name(path.name + suffix)


def move_into_place(finished: Sequence[tuple[Path, Path]]) -> None:
    """Rename finished files with their side files: all of them, or none; see ``in_place``."""
    with in_place(finished):
        pass


@contextmanager
def in_place(finished: Sequence[tuple[Path, Path]]) -> Iterator[None]:
    """Rename finished files with their side files; an error in the body puts all of it back.

    What was there before is kept under another name until the body has ended. Side files of an
    earlier file go with it.

    Args:
        finished: temporary and final path of each file.

    Raises:
        RasterError: a file cannot be renamed; every one is as it was before.
    """
    moves: list[_Move] = []
    target = Path()
    try:
        for temporary, target in finished:
            stale = _stale(target)
            for suffix in ("", *stale, ".qml"):
                made, place = side_file(temporary, suffix), side_file(target, suffix)
                if made.exists() or (suffix in stale and place.exists()):
                    moves.append(_Move(place, _keep(place)))
                    _put(made, place)
    except OSError as error:
        lost = _undo(moves)
        raise RasterError(
            f"{target} cannot be replaced: {error.strerror}. If it is open in a program, such "
            f"as a layer in QGIS, close it there, or choose another file. {lost}"
        ) from error
    try:
        yield
    except BaseException:
        _undo(moves)
        raise
    for move in moves:
        if move.kept:
            with suppress(OSError):
                move.kept.unlink(missing_ok=True)


def _stale(target: Path) -> tuple[str, ...]:
    """What would be wrong beside another file in this place."""
    return STALE + JOURNALS if target.suffix.lower() in DATABASES else STALE


class _Move(NamedTuple):
    """A file that takes its place, and where what was there before is kept."""

    place: Path
    kept: Path | None


def _keep(place: Path) -> Path | None:
    """Give a file a second name where the disk can, so that it never goes missing."""
    if place.is_dir():
        raise IsADirectoryError(errno.EISDIR, "it is a folder", str(place))
    if not os.path.lexists(place):
        return None
    kept = place.with_name(f".{place.name}.{secrets.token_hex(4)}.before")
    linked = False
    if not place.is_symlink():  # of a link, the link itself is kept
        with suppress(OSError):  # no second names on FAT and on some network drives
            os.link(place, kept)
            linked = True
    if not linked:
        place.replace(kept)
    return kept


def _put(made: Path, place: Path) -> None:
    """Rename a file; where none was made, only the old one goes."""
    if made.exists():
        made.replace(place)
    else:
        place.unlink(missing_ok=True)


def _undo(moves: Sequence[_Move]) -> str:
    """Put back what was there before; tells where that did not work, and where it lies."""
    lost = [_put_back(*move) for move in reversed(moves)]
    return " ".join(filter(None, lost)) or "What was there before is unchanged."


def _put_back(place: Path, kept: Path | None) -> str:
    """Undo a move; tells what is not as it was."""
    try:
        if kept is None:
            place.unlink(missing_ok=True)
        elif place.exists() and place.samefile(kept):
            kept.unlink()  # a second name of a file that never moved
        else:
            kept.replace(place)
    except OSError:
        return f"The earlier {place.name} is now {kept}." if kept else f"{place} is a new one."
    return ""


def remove_temporary(temporary: Path) -> None:
    """Delete an unfinished raster with its side files."""
    for path in (temporary, *(side_file(temporary, suffix) for suffix in (*STALE, ".qml"))):
        with suppress(OSError):
            path.unlink(missing_ok=True)

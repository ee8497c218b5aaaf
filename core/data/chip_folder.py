"""The folder of a chip set: what it may replace, and how it gets into its place."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from ..disk import room_left, write_refusal
from ..errors import ChipSetError
from .chip_format import INDEX
from .chip_index import is_chip_set, own_files


def check_folder(folder: str | Path) -> Path:
    """Refuse a folder that a chip set must not be written to, before a long run.

    Returns:
        The absolute path. It does not exist, is empty, or is a chip set to be replaced.

    Raises:
        ChipSetError: where it is a file, holds anything else, or its parent is missing or
            cannot be written to.
    """
    place = Path(folder).absolute()
    if place.exists() and not place.is_dir():
        raise ChipSetError(f"{place} is a file; a chip set is a folder. Choose another name.")
    if not place.parent.is_dir():
        raise ChipSetError(
            f"There is no folder {place.parent} to put the chip set {place.name} into. Create it, "
            "or choose another one."
        )
    if place.is_dir():
        others = _foreign(place)
        if others or (any(place.iterdir()) and not is_chip_set(place)):
            shown = ", ".join(others[:3]) or f"no valid {INDEX}"
            raise ChipSetError(
                f"The folder {place} is not empty and holds more or other things than a chip set "
                f"({shown}). It is left as it is: choose another folder, or an empty one."
            )
    refusal = write_refusal(place)
    if refusal:
        raise ChipSetError(
            f"The chip set {place.name} cannot be written to {place.parent}: {refusal}. Choose a "
            "folder that you may write to, on a disk with room."
        )
    return place


def _foreign(place: Path) -> list[str]:
    """Return what a folder holds that is not of the chip set in it."""
    own = own_files(place)
    for name in list(own):
        # What other programs leave beside the files that they open.
        own |= {f"{name}.aux.xml", str(PurePosixPath(name).with_suffix(".wld"))}
    found = {path.relative_to(place).as_posix() for path in place.rglob("*") if not path.is_dir()}
    return sorted(found - own)


@contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """Make a folder beside the target; it takes its place where all went well.

    An earlier chip set there stays until then, and for good where anything goes wrong.

    Raises:
        ChipSetError: the disk is full, or the earlier one cannot be replaced.
    """
    with folder_beside(target) as temporary:
        yield temporary
        _move_into_place(temporary, target)


@contextmanager
def folder_beside(target: Path) -> Iterator[Path]:
    """Make a folder beside the target, and remove it unless it was moved away.

    Raises:
        ChipSetError: what is written into it does not fit on the disk.
    """
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        temporary.mkdir(parents=True)
        yield temporary
    except OSError as error:
        raise ChipSetError(
            f"The chip set {target} cannot be written: {error.strerror or error}. Its disk has "
            f"{room_left(target)}: free some, or choose another folder (OUTPUT). What was there "
            "before is unchanged."
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _move_into_place(temporary: Path, target: Path) -> None:
    """Put the finished folder where the target is; if that fails, the old one comes back."""
    old = target.with_name(f".{target.name}.{secrets.token_hex(4)}.old")
    try:
        if target.exists():
            target.rename(old)
        try:
            temporary.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
    except OSError as error:
        raise ChipSetError(
            f"The chip set {target} cannot be replaced: {error}. If its files are open in a "
            "program, such as layers in QGIS, close them there, or choose another folder."
        ) from error
    shutil.rmtree(old, ignore_errors=True)

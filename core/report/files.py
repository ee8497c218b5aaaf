"""Writing a report's text: under another name, renamed when it is complete."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..disk import room_left, write_refusal
from ..errors import InputError


def check_text_output(path: str | Path) -> None:
    """Refuse a text file that cannot be written, before a long run rather than after it.

    Raises:
        InputError: its folder is missing or cannot be written to, or it is a folder itself.
    """
    target = Path(path)
    reason = ""
    if not target.absolute().parent.is_dir():
        reason = f"there is no folder {target.absolute().parent}"
    elif target.is_dir():
        reason = "it is a folder"
    reason = reason or write_refusal(target)
    if reason:
        raise _not_written(target, reason)


@contextmanager
def staged_text(path: str | Path, text: str) -> Iterator[tuple[Path, Path]]:
    """Write a text file under another name; what is not renamed is removed at the end.

    Yields:
        That name and the final one.

    Raises:
        InputError: where it cannot be written.
    """
    target = Path(path)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        try:
            with part.open("w", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except OSError as error:
            raise _not_written(target, error.strerror or str(error)) from error
        yield part, target
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> Path:
    """Write a text file; what was there before stays until the new one is complete.

    Returns:
        The path.

    Raises:
        InputError: where it cannot be written.
    """
    with staged_text(path, text) as (part, target):
        try:
            part.replace(target)
        except OSError as error:
            raise _not_written(target, error.strerror or str(error)) from error
    return target


def _not_written(target: Path, reason: str) -> InputError:
    return InputError(
        f"{target} cannot be written ({reason}). Choose a folder that exists and that you may "
        f"write to; this one's disk has {room_left(target)}."
    )

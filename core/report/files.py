"""Writing a report's text: under another name, renamed when it is complete."""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path

from ..errors import InputError


def write_text(path: str | Path, text: str) -> Path:
    """Write a text file; what was there before stays until the new one is complete.

    Returns:
        The path.

    Raises:
        InputError: where it cannot be written.
    """
    target = Path(path)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        with part.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        part.replace(target)
    except OSError as error:
        raise InputError(
            f"{target} cannot be written ({error.strerror or error}). Choose a folder that exists "
            "and that you may write to, on a disk with space."
        ) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return target

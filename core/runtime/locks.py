"""Locks on outputs: of two jobs that would write one file, the second is refused.

The operating system holds the locks and lets them go with the process, so a crash leaves
none behind. The lock files lie in the temporary folder, not beside the outputs.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from ..errors import InputError


@contextlib.contextmanager
def output_locks(paths: Iterable[str]) -> Iterator[None]:
    """Hold the locks of outputs while the context lasts.

    Args:
        paths: files or folders that a job writes.

    Raises:
        InputError: another job is writing one of them.
    """
    with contextlib.ExitStack() as stack:
        # Sorted, so that two jobs with common outputs cannot each hold half of them.
        for path in sorted({os.path.realpath(path) for path in paths}):
            stack.enter_context(_locked(path))
        yield


@contextlib.contextmanager
def _locked(path: str) -> Iterator[None]:
    name = hashlib.sha256(os.path.normcase(path).encode("utf-8", "surrogateescape")).hexdigest()
    with (_folder() / f"{name}.lock").open("a+b") as file:
        if not _try_lock(file):
            raise InputError(
                f"{path} is being written by another job; wait until it has ended, or choose "
                "another output."
            )
        try:
            yield
        finally:
            _unlock(file)


def _folder() -> Path:
    # One folder a user: another user's files could not be opened for writing.
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    folder = Path(tempfile.gettempdir()) / f"hsicnn-locks-{user}"
    folder.mkdir(exist_ok=True)
    return folder


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[bytes]) -> bool:
        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _unlock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)

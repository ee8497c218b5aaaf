"""Locks on outputs: of two jobs that would write one file, the second is refused.

The operating system holds the locks and lets them go with the processes that hold them, so a
crash locks nothing for good. A worker inherits the locks of its job where the system can
(POSIX): should QGIS be killed, they are held until the worker has gone as well. The lock files
lie in the temporary folder, not beside the outputs, and name the process that made them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from ..errors import InputError

#: How long to wait for a worker whose parent has died: it ends within two seconds, where other
#: programs leave it a core to notice.
_ORPHAN_ENDS = 20.0
_POLL = 0.1


@contextlib.contextmanager
def output_locks(
    paths: Iterable[str], *, patience: float = _ORPHAN_ENDS
) -> Iterator[tuple[int, ...]]:
    """Hold the locks of outputs while the context lasts.

    Args:
        paths: files or folders that a job writes.
        patience: seconds to wait for a lock whose job was killed and is about to end.

    Yields:
        The file descriptors that hold the locks, for a child process to inherit.

    Raises:
        InputError: another job is writing one of them, or no lock can be made.
    """
    with contextlib.ExitStack() as stack:
        # Sorted, so that two jobs with common outputs cannot each hold half of them.
        unique = sorted({os.path.realpath(path) for path in paths})
        yield tuple(stack.enter_context(_locked(path, patience)) for path in unique)


@contextlib.contextmanager
def _locked(path: str, patience: float) -> Iterator[int]:
    name = hashlib.sha256(os.path.normcase(path).encode("utf-8", "surrogateescape")).hexdigest()
    try:
        lock = _folder() / f"{name}.lock"
        file = _open_locked(lock)
        deadline = time.monotonic() + patience
        while file is None and _is_orphaned(lock) and time.monotonic() < deadline:
            time.sleep(_POLL)
            file = _open_locked(lock)
        if file is not None:
            _sign(file)
    except OSError as error:
        raise InputError(
            f"No lock can be made for {path}: {error.strerror or error} ({error.filename}). Make "
            "that folder for temporary files writable, or name another one in the environment "
            "variable TMPDIR (on Windows TEMP) and start QGIS again."
        ) from error
    if file is None:
        raise InputError(
            f"{path} is being written by another job; wait until it has ended, or choose another "
            "output."
        )
    try:
        yield file.fileno()
    finally:
        _release(file, lock)


def _open_locked(lock: Path) -> IO[bytes] | None:
    """Return the lock's file, locked; nothing where another job holds it.

    Raises:
        OSError: it cannot be opened or locked at all.
    """
    while True:
        file = lock.open("a+b")
        try:
            if not _try_lock(file):
                file.close()
                return None
            # Whoever held it may have deleted it since it was opened: the lock of a file
            # without a name keeps nobody out.
            if _is_file_of(lock, file):
                return file
        except OSError:
            file.close()
            raise
        file.close()


def _is_file_of(lock: Path, file: IO[bytes]) -> bool:
    try:
        return os.path.samestat(lock.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


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

    def _sign(_file: IO[bytes]) -> None:
        """Nobody else can read the file while it is locked."""

    def _is_orphaned(_lock: Path) -> bool:
        return False

    def _release(file: IO[bytes], lock: Path) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
        file.close()
        # Windows deletes no open file: one that another job has opened by now stays.
        with contextlib.suppress(OSError):
            lock.unlink()

else:
    import fcntl

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _sign(file: IO[bytes]) -> None:
        """Say whose lock it is."""
        file.truncate(0)
        file.write(str(os.getpid()).encode())
        file.flush()

    def _is_orphaned(lock: Path) -> bool:
        """Whether the process that made a lock has died, so that only its worker holds it."""
        try:
            os.kill(int(lock.read_bytes()), 0)
        except ProcessLookupError:
            return True
        except FileNotFoundError:
            return True  # let go of meanwhile
        except (OSError, ValueError):
            return False
        return False

    def _release(file: IO[bytes], lock: Path) -> None:
        # Deleted while it is held: afterwards it might be another job's already.
        with contextlib.suppress(OSError):
            lock.unlink()
        file.close()

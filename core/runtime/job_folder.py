"""A worker's folder of temporary files: it goes with the job, or with a later one."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..errors import InputError
from .locks import output_locks
from .protocol import TEMPORARY_PREFIX


@contextlib.contextmanager
def job_folder() -> Iterator[tuple[Path, tuple[int, ...]]]:
    """Make a folder for a worker's temporary files, and remove those that nobody uses any more.

    Yields:
        The folder, and the descriptors of its lock for the worker to inherit.

    Raises:
        InputError: the system's folder for temporary files cannot be written to.
    """
    place = Path(tempfile.gettempdir())
    _remove_abandoned(place)
    folder = place / f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}"
    # Locked before it is there: nobody takes it for abandoned.
    with output_locks([str(folder)]) as locks:
        try:
            folder.mkdir(mode=0o700)
            yield folder, locks
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned(place: Path) -> None:
    """Remove the folders of jobs that were killed together with their workers."""
    for folder in place.glob(f"{TEMPORARY_PREFIX}*"):
        with contextlib.suppress(OSError, InputError):
            if hasattr(os, "getuid") and folder.lstat().st_uid != os.getuid():
                continue  # another user's locks are not seen
            with output_locks([str(folder)], patience=0.0):
                shutil.rmtree(folder, ignore_errors=True)

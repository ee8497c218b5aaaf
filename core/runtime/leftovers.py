"""What a killed worker leaves behind: files under temporary names, never under final ones."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterable
from pathlib import Path


def remove_leftovers(paths: Iterable[str], since: float) -> tuple[Path, ...]:
    """Remove the temporary files of outputs, made by a worker that could not do it itself.

    Every writer of the project writes beside its output, as ``.map.0a1b2c3d.partial.tif`` for
    ``map.tif``. Call this while the outputs are locked: then nobody else writes them.

    Args:
        paths: the outputs of the job.
        since: when the job began, seconds since the epoch; older files are somebody else's.

    Returns:
        What was removed.
    """
    removed = []
    for path in map(Path, paths):
        names = {re.escape(path.name), re.escape(path.stem)}
        pattern = re.compile(rf"\.({'|'.join(sorted(names))})\.[0-9a-f]+\.partial(\..*)?")
        with contextlib.suppress(OSError):
            for found in [item for item in path.parent.iterdir() if pattern.fullmatch(item.name)]:
                if found.stat().st_mtime >= since:
                    _remove(found)
                    removed.append(found)
    return tuple(removed)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)

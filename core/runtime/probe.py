"""Ask an interpreter what it has, in a process of its own that a cancel ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

_SECONDS = 60.0

#: How often the user's cancel is looked for, in seconds.
_POLL = 0.1

# What a candidate runs. Modules are found, not imported (torch takes seconds), save GDAL,
# whose bindings are often present without the library they were built for.
_PROBE = """
import importlib.util, json, sys
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = importlib.util.find_spec(name) is not None
    except Exception:
        found[name] = False
problem = ""
if found.get("osgeo"):
    try:
        from osgeo import gdal
    except Exception as error:
        found["osgeo"] = False
        problem = str(error)
numpy = ""
try:
    import importlib.metadata
    numpy = importlib.metadata.version("numpy")
except Exception:
    pass
print("hsicnn " + json.dumps({"version": list(sys.version_info[:3]), "found": found,
                              "problem": problem, "numpy": numpy}))
"""

#: Answers of interpreters that have everything they were asked for: what is missing may be
#: installed while QGIS runs, so only good news is kept.
_ANSWERS: dict[tuple[str, int, tuple[str, ...]], dict[str, Any]] = {}


def probe(
    path: str,
    changed: int,
    names: tuple[str, ...],
    environment: Mapping[str, str],
    check_cancel: Callable[[], None],
) -> dict[str, Any]:
    """Return what an interpreter has.

    Args:
        path: the program.
        changed: when it was changed; tells a replaced interpreter from what it was.
        names: top-level modules to look for.
        environment: the variables it is started with.
        check_cancel: raises when the user has cancelled; asked ten times a second.

    Returns:
        ``version``, ``found`` (by module), ``problem`` (of GDAL) and ``numpy`` (its version).

    Raises:
        OSError: it cannot be started.
        ValueError: it gives no sensible answer, or none within a minute.
    """
    known = _ANSWERS.get((path, changed, names))
    if known is not None:
        return known
    code, said, complained = _output_of([path, "-c", _PROBE, *names], environment, check_cancel)
    for line in said.splitlines():
        if line.startswith("hsicnn "):
            answer: dict[str, Any] = json.loads(line[len("hsicnn ") :])
            if all(answer["found"].values()):
                _ANSWERS[path, changed, names] = answer
            return answer
    words = complained.strip().splitlines() or ["no message"]
    raise ValueError(f"exit code {code}: {words[-1]}")


def _output_of(
    command: Sequence[str], environment: Mapping[str, str], check_cancel: Callable[[], None]
) -> tuple[int, str, str]:
    """Run a program for a minute at the most; return its exit code and what it wrote.

    It writes into files: a pipe would stay open as long as anything it has started.
    """
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=complained,
            env=dict(environment),
            start_new_session=sys.platform != "win32",
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        ends = time.monotonic() + _SECONDS
        try:
            while process.poll() is None:
                check_cancel()
                if time.monotonic() > ends:
                    raise ValueError(f"no answer within {_SECONDS:.0f} seconds")
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_POLL)
        finally:
            _end(process)
        return process.returncode, _text_of(said), _text_of(complained)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process that still runs, with what it has started where the system can."""
    if process.poll() is not None:
        return
    if sys.platform == "win32":
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _text_of(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")

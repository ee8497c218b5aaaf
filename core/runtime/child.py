"""The worker's side of a job: run it, say what happens, stop when told to."""

from __future__ import annotations

import errno
import faulthandler
import importlib
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from ..errors import (
    Abandoned,
    Cancelled,
    DependencyError,
    HsicnnError,
    InputError,
    RasterError,
    WorkerError,
)
from . import dependencies, jobs
from .memory_errors import is_out_of_memory
from .protocol import PROTOCOL, TEMPORARY_PREFIX, decode, encode

#: Time between two reports of progress, in seconds; more would only fill the pipe.
_REPORT_EVERY = 0.05

#: How long a job may take to clean up after its parent has gone, in seconds.
_ORPHAN_GRACE = 2.0

_ORPHAN_EXIT = 3

_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
#: How libraries written in Rust, such as safetensors, pass on the system's error.
_SYSTEM_ERROR = re.compile(r"\(os error (\d+)\)")
#: ERROR_DISK_FULL and ERROR_HANDLE_DISK_FULL; numbers of Windows and of POSIX differ.
_WINDOWS_DISK_FULL = frozenset({112, 39})


class Channel:
    """The line to the parent; safe to use from several threads."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, event: str, **content: Any) -> None:
        """Send one message; a parent that has gone is noticed by the reader instead."""
        line = encode({"event": event, **content})
        with self._lock:
            try:
                view = memoryview(line)
                while view:
                    view = view[self._stream.write(view) :]
            except OSError:
                return


class Parent:
    """What the worker knows of its parent: whether it wants the job to end, or has gone."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()
        self.gone = threading.Event()

    def check(self) -> None:
        """Raise ``Cancelled`` or ``Abandoned`` where the job shall not go on."""
        if self.cancelled.is_set():
            raise Cancelled
        if self.gone.is_set():
            raise Abandoned


class WorkerProgress:
    """Sends a job's progress to the parent and learns of its cancelling."""

    def __init__(self, channel: Channel, parent: Parent) -> None:
        self._channel = channel
        self._parent = parent
        self._last_time = 0.0
        self._last_text = ""

    def report(self, fraction: float, text: str = "") -> None:
        """Send how far the job is, not more often than a person can see."""
        now = time.monotonic()
        soon = now - self._last_time < _REPORT_EVERY
        if soon and fraction < 1.0 and text in {"", self._last_text}:
            return
        self._last_time = now
        self._last_text = text
        self._channel.send("report", fraction=float(fraction), text=text)

    def log(self, text: str) -> None:
        """Send a line for the user."""
        self._channel.send("log", text=text)

    def warn(self, text: str) -> None:
        """Send a warning for the user."""
        self._channel.send("warn", text=text)

    def metric(self, name: str, values: Mapping[str, float]) -> None:
        """Send figures of a step."""
        numbers = {key: float(value) for key, value in values.items()}
        self._channel.send("metric", name=name, values=numbers)

    def check_cancel(self) -> None:
        """Raise ``Cancelled`` once the parent has asked to stop, ``Abandoned`` once it has gone."""
        self._parent.check()


def serve(incoming: IO[bytes], outgoing: IO[bytes]) -> None:
    """Run the one job that the parent sends, and end the process.

    Args:
        incoming: the parent's messages; their end ends the process.
        outgoing: ours.
    """
    # A crash in native code leaves its Python stack in stderr, which the parent keeps.
    faulthandler.enable(sys.stderr)
    channel = Channel(outgoing)
    channel.send("hello", protocol=PROTOCOL, python=sys.executable, pid=os.getpid())
    first = incoming.readline()
    if not first:
        os._exit(_ORPHAN_EXIT)
    parent = Parent()
    threading.Thread(target=_watch, args=(incoming, parent), daemon=True).start()
    try:
        message = decode(first)
        result = _run(message, WorkerProgress(channel, parent))
        channel.send("result", value=result)
    except BaseException as error:
        kind, text, details = explain(error)
        channel.send("error", kind=kind, message=text, details=details)
    sys.stdout.flush()
    sys.stderr.flush()
    # Without Python's own farewell: the job is done, and torch's threads and destructors
    # can take seconds or crash on the way out.
    os._exit(0)


def _watch(incoming: IO[bytes], parent: Parent) -> None:
    """Wait for the parent's cancel, or for its end."""
    while True:
        try:
            line = incoming.readline()
        except OSError:
            line = b""
        if not line:
            break
        if line.strip() and decode(line).get("cancel"):
            parent.cancelled.set()
    parent.gone.set()
    time.sleep(_ORPHAN_GRACE)
    _leave_nothing()


def _leave_nothing() -> None:
    """End this process the way its parent would have, had it not died itself."""
    folder = Path(tempfile.gettempdir())
    if folder.name.startswith(TEMPORARY_PREFIX):
        shutil.rmtree(folder, ignore_errors=True)
    if sys.platform != "win32" and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(_ORPHAN_EXIT)


def _run(message: Mapping[str, Any], progress: WorkerProgress) -> Any:
    if message.get("protocol") != PROTOCOL:
        raise WorkerError(
            "The plugin was updated while QGIS was running; restart QGIS, then run this again."
        )
    name = str(message.get("job"))
    job = jobs.JOBS.get(name)
    if job is None:
        raise InputError(f"There is no job '{name}'; the jobs are {', '.join(sorted(jobs.JOBS))}.")
    module, _, function = job.function.partition(":")
    package = __name__.partition(".")[0]
    run = getattr(importlib.import_module(f"{package}.{module}"), function)
    return jobs.plain(run(**dict(message.get("arguments") or {}), progress=progress))


def explain(error: BaseException) -> tuple[str, str, str]:
    """Return an error as its kind, a message for the user, and details for the log.

    The project's own errors pass as they are. What the system refuses (memory, disk, rights)
    becomes a sentence, with its own words for the log. Anything else is ours to repair, and
    keeps its traceback.
    """
    if isinstance(error, HsicnnError):
        return type(error).__name__, str(error), ""
    details = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    refused = "".join(traceback.format_exception_only(type(error), error))
    if _is_lack_of_memory(error):
        text = (
            "There was not enough memory. Close other programs, or choose less at a time: a "
            "smaller BATCH_SIZE or patch for training, a smaller MEMORY or EXTENT for classifying."
        )
        return WorkerError.__name__, text, refused
    if isinstance(error, ImportError):
        return (DependencyError.__name__, *_explain_import(error, details))
    if _is_disk_full(error):
        name = getattr(error, "filename", None)
        text = (
            f"The disk{f' where {name} lies' if name else ''} is full, or allows no file that "
            "large; free some space, or choose another folder for the outputs."
        )
        return RasterError.__name__, text, refused
    if isinstance(error, PermissionError) and error.filename:
        text = f"{error.filename} cannot be opened or written: permission denied."
        return InputError.__name__, text, refused
    summary = str(error).strip().splitlines() or ["no message"]
    text = f"Something went wrong inside the plugin ({type(error).__name__}: {summary[0]})."
    return WorkerError.__name__, f"{text} The log holds the details to report.", details


def _explain_import(error: ImportError, details: str) -> tuple[str, str]:
    """Return message and details: none where the package to install again is known."""
    module = str(error.name or "").partition(".")[0]
    if module in dependencies.PACKAGES:
        return dependencies.what_is_broken(module, error), ""
    return f"A package cannot be loaded: {error}.", details


def _is_lack_of_memory(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    # Torch's errors of every kind are RuntimeErrors.
    return isinstance(error, (MemoryError, RuntimeError)) and is_out_of_memory(error)


def _is_disk_full(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in _DISK_FULL
    told = _SYSTEM_ERROR.search(str(error))
    numbers = _WINDOWS_DISK_FULL if sys.platform == "win32" else _DISK_FULL
    return told is not None and int(told[1]) in numbers

"""The parent's side of a job: start the worker, pass its words on, cancel it, name its end."""

from __future__ import annotations

import collections
import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Optional, cast

from .. import errors
from ..errors import Cancelled, HsicnnError, WorkerError
from ..progress import Progress
from . import jobs
from .interpreter import Interpreter, find_interpreter, worker_environment
from .job_folder import job_folder
from .leftovers import remove_leftovers, unfinished_jobs
from .locks import output_locks
from .protocol import PROTOCOL, decode, encode

WORKER = Path(__file__).with_name("worker.py")

#: How often the user's cancel is looked for, in seconds.
_POLL = 0.1
#: How long a cancelled worker may take to stop by itself, and then after SIGTERM, in seconds.
_ASKED = 0.6
_TERMINATED = 0.2

_TAIL_LINES = 60

_GOES_ON = "What is finished was kept: run it again with the same settings to go on from there."

Event = Optional[dict[str, Any]]


def run_job(
    name: str,
    arguments: Mapping[str, Any],
    progress: Progress,
    *,
    python: str = "",
    program: Path = WORKER,
) -> dict[str, Any]:
    """Run a job in a process of its own and return its result.

    Args:
        name: one of ``jobs.JOBS``.
        arguments: the job's keyword arguments, plain JSON values.
        progress: hears what the job says, from the calling thread; its ``check_cancel`` is
            asked ten times a second.
        python: the interpreter that the user has set, if any; it is tried first.
        program: what the interpreter runs; another one is only of use to a test.

    Returns:
        The job's result as plain values.

    Raises:
        Cancelled: the user cancelled; the worker has ended.
        HsicnnError: the job's own error, as the core raised it.
        DependencyError: no interpreter has what the job needs.
        WorkerError: the worker crashed, was killed or said nothing sensible.
    """
    job = jobs.JOBS[name]
    outputs = jobs.written_paths(job, arguments)
    with output_locks(outputs) as locks:
        # Of a job that was killed together with its parent.
        remove_leftovers(outputs, unfinished_jobs(outputs) if job.goes_on else ())
        progress.check_cancel()
        interpreter = find_interpreter(
            job.needs, job.wants, wanted=python, check_cancel=progress.check_cancel
        )
        try:
            with _started(interpreter, program, locks) as worker:
                worker.send({"protocol": PROTOCOL, "job": name, "arguments": dict(arguments)})
                return _converse(worker, job, progress)
        except Cancelled:
            remove_leftovers(outputs)  # it may have been killed in the middle of writing
            raise
        except WorkerError as error:
            unfinished = unfinished_jobs(outputs) if job.goes_on else frozenset()
            remove_leftovers(outputs, unfinished)
            if unfinished:
                raise WorkerError(f"{error} {_GOES_ON}") from error
            raise


class _Worker:
    """A running worker process with both its pipes drained by threads."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.events: queue.Queue[Event] = queue.Queue()
        self.tail: collections.deque[str] = collections.deque(maxlen=_TAIL_LINES)
        # Popen was given pipes for all three.
        self._stdin = cast("IO[bytes]", process.stdin)
        self._threads = [
            threading.Thread(target=self._read_events, args=(process.stdout,), daemon=True),
            threading.Thread(target=self._read_words, args=(process.stderr,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _read_events(self, stream: IO[bytes]) -> None:
        for line in stream:
            self._take(line)
        self.events.put(None)

    def _take(self, line: bytes) -> None:
        try:
            self.events.put(decode(line))
        except ValueError:
            self.tail.append(line.decode("utf-8", "replace").rstrip())

    def _read_words(self, stream: IO[bytes]) -> None:
        for line in stream:
            self.tail.append(line.decode("utf-8", "replace").rstrip())

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message; a worker that has gone shows in its events."""
        with contextlib.suppress(OSError, ValueError):
            self._stdin.write(encode(message))
            self._stdin.flush()

    def stop(self) -> None:
        """Ask the worker to stop, then make it, within a second."""
        if self.process.poll() is None:
            self.send({"cancel": True})
        if not self._ended_within(_ASKED):
            self._signal_group(terminate=True)
            if not self._ended_within(_TERMINATED):
                self._signal_group(terminate=False)
                self.process.wait()

    def _ended_within(self, seconds: float) -> bool:
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _signal_group(self, *, terminate: bool) -> None:
        """End the worker and whatever it has started itself."""
        if sys.platform == "win32":
            command = ["taskkill", "/T", "/F", "/PID", str(self.process.pid)]
            no_window = subprocess.CREATE_NO_WINDOW
            subprocess.run(command, check=False, capture_output=True, creationflags=no_window)
        else:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGTERM if terminate else signal.SIGKILL)

    def close(self) -> None:
        """End the process if it still runs and let go of its pipes."""
        if self.process.poll() is None:
            self.stop()
        elif sys.platform != "win32":
            # What the worker itself started would otherwise keep the pipes open.
            self._signal_group(terminate=False)
        for thread in self._threads:
            thread.join(timeout=1.0)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


@contextlib.contextmanager
def _started(interpreter: Interpreter, program: Path, locks: tuple[int, ...]) -> Iterator[_Worker]:
    """Start a worker; at the end it is gone, with its folder of temporary files."""
    with job_folder() as (folder, lock_of_folder):
        try:
            process = subprocess.Popen(
                [interpreter.path, "-X", "utf8", str(program)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=worker_environment(os.environ, str(folder)),
                **_own_group((*locks, *lock_of_folder)),
            )
        except OSError as error:
            raise WorkerError(
                f"The worker process could not be started with {interpreter.path}: {error}."
            ) from error
        worker = _Worker(process)
        try:
            yield worker
        finally:
            worker.close()


def _own_group(locks: tuple[int, ...]) -> dict[str, Any]:
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    # With the locks: nobody writes the outputs until a worker whose parent died has gone too.
    return {"start_new_session": True, "pass_fds": locks}


def _converse(worker: _Worker, job: jobs.Job, progress: Progress) -> dict[str, Any]:
    """Pass events on until the job ends one way or the other."""
    asked_last = 0.0
    try:
        while True:
            if time.monotonic() - asked_last >= _POLL:
                asked_last = time.monotonic()
                progress.check_cancel()
            try:
                event = worker.events.get(timeout=_POLL)
            except queue.Empty:
                continue
            if event is None:
                raise _end_of(worker, job, progress)
            if event.get("event") == "result":
                value = event.get("value")
                return value if isinstance(value, dict) else {"value": value}
            _pass_on(event, progress)
    except Cancelled:
        worker.stop()
        raise


def _pass_on(event: Mapping[str, Any], progress: Progress) -> None:
    kind = event.get("event")
    if kind == "report":
        progress.report(float(event["fraction"]), str(event["text"]))
    elif kind == "log":
        progress.log(str(event["text"]))
    elif kind == "warn":
        progress.warn(str(event["text"]))
    elif kind == "metric":
        progress.metric(str(event["name"]), event["values"])
    elif kind == "hello" and event.get("protocol") != PROTOCOL:
        raise WorkerError("The plugin was updated while QGIS was running; restart QGIS.")
    elif kind == "error":
        if event.get("details"):
            progress.log(str(event["details"]).rstrip())
        raise _error_of(event)


def _error_of(event: Mapping[str, Any]) -> HsicnnError:
    """Return the error that the worker has told of, of its own kind."""
    message = str(event.get("message"))
    found = getattr(errors, str(event.get("kind")), None)
    if isinstance(found, type) and issubclass(found, HsicnnError):
        return found(message)
    return WorkerError(message)


def _end_of(worker: _Worker, job: jobs.Job, progress: Progress) -> WorkerError:
    """Return the error for a worker that ended without a word."""
    code = worker.process.wait()
    worker.close()
    tail: Sequence[str] = list(worker.tail)
    if tail:
        progress.log("The last words of the worker process:\n" + "\n".join(tail))
    return WorkerError(end_sentence(code, job.title))


def end_sentence(code: int, doing: str) -> str:
    """Say in words why a worker process ended without a result.

    Args:
        code: its exit code; negative: the signal that ended it; on Windows an NTSTATUS.
        doing: what it was doing, such as ``training``.
    """
    status = code & 0xFFFFFFFF
    memory = (
        "probably the computer ran out of memory; close other programs, or choose a smaller "
        "memory budget, batch or network"
    )
    crash = (
        "a crash in native code, mostly in PyTorch or a driver; try the device 'cpu', and run "
        "'Check environment'"
    )
    if code == -9 or status in {0xC0000017, 0xC000012D}:
        reason = f"was killed by the system (exit code {code}): {memory}"
    elif code == -15:
        reason = "was ended by another program (signal SIGTERM)"
    elif code < 0 and code > -65:
        reason = f"crashed ({_signal_name(-code)}): {crash}"
    elif status in {0xC0000135, 0xC0000139}:
        reason = (
            f"could not load a library (exit code 0x{status:08X}); reinstall PyTorch and the "
            "Microsoft Visual C++ runtime"
        )
    elif status >= 0xC0000000:
        reason = f"crashed (exit code 0x{status:08X}): {crash}"
    else:
        reason = f"ended with exit code {code} and no result; the log holds its last words"
    return f"The worker process {reason}. It was {doing}; no output was changed."


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"

"""A worker program with jobs that misbehave; started by path like the real one."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def echo(*, progress, **arguments):
    progress.log("für dich ☃")
    return arguments


def crash(*, number, progress):
    os.kill(os.getpid(), number)
    time.sleep(60)


def leave(*, code, progress):
    print("famous last words", file=sys.stderr, flush=True)  # noqa: T201
    os._exit(code)


def hang(*, marker, progress):
    """Ignores its cancelling, even SIGTERM, and has a child of its own."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
    Path(marker).write_text(f"{os.getpid()} {child.pid}")
    progress.report(0.5, "hanging")
    time.sleep(120)


def wait(*, marker, output="", progress):
    """Stops when asked, and says that it did."""
    Path(marker).write_text(str(os.getpid()))
    progress.report(0.1, "waiting")
    try:
        while True:
            progress.check_cancel()
            time.sleep(0.02)
    finally:
        Path(marker).with_suffix(".tidy").write_text("tidy")


def chatter(*, progress):
    """Writes to stdout in every way there is, from Python and from below it."""
    print("printed")  # noqa: T201
    sys.__stdout__.write('{"event": "result", "value": "forged"}\n')
    os.write(1, b'{"event": "result", "value": "forged"}\n')
    subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
    print("x" * 300_000, file=sys.stderr)  # noqa: T201
    for step in range(500):
        progress.report(step / 500, f"step {step}")
        progress.metric("epoch", {"loss": 1.0 / (step + 1)})
    return "honest"


def big(*, size, progress):
    return {"values": list(range(size)), "not_a_number": float("nan")}


def fail(*, progress):
    raise KeyError("gone")


def refuse(*, progress):
    from hsicnn.core.errors import RasterError

    progress.warn("careful")
    raise RasterError("cube.tif hat keine Bänder.")


def temporary(*, progress):
    import tempfile

    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(b"left behind")
    return file.name


def half(*, output, progress):
    """Dies in the middle of writing, the way the project's writers write."""
    target = Path(output)
    (target.parent / f".{target.stem}.0a1b2c3d.partial{target.suffix}").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


FUNCTIONS = (half, echo, crash, leave, hang, wait, chatter, big, fail, refuse, temporary)


def job_table() -> dict:
    """The jobs by name; the first argument that is a path is what a job writes."""
    from hsicnn.core.runtime.jobs import Job

    return {
        function.__name__: Job(
            f"faulty_jobs:{function.__name__}", (), ("output",), "testing patience"
        )
        for function in FUNCTIONS
    }


if __name__ == "__main__":
    spec = importlib.util.spec_from_file_location("worker", ROOT / "core/runtime/worker.py")
    worker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(worker)
    incoming, outgoing = worker.secure_channels()
    worker.mount_package()
    from hsicnn.core.runtime import child, jobs

    module = types.ModuleType("hsicnn.faulty_jobs")
    module.__dict__.update({function.__name__: function for function in FUNCTIONS})
    sys.modules[module.__name__] = module
    jobs.JOBS = job_table()
    child.serve(incoming, outgoing)

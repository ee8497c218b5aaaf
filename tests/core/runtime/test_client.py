"""The worker process through its parent: words, results, crashes, cancelling, orphans."""

from __future__ import annotations

import importlib.util
import math
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from hsicnn.core.errors import Cancelled, InputError, RasterError, WorkerError
from hsicnn.core.progress import SilentProgress
from hsicnn.core.runtime import client, interpreter, jobs, locks, protocol

PROGRAM = Path(__file__).resolve().parents[2] / "support" / "faulty_worker.py"
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


class Listener(SilentProgress):
    """Keeps what was said; cancels when its event is set."""

    def __init__(self) -> None:
        self.reports: list[tuple[float, str]] = []
        self.lines: list[str] = []
        self.warnings: list[str] = []
        self.metrics: list[tuple[str, dict]] = []
        self.cancelled = threading.Event()
        self.threads: set[int] = set()

    def report(self, fraction, text=""):
        self.threads.add(threading.get_ident())
        self.reports.append((fraction, text))

    def log(self, text):
        self.lines.append(text)

    def warn(self, text):
        self.warnings.append(text)

    def metric(self, name, values):
        self.metrics.append((name, dict(values)))

    def check_cancel(self):
        if self.cancelled.is_set():
            raise Cancelled


class CancelOnReport(Listener):
    def report(self, fraction, text=""):
        super().report(fraction, text)
        self.cancelled.set()


@pytest.fixture
def listener():
    return Listener()


@pytest.fixture(autouse=True)
def faulty_jobs(monkeypatch):
    spec = importlib.util.spec_from_file_location("faulty_worker", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(jobs, "JOBS", module.job_table())


def run(name, progress, **arguments):
    return client.run_job(name, arguments, progress, python=sys.executable, program=PROGRAM)


def alive(process: int) -> bool:
    """Whether a process runs; one that is dead and not yet waited for does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def gone_soon(process: int) -> bool:
    for _ in range(100):
        if not alive(process):
            return True
        time.sleep(0.05)
    return False


def test_arguments_and_results_pass_unchanged(listener):
    arguments = {"path": "/tmp/Äcker ☃/x.tif", "numbers": [1, 2.5, None, True], "deep": {"a": {}}}
    assert run("echo", listener, **arguments) == arguments
    assert listener.lines == ["für dich ☃"]


def test_prints_do_not_disturb_and_everything_said_arrives(listener):
    assert run("chatter", listener) == {"value": "honest"}
    assert len(listener.metrics) == 500
    assert listener.metrics[1] == ("epoch", {"loss": 0.5})
    assert listener.reports[-1][1] == "step 499"
    assert listener.threads == {threading.get_ident()}


def test_big_results_and_nan(listener):
    result = run("big", listener, size=300_000)
    assert result["values"][-1] == 299_999
    assert math.isnan(result["not_a_number"])


def test_big_arguments(listener):
    values = list(range(100_000))
    assert run("echo", listener, values=values)["values"] == values


@posix_only
@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGKILL, "ran out of memory"),
        (signal.SIGSEGV, "crash in native code"),
        (signal.SIGTERM, "another program"),
    ],
)
def test_a_signal_becomes_a_sentence(listener, number, words):
    with pytest.raises(WorkerError, match=words):
        run("crash", listener, number=int(number))


@posix_only
def test_a_crash_leaves_its_stack_in_the_log(listener):
    with pytest.raises(WorkerError):
        run("crash", listener, number=int(signal.SIGSEGV))
    assert "faulty_worker.py" in "\n".join(listener.lines)


def test_an_exit_without_a_word_is_an_error_with_the_last_words(listener):
    with pytest.raises(WorkerError, match="exit code 7"):
        run("leave", listener, code=7)
    assert "famous last words" in "\n".join(listener.lines)


def test_an_early_exit_with_code_zero_is_an_error_too(listener):
    with pytest.raises(WorkerError, match="no result"):
        run("leave", listener, code=0)


def test_an_error_of_the_core_arrives_as_itself(listener):
    with pytest.raises(RasterError, match=r"^cube\.tif hat keine Bänder\.$"):
        run("refuse", listener)
    assert listener.warnings == ["careful"]
    assert not listener.lines


def test_an_unexpected_error_keeps_its_traceback_for_the_log(listener):
    with pytest.raises(WorkerError, match="KeyError"):
        run("fail", listener)
    assert 'raise KeyError("gone")' in "\n".join(listener.lines)


def test_cancel_lets_the_job_tidy_up(tmp_path):
    with pytest.raises(Cancelled):
        run("wait", CancelOnReport(), marker=str(tmp_path / "marker"))
    assert (tmp_path / "marker.tidy").read_text() == "tidy"


@posix_only
def test_cancel_is_enforced_on_a_job_that_does_not_listen(tmp_path):
    marker = tmp_path / "marker"
    with pytest.raises(Cancelled):
        run("hang", CancelOnReport(), marker=str(marker))
    worker, grandchild = (int(word) for word in marker.read_text().split())
    assert gone_soon(worker)
    assert gone_soon(grandchild)


@posix_only
def test_a_killed_worker_leaves_nothing_half_written(listener, tmp_path):
    output = tmp_path / "map.tif"
    output.write_text("what was there before")
    with pytest.raises(WorkerError):
        run("half", listener, output=str(output))
    assert [path.name for path in tmp_path.iterdir()] == ["map.tif"]
    assert output.read_text() == "what was there before"


def test_a_job_cancelled_before_it_starts_does_not_start(listener, tmp_path):
    listener.cancelled.set()
    with pytest.raises(Cancelled):
        run("wait", listener, marker=str(tmp_path / "marker"))
    assert not (tmp_path / "marker").exists()


@posix_only
def test_a_job_cancelled_while_a_python_is_looked_for_ends_as_cancelled(listener, tmp_path):
    python = tmp_path / "python3"
    python.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\nsleep 120\n")
    python.chmod(0o755)

    def check_cancel():
        if (tmp_path / "started").exists():
            raise Cancelled

    listener.check_cancel = check_cancel
    with pytest.raises(Cancelled):
        client.run_job("echo", {}, listener, python=str(python), program=PROGRAM)


def test_temporary_files_go_with_the_worker(listener):
    assert not Path(run("temporary", listener)["value"]).exists()


def test_the_second_job_on_one_output_is_refused(listener, tmp_path):
    output = str(tmp_path / "map.tif")
    first = Listener()
    started = threading.Event()
    first.report = lambda fraction, text="": started.set()
    ends: list[str] = []

    def run_first():
        try:
            run("wait", first, marker=str(tmp_path / "marker"), output=output)
        except Exception as error:
            ends.append(type(error).__name__)

    thread = threading.Thread(target=run_first)
    thread.start()
    try:
        assert started.wait(30)
        with pytest.raises(InputError, match=r"map\.tif is being written by another job"):
            run("echo", listener, output=str(tmp_path / "." / "map.tif"))
        assert run("echo", listener, output=str(tmp_path / "other.tif"))
    finally:
        first.cancelled.set()
        thread.join(30)
    assert ends == ["Cancelled"]
    assert run("echo", listener, output=output)


@posix_only
def test_no_orphan_when_the_parent_dies(tmp_path):
    """A parent killed with SIGKILL cannot clean up; its worker must end by itself."""
    marker = tmp_path / "marker"
    parent = tmp_path / "parent.py"
    parent.write_text(
        "import sys, importlib.util\n"
        f"spec = importlib.util.spec_from_file_location('faulty_worker', {str(PROGRAM)!r})\n"
        "faulty = importlib.util.module_from_spec(spec); spec.loader.exec_module(faulty)\n"
        f"spec = importlib.util.spec_from_file_location('w', {str(client.WORKER)!r})\n"
        "w = importlib.util.module_from_spec(spec); spec.loader.exec_module(w)\n"
        "w.mount_package()\n"
        "from pathlib import Path\n"
        "from hsicnn.core.runtime import client, jobs\n"
        "from hsicnn.core.progress import SilentProgress\n"
        "jobs.JOBS = faulty.job_table()\n"
        f"client.run_job('hang', {{'marker': {str(marker)!r}}}, SilentProgress(),\n"
        f"    python=sys.executable, program=Path({str(PROGRAM)!r}))\n"
    )
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary)}
    process = subprocess.Popen([sys.executable, str(parent)], env=environment)
    for _ in range(600):
        if marker.exists() and len(marker.read_text().split()) == 2:
            break
        time.sleep(0.05)
    worker = int(marker.read_text().split()[0])
    grandchild = int(marker.read_text().split()[1])
    assert alive(worker)
    process.kill()
    process.wait()
    assert gone_soon(worker)
    assert gone_soon(grandchild)
    assert not list(temporary.glob(f"{protocol.TEMPORARY_PREFIX}*"))


@posix_only
def test_the_folder_of_a_job_killed_with_its_worker_goes_with_the_next_job(
    listener, tmp_path, monkeypatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    abandoned = tmp_path / f"{protocol.TEMPORARY_PREFIX}0a1b2c3d"
    (abandoned / "inner").mkdir(parents=True)
    used = tmp_path / f"{protocol.TEMPORARY_PREFIX}4e5f6a7b"
    used.mkdir()
    with locks.output_locks([str(used)]):
        run("echo", listener)
    assert not abandoned.exists()
    assert used.exists()


@posix_only
def test_what_a_killed_job_left_goes_before_the_next_one_begins(listener, tmp_path):
    half = tmp_path / ".map.0a1b2c3d.partial.tif"
    half.write_text("half")
    aside = tmp_path / ".map.tif.0a1b2c3d.before"
    aside.write_text("what was there before")
    run("echo", listener, output=str(tmp_path / "map.tif"))
    assert [path.name for path in tmp_path.iterdir()] == ["map.tif"]
    assert (tmp_path / "map.tif").read_text() == "what was there before"


def run_script(folder: Path, listener, *lines: str):
    """Run a job in a worker that is a few lines of Python."""
    script = folder / "script.py"
    head = "import json, sys\nsay = lambda **event: print(json.dumps(event), flush=True)"
    script.write_text("\n".join((head, "sys.stdin.readline()", *lines)), encoding="utf-8")
    return client.run_job("echo", {}, listener, python=sys.executable, program=script)


def test_words_that_are_no_message_are_kept_for_the_log(listener, tmp_path):
    with pytest.raises(WorkerError, match="exit code 4"):
        run_script(tmp_path, listener, "print('a stray word', flush=True)", "sys.exit(4)")
    assert "a stray word" in "\n".join(listener.lines)


def test_a_result_after_stray_words_still_arrives(listener, tmp_path):
    lines = ("print('[1, 2]')", "say(event='result', value={'a': 1})")
    assert run_script(tmp_path, listener, *lines) == {"a": 1}


def test_a_worker_of_another_version_says_to_restart_qgis(listener, tmp_path):
    with pytest.raises(WorkerError, match="restart QGIS"):
        run_script(tmp_path, listener, "say(event='hello', protocol=99)", "sys.stdin.read()")


@pytest.mark.parametrize("kind", ["NewerError", "annotations", "None"])
def test_an_error_of_an_unknown_kind_is_still_an_error(listener, tmp_path, kind):
    line = f"say(event='error', kind={kind!r}, message='It broke.', details='')"
    with pytest.raises(WorkerError, match=r"^It broke\.$"):
        run_script(tmp_path, listener, line)


@posix_only
def test_a_python_that_is_gone_by_now_is_named_and_leaves_no_folder(
    listener, tmp_path, monkeypatch
):
    gone = interpreter.Interpreter(str(tmp_path / "python3"), "a test", "3.11.2")
    monkeypatch.setattr(client, "find_interpreter", lambda *_, **__: gone)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(WorkerError, match=r"could not be started with .*python3"):
        run("echo", listener)
    assert [path for path in tmp_path.rglob("*") if not path.name.startswith("hsicnn-locks")] == []


def test_a_signal_without_a_name_has_its_number():
    assert "signal 60" in client.end_sentence(-60, "training")


def test_windows_exit_codes_have_sentences():
    assert "ran out of memory" in client.end_sentence(0xC0000017, "training")
    assert "crash in native code" in client.end_sentence(-1073741819, "training")
    assert "could not load a library" in client.end_sentence(0xC0000135, "training")


def test_the_worker_has_none_of_the_parents_python_paths():
    environment = interpreter.worker_environment(
        {"PYTHONHOME": "/x", "PythonPath": "/y", "PATH": "/bin"}, "/tmp/z"
    )
    assert "PYTHONHOME" not in environment
    assert "PythonPath" not in environment
    assert environment["PATH"] == "/bin"
    assert environment["TMPDIR"] == "/tmp/z"


def test_how_the_worker_threads_wait_and_share_memory_unless_told_otherwise():
    assert int(interpreter.worker_environment({})["GOMP_SPINCOUNT"]) > 0
    assert int(interpreter.worker_environment({})["MALLOC_ARENA_MAX"]) == 1
    told = {"OMP_WAIT_POLICY": "ACTIVE", "MALLOC_ARENA_MAX": "4"}
    assert interpreter.worker_environment(told) == told

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from hsicnn.core.errors import InputError
from hsicnn.core.runtime import locks

ROOT = Path(__file__).resolve().parents[3]
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="workers inherit locks on POSIX")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def lock_files(folder):
    return list(folder.rglob("*.lock"))


def test_a_lock_leaves_no_file_behind(folder, tmp_path):
    with locks.output_locks([str(tmp_path / "a.tif"), str(tmp_path / "b.tif")]):
        assert len(lock_files(folder)) == 2
    assert lock_files(folder) == []


def test_one_that_is_refused_leaves_the_holders_lock(folder, tmp_path):
    output = str(tmp_path / "a.tif")
    with locks.output_locks([output]):
        for _ in range(2):
            with pytest.raises(InputError, match="another job"), locks.output_locks([output]):
                pass
        assert len(lock_files(folder)) == 1
    with locks.output_locks([output]):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="open files can be deleted on POSIX only")
def test_the_lock_of_a_deleted_file_does_not_count(tmp_path, monkeypatch):
    """One opens the file, the holder deletes it and ends, then the first locks: two holders."""
    output = str(tmp_path / "a.tif")
    taken = locks._try_lock
    meanwhile = []

    def late(file):
        if not meanwhile:
            meanwhile.append(file)
            with locks.output_locks([output]):  # opened by now, locked and deleted before us
                pass
        return taken(file)

    monkeypatch.setattr(locks, "_try_lock", late)
    refused = pytest.raises(InputError, match="another job")
    with locks.output_locks([output]), refused, locks.output_locks([output]):
        pass
    assert len(meanwhile) == 1


def test_never_two_at_a_time(tmp_path):
    output = str(tmp_path / "a.tif")
    inside: list[int] = []
    clashes: list[int] = []

    def work():
        for _ in range(200):
            with contextlib.suppress(InputError), locks.output_locks([output]):
                inside.append(1)
                clashes.extend([1] if len(inside) > 1 else [])
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clashes == []


def test_a_folder_that_cannot_be_written_says_what_to_do(folder, tmp_path, monkeypatch):
    file = tmp_path / "a file"
    file.write_text("")
    monkeypatch.setattr(tempfile, "tempdir", str(file))
    with pytest.raises(InputError, match=r"a\.tif.*TMPDIR"), locks.output_locks(["a.tif"]):
        pass


# Holds the lock of argv[1]; a child that inherits it lives on for argv[2] seconds.
HOLDER = """
import importlib.util, subprocess, sys, tempfile, time
spec = importlib.util.spec_from_file_location("worker", {worker!r})
worker = importlib.util.module_from_spec(spec); spec.loader.exec_module(worker)
worker.mount_package()
from hsicnn.core.runtime import locks
tempfile.tempdir = {folder!r}
with locks.output_locks([sys.argv[1]]) as held:
    if len(sys.argv) > 2:
        command = [sys.executable, "-c", f"import time; time.sleep({{sys.argv[2]}})"]
        subprocess.Popen(command, pass_fds=held)
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def hold(folder):
    """Start another process that holds a lock."""
    started = []

    def start(*arguments):
        script = HOLDER.format(worker=str(ROOT / "core/runtime/worker.py"), folder=str(folder))
        command = [sys.executable, "-c", script, *map(str, arguments)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_another_process_is_kept_out_at_once(hold, tmp_path):
    output = str(tmp_path / "a.tif")
    hold(output)
    began = time.monotonic()
    refused = pytest.raises(InputError, match=r"a\.tif is being written by another job; wait until")
    with refused, locks.output_locks([output], patience=60.0):
        pass
    assert time.monotonic() - began < 30.0  # no waiting for one that is alive


def test_a_lock_left_by_a_killed_process_is_stale(hold, folder, tmp_path):
    output = str(tmp_path / "a.tif")
    holder = hold(output)
    holder.kill()
    holder.wait()
    assert lock_files(folder)[0].read_text() == str(holder.pid)
    with locks.output_locks([output], patience=0.0):
        pass
    assert lock_files(folder) == []


@posix_only
def test_the_orphan_of_a_killed_process_is_waited_for(hold, tmp_path):
    output = str(tmp_path / "a.tif")
    holder = hold(output, 1.0)
    holder.kill()
    holder.wait()
    with pytest.raises(InputError, match="another job"), locks.output_locks([output], patience=0.0):
        pass
    with locks.output_locks([output], patience=30.0):
        pass


@posix_only
def test_an_orphan_that_does_not_end_is_not_waited_for_forever(hold, tmp_path):
    output = str(tmp_path / "a.tif")
    holder = hold(output, 20.0)
    holder.kill()
    holder.wait()
    with pytest.raises(InputError, match="another job"), locks.output_locks([output], patience=0.3):
        pass

from __future__ import annotations

import contextlib
import sys
import tempfile
import threading

import pytest
from hsicnn.core.errors import InputError
from hsicnn.core.runtime import locks


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

"""What is free, read from a made-up machine."""

from __future__ import annotations

import shutil
import sys
import types

import pytest
from hsicnn.core.runtime import resources
from hsicnn.core.runtime.resources import disk_of, free_device_memory, free_memory
from hsicnn.core.sizes import GIB, MIB

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these are Linux's files")


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A function that writes files of ``/proc`` and ``/sys``; no ``ulimit -v`` holds."""
    import resource

    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2)

    def write(name: str, text: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    write("proc/meminfo", "MemTotal: 8388608 kB\nMemAvailable:    4194304 kB\nSwapFree: 9 kB\n")
    return write


def test_this_machine_says_what_it_has_free():
    found = free_memory()
    assert found.size is not None
    assert MIB < found.size < 1 << 50


def test_without_limits_it_is_what_is_available(machine, tmp_path):
    machine("proc/self/cgroup", "0::/user.slice\n")
    machine("sys/fs/cgroup/user.slice/memory.max", "max\n")
    machine("sys/fs/cgroup/user.slice/memory.current", "12345\n")
    found = free_memory(tmp_path)
    assert (found.size, found.bound) == (4 * GIB, "of this machine")


def test_a_control_group_bounds_it_and_its_file_cache_counts_as_free(machine, tmp_path):
    machine("proc/self/cgroup", "0::/batch/job7\n")
    machine("sys/fs/cgroup/batch/job7/memory.max", "max\n")
    machine("sys/fs/cgroup/batch/memory.max", f"{2 * GIB}\n")
    machine("sys/fs/cgroup/batch/memory.current", f"{GIB}\n")
    machine("sys/fs/cgroup/batch/memory.stat", f"active_file 7\ninactive_file {256 * MIB}\n")
    found = free_memory(tmp_path)
    assert found.size == GIB + 256 * MIB
    assert "control group" in found.bound


def test_the_first_version_of_control_groups_is_read_as_well(machine, tmp_path):
    machine("proc/self/cgroup", "9:name=systemd:/\n4:memory:/process/7\n0::/\n")
    group = "sys/fs/cgroup/memory/process/7"
    machine(f"{group}/memory.limit_in_bytes", f"{3 * GIB}\n")
    machine(f"{group}/memory.usage_in_bytes", f"{GIB}\n")
    machine(f"{group}/memory.stat", "inactive_file 99\ntotal_inactive_file 1024\n")
    assert free_memory(tmp_path).size == 2 * GIB + 1024


def test_a_container_sees_its_own_group_as_the_outermost(machine, tmp_path):
    machine("proc/self/cgroup", "0::/docker/a-path-of-the-host\n")
    machine("sys/fs/cgroup/memory.max", f"{GIB}\n")
    machine("sys/fs/cgroup/memory.current", f"{2 * GIB}\n")
    machine("sys/fs/cgroup/memory.stat", "")
    assert free_memory(tmp_path).size == 0


def test_the_limit_of_the_address_space_bounds_it(machine, tmp_path, monkeypatch):
    import resource

    monkeypatch.setattr(resource, "getrlimit", lambda _: (2 * GIB, 2 * GIB))
    machine("proc/self/status", f"Name: python\nVmSize:  {GIB // 1024} kB\n")
    found = free_memory(tmp_path)
    assert (found.size, found.bound) == (GIB, "within 'ulimit -v'")


def test_elsewhere_psutil_is_asked_where_it_is_installed(tmp_path, monkeypatch, machine):
    (tmp_path / "proc/meminfo").unlink()
    psutil = types.SimpleNamespace(virtual_memory=lambda: types.SimpleNamespace(available=5 * GIB))
    monkeypatch.setitem(sys.modules, "psutil", psutil)
    assert free_memory(tmp_path).size == 5 * GIB
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert free_memory(tmp_path).size is None


def test_a_card_counts_what_torch_holds_unused_and_others_do_not_say(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda index: ((3 + index) * GIB, 8 * GIB))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: 600 * MIB)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 100 * MIB)
    assert free_device_memory("cuda:1") == 4 * GIB + 500 * MIB
    assert free_device_memory("cpu") is None
    assert free_device_memory("mps") is None

    def broken(_):
        raise RuntimeError("driver error")

    monkeypatch.setattr(torch.cuda, "mem_get_info", broken)
    assert free_device_memory("cuda:0") is None


def test_the_disk_of_a_path_is_that_of_its_nearest_folder(tmp_path, monkeypatch):
    usage = types.SimpleNamespace(free=12345)
    monkeypatch.setattr(resources.shutil, "disk_usage", lambda _: usage)
    disk = disk_of(tmp_path / "not" / "there" / "yet.tif")
    assert (disk.folder, disk.free) == (tmp_path, 12345)
    assert disk.number == tmp_path.stat().st_dev


def test_a_disk_that_does_not_say_is_none(tmp_path, monkeypatch):
    def broken(_):
        raise OSError("not connected")

    monkeypatch.setattr(shutil, "disk_usage", broken)
    assert disk_of(tmp_path) is None

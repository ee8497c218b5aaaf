"""What an error of the system becomes on its way to the user."""

from __future__ import annotations

import errno
import sys

import pytest
from hsicnn.core.runtime.child import explain

# Words of torch 2.13 on Linux and Windows, of CUDA and of Metal.
OUT_OF_MEMORY = [
    MemoryError(),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:133] data. DefaultCPUAllocator: not enough memory: you "
        "tried to allocate 4000000000000 bytes."
    ),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate"
    ),
    RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB."),
    RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB)"),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda error: str(error)[:30])
def test_memory_that_runs_out_says_what_to_do(error):
    kind, text, details = explain(error)
    assert kind == "WorkerError"
    assert "not enough memory" in text
    assert "BATCH_SIZE" in text
    assert "inside the plugin" not in text
    assert type(error).__name__ in details
    assert "Traceback" not in details


def test_an_allocation_of_torch_that_fails_is_understood():
    torch = pytest.importorskip("torch")
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert "not enough memory" in explain(caught.value)[1]


def rust_error(number: int) -> Exception:
    return Exception(f"Error while serializing: I/O error: No space left (os error {number})")


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "/data/map.tif"),
        OSError(errno.EFBIG, "File too large"),
        *map(rust_error, (112, 39) if sys.platform == "win32" else (28, 27)),
    ],
    ids=str,
)
def test_a_full_disk_says_what_to_do(error):
    kind, text, _ = explain(error)
    assert kind == "RasterError"
    assert "is full" in text
    assert "free some space" in text
    assert "inside the plugin" not in text
    assert ("/data/map.tif" in text) == bool(getattr(error, "filename", None))


@pytest.mark.parametrize(
    "error", [rust_error(2), RuntimeError("shapes differ"), ValueError("out of memory of times")]
)
def test_anything_else_is_ours_to_repair(error):
    assert "inside the plugin" in explain(error)[1]


def test_a_package_that_does_not_load_is_named():
    kind, text, _ = explain(ImportError("libtorch_cpu.so: cannot open shared object file"))
    assert kind == "DependencyError"
    assert "libtorch_cpu.so" in text


def test_a_file_without_permission_is_named():
    kind, text, _ = explain(PermissionError(errno.EACCES, "Permission denied", "/data/map.tif"))
    assert kind == "InputError"
    assert text == "/data/map.tif cannot be opened or written: permission denied."
    assert "inside the plugin" in explain(PermissionError("no file is named"))[1]


def test_an_error_without_a_word_still_has_a_sentence():
    kind, text, details = explain(AssertionError())
    assert kind == "WorkerError"
    assert "AssertionError: no message" in text
    assert "AssertionError" in details


def test_a_package_that_does_not_load_is_named_with_the_way_to_install_it_again():
    error = ImportError("DLL load failed while importing _C", name="torch._C")
    kind, text, details = explain(error)
    assert kind == "DependencyError"
    assert "PyTorch" in text
    assert "cannot be loaded: DLL load failed while importing _C." in text
    assert '--force-reinstall --no-deps "torch>=2.6"' in text
    assert details == ""
    _, text, details = explain(ImportError("no such thing", name="strange"))
    assert "no such thing" in text
    assert "ImportError" in details

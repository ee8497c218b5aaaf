"""What the libraries say when memory runs out."""

from __future__ import annotations

import pytest
import torch
from hsicnn.core.runtime.memory_errors import is_out_of_memory


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 8.00 EiB for an array"),
        torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried ..."),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes."),
        RuntimeError("MPS backend out of memory (MPS allocated: 6.77 GB)"),
    ],
)
def test_a_lack_of_memory(error):
    assert is_out_of_memory(error)


def test_the_processor_says_it():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)


@pytest.mark.parametrize("words", ["CUDA error: an illegal memory access", "shape mismatch", ""])
def test_other_failures(words):
    assert not is_out_of_memory(RuntimeError(words))

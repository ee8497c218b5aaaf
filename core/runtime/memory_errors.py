"""Telling a lack of memory from other failures: torch has no one exception for it."""

from __future__ import annotations

# The processor's allocator on Linux and Windows, and the graphics cards' ones.
WORDS = ("out of memory", "can't allocate", "not enough memory")


def release_memory(kind: str) -> None:
    """Give back what torch keeps of a device's memory for later use.

    Call this outside of the ``except`` that met the error: inside, its traceback keeps all that
    was computed alive.

    Args:
        kind: of the device: ``cpu``, ``cuda``, ``mps`` or ``xpu``.
    """
    import torch

    if kind != "cpu":
        getattr(torch, kind).empty_cache()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether less at once could help.

    Args:
        error: from a computation with torch or numpy.
    """
    return isinstance(error, MemoryError) or any(word in str(error).lower() for word in WORDS)

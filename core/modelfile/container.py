"""Safetensors files: read without running a stranger's code, written whole or not at all."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ModelFileError, reason

Array = npt.NDArray[Any]

# How files of torch.save begin: a ZIP archive, or a bare pickle of any protocol since 2.
PICKLES = (b"PK\x03\x04", *(bytes((0x80, protocol)) for protocol in range(2, 6)))

# Safetensors' names of the numbers that networks and their training hold.
DTYPES = frozenset({"F64", "F32", "F16", "I64", "I32", "I16", "I8", "U8", "BOOL"})
# Windows renames nothing over a file that somebody reads; that is soon over.
TRIES, PAUSE = (20, 0.1) if sys.platform == "win32" else (1, 0.0)


def read_container(
    path: Path, wanted: Callable[[str], bool] = lambda _: True
) -> tuple[dict[str, str], frozenset[str], dict[str, Array]]:
    """Read a safetensors file.

    Args:
        path: of the file.
        wanted: says by name which arrays to read; the file must hold all of them in any case.

    Returns:
        Its texts, the names of all its arrays, and the arrays that were wanted.

    Raises:
        ModelFileError: it is not there, cut short, a pickle, or something else.
    """
    from safetensors import SafetensorError, safe_open

    _refuse_pickle(path)
    try:
        with safe_open(str(path), framework="np") as file:
            texts = dict(file.metadata() or {})
            names = frozenset(file.keys())
            read = sorted(filter(wanted, names))
            for name in read:
                dtype = file.get_slice(name).get_dtype()
                if dtype not in DTYPES:
                    raise ValueError(f"'{name}' holds numbers of type {dtype}")
            return texts, names, {name: file.get_tensor(name) for name in read}
    except (SafetensorError, OSError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"{path.name} is no whole model file ({reason(error)}). It may be cut short or "
            "something else; copy it again, or choose the .safetensors file that the training "
            "wrote."
        ) from error


def _refuse_pickle(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise ModelFileError(
            f"The model file {path} cannot be read: {error.strerror or error}. Choose the "
            ".safetensors file that the training wrote."
        ) from error
    if start.startswith(PICKLES):
        raise ModelFileError(
            f"{path.name} is a PyTorch pickle (.pt, .pth), which can run any program when it is "
            "opened; such files are never read. Choose a .safetensors file written by hsicnn."
        )


def write_container(target: Path, arrays: Mapping[str, Array], texts: Mapping[str, str]) -> None:
    """Write a safetensors file and replace an earlier one in one step.

    Args:
        target: of the file.
        arrays: of any layout; they are stored row by row.
        texts: its metadata.

    Raises:
        OSError: it cannot be written; what was there before still is.
    """
    from safetensors.numpy import save

    stored = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    content = save(stored, metadata=dict(texts))
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _replace(temporary, target)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _replace(temporary: Path, target: Path) -> None:
    for _ in range(TRIES - 1):
        with suppress(PermissionError):
            temporary.replace(target)
            return
        time.sleep(PAUSE)
    temporary.replace(target)

"""Arrays of numpy: ``.npy``, mapped and read in parts, and ``.npz``. Pickles are never read."""

from __future__ import annotations

import math
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..errors import InputError
from ..progress import Progress
from .arrays import (
    Container,
    Guarded,
    RawArray,
    StoredArray,
    check_memory,
    damage_named,
    kind_of,
    unusable,
)

NPY, NPZ = "a numpy file (.npy)", "a numpy archive (.npz)"
_MOST_MEMBERS = 10_000


def open_npy(path: Path, _progress: Progress) -> Container:
    """Return the array of a ``.npy``, named after the file.

    Raises:
        InputError: it is damaged, or holds Python objects.
    """
    with damage_named(path, NPY):
        with path.open("rb") as file:
            shape, dtype = _head(file)
            length = path.stat().st_size - file.tell()
        if dtype.hasobject:
            raise InputError(
                f"{path.name} holds Python objects (a pickle), which are never read: they could "
                "run a program. Save it again as an array of numbers: "
                "numpy.save(name, array.astype('float32'))."
            )
        wanted = math.prod(shape) * dtype.itemsize
        if length < wanted:
            raise ValueError(f"{length:,} of {wanted:,} bytes are there")

        def load() -> Guarded:
            with damage_named(path, NPY):
                # A file without a value cannot be mapped.
                mode: Any = "r" if math.prod(shape) else None
                return Guarded(np.load(path, mmap_mode=mode, allow_pickle=False), path, NPY)

    problem = "" if math.prod(shape) else "it has no values"
    stored = StoredArray(path.stem, shape, kind_of(dtype), load, unusable(dtype) or problem)
    return Container(path, NPY, (stored,))


def open_npz(path: Path, progress: Progress) -> Container:
    """Return the arrays of a ``.npz``; each is read whole when it is used.

    Raises:
        InputError: it is damaged.
    """
    with damage_named(path, NPZ), zipfile.ZipFile(path) as archive:
        members = [item for item in archive.infolist() if item.filename.endswith(".npy")]
        if not members or len(members) > _MOST_MEMBERS:
            raise ValueError(f"it is a ZIP file with {len(members)} arrays")
        arrays = tuple(_member(path, archive, item.filename, progress) for item in members)
    return Container(path, NPZ, arrays)


def _member(path: Path, archive: zipfile.ZipFile, name: str, progress: Progress) -> StoredArray:
    with archive.open(name) as file:
        shape, dtype = _head(file)
    title = name[: -len(".npy")]

    def load() -> RawArray:
        check_memory(title, path, math.prod(shape) * dtype.itemsize, progress)
        with damage_named(path, NPZ), np.load(path, allow_pickle=False) as found:
            return np.asarray(found[title])

    problem = "" if math.prod(shape) else "it has no values"
    return StoredArray(title, shape, kind_of(dtype), load, unusable(dtype) or problem)


def _head(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return shape and type of an array, and leave the file where its values begin."""
    form: Any = np.lib.format
    version = form.read_magic(file)
    readers = {(1, 0): form.read_array_header_1_0, (2, 0): form.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"its version {version[0]}.{version[1]} is not known")
    shape, _, dtype = readers[version](file)
    if any(length < 0 for length in shape):
        raise ValueError(f"its shape is {shape}")
    with suppress(OverflowError):
        if math.prod(shape) * max(dtype.itemsize, 1) < 2**62:
            return tuple(int(length) for length in shape), dtype
    raise ValueError(f"its shape is {shape}")

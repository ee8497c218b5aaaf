"""Room for many pixels: in memory, or in a temporary file that is mapped like memory."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from ..errors import ChipSetError


def room_for_pixels(
    pixels: int, width: int, dtype: npt.DTypeLike, memory_bytes: int
) -> npt.NDArray[Any]:
    """Return room for ``(pixels, width)`` values, of unknown content.

    Args:
        pixels: rows.
        width: values a pixel.
        dtype: of the values.
        memory_bytes: what takes more lies in a temporary file, which goes when the array goes.

    Raises:
        ChipSetError: where the temporary folder cannot hold them.
    """
    size = pixels * width * np.dtype(dtype).itemsize
    if size <= memory_bytes:
        return np.empty((pixels, width), dtype=dtype)
    folder = tempfile.gettempdir()
    needs = f"The chip set needs {size / 2**30:,.1f} GiB in the temporary folder {folder}"
    try:
        free = shutil.disk_usage(folder).free
        if free < size:
            raise ChipSetError(
                f"{needs}, which has {free / 2**30:,.1f} GiB left. Free some space there, or allow "
                "more memory."
            )
        with tempfile.TemporaryFile(prefix="hsicnn-pixels-") as file:
            _reserve(file, size)
            # The mapping keeps the file open after it is closed here, and is its only owner.
            return np.memmap(file, dtype=dtype, mode="w+", shape=(pixels, width))
    except OSError as error:
        raise ChipSetError(
            f"{needs}: {error.strerror or error}. Free some space there, or allow more memory."
        ) from error


def _reserve(file: IO[bytes], size: int) -> None:
    """Take the space now: a disk that fills up under a mapping ends the process."""
    if not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.EOPNOTSUPP}:  # a file system without it
            raise

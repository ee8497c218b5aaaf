"""Opens a foreign file by what it holds, whatever it is called."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from ..errors import InputError
from ..progress import Progress
from .arrays import Container, damage_named, is_file
from .hdf5 import opened_hdf5
from .libsvm import is_libsvm, open_libsvm
from .matlab import LEVEL_5, open_matlab
from .numpy_files import open_npy, open_npz
from .table_header import AUTO
from .tables import open_table

#: Endings under which companions of a file are looked for.
SUFFIXES = (".mat", ".npy", ".npz", ".h5", ".hdf5", ".csv", ".txt", ".svm", ".libsvm")
_HDF5 = b"\x89HDF\r\n\x1a\n"
_HDF5_AT = (0, 512, 1024, 2048)  # MATLAB has 512 bytes of its own before it
_NOT_READ = {
    b"II*\x00": "a TIFF",
    b"MM\x00*": "a TIFF",
    b"II+\x00": "a TIFF",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"ENVI": "an ENVI header",
}


@contextmanager
def opened(
    path: str | Path,
    progress: Progress,
    *,
    variable: str = "",
    label: str = "",
    header: str = AUTO,
) -> Iterator[Container]:
    """Open a file; its arrays can be read as long as it is open.

    Args:
        path: the file.
        progress: told what is read whole; asked for cancelling.
        variable: of a table, what the names of its bands begin with.
        label: of a table, the column with the labels.
        header: of a table, whether its first line holds names: one of ``HEADERS``.

    Raises:
        InputError: it is not there, damaged, or of a format that is not read.
        DependencyError: a package for its format is missing.
    """
    place = Path(path)
    if not is_file(place):
        kind = "not there" if not os.path.isdir(place) else "a folder"  # noqa: PTH112 - never raises
        raise InputError(f"{place} is {kind}; choose a file with arrays or a table.")
    with damage_named(place, "a file"):
        head = _head(place)
    if any(head[at : at + 8] == _HDF5 for at in _HDF5_AT):
        with opened_hdf5(place, progress) as found:
            yield found
    elif head.startswith(b"\x93NUMPY"):
        yield open_npy(place, progress)
    elif head.startswith(b"PK\x03\x04"):
        yield open_npz(place, progress)
    elif head.startswith(LEVEL_5) or place.suffix.lower() == ".mat":
        yield open_matlab(place, progress)
    else:
        _refuse(place, head)
        if is_libsvm(_first_line(place)):
            yield open_libsvm(place, progress)
        else:
            yield open_table(place, progress, bands=variable, label=label, header=header)


def is_array_file(path: str | Path) -> bool:
    """Return whether a file is read here, rather than by GDAL."""
    place = Path(path)
    if place.suffix.lower() in SUFFIXES:
        return True
    try:
        head = _head(place)
    except OSError:
        return False
    return head.startswith((b"\x93NUMPY", b"PK\x03\x04", LEVEL_5))


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4096)


def _refuse(path: Path, head: bytes) -> None:
    """Refuse what is no text."""
    if not head:
        raise InputError(f"{path.name} is empty; choose a file with arrays or a table.")
    if head[:1] == b"\x80":
        raise InputError(
            f"{path.name} is a Python pickle, which is never read: it could run a program. Save "
            "the arrays with numpy.savez or as HDF5."
        )
    kind = next((word for start, word in _NOT_READ.items() if head.startswith(start)), "")
    if kind:
        raise InputError(
            f"{path.name} is {kind}, which QGIS opens as it is: no import is needed. Use it as an "
            "image or as reference data."
        )
    if b"\x00" in head:
        raise InputError(
            f"{path.name} is none of the formats that are read: MATLAB (.mat), numpy (.npy, .npz), "
            "HDF5, LibSVM and CSV. It may be damaged; copy it again."
        )


def _first_line(path: Path) -> str:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        for line in islice(file, 100):
            if line.strip() and not line.startswith("#"):
                return line
    return ""

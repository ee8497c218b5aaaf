"""Looks through the tags of a MATLAB file before scipy reads it.

scipy takes the tags inside a variable on faith, and a wrong one can end the process. Format:
"MAT-File Format", The MathWorks, level 5.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any, BinaryIO

HEAD = 128  # bytes before the first variable
COMPRESSED = 15  # type of a compressed variable
_MATRIX = 14
_INT8, _INT32, _UINT32 = 1, 5, 6
_VALUES = frozenset({1, 2, 3, 4, 5, 6, 7, 9, 12, 13})
_NUMBERS = range(6, 16)  # classes of arrays of numbers
_SPARSE = 5
_COMPLEX = 0x0800
_LOOKED_AT = 4096  # bytes of a compressed variable; what tells its parts is at its beginning


def order_of(head: bytes) -> str:
    """Return the byte order that the head of a file states: ``<`` or ``>``."""
    return "<" if head[126:128] == b"IM" else ">"


def variables(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Yield the type and the length of each variable of a file, which then stands before it."""
    order = order_of(file.read(HEAD))
    place = HEAD
    while len(tag := file.read(8)) == 8:
        kind, length = struct.unpack(f"{order}II", tag)
        yield kind, length
        place += 8 + length
        file.seek(place)


def check_tags(file: BinaryIO) -> None:
    """See that the parts of every array of numbers are tagged as such, and lie in the file.

    Args:
        file: of level 5, at its beginning.

    Raises:
        ValueError: what is wrong, in words.
        zlib.error: a compressed variable is damaged.
    """
    order = order_of(file.read(HEAD))
    size = file.seek(0, 2)
    file.seek(0)
    for kind, length in variables(file):
        start = file.tell()
        if start + length > size:
            raise ValueError(f"{start + length - size:,} bytes are missing at its end")
        if kind == COMPRESSED:
            content = zlib.decompressobj().decompress(file.read(length), _LOOKED_AT)
            inner = BytesIO(content)
            # What lies beyond is vouched for by its checksum.
            _check_matrix(inner, _tag(inner, order)[0], len(content), order, whole=False)
        else:
            _check_matrix(file, kind, start + length, order, whole=True)


def _check_matrix(file: Any, kind: int, end: int, order: str, *, whole: bool) -> None:
    """Check a variable from where the file stands; other kinds than arrays are let be."""
    if kind != _MATRIX:
        raise ValueError(f"a variable has the unknown type {kind}")
    if file.tell() == end:
        return  # an empty one
    found, _ = _tag(file, order)
    flags = struct.unpack(f"{order}II", file.read(8))[0]
    for wanted in (_INT32, _INT8):  # lengths of the axes, and the name
        part, length = _tag(file, order)
        if part != wanted:
            raise ValueError(f"a part of a variable has the type {part} instead of {wanted}")
        file.seek(length, 1)
    if found != _UINT32 or (flags & 0xFF) not in (*_NUMBERS, _SPARSE):
        return
    # Values, or rows, columns and values of a sparse matrix; and imaginary parts.
    wanted = (3 if (flags & 0xFF) == _SPARSE else 1) + bool(flags & _COMPLEX)
    while wanted and (whole or file.tell() + 8 <= end):
        wanted -= 1
        if file.tell() + 8 > end:
            raise ValueError("a variable ends before its values")
        part, length = _tag(file, order)
        if part not in _VALUES or (whole and file.tell() + length > end + 7):
            raise ValueError(f"values have the unknown type {part}, or {length:,} bytes")
        file.seek(length, 1)


def _tag(file: Any, order: str) -> tuple[int, int]:
    """Return the type of the next part and how many bytes of it are ahead, padding included."""
    first, second = struct.unpack(f"{order}II", file.read(8))
    if first >> 16:  # small parts lie in their own tag
        file.seek(-4, 1)
        return first & 0xFFFF, 4
    return first, (second + 7) // 8 * 8

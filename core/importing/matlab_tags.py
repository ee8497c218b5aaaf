"""Looks through the tags of a MATLAB file before scipy reads it.

scipy takes the tags inside a variable on faith, and a wrong one can end the process; and it does
not list files that hold objects, such as strings and tables of newer versions of MATLAB. Format:
"MAT-File Format", The MathWorks, level 5.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO

HEAD = 128  # bytes before the first variable
COMPRESSED = 15  # type of a compressed variable
_MATRIX = 14
_INT8, _INT32, _UINT32 = 1, 5, 6
_VALUES = frozenset({1, 2, 3, 4, 5, 6, 7, 9, 12, 13})
_NUMBERS = range(6, 16)  # classes of arrays of numbers
_SPARSE = 5
_COMPLEX, _LOGICAL = 0x0800, 0x0200
_CLASSES = (
    *("", "cell", "struct", "object", "char", "sparse", "double", "single", "int8", "uint8"),
    *("int16", "uint16", "int32", "uint32", "int64", "uint64", "function", "opaque", "object"),
)
_PACKED = 1 << 16  # bytes of a compressed variable
_LOOKED_AT = 4096  # bytes of what they unpack to; what tells its parts is at its beginning


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


@dataclass(frozen=True)
class Variable:
    """A variable of a file.

    Attributes:
        name: empty for what MATLAB keeps for itself.
        shape: lengths of its axes; none of an object.
        kind: MATLAB's class, such as ``double``, or ``logical``.
        is_complex: whether its numbers are.
    """

    name: str
    shape: tuple[int, ...]
    kind: str
    is_complex: bool


def list_variables(file: BinaryIO) -> list[Variable]:
    """List a file, and see that the parts of its arrays are tagged as such and lie in it.

    Args:
        file: of level 5, at its beginning.

    Raises:
        ValueError: what is wrong, in words.
        zlib.error: a compressed variable is damaged.
    """
    order = order_of(file.read(HEAD))
    size = file.seek(0, 2)
    file.seek(0)
    found = []
    for kind, length in variables(file):
        start = file.tell()
        if start + length > size:
            raise ValueError(f"{start + length - size:,} bytes are missing at its end")
        if kind == COMPRESSED:
            start_of_it = file.read(min(length, _PACKED))
            content = zlib.decompressobj().decompress(start_of_it, _LOOKED_AT)
            inner = BytesIO(content)
            # What lies beyond is vouched for by its checksum.
            part = _matrix(inner, _tag(inner, order)[0], len(content), order, whole=False)
        else:
            part = _matrix(file, kind, start + length, order, whole=True)
        if part is not None and part.name:
            found.append(part)
    return found


def _matrix(file: Any, kind: int, end: int, order: str, *, whole: bool) -> Variable | None:
    """Read what a variable is, from where the file stands, and check it if it is an array."""
    if kind != _MATRIX:
        raise ValueError(f"a variable has the unknown type {kind}")
    if file.tell() == end:
        return None
    first = _part(file, order, _UINT32)
    flags = struct.unpack(f"{order}II", first[:8])[0]
    number = flags & 0xFF
    word = _CLASSES[number] if number < len(_CLASSES) else ""
    if not word:
        raise ValueError(f"a variable is of the unknown class {number}")
    if word == "opaque":
        return Variable(_part(file, order, _INT8).decode("latin-1"), (), word, False)
    lengths = _part(file, order, _INT32)
    shape = struct.unpack(f"{order}{len(lengths) // 4}i", lengths[: len(lengths) // 4 * 4])
    if any(length < 0 for length in shape) or len(shape) < 2:
        raise ValueError(f"a variable has the shape {shape}")
    name = _part(file, order, _INT8).decode("latin-1")
    if number in _NUMBERS or number == _SPARSE:
        _check_values(file, flags, end, order, whole=whole)
    kind_word = "logical" if flags & _LOGICAL and number in _NUMBERS else word
    return Variable(name, shape, kind_word, bool(flags & _COMPLEX))


def _part(file: Any, order: str, wanted: int) -> bytes:
    """Return the bytes of the next part, which must have a type."""
    first, second = struct.unpack(f"{order}II", file.read(8))
    kind, length = (first & 0xFFFF, first >> 16) if first >> 16 else (first, second)
    if kind != wanted or length > _LOOKED_AT:
        raise ValueError(f"a part of a variable has the type {kind} instead of {wanted}")
    if first >> 16:
        return struct.pack(f"{order}I", second)[:length]
    return bytes(file.read((length + 7) // 8 * 8)[:length])


def _check_values(file: Any, flags: int, end: int, order: str, *, whole: bool) -> None:
    """See that the values of an array are tagged as numbers and lie in it."""
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

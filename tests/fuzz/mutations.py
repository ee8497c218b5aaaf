"""Ways to spoil bytes and JSON, all drawn from one generator: a seed gives the same again."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable
from typing import Any

HUGE = 10**400  # larger than any float

#: What no writer of these files would write where something else belongs.
NONSENSE: tuple[Any, ...] = (
    None, True, False, "", " ", "x", "0", "12", "-1", "nan", "1e999", "\x00", "\ud800", "ä²٣",
    "../../x", "a/b", "a\nb", "#ff00ff", "x" * 50_000, 0, 1, -1, 2, 3, 7, 100, 255, 256, 65_536,
    2**31, 2**32, 2**53 + 1, 2**63, -(2**63), 10**30, HUGE, 0.0, -0.0, 0.5, 1.5, -2.5, 1e-320,
    1e-30, 1e30, 1e308, -1e308, float("nan"), float("inf"), float("-inf"), [], {}, [[]], [None],
    [1, 2], {"x": 1}, {"": None},
)  # fmt: skip


def flip(data: bytes, dice: random.Random) -> bytes:
    """Change a few bits; every second time near the beginning, where formats keep their facts."""
    spoilt = bytearray(data)
    reach = len(spoilt) if dice.random() < 0.5 else min(len(spoilt), 600)
    for _ in range(dice.choice((1, 1, 2, 3, 8, 40))):
        if reach:
            spoilt[dice.randrange(reach)] ^= 1 << dice.randrange(8)
    return bytes(spoilt)


def overwrite(data: bytes, dice: random.Random) -> bytes:
    """Put other bytes over a run of them."""
    start = dice.randrange(len(data) + 1)
    size = dice.choice((1, 2, 4, 8, 64, 500))
    fill = dice.choice((b"\x00", b"\xff", b"\x80", bytes([dice.randrange(256)])))
    return data[:start] + (fill * size)[: len(data) - start] + data[start + size :]


def truncate(data: bytes, dice: random.Random) -> bytes:
    """Cut the end off."""
    return data[: dice.randrange(len(data) + 1)]


def insert(data: bytes, dice: random.Random) -> bytes:
    """Put some bytes in between, or behind."""
    start = dice.choice((dice.randrange(len(data) + 1), len(data)))
    return data[:start] + dice.randbytes(dice.choice((1, 3, 16, 3000))) + data[start:]


def remove(data: bytes, dice: random.Random) -> bytes:
    """Leave a run of bytes out."""
    start = dice.randrange(len(data) + 1)
    return data[:start] + data[start + dice.choice((1, 2, 8, 300)) :]


def repeat(data: bytes, dice: random.Random) -> bytes:
    """Bring a part a second time in another place."""
    start, size = dice.randrange(len(data) + 1), dice.choice((4, 12, 100))
    place = dice.randrange(len(data) + 1)
    return data[:place] + data[start : start + size] + data[place + size :]


BYTES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    flip, flip, flip, overwrite, truncate, insert, remove, repeat,
)  # fmt: skip


def spoil_bytes(data: bytes, dice: random.Random) -> bytes:
    """Spoil bytes in one of the ways above."""
    return dice.choice(BYTES)(data, dice)


def spoil_record(record: Any, dice: random.Random) -> Any:
    """Return a copy of a JSON value with one to three places spoilt."""
    spoilt = copy.deepcopy(record)
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        parent, key = _place(spoilt, dice)
        if parent is None:
            return nonsense(dice)
        _spoil_place(parent, key, dice)
    return spoilt


def nonsense(dice: random.Random) -> Any:
    """A value that does not belong anywhere."""
    if dice.random() < 0.02:
        return {str(number): number for number in range(2000)}
    return copy.deepcopy(dice.choice(NONSENSE))


def _place(record: Any, dice: random.Random) -> tuple[Any, Any]:
    """Walk down at random, so that long lists are no likelier than single fields."""
    parent, key, here = None, None, record
    while isinstance(here, (dict, list)) and here and (parent is None or dice.random() < 0.75):
        parent = here
        key = dice.choice(list(here)) if isinstance(here, dict) else dice.randrange(len(here))
        here = here[key]
    return parent, key


def _spoil_place(parent: Any, key: Any, dice: random.Random) -> None:
    way = dice.random()
    if way < 0.12:
        del parent[key]
    elif way < 0.22:
        other, name = _place(parent, dice)
        parent[key] = copy.deepcopy(other[name])
    elif way < 0.3:
        _more(parent, key, dice)
    elif way < 0.55 and isinstance(parent[key], (int, float)) and parent[key] is not True:
        parent[key] = _other_number(parent[key], dice)
    else:
        parent[key] = nonsense(dice)


def _more(parent: Any, key: Any, dice: random.Random) -> None:
    if isinstance(parent, list):
        parent.insert(key, copy.deepcopy(parent[key]) if dice.random() < 0.6 else nonsense(dice))
    else:
        parent[dice.choice(("", "x", "__proto__", key + "2", "\ud800"))] = nonsense(dice)


def _other_number(number: float, dice: random.Random) -> Any:
    """A number that could have been meant."""
    if not abs(number) < 1e200:
        return 1
    return dice.choice((
        -number, number + 1, number - 1, number * 10, number * 1000, float(number), str(number),
        number + 0.5, 0, [number], number * 10**18,
    ))  # fmt: skip


def spoil_json(record: Any, dice: random.Random) -> str:
    """Return the text of a JSON value that is spoilt in its values or in its text."""
    if dice.random() < 0.88:
        return json.dumps(spoil_record(record, dice))
    text = json.dumps(record)
    way = dice.randrange(7)
    if way == 0:
        return text[: dice.randrange(len(text))]
    if way == 1:
        depth = dice.choice((900, 5000, 200_000))
        return _set_text(text, "[" * depth + "]" * depth, dice)
    if way == 2:
        depth = dice.choice((900, 5000, 100_000))
        return _set_text(text, '{"a":' * depth + "1" + "}" * depth, dice)
    if way == 3:
        return _set_text(text, "9" * 20_000, dice)
    if way == 4:
        return "\ufeff" + text
    if way == 5:
        return _twice(record, dice)
    return dice.choice(("", "null", "[]", "{}", "0", '"x"', text + text, text[1:], "NaN"))


def _set_text(text: str, value: str, dice: random.Random) -> str:
    """Put a raw value in place of a drawn one, or around all."""
    mark = "\x01raw\x01"
    parent = json.loads(text)
    holder, key = _place(parent, dice)
    if holder is None:
        return value
    holder[key] = mark
    return json.dumps(parent).replace(json.dumps(mark), value)


def _twice(record: Any, dice: random.Random) -> str:
    """A table that has a key two times, with different values."""
    if not isinstance(record, dict) or not record:
        return json.dumps([record, record])
    key = dice.choice(list(record))
    first = json.dumps({key: nonsense(dice)})
    text = json.dumps(record)
    if dice.random() < 0.5:
        return first[:-1] + "," + text[1:]
    return text[:-1] + "," + first[1:]


WORDS = (
    "nan", "-nan", "inf", "-inf", "1e999", "1e-999", "-1", "0", "1", "2", "3", "17", "65536",
    "2147483647", "2147483648", "4294967296", "99999999999", "9" * 400, "1e308", "1e-308",
    "0.5", "-0.0", "", " ", "x", "ä", "²", "0x10", "1,2", "{1, 2", "}", "1e5", "300.5",
)  # fmt: skip
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")


def spoil_text(text: bytes, dice: random.Random) -> bytes:
    """Spoil a file of text: its numbers, its words, its lines."""
    for _ in range(dice.choice((1, 1, 2, 4))):
        text = dice.choice((_number, _number, _number, _word, _line, spoil_bytes))(text, dice)
    return text


def _number(text: bytes, dice: random.Random) -> bytes:
    found = list(_NUMBER.finditer(text))
    if not found:
        return text
    match = dice.choice(found)
    return text[: match.start()] + dice.choice(WORDS).encode() + text[match.end() :]


def _word(text: bytes, dice: random.Random) -> bytes:
    """Put text of another encoding, or a special character, into a word."""
    found = list(re.finditer(rb"[A-Za-z]{2,}", text))
    if not found:
        return text
    place = dice.choice(found).end()
    piece = dice.choice((b"\xe4", b"\xb5m", b"\xff", "µ".encode(), b"\x00", b"<", b"&", b'"', b"]"))
    return text[:place] + piece + text[place:]


def _line(text: bytes, dice: random.Random) -> bytes:
    """Drop a line, bring it twice, or take two for each other."""
    lines = text.split(b"\n")
    one, other = dice.randrange(len(lines)), dice.randrange(len(lines))
    way = dice.randrange(3)
    if way == 0:
        del lines[one]
    elif way == 1:
        lines.insert(other, lines[one])
    else:
        lines[one], lines[other] = lines[other], lines[one]
    return b"\n".join(lines)

"""JSON that the project wrote and reads again: of a stranger's file nothing is taken on faith."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Union

Kinds = Union[type, tuple[type, ...]]

DEEPEST = 32  # tables within tables; ours have six
_DIGITS = 20  # of a whole number: 64 bits
_UNUSABLE = re.compile("[\x00\ud800-\udfff]")  # no file, dialog or page can hold these
_WORDS: Mapping[type, str] = {
    str: "a text",
    dict: "a table",
    list: "a list",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    type(None): "nothing",
}


def read_json(text: str, *, finite: bool = True) -> Any:
    """Read JSON of which every text can be shown and every number counted with.

    Args:
        text: the JSON.
        finite: refuse NaN and the infinities.

    Raises:
        ValueError: what is wrong with it, in words: also for what Python's reader takes, such
            as NaN, numbers without end, a key given twice, or tables nested too deeply.
    """
    try:
        value = json.loads(text, parse_int=_whole, object_pairs_hook=_table)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    _check(value, finite)
    return value


def check_fields(record: Any, fields: Mapping[str, Kinds], what: str) -> dict[str, Any]:
    """Check that a table has its fields, and each of them its kind; others are let be.

    Args:
        record: the value read.
        fields: what each field must be; ``float`` takes whole numbers too.
        what: the table's name in messages.

    Returns:
        The table.

    Raises:
        ValueError: it is no table, a field is missing, or is something else.
    """
    if not isinstance(record, dict):
        raise ValueError(f"{what} should be a table; it is {shown(record)}")
    missing = [key for key in fields if key not in record]
    if missing:
        raise ValueError(f"{what} lacks {', '.join(missing)}")
    for key, kinds in fields.items():
        _check_kind(record[key], kinds, f"'{key}' in {what}")
    return record


def check_items(values: Any, kinds: Kinds, what: str) -> list[Any]:
    """Check that a value is a list, and each of its items of a kind.

    Returns:
        The list.

    Raises:
        ValueError: it is no list, or an item is something else.
    """
    _check_kind(values, list, what)
    for item in values:
        _check_kind(item, kinds, f"an item of {what}")
    return list(values)


def _check_kind(value: Any, kinds: Kinds, what: str) -> None:
    wanted = kinds if isinstance(kinds, tuple) else (kinds,)
    if not any(_is(value, kind) for kind in wanted):
        words = " or ".join(_WORDS[kind] for kind in wanted)
        raise ValueError(f"{what} should be {words}; it is {shown(value)}")


def shown(value: Any) -> str:
    """A value in a message: its beginning, if it is long."""
    text = repr(value) if isinstance(value, (str, int, float, type(None))) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _is(value: Any, kind: type) -> bool:
    """Whether a value is of a kind; true and false are no numbers."""
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def _whole(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise ValueError(f"it holds a number of {len(digits)} digits")
    return int(digits)


def _table(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    pairs = list(pairs)
    table = dict(pairs)
    if len(table) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in table if keys.count(key) > 1)
        raise ValueError(f"it gives {shown(twice)} twice")
    return table


def _check(value: Any, finite: bool) -> None:
    """Refuse texts that cannot be shown, numbers that are none, and depth without end."""
    waiting = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if isinstance(item, str):
            _check_text(item)
        elif finite and isinstance(item, float) and not math.isfinite(item):
            raise ValueError(f"it holds {item}, which is no number")
        elif isinstance(item, (dict, list)):
            if depth > DEEPEST:
                raise ValueError("it is nested too deeply")
            parts = item
            if isinstance(item, dict):
                for key in item:
                    _check_text(key)
                parts = list(item.values())
            waiting.extend((part, depth + 1) for part in parts)


def _check_text(text: str) -> None:
    if _UNUSABLE.search(text):
        raise ValueError(f"it holds the text {text[:20]!a}, which cannot be shown")

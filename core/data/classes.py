"""Classes: the user's codes, names and colours, and a palette where there are none.

Inside the project a class is its position in a tuple plus one, and 0 is unlabelled; the
user's own code travels along and is what every map holds.
"""

from __future__ import annotations

import colorsys
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

from ..errors import InputError
from ..stored_json import check_fields, shown

MAX_CLASSES = 65_535  # labels are uint16 and 0 is unlabelled

# Okabe and Ito's colours (2008) first, then the ones farthest from all before them, and
# from white and black, in CIE Lab as seen with normal, deuteranopic and protanopic vision
# (Machado et al. 2009). The smallest difference of any two is 17.
_PALETTE = [
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#d55e00",
    "#56b4e9",
    "#cc79a7",
    "#f0e442",
    "#332288",
    "#0000ff",
    "#5a2d00",
    "#a5f096",
    "#6969ff",
    "#4b3c5a",
    "#e10f4b",
    "#1e00b4",
    "#ffa5b4",
    "#6996ff",
    "#ff965a",
    "#a5e1ff",
    "#2d2d1e",
    "#2d2d69",
    "#2d5ac3",
    "#4b693c",
    "#a53c00",
]

_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_GOLDEN = 0.618_033_988_75  # turns of hue that never repeat


@dataclass(frozen=True)
class ClassInfo:
    """A class of the user's.

    Attributes:
        code: the user's own number for it, any integer, also 0 or a negative one.
        name: what it is called.
        color: ``#rrggbb``.
    """

    code: int
    name: str
    color: str

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"code": self.code, "name": self.name, "color": self.color}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> ClassInfo:
        """Read a class back.

        Raises:
            InputError: where the record has no whole code, no name, or no ``#rrggbb``.
        """
        try:
            check_fields(record, {"code": int, "name": str, "color": str}, "a class")
        except ValueError as error:
            raise InputError(f"A class needs a 'code', a 'name' and a 'color': {error}.") from error
        code, name, color = record["code"], record["name"], record["color"]
        if not _COLOR.fullmatch(color):
            raise InputError(f"Class '{name}' needs a 'color' like #1f78b4; found {shown(color)}.")
        return cls(code, name, color.lower())


@dataclass(frozen=True)
class ClassStyle:
    """How a layer's style shows a value of its class field.

    Attributes:
        value: the value as text, such as ``"3"`` or ``"water"``.
        name: the legend's text; empty where it has none of its own.
        color: ``#rrggbb``, or empty.
    """

    value: str
    name: str
    color: str


StyleRecord = Union[ClassInfo, ClassStyle, Mapping[str, Any]]


def parse_styles(records: Sequence[StyleRecord]) -> tuple[ClassStyle, ...]:
    """Read style records of any form.

    Args:
        records: classes, or mappings with ``code`` or ``value`` (the class field's value),
            ``name`` and ``color``.

    Raises:
        InputError: for a record without a value, or a colour that is none.
    """
    return tuple(_parse_style(record) for record in records)


def _parse_style(record: StyleRecord) -> ClassStyle:
    if isinstance(record, ClassStyle):
        return record
    if isinstance(record, ClassInfo):
        return ClassStyle(str(record.code), record.name, record.color)
    value = record.get("value", record.get("code"))
    if value is None:
        raise InputError(f"A class style needs a 'value' or a 'code'; found {dict(record)}.")
    color = str(record.get("color") or "").lower()
    if color and not _COLOR.fullmatch(color):
        raise InputError(f"The style of class {value} has the colour {color!r}; write #rrggbb.")
    return ClassStyle(value_text(value), str(record.get("name") or ""), color)


def value_text(value: Any) -> str:
    """Return a class value as the text it is matched by: ``3.0`` and ``3`` are the same."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def make_classes(
    codes: Sequence[int],
    names: Sequence[str],
    styles: Sequence[ClassStyle],
    *,
    values: Sequence[str] = (),
) -> tuple[ClassInfo, ...]:
    """Put classes together from codes, names of the data, and a style.

    Args:
        codes: distinct, in the order of the classes.
        names: as the data has them, one a code; empty ones become ``class <code>``.
        styles: of the layer; a style's name counts before the data's.
        values: what styles are matched by; the codes where left out.

    Returns:
        A class for every code. Names are unique (the code is added where they are not) and
        colours of the palette avoid the ones that the style has.
    """
    by_value = {style.value: style for style in styles}
    found = [by_value.get(value) for value in (values or [str(code) for code in codes])]
    taken = {style.color for style in found if style is not None and style.color}
    spare = iter([color for color in palette(len(codes) + len(taken)) if color not in taken])
    chosen: list[ClassInfo] = []
    for code, name, style in zip(codes, names, found):
        color = style.color if style is not None and style.color else next(spare)
        said = (style.name if style is not None else "") or name or f"class {code}"
        chosen.append(ClassInfo(int(code), said, color))
    return _unique_names(chosen)


def _unique_names(classes: Sequence[ClassInfo]) -> tuple[ClassInfo, ...]:
    names = [item.name for item in classes]
    return tuple(
        ClassInfo(item.code, f"{item.name} ({item.code})", item.color)
        if names.count(item.name) > 1
        else item
        for item in classes
    )


def palette(n: int) -> list[str]:
    """Return ``n`` different colours, ``#rrggbb``.

    The first 24 can be told apart with the common colour vision deficiencies; more than
    that no palette can promise.
    """
    colors = list(_PALETTE[: max(n, 0)])
    known = set(colors)
    step = 0
    while len(colors) < n:
        hue, ring = (step * _GOLDEN) % 1.0, step % 4
        red, green, blue = colorsys.hsv_to_rgb(hue, 0.45 + 0.15 * ring, 0.95 - 0.12 * ring)
        color = f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"
        step += 1
        if color not in known:
            known.add(color)
            colors.append(color)
    return colors

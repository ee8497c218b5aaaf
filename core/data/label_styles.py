"""Class names and colours that lie beside reference data: ``.qml``, colour table, names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from osgeo import gdal

from ..raster.gdal_session import gdal_session
from ..raster.gdal_text import plain
from .classes import ClassStyle, value_text

_RRGGBB = re.compile("#[0-9a-fA-F]{6}")
_R_G_B = re.compile(r"\s*([0-9]{1,9})\s*,\s*([0-9]{1,9})\s*,\s*([0-9]{1,9})\s*(?:,|$)")
_MOST_BYTES = 20_000_000  # of a style file
_ELEMENT, _ATTRIBUTE, _TEXT = 0, 2, 1  # kinds of nodes in GDAL's XML tree


def beside(path: str) -> tuple[ClassStyle, ...]:
    """Return the class styles of the ``.qml`` beside a file; none where there is none.

    Paletted rasters and layers styled by categories have some.
    """
    place = Path(path).with_suffix(".qml")
    try:
        if not place.is_file() or place.stat().st_size > _MOST_BYTES:
            return ()
        text = place.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ()  # a style is a convenience: labels are read without it
    return of_text(text)


def of_text(text: str) -> tuple[ClassStyle, ...]:
    """Return the class styles of the text of a ``.qml``."""
    if not text.strip():
        return ()
    # GDAL's own small parser: it expands no entities.
    with gdal_session():
        try:
            tree = gdal.ParseXMLString(text)
        except RuntimeError:
            return ()
    if tree is None:
        return ()
    return tuple(_paletted(tree)) or tuple(_categories(tree))


def of_band(band: Any) -> tuple[ClassStyle, ...]:
    """Return the class styles that a raster band has: category names and colour table."""
    names = [plain(name) for name in band.GetCategoryNames() or []]
    table = band.GetColorTable()
    colors = {}
    if table is not None:
        colors = {value: table.GetColorEntry(value) for value in range(table.GetCount())}
    shown = {
        value: f"#{r:02x}{g:02x}{b:02x}" for value, (r, g, b, alpha) in colors.items() if alpha
    }
    styles = []
    for value in range(max(len(names), len(colors))):
        name = names[value].strip() if value < len(names) else ""
        styles.append(ClassStyle(str(value), name, shown.get(value, "")))
    return tuple(styles)


def merged(*layers: tuple[ClassStyle, ...]) -> tuple[ClassStyle, ...]:
    """Put styles together: for each value the first name and the first colour there is."""
    found: dict[str, ClassStyle] = {}
    for styles in layers:
        for style in styles:
            known = found.get(style.value, ClassStyle(style.value, "", ""))
            found[style.value] = ClassStyle(
                style.value, known.name or style.name, known.color or style.color
            )
    return tuple(found.values())


def distinct(styles: tuple[ClassStyle, ...], values: list[str]) -> tuple[ClassStyle, ...]:
    """Drop the colours of styles where two of the values would look the same."""
    colors = [style.color for style in styles if style.value in values and style.color]
    if len(set(colors)) == len(colors):
        return styles
    return tuple(ClassStyle(style.value, style.name, "") for style in styles)


def _paletted(tree: Any) -> Iterator[ClassStyle]:
    for node in _elements(tree, "paletteEntry"):
        record = _attributes(node)
        color = record.get("color", "")
        if "value" in record:
            value = _number_text(record["value"])
            yield ClassStyle(value, _own_name(record.get("label", ""), value), _hex(color))


def _categories(tree: Any) -> Iterator[ClassStyle]:
    colors: dict[str, str] = {}
    for symbols in _elements(tree, "symbols"):
        for symbol in _children(symbols, "symbol"):
            colors.setdefault(_attributes(symbol).get("name", ""), _symbol_color(symbol))
    for node in _elements(tree, "category"):
        record = _attributes(node)
        if record.get("value", "") not in {"", "NULL"}:
            value = _number_text(record["value"])
            name = _own_name(record.get("label", ""), value)
            yield ClassStyle(value, name, colors.get(record.get("symbol", ""), ""))


def _symbol_color(symbol: Any) -> str:
    """The first colour of a symbol, in the old spelling (prop) or the new one (Option)."""
    for tag, key, value in (("Option", "name", "value"), ("prop", "k", "v")):
        for node in _elements(symbol, tag):
            record = _attributes(node)
            if record.get(key) == "color":
                return _hex(record.get(value, ""))
    return ""


def _hex(color: str) -> str:
    """Turn ``#rrggbb`` or ``r,g,b,a`` into ``#rrggbb``; anything else into nothing."""
    if _RRGGBB.match(color):
        return color[:7].lower()
    numbers = _R_G_B.match(color)
    if not numbers:
        return ""
    red, green, blue = (min(int(number), 255) for number in numbers.groups())
    return f"#{red:02x}{green:02x}{blue:02x}"


def _number_text(text: str) -> str:
    try:
        return value_text(float(text))
    except ValueError:
        return text.strip()


def _own_name(label: str, value: str) -> str:
    """A label that only repeats the value is QGIS's, no name that somebody has given."""
    return "" if label.strip() == value else label.strip()


def _elements(node: Any, name: str) -> Iterator[Any]:
    """Walk a tree for elements of a name."""
    waiting = [node]
    while waiting:
        item = waiting.pop()
        if item[0] != _ELEMENT:
            continue
        if item[1] == name:
            yield item
        waiting.extend(reversed(item[2:]))


def _children(node: Any, name: str) -> Iterator[Any]:
    return (item for item in node[2:] if item[0] == _ELEMENT and item[1] == name)


def _attributes(node: Any) -> dict[str, str]:
    found = {}
    for item in node[2:]:
        if item[0] == _ATTRIBUTE:
            found[item[1]] = item[2][1] if len(item) > 2 and item[2][0] == _TEXT else ""
    return found

"""Self-contained HTML pages: no script, no file or address beside them.

They are read in browsers and in QGIS's result viewer, which knows far less of CSS: classes
instead of ``:first-child``, pixels in tables, nothing that only a click opens.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from typing import Union

Cell = Union[str, int, float, None]

_STYLE = """
body { font: 16px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; color: #1c2733;
       background: #fff; max-width: 62rem; margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.7rem; margin-bottom: .2rem; }
h2 { font-size: 1.2rem; margin-top: 2.2rem; border-bottom: 1px solid #d6dde4; }
h3 { font-size: 1rem; margin: 1.4rem 0 .2rem; }
p.lead { font-size: 1.15rem; }
ul.warnings { background: #fff4d6; border-left: 5px solid #e69f00; padding: .7rem 2rem; }
table { border-collapse: collapse; margin: .6rem 0; }
th, td { padding: 4px 12px; border-bottom: 1px solid #e3e8ed; text-align: right; }
th.first, td.first { text-align: left; }
thead th { border-bottom: 2px solid #9aa7b3; font-weight: 600; }
table.words th, table.words td { text-align: left; vertical-align: top; }
.wide { overflow-x: auto; }
summary { cursor: pointer; color: #0a5a96; margin: .6rem 0; }
.swatch { display: inline-block; width: .9em; height: .9em; margin-right: .25em;
          border: 1px solid #bbb; vertical-align: -.1em; overflow: hidden; }
.note { color: #5b6874; font-size: .92rem; }
img { max-width: 100%; height: auto; }
"""


def page(title: str, body: Sequence[str]) -> str:
    """Return a whole page.

    Args:
        title: plain text.
        body: pieces of HTML, as the functions of this room make them.
    """
    name = escape(title)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{name}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{name}</h1>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def heading(text: str) -> str:
    """Return a section's heading."""
    return f"<h2>{escape(text)}</h2>"


def subheading(text: str) -> str:
    """Return the heading of a part of a section."""
    return f"<h3>{escape(text)}</h3>"


def paragraph(text: str, style: str = "") -> str:
    """Return a paragraph; ``style`` is ``lead``, ``note`` or empty."""
    attribute = f' class="{escape(style)}"' if style else ""
    return f"<p{attribute}>{escape(text)}</p>"


def warnings(texts: Sequence[str]) -> str:
    """Return what the reader must know before the figures; nothing where there is none."""
    if not texts:
        return ""
    return f'<ul class="warnings">{_items(texts)}</ul>'


def bullets(texts: Sequence[str]) -> str:
    """Return a list of sentences; nothing where there is none."""
    return f"<ul>{_items(texts)}</ul>" if texts else ""


def _items(texts: Sequence[str]) -> str:
    return "".join(f"<li>{escape(text)}</li>" for text in texts)


def table(
    headers: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    colors: Sequence[str] = (),
    *,
    words: bool = False,
) -> str:
    """Return a table: the first column is text, the others are figures unless told.

    Args:
        headers: a text a column; where all are empty there is no head.
        rows: cells; whole numbers get thousands separators, None a dash.
        colors: ``#rrggbb`` swatches before the first cell of each row.
        words: every column is text.
    """
    head = _row("th", [escape(text) for text in headers], words) if any(headers) else ""
    body = []
    for index, row in enumerate(rows):
        cells = [escape(_text(value)) for value in row]
        if colors and index < len(colors) and colors[index]:
            cells[0] = f"{_swatch(colors[index])} {cells[0]}"
        body.append(_row("td", cells, words))
    attributes = (' class="words"' if words else "") + ' cellspacing="0"'
    return (
        f'<div class="wide"><table{attributes}>\n<thead>{head}</thead>\n<tbody>\n'
        + "\n".join(body)
        + "\n</tbody></table></div>"
    )


def _swatch(color: str) -> str:
    # Spaces give it its width where CSS does not.
    return f'<span class="swatch" style="background:{escape(color)}">&nbsp;&nbsp;&nbsp;</span>'


def _row(tag: str, cells: Sequence[str], words: bool) -> str:
    scope = ' scope="col"' if tag == "th" else ""
    first = "" if words else ' class="first"'
    told = [
        f"<{tag}{scope}{'' if place else first}>{cell}</{tag}>" for place, cell in enumerate(cells)
    ]
    return f"<tr>{''.join(told)}</tr>"


def collapsed(summary: str, body: Sequence[str]) -> str:
    """Return pieces that open on a click; where nothing can be clicked they are simply there."""
    return f"<details><summary>{escape(summary)}</summary>\n" + "\n".join(body) + "\n</details>"


def picture(png: bytes, description: str) -> str:
    """Return a picture inside the page, with what it shows in words."""
    data = base64.b64encode(png).decode("ascii")
    return f'<p><img src="data:image/png;base64,{data}" alt="{escape(description)}"></p>'


def percent(share: float | None) -> str:
    """Return a share 0..1 as ``"87.3 %"``, None as a dash."""
    return "-" if share is None else f"{100.0 * share:.1f} %"


def _text(value: Cell) -> str:
    if value is None:
        return "-"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.3f}"
    return value

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hsicnn.core.errors import InputError
from hsicnn.core.report.files import write_text
from hsicnn.core.report.html import bullets, heading, page, paragraph, percent, table, warnings

VOID = {"meta", "img", "br"}


class Balanced(HTMLParser):
    """Fails where tags do not close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_a_page_is_whole_and_keeps_text_as_text():
    nasty = "<b>& \"quoted\" 'x' </table>"
    body = [
        heading(nasty),
        paragraph(nasty, "lead"),
        warnings([nasty]),
        bullets([nasty]),
        table([nasty, "n"], [[nasty, 1234], ["b", None], ["c", 0.5]], ["#112233"]),
    ]
    parser = Balanced()
    parser.feed(page(nasty, body))
    assert parser.open == []
    assert sum(text.strip() == nasty for text in parser.text) == 8
    assert {"1,234", "-", "0.500"} <= set(parser.text)


def test_nothing_to_say_leaves_nothing():
    assert warnings([]) == bullets([]) == ""


def test_percent():
    assert (percent(0.8734), percent(None)) == ("87.3 %", "-")


def test_a_text_is_written_whole_or_not_at_all(tmp_path):
    place = tmp_path / "a.html"
    write_text(place, "first")
    write_text(place, "zweite ä")
    assert place.read_text(encoding="utf-8") == "zweite ä"
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]
    with pytest.raises(InputError, match="nowhere"):
        write_text(tmp_path / "nowhere" / "a.html", "x")

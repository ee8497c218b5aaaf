from __future__ import annotations

from hsicnn.core.errors import reason, shortened


def test_what_a_file_quotes_can_be_shown():
    assert shortened("7, 500\x00\x00\x01, test") == "7, 500 , test"
    assert len(shortened("word " * 10_000)) <= 300


def test_a_reason_is_a_part_of_a_sentence():
    assert reason(RuntimeError("no such\nfile.")) == "no such file"
    assert reason(UnicodeDecodeError("utf-8", b"ab\xff", 2, 3, "bad")) == "ab\ufffd"

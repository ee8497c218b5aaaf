"""JSON of files that anyone may have changed."""

from __future__ import annotations

import json

import pytest
from hsicnn.core.stored_json import check_fields, read_json, shown
from hypothesis import given
from hypothesis import strategies as st

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc"), inner, max_size=4),
    max_leaves=20,
)


@given(PLAIN)
def test_what_is_plain_comes_back(value):
    assert read_json(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "Expecting"),
        ("", "Expecting"),
        ('{"a": NaN}', "holds nan"),
        ('{"a": [-Infinity]}', "holds -inf"),
        ('{"a": 1e999}', "holds inf"),
        ('{"a": ' + "9" * 50 + "}", "50 digits"),
        ('{"a": ' + "9" * 50_000 + "}", "50000 digits"),
        ('{"a": 1, "b": 2, "a": 3}', "'a' twice"),
        ('{"a": "\\ud800"}', "cannot be shown"),
        ('{"a\\u0000": 1}', "cannot be shown"),
        ("[" * 100 + "]" * 100, "too deeply"),
        ("[" * 100_000 + "]" * 100_000, "too deeply"),
        ('{"a":' * 5000 + "1" + "}" * 5000, "too deeply"),
    ],
)
def test_what_cannot_be_used_is_said_in_words(text, words):
    with pytest.raises(ValueError, match=words):
        read_json(text)


FIELDS = {"name": str, "size": int, "share": (float, type(None))}


def test_fields_of_the_right_kind_pass():
    record = {"name": "a", "size": 3, "share": 1, "more": []}
    assert check_fields(record, FIELDS, "it") is record
    assert check_fields({**record, "share": None}, FIELDS, "it")["share"] is None


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ([1], r"a part should be a table; it is \[1\]"),
        ({"name": "a"}, "a part lacks size, share"),
        ({"name": "a", "size": True, "share": 1.0}, "'size' in a part should be a whole number"),
        ({"name": "a", "size": 1.5, "share": 1.0}, "'size' in a part should be a whole number"),
        ({"name": 4, "size": 1, "share": 1.0}, "'name' in a part should be a text; it is 4"),
        ({"name": "a", "size": 1, "share": "x"}, "should be a number or nothing; it is 'x'"),
    ],
)
def test_fields_of_another_kind_are_named(record, words):
    with pytest.raises(ValueError, match=words):
        check_fields(record, FIELDS, "a part")


def test_long_values_are_cut_in_messages():
    assert len(shown("x" * 5000)) == 60
    assert shown("x") == "'x'"

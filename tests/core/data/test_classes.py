from __future__ import annotations

import pytest
from hsicnn.core.data.classes import (
    ClassInfo,
    ClassStyle,
    make_classes,
    palette,
    parse_styles,
)
from hsicnn.core.errors import InputError
from hypothesis import given
from hypothesis import strategies as st


@given(st.integers(0, 400))
def test_palette_has_as_many_different_colours_as_asked(n):
    colors = palette(n)
    assert len(colors) == len(set(colors)) == n
    assert all(len(color) == 7 and int(color[1:], 16) >= 0 for color in colors)


def test_palette_of_fewer_is_the_beginning_of_palette_of_more():
    assert palette(40)[:7] == palette(7)


def test_class_survives_json():
    info = ClassInfo(-3, "Wald & Wiese", "#00ff00")
    assert ClassInfo.from_json(info.to_json()) == info


@pytest.mark.parametrize(
    "record",
    [
        {"code": 1.5, "name": "a", "color": "#000000"},
        {"code": True, "name": "a", "color": "#000000"},
        {"code": 1, "color": "#000000"},
        {"code": 1, "name": "a", "color": "red"},
        {"code": 1, "name": "a", "color": "#0000000"},
        {"code": 1, "name": "a", "color": 5},
        "water",
        None,
    ],
)
def test_class_refuses_damaged_records(record):
    with pytest.raises(InputError):
        ClassInfo.from_json(record)


def test_style_beats_names_of_the_data_and_its_colours_are_not_given_twice():
    first = palette(1)[0]
    styles = [ClassStyle("7", "Lake", first)]
    classes = make_classes([3, 7], ["soil", "water"], styles)
    assert classes[1] == ClassInfo(7, "Lake", first)
    assert classes[0].name == "soil"
    assert classes[0].color != first


def test_nameless_classes_are_named_by_code_and_equal_names_get_their_code():
    classes = make_classes([1, 2, 5], ["", "crop", "crop"], [])
    assert [item.name for item in classes] == ["class 1", "crop (2)", "crop (5)"]


def test_styles_are_matched_by_value_for_text_fields():
    styles = parse_styles([{"value": "water", "name": "Water", "color": "#0000FF"}])
    (info,) = make_classes([1], ["water"], styles, values=["water"])
    assert info == ClassInfo(1, "Water", "#0000ff")


def test_styles_are_read_from_classes_and_mappings_alike():
    info = ClassInfo(2, "x", "#010203")
    assert parse_styles([info]) == parse_styles([info.to_json()])
    assert parse_styles([{"value": 2.0, "name": "x", "color": "#010203"}]) == parse_styles([info])


@pytest.mark.parametrize("record", [{"name": "x"}, {"code": 1, "color": "blue"}])
def test_styles_without_value_or_with_a_wrong_colour_are_refused(record):
    with pytest.raises(InputError):
        parse_styles([record])

from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.accuracy.matching import match_classes
from hsicnn.core.data.classes import ClassInfo
from hsicnn.core.errors import InputError


def classes(*pairs: tuple[int, str]) -> tuple[ClassInfo, ...]:
    return tuple(ClassInfo(code, name, "#123456") for code, name in pairs)


def test_names_count_before_values():
    found = match_classes(
        classes((1, "Water"), (2, "Forest")), classes((2, "water"), (1, " FOREST ")), "map.tif"
    )
    assert found.from_map == {2: 1, 1: 2}
    assert found.notes == ()
    assert found.values(np.array([1, 2, 1, 9])).tolist() == [2, 1, 2, 0]


def test_values_where_names_differ_are_told():
    found = match_classes(
        classes((1, "Wasser"), (2, "Wald")), classes((1, "Water"), (2, "Wald")), "map.tif"
    )
    assert found.from_map == {1: 1, 2: 2}
    assert "'Wasser' and 'Water'" in found.notes[0]


def test_a_map_without_names_is_matched_by_value_quietly():
    found = match_classes(classes((5, "Water")), classes((5, "")), "map.tif")
    assert found.from_map == {5: 1}
    assert found.notes == ()


def test_a_value_taken_by_name_is_not_matched_twice():
    # The map's 1 is 'Forest', which is the reference's 2: the reference's 1 finds nothing.
    found = match_classes(classes((1, "Water"), (2, "Forest")), classes((1, "Forest")), "map.tif")
    assert found.from_map == {1: 2}
    assert "Water" in found.notes[0]


def test_classes_of_the_map_alone_come_last():
    found = match_classes(
        classes((1, "Water")), classes((1, "Water"), (7, "Sand"), (8, "")), "map.tif"
    )
    assert [item.name for item in found.classes] == ["Water", "Sand", "class 8"]
    assert found.from_map == {1: 1, 7: 2, 8: 3}


def test_nothing_in_common_names_both():
    with pytest.raises(InputError, match=r"Water.*map\.tif.*Sand"):
        match_classes(classes((1, "Water")), classes((7, "Sand")), "map.tif")

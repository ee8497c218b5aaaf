"""Names of the folders of classes."""

from __future__ import annotations

import pytest
from hsicnn.core.data.classes import ClassInfo
from hsicnn.core.data.tiles.layouts.paths import class_folders


def test_names_of_class_folders_are_safe_and_differ():
    names = ["Wald", "wald", "a/b: c", "..", "Straße"]
    classes = [ClassInfo(number, name, "#000000") for number, name in enumerate(names, 1)]
    assert class_folders(classes) == ["Wald", "wald_2", "a_b_c", "class_4", "Straße"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["maize", "Maize_3", "maize"], ["maize", "Maize_3", "maize_3_3"]),
        (["a b", "a/b_3", "a_b"], ["a_b", "a_b_3", "a_b_3_3"]),
        (["con", "CON", "class_con", "lpt1.x", "Nul", "cone"],
         ["class_con", "class_CON_2", "class_con_3", "class_lpt1.x", "class_Nul", "cone"]),
    ],
)  # fmt: skip
def test_no_two_classes_share_a_folder(names, expected):
    classes = [ClassInfo(number, name, "#000000") for number, name in enumerate(names, 1)]
    assert class_folders(classes) == expected
    assert len({name.lower() for name in expected}) == len(names)

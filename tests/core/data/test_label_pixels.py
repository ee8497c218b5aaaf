from __future__ import annotations

import pytest
from hsicnn.core.data.label_pixels import MOST_LABELS, MOST_VALUES, check_amount, check_values
from hsicnn.core.errors import LabelError


def test_a_finished_map_is_no_reference():
    check_amount(MOST_LABELS, "map.tif")
    with pytest.raises(LabelError, match=r"map\.tif labels more than 50,000,000 pixels.*clip"):
        check_amount(MOST_LABELS + 1, "map.tif")


def test_measurements_are_no_classes():
    check_values(MOST_VALUES, "plots.gpkg", "")
    with pytest.raises(LabelError, match=r"more than 1,000 different values in 'height'"):
        check_values(MOST_VALUES + 1, "plots.gpkg", " in 'height'")

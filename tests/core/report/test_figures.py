from __future__ import annotations

import struct

import numpy as np
import pytest
from hsicnn.core.report.figures import (
    components_picture,
    confusion_picture,
    histogram_picture,
    places_picture,
)

PNG = b"\x89PNG\r\n\x1a\n"


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(PNG)
    return struct.unpack(">II", png[16:24])


@pytest.mark.parametrize("classes", [1, 6, 40])
def test_matrices_of_any_size_are_drawn(classes):
    matrix = np.eye(classes, dtype=np.int64) * 1000
    width, height = size(confusion_picture(matrix, [f"class {i}" for i in range(classes)]))
    assert 300 < width < 2500
    assert 300 < height < 2500


def test_classes_without_pixels_and_odd_names_are_drawn():
    names = ["$x_1$ & <b>", "", "a very long name of a class that goes on and on"]
    size(confusion_picture(np.zeros((3, 3), dtype=np.int64), names))


def test_histograms_are_drawn():
    few = histogram_picture([1, 2], [7], across="pixels", up="how many")
    many = histogram_picture(list(range(0, 410, 10)), [3] * 40, across="pixels", up="how many")
    assert size(few) == size(many)
    assert few != many


@pytest.mark.parametrize("shape", [(1, 1), (700, 30), (30, 700)])
def test_maps_of_any_shape_are_drawn(shape):
    values = np.arange(shape[0] * shape[1], dtype=np.uint8).reshape(shape) % 4
    legend = {1: ("train", "#0072b2"), 2: ("test", "#d55e00"), 255: ("unused", "#c9d1d9")}
    width, height = size(places_picture(values, legend))
    assert 100 < width < 1500
    assert 100 < height < 1500


def test_components_are_drawn_also_where_some_have_no_variance():
    values = np.array([100.0, 10.0, 1e-3, 0.0, -1e-20])
    drawn = [
        components_picture(values, values / values.sum(), kept, up="variance", share="share")
        for kept in (1, 3)
    ]
    assert size(drawn[0]) == size(drawn[1])
    assert drawn[0] != drawn[1]

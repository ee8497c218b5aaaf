from __future__ import annotations

import struct

import pytest
from hsicnn.core.report import canvas, network_figure
from hsicnn.core.report.network_figure import DrawnLayer, network_picture

INPUT = DrawnLayer("Normalised patch", "40 bands x 9 x 9 pixels", 3240, 0)
BLOCK = DrawnLayer("Block", "64 features x 3 x 3 pixels", 576, 100)
LAST = DrawnLayer("Dense layer", "3 classes", 3, 195)


@pytest.fixture
def drawn(monkeypatch):
    figures = []
    monkeypatch.setattr(network_figure, "as_png", lambda f: figures.append(f) or canvas.as_png(f))
    return figures


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts if text.get_text()][4:]


def test_every_layer_is_there_with_its_shape_and_weights(drawn):
    network_picture([INPUT, BLOCK, LAST])
    assert texts(drawn[0]) == [
        *("3,240", "Normalised patch", "40 bands x 9 x 9 pixels", "-"),
        *("576", "Block", "64 features x 3 x 3 pixels", "100"),
        *("3", "Dense layer", "3 classes", "195"),
    ]
    bars = [patch.get_width() for patch in drawn[0].axes[0].patches if hasattr(patch, "get_xy")]
    widths = [bars[place] for place in range(0, len(bars), 2)]
    assert widths == sorted(widths, reverse=True)


def test_equal_layers_that_follow_each_other_are_drawn_once_and_counted(drawn):
    other = DrawnLayer("Block", "64 features x 3 x 3 pixels", 576, 90)
    network_picture([INPUT, BLOCK, BLOCK, BLOCK, other, LAST])
    found = texts(drawn[0])
    assert found[4:8] == ["576", "3 times: Block", "64 features x 3 x 3 pixels", "300"]
    assert found[8:12] == ["576", "Block", "64 features x 3 x 3 pixels", "90"]


def test_long_words_and_shapes_are_broken_and_boxes_grow():
    wide = DrawnLayer("word " * 40, "1,024 features x 2,000 bands x 1,025 x 1,025 pixels", 9, 0)
    assert all(len(line) <= 52 for line in wide.lines)
    assert wide.shape_lines == ["1,024 features x 2,000 bands x", "1,025 x 1,025 pixels"]
    assert wide.height > BLOCK.height
    assert " ".join(wide.lines) == ("word " * 40).strip()


@pytest.mark.parametrize("count", [1, 2, 60, 2000])
def test_networks_of_any_depth_are_drawn(drawn, count):
    layers = [DrawnLayer(f"Layer ${n}$ <b>", "1 class", n, n) for n in range(count)]
    png = network_picture(layers)
    width, height = struct.unpack(">II", png[16:24])
    assert width == 1100
    assert 50 * min(count, 80) < height < 10_000
    words = texts(drawn[0])
    assert words[1] == "Layer $0$ <b>"
    assert words[-3] == f"Layer ${count - 1}$ <b>"
    assert ("1,920 more layers are not drawn" in words) == (count == 2000)


def test_a_member_beside_another_says_what_it_takes(drawn):
    network_picture([INPUT, BLOCK, DrawnLayer("Other", "1 class", 1, 1, beside=True), LAST])
    found = texts(drawn[0])
    assert "takes the patch as well, side by side with what is above" in found
    assert found.index("Block") < found.index("Other")

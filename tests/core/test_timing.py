from __future__ import annotations

import pytest
from hsicnn.core.timing import TimeLeft, duration


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (8.4, "8 s"), (200, "3 min 20 s"), (7500, "2 h 05 min"), (119.7, "2 min 00 s")],
)
def test_duration_in_words(seconds, words):
    assert duration(seconds) == words


def test_time_left_is_proportional_to_what_is_done():
    now = [100.0]
    left = TimeLeft(start=0.5, clock=lambda: now[0])
    assert left.text(0.5) == ""  # nothing done yet: no guess
    now[0] = 110.0
    assert left.text(0.75) == "about 10 s left"
    assert left.text(1.0) == ""

from __future__ import annotations

import pytest
from hsicnn.core.sizes import GIB, MIB, data_size


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0.1 KiB"),
        (1024, "1.0 KiB"),
        (10_190, "10 KiB"),
        (3.42 * MIB, "3.4 MiB"),
        (999.4 * MIB, "999 MiB"),
        (1000 * MIB, "1.0 GiB"),
        (64 * GIB, "64 GiB"),
        (1 << 62, "4,096 PiB"),
    ],
)
def test_sizes_are_said_with_two_digits_or_more(count, words):
    assert data_size(count) == words

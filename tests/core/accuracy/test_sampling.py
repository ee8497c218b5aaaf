from __future__ import annotations

import numpy as np
from hsicnn.core.accuracy.sampling import InWindow
from hsicnn.core.raster.windows import tiles
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 999), st.integers(0, 60), st.integers(1, 9), st.integers(1, 9))
def test_every_pixel_is_found_in_one_window(seed, count, tile_height, tile_width):
    generator = np.random.default_rng(seed)
    rows, cols = generator.integers(0, 20, count), generator.integers(0, 13, count)
    pixels = InWindow(rows, cols)
    found = []
    for window in tiles(20, 13, tile_height, tile_width):
        which = pixels.find(window)
        assert ((rows[which] >= window.row) & (rows[which] < window.row + window.height)).all()
        assert ((cols[which] >= window.col) & (cols[which] < window.col + window.width)).all()
        found += which.tolist()
    assert sorted(found) == list(range(count))

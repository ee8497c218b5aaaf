"""How large a raster can become."""

from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.raster.file_size import largest_size
from hsicnn.core.raster.grid import Grid
from hsicnn.core.raster.windows import Window
from hsicnn.core.raster.writer import RasterWriter


@pytest.mark.parametrize(("height", "width", "bands"), [(10, 20, 1), (300, 520, 4)])
def test_values_that_do_not_compress_fit(tmp_path, height, width, bands):
    path = tmp_path / "noise.tif"
    grid = Grid("", (0.0, 1.0, 0.0, 0.0, 0.0, -1.0), height, width)
    values = np.random.default_rng(0).integers(-(2**31), 2**31, (bands, height, width))
    with RasterWriter(path, grid, bands, "int32", nodata=None) as writer:
        writer.write(Window(0, 0, height, width), values.astype(np.int32))
        writer.commit()
    stored = path.stat().st_size
    assert values.size * 4 < stored <= largest_size(height, width, bands, 4)

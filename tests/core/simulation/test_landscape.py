from __future__ import annotations

import numpy as np
from hsicnn.core.simulation.covers import COVERS
from hsicnn.core.simulation.landscape import (
    FINE,
    Landscape,
    make_landscape,
    shadow_map,
    survey,
)


def tall_block() -> Landscape:
    """A wood of 4 x 4 pixels in the middle of bare soil."""
    names = [cover.name for cover in COVERS]
    parcels = np.zeros((20 * FINE, 20 * FINE), dtype=np.int32)
    parcels[8 * FINE : 12 * FINE, 8 * FINE : 12 * FINE] = 1
    covers = np.array([names.index("Loam soil"), names.index("Conifer wood")])
    return Landscape(parcels, covers, len(COVERS))


def test_shadows_fall_on_one_side_of_what_is_tall():
    landscape = tall_block()
    shadow = shadow_map(landscape, pixel_size=5.0, sun=45.0)
    assert not shadow[landscape.parcels == 1].any()
    # The sun stands in the south-east: shadow north-west of the wood, none south-east
    assert shadow[6 * FINE : 8 * FINE, 6 * FINE : 8 * FINE].any()
    assert not shadow[12 * FINE :, 12 * FINE :].any()
    longer = shadow_map(landscape, pixel_size=5.0, sun=20.0)
    assert longer.sum() > shadow.sum()


def test_fields_are_some_pixels_wide_and_of_every_class():
    landscape = make_landscape(128, 8, np.random.default_rng(3))
    sizes = np.bincount(landscape.parcels.ravel())[1:] / FINE**2
    inner = np.median(sizes[sizes > 10])
    assert 40 < inner < 400
    assert set(landscape.covers[1:]) == set(range(8))


def test_surveyed_pixels_are_pure_and_only_part_of_the_scene():
    landscape = make_landscape(96, 5, np.random.default_rng(4))
    seen = np.ones((96, 96), dtype=bool)
    seen[:, :10] = False
    labels = survey(landscape, seen, 0.4, np.random.default_rng(5))
    assert not labels[:, :10].any()
    assert 0.05 < (labels > 0).mean() < 0.5
    cells = landscape.covers[landscape.parcels].reshape(96, FINE, 96, FINE)
    for row, col in np.argwhere(labels):
        assert (cells[row, :, col, :] + 1 == labels[row, col]).all()

"""Random maps: no test tile comes near a training tile, however they overlap and turn."""

from __future__ import annotations

import numpy as np
from hsicnn.core.data.classes import make_classes
from hsicnn.core.data.export_settings import ExportSettings
from hsicnn.core.data.labels import Labels
from hsicnn.core.data.separation import TEST, TRAIN, UNUSED, VALIDATION
from hsicnn.core.data.tiles.candidates import find_candidates
from hsicnn.core.data.tiles.division import divide_tiles, reach_of, tile_leak
from hsicnn.core.data.tiles.label_index import LabelIndex
from hsicnn.core.data.tiles.labelling import make_labelling, without_foreign
from hsicnn.core.data.tiles.place import TilePlace
from hsicnn.core.errors import LabelError, SplitError
from hsicnn.core.progress import SilentProgress
from hsicnn.core.raster.grid import NO_GEOTRANSFORM, Grid
from hypothesis import given, settings
from hypothesis import strategies as st


def random_labels(seed, height, width, density):
    """Polygons of four classes, each a group, in row-major order."""
    random = np.random.default_rng(seed)
    codes, groups = np.zeros((height, width), int), np.zeros((height, width), int)
    for number in range(1, 40):
        row, col = random.integers(0, height), random.integers(0, width)
        side = int(random.integers(1, 7))
        codes[row : row + side, col : col + side] = 1 + number % 4
        groups[row : row + side, col : col + side] = number
    codes[random.random(codes.shape) > density] = 0
    rows, cols = np.nonzero(codes)
    values = codes[rows, cols]
    present = np.unique(values)
    names = [f"c{value}" for value in present]
    return Labels(
        rows.astype(np.int32),
        cols.astype(np.int32),
        np.searchsorted(present, values).astype(np.uint16) + 1,
        make_classes([int(value) for value in present], names, (), values=names),
        groups[rows, cols].astype(np.int32),
    )


def shown(found, code_of, code, size, angles, shape):
    """The pixels that tiles of a code show, with their turned copies where they train."""
    covered = np.zeros(shape, bool)
    for row, col in zip(found.rows[code_of == code], found.cols[code_of == code]):
        for angle in (0.0, *(angles if code == TRAIN else ())):
            rows, cols = TilePlace(int(row), int(col), size, angle).pixels()
            inside = (rows >= 0) & (cols >= 0) & (rows < shape[0]) & (cols < shape[1])
            covered[rows[inside], cols[inside]] = True
    return covered


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    size=st.integers(2, 9),
    stride=st.integers(1, 12),
    buffer=st.integers(0, 6),
    rotation=st.sampled_from([0.0, 30.0, 90.0]),
    jitter=st.integers(0, 3),
    method=st.sampled_from(["blocks", "polygons"]),
    kind=st.sampled_from(["tiles", "scenes"]),
)
def test_tiles_of_different_splits_keep_their_distance(
    seed, size, stride, buffer, rotation, jitter, method, kind
):
    from scipy.ndimage import distance_transform_cdt

    shape = (48, 56)
    labels = random_labels(seed, *shape, density=0.8)
    chosen = ExportSettings(
        kind=kind, tile_size=size, stride=stride, buffer=buffer, rotation=rotation,
        jitter=jitter, split=method, block_size=8, seed=seed,
    )  # fmt: skip
    grid = Grid("", NO_GEOTRANSFORM, *shape)
    index = LabelIndex(labels, shape[1])
    found = find_candidates(index, grid, chosen, seed=seed, mask=None, progress=SilentProgress())
    assert ((found.counts > 0).any(axis=1)).all()
    try:
        division = divide_tiles(found, labels, chosen)
    except (SplitError, LabelError):
        return
    codes = division.split.codes
    assert set(codes.tolist()) <= {UNUSED, TRAIN, VALIDATION, TEST}
    masks = {
        code: shown(found, codes, code, size, chosen.angles, shape)
        for code in (TRAIN, VALIDATION, TEST)
    }
    for one, other in ((TRAIN, VALIDATION), (TRAIN, TEST), (VALIDATION, TEST)):
        if masks[one].any() and masks[other].any():
            gap = distance_transform_cdt(~masks[one], "chessboard")[masks[other]].min()
            assert gap > buffer
    leak = tile_leak(found, codes, chosen)
    assert (leak.test_centres_inside, leak.test_patches_touching) == (0, 0)
    assert reach_of(chosen) >= size - 1
    if method == "polygons":
        own = division.split.groups
        for group in np.unique(own):
            assert len(set(codes[own == group].tolist()) - {UNUSED}) <= 1


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000), size=st.integers(1, 9), stride=st.integers(1, 12),
    least=st.floats(0, 1),
)  # fmt: skip
def test_every_tile_of_the_grid_that_holds_a_label_is_found(seed, size, stride, least):
    shape = (23, 31)
    labels = random_labels(seed, *shape, density=0.3)
    chosen = ExportSettings(
        kind="tiles", tile_size=size, stride=stride, min_labelled=least, split="random"
    )
    held = np.zeros(shape, int)
    held[labels.rows, labels.cols] = labels.values
    tops = [*range(0, shape[0] - size + 1, stride)]
    lefts = [*range(0, shape[1] - size + 1, stride)]
    tops += [shape[0] - size] if tops[-1] < shape[0] - size else []
    lefts += [shape[1] - size] if lefts[-1] < shape[1] - size else []
    expected = {}
    for row in tops:
        for col in lefts:
            part = held[row : row + size, col : col + size]
            if (part > 0).any() and (part > 0).sum() >= least * size * size - 1e-6:
                expected[row, col] = np.bincount(part.ravel(), minlength=5)[1:].tolist()
    index = LabelIndex(labels, shape[1])
    grid = Grid("", NO_GEOTRANSFORM, *shape)
    try:
        found = find_candidates(index, grid, chosen, seed=1, mask=None, progress=SilentProgress())
    except LabelError:
        assert not expected
        return
    places = zip(found.rows.tolist(), found.cols.tolist())
    assert list(places) == sorted(expected)
    for place, counts in zip(sorted(expected), found.counts.tolist()):
        assert counts == expected[place][: len(counts)]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    size=st.integers(2, 9),
    stride=st.integers(1, 9),
    label=st.sampled_from(["majority", "centre"]),
    least=st.sampled_from([0.0, 0.2]),
)
def test_a_polygon_decides_scenes_of_one_split_only(seed, size, stride, label, least):
    shape = (48, 56)
    labels = random_labels(seed, *shape, density=0.9)
    chosen = ExportSettings(
        kind="scenes", tile_size=size, stride=stride, buffer=0, split="polygons", seed=seed,
        scene_label=label, min_labelled=least,
    )  # fmt: skip
    index = LabelIndex(labels, shape[1])
    grid = Grid("", NO_GEOTRANSFORM, *shape)
    try:
        found = find_candidates(index, grid, chosen, seed=1, mask=None, progress=SilentProgress())
        split = divide_tiles(found, labels, chosen).split
    except (SplitError, LabelError):
        return
    labelling = make_labelling(index, found, split, size)
    after, notes = without_foreign(labelling, found, split, chosen)
    lost = after.codes != split.codes
    assert (after.codes[lost] == UNUSED).all()
    assert bool(notes) == bool(lost.any())
    classes, polygons = np.zeros(shape, int), np.zeros(shape, int)
    classes[labels.rows, labels.cols] = labels.values
    polygons[labels.rows, labels.cols] = labels.groups
    splits = {}
    for at in np.flatnonzero(split.codes):
        part = (slice(found.rows[at], found.rows[at] + size),
                slice(found.cols[at], found.cols[at] + size))  # fmt: skip
        code, value = int(split.codes[at]), int(found.values[at])
        own = (labelling.codes[polygons[part]] == code) & (polygons[part] > 0)
        counts = np.bincount(classes[part][own], minlength=5)
        same = counts.argmax() == value
        if label == "centre":
            same = own[size // 2, size // 2] and classes[part][size // 2, size // 2] == value
        assert (after.codes[at] == code) == bool(
            same and counts[value] and counts[value] >= least * size * size - 1e-6
        )
        if after.codes[at] == UNUSED:
            continue
        deciding = polygons[part][own & (classes[part] == value)]
        if label == "centre":
            deciding = [polygons[part][size // 2, size // 2]]
        for number in np.unique(deciding):
            splits.setdefault(int(number), set()).add(code)
    assert all(len(codes) == 1 for codes in splits.values())

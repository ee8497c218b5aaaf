"""Networks on tiles: the same map whatever the blocks, tiles, zones, part and memory."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from hsicnn.core.inference.classify import classify_raster
from hsicnn.core.inference.inputs import Normaliser
from hsicnn.core.inference.plan import Plan, make_plan
from hsicnn.core.inference.reach import Reach
from hsicnn.core.raster.source import RasterSource
from hsicnn.core.raster.windows import Window
from hypothesis import given
from hypothesis import strategies as st

from .conftest import (
    CLASSES,
    band_count,
    make_model,
    make_network,
    make_normalisation,
    read_raster,
    write_scene,
)
from .test_engine import assert_same, run

NARROW = {"width": 0.125, "patch_size": 32}
TILE = {
    "etrainee_2d": {**NARROW},
    "etrainee_3d": {**NARROW, "depth": 1},
    "unet": {**NARROW, "depth": 2},
}
SHAPES = [(61, 50), (37, 90), (1, 1), (2, 9), (24, 24), (13, 7)]


def at_once(path, network, normalisation) -> np.ndarray:
    """Probabilities of a whole raster in one piece that begins far outside it, at a multiple."""
    with RasterSource(path) as source:
        height, width = source.grid.height, source.grid.width
        rim = -(-network.radius // network.multiple) * network.multiple
        longer = [length + -length % network.multiple for length in (height, width)]
        window = Window(-rim, -rim, longer[0] + 2 * rim, longer[1] + 2 * rim)
        read = source.read_reflected(window, range(normalisation.bands))
        valid = read.valid[rim : rim + height, rim : rim + width].copy()
        with torch.inference_mode():
            inputs = Normaliser(normalisation).apply(read)[None]
            found = network(inputs).softmax(1)[0].numpy()
    first = rim - network.radius
    found = found[:, first : first + height, first : first + width]
    return np.where(valid, found, np.float32(np.nan))


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """A network, its normalisation, scenes, and what they give at once."""
    folder = tmp_path_factory.mktemp("scenes")
    made = {}
    for name, options in TILE.items():
        bands = band_count(name)
        normalisation = make_normalisation(bands, "pca" if name == "unet" else "band")
        network = make_network(name, normalisation.outputs, options=options)
        scenes = {}
        for shape in SHAPES:
            path = folder / f"{name}_{shape[0]}_{shape[1]}.tif"
            write_scene(path, bands, *shape, tiled=shape[0] % 2 == 1)
            scenes[shape] = (path, at_once(path, network, normalisation))
        made[name] = (network, normalisation, scenes)
    return made


def a_plan(dice: random.Random, network) -> Plan:
    """Any division of the work, also such as no plan would make."""
    sides = [dice.choice((1, 3, 7, 8, 13, 16, 29, 64, 200)) for _ in range(5)]
    halo = Reach.of(network).halo
    plan = Plan(*sides[:3], dice.choice((1, 2)), 1, *sides[3:], halo, keep=dice.random() < 0.5)
    return plan if sides[3] * sides[4] > 30 else replace(plan, zone_rows=64, zone_cols=64)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", TILE)
def test_every_division_of_the_work_gives_the_same(cases, name, shape):
    network, normalisation, scenes = cases[name]
    path, expected = scenes[shape]
    dice = random.Random(f"{name} {shape}")
    for _ in range(3):
        plan = a_plan(dice, network)
        if expected[0].size / (min(plan.tile, plan.rows) * min(plan.tile, plan.cols)) > 400:
            plan = replace(plan, rows=20, cols=21, tile=11)
        assert_same(run(path, network, normalisation, plan), expected)


@pytest.mark.parametrize("name", TILE)
def test_a_part_equals_the_whole(cases, name):
    network, normalisation, scenes = cases[name]
    path, whole = scenes[61, 50]
    dice = random.Random(name)
    for _ in range(4):
        row, col = dice.randrange(55), dice.randrange(44)
        height, width = dice.randint(1, 61 - row), dice.randint(1, 50 - col)
        area = Window(row, col, height, width)
        expected = whole[:, area.rows, area.cols]
        if not np.isfinite(expected).any():
            continue
        plan = Plan(dice.randint(9, 40), dice.randint(9, 40), dice.randint(8, 40), 1, 1, 64, 64)
        plan = replace(plan, radius=Reach.of(network).halo)
        assert_same(run(path, network, normalisation, plan, area), expected)


@pytest.mark.parametrize("memory", [200, 300, 2000])
def test_any_memory_gives_the_same(cases, memory):
    network, normalisation, scenes = cases["etrainee_2d"]
    path, expected = scenes[61, 50]
    with RasterSource(path) as source:
        plan = make_plan(
            network,
            source,
            Window(0, 0, 61, 50),
            bands=normalisation.bands,
            inputs=normalisation.outputs,
            outputs=len(CLASSES),
            memory_bytes=memory << 20,
            threads=2,
        )
    assert plan.radius == Reach.of(network).halo == network.radius + 3
    assert_same(run(path, network, normalisation, plan), expected)


@pytest.mark.parametrize("name", TILE)
def test_the_job_maps_parts_as_the_whole(tmp_path, name):
    """From a model file, with all that stands between file and map."""
    path, model = tmp_path / "scene.tif", tmp_path / "model.safetensors"
    write_scene(path, band_count(name), 45, 33)
    made = make_model(model, name, options=TILE[name])
    assert (made.patch_size, made.multiple > 1) == (32, True)

    def classify(title, **given):
        out, shares = tmp_path / f"{title}.tif", tmp_path / f"{title}_p.tif"
        classify_raster(
            image=str(path), model=str(model), output=str(out), probabilities=str(shares),
            device="cpu", **given,
        )  # fmt: skip
        return read_raster(out)[0], read_raster(shares)

    labels, shares = classify("whole")
    assert len(np.unique(labels)) > 2
    # Rows 7..39 and columns 5..28 of 30 m pixels.
    x, y = 500_000.0, 5_800_000.0
    extent = (x + 5 * 30, y - 40 * 30, x + 29 * 30, y - 7 * 30)
    part, part_shares = classify("part", extent=extent, memory_mb=300)
    np.testing.assert_array_equal(part, labels[7:40, 5:29])
    assert np.nanmax(np.abs(part_shares - shares[:, 7:40, 5:29])) < 1e-5


@given(
    st.integers(0, 40), st.sampled_from([1, 2, 4, 8, 16]), st.integers(-9, 300),
    st.integers(1, 60), st.integers(1, 60), st.integers(0, 300),
)  # fmt: skip
def test_images_of_tiles_are_aligned_and_lie_in_their_block(
    radius, multiple, origin, block, length, first
):
    reach = Reach(radius, multiple)
    length = min(length, block)
    first %= block - length + 1
    image, inner = reach.cut(first, length, origin)
    begins = origin - reach.halo + image.start  # in the raster
    rows = image.stop - image.start
    assert begins % multiple == 0
    assert rows % multiple == 0
    assert image.start >= 0
    assert image.stop <= block + 2 * reach.halo
    assert rows <= reach.longest(length) <= length + 2 * reach.halo
    # What the network returns begins a radius further on.
    assert begins + radius + inner.start == origin + first
    assert inner.stop - inner.start == length
    assert inner.stop <= rows - 2 * radius

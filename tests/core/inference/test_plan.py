"""How the work is divided, and that memory is known beforehand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hsicnn.core.inference.plan import MIB, OVERHEAD, TILE_WORK, block_shape, make_plan
from hsicnn.core.inference.reach import Reach
from hsicnn.core.inference.shadow import operations, peak_bytes
from hsicnn.core.inference.zones import even
from hsicnn.core.raster.source import RasterSource
from hsicnn.core.raster.windows import Window
from hsicnn.core.raster.writer import TILE
from hsicnn.models.build import build
from hsicnn.models.catalog import NETWORKS
from hsicnn.models.seamless import seamless
from hsicnn.models.turned import turned
from hypothesis import example, given, settings
from hypothesis import strategies as st

from .conftest import make_network, write_scene

SIZES = st.integers(1, 5000)


class Layers(torch.nn.Module):
    """Keeps its input while it computes the second layer's output."""

    radius = 1

    def forward(self, inputs):
        first = inputs[..., 1:-1, 1:-1] * 2.0
        second = torch.cat([first, first], dim=1)
        return second[:, :1] + 0.0


def test_peak_bytes_counts_what_is_alive():
    inputs, height, width = 8, 10, 12
    pixels = height * width
    margin = (height + 2) * (width + 2) * inputs
    # Input, first, the two copies in second, and what comes out are alive together.
    assert peak_bytes(Layers(), inputs, height, width) == 4 * (margin + (3 * inputs + 1) * pixels)


def test_peak_bytes_grows_with_the_tile_and_computes_nothing():
    network = make_network("indian_pines_3d", 200)
    small, large = (peak_bytes(network, 200, side, side) for side in (32, 128))
    assert 8 * small < large < 16 * small
    assert 10 * MIB < small < 60 * MIB  # 65 x 36 x 36 x 48 floats are the largest layer


@given(
    height=SIZES,
    width=SIZES,
    block=st.sampled_from([(1, 10**6), (16, 10**6), (256, 256), (512, 128), (7, 9)]),
    pixels=st.integers(1, 10**6),
    radius=st.integers(0, 12),
)
def test_blocks_stay_in_the_raster_and_in_memory(height, width, block, pixels, radius):
    file_block = min(block[0], height), min(block[1], width)
    rows, cols = block_shape((height, width), file_block, pixels, radius)
    assert 1 <= rows <= height
    assert 1 <= cols <= width
    if pixels > (4 * radius + 2) ** 2:
        assert (rows + 2 * radius) * (cols + 2 * radius) <= 1.1 * pixels


def test_blocks_follow_the_files_own():
    assert block_shape((5000, 5000), (256, 256), 300_000, 4) == (512, 512)
    assert block_shape((5000, 1000), (1, 1000), 250_000, 0) == (250, 1000)
    assert block_shape((5000, 40_000), (1, 40_000), 250_000, 0)[1] == 2000


@settings(max_examples=20)
@example(height=258, width=258, outputs=16, megabytes=300, block=(512, 512))
@given(
    height=SIZES,
    width=SIZES,
    outputs=st.sampled_from([1, 16, 200]),
    megabytes=st.sampled_from([160, 300, 1024, 4096]),
    block=st.sampled_from([(1, 5000), (64, 64), (512, 512)]),
)
def test_zones_are_whole_tiles_of_the_outputs(height, width, outputs, megabytes, block):
    class Source:
        dtype = np.dtype("int16")
        interleave = "PIXEL"
        block_shape = min(block[0], height), min(block[1], width)

    plan = make_plan(
        Layers(),
        Source(),
        Window(0, 0, height, width),
        bands=30,
        inputs=30,
        outputs=outputs,
        memory_bytes=megabytes * MIB,
        threads=1,
    )
    assert plan.zone_rows % TILE == 0
    assert plan.zone_cols % TILE == 0
    assert 1 <= plan.rows <= min(plan.zone_rows, height)
    assert 1 <= plan.cols <= min(plan.zone_cols, width)
    least = TILE * TILE
    most = max(megabytes * MIB // 4 // 2 // (6 + 4 * outputs), least)
    assert plan.zone_rows * plan.zone_cols <= most


@pytest.mark.parametrize("threads", [1, 2, 64])
def test_a_plan_keeps_the_budget(tmp_path, threads):
    network = make_network("indian_pines_3d", 200)
    path = write_scene(tmp_path / "scene.tif", 200, 4, 4)
    with RasterSource(path) as source:
        plan = make_plan(
            network,
            source,
            Window(0, 0, 9000, 9000),
            bands=200,
            inputs=200,
            outputs=16,
            memory_bytes=1024 * MIB,
            threads=threads,
        )
    assert plan.workers * plan.threads <= threads
    tiles = plan.workers * peak_bytes(network, 200, plan.tile, plan.tile) * OVERHEAD
    block = (plan.rows + 8) * (plan.cols + 8) * (200 * 10 + 8 + 3 * (200 * 4 + 1))
    zones = 2 * plan.zone_rows * plan.zone_cols * (6 + 16 * 4)
    assert tiles + block + zones < 1024 * MIB
    assert zones > 20 * MIB
    assert plan.tile >= 32
    assert "tiles of up to" in plan.describe()


def test_operations_are_twice_the_multiply_adds():
    network = torch.nn.Sequential(torch.nn.Conv2d(8, 5, 3, bias=False))
    network.radius = 1
    assert operations(network, 8, 10, 12) == 2 * 8 * 5 * 9 * 10 * 12


@pytest.mark.parametrize("architecture", ["multiscale", "etrainee_1d", "indian_pines_3d"])
def test_no_tile_keeps_a_thread_too_long(tmp_path, architecture):
    network = make_network(architecture, 60)
    path = write_scene(tmp_path / "scene.tif", 60, 4, 4)
    with RasterSource(path) as source:
        plan = make_plan(
            network,
            source,
            Window(0, 0, 2000, 2000),
            bands=60,
            inputs=60,
            outputs=6,
            memory_bytes=4096 * MIB,
            threads=1,
        )
    assert operations(network, 60, plan.tile, plan.tile) <= 1.01 * TILE_WORK


@pytest.mark.parametrize("size", [300, 2000, 9000])
def test_a_run_that_is_killed_loses_a_small_part(size):
    """However much memory there is: at the most two zones are under way."""

    class Source:
        dtype = np.dtype("int16")
        block_shape = 1, size
        interleave = "BAND"

    plan = make_plan(
        Layers(),
        Source(),
        Window(0, 0, size, size),
        bands=30,
        inputs=30,
        outputs=3,
        memory_bytes=64 * 1024 * MIB,
        threads=1,
    )
    zones = -(-size // plan.zone_rows) * -(-size // plan.zone_cols)
    assert zones >= min(-(-size // TILE), 30)
    assert plan.zone_cols >= size  # strips of the file are read in their order


def test_a_small_raster_keeps_all_workers_busy(tmp_path):
    network = make_network("etrainee_1d", 60)
    path = write_scene(tmp_path / "scene.tif", 60, 4, 4)
    with RasterSource(path) as source:
        plan = make_plan(
            network,
            source,
            Window(0, 0, 128, 128),
            bands=60,
            inputs=60,
            outputs=6,
            memory_bytes=1024 * MIB,
            threads=2,
        )
    assert plan.workers == 2
    assert (-(-128 // plan.tile)) ** 2 >= 8


# Depth 4 at full width looks 122 pixels around: no memory of 1 GiB holds blocks that are large
# beside that, of 218 bands. Nine times the work of a tile is that of one as wide as its halo.
CASES = [
    (name, {}, 8, views)
    for name, entry in NETWORKS.items()
    for views in (1, 8)
    if entry.kind == "tile" or (name, views) in (("hybridsn", 8), ("indian_pines_3d", 1))
]
CASES.append(("unet", {"depth": 4, "width": 1.0}, 16, 1))


@pytest.mark.parametrize(("name", "options", "most", "views"), CASES, ids=str)
def test_margins_are_not_nearly_all_of_the_work(name, options, most, views):
    """On strips, which are as wide as the raster and one row high, and on tiles of the file."""
    network = turned(seamless(build(name, 60, 7, options)).eval(), views)
    reach = Reach.of(network)

    for height, width, block in (
        (1000, 1000, (1, 1000)),
        (1000, 1000, (256, 256)),
        (200, 220, (1, 220)),
    ):

        class Source:
            dtype = np.dtype("int16")
            interleave = "PIXEL"
            block_shape = block

        plan = make_plan(
            network,
            Source(),
            Window(0, 0, height, width),
            bands=218,
            inputs=60,
            outputs=7,
            memory_bytes=1024 * MIB,
            threads=1,
            probabilities=False,
        )
        rows, cols = min(plan.rows, height), min(plan.cols, width)
        read = (rows + 2 * reach.halo) * (cols + 2 * reach.halo) / (rows * cols)
        tile = even(rows, plan.tile), even(cols, plan.tile)
        computed = reach.longest(tile[0]) * reach.longest(tile[1]) / (tile[0] * tile[1])
        assert read <= most, f"{height} x {width} in {block}: {plan}"
        assert computed <= most, f"{height} x {width} in {block}: {plan}"

"""A network that looks at every window by itself: planned by the chunk, classified within it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hsicnn.core.inference.classify import classify_raster
from hsicnn.core.inference.inputs import Normaliser
from hsicnn.core.inference.patches import classify_patches
from hsicnn.core.inference.plan import OVERHEAD, TILE_WORK, make_plan
from hsicnn.core.inference.shadow import operations, peak_bytes
from hsicnn.core.modelfile.bundle import load_bundle
from hsicnn.core.modelfile.network import network_of
from hsicnn.core.progress import SilentProgress
from hsicnn.core.raster.source import RasterSource
from hsicnn.core.raster.windows import Window
from hsicnn.core.sizes import MIB
from hsicnn.models import windowed
from hsicnn.models.build import build
from hsicnn.models.ledger import ledger

from .conftest import band_count, make_model, read_raster, write_scene

NAME = "a2s2k"
BANDS = band_count(NAME)
BUDGET = 256  # MiB
PEAK = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Said(SilentProgress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text):
        self.lines.append(text)


def test_a_tile_takes_the_memory_of_a_chunk():
    network = build(NAME, 40, 3, {}).eval()
    small, large = (peak_bytes(network, 40, side, side) for side in (32, 128))
    around = 4 * 40 * ((128 + 6) ** 2 - (32 + 6) ** 2) + 3 * 4 * 3 * (128**2 - 32**2)
    assert large - small <= around  # inputs, scores and their softmax
    assert 0.7 * windowed.CPU_BYTES < small < 1.3 * windowed.CPU_BYTES
    block = torch.randn(1, 40, 18, 18)
    with torch.inference_mode(), ledger() as book:
        network(block).softmax(1)
    assert 0.8 < (book.peak + block.nbytes) / peak_bytes(network, 40, 12, 12) < 1.2


def test_another_device_takes_larger_chunks():
    network = build(NAME, 40, 3, {}).eval()
    here, there = (
        peak_bytes(network, 40, 128, 128, accelerated=accelerated) for accelerated in (False, True)
    )
    assert there - here > 0.7 * (windowed.DEVICE_BYTES - windowed.CPU_BYTES)


def test_work_is_that_of_all_windows():
    network = build(NAME, 40, 3, {}).eval()
    each = operations(network, 40, 1, 1)
    assert operations(network, 40, 64, 48) == 64 * 48 * each


@pytest.mark.parametrize("threads", [1, 2])
def test_a_plan_keeps_budget_and_patience(tmp_path, threads):
    network = build(NAME, 200, 16, {}).eval()
    path = write_scene(tmp_path / "scene.tif", 200, 4, 4)
    with RasterSource(path) as source:
        plan = make_plan(
            network,
            source,
            Window(0, 0, 900, 900),
            bands=200,
            inputs=200,
            outputs=16,
            memory_bytes=512 * MIB,
            threads=threads,
        )
    assert plan.memory <= 512 * MIB
    assert plan.workers == threads
    assert operations(network, 200, plan.tile, plan.tile) <= TILE_WORK
    computing = plan.workers * peak_bytes(network, 200, plan.tile, plan.tile) * OVERHEAD
    assert computing < threads * 40 * MIB


def test_a_raster_is_classified_within_its_budget_as_patch_by_patch(tmp_path):
    image = write_scene(tmp_path / "image.tif", BANDS, 37, 43)
    model = tmp_path / "model.safetensors"
    make_model(model, NAME)
    said = Said()
    before = resident("VmRSS", reset=True)
    classify_raster(
        image=str(image),
        model=str(model),
        output=str(tmp_path / "map.tif"),
        probabilities=str(tmp_path / "shares.tif"),
        memory_mb=BUDGET,
        device="cpu",
        progress=said,
    )
    taken = resident("VmHWM") - before
    told = next(line for line in said.lines if line.startswith("Memory: about"))
    number, unit = re.match(r"Memory: about ([\d.]+) (\w+)", told).groups()
    assert unit == "MiB"
    assert taken <= float(number) * MIB <= BUDGET * MIB
    bundle = load_bundle(str(model))
    with RasterSource(image) as source:
        expected = classify_patches(
            network_of(bundle),
            source,
            range(BANDS),
            Normaliser(bundle.normalisation),
            area=Window(0, 0, 37, 43),
        )
    found = read_raster(tmp_path / "shares.tif")
    np.testing.assert_allclose(found, expected, atol=1e-5, equal_nan=True)
    codes = np.array([0, *(item.code for item in bundle.classes)])
    labels = np.where(np.isnan(expected[0]), 0, np.nan_to_num(expected).argmax(0) + 1)
    assert (read_raster(tmp_path / "map.tif")[0] == codes[labels]).all()


def resident(what: str, *, reset: bool = False) -> int:
    """Bytes of memory that this process holds, or has held at the most since the last reset."""
    status, clear = PEAK
    if not clear.exists():
        pytest.skip("this system does not say what a process has held at the most")
    if reset:
        clear.write_text("5")
    line = next(line for line in status.read_text().splitlines() if line.startswith(what))
    return int(line.split()[1]) * 1024

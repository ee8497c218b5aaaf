"""The engine against patch by patch: any network, block, tile, edge and hole."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import torch
from hsicnn.core.errors import Cancelled, RasterError
from hsicnn.core.inference.engine import Engine
from hsicnn.core.inference.inputs import Normaliser
from hsicnn.core.inference.patches import classify_patches
from hsicnn.core.inference.plan import Plan
from hsicnn.core.inference.tiles import Block, TileComputer
from hsicnn.core.inference.zones import Zone
from hsicnn.core.progress import SilentProgress
from hsicnn.core.raster.source import RasterSource
from hsicnn.core.raster.windows import Window
from hsicnn.models.catalog import NETWORKS

from .conftest import CLASSES, band_count, make_network, make_normalisation, write_scene

PIXEL = [name for name, entry in NETWORKS.items() if entry.kind == "pixel"]
PLANS = [
    Plan(1000, 1000, 1000, 1, 1, 1024, 1024),
    Plan(7, 1000, 5, 2, 1, 256, 256),
    Plan(8, 11, 3, 3, 1, 10, 13),
    Plan(1, 5, 64, 2, 1, 2, 7),
]


class Gather:
    """Keeps what the engine writes."""

    wants_probabilities = True

    def __init__(self, height: int, width: int) -> None:
        self.finished: list[int] = []
        self.labels = np.full((height, width), 99, np.uint16)
        self.confidence = np.full((height, width), 99, np.float32)
        self.probabilities = np.full((len(CLASSES), height, width), 99, np.float32)

    def write(self, block) -> None:
        rows, cols = block.window.rows, block.window.cols
        self.labels[rows, cols] = block.labels
        self.confidence[rows, cols] = block.confidence
        self.probabilities[:, rows, cols] = block.probabilities

    def finish(self, number, zone) -> None:
        self.finished.append(number)


class Broken(Gather):
    """A disk that is full."""

    def write(self, block) -> None:
        raise RasterError("disk full")


def make_engine(network, source, normalisation, plan) -> Engine:
    positions = list(range(normalisation.bands))
    return Engine(
        network,
        source,
        positions,
        Normaliser(normalisation),
        classes=len(CLASSES),
        plan=plan,
        device=torch.device("cpu"),
    )


def run(path, network, normalisation, plan, area=None) -> Gather:
    with RasterSource(path) as source:
        area = area or Window(0, 0, source.grid.height, source.grid.width)
        sink = Gather(area.height, area.width)
        make_engine(network, source, normalisation, plan).run(area, sink, SilentProgress())
    return sink


def patch_by_patch(path, network, normalisation, area=None) -> np.ndarray:
    with RasterSource(path) as source:
        area = area or Window(0, 0, source.grid.height, source.grid.width)
        positions = list(range(normalisation.bands))
        return classify_patches(
            network, source, positions, Normaliser(normalisation), area=area, batch=50
        )


def balance(network, found: np.ndarray) -> None:
    """Make all classes of an untrained network about as likely in a scene."""
    more = torch.from_numpy(np.nanmean(np.log(found), axis=(1, 2)))
    with torch.no_grad():
        for title, weight in network.named_parameters():
            if title.endswith("bias") and weight.shape == more.shape:
                weight.sub_(more)


def assert_same(sink: Gather, expected: np.ndarray) -> None:
    valid = np.isfinite(expected[0])
    np.testing.assert_array_equal(np.isfinite(sink.probabilities[0]), valid)
    assert np.abs(sink.probabilities - expected)[:, valid].max() < 1e-5
    best = np.where(valid, np.nan_to_num(expected).argmax(0) + 1, 0)
    np.testing.assert_array_equal(sink.labels, best)
    largest = np.nan_to_num(expected).max(0)[valid]
    np.testing.assert_allclose(sink.confidence[valid], largest, atol=1e-5)


@pytest.mark.parametrize("kind", ["band", "pca"])
@pytest.mark.parametrize("architecture", PIXEL)
def test_every_network_and_block_size_equals_patch_by_patch(tmp_path, architecture, kind):
    bands = band_count(architecture)
    path = write_scene(tmp_path / "scene.tif", bands, 19, 16)
    normalisation = make_normalisation(bands, kind)
    network = make_network(architecture, normalisation.outputs)
    balance(network, patch_by_patch(path, network, normalisation))
    expected = patch_by_patch(path, network, normalisation)
    assert not np.isfinite(expected).all()  # there is nodata
    assert len(np.unique(np.nan_to_num(expected).argmax(0))) > 1
    for plan in PLANS:
        assert_same(run(path, network, normalisation, plan), expected)


@pytest.mark.parametrize("architecture", PIXEL)
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (3, 2), (5, 40)])
def test_rasters_smaller_than_a_patch(tmp_path, architecture, shape):
    bands = band_count(architecture)
    path = write_scene(tmp_path / "scene.tif", bands, *shape)
    normalisation = make_normalisation(bands)
    network = make_network(architecture, normalisation.outputs)
    expected = patch_by_patch(path, network, normalisation)
    assert expected.shape == (len(CLASSES), *shape)
    assert_same(run(path, network, normalisation, PLANS[0]), expected)
    assert_same(run(path, network, normalisation, PLANS[2]), expected)


def test_a_part_of_the_raster_sees_its_surroundings(scene):
    normalisation = make_normalisation(band_count("indian_pines_3d"))
    network = make_network("indian_pines_3d", normalisation.outputs)
    whole = patch_by_patch(scene, network, normalisation)
    area = Window(6, 5, 11, 10)
    assert_same(run(scene, network, normalisation, PLANS[2], area), whole[:, 6:17, 5:15])


def test_reference_patches_are_what_training_gathers(scene):
    """An invalid neighbour is 0, the training's mean; beyond the edge the raster is mirrored."""
    bands = band_count("indian_pines_3d")
    normalisation = make_normalisation(bands)
    seen = []

    class Spy(torch.nn.Module):
        radius = 2

        def forward(self, inputs):
            seen.append(inputs.clone())
            return torch.zeros(len(inputs), 2, 1, 1)

    with RasterSource(scene) as source:
        classify_patches(
            Spy(), source, range(bands), Normaliser(normalisation), area=Window(6, 0, 1, 1)
        )
        values, valid = source.read(Window(4, 0, 5, 3), range(bands))
    flat = np.moveaxis(values, 0, -1).reshape(-1, bands)
    expected = normalisation.apply(flat).reshape(5, 3, bands)
    expected[~valid] = 0.0
    assert not valid.all()
    columns = [2, 1, 0, 1, 2]
    np.testing.assert_allclose(seen[0][0].permute(1, 2, 0), expected[:, columns], atol=1e-6)


class OutOfMemory(torch.nn.Module):
    """Cannot do more than a few pixels at once."""

    radius = 0

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        self.sizes: list[int] = []

    def forward(self, inputs):
        pixels = inputs.shape[2] * inputs.shape[3]
        self.sizes.append(pixels)
        if pixels > self.most:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried ...")
        return inputs[:, : len(CLASSES)] * 3


def test_out_of_memory_halves_and_goes_on(tmp_path):
    path = write_scene(tmp_path / "scene.tif", 4, 30, 30)
    normalisation = make_normalisation(4)
    network = OutOfMemory(40)
    sink = run(path, network, normalisation, Plan(30, 30, 16, 1, 1, 256, 256))
    expected = patch_by_patch(path, OutOfMemory(10**9), normalisation)
    assert_same(sink, expected)
    failures = [size for size in network.sizes if size > 40]
    assert 0 < len(failures) <= 4  # tried once at each size, not for every tile


def test_out_of_memory_on_a_single_pixel_is_an_error(tmp_path):
    path = write_scene(tmp_path / "scene.tif", 4, 8, 8)
    with pytest.raises(RuntimeError, match="allocate"):
        run(path, OutOfMemory(0), make_normalisation(4), PLANS[0])


class Slow(torch.nn.Module):
    """Takes its time, a piece at a time."""

    radius = 0

    def forward(self, inputs):
        time.sleep(0.05)
        return inputs[:, : len(CLASSES)]


class Unsteady(torch.nn.Module):
    """Takes its time with some pieces, as on a busy machine; keeps their shapes."""

    radius = 0

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        self.shapes: list[tuple[int, ...]] = []

    def forward(self, inputs):
        if len(self.shapes) == 1:
            time.sleep(self.seconds)
        self.shapes.append(tuple(inputs.shape))
        return inputs[:, : len(CLASSES)]


def test_how_work_is_divided_does_not_depend_on_the_machines_speed(tmp_path):
    """Kernels may round otherwise in pieces of another size: a run would not be repeatable."""
    path = write_scene(tmp_path / "scene.tif", 4, 70, 70)
    steady, unsteady = Unsteady(0.0), Unsteady(1.5)
    for network in (steady, unsteady):
        run(path, network, make_normalisation(4), Plan(70, 70, 35, 1, 1, 256, 256))
    assert unsteady.shapes == steady.shapes
    assert steady.shapes == [(1, 4, 35, 35)] * 4


class CancelAfter(SilentProgress):
    """A user who loses patience."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    def check_cancel(self) -> None:
        self.looks -= 1
        if self.looks < 0:
            raise Cancelled


def test_cancel_works_inside_a_block(tmp_path):
    path = write_scene(tmp_path / "scene.tif", 4, 400, 400)  # one block, 625 slow pieces
    normalisation = make_normalisation(4)
    before = threading.active_count()
    with RasterSource(path) as source, pytest.raises(Cancelled):
        make_engine(Slow(), source, normalisation, Plan(400, 400, 16, 2, 1, 512, 512)).run(
            Window(0, 0, 400, 400), Gather(400, 400), CancelAfter(3)
        )
    assert threading.active_count() == before  # nothing runs on


class Failing(torch.nn.Module):
    """Breaks in a way that is no lack of memory."""

    radius = 0

    def forward(self, inputs):
        raise RuntimeError("illegal instruction")


class TornFile(RasterSource):
    """Cannot be read beyond its first rows."""

    def read_array(self, window, positions):
        if window.row > 10:
            raise RasterError("torn")
        return super().read_array(window, positions)


def test_an_error_in_any_thread_surfaces(tmp_path, scene):
    threads = torch.get_num_threads()
    bands = band_count("indian_pines_3d")
    normalisation = make_normalisation(bands)
    with pytest.raises(RuntimeError, match="illegal instruction"):
        run(scene, Failing(), normalisation, PLANS[1])
    with RasterSource(scene) as source, pytest.raises(RasterError, match="disk full"):
        make_engine(Slow(), source, normalisation, PLANS[1]).run(
            Window(0, 0, 24, 19), Broken(24, 19), SilentProgress()
        )
    with TornFile(scene) as source, pytest.raises(RasterError, match="torn"):
        make_engine(Slow(), source, normalisation, PLANS[1]).run(
            Window(0, 0, 24, 19), Gather(24, 19), SilentProgress()
        )
    assert torch.get_num_threads() == threads


def test_blocks_without_a_valid_pixel_are_not_computed(tmp_path):
    path = write_scene(tmp_path / "scene.tif", 4, 40, 40)
    network = OutOfMemory(10**9)
    run(path, network, make_normalisation(4), Plan(10, 8, 8, 1, 1, 256, 256))
    assert sum(network.sizes) == 40 * 40 - 80  # the corner of 10 x 8 is nodata


def test_progress_reaches_the_end(scene):
    said = []

    class Listener(SilentProgress):
        def report(self, fraction, text=""):
            said.append(fraction)

    normalisation = make_normalisation(band_count("indian_pines_3d"))
    network = make_network("indian_pines_3d", normalisation.outputs)
    with RasterSource(scene) as source:
        area = Window(0, 0, 24, 19)
        make_engine(network, source, normalisation, PLANS[1]).run(area, Gather(24, 19), Listener())
    assert said == sorted(said)
    assert said[-1] == pytest.approx(1.0)
    assert len(said) == 4


def test_a_network_stops_between_its_layers():
    """A tile of a network that looks far around takes seconds."""
    stop, computed = threading.Event(), []

    class Layer(torch.nn.Module):
        def forward(self, inputs):
            computed.append(1)
            stop.set()
            return inputs

    network = torch.nn.Sequential(Layer(), Layer(), Layer())
    network.radius = 0
    computer = TileComputer(network, torch.device("cpu"), 8, stop)
    window = Window(0, 0, 4, 4)
    zone = Zone.begin(window, 3)
    block = Block(torch.zeros(3, 4, 4), np.ones((4, 4), bool), zone.maps, zone)
    with computer.watching():
        computer.compute(block, window)
    assert len(computed) == 1
    stop.clear()
    network(torch.zeros(1, 3, 4, 4))  # as it was before
    assert len(computed) == 4

"""Networks on tiles learn from chips and from tiles, and map what they learnt."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from hsicnn.core.accuracy.assess import assess_accuracy  # noqa: E402
from hsicnn.core.data.chips import read_chip_set  # noqa: E402
from hsicnn.core.data.export import export_training_chips  # noqa: E402
from hsicnn.core.data.pixel_loading import load_pixels  # noqa: E402
from hsicnn.core.data.separation import TEST, TRAIN, VALIDATION  # noqa: E402
from hsicnn.core.errors import Cancelled, ChipSetError, InputError  # noqa: E402
from hsicnn.core.inference.classify import classify_raster  # noqa: E402
from hsicnn.core.modelfile.bundle import load_bundle  # noqa: E402
from hsicnn.core.progress import SilentProgress  # noqa: E402
from hsicnn.core.raster.source import RasterSource  # noqa: E402
from hsicnn.core.raster.windows import Window  # noqa: E402
from hsicnn.core.runtime.devices import Device  # noqa: E402
from hsicnn.core.simulation.scene import create_example_scene  # noqa: E402
from hsicnn.core.training import loop  # noqa: E402
from hsicnn.core.training.loop import steps_an_epoch  # noqa: E402
from hsicnn.core.training.map_windows import largest_side, map_windows  # noqa: E402
from hsicnn.core.training.objectives import UNKNOWN  # noqa: E402
from hsicnn.core.training.optimisers import make_optimiser  # noqa: E402
from hsicnn.core.training.patches import samples_of  # noqa: E402
from hsicnn.core.training.preparation import (  # noqa: E402
    fit_inputs,
    looks_of,
    make_lesson,
    make_network,
)
from hsicnn.core.training.resolving import resolve_settings  # noqa: E402
from hsicnn.core.training.state import TrainingState  # noqa: E402
from hsicnn.core.training.tile_size import fit_tile  # noqa: E402
from hsicnn.core.training.train import train_classifier  # noqa: E402
from hsicnn.core.training.validation import predict  # noqa: E402
from hsicnn.core.training.windows import most_windows  # noqa: E402

BANDS, HALO = 12, 12
TILE = ("etrainee_2d", "etrainee_3d", "unet")
QUICK = {
    "epochs": 3, "shortest_epoch": 3, "longest_epoch": 3, "batch_size": 4,
    "options": {"width": 0.25, "depth": 2},
}  # fmt: skip
EXPORTS = {
    "chips": {"halo": HALO},
    "tiles": {"kind": "tiles", "tile_size": 32, "stride": 16, "rotation": 90, "block_size": 32},
    "points": {"halo": HALO, "max_per_class": 12},
}


class Told(SilentProgress):
    def __init__(self, epochs: int = 10**9) -> None:
        self.lines: list[str] = []
        self.left = epochs

    def log(self, text):
        self.lines.append(text)

    def warn(self, text):
        self.lines.append(text)

    def metric(self, name, values):
        self.left -= 1

    def check_cancel(self):
        if not self.left:
            raise Cancelled


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """An image, and chip sets of it by the names of ``EXPORTS``."""
    folder = tmp_path_factory.mktemp("scene")
    made = create_example_scene(
        output=str(folder / "image.tif"),
        reference=str(folder / "reference.tif"),
        samples=str(folder / "points.gpkg"),
        size=96, bands=BANDS, classes=3,
    )  # fmt: skip
    for name, given in EXPORTS.items():
        export_training_chips(
            image=made.output, reference=made.reference, output=str(folder / name), **given
        )
    return folder


def train(folder, output, progress=None, chips="chips", **given):
    return train_classifier(
        chips=str(folder / chips), output=str(output),
        settings={"architecture": "etrainee_2d", **QUICK, **given},
        device="cpu", progress=progress,
    )  # fmt: skip


def lesson_of(folder, chips, **given):
    """The lesson of a training, with the pixels and the network it is of."""
    info = read_chip_set(folder / chips)
    given = {"architecture": "etrainee_2d", "normalisation": "band", **QUICK, **given}
    settings = fit_tile(info, resolve_settings(given), SilentProgress())
    store = load_pixels(info, memory_bytes=1 << 30, progress=SilentProgress())
    normalisation = fit_inputs(store, settings, SilentProgress())
    torch.manual_seed(1)
    network = make_network(settings, normalisation.outputs, len(info.classes))
    lesson = make_lesson(
        info, store, normalisation, network, settings,
        place=Device("cpu", "CPU"), memory_bytes=1 << 30, progress=SilentProgress(),
    )  # fmt: skip
    return info, store, normalisation, network, lesson


@pytest.mark.parametrize("architecture", TILE)
@pytest.mark.parametrize("chips", EXPORTS)
def test_training_maps_and_assesses(scene, tmp_path, architecture, chips):
    model, told = tmp_path / "model.safetensors", Told()
    report = tmp_path / "report.html"
    result = train_classifier(
        chips=str(scene / chips), output=str(model), report=str(report), device="cpu",
        settings={"architecture": architecture, **QUICK}, progress=told,
    )  # fmt: skip
    info = read_chip_set(scene / chips)
    side = {"tiles": 32, "points": 24, "chips": 44}[chips]
    bundle = load_bundle(str(model))
    assert (bundle.patch_size, bundle.radius, bundle.multiple) == (side, 23, 4)
    assert bundle.settings["patch_size"] == side
    said = "\n".join(told.lines)
    assert f"Tiles of {side} x {side} pixels" in said
    assert f"tiles of {side}x{side} pixels" in said
    for split in ("validation", "test"):
        assert result.metrics[split]["pixels"] == sum(info.counts[split])
    assert f"tiles of {side} x {side} pixels" in report.read_text()

    mapped = tmp_path / "map.tif"
    classify_raster(
        image=str(scene / "image.tif"), model=str(model), output=str(mapped), device="cpu"
    )
    found = assess_accuracy(class_map=str(mapped), samples=str(scene / chips)).findings
    assert found.pixels == sum(info.counts["test"])


def test_only_training_pixels_have_a_class(scene):
    for chips in EXPORTS:
        info, store, normalisation, _, lesson = lesson_of(scene, chips)
        source, side = lesson.source, lesson.settings.patch_size
        which = torch.arange(len(lesson.training))
        patches, targets = source.draw(lesson.training, which, torch.zeros_like(which))
        bands = normalisation.outputs
        assert patches.shape == (len(which), bands, side, side)
        assert targets.shape == (len(which), side, side)
        assert (targets != UNKNOWN).flatten(1).any(1).all()  # a step always has something to learn
        assert len(which) <= most_windows(info, side)
        # Where each pixel of each tile lies in the store, and what that is.
        steps = torch.arange(side)
        rows = (
            lesson.training.index[:, None, None]
            + steps[:, None] * lesson.training.stride[:, None, None]
            + steps
        )
        known = np.full(len(store.values), UNKNOWN)
        for split, told in ((TRAIN, True), (VALIDATION, False), (TEST, False)):
            own = store.split == split
            known[store.index[own]] = store.label[own].astype(int) - 1 if told else UNKNOWN
            seen = np.isin(store.index[own], rows.numpy())
            assert not told or seen.all()  # every training pixel is in a tile
            found = targets[torch.from_numpy(np.isin(rows.numpy(), store.index[own]))]
            assert ((found != UNKNOWN) == told).all()
        if chips != "tiles":  # there the same pixel is labelled in several tiles
            assert (targets.numpy() == known[rows.numpy()]).all()
        values = store.physical(rows.numpy().ravel())
        expected = normalisation.apply(values)
        expected[~store.valid[rows.numpy().ravel()]] = 0
        flat = patches.permute(0, 2, 3, 1).reshape(-1, bands).numpy()
        np.testing.assert_allclose(flat, expected, atol=1e-4)


def test_turned_tiles_keep_their_classes(scene):
    _, _, _, _, lesson = lesson_of(scene, "chips")
    which = torch.zeros(8, dtype=torch.int64)
    patches, targets = lesson.source.draw(lesson.training, which, torch.arange(8))
    together = torch.cat([patches, targets[:, None].float()], dim=1)
    views = [torch.rot90(together[0], turn, (1, 2)) for turn in range(4)]
    views += [torch.rot90(together[0].flip(2), turn, (1, 2)) for turn in range(4)]
    assert all(torch.equal(one, view) for one, view in zip(together, views))
    assert len({one.numpy().tobytes() for one in together}) == 8


def test_tiles_that_overlap_and_turned_ones_are_learnt_whole(scene):
    info, store, _, _, lesson = lesson_of(scene, "tiles")
    which = torch.arange(len(lesson.training))
    _, targets = lesson.source.draw(lesson.training, which, torch.zeros_like(which))
    told = [sum(tile.counts) for tile in info.tiles.tiles if tile.split == "train"]
    assert int((targets != UNKNOWN).sum()) == sum(told) > int((store.split == TRAIN).sum())


def test_a_pixel_is_predicted_as_in_its_own_window(scene):
    for chips in EXPORTS:
        _, store, _, network, lesson = lesson_of(scene, chips)
        with torch.no_grad():
            network.train()(
                lesson.source.draw(lesson.training, torch.arange(4), torch.arange(4))[0]
            )
        samples = samples_of(store, VALIDATION)
        found = predict(network, lesson.source, samples, SilentProgress())
        assert found.shape == (len(samples), 3)
        parts = lesson.source.cells(samples)
        asked = torch.cat([cells.which for cells in parts])
        assert torch.equal(asked.sort().values, torch.arange(len(samples)))
        assert sum(len(cells.index) for cells in parts) < len(samples) or chips == "points"
        for cells in parts:
            for one in range(0, len(cells.which), 37):
                cell = cells.cell[one]
                first, stride = cells.index[cell][None], cells.stride[cell][None]
                tile = lesson.source.gather(first, stride, cells.side)
                with torch.inference_mode():
                    alone = network(tile)[0, :, cells.down[one], cells.right[one]]
                torch.testing.assert_close(found[cells.which[one]], alone, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("architecture", TILE)
@pytest.mark.parametrize("chips", ["deep", "deep points"])
def test_figures_are_those_of_the_map_where_the_halo_holds_it(scene, tmp_path, architecture, chips):
    """A halo of margin and multiple less one holds what the map sees of every pixel."""
    given = {"max_per_class": 12} if chips == "deep points" else {"chip_size": 40}
    export_training_chips(
        image=str(scene / "image.tif"), reference=str(scene / "reference.tif"),
        output=str(tmp_path / chips), halo=26, **given,
    )  # fmt: skip
    model, told, report = tmp_path / "model.safetensors", Told(), tmp_path / "report.html"
    result = train_classifier(
        chips=str(tmp_path / chips), output=str(model), report=str(report), device="cpu",
        settings={"architecture": architecture, **QUICK}, progress=told,
    )  # fmt: skip
    assert result.metrics["test"]["as_mapped"] == result.metrics["validation"]["as_mapped"] == 1
    assert not any("the map sees" in line for line in told.lines)
    assert "the map sees" not in report.read_text()
    mapped = map_of(scene, model, tmp_path)
    info = read_chip_set(tmp_path / chips)
    store = load_pixels(info, memory_bytes=1 << 30, progress=SilentProgress())
    codes = np.array([item.code for item in info.classes])
    for split, code in (("validation", VALIDATION), ("test", TEST)):
        own = store.split == code
        right = mapped[store.row[own], store.col[own]] == codes[store.label[own] - 1]
        assert result.metrics[split]["overall_accuracy"] == right.mean()
    assert 0 < right.mean() < 1  # pixels that differ would show


def test_pixels_deep_in_a_chip_are_those_of_the_map_and_the_others_are_told(scene, tmp_path):
    model, told, report = tmp_path / "model.safetensors", Told(), tmp_path / "report.html"
    result = train_classifier(
        chips=str(scene / "chips"), output=str(model), report=str(report), device="cpu",
        settings={"architecture": "etrainee_2d", **QUICK}, progress=told,
    )  # fmt: skip
    share = result.metrics["test"]["as_mapped"]
    assert 0 < share < 1
    assert any("HALO of 26" in line and "the map sees" in line for line in told.lines)
    assert f"{int(100 * share)} % of the test pixels are judged" in report.read_text()
    info, store, _, network, lesson = lesson_of(scene, "chips")
    bundle = load_bundle(str(model))
    network.load_state_dict({name: torch.from_numpy(a) for name, a in bundle.weights.items()})
    mapped = map_of(scene, model, tmp_path)
    samples = samples_of(store, TEST)
    looks = looks_of(network)
    places = map_windows(info, looks).places(
        samples.index.numpy(), samples.row.numpy(), samples.col.numpy()
    )
    whole = places.whole
    assert whole.mean() == share
    scores = predict(network, lesson.source, samples, SilentProgress())
    codes = np.array([item.code for item in info.classes])[scores.argmax(1).numpy()]
    there = mapped[samples.row.numpy(), samples.col.numpy()]
    np.testing.assert_array_equal(codes[whole], there[whole])


def test_of_tiles_the_share_is_none(scene, tmp_path):
    told = Told()
    model = tmp_path / "model.safetensors"
    result = train(scene, model, told, chips="tiles")
    assert result.metrics["test"]["as_mapped"] == 0
    assert any(line.startswith("0 % of the validation and test pixels") for line in told.lines)


def test_what_validation_takes_is_counted_with_its_windows(scene):
    """They are larger than the tiles that are learnt."""
    for chips in EXPORTS:
        info, store, _, network, lesson = lesson_of(scene, chips)
        looks, samples = looks_of(network), samples_of(store, TEST)
        sides = [cells.side for cells in lesson.source.cells(samples)]
        assert max(sides) <= largest_side(info, looks)
        assert (max(sides) > looks.tile) == (chips != "tiles")


def map_of(scene, model, folder):
    """The class codes that a model gives the scene."""
    path = folder / "map.tif"
    classify_raster(
        image=str(scene / "image.tif"), model=str(model), output=str(path), device="cpu"
    )
    with RasterSource(path) as raster:
        return raster.read_raw(Window(0, 0, 96, 96), [0])[0][0]


def test_validation_goes_on_with_fewer_tiles_at_once(scene):
    _, store, _, network, lesson = lesson_of(scene, "chips")
    samples = samples_of(store, TEST)
    whole = predict(network, lesson.source, samples, SilentProgress())
    forward, sizes = network.forward, []

    def greedy(tiles):
        sizes.append(len(tiles))
        if len(tiles) > 3:
            raise MemoryError
        return forward(tiles)

    network.forward = greedy
    found = predict(network, lesson.source, samples, SilentProgress())
    torch.testing.assert_close(found, whole, atol=1e-5, rtol=1e-5)
    assert max(sizes) > 3 >= sizes[-1]


def test_batches_of_tiles_halve_when_memory_runs_out(scene):
    _, _, _, network, lesson = lesson_of(scene, "chips", batch_size=8)
    state = TrainingState(network, make_optimiser(network, lesson.settings))
    forward, sizes = network.forward, []

    def greedy(tiles):
        if network.training:
            sizes.append(len(tiles))
        if len(tiles) > 5 and network.training:
            raise RuntimeError("CUDA out of memory. Tried to allocate 3 GiB")
        return forward(tiles)

    network.forward = greedy
    few = dataclasses.replace(lesson.settings, epochs=1)
    loop.train(state, dataclasses.replace(lesson, settings=few), SilentProgress(), lambda _: None)
    assert sizes[:2] == [8, 4]
    assert (state.micro_batch, state.epoch) == (4, 1)
    assert state.history[0]["validation_loss"] > 0


@pytest.mark.parametrize("architecture", TILE)
def test_an_interrupted_training_ends_as_the_other_does(scene, tmp_path, architecture):
    whole, output = tmp_path / "whole.safetensors", tmp_path / "model.safetensors"
    train(scene, whole, architecture=architecture)
    with pytest.raises(Cancelled):
        # The untrained network is told of first.
        train(scene, output, Told(epochs=3), architecture=architecture)
    told = Told()
    train(scene, output, told, architecture=architecture)
    assert any("Going on after epoch 2" in line for line in told.lines)
    first, second = load_bundle(str(whole)), load_bundle(str(output))
    for name, array in first.weights.items():
        assert (array == second.weights[name]).all(), name
    assert first.metrics == second.metrics


def test_training_lowers_the_loss(scene, tmp_path):
    train(scene, tmp_path / "model.safetensors", epochs=8, shortest_epoch=10, longest_epoch=10,
          learning_rate=2e-3)  # fmt: skip
    history = load_bundle(str(tmp_path / "model.safetensors")).history
    assert history[-1]["loss"] < 0.8 * history[1]["loss"]  # the first row is untrained


def test_the_tile_size_is_what_the_chips_hold(scene):
    info = read_chip_set(scene / "chips")
    held = min(min(chip.box.height, chip.box.width) for chip in info.chips) + 2 * HALO

    def fitted(**given):
        told = Told()
        chosen = resolve_settings({"architecture": "unet", **given})
        return fit_tile(info, chosen, told), "\n".join(told.lines)

    chosen, said = fitted(options={"depth": 2})
    assert chosen.patch_size == held // 4 * 4
    assert f"holds {held} x {held}" in said
    assert "TILE_SIZE of 64" in said
    assert "HALO of 32" in said
    assert fitted(options={"depth": 3})[0].patch_size == held // 8 * 8
    chosen, said = fitted(patch_size=16)
    assert (chosen.patch_size, said) == (16, "")
    named, said = fitted(architecture="etrainee_2d", recipe="published")
    assert named.patch_size == held // 4 * 4  # the recipe's 128 is no wish of the user
    assert "TILE_SIZE of 128" in said
    other = resolve_settings({"architecture": "multiscale"})
    assert fit_tile(info, other, SilentProgress()) is other


def test_tiles_that_do_not_fit_are_refused_with_what_to_export(scene, tmp_path):
    model = tmp_path / "model.safetensors"
    with pytest.raises(InputError, match=r"PATCH_SIZE is 64.*smallest chip holds.*HALO of 32"):
        train(scene, model, patch_size=64)
    with pytest.raises(InputError, match=r"multiples of 4; PATCH_SIZE is 18"):
        train(scene, model, patch_size=18)
    with pytest.raises(InputError, match=r"multiple of 8, at least 16 pixels; PATCH_SIZE is 20"):
        train(scene, model, patch_size=20, options={"depth": 3})
    with pytest.raises(ChipSetError, match=r"32 x 32 pixels or more; the smallest chip holds 25 x"):
        train(scene, model, chips="points", options={"depth": 4})
    small = str(tmp_path / "small")
    export_training_chips(
        image=str(scene / "image.tif"), reference=str(scene / "reference.tif"), output=small,
        halo=2, max_per_class=12,
    )  # fmt: skip
    with pytest.raises(
        ChipSetError, match=r"16 x 16 pixels or more.*holds 5 x 5.*TILE_SIZE of 128"
    ):
        train(tmp_path, model, chips="small")
    assert not model.exists()


def test_what_is_said_of_steps_is_no_less_than_what_is_made(scene):
    for chips in EXPORTS:
        info, _, _, _, lesson = lesson_of(scene, chips, longest_epoch=10**6)
        side, settings = lesson.settings.patch_size, lesson.settings
        made = steps_an_epoch(len(lesson.training), settings)
        assert made <= steps_an_epoch(most_windows(info, side), settings) <= 3 * made + 3

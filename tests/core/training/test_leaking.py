"""Test pixels in training patches are told of: in the log, in the model and in the report."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from chip_sets import Said
from hsicnn.core.crossvalidation.crossvalidate import crossvalidate
from hsicnn.core.data.chips import read_chip_set
from hsicnn.core.data.export import export_training_chips
from hsicnn.core.data.pixel_loading import load_pixels
from hsicnn.core.data.separation import TEST, TRAIN
from hsicnn.core.modelfile.bundle import load_bundle
from hsicnn.core.simulation.scene import create_example_scene
from hsicnn.core.training.leaking import leak_of_test
from hsicnn.core.training.train import train_classifier
from hsicnn.models.build import build

QUICK = {"epochs": 1, "shortest_epoch": 2, "longest_epoch": 2, "batch_size": 4}
WIDE = {"architecture": "unet", "options": {"width": 0.125}}
EXPORTS = {
    "chips": {"halo": 12},
    "random": {"halo": 6, "split": "random", "buffer": 0},
    "apart": {"kind": "tiles", "tile_size": 16, "stride": 16, "block_size": 32, "buffer": 0},
    "over": {"kind": "tiles", "tile_size": 16, "stride": 8, "split": "random", "buffer": 0},
}


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scene")
    made = create_example_scene(
        output=str(folder / "image.tif"), reference=str(folder / "reference.tif"),
        size=96, bands=12, classes=3,
    )  # fmt: skip
    for name, given in EXPORTS.items():
        export_training_chips(
            image=made.output, reference=made.reference, output=str(folder / name), **given
        )
    return folder


def train(scene, tmp_path, chips, **given):
    said, report = Said(), tmp_path / "report.html"
    result = train_classifier(
        chips=str(scene / chips), output=str(tmp_path / "m.safetensors"), report=str(report),
        settings={**QUICK, **given}, device="cpu", progress=said,
    )  # fmt: skip
    told = [line for line in said.warnings if "of the test pixels lie" in line]
    return load_bundle(result.model), told, report.read_text(encoding="utf-8")


def shares(scene, chips, radius):
    """Both shares by hand: every test pixel against every training pixel."""
    info = read_chip_set(scene / chips)
    store = load_pixels(info, memory_bytes=1 << 30, progress=Said(), radius=min(radius, info.halo))
    place = np.column_stack([store.row, store.col]).astype(int)
    test, taught = place[store.split == TEST], place[store.split == TRAIN]
    near = np.array([np.abs(taught - one).max(axis=1).min() for one in test])
    return np.mean(near <= radius), np.mean(near <= 2 * radius)


@pytest.mark.parametrize(
    ("chips", "given", "radius", "where"),
    [
        ("chips", {"patch_size": 13}, 6, "in a training patch of 13 x 13 pixels"),
        ("random", {"patch_size": 3}, 1, "in a training patch of 3 x 3 pixels"),
        ("chips", WIDE, 23, "within 23 pixels of a training pixel, as far as the network looks"),
    ],
)
def test_test_pixels_in_training_patches_are_told_of(scene, tmp_path, chips, given, radius, where):
    bundle, [told], page = train(scene, tmp_path, chips, **given)
    inside, touching = shares(scene, chips, radius)
    assert bundle.metrics["test"]["leak"] == {
        "radius": radius,
        "test_centres_inside": pytest.approx(inside),
        "test_patches_touching": pytest.approx(touching),
    }
    assert told.startswith(f"{inside:.1%} of the test pixels lie {where}")
    assert f"a BUFFER of {radius} or more" in told
    assert f"{100 * inside:.1f} % of the test pixels lie" in page
    assert f"and {100 * touching:.1f} % " in page
    assert "the accuracy flatters; a BUFFER" in page


def test_patches_within_the_buffer_are_not_warned_of_and_both_shares_stand_in_the_report(
    scene, tmp_path
):
    bundle, told, page = train(scene, tmp_path, "chips", patch_size=9)
    _, touching = shares(scene, "chips", 4)
    assert told == []
    assert bundle.metrics["test"]["leak"]["test_centres_inside"] == 0 < touching
    assert "0.0 % of the test pixels lie in a training patch of 9 x 9 pixels" in page
    assert f"{100 * touching:.1f} % of their own patches share a pixel" in page
    assert "flatters" not in page


def test_single_pixels_show_nothing_of_others(scene, tmp_path):
    _, told, page = train(scene, tmp_path, "chips", patch_size=1)
    assert told == []
    assert "training patch" not in page


def test_networks_on_tiles_see_nothing_beyond_a_tile(scene):
    def leak(chips, **changed):
        info = dataclasses.replace(read_chip_set(scene / chips), **changed)
        store = load_pixels(info, memory_bytes=1 << 30, progress=Said())
        return leak_of_test(info, store, build("unet", 12, 3, {"depth": 2, "patch_size": 16}))

    apart = leak("apart")
    assert (apart.radius, apart.test_centres_inside, apart.test_patches_touching) == (15, 0, 0)
    assert leak("apart", leak=()) is None  # of a fold
    assert leak("over").test_centres_inside > 0.5


def test_a_cross_validation_tells_of_all_folds_together(scene, tmp_path):
    said = Said()
    found = crossvalidate(
        chips=str(scene / "chips"), output=str(tmp_path / "folds"), k=2, device="cpu",
        settings={**QUICK, "patch_size": 13}, progress=said,
    )  # fmt: skip
    assert not [line for line in said.warnings if "of the test pixels lie" in line]
    assert len([line for line in found.warnings if "of the held-out samples lie" in line]) == 1

"""Pixels that trained the initial model are told of where they are held back, and are kept."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from chip_sets import Said
from hsicnn.core.crossvalidation.crossvalidate import crossvalidate
from hsicnn.core.data.chips import read_chip_set
from hsicnn.core.data.export import export_training_chips
from hsicnn.core.data.pixel_loading import load_pixels
from hsicnn.core.data.separation import TEST, TRAIN, VALIDATION
from hsicnn.core.modelfile.bundle import load_bundle, save_bundle
from hsicnn.core.simulation.scene import create_example_scene
from hsicnn.core.training.train import train_classifier

QUICK = {"epochs": 1, "patch_size": 3, "shortest_epoch": 2, "longest_epoch": 2}


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """Chip sets of three splits, and a model of the first."""
    folder = tmp_path_factory.mktemp("scene")
    made = create_example_scene(
        output=str(folder / "image.tif"), reference=str(folder / "reference.tif"),
        size=64, bands=10, classes=3,
    )  # fmt: skip
    for seed in (1, 2, 3):
        export_training_chips(
            image=made.output, reference=made.reference, output=str(folder / f"chips{seed}"),
            seed=seed, split="random", buffer=0,
        )  # fmt: skip
    train(folder, folder, 1, "first")
    return folder


def train(scene, folder, split, name, initial=""):
    said, page = Said(), folder / f"{name}.html"
    given = {"initial_model": str(initial)} if initial else {}
    result = train_classifier(
        chips=str(scene / f"chips{split}"), output=str(folder / f"{name}.safetensors"),
        report=str(page), settings={**QUICK, **given}, device="cpu", progress=said,
    )  # fmt: skip
    return load_bundle(result.model), said, page.read_text(encoding="utf-8")


def places(scene, split, code):
    info = read_chip_set(scene / f"chips{split}")
    store = load_pixels(info, memory_bytes=1 << 30, progress=Said())
    which = store.split == code
    return set(zip(store.row[which].tolist(), store.col[which].tolist()))


def trained(bundle):
    return set(zip(bundle.training_rows.tolist(), bundle.training_cols.tolist()))


def test_held_back_pixels_that_trained_the_initial_model_are_counted(scene, tmp_path):
    bundle, said, page = train(scene, tmp_path, 2, "second", scene / "first.safetensors")
    taught = places(scene, 1, TRAIN)
    test, validation = (len(taught & places(scene, 2, code)) for code in (TEST, VALIDATION))
    assert test
    assert validation
    [told] = [line for line in said.warnings if "INITIAL_MODEL" in line]
    assert f"was trained on {test:,} of " in told
    assert f"test pixels and {validation:,} of " in told
    assert bundle.metrics["test"]["seen_by_initial_model"] == test
    assert bundle.metrics["validation"]["seen_by_initial_model"] == validation
    assert f"They are not unseen: {test:,} of them trained the model" in page
    assert "neither trained on nor chosen by" not in page


def test_a_model_keeps_all_pixels_that_ever_trained_it(scene, tmp_path):
    train(scene, tmp_path, 2, "second", scene / "first.safetensors")
    third, said, _ = train(scene, tmp_path, 3, "third", tmp_path / "second.safetensors")
    every = [places(scene, split, TRAIN) for split in (1, 2, 3)]
    assert trained(third) == every[0] | every[1] | every[2]
    assert len(third.training_rows) == len(trained(third))
    # Of the second model's own pixels fewer would be known.
    seen = len((every[0] | every[1]) & places(scene, 3, TEST))
    assert seen > len(every[1] & places(scene, 3, TEST))
    assert any(f"was trained on {seen:,} of " in line for line in said.warnings)


def test_of_the_same_split_nothing_is_said(scene, tmp_path):
    bundle, said, page = train(scene, tmp_path, 1, "again", scene / "first.safetensors")
    assert not [line for line in said.warnings if "INITIAL_MODEL" in line]
    assert "seen_by_initial_model" not in bundle.metrics["test"]
    assert "neither trained on nor chosen by" in page
    assert trained(bundle) == places(scene, 1, TRAIN)


def test_of_another_raster_nothing_is_known_and_that_is_said(scene, tmp_path):
    first = load_bundle(str(scene / "first.safetensors"))
    x, across, *rest = first.training_grid.geotransform
    moved = dataclasses.replace(first.training_grid, geotransform=(x + 5 * across, across, *rest))
    save_bundle(
        str(tmp_path / "moved.safetensors"), dataclasses.replace(first, training_grid=moved)
    )
    bundle, said, _ = train(scene, tmp_path, 2, "other", tmp_path / "moved.safetensors")
    assert any("moved.safetensors and this chip set have no raster" in line for line in said.logs)
    assert not [line for line in said.warnings if "INITIAL_MODEL" in line]
    assert trained(bundle) == places(scene, 2, TRAIN)


def test_a_cross_validation_says_it_of_all_folds_together(scene, tmp_path):
    said = Said()
    crossvalidate(
        chips=str(scene / "chips2"), output=str(tmp_path / "folds"), k=2, device="cpu",
        settings={**QUICK, "initial_model": str(scene / "first.safetensors")}, progress=said,
    )  # fmt: skip
    count = len(places(scene, 1, TRAIN))
    assert any(line.startswith(f"{count:,} of ") for line in said.warnings)
    assert not [line for line in said.warnings if "INITIAL_MODEL" in line]

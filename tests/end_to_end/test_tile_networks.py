"""Networks on tiles through qgis_process: a model and a map; sides that cannot be are refused."""

from __future__ import annotations

import re

import pytest

from .conftest import earlier_outputs, refusal

pytest.importorskip("torch")
pytest.importorskip("safetensors")
pytestmark = pytest.mark.slow

QUICK = {
    "EPOCHS": 1, "SHORTEST_EPOCH": 1, "LONGEST_EPOCH": 2, "BATCH_SIZE": 4, "DEVICE": "cpu",
    "OPTIONS": "width=0.125, depth=1",
}  # fmt: skip


def test_a_tile_network_is_trained_and_maps(headless, chain, tmp_path):
    model, mapped = tmp_path / "model.safetensors", tmp_path / "map.tif"
    values = {**QUICK, "INPUT": chain / "chips", "ARCHITECTURE": "etrainee_2d", "OUTPUT": model}
    done = headless.run("trainclassifier", **values)
    assert done.returncode == 0, done.stdout
    assert re.search(r"Tiles of (\d+) x \1 pixels: the smallest chip holds", done.stdout)
    done = headless.run(
        "classifyraster", INPUT=chain / "image.tif", MODEL=model, DEVICE="cpu", OUTPUT=mapped
    )
    assert done.returncode == 0, done.stdout
    assert mapped.stat().st_size


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (512, r"PATCH_SIZE is 512, and the smallest chip holds \d+ x \d+ .* HALO of 256"),
        (18, r"tiles of 16 to 512 pixels, multiples of 4; PATCH_SIZE is 18"),
    ],
)
def test_sides_that_cannot_be_are_refused(headless, chain, tmp_path, size, words):
    given = {**QUICK, "INPUT": chain / "chips", "ARCHITECTURE": "etrainee_2d", "PATCH_SIZE": size}
    values = {**earlier_outputs("trainclassifier", tmp_path), **given}
    text = refusal(headless, "trainclassifier", tmp_path, **values)
    assert re.search(words, text), text

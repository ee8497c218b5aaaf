"""Cross-validate in qgis_process and killed: what works, and what is refused in words."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from .conftest import EARLIER, refusal, side_by_side
from .test_kill import children, complete, kill, start

pytest.importorskip("torch")
pytestmark = pytest.mark.slow

QUICK = {"PATCH_SIZE": 3, "EPOCHS": 2, "SHORTEST_EPOCH": 2, "LONGEST_EPOCH": 3, "DEVICE": "cpu"}
OUTPUTS = {"ENSEMBLE": "ensemble.safetensors", "OUT_OF_FOLD": "map.tif", "REPORT": "page.html"}
#: What is wrong: values, and patterns of what the message says.
CASES: dict[str, tuple[dict[str, object], tuple[str, ...]]] = {
    "more folds than blocks": (
        {"K": 5, "BLOCK_SIZE": 32},
        (r"5 folds were asked for and the labels lie in 4 blocks of 32 pixels", "smaller blocks"),
    ),
    "a map of samples without a place": (
        {"INPUT": Path("spectra"), "METHOD": "stratified"},
        (r"spectra have no place on a raster: OUT_OF_FOLD cannot be drawn. Leave it empty",),
    ),
    "blocks of samples without a place": (
        {"INPUT": Path("spectra"), "OUT_OF_FOLD": None, "PATCH_SIZE": 1},
        (r"folds cannot be 'spatial'. Choose METHOD 'stratified'",),
    ),
    "a raster that is none of folds": (
        {"METHOD": "raster", "FOLDS": Path("image.tif")},
        (r"image\.tif has 10 bands; a label raster has one",),
    ),
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> Path:
    """A folder with a small scene, its chips, and spectra without a place."""
    from hsicnn.core.data.export import export_training_chips
    from hsicnn.core.simulation.scene import create_example_scene

    folder = tmp_path_factory.mktemp("folds")
    image, reference = str(folder / "image.tif"), str(folder / "reference.tif")
    create_example_scene(output=image, reference=reference, size=64, bands=10, classes=3)
    export_training_chips(image=image, reference=reference, output=str(folder / "chips"), halo=2)
    lines = [",".join([f"band {n}" for n in range(1, 7)] + ["class"])]
    for number in range(60):
        values = [f"{(number % 3) + 0.01 * ((number * n) % 7):.3f}" for n in range(1, 7)]
        lines.append(",".join([*values, "abc"[number % 3]]))
    (folder / "spectra.csv").write_text("\n".join(lines) + "\n")
    complete(
        "import_scene",
        {"path": str(folder / "spectra.csv"), "output_chips": str(folder / "spectra")},
    )
    return folder


@pytest.fixture(scope="module")
def said(request, headless, inputs, tmp_path_factory):
    """What was said in each case, at some time."""

    def run(name: str) -> str:
        folder = tmp_path_factory.mktemp("refused")
        outputs = {key: folder / file for key, file in OUTPUTS.items()}
        for path in outputs.values():
            path.write_bytes(EARLIER)
        given = {"INPUT": Path("chips"), **QUICK, **outputs, **CASES[name][0]}
        paths = {
            key: inputs / value if isinstance(value, Path) else value
            for key, value in given.items()
            if value is not None
        }
        return refusal(headless, "crossvalidate", folder, OUTPUT=folder / "models", **paths)

    with side_by_side(request, run) as found:
        yield found


@pytest.mark.parametrize("case", CASES)
def test_is_refused_in_words_and_changes_nothing(said, case):
    text = said[case].result()
    for words in CASES[case][1]:
        assert re.search(words, text), f"no {words!r} in:\n{text}"


def test_folds_and_several_models_on_the_command_line(headless, inputs, tmp_path):
    models = tmp_path / "models"
    done = headless.run(
        "crossvalidate", INPUT=inputs / "chips", K=2, BLOCK_SIZE=16, BUFFER=2, **QUICK,
        OUTPUT=models, REPORT=tmp_path / "page.html",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    figures = json.loads((models / "crossvalidation.json").read_text())
    assert len(figures["each_fold"]) == 2
    assert "<h1>Cross-validation on chips</h1>" in (tmp_path / "page.html").read_text()
    done = headless.run(
        "classifyraster", INPUT=inputs / "image.tif", MODEL=models / "fold_1.safetensors",
        ENSEMBLE=models / "fold_2.safetensors", TURNS="2", OUTPUT=tmp_path / "map.tif",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "Ensemble of 2 models" in done.stdout


@pytest.mark.parametrize("kind", ["worker", "parent"])
def test_killed_it_goes_on_within_a_fold(inputs, tmp_path, kind):
    """The second fold's first epoch is over: the first fold is not trained again."""
    settings = {"patch_size": 3, "epochs": 4, "shortest_epoch": 20, "longest_epoch": 20}
    arguments = {"chips": str(inputs / "chips"), "settings": settings, "k": 2, "buffer": 2,
                 "block_size": 16, "device": "cpu"}  # fmt: skip
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    complete("crossvalidate", {**arguments, "output": str(whole)})
    run = start("crossvalidate", {**arguments, "output": str(parts)})
    while not any("fold 2 of 2, epoch" in line for line in run.lines):
        assert run.process.poll() is None, "\n".join(run.lines)
        time.sleep(0.02)
    assert children(run.process.pid)
    kill(run, kind)
    run.end()
    assert not parts.exists()
    text, _ = complete("crossvalidate", {**arguments, "output": str(parts)})
    assert "1 of 2 folds were finished by an earlier run" in text
    assert re.search(r"Going on after epoch [1-4]", text)
    found = [json.loads((f / "crossvalidation.json").read_text()) for f in (whole, parts)]
    for record in found:
        for fold in record["each_fold"]:
            del fold["seconds"], fold["model_id"]  # when it was
    assert found[0] == found[1]
    assert not (tmp_path / "parts.unfinished").exists()

"""Tuning and feature maps through qgis_process: what they write, wrong inputs, Ctrl-C."""

from __future__ import annotations

import json
import re
import signal
import time
from pathlib import Path

import pytest

from .conftest import EARLIER, refusal, side_by_side

pytest.importorskip("torch")
pytest.importorskip("safetensors")
pytest.importorskip("optuna")
pytestmark = pytest.mark.slow

TUNE = {"INPUT": Path("chips"), "EPOCHS": 1, "TRIALS": 2, "DEVICE": "cpu"}
MAPS = {"INPUT": Path("image.tif"), "MODEL": Path("model.safetensors"), "DEVICE": "cpu"}
TRAIN = {"INPUT": Path("chips"), "EPOCHS": 1, "DEVICE": "cpu"}
COMMON = {"tunehyperparameters": TUNE, "featuremaps": MAPS, "trainclassifier": TRAIN}
OUTPUTS = {
    "tunehyperparameters": {"SETTINGS": "best.json", "TABLE": "trials.csv", "REPORT": "page.html"},
    "featuremaps": {"OUTPUT": "maps.tif", "REPORT": "page.html"},
    "trainclassifier": {"OUTPUT": "model.safetensors"},
}

#: What is wrong: the algorithm, its values, and patterns of what the message says.
CASES: dict[str, tuple[str, dict[str, object], tuple[str, ...]]] = {
    "a name that is nothing": (
        "tunehyperparameters",
        {"SEARCH": "learning_rate, patchsize"},
        ("SEARCH names patchsize", "learning_rate, weight_decay", "members"),
    ),
    "no chip set": (
        "tunehyperparameters",
        {"INPUT": Path("image.tif")},
        (r"image\.tif", "chip set|folder"),
    ),
    "a network that needs more bands": (
        "tunehyperparameters",
        {"ARCHITECTURE": "etrainee_1d"},
        ("needs at least 46 bands", "Choose another ARCHITECTURE"),
    ),
    "one file twice": (
        "tunehyperparameters",
        {"TABLE": "best.json"},
        ("same file name", "a file each"),
    ),
    "settings that are a model": (
        "trainclassifier",
        {"SETTINGS": Path("model.safetensors")},
        ("SETTINGS|holds no settings|cannot be read", "Tune hyperparameters"),
    ),
    "a layer that is not there": (
        "featuremaps",
        {"LAYER": "40"},
        ("LAYER '40' names no layer", "1: Dense layer on every pixel"),
    ),
    "too many bands": (
        "featuremaps",
        {"MAX_BANDS": 5},
        (r"192 features", "MAX_BANDS is 5: set MAX_BANDS to 192 or more", "FEATURES 'first'"),
    ),
    "an image of nodata": (
        "featuremaps",
        {"INPUT": Path("nodata.tif")},
        (r"nodata\.tif",),
    ),
    "a model that is a pickle": (
        "featuremaps",
        {"MODEL": Path("pickle.pt")},
        (r"pickle\.pt", "safetensors"),
    ),
}


@pytest.fixture(scope="module")
def refusals(request, headless, chain, wrong, tmp_path_factory):
    """What each case said, computed side by side."""

    def run(case: str) -> str:
        algorithm, given, _ = CASES[case]
        folder = tmp_path_factory.mktemp("refused")
        values: dict[str, object] = {**COMMON[algorithm], **given}
        for name, file in OUTPUTS[algorithm].items():
            (folder / file).write_bytes(EARLIER)
            values[name] = folder / str(values.get(name, file))
        placed = {
            name: next(base / value for base in (wrong, chain) if (base / value).exists())
            if isinstance(value, Path) and not value.is_absolute()
            else value
            for name, value in values.items()
        }
        return refusal(headless, algorithm, folder, **placed)

    with side_by_side(request, run) as found:
        yield found


@pytest.mark.parametrize("case", CASES)
def test_wrong_inputs_are_refused_in_words(refusals, case):
    said = re.sub(r"\s+", " ", refusals[case].result())
    for pattern in CASES[case][2]:
        assert re.search(pattern, said), said


def test_what_was_found_trains_and_shows_its_layers(headless, chain, tmp_path):
    found = {name: tmp_path / file for name, file in OUTPUTS["tunehyperparameters"].items()}
    done = headless.run("tunehyperparameters", **{**TUNE, "INPUT": chain / "chips"}, **found)
    assert done.returncode == 0, done.stdout
    assert "TRIALS_DONE:\t2" in done.stdout
    told = json.loads((tmp_path / "best.json").read_text(encoding="utf-8"))
    call = {**told["parameters"], "OUTPUT": tmp_path / "model.safetensors", "DEVICE": "cpu"}
    done = headless.run("trainclassifier", **call)  # the call as it stands in the file
    assert done.returncode == 0, done.stdout
    written = {name: tmp_path / f"2-{file}" for name, file in OUTPUTS["featuremaps"].items()}
    inputs = {"INPUT": chain / "image.tif", "MODEL": tmp_path / "model.safetensors"}
    done = headless.run(
        "featuremaps", **inputs, LAYER="hidden", FEATURES="first", DEVICE="cpu", **written
    )
    assert done.returncode != 0
    assert "LAYER 'hidden' names no layer" in done.stdout
    done = headless.run("featuremaps", **inputs, FEATURES="first", DEVICE="cpu", **written)
    assert done.returncode == 0, done.stdout
    assert "Kernels" in (tmp_path / "2-page.html").read_text(encoding="utf-8")


def test_ctrl_c_ends_a_search_and_keeps_its_trials(headless, chain, tmp_path):
    outputs = {name: tmp_path / file for name, file in OUTPUTS["tunehyperparameters"].items()}
    for path in outputs.values():
        path.write_bytes(EARLIER)
    values = {**TUNE, "INPUT": chain / "chips", "TRIALS": 0, "MINUTES": 60}
    process = headless.start("tunehyperparameters", **values, **outputs)
    line = process.stdout.readline()
    while line and "Trial 1, finished" not in line:
        line = process.stdout.readline()
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    said = process.stdout.read()
    assert process.wait(timeout=30) != 0, said
    assert time.monotonic() - began < 10.0  # on a machine that has other things to do
    assert "Cancelled" in said
    left = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    journal = left.pop("best.json.trials.jsonl")
    assert journal.count(b"\n") >= 2
    assert left == dict.fromkeys(OUTPUTS["tunehyperparameters"].values(), EARLIER)

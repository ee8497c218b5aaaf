"""The main job through qgis_process: right inputs, wrong ones, Ctrl-C, a killed worker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from osgeo import gdal

from .conftest import worker_of

pytest.importorskip("torch")
pytest.importorskip("safetensors")
pytestmark = pytest.mark.slow


def test_the_chain_ends_with_a_map_and_its_accuracy(headless, chain, tmp_path):
    output = tmp_path / "map.tif"
    done = headless.run(
        "classifyraster",
        INPUT=chain / "image.tif",
        MODEL=chain / "model.safetensors",
        DEVICE="cpu",
        OUTPUT=output,
    )
    assert done.returncode == 0, done.stdout
    image, classes = gdal.Open(str(chain / "image.tif")), gdal.Open(str(output))
    assert classes.GetGeoTransform() == image.GetGeoTransform()
    assert (classes.RasterXSize, classes.RasterYSize) == (image.RasterXSize, image.RasterYSize)
    assert classes.GetSpatialRef().IsSame(image.GetSpatialRef())
    assert classes.GetRasterBand(1).GetColorTable() is not None
    assert output.with_suffix(".qml").is_file()
    figures = tmp_path / "figures.json"
    done = headless.run(
        "assessaccuracy",
        INPUT=output,
        SAMPLES=chain / "chips",
        REPORT=tmp_path / "report.html",
        JSON=figures,
        ERRORS=tmp_path / "errors.tif",
    )
    assert done.returncode == 0, done.stdout
    found = json.loads(figures.read_text(encoding="utf-8"))
    assert 0.0 <= found["overall_accuracy"] <= 1.0
    assert {"average_accuracy", "kappa", "classes", "confusion_matrix", "pixels"} <= set(found)
    assert (tmp_path / "report.html").stat().st_size
    assert gdal.Open(str(tmp_path / "errors.tif")) is not None


def test_json_is_not_disturbed(headless, tmp_path):
    done = subprocess.run(
        headless.command(
            "--json",
            "run",
            "hsicnn:createexamplescene",
            "--",
            "SIZE=48",
            "BANDS=8",
            "CLASSES=2",
            f"OUTPUT={tmp_path / 'image.tif'}",
        ),
        env=headless.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["results"] == {"OUTPUT": str(tmp_path / "image.tif")}


@pytest.mark.parametrize(
    ("algorithm", "values", "words"),
    [
        ("createexamplescene", {"SIZE": 1, "OUTPUT": "x.tif"}, "SIZE"),
        ("exporttrainingchips", {"INPUT": "none.tif", "REFERENCE": "none.gpkg"}, "none"),
        ("trainclassifier", {"INPUT": "no-folder", "ARCHITECTURE": "no-network"}, ""),
        ("trainclassifier", {"INPUT": "no-folder", "EPOCHS": 1}, "no-folder"),
        ("classifyraster", {"INPUT": "none.tif", "MODEL": "none.safetensors"}, "none"),
        ("assessaccuracy", {"INPUT": "none.tif", "REPORT": "report.html"}, "none"),
        ("describemodel", {"MODEL": "none.safetensors", "REPORT": "report.html"}, "none"),
        ("inspectraster", {"INPUT": "none.tif", "REPORT": "report.html"}, "none"),
    ],
)
def test_wrong_inputs_fail_and_write_nothing(headless, tmp_path, algorithm, values, words):
    outputs = {"OUTPUT": tmp_path / "out"}
    paths = {
        name: tmp_path / value if isinstance(value, str) and "no-network" not in value else value
        for name, value in values.items()
    }
    done = headless.run(algorithm, **{**outputs, **paths})
    assert done.returncode != 0
    assert words in done.stdout
    assert "Traceback" not in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_is_none_is_refused(headless, chain, tmp_path):
    model = tmp_path / "model.safetensors"
    model.write_bytes(b"no model at all")
    before = tmp_path / "map.tif"
    before.write_bytes(b"what was there before")
    done = headless.run("classifyraster", INPUT=chain / "image.tif", MODEL=model, OUTPUT=before)
    assert done.returncode != 0
    assert "model.safetensors" in done.stdout
    assert before.read_bytes() == b"what was there before"
    assert {path.name for path in tmp_path.iterdir()} == {"model.safetensors", "map.tif"}


def test_a_model_is_described(headless, chain, tmp_path):
    report = tmp_path / "report.html"
    done = subprocess.run(
        headless.command(
            "--json",
            "run",
            "hsicnn:describemodel",
            "--",
            f"MODEL={chain / 'model.safetensors'}",
            f"REPORT={report}",
        ),
        env=headless.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["results"]
    assert (found["ARCHITECTURE"], found["CLASSES"], found["CHECKPOINT"]) == (
        "multiscale",
        3,
        False,
    )
    assert f"{found['PARAMETERS']:,} parameters" in report.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04 and so on", "PyTorch pickle"),
        (b"no model at all", "no whole model file"),
        (None, "no whole model file"),
    ],
)
def test_what_is_no_model_is_not_described(headless, chain, tmp_path, content, words):
    model, report = tmp_path / "a model ä.safetensors", tmp_path / "report.html"
    whole = (chain / "model.safetensors").read_bytes()
    model.write_bytes(whole[: len(whole) // 2] if content is None else content)
    report.write_text("what was there before")
    done = headless.run("describemodel", MODEL=model, REPORT=report)
    assert done.returncode != 0
    assert words in done.stdout
    assert "a model ä.safetensors" in done.stdout
    assert "Traceback" not in done.stdout
    assert report.read_text() == "what was there before"
    assert {path.name for path in tmp_path.iterdir()} == {model.name, report.name}


@pytest.fixture
def training(headless, chain, tmp_path):
    """A training that would go on for hours, some way in."""
    process = headless.start(
        "trainclassifier",
        INPUT=chain / "chips",
        EPOCHS=100_000,
        PATCH_SIZE=1,
        SHORTEST_EPOCH=1,
        LONGEST_EPOCH=2,
        DEVICE="cpu",
        OUTPUT=tmp_path / "model.safetensors",
    )
    checkpoint = tmp_path / "model.safetensors.checkpoint.safetensors"
    deadline = time.monotonic() + 120
    while not checkpoint.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert checkpoint.exists(), process.stdout.read() if process.poll() is not None else "no epoch"
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_ctrl_c_ends_a_training_at_once_and_keeps_the_checkpoint(training, tmp_path):
    worker = worker_of(training)
    training.send_signal(signal.SIGINT)
    output, _ = training.communicate(timeout=30)
    assert training.returncode != 0
    assert "Cancelled" in output
    assert not is_alive(worker)
    assert {path.name for path in tmp_path.iterdir()} == {
        "model.safetensors.checkpoint.safetensors",
        "model.safetensors.history.jsonl",
    }


def test_the_checkpoint_is_a_model_while_the_training_goes_on(training, headless, chain, tmp_path):
    checkpoint = tmp_path / "model.safetensors.checkpoint.safetensors"
    report, output = tmp_path / "report.html", tmp_path / "map.tif"
    done = headless.run("describemodel", MODEL=checkpoint, REPORT=report)
    assert done.returncode == 0, done.stdout
    assert "An unfinished training: checkpoint after epoch" in done.stdout
    assert "the training has not ended" in report.read_text(encoding="utf-8")
    done = headless.run(
        "classifyraster", INPUT=chain / "image.tif", MODEL=checkpoint, OUTPUT=output
    )
    assert done.returncode == 0, done.stdout
    assert "An unfinished training: checkpoint after epoch" in done.stdout
    told = gdal.Open(str(output)).GetMetadata("HSICNN")
    assert told["MODEL_CHECKPOINT"].endswith(" of 100,000")
    assert training.poll() is None


def test_a_killed_worker_is_a_clear_error(training, tmp_path):
    os.kill(worker_of(training), signal.SIGKILL)
    output, _ = training.communicate(timeout=30)
    assert training.returncode != 0
    assert "ran out of memory" in output
    assert not (tmp_path / "model.safetensors").exists()


def test_no_worker_outlives_a_killed_qgis(training):
    worker = worker_of(training)
    training.kill()
    deadline = time.monotonic() + 30
    while is_alive(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(worker)

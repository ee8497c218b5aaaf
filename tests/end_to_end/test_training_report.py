"""A training through qgis_process: followed while it runs, killed and gone on with, and told."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path

import pytest

from .conftest import refusal, side_by_side, worker_of

pytest.importorskip("torch")
pytest.importorskip("safetensors")
pytestmark = pytest.mark.slow

QUICK = {"PATCH_SIZE": 3, "SHORTEST_EPOCH": 1, "LONGEST_EPOCH": 2, "DEVICE": "cpu"}
NAMES = {"model.safetensors", "model.safetensors.history.jsonl", "report.html"}


def epochs(path: Path) -> list[float]:
    """The epochs in a history; a last line that is being written is left out."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line)["epoch"] for line in text.split("\n")[:-1]]


def test_a_training_leaves_its_history_and_a_report_of_all_it_did(headless, chain, tmp_path):
    done = headless.run(
        "trainclassifier",
        INPUT=chain / "chips",
        EPOCHS=3,
        NORMALISATION="factor",
        FACTOR=1,
        FLIPS="yes",
        SYMMETRY="turns",
        NOISE=0.002,
        NOISE_LIMIT=0.01,
        BAND_DROPOUT=0.1,
        CLASS_MIXUP=0.4,
        OUTPUT=tmp_path / "model.safetensors",
        REPORT=tmp_path / "report.html",
        **QUICK,
    )
    assert done.returncode == 0, done.stdout
    history = tmp_path / "model.safetensors.history.jsonl"
    assert f"HISTORY:\t{history}" in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == NAMES
    assert [epoch for epoch in epochs(history) if epoch] == [1, 2, 3]
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    titles = re.findall(r'base64,[^"]+" alt="([^":]+)', page)
    assert len(titles) >= 3
    for words in ("Training curves", "Augmented training patches", "The network from top"):
        assert any(title.startswith(words) for title in titles), titles
    for words in (
        "Turned by 0, 90, 180 or 270 degrees.",
        "0.002 in normalised values, cut at 0.01",
        "another patch of the same class",
        "a chance of 10%",
    ):
        assert words in page


def followed(headless, chain, folder: Path, least: int):
    """Start a training without end, and wait until its history is so long."""
    process = headless.start(
        "trainclassifier",
        INPUT=chain / "chips",
        EPOCHS=100_000,
        OUTPUT=folder / "model.safetensors",
        **QUICK,
    )
    deadline = time.monotonic() + 120
    history = folder / "model.safetensors.history.jsonl"
    while len(epochs(history)) < least and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert process.poll() is None, process.stdout.read()
    return process


def end(process, by: signal.Signals) -> None:
    """Send a signal to the program and to its worker, and wait until both have gone."""
    worker = worker_of(process)
    os.killpg(process.pid, by)
    if by == signal.SIGKILL:
        os.kill(worker, by)
    process.communicate(timeout=60)
    deadline = time.monotonic() + 30
    while Path(f"/proc/{worker}/cmdline").exists() and time.monotonic() < deadline:
        if not Path(f"/proc/{worker}/cmdline").read_bytes():  # nobody has asked how it ended
            break
        time.sleep(0.02)


def test_a_killed_training_goes_on_and_its_history_has_every_epoch_once(headless, chain, tmp_path):
    history = tmp_path / "model.safetensors.history.jsonl"
    process = followed(headless, chain, tmp_path, 3)
    end(process, signal.SIGKILL)
    whole = history.read_text(encoding="utf-8")
    history.write_text(whole + whole.splitlines()[-1][:9], encoding="utf-8")  # half a line
    process = followed(headless, chain, tmp_path, whole.count("\n") + 3)
    end(process, signal.SIGINT)
    found = epochs(history)
    assert history.read_text(encoding="utf-8").endswith("\n")
    assert found == list(range(int(found[0]), int(found[0]) + len(found)))
    assert history.read_text(encoding="utf-8").startswith(whole[: whole.index("\n")])


# What is given, and words of the refusal.
CASES = {
    "both mixtures": ({"MIXUP": 0.4, "CLASS_MIXUP": 0.4}, ["CLASS_MIXUP is 0.4", "Set one to 0"]),
    "no such turn": ({"SYMMETRY": "upside-down"}, ["SYMMETRY"]),
    "all bands": ({"BAND_DROPOUT": 1}, ["BAND_DROPOUT"]),
    "divided by nothing": ({"NORMALISATION": "factor", "FACTOR": 0}, ["FACTOR"]),
}


@pytest.fixture(scope="module")
def said(request, headless, chain, tmp_path_factory):
    def run(case: str) -> str:
        folder = tmp_path_factory.mktemp("refused")
        for name in NAMES:
            (folder / name).write_text("what was there before")
        outputs = {"OUTPUT": folder / "model.safetensors", "REPORT": folder / "report.html"}
        given = {"INPUT": chain / "chips", "EPOCHS": 1, **QUICK, **CASES[case][0], **outputs}
        return refusal(headless, "trainclassifier", folder, **given)

    with side_by_side(request, run) as found:
        yield found


@pytest.mark.parametrize("case", CASES)
def test_is_refused_in_words_and_changes_nothing(said, case):
    text = said[case].result()
    for words in CASES[case][1]:
        assert words in text, f"no {words!r} in:\n{text}"

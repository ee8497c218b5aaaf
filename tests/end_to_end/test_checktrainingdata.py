"""Check training data through qgis_process: what it writes, wrong inputs, Ctrl-C."""

from __future__ import annotations

import json
import re
import signal
import time
from pathlib import Path

import pytest

from .conftest import EARLIER, refusal, side_by_side

pytestmark = pytest.mark.slow

CHECK = {"INPUT": Path("image.tif"), "REFERENCE": Path("reference.tif")}
OUTPUTS = {"REPORT": "report.html", "SUSPECTS": "suspects.gpkg", "JSON": "figures.json"}

#: What is wrong: values, and patterns of what the message says.
CASES: dict[str, tuple[dict[str, object], tuple[str, ...]]] = {
    "labels elsewhere": (
        {"REFERENCE": Path("far.tif")},
        (r"far\.tif has no label inside the image", "assign the right"),
    ),
    "an image of nodata": (
        {"INPUT": Path("nodata.tif")},
        (r"nodata\.tif has no usable band", "choose another raster"),
    ),
    "an unknown field": (
        {"REFERENCE": Path("points.gpkg"), "FIELD": "klass"},
        ("FIELD 'klass' is not one of the fields of 'points': fid, class, code",),
    ),
    "an empty layer": (
        {"REFERENCE": Path("empty.gpkg"), "FIELD": "class"},
        (r"empty\.gpkg is empty: it has no features",),
    ),
    "a model that is a pickle": ({"MODEL": Path("pickle.pt")}, (r"pickle\.pt", "safetensors")),
    "suspects as a document": ({"SUSPECTS": "suspects.docx"}, ("docx", "GeoPackage|not supported")),
    "too few samples": ({"SAMPLES": 2}, ("SAMPLES",)),
}


@pytest.fixture(scope="module")
def refusals(request, headless, chain, wrong, tmp_path_factory):
    """What each case said, computed side by side."""

    def place(value: object, folder: Path) -> object:
        if isinstance(value, Path):
            return next(base / value for base in (wrong, chain) if (base / value).exists())
        return folder / value if isinstance(value, str) and value.endswith(".docx") else value

    def run(case: str) -> str:
        folder = tmp_path_factory.mktemp("refused")
        values: dict[str, object] = {**CHECK, **CASES[case][0]}
        for name, file in OUTPUTS.items():
            (folder / file).write_bytes(EARLIER)
            values.setdefault(name, folder / file)
        found = {name: place(value, folder) for name, value in values.items()}
        return refusal(headless, "checktrainingdata", folder, **found)

    with side_by_side(request, run) as found:
        yield found


@pytest.mark.parametrize("case", CASES)
def test_wrong_inputs_are_refused_in_words(refusals, case):
    said = re.sub(r"\s+", " ", refusals[case].result())
    for pattern in CASES[case][1]:
        assert re.search(pattern, said), said


def test_a_check_writes_page_layer_and_figures(headless, chain, tmp_path):
    model = {"MODEL": chain / "model.safetensors"}
    values = {name: chain / value for name, value in CHECK.items()}
    written = {name: tmp_path / file for name, file in OUTPUTS.items()}
    done = headless.run("checktrainingdata", **values, **model, **written)
    assert done.returncode == 0, done.stdout
    figures = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert figures["verdict"] in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not [item for item in figures["findings"] if item["severity"] == "error"]
    assert f"SUSPICIOUS:\t{sum(figures['suspects'].values())}" in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == {*OUTPUTS.values(), "suspects.qml"}


def test_ctrl_c_ends_it_and_keeps_what_was_there(headless, tmp_path):
    made = {"SIZE": 700, "BANDS": 16, "CLASSES": 3}
    image, reference = tmp_path / "image.tif", tmp_path / "reference.tif"
    done = headless.run("createexamplescene", **made, OUTPUT=image, REFERENCE=reference)
    assert done.returncode == 0, done.stdout
    folder = tmp_path / "written"
    folder.mkdir()
    for file in OUTPUTS.values():
        (folder / file).write_bytes(EARLIER)
    written = {name: folder / file for name, file in OUTPUTS.items()}
    more = {"SAMPLES": 20_000}
    process = headless.start(
        "checktrainingdata", INPUT=image, REFERENCE=reference, **more, **written
    )
    line = process.stdout.readline()
    while line and "bands, " not in line:  # said when the image is open
        line = process.stdout.readline()
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    said = process.stdout.read()
    assert process.wait(timeout=30) != 0, said
    assert time.monotonic() - began < 10.0  # on a machine that has other things to do
    assert "Cancelled" in said
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == dict.fromkeys(
        OUTPUTS.values(), EARLIER
    )

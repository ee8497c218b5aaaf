"""The programs that measure run to their end; what they measure is no test's business."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def run(program: str, *arguments: str) -> str:
    command = [sys.executable, str(BENCHMARKS / program), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_training_step_is_measured_with_pixels_in_memory_and_on_disk():
    pytest.importorskip("torch")
    tiny = ["--size", "64", "--bands", "24", "--repetitions", "1", "--steps", "2", "--busy", "1"]
    only = ["--networks", "multiscale", "--recipes", "full", "--threads", "1"]
    said = run("training_step.py", *tiny, *only)
    rows = [line for line in said.splitlines() if line.startswith("| multiscale, full recipe")]
    places = [row.split(", ")[2] for row in rows]
    assert places == ["memory", "disk"] * 2  # the table of ratios, then that of parts
    shares = [float(cell) for cell in rows[-1].split("|")[2:-1]]
    assert sum(shares) == pytest.approx(100, abs=1)
    assert "Target 1.10" in said


def test_loading_the_provider_is_measured():
    pytest.importorskip("qgis.core")
    said = run("provider_load.py", "--repetitions", "1")
    assert "| compiled already |" in said
    assert "heavy ones among them: none" in said


def test_the_speed_of_networks_is_measured():
    pytest.importorskip("torch")
    tiny = ["--repetitions", "1", "--seconds", "0.01", "--threads", "1"]
    said = run("speed.py", *tiny, "--only", "multiscale")
    cells = said.splitlines()[-1].split("|")
    assert "multiscale" in cells[1]
    assert int(cells[3].replace(",", "")) > 0


def test_the_way_from_file_to_file_is_measured():
    pytest.importorskip("torch")
    tiny = ["--seconds", "0.05", "--threads", "1", "--formats", "ENVI BIL"]
    said = run("end_to_end.py", *tiny, "--only", "multiscale")
    lines = [line for line in said.splitlines() if "ENVI BIL" in line]
    assert [line.split("|")[3].strip() for line in lines] == [
        "map",
        "map, probabilities, confidence",
    ]
    busy = [float(cell.strip(" %")) for cell in lines[0].split("|")[6:10]]
    assert sum(busy) == pytest.approx(100, abs=1)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the memory")
def test_memory_is_measured():
    pytest.importorskip("torch")
    said = run("memory.py", "--sides", "64", "--budgets", "256")
    assert said.splitlines()[-1].startswith("| 64 x 64 x 50 | 256 |")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell the peak of memory")
def test_what_splits_give_away_is_measured(tmp_path):
    from osgeo import gdal

    path = tmp_path / "labels.tif"
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), 96, 96, 1, gdal.GDT_Byte)
    fields = [1 + (place // 96 // 12 * 8 + place % 96 // 12 * 5) % 3 for place in range(96 * 96)]
    dataset.GetRasterBand(1).WriteRaster(0, 0, 96, 96, bytes(fields))
    del dataset
    tiny = ["--seeds", "1", "--side", "200", "--only", "random, 60 %"]
    said = run("splits.py", "--labels", str(path), *tiny)
    lines = [line.split("|") for line in said.splitlines() if line.startswith("| random, 60 %")]
    given_away, taken = lines
    assert float(given_away[3].partition("%")[0]) > 90
    assert float(taken[2]) > 0


def test_a_benchmark_that_is_not_there_is_named():
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "run.py"), "nonsense"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "no benchmark nonsense; there are speed, end_to_end" in done.stderr


def test_wrong_labels_are_counted():
    pytest.importorskip("sklearn")
    said = run("wrong_labels.py", "--size", "96", "--seeds", "1", "--shares", "0", "0.05")
    clean, *swapped = (
        [cell.strip() for cell in line.split("|")[1:-1]] for line in said.splitlines()[2:]
    )
    assert (clean[1], clean[4]) == ("0%", "-")
    assert [row[0] for row in swapped] == ["random", "pair", "patches"]
    for row in swapped:
        assert 0 < float(row[4].strip(" %")) <= 100
        assert float(row[5].strip(" %")) < 5


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the memory")
def test_an_export_from_a_very_large_image_takes_little_memory():
    """200 polygons and some points on 20,000 x 20,000 x 200; all of it would be 160 GB."""
    said = run("large_export.py", "--sides", "20000", "--points", "300")
    rows = [line.split("|") for line in said.splitlines()[2:]]
    assert [row[2].strip() for row in rows] == ["200 polygons", "300 points"]
    assert all(int(row[5].replace(",", "")) < 1024 for row in rows)  # MiB above imports
    assert all(int(row[6].replace(",", "")) < 100 for row in rows)  # MiB on disk

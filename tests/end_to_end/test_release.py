from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal

from .conftest import Headless, load_headless

ROOT = Path(__file__).resolve().parents[2]
TOP = {"__init__.py", "metadata.txt", "requirements.txt", "LICENSE", "README.md", "CHANGELOG.md"}
FOLDERS = {"docs", "hsicnn_plugin", "algorithms", "core", "models"}


@pytest.fixture(scope="module")
def release(tmp_path_factory) -> zipfile.ZipFile:
    if not (shutil.which("make") and shutil.which("git") and (ROOT / ".git").exists()):
        pytest.skip("a release is made with make and git from a clone")
    folder = tmp_path_factory.mktemp("release")
    command = ["make", "-s", "-C", str(ROOT), "zip", f"BUILD={folder}"]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return zipfile.ZipFile(made.stdout.strip())


def test_the_release_holds_the_plugin_and_nothing_else(release):
    names = [Path(name).parts[1:] for name in release.namelist() if not name.endswith("/")]
    assert {parts[0] for parts in names} == TOP | FOLDERS
    assert not [parts for parts in names if any(part.startswith(".") for part in parts)]
    suffixes = {Path(*parts).suffix for parts in names if parts[0] in FOLDERS}
    assert suffixes <= {".py", ".md", ".svg", ".model3"}
    assert sum(item.file_size for item in release.infolist()) < 25e6


@pytest.fixture(scope="module")
def installed(release, tmp_path_factory) -> Headless:
    """qgis_process with the release in a fresh profile."""
    support = load_headless()
    try:
        support.program()
    except RuntimeError:
        pytest.skip("qgis_process is not there")
    return Headless(support.installed(tmp_path_factory.mktemp("profile"), release))


def test_the_installed_release_offers_every_algorithm(installed):
    done = subprocess.run(
        installed.command("list"),
        env=installed.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    from hsicnn.algorithms import ALGORITHMS

    offered = set(re.findall(r"\bhsicnn:([a-z]+)", done.stdout))
    assert offered == {item.ID for item in ALGORITHMS} | {"mapfromrasterandreference"}


@pytest.mark.slow
def test_the_installed_release_makes_a_map(installed, chain, tmp_path):
    pytest.importorskip("torch")
    image, model = tmp_path / "image.tif", tmp_path / "model.safetensors"
    little = {"EPOCHS": 1, "PATCH_SIZE": 1, "SHORTEST_EPOCH": 1, "LONGEST_EPOCH": 2}
    steps = (
        ("createexamplescene", {"SIZE": 96, "BANDS": 16, "CLASSES": 3, "OUTPUT": image}),
        ("trainclassifier", {"INPUT": chain / "chips", "DEVICE": "cpu", **little, "OUTPUT": model}),
        ("classifyraster", {"INPUT": image, "MODEL": model, "OUTPUT": tmp_path / "map.tif"}),
    )
    for algorithm, values in steps:
        done = installed.run(algorithm, **values)
        assert done.returncode == 0, done.stdout
    classes = gdal.Open(str(tmp_path / "map.tif"))
    assert (classes.RasterXSize, classes.RasterYSize) == (96, 96)
    found = set(np.frombuffer(classes.GetRasterBand(1).ReadRaster(), np.uint8))
    assert found & {1, 2, 3}
    assert found <= {0, 1, 2, 3}

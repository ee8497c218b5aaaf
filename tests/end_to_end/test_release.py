from __future__ import annotations

import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from .conftest import load_headless

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


def test_the_release_is_enabled_in_qgis_and_runs(release, tmp_path):
    support = load_headless()
    try:
        program = support.program()
    except RuntimeError:
        pytest.skip("qgis_process is not there")
    unpacked = tmp_path / "unpacked"
    for item in release.infolist():
        release.extract(item, unpacked)
    home = tmp_path / "home"
    home.mkdir()
    environment = support.profile(home, unpacked / "hsicnn")
    scene = tmp_path / "scene.tif"
    values = [f"OUTPUT={scene}", "SIZE=48", "BANDS=12", "CLASSES=3"]
    command = [program, "run", "hsicnn:createexamplescene", "--", *values]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert scene.exists()

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SUPPORT = Path(__file__).resolve().parents[1] / "support"


def load_headless():
    spec = importlib.util.spec_from_file_location("headless", SUPPORT / "headless.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Headless:
    """qgis_process with a profile that has the plugin."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._support = load_headless()
        self.environment = environment

    def command(self, *arguments: str) -> list[str]:
        return [self._support.program(), *arguments]

    def start(self, algorithm: str, **values: object) -> subprocess.Popen:
        return subprocess.Popen(
            self.command("run", f"hsicnn:{algorithm}", "--", *pairs(values)),
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, algorithm: str, **values: object) -> subprocess.CompletedProcess:
        return subprocess.run(
            self.command("run", f"hsicnn:{algorithm}", "--", *pairs(values)),
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )


def pairs(values: dict) -> list[str]:
    return [f"{name}={value}" for name, value in values.items()]


@pytest.fixture(scope="session")
def headless(tmp_path_factory) -> Headless:
    """The checkout as the plugin."""
    if not (shutil.which("qgis_process.bin") or shutil.which("qgis_process")):
        pytest.skip("qgis_process is not there")
    if sys.platform == "win32":
        pytest.skip("a link to the checkout needs rights on Windows")
    return Headless(load_headless().profile(tmp_path_factory.mktemp("profile")))


@pytest.fixture(scope="session")
def chain(headless, tmp_path_factory) -> Path:
    """A folder with a scene, its chips and a model, all made by qgis_process."""
    folder = tmp_path_factory.mktemp("chain")
    scene = {
        "OUTPUT": folder / "image.tif",
        "REFERENCE": folder / "reference.tif",
        "SAMPLES": folder / "points.gpkg",
    }
    steps = (
        ("createexamplescene", {"SIZE": 96, "BANDS": 16, "CLASSES": 3, **scene}),
        (
            "exporttrainingchips",
            {
                "INPUT": folder / "image.tif",
                "REFERENCE": folder / "reference.tif",
                "OUTPUT": folder / "chips",
            },
        ),
        (
            "trainclassifier",
            {
                "INPUT": folder / "chips",
                "EPOCHS": 1,
                "PATCH_SIZE": 1,
                "SHORTEST_EPOCH": 1,
                "LONGEST_EPOCH": 2,
                "DEVICE": "cpu",
                "OUTPUT": folder / "model.safetensors",
            },
        ),
    )
    for algorithm, values in steps:
        done = headless.run(algorithm, **values)
        assert done.returncode == 0, done.stdout
    return folder

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

SUPPORT = Path(__file__).resolve().parents[1] / "support"
sys.path.insert(0, str(SUPPORT))

import faults  # noqa: E402
import wrong_inputs  # noqa: E402
from disks import Disk  # noqa: E402

EARLIER = b"what was there before"
#: What each algorithm is asked to write, all of it there already.
OUTPUTS = {
    "exporttrainingchips": {"OUTPUT": "chips", "FOOTPRINTS": "outlines.gpkg"},
    "trainclassifier": {"OUTPUT": "model.safetensors", "REPORT": "report.html"},
    "classifyraster": {"OUTPUT": "map.tif", "PROBABILITIES": "shares.tif"},
    "assessaccuracy": {"REPORT": "report.html", "JSON": "figures.json", "ERRORS": "errors.tif"},
}


def load_headless():
    spec = importlib.util.spec_from_file_location("headless", SUPPORT / "headless.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Headless:
    """qgis_process with a profile that has the plugin.

    Args:
        environment: that uses the profile.
        disk: that the outputs lie on, where something is wrong with it.
    """

    def __init__(self, environment: dict[str, str], disk: Disk | None = None) -> None:
        self._support = load_headless()
        self._disk = disk or Disk(Path(), Path())
        self.environment = environment

    def on(self, disk: Disk) -> Headless:
        """The same where programs see a disk."""
        return Headless({**self.environment, **disk.variables}, disk)

    def where(self, fault: str) -> Headless:
        """The same on a machine with a fault, see ``faults``."""
        return Headless({**self.environment, faults.VARIABLE: fault}, self._disk)

    def command(self, *arguments: str) -> list[str]:
        return [*self._disk.prefix, self._support.program(), *arguments]

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
    environment = load_headless().profile(tmp_path_factory.mktemp("profile"))
    faults.install(environment)
    return Headless(environment)


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


@pytest.fixture(scope="session")
def wrong(chain, tmp_path_factory) -> Path:
    """A folder of wrong inputs."""
    folder = tmp_path_factory.mktemp("wrong")
    wrong_inputs.write_all(chain, folder)
    return folder


def earlier_outputs(algorithm: str, folder: Path) -> dict[str, Path]:
    """Put something in the place of all that an algorithm will write; return where it writes."""
    outputs = {name: folder / file for name, file in OUTPUTS[algorithm].items()}
    for path in outputs.values():
        if path.suffix:
            path.write_bytes(EARLIER)
        else:
            path.mkdir()
            (path / "chips.json").write_text('{"format": "hsicnn chip set", "of": "before"}')
    return outputs


def content_of(folder: Path) -> dict[str, bytes]:
    """Return what lies in a folder, hidden files and all below it too."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in folder.rglob("*")
    }


def worker_of(process: subprocess.Popen) -> int:
    """Return the id of the worker that a program has started."""
    for task in Path(f"/proc/{process.pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            if "worker.py" in Path(f"/proc/{child}/cmdline").read_text():
                return int(child)
    raise AssertionError("no worker runs")


T = TypeVar("T")


@contextmanager
def side_by_side(
    request: pytest.FixtureRequest, run: Callable[[str], T]
) -> Iterator[dict[str, Future[T]]]:
    """Run something for the ``case`` of every test of a module, as many at once as there are cores.

    QGIS takes a second to start, on one core: tests that wait for each other waste the others.
    """
    tests = [item for item in request.session.items if item.path == request.path]
    calls = [getattr(item, "callspec", None) for item in tests]
    names = dict.fromkeys(c.params["case"] for c in calls if c and "case" in c.params)
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        yield {name: pool.submit(run, name) for name in names}
    finally:
        pool.shutdown(cancel_futures=True)


def refusal(headless: Headless, algorithm: str, folder: Path, **values: object) -> str:
    """Run an algorithm that must fail and change nothing in a folder; return all it said."""
    before = content_of(folder)
    done = headless.run(algorithm, **values)
    assert done.returncode != 0, done.stdout
    assert "Traceback" not in done.stdout, done.stdout
    assert "went wrong inside the plugin" not in done.stdout, done.stdout
    assert content_of(folder) == before
    return done.stdout

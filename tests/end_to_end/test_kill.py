"""Jobs killed with SIGKILL at random moments: nothing is lost, and they can be run again.

A job runs in a worker as QGIS starts it. Its worker, its parent, or both are killed at a moment
drawn from the time that the whole run takes after its first word. The seed of every moment is the
name of the case, so that a failure can be repeated.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hsicnn.core.raster.gdal_session import gdal_session
from osgeo import gdal

pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.numpy")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and /proc are POSIX"),
]

DRIVER = Path(__file__).resolve().parents[1] / "support" / "run_job.py"
EARLIER = b"what was there before"
PATIENCE = 240.0  # seconds for a process to say its first word or to end
KINDS = ("worker", "parent", "both")

TALL = 4  # times the image, one below the other
SCENE = {"bands": 12, "classes": 3, "seed": 5}
TRAINING = {"epochs": 8, "shortest_epoch": 4, "longest_epoch": 4}


@dataclass
class Run:
    """A job under way."""

    process: subprocess.Popen
    lines: list[str] = field(default_factory=list)
    spoke: threading.Event = field(default_factory=threading.Event)
    began: float = 0.0

    def listen(self) -> None:
        for line in self.process.stdout:
            if not self.spoke.is_set():
                self.began = time.monotonic()
                self.spoke.set()
            self.lines.append(line.rstrip())
        self.spoke.set()

    def first_word(self) -> None:
        assert self.spoke.wait(PATIENCE), "not a word"

    def end(self) -> str:
        self.process.wait(PATIENCE)
        self.listener.join(PATIENCE)
        return "\n".join(self.lines)


def start(job: str, arguments: dict) -> Run:
    process = subprocess.Popen(
        [sys.executable, str(DRIVER), json.dumps({"job": job, "arguments": arguments})],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    run = Run(process)
    run.listener = threading.Thread(target=run.listen, daemon=True)
    run.listener.start()
    return run


def complete(job: str, arguments: dict) -> tuple[str, float]:
    """Run a job to its end; return its words, and the seconds from the first to the last."""
    run = start(job, arguments)
    run.first_word()
    said = run.end()
    assert run.process.returncode == 0, said
    return said, time.monotonic() - run.began


def children(process: int) -> list[int]:
    found = []
    for task in Path("/proc").glob(f"{process}/task/*/children"):
        with contextlib.suppress(OSError):
            found += [int(child) for child in task.read_text().split()]
    return found


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kill(run: Run, kind: str) -> None:
    """Kill the worker, its parent or both, and see that neither stays."""
    workers = children(run.process.pid)
    if kind != "worker":
        run.process.kill()
    if kind != "parent":
        for worker in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE
    while any(map(is_alive, [run.process.pid, *workers])) and time.monotonic() < deadline:
        run.process.poll()
        time.sleep(0.02)
    assert not [process for process in workers if is_alive(process)], "a worker outlives its parent"


# ------------------------------------------------------------------------------------ the jobs


@dataclass(frozen=True)
class Case:
    """A job, the names of its outputs by argument, and its other arguments."""

    job: str
    outputs: dict[str, str]
    arguments: dict

    def arguments_in(self, folder: Path) -> dict:
        return {**self.arguments, **{key: str(folder / n) for key, n in self.outputs.items()}}


def cases(material: Path) -> dict[str, Case]:
    image, chips = str(material / "image.tif"), str(material / "chips")
    return {
        "train": Case(
            "train_classifier",
            {"output": "model.safetensors", "report": "report.html"},
            {"chips": chips, "settings": TRAINING, "device": "cpu"},
        ),
        "classify": Case(
            "classify_raster",
            {"output": "map.tif", "probabilities": "shares.tif", "confidence": "trust.tif"},
            {
                "image": str(material / "tall.tif"),
                "model": str(material / "model.safetensors"),
                "device": "cpu",
                "memory_mb": 256,
            },
        ),
        "export": Case(
            "export_training_chips",
            {"output": "chips", "footprints": "footprints.gpkg"},
            {"image": image, "reference": str(material / "reference.tif"), "chip_size": 32},
        ),
        "assess": Case(
            "assess_accuracy",
            {"report": "report.html", "json": "figures.json", "errors": "errors.tif"},
            {"class_map": str(material / "map.tif"), "reference": str(material / "reference.tif")},
        ),
    }


@pytest.fixture(scope="module")
def material(tmp_path_factory) -> Path:
    """An image with its reference, chips, a model, a map; and chips that were there before."""
    folder = tmp_path_factory.mktemp("material")
    image, reference = str(folder / "image.tif"), str(folder / "reference.tif")
    chips, model = str(folder / "chips"), str(folder / "model.safetensors")
    complete(
        "create_example_scene", {"output": image, "reference": reference, "size": 384, **SCENE}
    )
    exported = {"image": image, "reference": reference, "max_per_class": 150}
    complete("export_training_chips", {**exported, "output": chips})
    complete("export_training_chips", {**exported, "output": str(folder / "earlier"), "seed": 9})
    settings = {**TRAINING, "epochs": 1}
    complete("train_classifier", {"chips": chips, "output": model, "settings": settings})
    complete("classify_raster", {"image": image, "model": model, "output": str(folder / "map.tif")})
    stack(image, str(folder / "tall.tif"))
    return folder


def stack(image: str, tall: str) -> None:
    """Write some columns of an image several times below themselves, in strips: six zones."""
    with gdal_session():
        found = gdal.Open(image)
        width, height, bands = 128, found.RasterYSize, found.RasterCount
        kind = found.GetRasterBand(1).DataType
        made = gdal.GetDriverByName("GTiff").Create(tall, width, TALL * height, bands, kind)
        made.SetGeoTransform(found.GetGeoTransform())
        made.SetProjection(found.GetProjection())
        pixels = found.ReadRaster(0, 0, width, height)
        for number in range(TALL):
            made.WriteRaster(0, number * height, width, height, pixels)
        for number in range(1, bands + 1):
            band, copy = found.GetRasterBand(number), made.GetRasterBand(number)
            copy.SetMetadata(band.GetMetadata())
            copy.SetNoDataValue(band.GetNoDataValue())
            copy.SetScale(band.GetScale() or 1.0)
            copy.SetOffset(band.GetOffset() or 0.0)
        made.FlushCache()


@pytest.fixture(scope="module")
def whole(material, tmp_path_factory):
    """Each job's folder after an uninterrupted run, and how long that took; made when asked."""
    made: dict[str, tuple[Path, float]] = {}

    def run(name: str) -> tuple[Path, float]:
        if name not in made:
            folder = tmp_path_factory.mktemp(f"whole-{name}")
            case = cases(material)[name]
            _, seconds = complete(case.job, case.arguments_in(folder))
            made[name] = (folder, seconds)
        return made[name]

    return run


# ------------------------------------------------------------------------------ what is compared


def raster_values(path: Path) -> tuple:
    dataset = gdal.Open(str(path))
    bands = [dataset.GetRasterBand(number + 1) for number in range(dataset.RasterCount)]
    return (
        dataset.GetGeoTransform(),
        [(band.ReadRaster(), str(band.GetNoDataValue()), band.GetDescription()) for band in bands],
    )


def model_values(path: Path) -> dict[str, np.ndarray]:
    return {name: value.tobytes() for name, value in safetensors.load_file(str(path)).items()}


def files_of(folder: Path) -> dict[str, object]:
    return {
        str(path.relative_to(folder)): content(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def content(path: Path) -> object:
    """What two runs of a job must have in common in an output."""
    if path.is_dir():
        return files_of(path)
    if path.suffix == ".tif":
        return raster_values(path)
    if path.suffix == ".safetensors":
        return model_values(path)
    if path.name == "chips.json":
        return json.loads(path.read_text(encoding="utf-8"))["hash"]
    if path.suffix == ".json":
        return {**json.loads(path.read_text(encoding="utf-8")), "created": ""}
    return path.suffix  # reports hold times, GeoPackages dates


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def lay_earlier(material: Path, case: Case, folder: Path) -> None:
    for name in case.outputs.values():
        if name == "chips":
            shutil.copytree(material / "earlier", folder / name)
        else:
            (folder / name).write_bytes(EARLIER)


def is_earlier(material: Path, path: Path) -> bool:
    if path.is_dir():
        return files_of(path) == files_of(material / "earlier")
    return path.is_file() and path.read_bytes() == EARLIER


def nothing_is_lost(material: Path, case: Case, folder: Path, finished: Path) -> None:
    """Each output is the earlier one or the finished new one, never anything between."""
    for name in case.outputs.values():
        place = folder / name
        if is_earlier(material, place):
            continue
        if not place.exists():  # between two renames: it has been set aside
            kept = [*folder.glob(f".{name}.*.before"), *folder.glob(f".{name}.*.old")]
            assert [path for path in kept if is_earlier(material, path)], f"{name} is lost"
            continue
        assert content(place) == content(finished / name), f"{name} is half-written"


# ----------------------------------------------------------------------------------- the kills


def kill_at_random(name: str, number: int, case: Case, folder: Path, seconds: float) -> Run:
    """Start a job and kill it at a random moment; where it was quicker, at an earlier one."""
    chance = random.Random(f"{name} {number}")
    moment, kind = chance.uniform(0.0, seconds), KINDS[number % len(KINDS)]
    while True:
        run = start(case.job, case.arguments_in(folder))
        run.first_word()
        time.sleep(moment)
        if run.process.poll() is None:
            kill(run, kind)
            sys.stdout.write(
                f"{name} {number}: {kind} killed {moment:.2f} s after its first word\n"
            )
            return run
        moment *= 0.8


@pytest.mark.parametrize(
    ("name", "number"),
    [
        *(("train", number) for number in range(6)),
        *(("classify", number) for number in range(6)),
        *(("export", number) for number in range(4)),
        *(("assess", number) for number in range(4)),
    ],
)
def test_a_killed_job_loses_nothing_and_can_be_run_again(material, whole, tmp_path, name, number):
    case = cases(material)[name]
    finished, seconds = whole(name)
    lay_earlier(material, case, tmp_path)

    killed = kill_at_random(name, number, case, tmp_path, seconds)
    nothing_is_lost(material, case, tmp_path, finished)
    if KINDS[number % len(KINDS)] == "worker" and "result" not in killed.end():
        assert any(line.startswith("error ") for line in killed.lines), killed.lines
    checkpoint = tmp_path / "model.safetensors.checkpoint.safetensors"
    begun, zones = checkpoint.exists(), finished_zones(tmp_path)
    if zones and len([*tmp_path.glob(".*.partial.tif")]) < len(case.outputs):
        zones = 0  # killed between two renames, at the very end: it is all computed again

    said, _ = complete(case.job, case.arguments_in(tmp_path))
    assert ("Going on after epoch" in said) == begun
    assert (f"interrupted after {zones} of" in said) == (zones > 0), said
    assert names_in(tmp_path) == names_in(finished)
    for output in case.outputs.values():
        assert content(tmp_path / output) == content(finished / output), output


def finished_zones(folder: Path) -> int:
    texts = [path.read_text(encoding="utf-8") for path in folder.glob(".*.partial.journal")]
    return sum(text.count('{"zone"') for text in texts)


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_classification_goes_on_after_its_last_zone(material, whole, tmp_path, kind):
    case = cases(material)["classify"]
    finished, _ = whole("classify")
    lay_earlier(material, case, tmp_path)
    run = start(case.job, case.arguments_in(tmp_path))
    deadline = time.monotonic() + PATIENCE
    while finished_zones(tmp_path) < 2 and time.monotonic() < deadline:
        assert run.process.poll() is None, run.end()
        time.sleep(0.005)
    kill(run, kind)
    nothing_is_lost(material, case, tmp_path, finished)
    zones = finished_zones(tmp_path)
    assert zones >= 2
    if kind == "worker":
        assert "What is finished was kept" in run.end()

    said, _ = complete(case.job, case.arguments_in(tmp_path))
    assert f"interrupted after {zones} of 6 parts" in said
    assert "going on from there" in said
    assert names_in(tmp_path) == names_in(finished)
    for output in case.outputs.values():
        assert content(tmp_path / output) == content(finished / output), output


@pytest.mark.parametrize("victim", ["qgis", "both"])
@pytest.mark.parametrize("algorithm", ["trainclassifier", "classifyraster"])
def test_a_killed_qgis_loses_nothing_and_can_be_run_again(
    headless, material, whole, tmp_path, algorithm, victim
):
    name = {"trainclassifier": "train", "classifyraster": "classify"}[algorithm]
    case = cases(material)[name]
    finished, seconds = whole(name)
    if name == "train":
        values = {
            "INPUT": material / "chips",
            **{key.upper(): value for key, value in TRAINING.items()},
            "OUTPUT": tmp_path / "model.safetensors",
            "REPORT": tmp_path / "report.html",
        }
    else:
        values = {
            "INPUT": material / "tall.tif",
            "MODEL": material / "model.safetensors",
            "MEMORY": 256,
            "OUTPUT": tmp_path / "map.tif",
            "PROBABILITIES": tmp_path / "shares.tif",
            "CONFIDENCE": tmp_path / "trust.tif",
        }
    values["DEVICE"] = "cpu"
    lay_earlier(material, case, tmp_path)
    run = Run(headless.start(algorithm, **values))
    run.listener = threading.Thread(target=run.listen, daemon=True)
    run.listener.start()
    # The worker's first temporary file or checkpoint shows that it computes.
    deadline = time.monotonic() + PATIENCE
    before = names_in(tmp_path)
    while names_in(tmp_path) == before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert run.process.poll() is None, run.end()
    time.sleep(random.Random(f"{algorithm} {victim}").uniform(0.0, seconds / 3))
    kill(run, {"qgis": "parent"}.get(victim, victim))
    nothing_is_lost(material, case, tmp_path, finished)

    done = headless.run(algorithm, **values)
    assert done.returncode == 0, done.stdout
    assert names_in(tmp_path) == names_in(finished)
    for output in case.outputs.values():
        assert content(tmp_path / output) == content(finished / output), output

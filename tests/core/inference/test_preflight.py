"""What is said and refused before a classification, on a machine that is made up."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hsicnn.core.errors import InputError
from hsicnn.core.inference import preflight
from hsicnn.core.inference.classify import classify_raster
from hsicnn.core.inference.pace import Pace
from hsicnn.core.inference.plan import Plan
from hsicnn.core.inference.preflight import fit_plan
from hsicnn.core.progress import SilentProgress
from hsicnn.core.runtime import disk_space
from hsicnn.core.runtime.devices import Device
from hsicnn.core.runtime.resources import Disk, FreeMemory
from hsicnn.core.sizes import GIB, MIB

from .conftest import band_count, make_model, read_raster, write_scene

ARCHITECTURE = "indian_pines_3d"
CARD = Device("cuda:0", "a card, 8 GB")


class Said(SilentProgress):
    def __init__(self) -> None:
        self.logs: list[str] = []
        self.warnings: list[str] = []

    def log(self, text):
        self.logs.append(text)

    def warn(self, text):
        self.warnings.append(text)


@pytest.fixture
def machine(monkeypatch):
    """What is free: memory, memory of the card, disk; tests change it."""
    free = {"memory": 8 * GIB, "card": 8 * GIB, "disk": 8 * GIB}
    monkeypatch.setattr(preflight, "free_memory", lambda: FreeMemory(free["memory"]))
    monkeypatch.setattr(preflight, "free_device_memory", lambda _: free["card"])
    monkeypatch.setattr(disk_space, "disk_of", lambda _: Disk(1, Path("/out"), free["disk"]))
    return free


@pytest.fixture
def job(tmp_path):
    """A function that classifies a small image and returns what was said."""
    image = write_scene(tmp_path / "image.tif", band_count(ARCHITECTURE), 33, 27)
    make_model(tmp_path / "model.safetensors", ARCHITECTURE)

    def run(said: Said | None = None, **given) -> Said:
        said = said or Said()
        files = {"output": str(tmp_path / "map.tif"), "device": "cpu"}
        classify_raster(
            image=str(image),
            model=str(tmp_path / "model.safetensors"),
            progress=said,
            **{**files, **given},
        )
        return said

    return run


def test_everything_is_said_before_a_classification(machine, job, tmp_path):
    said = job(confidence=str(tmp_path / "confidence.tif"))
    begin = {line.split(":")[0]: number for number, line in enumerate(said.logs)}
    assert begin["Memory"] < begin["Disk"] < begin["Time"]
    disk, memory, time = (said.logs[begin[word]] for word in ("Disk", "Memory", "Time"))
    assert disk.startswith("Disk: up to ")
    assert "CONFIDENCE 320 KiB, OUTPUT 192 KiB" in disk
    assert memory.endswith("of 1.0 GiB (MEMORY); 8.0 GiB free of this machine.")
    assert time == "Time: about 1 s, by a few tiles tried on this machine."
    assert not said.warnings


def test_a_budget_too_small_is_refused_with_the_smallest_that_works(machine, job, tmp_path):
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(InputError, match=r"MEMORY is 64 MB\. Set MEMORY to \d+ or more") as refused:
        job(memory_mb=64)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    least = int(str(refused.value).split("Set MEMORY to ")[1].split()[0])
    with pytest.raises(InputError, match="Set MEMORY"):
        job(memory_mb=least - 1)
    job(memory_mb=least)
    smallest = read_raster(tmp_path / "map.tif")
    job()
    assert (smallest == read_raster(tmp_path / "map.tif")).all()


def test_probabilities_of_very_many_classes_are_named_as_what_to_leave_out(machine):
    def plan_of(budget, card):
        return Plan(8, 8, 8, 1, 1, 256, 256, memory=700 * MIB)

    with pytest.raises(InputError, match=r"Set MEMORY to 700 or more, or leave PROBABILITIES out"):
        fit_plan(
            plan_of,
            memory_mb=512,
            place=Device("cpu", "CPU"),
            probabilities=True,
            progress=Said(),
        )


def test_a_machine_with_less_than_the_budget_gets_smaller_blocks(machine, job):
    machine["memory"] = 300 * MIB
    said = job()
    assert any("300 MiB free of this machine" in line for line in said.logs)
    assert "That is less than the budget: smaller blocks are computed." in said.logs
    machine["memory"] = 20 * MIB
    with pytest.raises(InputError, match=r"20 MiB are free of this machine\. Close other programs"):
        job()
    machine["memory"] = None
    assert any(line.endswith("; what is free is not known.") for line in job().logs)


def test_a_card_is_asked_what_it_has_free(machine):
    def plan_of(budget, card):
        machine["asked"] = card
        return Plan(8, 8, 8, 1, 1, 256, 256, memory=200 * MIB, on_device=100 * MIB)

    given = {"memory_mb": 512, "place": CARD, "probabilities": False}
    said = Said()
    fit_plan(plan_of, progress=said, **given)
    assert machine["asked"] == 8 * GIB
    assert said.logs[-1] == "Memory of a card, 8 GB: about 100 MiB; 8.0 GiB free."
    machine["card"] = None
    fit_plan(plan_of, progress=said, **given)
    assert said.logs[-1].endswith("what is free is not known.")
    machine["card"] = 50 * MIB
    with pytest.raises(InputError, match=r"100 MiB on a card, 8 GB.*DEVICE 'cpu'"):
        fit_plan(plan_of, progress=said, **given)


def test_a_disk_too_small_is_refused_and_nothing_changed(machine, job, tmp_path):
    (tmp_path / "map.tif").write_bytes(b"an earlier map")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    machine["disk"] = 400
    with pytest.raises(InputError, match=r"at least .*leave PROBABILITIES out, or classify parts"):
        job(probabilities=str(tmp_path / "shares.tif"))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_disk_that_may_become_full_is_warned_of(machine, job, tmp_path):
    machine["disk"] = 300 * 1024
    said = job(probabilities=str(tmp_path / "shares.tif"))
    assert len(said.warnings) == 1
    assert "leave PROBABILITIES out" in said.warnings[0]


def test_what_overlaps_takes_as_long_as_the_slowest_of_it_or_as_all_cores_need():
    plan = Plan(8, 8, 8, 2, 1, 256, 256)
    assert Pace(1.0, 8.0, 2.0).seconds(10, plan, cores=16) == 40.0  # two workers compute
    assert Pace(1.0, 8.0, 6.0).seconds(10, plan, cores=16) == 60.0  # one thread writes
    assert Pace(1.0, 8.0, 3.0).seconds(10, plan, cores=2) == 60.0  # 12 of work on two cores
    card = Plan(8, 8, 8, 1, 2, 256, 256, on_device=1)
    assert Pace(1.0, 4.0, 3.0).seconds(10, card, cores=2) == 40.0


def test_a_trial_that_runs_out_of_memory_says_no_time(machine, job, monkeypatch):
    from hsicnn.core.inference import pace

    def too_much(*_):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(pace, "_try_tiles", too_much)
    assert not any(line.startswith("Time") for line in job().logs)


def test_the_time_is_that_of_the_tiles_as_they_are_made(tmp_path):
    """Of a block of one row tiles are one row high: nearly all of the work is around them."""
    from hsicnn.core.inference import pace
    from hsicnn.core.inference.reach import Reach

    reach, inputs = Reach(26), torch.empty(4, 1 + 52, 432 + 52)
    plan = Plan(1, 432, 32, 1, 1, 256, 512, 26)
    shape = pace._tile_shape(reach, inputs, plan)
    assert shape == (1, 31)
    assert 140 < pace._computed(reach, *shape) < 142
    assert 6 < pace._computed(reach, 32, 32) < 7
    said = Said()

    class Far(torch.nn.Module):
        radius = 26

    pace._say_what_margins_cost(Far(), inputs, plan, said)
    assert "one part in 142" in said.logs[0]
    pace._say_what_margins_cost(Far(), torch.empty(4, 84, 84), plan, said)
    assert len(said.logs) == 1

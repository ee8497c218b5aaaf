"""What is said and refused before a training, on a machine whose memory and disk are made up."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from chip_sets import Said, chip_set  # noqa: E402
from hsicnn.core.errors import ChipSetError, InputError  # noqa: E402
from hsicnn.core.runtime import disk_space  # noqa: E402
from hsicnn.core.runtime.devices import Device  # noqa: E402
from hsicnn.core.runtime.resources import Disk, FreeMemory  # noqa: E402
from hsicnn.core.sizes import GIB, MIB  # noqa: E402
from hsicnn.core.training import preflight  # noqa: E402
from hsicnn.core.training.footprint import expected_inputs, footprint, step_bytes  # noqa: E402
from hsicnn.core.training.preflight import check_training  # noqa: E402
from hsicnn.core.training.preparation import make_network  # noqa: E402
from hsicnn.core.training.resolving import resolve_settings  # noqa: E402

CPU = Device("cpu", "CPU, 2 threads")
CARD = Device("cuda:0", "a card, 8 GB")


@pytest.fixture
def machine(monkeypatch):
    """What is free: memory, memory of the card, disk; tests change it."""
    free = {"memory": 8 * GIB, "card": 8 * GIB, "disk": 8 * GIB}
    monkeypatch.setattr(preflight, "free_memory", lambda: FreeMemory(free["memory"]))
    monkeypatch.setattr(preflight, "free_device_memory", lambda _: free["card"])
    monkeypatch.setattr(disk_space, "disk_of", lambda _: Disk(1, Path("/out"), free["disk"]))
    return free


def check(tmp_path, said, *, info=None, place=CPU, memory_bytes=GIB, report="", **given):
    model = tmp_path / "model.safetensors"
    return check_training(
        info or chip_set(),
        resolve_settings(given),
        place,
        files=(model, model.with_name(model.name + ".checkpoint.safetensors")),
        report=report,
        memory_bytes=memory_bytes,
        progress=said,
    )


def needs(memory_bytes=GIB, **given):
    settings = resolve_settings(given)
    network = make_network(settings, expected_inputs(settings, 12), 3)
    info = chip_set()
    found = footprint(info, settings, network, memory_bytes=memory_bytes, accelerated=False)
    return found, lambda patches: step_bytes(network, settings, 12, patches, 0)


def test_an_epoch_of_few_patches_is_explained(machine, tmp_path):
    said, few = Said(), {"longest_epoch": 2, "shortest_epoch": 1, "batch_size": 4}
    check(tmp_path, said, margin=0, **few)
    assert said.logs[5] == "An epoch draws 8 of the 300 training pixels anew (LONGEST_EPOCH)."
    said = Said()
    check(tmp_path, said, margin=1, architecture="hu_2015", **few)
    assert said.logs[5].endswith("up to 1 pixels around each are learnt along with it (MARGIN).")


def test_everything_is_said_before_a_training(machine, tmp_path):
    said = Said()
    allowed = check(tmp_path, said)
    assert (allowed.memory_bytes, allowed.patches) == (GIB, 64)
    assert "parameters, 9x9 pixels around each pixel, 12 bands, on CPU" in said.logs[0]
    assert said.logs[1] == "  c1: train 100, validation 20"
    assert said.logs[4] == "15 epochs of 60 steps of 64 patches each."
    assert said.logs[5].startswith("RECIPE 'recommended'")
    assert said.logs[6].startswith("Memory: about ")
    assert said.logs[6].endswith("; 8.0 GiB free of this machine.")
    assert said.logs[7].startswith("Disk: ")
    assert said.logs[7].endswith("; 8.0 GiB free at /out.")
    assert len(said.logs) == 8  # an epoch is a whole pass: nothing more to say of it
    assert not said.warnings
    assert list(tmp_path.iterdir()) == []


def test_on_a_card_its_memory_is_said_beside_the_machines(machine, tmp_path):
    said = Said()
    check(tmp_path, said, place=CARD)
    here, there = (line for line in said.logs if line.startswith("Memory: about "))
    assert here.endswith("; 8.0 GiB free of this machine.")
    assert there.endswith("; 8.0 GiB free on a card, 8 GB.")
    machine["card"] = None
    check(tmp_path, said, place=CARD)
    assert any(line.endswith("; what is free is not known.") for line in said.logs)


def test_a_machine_that_does_not_tell_its_memory_holds_nothing_up(machine, tmp_path):
    machine["memory"] = None
    said = Said()
    assert check(tmp_path, said).memory_bytes == GIB
    assert any(line.endswith("; what is free is not known.") for line in said.logs)


def test_pixels_take_half_of_what_is_free_at_the_most(machine, tmp_path):
    machine["memory"] = GIB
    assert check(tmp_path, Said(), memory_bytes=4 * GIB).memory_bytes == GIB // 2


def test_a_batch_that_does_not_fit_is_taken_in_parts(machine, tmp_path):
    given = {"batch_size": 65_536}
    found, step = needs(**given)
    machine["memory"] = found.on_machine(step(8192), accelerated=False) + MIB
    said = Said()
    assert check(tmp_path, said, **given).patches == 8192
    assert "in parts of 8,192" in said.warnings[0]
    assert "BATCH_SIZE" in said.warnings[0]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"patch_size": 13}, ["PATCH_SIZE (now 13)", "ARCHITECTURE"]),
        ({"margin": 3, "patch_size": 1}, ["MARGIN (now 3)", "ARCHITECTURE"]),
        ({"options": {"hidden": 4096}, "patch_size": 1}, ["OPTIONS", "ARCHITECTURE"]),
    ],
)
def test_what_fits_not_even_with_two_patches_is_refused_with_what_to_change(
    machine, tmp_path, given, words
):
    machine["memory"] = 8 * MIB
    with pytest.raises(InputError, match="even with 2 patches") as refused:
        check(tmp_path, Said(), info=chip_set(halo=12), **given)
    message = str(refused.value)
    assert "8.0 MiB are free of this machine" in message
    for word in ("MARGIN", "PATCH_SIZE", "OPTIONS", "ARCHITECTURE", "DEVICE"):
        assert (word in message) == any(word in wanted for wanted in words)
    assert all(word in message for word in words)
    assert list(tmp_path.iterdir()) == []


def test_a_network_larger_than_any_machine_is_refused_without_being_made(machine, tmp_path):
    # Weights and what belongs to them would take some 16 GiB.
    options = {"members": 32, "width": 1024, "hidden": 4096}
    with pytest.raises(InputError, match="OPTIONS"):
        check(tmp_path, Said(), options=options)


def test_what_a_card_cannot_hold_names_the_card_and_the_cpu(machine, tmp_path):
    machine["card"] = MIB
    with pytest.raises(InputError, match=r"1.0 MiB are free on a card, 8 GB.*DEVICE 'cpu'"):
        check(tmp_path, Said(), place=CARD)
    machine["card"] = 8 * GIB
    machine["memory"] = MIB
    with pytest.raises(InputError, match=r"1\.0 MiB are free of this machine"):
        check(tmp_path, Said(), place=CARD)


def test_a_disk_too_small_for_model_and_checkpoint_is_refused_by_name(machine, tmp_path):
    machine["disk"] = MIB
    with pytest.raises(InputError, match="Give OUTPUT a folder on a larger disk"):
        check(tmp_path, Said())
    # The checkpoint that a training goes on from takes its room already.
    found, _ = needs()
    there = tmp_path / "model.safetensors.checkpoint.safetensors"
    there.write_bytes(bytes(found.checkpoint))
    machine["disk"] = found.checkpoint
    check(tmp_path, Said())


def test_pixels_beyond_the_memory_need_room_in_the_temporary_folder(machine, tmp_path):
    said = Said()
    check(tmp_path, said, memory_bytes=1, report=str(tmp_path / "report.html"))
    assert any("pixels" in line and "REPORT" in line for line in said.logs if "Disk" in line)
    machine["disk"] = 3 * MIB
    large = chip_set(side=2000)
    with pytest.raises(InputError, match="TMPDIR"):
        check(tmp_path, Said(), info=large, memory_bytes=1)


def test_a_halo_too_small_is_refused_with_halo_and_patch_size(machine, tmp_path):
    with pytest.raises(ChipSetError, match=r"HALO=4 or larger, or choose a PATCH_SIZE of 5"):
        check(tmp_path, Said(), info=chip_set(halo=2))


def test_pixels_are_counted_in_memory_or_on_disk():
    here, _ = needs()
    there, _ = needs(memory_bytes=1)
    pixels = (24 + 12) ** 2
    assert here.mapped == 0
    assert there.mapped == pixels * 12 * (2 + 4)
    assert here.pixels - there.pixels == there.mapped
    raw_only, _ = needs(memory_bytes=pixels * 12 * 2)
    assert raw_only.mapped == pixels * 12 * 4


def test_a_step_grows_with_its_patches_and_augmentation_adds_to_it():
    _, step = needs(architecture="multiscale")
    assert 1.9 < step(512) / step(256) < 2.1
    _, noisy = needs(architecture="multiscale", noise=0.1)
    assert noisy(64) > step(64)
    for given in ({"class_mixup": 0.2}, {"band_dropout": 0.1, "normalisation": "band"}):
        assert needs(architecture="multiscale", **given)[1](64) > step(64)


def test_leading_components_back_to_bands_counts():
    settings = resolve_settings({"band_dropout": 0.1, "normalisation": "pca"})
    network = make_network(settings, 12, 3)
    few, many = (step_bytes(network, settings, 12, 64, 0, bands=bands) for bands in (12, 1012))
    assert many - few == 64 * 9**2 * 4 * 1000


def test_components_are_what_the_network_gets():
    assert expected_inputs(resolve_settings({}), 200) == 40
    assert expected_inputs(resolve_settings({}), 12) == 12
    assert expected_inputs(resolve_settings({"normalisation": "pca", "components": 0}), 200) == 200
    assert expected_inputs(resolve_settings({"normalisation": "band"}), 200) == 200


def test_batches_that_are_accumulated_are_said(machine, tmp_path):
    said = Said()
    check(tmp_path, said, accumulate=4)
    assert said.logs[4] == "15 epochs of 60 batches of 64 patches, 4 to a step."


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"schedule": "multi-step", "milestones": "soon"}, "MILESTONES is 'soon'"),
        ({"class_weights": "given", "given_weights": "c9=2"}, "GIVEN_WEIGHTS names the class 'c9'"),
    ],
)
def test_what_cannot_be_read_is_told_before_pixels_are(machine, tmp_path, given, told):
    with pytest.raises(InputError, match=told):
        check(tmp_path, Said(), **given)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"schedule": "plateau"}, "SCHEDULE 'plateau' never lowers"),
        ({"patience": 7, "epochs": 90}, "PATIENCE 7 never stops the training, which takes all 90"),
    ],
)
def test_what_needs_validation_pixels_is_warned_of_where_there_are_none(
    machine, tmp_path, given, told
):
    counts = {"train": (100,) * 3, "validation": (0,) * 3, "test": (20,) * 3}
    for info, warned in ((dataclasses.replace(chip_set(), counts=counts), True), (None, False)):
        said = Said()
        check(tmp_path, said, info=info, **given)
        assert any(told in line for line in said.warnings) == warned

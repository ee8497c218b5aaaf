"""Machines with something wrong: PyTorch, the graphics card, memory, disks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from disks import Disk, full_disk, limited_files, read_only_disk
from hsicnn.core.data.export import export_training_chips
from hsicnn.core.modelfile.bundle import load_bundle
from hsicnn.core.simulation.scene import create_example_scene
from wrong_inputs import values_of

from .conftest import EARLIER, OUTPUTS, content_of, earlier_outputs, refusal, side_by_side

pytest.importorskip("torch")
pytest.importorskip("safetensors")
pytestmark = pytest.mark.slow

QUICK = {"EPOCHS": 1, "PATCH_SIZE": 1, "SHORTEST_EPOCH": 1, "LONGEST_EPOCH": 1, "DEVICE": "cpu"}


def inputs(algorithm: str, chain: Path) -> dict[str, object]:
    """Return values with which an algorithm does its work."""
    image, chips = chain / "image.tif", chain / "chips"
    return {
        "exporttrainingchips": {"INPUT": image, "REFERENCE": chain / "reference.tif"},
        "trainclassifier": {"INPUT": chips, **QUICK},
        "classifyraster": {"INPUT": image, "MODEL": chain / "model.safetensors", "DEVICE": "cpu"},
        "assessaccuracy": {"INPUT": chain / "reference.tif", "SAMPLES": chips},
    }[algorithm]


# Fault, algorithm, values, and patterns of what is said.
REFUSED: dict[str, tuple[str, str, dict[str, object], tuple[str, ...]]] = {
    f"{fault}, {algorithm}": (fault, algorithm, values, words)
    for fault, values, words in (
        (
            "torch missing",
            {},
            (
                r"PyTorch \(for training and applying networks\) is not installed",
                r'-m pip install "torch>=2\.6"',
                "HSICNN_PYTHON",
            ),
        ),
        (
            "torch broken",
            {},
            (
                r"PyTorch \S+ is installed and cannot be loaded: libtorch_cpu\.so: cannot open",
                r'-m pip install --force-reinstall --no-deps "torch>=2\.6"',
            ),
        ),
        (
            "no card",
            {"DEVICE": "cuda"},
            (
                "device cuda was asked for and cannot be used: it is not there",
                r"work here: cpu \(CPU",
                "or 'auto'",
            ),
        ),
        (
            "old card",
            {"DEVICE": "cuda"},
            (
                "cuda was asked for and cannot be used: CUDA error: no kernel image is available",
                r"work here: cpu \(CPU",
            ),
        ),
    )
    for algorithm in ("trainclassifier", "classifyraster")
}
WORKING = [
    f"{fault}, {algorithm}"
    for fault in ("torch missing", "torch broken")
    for algorithm in ("exporttrainingchips", "assessaccuracy")
]


ON_DISK = {
    "full disk": r"disk|space|room",
    "limited files": "File too large|disk is not full",
    "read-only disk": "cannot be written to .*: (Read-only|Permission denied|No such file)"
    "|cannot be written .(Read-only|Permission denied|No such file)",
}
DISKS = [f"{kind}, {algorithm}" for kind in ON_DISK for algorithm in OUTPUTS]


@contextmanager
def disk_of(kind: str, folder: Path, fill: Callable[[Path], None]) -> Iterator[Disk]:
    """Yield a disk of a kind that was filled with what was there before."""
    if kind == "read-only disk":
        with read_only_disk(folder, fill) as disk:
            yield disk
    elif kind == "full disk":
        with full_disk(folder, 24) as disk:
            fill(disk.seen)
            yield disk
    else:
        fill(folder)
        yield limited_files(folder, 16)


@pytest.fixture(scope="module")
def said(request, headless, chain, tmp_path_factory):
    """What was said in each case, at some time."""

    def refused(name: str) -> str:
        fault, algorithm, values, _ = REFUSED[name]
        folder = tmp_path_factory.mktemp("refused")
        given = {**inputs(algorithm, chain), **earlier_outputs(algorithm, folder), **values}
        return refusal(headless.where(fault), algorithm, folder, **given)

    def done(name: str) -> str:
        fault, algorithm = name.split(", ")
        folder = tmp_path_factory.mktemp("done")
        outputs = earlier_outputs(algorithm, folder)
        run = headless.where(fault).run(algorithm, **inputs(algorithm, chain), **outputs)
        assert run.returncode == 0, run.stdout
        assert EARLIER not in content_of(folder).values()
        return run.stdout

    def on_disk(name: str) -> str:
        kind, algorithm = name.split(", ")
        folder = tmp_path_factory.mktemp("disk") / "outputs"
        folder.mkdir()
        with disk_of(kind, folder, partial(earlier_outputs, algorithm)) as disk:
            outputs = {key: disk.folder / name for key, name in OUTPUTS[algorithm].items()}
            given = {**inputs(algorithm, chain), **outputs}
            return refusal(headless.on(disk), algorithm, disk.seen, **given)

    def run(name: str) -> str:
        if name in REFUSED:
            return refused(name)
        return done(name) if name in WORKING else on_disk(name)

    with side_by_side(request, run) as found:
        yield found


@pytest.mark.parametrize("case", REFUSED)
def test_what_needs_torch_or_a_card_says_what_to_do(said, case):
    text = said[case].result()
    for words in REFUSED[case][3]:
        assert re.search(words, text), f"no {words!r} in:\n{text}"


@pytest.mark.parametrize("case", WORKING)
def test_what_needs_no_torch_works_without(said, case):
    assert "torch" not in said[case].result().lower()


@pytest.mark.parametrize("case", DISKS)
def test_disks_that_take_no_more_lose_nothing(said, case):
    text = said[case].result()
    kind, algorithm = case.split(", ")
    assert re.search(ON_DISK[kind], text), text
    names = [*OUTPUTS[algorithm], *OUTPUTS[algorithm].values()]
    assert any(name in text for name in names), text


def test_a_card_without_kernels_is_passed_over_with_the_reason(headless, chain, tmp_path):
    done = headless.where("old card").run(
        "classifyraster",
        **{**inputs("classifyraster", chain), "DEVICE": "auto"},
        OUTPUT=tmp_path / "map.tif",
    )
    assert done.returncode == 0, done.stdout
    reason = (
        r"cuda:0 \(CUDA\) is there but failed its test: CUDA error: no kernel image is available"
    )
    assert re.search(reason, done.stdout), done.stdout
    assert "The CPU is used." in done.stdout


def test_a_classification_goes_on_with_less_memory_and_gives_the_same(headless, chain, tmp_path):
    plain, little = tmp_path / "plain.tif", tmp_path / "little.tif"
    given = inputs("classifyraster", chain)
    assert headless.run("classifyraster", **given, PROBABILITIES=plain, OUTPUT=tmp_path / "p.tif")
    done = headless.where("little memory").run(
        "classifyraster", **given, PROBABILITIES=little, OUTPUT=tmp_path / "l.tif"
    )
    assert done.returncode == 0, done.stdout
    assert re.search(r"Memory ran out on the way: tiles of up to \d+ x \d+ pixels", done.stdout)
    assert (values_of(tmp_path / "l.tif") == values_of(tmp_path / "p.tif")).all()
    np.testing.assert_allclose(values_of(little), values_of(plain), atol=1e-6)


def test_a_training_goes_on_with_less_memory_and_learns_the_same(headless, tmp_path):
    image, reference, chips = (tmp_path / name for name in ("i.tif", "r.tif", "chips"))
    create_example_scene(output=str(image), reference=str(reference), size=48, bands=26, classes=2)
    export_training_chips(image=str(image), reference=str(reference), output=str(chips))
    # Without batch norm the parts of a batch add up to the batch.
    given = {
        **QUICK,
        "INPUT": chips,
        "ARCHITECTURE": "indian_pines_3d",
        "PATCH_SIZE": 7,
        "MARGIN": 0,
    }
    weights = []
    for fault in ("no card", "little memory"):
        output = tmp_path / f"{fault}.safetensors"
        done = headless.where(fault).run("trainclassifier", **given, BATCH_SIZE=16, OUTPUT=output)
        assert done.returncode == 0, done.stdout
        assert (fault == "little memory") == ("in parts of 4 from here on" in done.stdout)
        weights.append(load_bundle(str(output)).weights)
    for name, array in weights[0].items():
        np.testing.assert_allclose(weights[1][name], array, rtol=1e-3, atol=1e-5)


def test_memory_that_never_suffices_is_refused_without_a_traceback(headless, chain, tmp_path):
    given = {**inputs("trainclassifier", chain), "PATCH_SIZE": 13, "MARGIN": 0, "BATCH_SIZE": 4}
    outputs = earlier_outputs("trainclassifier", tmp_path)
    said = refusal(headless.where("no memory"), "trainclassifier", tmp_path, **given, **outputs)
    assert "There was not enough memory" in said
    assert "smaller BATCH_SIZE or patch" in said

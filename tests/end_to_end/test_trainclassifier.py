"""Options of a training through qgis_process: what they say, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .conftest import EARLIER, refusal, side_by_side

pytest.importorskip("torch")
pytest.importorskip("safetensors")
pytestmark = pytest.mark.slow

SHORT = {"EPOCHS": 2, "PATCH_SIZE": 1, "SHORTEST_EPOCH": 2, "LONGEST_EPOCH": 2, "DEVICE": "cpu"}
OPTIONS = {
    "LOSS": "focal-tversky",
    "OPTIMISER": "sgd",
    "MOMENTUM": 0.5,
    "NESTEROV": "no",
    "SCHEDULE": "plateau",
    "CLASS_WEIGHTS": "given",
    "ACCUMULATE": 2,
    "INITIALISATION": "glorot",
    "FIND_LEARNING_RATE": "yes",
}


@pytest.fixture(scope="module")
def folder(headless, tmp_path_factory) -> Path:
    """A chip set, a model that was trained with many options, and one begun with its weights."""
    from hsicnn.core.data.export import export_training_chips
    from hsicnn.core.simulation.scene import create_example_scene

    folder = tmp_path_factory.mktemp("options")
    made = create_example_scene(
        output=str(folder / "image.tif"),
        reference=str(folder / "reference.tif"),
        size=64,
        bands=12,
        classes=3,
    )
    export_training_chips(
        image=made.output, reference=made.reference, output=str(folder / "chips"), halo=4
    )
    done = headless.run(
        "trainclassifier",
        INPUT=folder / "chips",
        GIVEN_WEIGHTS=f"1=2; {made.class_names[1]}=0.5",
        OUTPUT=folder / "first.safetensors",
        REPORT=folder / "report.html",
        **SHORT,
        **OPTIONS,
    )
    assert done.returncode == 0, done.stdout
    assert re.search(r"2 epochs of 2 batches of .*, 2 to a step", done.stdout), done.stdout
    assert "Learning-rate finder: " in done.stdout
    return folder


def test_what_the_options_did_is_in_the_model_and_the_report(headless, folder):
    from hsicnn.core.modelfile.bundle import load_bundle

    first = load_bundle(str(folder / "first.safetensors"))
    assert (first.settings["loss"], first.settings["nesterov"]) == ("focal-tversky", False)
    assert [row["epoch"] for row in first.history] == [0, 1, 2]
    assert "Learning rates that were tried" in (folder / "report.html").read_text(encoding="utf-8")
    done = headless.run(
        "trainclassifier",
        INPUT=folder / "chips",
        INITIAL_MODEL=folder / "first.safetensors",
        FREEZE="all but the last",
        OUTPUT=folder / "second.safetensors",
        **SHORT,
    )
    assert done.returncode == 0, done.stdout
    assert f"{first.parameters:,} of {first.parameters:,} weights begin as those" in done.stdout
    assert "weights are frozen: spectral" in done.stdout
    second = load_bundle(str(folder / "second.safetensors"))
    assert (first.weights["spectral.weight"] == second.weights["spectral.weight"]).all()


CASES = {
    "a class that is not there": (
        {"CLASS_WEIGHTS": "given", "GIVEN_WEIGHTS": "roof=5"},
        ("GIVEN_WEIGHTS names the class 'roof'", r"there are: 1 \("),
    ),
    "weights without the choice": (
        {"GIVEN_WEIGHTS": "1=5"},
        ("CLASS_WEIGHTS is 'sqrt'", "Choose CLASS_WEIGHTS 'given'"),
    ),
    "milestones that are none": (
        {"SCHEDULE": "multi-step", "MILESTONES": "soon"},
        ("MILESTONES is 'soon'", "write numbers above 0"),
    ),
    "smoothing of whole classes": (
        {"LOSS": "dice", "LABEL_SMOOTHING": 0.1},
        ("LABEL_SMOOTHING is 0.1, and LOSS 'dice'",),
    ),
    "nothing to freeze": ({"FREEZE": "1"}, ("FREEZE is '1' without INITIAL_MODEL",)),
    "too many stages frozen": (
        {"INITIAL_MODEL": Path("first.safetensors"), "FREEZE": "9"},
        ("FREEZE is '9'", "from 0 to 2"),
    ),
    "a model of another network": (
        {"INITIAL_MODEL": Path("first.safetensors"), "ARCHITECTURE": "etrainee_1d"},
        ("is of the network multiscale, and ARCHITECTURE is etrainee_1d",),
    ),
    "an image as initial model": (
        {"INITIAL_MODEL": Path("image.tif")},
        (r"image\.tif is no whole model file",),
    ),
}


@pytest.fixture(scope="module")
def said(request, headless, folder, tmp_path_factory):
    """What was said in each case, at some time."""

    def run(name: str) -> str:
        place = tmp_path_factory.mktemp("refused")
        output = place / "model.safetensors"
        output.write_bytes(EARLIER)
        given = {"INPUT": Path("chips"), **SHORT, **CASES[name][0]}
        paths = {
            key: folder / value if isinstance(value, Path) else value
            for key, value in given.items()
        }
        return refusal(headless, "trainclassifier", place, OUTPUT=output, **paths)

    with side_by_side(request, run) as found:
        yield found


@pytest.mark.parametrize("case", CASES)
def test_is_refused_in_words_and_changes_nothing(said, case):
    text = said[case].result()
    for words in CASES[case][1]:
        assert re.search(words, text), f"no {words!r} in:\n{text}"

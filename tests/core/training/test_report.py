"""The report of a training: what it says, with and without pixels held back."""

from __future__ import annotations

import html

import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")

from hsicnn.core.data.chips import read_chip_set
from hsicnn.core.data.export import export_training_chips
from hsicnn.core.errors import InputError
from hsicnn.core.simulation.scene import create_example_scene
from hsicnn.core.training.train import train_classifier

QUICK = {"epochs": 2, "patch_size": 1, "shortest_epoch": 1, "longest_epoch": 2}


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scene")
    return create_example_scene(
        output=str(folder / "image.tif"),
        reference=str(folder / "reference.tif"),
        size=64,
        bands=10,
        classes=3,
    )


def report_of(scene, folder, **split) -> tuple[str, str]:
    """Train a little; return the report and the folder of the chip set."""
    chips = str(folder / "chips")
    export_training_chips(
        image=scene.output, reference=scene.reference, output=chips, halo=2, **split
    )
    report = folder / "training.html"
    train_classifier(
        chips=chips,
        output=str(folder / "model.safetensors"),
        report=str(report),
        settings=QUICK,
        device="cpu",
    )
    return report.read_text(encoding="utf-8"), chips


def test_the_report_tells_figures_course_classes_and_notes(scene, tmp_path):
    page, chips = report_of(scene, tmp_path)
    info = read_chip_set(chips)
    assert "Training report" in page
    assert f"{sum(info.counts['test']):,} test pixels" in page
    assert "location alone" in page
    for item in info.classes:
        assert html.escape(item.name) in page
    assert "data:image/" in page
    for note in info.notes:
        assert html.escape(note) in page
    assert "Settings of the training" in page
    assert "OPTIMISER adamw" in page
    assert "MOMENTUM" not in page  # adamw has none
    assert "http" not in page.replace("http://www.w3.org", "")  # it stands alone


def test_without_pixels_held_back_the_report_claims_no_accuracy(scene, tmp_path):
    page, _ = report_of(
        scene, tmp_path, split="random", buffer=0, train_fraction=1.0, validation_fraction=0.0
    )
    assert "there is no honest accuracy" in page
    assert "Overall accuracy" not in page


def test_a_folder_in_the_reports_place_ends_the_training_before_it_begins(scene, tmp_path):
    (tmp_path / "training.html").mkdir()
    with pytest.raises(InputError, match=r"training\.html is a folder"):
        report_of(scene, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"chips", "training.html"}

"""Tiles and scenes through qgis_process: made, refused in words, and on a disk that is full."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path

import pytest
from disks import full_disk
from hsicnn.core.simulation.scene import create_example_scene

from .conftest import content_of, earlier_outputs, refusal, side_by_side

pytestmark = pytest.mark.slow

EXPORT = "exporttrainingchips"
#: What is wrong: its values, and patterns of what the message says.
WRONG: dict[str, tuple[dict[str, object], tuple[str, ...]]] = {
    "a layout of another kind": (
        {"KIND": "tiles", "LAYOUT": "imagenet"},
        (r"LAYOUT 'imagenet' is for KIND scenes; KIND is 'tiles'",),
    ),
    "a tile larger than the image": (
        {"KIND": "tiles", "TILE_SIZE": 128},
        (r"TILE_SIZE is 128; the image has 96 rows and 96 columns", "smaller TILE_SIZE"),
    ),
    "objects of a raster": (
        {"KIND": "scenes", "PLACES": "objects", "TILE_SIZE": 9},
        (r"PLACES is 'objects', but the reference is a raster", "PLACES 'grid'"),
    ),
    "too few labels": (
        {"KIND": "scenes", "MIN_LABELLED": 1, "TILE_SIZE": 64},
        (r"None of .* scenes of 64 x 64 pixels has MIN_LABELLED 1",),
    ),
    "a mask elsewhere": (
        {"KIND": "tiles", "TILE_SIZE": 16, "MASK": Path("points.gpkg")},
        (r"The MASK .*points.* holds a POINT; expected polygons",),
    ),
    "names that are none": (
        {"CLASS_NAMES": "wheat"},
        (r"CLASS_NAMES holds 'wheat'; expected values and names like '1=wheat",),
    ),
}


@pytest.fixture(scope="module")
def scene(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("scene")
    create_example_scene(
        output=str(folder / "image.tif"),
        reference=str(folder / "reference.tif"),
        samples=str(folder / "points.gpkg"),
        size=96,
        bands=16,
        classes=3,
    )
    return folder


def inputs(scene: Path) -> dict[str, object]:
    return {"INPUT": scene / "image.tif", "REFERENCE": scene / "reference.tif"}


@pytest.fixture(scope="module")
def refused(request, headless, scene, tmp_path_factory):
    def run(case: str) -> str:
        folder = tmp_path_factory.mktemp("refused")
        values = {
            name: scene / value if isinstance(value, Path) else value
            for name, value in WRONG[case][0].items()
        }
        outputs = earlier_outputs(EXPORT, folder)
        return refusal(headless, EXPORT, folder, **{**inputs(scene), **values, **outputs})

    with side_by_side(request, run) as started:
        yield started


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_is_refused_in_words(refused, case):
    said = refused[case].result()
    for pattern in WRONG[case][1]:
        assert re.search(pattern, said), said


def test_scenes_of_classes_with_outlines(headless, scene, tmp_path):
    outputs = {"OUTPUT": tmp_path / "scenes", "FOOTPRINTS": tmp_path / "scenes.gpkg"}
    done = headless.run(
        EXPORT, **inputs(scene), KIND="scenes", TILE_SIZE=8, STRIDE=4, LAYOUT="imagenet",
        FORMAT="png", ROTATION=90, SPLIT="random", BUFFER=0, **outputs,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    record = json.loads((tmp_path / "scenes" / "chips.json").read_text(encoding="utf-8"))
    assert any(re.search(r"8 bits hold band .*STRETCH 2-98", note) for note in record["notes"])
    for tile in record["tiles"]["tiles"]:
        assert (tmp_path / "scenes" / tile["image"]).is_file()
    assert outputs["FOOTPRINTS"].stat().st_size


def test_a_full_disk_keeps_the_earlier_set(headless, scene, tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    with full_disk(folder, 96) as disk:
        (disk.seen / "chips").mkdir()
        text = '{"format": "hsicnn chip set", "of": "before"}'
        (disk.seen / "chips" / "chips.json").write_text(text)
        before = content_of(disk.seen)
        run = partial(headless.on(disk).run, EXPORT, **inputs(scene))
        done = run(KIND="tiles", TILE_SIZE=16, STRIDE=2, SPLIT="random", BUFFER=0,
                   OUTPUT=disk.folder / "chips")  # fmt: skip
        assert done.returncode != 0, done.stdout
        assert "Traceback" not in done.stdout, done.stdout
        assert content_of(disk.seen) == before
    assert re.search(r"cannot be written|File too large|room", done.stdout), done.stdout

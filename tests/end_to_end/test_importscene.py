"""Import scene through qgis_process: a right file, and wrong ones that change nothing."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from osgeo import gdal

from .conftest import EARLIER, refusal, side_by_side

pytestmark = pytest.mark.slow

#: What is wrong: the values, and patterns of what the message says.
CASES: dict[str, tuple[dict[str, object], tuple[str, ...]]] = {
    "two images": (
        {"INPUT": Path("two.mat")},
        (r"VARIABLE must say which array of two\.mat", "'first' 9 x 8 x 7 float64: an image of 7"),
    ),
    "variable that is not there": (
        {"INPUT": Path("two.mat"), "VARIABLE": "third"},
        ("VARIABLE is 'third', which is not there", "Choose one of them"),
    ),
    "truncated file": (
        {"INPUT": Path("cut.mat")},
        (r"cut\.mat cannot be read as a MATLAB file", "copy it again"),
    ),
    "not a MATLAB file": ({"INPUT": Path("text.mat")}, (r"text\.mat cannot be read as a MATLAB",)),
    "pickle": (
        {"INPUT": Path("pickle.npy")},
        (r"pickle\.npy holds Python objects \(a pickle\), which are never read",),
    ),
    "bands that cannot be told": (
        {"INPUT": Path("noise.npy")},
        ("which of it are the bands cannot be told", "LAYOUT: bands-last or bands-first"),
    ),
    "numbers to be predicted": (
        {"INPUT": Path("soil.csv")},
        (r"'carbon' \(numbers to be predicted", r"\(regression\) cannot be imported yet"),
    ),
    "labels of another length": (
        {"INPUT": Path("noise.npy"), "REFERENCE": Path("few.npy")},
        ("few.npy holds 4 labels, and 'noise' is 9 x 8 x 7", "must be as many"),
    ),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("arrays")
    rng = np.random.default_rng(1)
    noise = rng.random((9, 8, 7))
    scipy.io.savemat(folder / "two.mat", {"first": noise, "second": noise})
    (folder / "cut.mat").write_bytes((folder / "two.mat").read_bytes()[:3000])
    (folder / "text.mat").write_text("no matlab\n" * 50)
    np.save(folder / "noise.npy", noise)
    np.save(folder / "few.npy", np.array([1, 2, 1, 2]))
    with (folder / "pickle.npy").open("wb") as file:
        np.lib.format.write_array(file, np.array([folder], dtype=object))
        pickle.dump(folder, file)
    (folder / "soil.csv").write_text("carbon,wl_400,wl_410\n1.5,1,2\n2.5,3,4\n")
    return folder


@pytest.fixture(scope="module")
def said(request, headless, files, tmp_path_factory):
    """What was said in each case, at some time."""

    def run(name: str) -> str:
        folder = tmp_path_factory.mktemp("refused")
        given = {"OUTPUT": folder / "i.tif", "OUTPUT_REFERENCE": folder / "r.tif"}
        for path in given.values():
            path.write_bytes(EARLIER)
        given["OUTPUT_CHIPS"] = folder / "chips"
        given["OUTPUT_CHIPS"].mkdir()
        values = CASES[name][0].items()
        paths = {key: files / value if isinstance(value, Path) else value for key, value in values}
        return refusal(headless, "importscene", folder, **given, **paths)

    with side_by_side(request, run) as found:
        yield found


@pytest.mark.parametrize("case", CASES)
def test_is_refused_in_words_and_changes_nothing(said, case):
    text = said[case].result()
    for words in CASES[case][1]:
        assert re.search(words, text), f"no {words!r} in:\n{text}"


def test_an_image_is_imported(headless, tmp_path):
    cube = np.arange(20 * 10 * 6).reshape(20, 10, 6).astype(np.uint16)
    np.savez(tmp_path / "scene.npz", cube=cube, gt=np.eye(20, 10, dtype=np.uint8))
    done = headless.run(
        "importscene",
        INPUT=tmp_path / "scene.npz",
        WAVELENGTHS="400-900",
        OUTPUT=tmp_path / "image.tif",
        OUTPUT_REFERENCE=tmp_path / "labels.tif",
    )
    assert done.returncode == 0, done.stdout
    assert "bands-last (the ground truth has 20 x 10 pixels)" in done.stdout
    found = gdal.Open(str(tmp_path / "image.tif")).ReadAsArray()
    np.testing.assert_array_equal(found, np.moveaxis(cube, 2, 0))


def test_samples_become_a_chip_set(headless, tmp_path):
    rng = np.random.default_rng(2)
    for part, count in (("train", 12), ("test", 4)):
        np.save(tmp_path / f"x_{part}.npy", rng.integers(0, 9, (count, 4, 4, 3)).astype(np.uint8))
        np.save(tmp_path / f"y_{part}.npy", np.arange(count) % 2)
    values = {"INPUT": tmp_path / "x_train.npy", "OUTPUT_CHIPS": tmp_path / "chips"}
    done = headless.run("importscene", **values)
    assert done.returncode == 0, done.stdout
    index = json.loads((tmp_path / "chips" / "chips.json").read_text())
    assert index["kind"] == "scenes"
    assert {name: sum(found) for name, found in index["counts"].items()} == {
        "unused": 0, "train": 12, "validation": 0, "test": 4
    }  # fmt: skip

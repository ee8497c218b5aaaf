"""Reduce bands through qgis_process: there and back, wrong inputs, Ctrl-C."""

from __future__ import annotations

import contextlib
import re
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal
from spectral_images import NODATA, holed, read_all, spectra_image, write_image

from .conftest import EARLIER, refusal, side_by_side, worker_of

pytest.importorskip("sklearn")
pytestmark = pytest.mark.slow

OUTPUTS = {"OUTPUT": "out.tif", "TRANSFORM": "transform.json", "REPORT": "report.html"}


@pytest.fixture(scope="module")
def images(headless, tmp_path_factory) -> Path:
    """A folder of images, and what an earlier run has made of one of them."""
    folder = tmp_path_factory.mktemp("images")
    raw = np.rint(spectra_image()).astype(np.int16)
    write_image(folder / "image.tif", holed(raw), scale=1e-4)
    write_image(folder / "bare.tif", raw, wavelengths=False)
    write_image(folder / "other.tif", raw[:5], scale=1e-4)
    write_image(folder / "unscaled.tif", raw)
    write_image(folder / "one.tif", raw[:1])
    write_image(folder / "nodata.tif", np.full((3, 9, 9), NODATA, np.int16))
    (folder / "damaged.json").write_text('{"format": "hsicnn band reduction"', encoding="utf-8")
    done = headless.run(
        "reducebands",
        INPUT=folder / "image.tif",
        METHOD="mnf",
        COMPONENTS=5,
        OUTPUT=folder / "reduced.tif",
        TRANSFORM=folder / "transform.json",
        REPORT=folder / "report.html",
    )
    assert done.returncode == 0, done.stdout
    assert "MNF 1 (SNR" in done.stdout
    return folder


def test_what_was_made_is_there_and_can_be_made_again(headless, images, tmp_path):
    text = (images / "report.html").read_text(encoding="utf-8")
    assert "Signal to noise" in text
    done = headless.run(
        "reducebands",
        INPUT=images / "image.tif",
        APPLY=images / "transform.json",
        OUTPUT=tmp_path / "again.tif",
    )
    assert done.returncode == 0, done.stdout
    first, again = read_all(images / "reduced.tif")[0], read_all(tmp_path / "again.tif")[0]
    assert np.array_equal(first, again, equal_nan=True)


#: What is wrong: values, and patterns of what the message says.
CASES: dict[str, tuple[dict[str, object], tuple[str, ...]]] = {
    "ranges of a raster without wavelengths": (
        {"INPUT": Path("bare.tif"), "RANGES": "450-700"},
        (r"no band of bare\.tif states one", "BANDS"),
    ),
    "a range without a band": (
        {"RANGES": "450-700, 3000-3100"},
        (r"3000-3100, where image\.tif has no band", "450-891 nm"),
    ),
    "ranges that are none": ({"RANGES": "red"}, ("RANGES holds 'red'", "450-900")),
    "a band that is not there": ({"BANDS": "4-13"}, ("BANDS names band 13", "12 bands")),
    "one band": (
        {"INPUT": Path("one.tif")},
        (r"Components need two bands or more; one\.tif has 1", "'selection'"),
    ),
    "more components than bands": ({"COMPONENTS": 40}, ("COMPONENTS is 40", "12 bands")),
    "number and share": (
        {"COMPONENTS": 2, "EXPLAINED": 0.9},
        ("only one of them", "Leave the other one empty"),
    ),
    "no values": ({"INPUT": Path("nodata.tif")}, (r"nodata\.tif has no usable band",)),
    "a transform of another sensor": (
        {"INPUT": Path("other.tif"), "APPLY": Path("transform.json")},
        (r"other\.tif has 5 bands", "needed are 12 bands"),
    ),
    "another scale": (
        {"INPUT": Path("unscaled.tif"), "APPLY": Path("transform.json")},
        (r"scale of the image the transform was made from", "should probably be 0.0001"),
    ),
    "a damaged transform": (
        {"APPLY": Path("damaged.json")},
        (r"transform in damaged\.json is damaged", "run 'Reduce bands' again"),
    ),
    "an image as transform": (
        {"APPLY": Path("image.tif")},
        (r"image\.tif carries no band transform",),
    ),
    "the reduced image": (
        {"INPUT": Path("reduced.tif"), "APPLY": Path("reduced.tif")},
        (r"reduced\.tif was reduced already", "Choose the original image"),
    ),
}


@pytest.fixture(scope="module")
def said(request, headless, images, tmp_path_factory):
    """What was said in each case, at some time."""

    def run(name: str) -> str:
        folder = tmp_path_factory.mktemp("refused")
        outputs = {key: folder / file for key, file in OUTPUTS.items()}
        for path in outputs.values():
            path.write_bytes(EARLIER)
        given = {"INPUT": Path("image.tif"), **outputs, **CASES[name][0]}
        paths = {
            key: images / value if isinstance(value, Path) else value
            for key, value in given.items()
        }
        return refusal(headless, "reducebands", folder, **paths)

    with side_by_side(request, run) as found:
        yield found


@pytest.mark.parametrize("case", CASES)
def test_is_refused_in_words_and_changes_nothing(said, case):
    text = said[case].result()
    for words in CASES[case][1]:
        assert re.search(words, text), f"no {words!r} in:\n{text}"


def test_ctrl_c_ends_it_at_once_and_leaves_what_was_there(headless, tmp_path):
    """An image of which fitting takes minutes: the same pixels over and over."""
    small = write_image(tmp_path / "small.tif", spectra_image(150, 200, 200).astype(np.float32))
    vrt = tmp_path / "image.vrt"
    tiles = [str(tmp_path / f"{number}.vrt") for number in range(60)]
    for number, path in enumerate(tiles):
        left, right = (500_000.0 + 6000.0 * place for place in (number, number + 1))
        bounds = (left, 5_800_000.0, right, 5_794_000.0)
        gdal.Translate(path, small.path, outputBounds=bounds)
    gdal.BuildVRT(str(vrt), tiles)
    output = tmp_path / "out" / "out.tif"
    output.parent.mkdir()
    output.write_bytes(EARLIER)
    process = headless.start("reducebands", INPUT=vrt, METHOD="mnf", SAMPLE=0, OUTPUT=output)
    try:
        worker = started_worker(process)
        time.sleep(3)  # it is at work, which takes minutes
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        text, _ = process.communicate(timeout=30)
        assert time.monotonic() - began < 10
    finally:
        process.kill()
    assert process.returncode != 0
    assert "Cancelled" in text
    assert not Path(f"/proc/{worker}").exists()
    assert [path.name for path in output.parent.iterdir()] == ["out.tif"]
    assert output.read_bytes() == EARLIER


def started_worker(process) -> int:
    """Wait until a program has started its worker."""
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(AssertionError, OSError):
            return worker_of(process)
        time.sleep(0.05)
    raise AssertionError("no worker was started")

"""Training takes samples in every format, and what it makes of them maps the raster."""

from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.data.classes import ClassInfo
from hsicnn.core.data.export import export_training_chips
from hsicnn.core.data.splits import Split
from hsicnn.core.data.window_set import WindowContent, write_window_set
from hsicnn.core.errors import ChipSetError
from hsicnn.core.progress import SilentProgress
from hsicnn.core.raster.grid import Grid
from hsicnn.core.raster.source import RasterSource
from hsicnn.core.raster.windows import Window
from hsicnn.core.raster.writer import RasterWriter

pytest.importorskip("torch")
pytest.importorskip("safetensors")

from hsicnn.core.inference.classify import classify_raster
from hsicnn.core.modelfile.bundle import load_bundle
from hsicnn.core.training.train import train_classifier

SIDE, BANDS = 48, 50
GRID = Grid("", (500_000.0, 10.0, 0.0, 5_800_000.0, 0.0, -10.0), SIDE, SIDE)
QUICK = {"epochs": 4, "shortest_epoch": 30, "longest_epoch": 40, "batch_size": 32}


@pytest.fixture
def fields(tmp_path):
    """An image of two covers in squares of six pixels, with labels on every fourth pixel."""
    random = np.random.default_rng(6)
    covers = np.kron(random.integers(0, 2, (8, 8)), np.ones((6, 6), int))
    spectra = 0.3 + 0.1 * np.sin(np.arange(BANDS) * np.array([[0.1], [0.2]]))
    values = spectra[covers].transpose(2, 0, 1) + random.normal(0, 0.01, (BANDS, SIDE, SIDE))
    write(tmp_path / "image.tif", values.astype(np.float32))
    labels = np.zeros((SIDE, SIDE), np.uint8)
    labels[2::4, 2::4] = covers[2::4, 2::4] + 1
    write(tmp_path / "labels.tif", labels[None])
    return tmp_path, covers


def write(path, array):
    with RasterWriter(path, GRID, len(array), array.dtype.name, nodata=0) as raster:
        raster.write(Window(0, 0, SIDE, SIDE), array)
        raster.commit()


def share_right(folder, covers, model):
    classify_raster(image=str(folder / "image.tif"), model=model, output=str(folder / "map.tif"))
    with RasterSource(folder / "map.tif") as found:
        values, _ = found.read_raw(Window(0, 0, SIDE, SIDE), [0])
    return float((values[0] == covers + 1).mean())


@pytest.mark.parametrize(
    ("file_format", "network"),
    [
        ("geotiff", {"architecture": "multiscale", "patch_size": 3}),
        ("hdf5", {"architecture": "multiscale", "patch_size": 3}),
        ("hdf5", {"architecture": "etrainee_1d"}),
        ("csv", {"architecture": "etrainee_1d"}),
        ("libsvm", {"architecture": "etrainee_1d"}),
    ],
)
def test_samples_of_every_format_train_and_map(fields, file_format, network):
    folder, covers = fields
    export_training_chips(
        image=str(folder / "image.tif"), reference=str(folder / "labels.tif"),
        output=str(folder / "chips"), halo=1, split="random", buffer=0, file_format=file_format,
    )  # fmt: skip
    result = train_classifier(
        chips=str(folder / "chips"), output=str(folder / "model.safetensors"),
        settings={**QUICK, **network}, device="cpu",
    )  # fmt: skip
    test = load_bundle(result.model).metrics["test"]
    assert test["overall_accuracy"] > 0.9
    assert test["location_only"] < 0.9
    assert share_right(folder, covers, result.model) > 0.9


def test_a_table_of_spectra_is_too_narrow_for_patches(fields):
    folder, _ = fields
    export_training_chips(
        image=str(folder / "image.tif"), reference=str(folder / "labels.tif"),
        output=str(folder / "chips"), split="random", buffer=0, file_format="csv",
    )  # fmt: skip
    with pytest.raises(
        ChipSetError, match="looks 1 pixels around each pixel, the chip set holds 0"
    ):
        train_classifier(
            chips=str(folder / "chips"), output=str(folder / "model.safetensors"),
            settings={**QUICK, "architecture": "multiscale", "patch_size": 3}, device="cpu",
        )  # fmt: skip


def test_imported_spectra_without_a_place_train_and_map(fields):
    folder, covers = fields
    with RasterSource(folder / "image.tif") as source:
        cube, _ = source.read_raw(Window(0, 0, SIDE, SIDE), range(BANDS))
        bands = source.bands
    rows, cols = (part.ravel() for part in np.mgrid[0:SIDE:3, 0:SIDE:3])
    codes = np.where(np.arange(len(rows)) % 4 == 0, 3, 1).astype(np.uint8)
    content = WindowContent(
        "spectra.npy", "/data/spectra.npy", bands,
        (ClassInfo(1, "one", "#102030"), ClassInfo(2, "two", "#405060")),
        "float32", 1, "pixels", (covers[rows, cols] + 1).astype(np.uint16),
        Split(codes, np.zeros(len(rows), np.int32), "given", 0, 0, 0),
    )  # fmt: skip
    windows = cube[:, rows, cols].T.reshape(-1, 1, 1, BANDS)
    write_window_set(folder / "set", content, [windows], progress=SilentProgress())
    result = train_classifier(
        chips=str(folder / "set"), output=str(folder / "model.safetensors"),
        settings={**QUICK, "architecture": "etrainee_1d"}, device="cpu",
    )  # fmt: skip
    bundle = load_bundle(result.model)
    assert bundle.metrics["test"]["overall_accuracy"] > 0.9
    assert bundle.metrics["test"]["location_only"] is None
    assert len(bundle.training_rows) == 0
    assert share_right(folder, covers, result.model) > 0.9

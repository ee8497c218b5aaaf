from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.data import chip_estimate
from hsicnn.core.data.export import export_training_chips
from hsicnn.core.data.export_run import ExportRun
from hsicnn.core.errors import Cancelled

from .conftest import Said, make_grid, write_raster

SIDE = 240


@pytest.fixture
def varied(tmp_path, monkeypatch):
    """An image that is half noise, in stripes, and a folder to export to."""
    random = np.random.default_rng(8)
    values = random.integers(0, 4000, (24, SIDE, SIDE)).astype(np.int16)
    values[:, :, ::2] = 1200 + np.arange(SIDE)[:, None] // 9
    write_raster(tmp_path / "image.tif", values, make_grid(SIDE, SIDE))
    monkeypatch.setattr(chip_estimate, "_LEAST", 0)
    return tmp_path


def labels_of(kind):
    labels = np.zeros((SIDE, SIDE), np.uint8)
    random = np.random.default_rng(2)
    if kind == "fields":
        for number in range(120):
            row, col = random.integers(0, SIDE - 20, 2)
            high, wide = random.integers(3, 20, 2)
            labels[row : row + high, col : col + wide] = 1 + number % 2
    else:
        labels[4::8, 5::8] = 1 + random.integers(0, 2, (30, 30))
    return labels


def estimates_of(monkeypatch):
    """Keep what is estimated."""
    found, real = [], chip_estimate.estimate_export

    def kept(*given):
        found.append(real(*given))
        return found[-1]

    monkeypatch.setitem(ExportRun.run.__globals__, "estimate_export", kept)
    return found


@pytest.mark.parametrize("kind", ["fields", "points"])
@pytest.mark.parametrize("file_format", ["geotiff", "hdf5", "csv"])
def test_the_size_said_before_is_within_a_fifth(varied, monkeypatch, kind, file_format):
    found = estimates_of(monkeypatch)
    reference = write_raster(varied / "labels.tif", labels_of(kind)[None], make_grid(SIDE, SIDE))
    said = Said()
    result = export_training_chips(
        image=str(varied / "image.tif"), reference=reference, output=str(varied / "chips"),
        chip_size=32, halo=3, split="random", buffer=0, file_format=file_format, progress=said,
    )  # fmt: skip
    assert result.chips + result.windows > 20
    files = [path for path in (varied / "chips").rglob("*") if path.suffix != ".json"]
    size = sum(path.stat().st_size for path in files if path.is_file())
    assert found[0].size == pytest.approx(size, rel=0.2)
    assert found[0].seconds > 0
    assert any("labelled pixels and" in line for line in said.logs)
    assert {path.name for path in varied.iterdir()} == {"image.tif", "labels.tif", "chips"}


def test_the_estimate_can_be_cancelled_and_leaves_nothing(varied, monkeypatch):
    reference = write_raster(
        varied / "labels.tif", labels_of("fields")[None], make_grid(SIDE, SIDE)
    )

    def cancelled(*_):
        raise Cancelled

    monkeypatch.setattr(chip_estimate._Asking, "check_cancel", cancelled)
    with pytest.raises(Cancelled):
        export_training_chips(
            image=str(varied / "image.tif"), reference=reference, output=str(varied / "chips")
        )
    assert {path.name for path in varied.iterdir()} == {"image.tif", "labels.tif"}


def test_a_disk_with_too_little_room_is_said_before(varied, monkeypatch):
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 1000))
    reference = write_raster(
        varied / "labels.tif", labels_of("fields")[None], make_grid(SIDE, SIDE)
    )
    result = export_training_chips(
        image=str(varied / "image.tif"), reference=reference, output=str(varied / "chips")
    )
    assert any("has 1.0 KiB left, and the chips take about" in text for text in result.warnings)

"""A classification that was interrupted goes on by zone, and ends as if it had not been."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hsicnn.core.errors import Abandoned, Cancelled, InputError, RasterError
from hsicnn.core.inference import engine as engines
from hsicnn.core.inference.classify import classify_raster
from hsicnn.core.inference.journal import Journal
from hsicnn.core.inference.outputs import MapOutputs, origin
from hsicnn.core.inference.zones import Maps
from hsicnn.core.modelfile.bundle import load_bundle
from hsicnn.core.progress import SilentProgress
from hsicnn.core.raster.grid import Grid
from hsicnn.core.raster.windows import Window
from hsicnn.core.runtime.resources import FreeMemory
from hsicnn.models.catalog import DEFAULT_NETWORK
from osgeo import gdal

from .conftest import band_count, make_model, read_raster, write_scene

BANDS = band_count(DEFAULT_NETWORK)
ROWS, COLS = 2300, 40  # nine zones of 256 rows and the width of the raster
ZONES = 9
OUTPUTS = {"output": "map.tif", "probabilities": "shares.tif", "confidence": "trust.tif"}


class Interrupting(SilentProgress):
    """Interrupts once so many zones are noted in a journal; keeps what it is told."""

    def __init__(self, folder: Path, zones: int | None = None, error=Abandoned) -> None:
        self.folder, self.zones, self.error = folder, zones, error
        self.lines: list[str] = []
        self.warnings: list[str] = []
        self.least = 1.0

    def log(self, text):
        self.lines.append(text)

    def warn(self, text):
        self.warnings.append(text)

    def report(self, fraction, text=""):
        if text.startswith("about"):
            self.least = min(self.least, fraction)

    def check_cancel(self):
        if self.zones is not None and finished_zones(self.folder) >= self.zones:
            raise self.error

    @property
    def said(self) -> str:
        return "\n".join(self.lines)


def finished_zones(folder: Path) -> int:
    return sum(
        path.read_text(encoding="utf-8").count('{"zone"') for path in folder.glob(".*.journal")
    )


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    """A tiled image whose tiles no block ends with, and a model that whitens: sums may round."""
    folder = tmp_path_factory.mktemp("material")
    image = write_scene(folder / "image.tif", BANDS, ROWS, COLS, tiled=True)
    make_model(folder / "model.safetensors", DEFAULT_NETWORK, kind="pca")
    return image, folder / "model.safetensors"


def classify(material, folder, progress=None, outputs=OUTPUTS, **more):
    image, model = material
    return classify_raster(
        image=str(image),
        model=str(model),
        device="cpu",
        progress=progress or SilentProgress(),
        **{argument: str(folder / name) for argument, name in outputs.items()},
        **more,
    )


@pytest.fixture(scope="module")
def whole(material, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # as in every test: sums depend on it
    result = classify(material, folder)
    torch.set_num_threads(before)
    return folder, result


def interrupt(material, folder, zones, error=Abandoned, **more):
    with pytest.raises(error):
        classify(material, folder, Interrupting(folder, zones, error), **more)


def computed(monkeypatch) -> list[int]:
    """Keeps the number of every zone that is computed."""
    numbers: list[int] = []
    read_zone = engines.Engine._read_zone

    def counted(self, reader, area, what):
        numbers.append(what[2])
        return read_zone(self, reader, area, what)

    monkeypatch.setattr(engines.Engine, "_read_zone", counted)
    return numbers


def names_in(folder):
    return {path.name for path in folder.iterdir()}


def assert_same(folder, whole) -> None:
    assert names_in(folder) == names_in(whole)
    for name in OUTPUTS.values():
        np.testing.assert_array_equal(read_raster(folder / name), read_raster(whole / name))


@pytest.mark.parametrize("zones", [1, 4, 6, ZONES - 1])
def test_an_interrupted_run_goes_on_and_equals_a_whole_one(
    material, whole, tmp_path, monkeypatch, zones
):
    folder, expected = whole
    interrupt(material, tmp_path, zones)
    there = finished_zones(tmp_path)
    assert zones <= there < ZONES
    assert not names_in(tmp_path) & set(OUTPUTS.values())
    numbers = computed(monkeypatch)
    heard = Interrupting(tmp_path)
    result = classify(material, tmp_path, heard)
    assert numbers == list(range(there, ZONES))
    assert f"after {there} of {ZONES} parts" in heard.said
    assert "were finished by the run that was interrupted" in heard.said
    assert_same(tmp_path, folder)
    assert (result.pixels, result.classes) == (expected.pixels, expected.classes)


def test_zones_in_any_order_may_be_finished(material, whole, tmp_path, monkeypatch):
    """As a later version might leave them; whole stretches are not even read."""
    interrupt(material, tmp_path, 6)
    (journal,) = tmp_path.glob(".*.journal")
    lines = journal.read_text(encoding="utf-8").splitlines()
    del lines[3]  # the head comes first: zone 2
    journal.write_text("\n".join(lines) + "\n", encoding="utf-8")
    there = len(lines)
    numbers = computed(monkeypatch)
    classify(material, tmp_path)
    assert numbers == [2, *range(there, ZONES)]
    assert_same(tmp_path, whole[0])


def test_it_may_be_interrupted_again_and_again(material, whole, tmp_path):
    for zones in (2, 4, 6, 8):
        interrupt(material, tmp_path, zones)
    classify(material, tmp_path)
    assert_same(tmp_path, whole[0])


def test_everything_was_finished_but_the_names(material, whole, tmp_path, monkeypatch):
    def killed(_self):
        raise Abandoned

    with monkeypatch.context() as patched:
        patched.setattr(MapOutputs, "commit", killed)
        with pytest.raises(Abandoned):
            classify(material, tmp_path)
    numbers = computed(monkeypatch)
    classify(material, tmp_path)
    assert numbers == []
    assert_same(tmp_path, whole[0])


def test_only_the_map(material, whole, tmp_path):
    outputs = {"output": "map.tif"}
    interrupt(material, tmp_path, 3, outputs=outputs)
    heard = Interrupting(tmp_path)
    classify(material, tmp_path, heard, outputs=outputs)
    assert "going on" in heard.said
    assert names_in(tmp_path) == {name for name in names_in(whole[0]) if name.startswith("map.")}
    np.testing.assert_array_equal(
        read_raster(tmp_path / "map.tif"), read_raster(whole[0] / "map.tif")
    )


def test_a_part_of_the_image_goes_on_too(material, tmp_path):
    extent = [500_000.0 + 60.0, 5_800_000.0 - 30.0 * 2200, 500_000.0 + 30.0 * 37, 5_800_000.0 - 90]
    (tmp_path / "whole").mkdir()
    (tmp_path / "part").mkdir()
    classify(material, tmp_path / "whole", extent=extent)
    interrupt(material, tmp_path / "part", 5, extent=extent)
    heard = Interrupting(tmp_path / "part")
    classify(material, tmp_path / "part", heard, extent=extent)
    assert "going on" in heard.said
    assert_same(tmp_path / "part", tmp_path / "whole")


def test_a_cancelled_run_leaves_nothing(material, tmp_path):
    interrupt(material, tmp_path, 3, error=Cancelled)
    assert names_in(tmp_path) == set()


def test_without_resume_all_starts_afresh(material, whole, tmp_path, monkeypatch):
    interrupt(material, tmp_path, 4)
    numbers = computed(monkeypatch)
    classify(material, tmp_path, resume=False)
    assert numbers == list(range(ZONES))
    assert_same(tmp_path, whole[0])


def copy_of(material, folder):
    folder.mkdir()
    return tuple(Path(shutil.copy(path, folder / path.name)) for path in material)


def touched_image(image, model):
    os.utime(image, ns=(1, 1))


def other_model(image, model):
    make_model(model, DEFAULT_NETWORK, kind="band")


@pytest.mark.parametrize("change", [touched_image, other_model])
def test_the_work_of_another_job_is_removed_and_not_used(material, tmp_path, monkeypatch, change):
    image, model = copy_of(material, tmp_path / "inputs")
    out = tmp_path / "out"
    out.mkdir()
    interrupt((image, model), out, 4)
    before = names_in(out)
    assert {name.rpartition(".")[2] for name in before} >= {"tif", "journal"}
    change(image, model)
    numbers = computed(monkeypatch)
    heard = Interrupting(out)
    classify((image, model), out, heard)
    assert numbers == list(range(ZONES))
    assert "going on" not in heard.said
    assert not before & names_in(out)


@pytest.mark.parametrize(
    "more",
    [{"extent": [5e5, 5.75e6, 5.011e6, 5.8e6]}, {"outputs": {"output": "map.tif"}}],
)
def test_other_settings_are_another_job(material, tmp_path, more):
    interrupt(material, tmp_path, 4)
    heard = Interrupting(tmp_path)
    classify(material, tmp_path, heard, **more)
    assert "going on" not in heard.said
    assert not [name for name in names_in(tmp_path) if name.startswith(".")]


def overwritten(partial: Path) -> None:
    """Bytes near the end: the pixels of a tile."""
    with partial.open("r+b") as file:
        file.seek(partial.stat().st_size - 150)
        file.write(bytes(range(100)))


def cut(partial: Path) -> None:
    with partial.open("r+b") as file:
        file.truncate(partial.stat().st_size // 3)


def empty(partial: Path) -> None:
    partial.write_bytes(b"")


def gone(partial: Path) -> None:
    partial.unlink()


@pytest.mark.parametrize("name", ["map", "shares", "trust"])
@pytest.mark.parametrize("damage", [overwritten, cut, empty, gone])
def test_damaged_work_is_not_used(material, whole, tmp_path, monkeypatch, damage, name):
    interrupt(material, tmp_path, 5)
    (partial,) = tmp_path.glob(f".{name}.*.tif")
    damage(partial)
    numbers = computed(monkeypatch)
    heard = Interrupting(tmp_path)
    classify(material, tmp_path, heard)
    assert numbers == list(range(ZONES))
    assert "going on" not in heard.said
    if damage in (overwritten, cut):
        assert any("damaged" in text for text in heard.warnings)
    assert_same(tmp_path, whole[0])


def test_parts_of_a_zone_may_be_written_before_the_one_above_is_finished(material, tmp_path):
    """Blocks without a value are finished as soon as they are read."""
    bundle = load_bundle(str(material[1]))
    grid = Grid("", (0.0, 1.0, 0.0, 0.0, 0.0, -1.0), 512, 300)
    zones = [Window(0, 0, 256, 300), Window(256, 0, 256, 300)]
    random = np.random.default_rng(1)

    def outputs() -> MapOutputs:
        return MapOutputs(
            bundle,
            grid,
            output=str(tmp_path / "map.tif"),
            probabilities="",
            confidence=str(tmp_path / "trust.tif"),
            origin=origin(bundle, [str(material[1])]),
            inputs=(),
            journal=Journal(tmp_path / "map.tif", "ab12", {}, (2, len(bundle.classes))),
        )

    def maps(row: int, col: int, width: int) -> Maps:
        window = Window(row, col, 256, width)
        labels = random.integers(0, 4, (256, width)).astype(np.uint16)
        return Maps(window, labels, random.random((256, width), np.float32), None)

    def write_all(sink: MapOutputs) -> None:
        with sink:
            assert sink.go_on(zones, SilentProgress()) == set()
            sink.write(maps(0, 256, 44))
            sink.write(maps(256, 0, 256))  # of the next zone
            sink.write(maps(0, 0, 256))
            sink.finish(0, zones[0])
            sink.write(maps(256, 256, 44))
            sink.finish(1, zones[1])
            raise Abandoned

    first = outputs()
    with pytest.raises(Abandoned):
        write_all(first)
    second = outputs()
    with second:
        assert second.go_on(zones, SilentProgress()) == {0, 1}
        np.testing.assert_array_equal(second.counts, first.counts)


def moved_model(image, model):
    other = model.with_name("other.safetensors")
    shutil.move(model, other)
    return image, other


def in_a_virtual_raster(image):
    """A virtual raster of a virtual raster of the image."""
    inner, outer = image.with_name("inner.vrt"), image.with_name("outer.vrt")
    for target, source in ((inner, image), (outer, inner)):
        gdal.Translate(str(target), str(source), format="VRT")
    return outer


def zipped(image):
    import zipfile

    archive = image.with_name("image.zip")
    with zipfile.ZipFile(archive, "w") as file:
        file.write(image, image.name)
    return f"/vsizip/{archive}/{image.name}"


def test_a_model_under_another_name_is_another_job(material, tmp_path):
    """Its name stands in the map."""
    image, model = copy_of(material, tmp_path / "inputs")
    out = tmp_path / "out"
    out.mkdir()
    interrupt((image, model), out, 4)
    heard = Interrupting(out)
    classify(moved_model(image, model), out, heard)
    assert "going on" not in heard.said
    assert "Unfinished work of another classification" in heard.said


@pytest.mark.parametrize("wrap", [in_a_virtual_raster, zipped])
def test_an_image_that_changed_behind_another_is_noticed(material, tmp_path, wrap):
    image, model = copy_of(material, tmp_path / "inputs")
    out = tmp_path / "out"
    out.mkdir()
    shown = wrap(image)
    interrupt((shown, model), out, 4)
    write_scene(image, BANDS, ROWS, COLS, tiled=True, seed=99)
    shown = wrap(image) if wrap is zipped else shown
    heard = Interrupting(out)
    classify((shown, model), out, heard)
    assert "going on" not in heard.said


def test_what_qgis_writes_beside_an_image_changes_nothing(material, tmp_path):
    image, model = copy_of(material, tmp_path / "inputs")
    out = tmp_path / "out"
    out.mkdir()
    interrupt((image, model), out, 4)
    dataset = gdal.Open(str(image))
    dataset.GetRasterBand(1).ComputeStatistics(False)
    dataset.BuildOverviews("NEAREST", [2])
    del dataset
    assert {".aux.xml", ".ovr"} <= {path.name[len(image.name) :] for path in image.parent.iterdir()}
    heard = Interrupting(out)
    classify((image, model), out, heard)
    assert "going on" in heard.said


def test_what_is_free_may_vary_a_little(material, tmp_path, monkeypatch):
    from hsicnn.core.inference import preflight

    def free(size):
        return lambda: FreeMemory(size << 20, "of this machine")

    monkeypatch.setattr(preflight, "free_memory", free(265))
    interrupt(material, tmp_path, 4)
    monkeypatch.setattr(preflight, "free_memory", free(301))
    heard = Interrupting(tmp_path)
    classify(material, tmp_path, heard)
    assert "going on" in heard.said


def test_unfinished_outputs_that_are_not_asked_for_again_go_too(material, tmp_path):
    interrupt(material, tmp_path, 4)
    classify(material, tmp_path, outputs={"output": "map.tif"})
    assert not [name for name in names_in(tmp_path) if name.startswith(".")]


def test_two_outputs_under_one_name_are_refused(material, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    for other in ("map.tiff", "link/map.tif"):
        with pytest.raises(InputError, match="same file name"):
            classify(material, tmp_path, outputs={"output": "map.tif", "confidence": other})


def test_an_output_that_cannot_be_opened_leaves_nothing(material, tmp_path, monkeypatch):
    opened = MapOutputs._open

    def broken(self, name, path):
        if name == "confidence":
            raise RasterError("the disk is gone")
        return opened(self, name, path)

    interrupt(material, tmp_path, 4)
    monkeypatch.setattr(MapOutputs, "_open", broken)
    with pytest.raises(RasterError, match="the disk is gone"):
        classify(material, tmp_path)
    assert not [name for name in names_in(tmp_path) if "map" in name or "shares" in name]


def torn(text: str) -> str:
    """The last line was being written."""
    return text[:-20]


def wrong_counts(text: str) -> str:
    return text.replace('"counts"', '"cuonts"')


def wrong_numbers(text: str) -> str:
    return text.replace('{"zone": ', '{"zone": 7')


def no_json(_text: str) -> str:
    return "not a journal\n"


def another_head(text: str) -> str:
    return text.replace('"threads', '"treads').replace('"plan"', '"paln"')


@pytest.mark.parametrize(
    ("spoil", "kept"),
    [
        (torn, True),
        (wrong_counts, False),
        (wrong_numbers, False),
        (no_json, False),
        (another_head, False),
    ],
)
def test_a_spoilt_journal(material, whole, tmp_path, monkeypatch, spoil, kept):
    interrupt(material, tmp_path, 5)
    there = finished_zones(tmp_path)
    (journal,) = tmp_path.glob(".*.journal")
    journal.write_text(spoil(journal.read_text(encoding="utf-8")), encoding="utf-8")
    numbers = computed(monkeypatch)
    classify(material, tmp_path)
    assert numbers == list(range(there - 1 if kept else 0, ZONES))
    assert_same(tmp_path, whole[0])


def test_a_line_that_was_torn_harms_no_later_run(material, whole, tmp_path, monkeypatch):
    interrupt(material, tmp_path, 3)
    (journal,) = tmp_path.glob(".*.journal")
    journal.write_text(torn(journal.read_text(encoding="utf-8")), encoding="utf-8")
    interrupt(material, tmp_path, 6)
    there = finished_zones(tmp_path)
    numbers = computed(monkeypatch)
    classify(material, tmp_path)
    assert numbers == list(range(there, ZONES))
    assert_same(tmp_path, whole[0])


def test_a_journal_that_cannot_be_written_is_a_clear_error(material, tmp_path, monkeypatch):
    from hsicnn.core.inference import journal

    class Full(type(tmp_path)):
        def open(self, *_, **__):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(journal, "journal_name", lambda path, job_name: Full(tmp_path / "journal"))
    with pytest.raises(RasterError, match=r"No space left.*disk is not full"):
        classify(material, tmp_path)

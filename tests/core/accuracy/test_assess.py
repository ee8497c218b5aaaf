from __future__ import annotations

import base64
import json
import re
import zlib
from pathlib import Path

import numpy as np
import pytest
from hsicnn.core.accuracy.assess import AccuracyResult, assess_accuracy
from hsicnn.core.data.classes import ClassInfo
from hsicnn.core.data.export import export_training_chips
from hsicnn.core.errors import Cancelled, HsicnnError, InputError, LabelError, RasterError
from hsicnn.core.progress import SilentProgress
from hsicnn.core.raster.grid import Grid
from hsicnn.core.raster.source import RasterSource
from hsicnn.core.raster.windows import Window
from hsicnn.core.raster.writer import RasterWriter
from hsicnn.core.simulation.scene import create_example_scene
from osgeo import gdal, osr

SIDE = 40
OUTPUTS = {"report": "html", "json": "json", "errors": "tif"}
NAMES = ("Water", "Forest", "Field")


def utm(epsg: int = 32633) -> str:
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(epsg)
    return reference.ExportToWkt()


def grid(side: int = SIDE, *, east: float = 500_000.0, pixel: float = 10.0) -> Grid:
    return Grid(utm(), (east, pixel, 0.0, 5_800_000.0, 0.0, -pixel), side, side)


def classes(*codes: int) -> tuple[ClassInfo, ...]:
    return tuple(
        ClassInfo(code, name, f"#{40 * place + 40:02x}6080")
        for place, (code, name) in enumerate(zip(codes, NAMES))
    )


LEGEND = classes(1, 2, 3)


def write(path: Path, values: np.ndarray, legend=LEGEND, where=None, **metadata) -> str:
    place = where or grid(values.shape[0])
    with RasterWriter(
        path, place, 1, "uint8", nodata=0, categories=legend, metadata=metadata
    ) as writer:
        writer.write(Window(0, 0, *values.shape), values.astype(np.uint8))
        writer.commit()
    return str(path)


def read(path: str) -> np.ndarray:
    with RasterSource(path) as source:
        values, _ = source.read_raw(Window(0, 0, source.grid.height, source.grid.width), [0])
        return values[0]


def reference_values() -> np.ndarray:
    """Three stripes of classes; rows 30 and below are unlabelled."""
    values = np.repeat(np.array([1, 2, 3, 3]), SIDE // 4)[None, :].repeat(SIDE, axis=0)
    values[30:] = 0
    return values


def mapped_values() -> np.ndarray:
    """The reference everywhere, but 30 pixels of Water mapped as Field."""
    values = reference_values()
    values[30:] = 2
    values[0:10, 0:3] = 3
    return values


def assess(folder: Path, mapped: np.ndarray | None = None, **arguments) -> AccuracyResult:
    legend = arguments.pop("legend", LEGEND)
    metadata = arguments.pop("metadata", {})
    values = mapped_values() if mapped is None else mapped
    return assess_accuracy(
        class_map=write(folder / "map.tif", values, legend, **metadata),
        reference=write(folder / "reference.tif", reference_values()),
        **arguments,
    )


def pack(rows: np.ndarray, cols: np.ndarray) -> str:
    numbers = np.concatenate([rows, cols]).astype("<i4").tobytes()
    return base64.b64encode(zlib.compress(numbers)).decode("ascii")


def test_figures_of_a_known_map(tmp_path):
    found = assess(tmp_path).findings
    assert found.subset == "all"
    assert found.pixels == 30 * SIDE
    assert found.overall_accuracy == pytest.approx(1 - 30 / 1200)
    water, forest, field = found.classes
    assert water.producers_accuracy == pytest.approx(270 / 300)
    assert water.users_accuracy == 1.0
    assert field.users_accuracy == pytest.approx(600 / 630)
    assert found.average_accuracy == pytest.approx((0.9 + 1 + 1) / 3)
    assert found.confusion_matrix == ((270, 0, 30), (0, 300, 0), (0, 0, 600))
    # Areas are of the whole map: 100 m2 a pixel
    assert forest.map_pixels == 300 + 10 * SIDE
    assert forest.hectares == pytest.approx(7.0)
    assert found.location_only is None


def test_json_holds_what_other_tools_rely_on(tmp_path):
    assess(tmp_path, json=str(tmp_path / "accuracy.json"))
    record = json.loads((tmp_path / "accuracy.json").read_text(encoding="utf-8"))
    wanted = {"overall_accuracy", "average_accuracy", "kappa", "classes", "confusion_matrix"}
    wanted |= {"location_only", "pixels", "subset"}
    assert wanted <= set(record)
    assert {"name", "f1", "producers_accuracy", "users_accuracy"} <= set(record["classes"][0])
    assert record["pixels"] == 1200
    assert np.trace(record["confusion_matrix"]) == 1170


def test_error_raster_says_where(tmp_path):
    assess(tmp_path, errors=str(tmp_path / "errors.tif"))
    errors = read(str(tmp_path / "errors.tif"))
    expected = np.ones((SIDE, SIDE))
    expected[0:10, 0:3] = 2
    expected[30:] = 0
    assert np.array_equal(errors, expected)
    assert (tmp_path / "errors.qml").read_text().count("paletteEntry") == 2
    with RasterSource(tmp_path / "errors.tif") as source:
        assert source.grid.same_as(grid())


def test_report_stands_alone(tmp_path):
    assess(tmp_path, report=str(tmp_path / "report.html"))
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "The map is right at 97.5 % of 1,200 labelled pixels." in text
    assert "data:image/png;base64," in text
    assert not re.search(r'(src|href)="(?!data:)', text)
    assert "<script" not in text
    for name in NAMES:
        assert name in text
    assert "no training curves" in text


def test_names_with_markup_stay_text(tmp_path):
    legend = (ClassInfo(1, "<b>Water</b>", "#111111"), *LEGEND[1:])
    assess(tmp_path, legend=legend, report=str(tmp_path / "report.html"))
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<b>Water" not in text


def test_names_count_before_codes(tmp_path):
    # The map numbers the same classes the other way round
    turned = np.array([0, 3, 2, 1])[mapped_values()]
    found = assess(tmp_path, turned, legend=classes(3, 2, 1)).findings
    assert found.overall_accuracy == pytest.approx(1 - 30 / 1200)


def test_nodata_of_the_map_is_told_and_counts_neither_way(tmp_path):
    mapped = mapped_values()
    mapped[20:30, 10:20] = 0
    found = assess(tmp_path, mapped).findings
    assert found.pixel_counts.not_classified == 100
    assert found.pixels == 1100
    assert found.overall_accuracy == pytest.approx(1 - 30 / 1100)
    assert any("no class at 100 of the labelled pixels" in text for text in found.warnings)


def test_map_of_nodata_alone_is_an_error(tmp_path):
    with pytest.raises(LabelError, match=r"map\.tif holds no class: every pixel of it is nodata"):
        assess(tmp_path, np.zeros((SIDE, SIDE)))


def test_a_map_without_a_class_where_labels_are_is_an_error(tmp_path):
    mapped = np.where(reference_values() > 0, 0, 1)
    with pytest.raises(LabelError, match="no class at any of the 1,200 labelled pixels"):
        assess(tmp_path, mapped)


def test_training_pixels_lead_the_report(tmp_path):
    rows, cols = np.nonzero(np.ones((5, SIDE), dtype=bool))
    metadata = {
        "TRAINING_PIXELS": pack(rows, cols),
        "TRAINING_GRID": json.dumps(grid().to_json()),
    }
    found = assess(tmp_path, metadata=metadata, report=str(tmp_path / "report.html")).findings
    assert found.pixel_counts.in_training == 5 * SIDE
    assert found.warnings[0].startswith("Includes 200 training pixels")
    # 15 of the 30 wrong pixels are in rows 0-4
    assert found.without_training["overall_accuracy"] == pytest.approx(1 - 15 / 1000)
    # Columns are the classes here, so that location alone knows everything
    assert found.location_only == 1.0
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    # 98.5 % of the pixels that did not train, beside location's 100 %
    assert "Without the training pixels it is 1.5 points worse" in text
    assert text.index("Includes 200 training pixels") < text.index("The map is right")


def test_training_pixels_of_another_grid_are_found_by_place(tmp_path):
    # Trained on a raster that begins 10 pixels further west
    wide = Grid(utm(), (499_900.0, 10.0, 0.0, 5_800_000.0, 0.0, -10.0), SIDE, SIDE)
    metadata = {
        "TRAINING_PIXELS": pack(np.array([0, 0]), np.array([10, 3])),
        "TRAINING_GRID": json.dumps(wide.to_json()),
    }
    assert assess(tmp_path, metadata=metadata).findings.pixel_counts.in_training == 1


@pytest.mark.parametrize(
    ("pixels", "place"),
    [
        ("AAAA", json.dumps(grid().to_json())),
        ("ä", json.dumps(grid().to_json())),
        (base64.b64encode(zlib.compress(bytes(10**7))).decode(), json.dumps(grid().to_json())),
        ("AAAA", "{}"),
        ("AAAA", "[" * 5000),
        ("AAAA", json.dumps({**grid().to_json(), "height": 1e999})),
    ],
)
def test_damaged_training_pixels_are_named(tmp_path, pixels, place):
    metadata = {"TRAINING_PIXELS": pixels, "TRAINING_GRID": place}
    with pytest.raises(RasterError, match=r"map\.tif says where its model was trained"):
        assess(tmp_path, metadata=metadata)


def test_a_missing_model_is_said_in_the_report(tmp_path):
    metadata = {"MODEL_PATH": str(tmp_path / "gone.safetensors")}
    assess(tmp_path, metadata=metadata, report=str(tmp_path / "report.html"))
    assert "is no longer there" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_an_image_is_no_class_map(tmp_path):
    with RasterWriter(tmp_path / "image.tif", grid(), 3, "int16", nodata=None) as writer:
        writer.write(Window(0, 0, SIDE, SIDE), np.zeros((3, SIDE, SIDE), dtype=np.int16))
        writer.commit()
    with pytest.raises(RasterError, match="has 3 bands; a class map has one"):
        assess_accuracy(class_map=str(tmp_path / "image.tif"), reference="anything.tif")


def test_fractions_are_no_classes(tmp_path):
    with RasterWriter(tmp_path / "share.tif", grid(), 1, "float32", nodata=None) as writer:
        writer.write(Window(0, 0, SIDE, SIDE), np.full((SIDE, SIDE), 0.25, dtype=np.float32))
        writer.commit()
    reference = write(tmp_path / "reference.tif", reference_values())
    with pytest.raises(RasterError, match=r"holds fractions such as 0\.25"):
        assess_accuracy(class_map=str(tmp_path / "share.tif"), reference=reference)
    with RasterWriter(tmp_path / "huge.tif", grid(), 1, "float64", nodata=None) as writer:
        writer.write(Window(0, 0, SIDE, SIDE), np.full((SIDE, SIDE), 1e300))
        writer.commit()
    with pytest.raises(RasterError, match=r"holds numbers such as 1e\+300"):
        assess_accuracy(class_map=str(tmp_path / "huge.tif"), reference=reference)


@pytest.mark.parametrize("value", ["²", "--5", "9" * 30, "1e400", "x"])
@pytest.mark.parametrize("color", ["²,1,1,255", "#zzzzzz", "1,1", "#12"])
def test_a_style_of_nonsense_beside_the_map_is_let_be(tmp_path, value, color):
    style = f'<qgis><paletteEntry value="{value}" color="{color}" label="a"/></qgis>'
    plain = assess(tmp_path).findings
    (tmp_path / "map.qml").write_text(style, encoding="utf-8")
    class_map = str(tmp_path / "map.tif")
    found = assess_accuracy(class_map=class_map, reference=str(tmp_path / "reference.tif"))
    assert found.findings.overall_accuracy == plain.overall_accuracy


def test_arguments_that_cannot_work_say_what_to_do(tmp_path):
    with pytest.raises(InputError, match="REFERENCE"):
        assess_accuracy(class_map="map.tif")
    with pytest.raises(InputError, match="SAMPLES"):
        assess_accuracy(class_map="map.tif", reference="r.tif", subset="test")
    with pytest.raises(InputError, match="choose one of"):
        assess_accuracy(class_map="map.tif", reference="r.tif", subset="half")
    with pytest.raises(RasterError, match=r"missing\.tif"):
        assess_accuracy(class_map=str(tmp_path / "missing.tif"), reference="r.tif")


def test_a_report_that_cannot_be_written_names_the_place(tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        assess(tmp_path, report=str(tmp_path / "nowhere" / "report.html"))


def test_all_outputs_are_written_or_none(tmp_path, monkeypatch):
    asked = {name: str(tmp_path / f"a.{end}") for name, end in OUTPUTS.items()}
    for path in asked.values():
        Path(path).write_text("an earlier one")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hsicnn.core.accuracy.outputs.accuracy_page", full)
    with pytest.raises(OSError, match="No space left"):
        assess(tmp_path, **asked)
    assert {Path(path).read_text() for path in asked.values()} == {"an earlier one"}
    inputs = {"map.tif", "map.qml", "reference.tif", "reference.qml", "map.tif.aux.xml"}
    left = {path.name for path in tmp_path.iterdir()} - inputs - {"reference.tif.aux.xml"}
    assert left == {Path(path).name for path in asked.values()}


def test_two_outputs_may_not_be_one_file(tmp_path):
    path = str(tmp_path / "report.html")
    with pytest.raises(InputError, match="REPORT, JSON and ERRORS"):
        assess(tmp_path, report=path, json=path)


def test_cancelling_writes_nothing(tmp_path):
    class Stops(SilentProgress):
        def check_cancel(self) -> None:
            raise Cancelled

    with pytest.raises(Cancelled):
        assess(
            tmp_path,
            report=str(tmp_path / "r.html"),
            errors=str(tmp_path / "e.tif"),
            progress=Stops(),
        )
    assert not (tmp_path / "r.html").exists()
    assert not (tmp_path / "e.tif").exists()


@pytest.fixture(scope="module")
def scene(tmp_path_factory) -> dict[str, str]:
    """A scene, its chip set, and a map that is the reference itself."""
    folder = tmp_path_factory.mktemp("assess")
    made = {name: str(folder / f"{name}.tif") for name in ("image", "reference", "map")}
    create_example_scene(
        output=made["image"], reference=made["reference"], size=64, bands=8, classes=3
    )
    made["chips"] = str(folder / "chips")
    export_training_chips(
        image=made["image"], reference=made["reference"], output=made["chips"], halo=2
    )
    return made


def test_a_chip_set_is_assessed_on_its_test_pixels(scene, tmp_path):
    found = assess_accuracy(
        class_map=scene["reference"],
        samples=scene["chips"],
        report=str(tmp_path / "report.html"),
        errors=str(tmp_path / "errors.tif"),
    ).findings
    info = json.loads((Path(scene["chips"]) / "chips.json").read_text(encoding="utf-8"))
    assert found.subset == "test"
    assert found.pixels == sum(info["counts"]["test"])
    assert found.overall_accuracy == 1.0
    assert found.location_only == pytest.approx(info["location_only"])
    assert (read(str(tmp_path / "errors.tif")) == 1).sum() == found.pixels
    assert "Split" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_subsets_of_a_chip_set_do_not_overlap(scene):
    pixels = {
        subset: assess_accuracy(
            class_map=scene["reference"], samples=scene["chips"], subset=subset
        ).findings.pixels
        for subset in ("train", "validation", "test", "all")
    }
    assert pixels["all"] == pixels["train"] + pixels["validation"] + pixels["test"]


def test_another_chip_set_than_the_models_is_warned_of(scene, tmp_path):
    dataset = gdal.GetDriverByName("GTiff").CreateCopy(
        str(tmp_path / "map.tif"), gdal.Open(scene["reference"])
    )
    dataset.SetMetadata({"SPLIT_HASH": "another"}, "HSICNN")
    del dataset
    found = assess_accuracy(class_map=str(tmp_path / "map.tif"), samples=scene["chips"]).findings
    assert any("not the chip set" in text for text in found.warnings)


def test_a_map_of_another_grid_is_looked_up_and_said(scene, tmp_path):
    # Half the pixel size, the same ground: every pixel four times
    with RasterSource(scene["reference"]) as source:
        place = source.grid
    x, step, _, y, _, down = place.geotransform
    fine = Grid(place.crs_wkt, (x, step / 2, 0.0, y, 0.0, down / 2), 128, 128)
    values = read(scene["reference"]).repeat(2, axis=0).repeat(2, axis=1)
    names = ("Wheat", "Loam soil", "Meadow")
    legend = tuple(ClassInfo(code, name, "#336699") for code, name in enumerate(names, 1))
    path = write(tmp_path / "fine.tif", values, legend, fine)
    found = assess_accuracy(class_map=path, samples=scene["chips"]).findings
    assert found.overall_accuracy == 1.0
    assert any("another grid" in text for text in found.notes)


def test_a_map_of_another_place_is_an_error_that_names_both(scene, tmp_path):
    path = write(tmp_path / "far.tif", mapped_values())
    with pytest.raises(LabelError, match=r"lies on far\.tif"):
        assess_accuracy(class_map=path, samples=scene["chips"])


def test_a_folder_that_is_no_chip_set(scene, tmp_path):
    with pytest.raises(HsicnnError, match="no chip set"):
        assess_accuracy(class_map=scene["reference"], samples=str(tmp_path))


def test_with_both_given_the_chip_set_counts_and_it_is_said(scene):
    found = assess_accuracy(
        class_map=scene["reference"], reference=scene["reference"], samples=scene["chips"]
    ).findings
    assert found.subset == "test"
    assert "REFERENCE was not used: the labels of SAMPLES were." in found.notes


def test_labels_outside_the_map_are_told_and_count_neither_way(scene, tmp_path):
    part = str(tmp_path / "part.tif")
    gdal.Translate(part, scene["reference"], srcWin=[0, 0, 64, 32]).FlushCache()
    whole = assess_accuracy(class_map=scene["reference"], samples=scene["chips"], subset="all")
    found = assess_accuracy(class_map=part, samples=scene["chips"], subset="all").findings
    outside = whole.findings.pixels - found.pixels
    assert outside > 0
    assert any(f"{outside:,} of the labelled" in text for text in found.warnings)


def test_a_subset_without_pixels_is_an_error_that_says_what_to_do(scene, tmp_path):
    chips = str(tmp_path / "chips")
    export_training_chips(
        image=scene["image"],
        reference=scene["reference"],
        output=chips,
        halo=2,
        train_fraction=0.7,
        validation_fraction=0.3,
    )
    with pytest.raises(LabelError, match=r"no test pixels.*another SUBSET"):
        assess_accuracy(class_map=scene["reference"], samples=chips)
    assert assess_accuracy(class_map=scene["reference"], samples=chips, subset="validation")


def test_random_splits_have_no_block_size_to_tell(scene, tmp_path):
    chips = str(tmp_path / "chips")
    export_training_chips(
        image=scene["image"], reference=scene["reference"], output=chips, halo=2, split="random"
    )
    found = assess_accuracy(class_map=scene["reference"], samples=chips).findings
    assert found.split.startswith("random, buffer")


def test_a_map_of_whole_numbers_as_floats_without_nodata_is_a_class_map(tmp_path):
    values = reference_values().astype(np.float32)
    place = grid()
    path = str(tmp_path / "floats.tif")
    dataset = gdal.GetDriverByName("GTiff").Create(path, SIDE, SIDE, 1, gdal.GDT_Float32)
    dataset.SetGeoTransform(place.geotransform)
    dataset.SetProjection(place.crs_wkt)
    dataset.GetRasterBand(1).WriteRaster(0, 0, SIDE, SIDE, values.tobytes())
    dataset.FlushCache()
    del dataset
    reference = write(tmp_path / "reference.tif", reference_values())
    found = assess_accuracy(class_map=path, reference=reference).findings
    # 0 has no name there: it means no class, and no class of that code appears.
    assert found.overall_accuracy == 1.0
    assert found.pixels == 30 * SIDE
    assert len(found.classes) == 3


@pytest.mark.parametrize(("epsg", "hectares"), [(0, None), (4326, None), (2225, 0.0929)])
def test_areas_are_told_only_where_the_crs_is_in_metres_or_feet(tmp_path, epsg, hectares):
    from hsicnn.core.accuracy.class_map import ClassMap

    place = Grid(utm(epsg) if epsg else "", (10.0, 100.0, 0.0, 50.0, 0.0, -100.0), 4, 4)
    path = write(tmp_path / "map.tif", np.ones((4, 4)), LEGEND, place)
    with ClassMap(path) as opened:
        assert opened.pixel_hectares() == pytest.approx(hectares, abs=1e-3)

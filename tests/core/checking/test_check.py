"""Training data is checked: a clean scene, planted faults, outputs, wrong inputs, cancel."""

from __future__ import annotations

import json
import shutil
import sys

import numpy as np
import pytest
from hsicnn.core.checking.check import check_training_data
from hsicnn.core.checking.suspects import CONTRARY, NODATA, OUTLIER, STUCK
from hsicnn.core.errors import Cancelled, DependencyError, InputError, LabelError, RasterError
from hsicnn.core.raster.grid import NO_GEOTRANSFORM, Grid
from osgeo import gdal

from ..data.conftest import Said, make_grid, write_layer, write_raster
from .conftest import NAMES, WAVELENGTHS, found, set_scale, severity, spectra_of, suspects_of


def test_a_clean_scene_has_no_errors_and_hardly_a_suspect(scene):
    result = scene.check()
    assert result.errors == 0
    assert [item for item in result.details if item.severity == "warning"] == []
    assert result.suspicious <= 6  # of 1,600 that are compared: 0.4 %
    assert result.classes == 4


def swap(labels, share, seed=0):
    """Give some labels another class; return the new labels and which were changed."""
    random = np.random.default_rng(seed)
    here = np.flatnonzero(labels.ravel())
    chosen = random.permutation(here)[: int(share * len(here))]
    swapped = labels.copy().ravel()
    swapped[chosen] = (swapped[chosen] - 1 + random.integers(1, 4, len(chosen))) % 4 + 1
    changed = np.zeros(swapped.shape, bool)
    changed[chosen] = True
    return swapped.reshape(labels.shape), changed.reshape(labels.shape)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.15])
def test_swapped_labels_are_found_with_the_class_they_had(scene, share):
    right = scene.labels
    scene.labels, changed = swap(right, share)
    result = scene.check(samples=10_000)
    told = [item for item in suspects_of(result.suspects) if item["finding"] == CONTRARY]
    hits = [item for item in told if changed[item["row"], item["col"]]]
    # These four materials are easily told apart: nearly all are found, and little else.
    assert len(hits) >= 0.9 * changed.sum()
    assert len(told) - len(hits) <= 0.01 * (right > 0).sum()
    suggested = [NAMES[right[item["row"], item["col"]] - 1] for item in hits]
    assert np.mean([a == item["suggested"] for a, item in zip(suggested, hits)]) >= 0.95
    assert "contradicted by all other samples" in found(result, "wrong labels")


def test_a_field_with_the_wrong_label_is_found_as_a_whole(scene):
    field = np.zeros_like(scene.labels, bool)
    rows, cols = np.nonzero(scene.labels == 1)
    row, col = rows[0] // 10 * 10, cols[0] // 10 * 10
    field[row : row + 10, col : col + 10] = True
    scene.labels[field & (scene.labels > 0)] = 4
    result = scene.check()
    told = [item for item in suspects_of(result.suspects) if item["finding"] == CONTRARY]
    inside = [item for item in told if field[item["row"], item["col"]]]
    assert len(inside) >= 0.8 * min((field & (scene.labels > 0)).sum(), len(told))
    assert {item["suggested"] for item in inside} == {"wheat"}
    assert "1 patch or polygon is so as a whole" in found(result, "wrong labels")
    assert severity(result, "wrong labels") == {"warning"}


def test_the_same_material_under_two_names_is_a_coin_toss(scene):
    cover = np.maximum(scene.labels, 1)
    cover[scene.labels == 4] = 2  # what is labelled water is soil
    scene.values = spectra_of(cover, seed=7)
    result = scene.check()
    figures = json.loads((scene.folder / "figures.json").read_text())
    pair = next(p for p in figures["pairs"] if {p["first"], p["second"]} == {"soil", "water"})
    assert pair["error"] == pytest.approx(0.5, abs=0.1)
    assert max(p["error"] for p in figures["pairs"] if p is not pair) < 0.05
    assert "soil / water" in found(result, "alike classes")
    assert severity(result, "alike classes") == {"warning"}
    # Labels that no spectrum speaks for or against are not called wrong.
    assert figures["suspects"].get(CONTRARY, 0) <= 6


def plant(scene, share, change, seed=5):
    """Change the spectra of some labelled pixels; return which."""
    random = np.random.default_rng(seed)
    here = np.flatnonzero(scene.labels.ravel())
    chosen = random.permutation(here)[: int(share * len(here))]
    rows, cols = np.unravel_index(chosen, scene.labels.shape)
    for row, col in zip(rows, cols):
        scene.values[:, row, col] = change(scene.values[:, row, col].astype(float), random)
    planted = np.zeros(scene.labels.shape, bool)
    planted[rows, cols] = True
    return planted


def cloud(spectrum, random):
    return 7000 + 300 * random.standard_normal(len(spectrum))


def spike(spectrum, random):
    spectrum[random.integers(3, len(spectrum) - 3)] += 4000
    return spectrum


@pytest.mark.parametrize("change", [cloud, spike])
def test_outliers_are_found(scene, change):
    planted = plant(scene, 0.02, change)
    result = scene.check(samples=10_000)
    told = [s for s in suspects_of(result.suspects) if OUTLIER in (s["finding"], s["also"])]
    hits = sum(planted[item["row"], item["col"]] for item in told)
    assert hits >= 0.9 * planted.sum()
    assert len(told) - hits <= 0.005 * (scene.labels > 0).sum()
    assert "far from all others of their class" in found(result, "outliers")


def test_a_class_of_two_materials_is_no_outlier_but_mixed(scene):
    planted = plant(scene, 0.12, cloud)
    result = scene.check(samples=10_000)
    assert "A part of the class is far from the rest" in found(result, "mixed classes")
    told = [s for s in suspects_of(result.suspects) if s["finding"] == OUTLIER]
    assert len(told) < 0.2 * planted.sum()


def test_labels_on_nodata_are_counted_and_shown(scene):
    scene.values[:, :20] = -999
    lost = int((scene.labels[:20] > 0).sum())
    result = scene.check()
    assert f"{lost:,} of {int((scene.labels > 0).sum()):,}" in found(result, "nodata")
    told = [item for item in suspects_of(result.suspects) if item["finding"] == NODATA]
    assert {(item["row"], item["col"]) for item in told} == set(
        zip(*(axis.tolist() for axis in np.nonzero(scene.labels[:20])))
    )
    assert severity(result, "nodata") == {"warning"}


def test_a_class_that_nodata_takes_away_is_an_error(scene):
    scene.values[:, scene.labels == 4] = -999
    result = scene.check()
    assert "Nothing is left of 'water'" in found(result, "nodata")
    assert result.errors == 1
    assert result.classes == 4


def test_nodata_that_is_not_declared_is_found(scene):
    planted = plant(scene, 0.03, lambda spectrum, _: np.zeros(len(spectrum)))
    scene.told["nodata"] = None
    result = scene.check(samples=10_000)
    told = {(s["row"], s["col"]) for s in suspects_of(result.suspects) if s["finding"] == STUCK}
    assert told == set(zip(*(axis.tolist() for axis in np.nonzero(planted))))
    assert "one and the same value, mostly 0" in found(result, "nodata")
    # They are not compared as spectra.
    assert OUTLIER not in {s["finding"] for s in suspects_of(result.suspects) if s["also"]}


def test_dark_water_cut_off_at_0_is_how_a_class_looks(scene):
    scene.values[15:, scene.labels == 4] = 0
    result = scene.check()
    assert severity(result, "nodata") == {"note"}
    assert "Pixels of 'water'" in found(result, "nodata")
    assert STUCK not in {item["finding"] for item in suspects_of(result.suspects)}


def test_bands_that_some_labels_lack(scene):
    scene.values[4, :30] = -999
    result = scene.check()
    assert "no value in some band; band 5 (530.0 nm) is missing" in found(result, "nodata")
    figures = json.loads((scene.folder / "figures.json").read_text())
    assert sum(item["looked_at"] for item in figures["classes"]) == 1600


@pytest.mark.parametrize(
    ("spoil", "topic", "words"),
    [
        ("noise", "bands", "Mostly noise: band 11 (650.0 nm)"),
        ("flat", "bands", "The same value everywhere: band 11 (650.0 nm)"),
        ("flat labels", "bands", "The same value in all labelled pixels looked at: band 11"),
        ("wild", "outliers", "Up to 3.2 in band 11"),
        ("low", "outliers", "Down to -3 in band 11"),
        ("spikes", "outliers", "most of all in band 11"),
        ("top", "saturation", "Cut off at the top: bands 16-30"),
        ("full", "saturation", "the largest value that int16 can hold here"),
        ("negative", "scale", "Values below 0 in 100.0 % of the labelled pixels"),
    ],
)
def test_spoilt_bands_are_named(scene, spoil, topic, words):
    values, random = scene.values, np.random.default_rng(2)
    if spoil == "noise":
        values[10] = random.integers(100, 4000, values[10].shape)
    elif spoil == "flat":
        values[10] = 1000
    elif spoil == "flat labels":
        values[10, scene.labels > 0] = 1000
    elif spoil == "wild":
        values[10, 30, 30] = 32_000
    elif spoil == "low":
        values[10, 30, 30] = -30_000
    elif spoil == "spikes":
        values[10, (scene.labels > 0) & (random.random(scene.labels.shape) < 0.03)] += 3000
    elif spoil == "top":
        np.minimum(values, 3500, out=values)
    elif spoil == "full":
        values[15:] = np.where(values[15:] > 3000, 32_767, values[15:])
    else:
        values[:4] = -values[:4]
    assert words in found(scene.check(), topic)


def test_tiny_classes_and_imbalance(scene):
    water = np.flatnonzero(scene.labels == 4)
    scene.labels.ravel()[water[12:]] = 0
    wood = np.flatnonzero(scene.labels == 3)
    scene.labels.ravel()[wood[1:]] = 0
    result = scene.check()
    assert "A single usable pixel: 'wood'" in found(result, "tiny classes")
    assert "water (12)" in found(result, "tiny classes")
    assert severity(result, "tiny classes") == {"error", "warning"}
    assert "water (" in found(result, "few places")
    assert "times as many pixels" in found(result, "imbalance")
    assert result.errors == 1


def test_one_class_is_an_error(scene):
    scene.labels[scene.labels > 1] = 0
    result = scene.check()
    assert "Only one class" in found(result, "classes")
    assert "too few samples, places or classes" in found(result, "not checked")


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        ({"origin": (500_005.0, 5_799_995.0)}, ("0.50 of a pixel", "0.50 along")),
        ({"origin": (500_002.0, 5_800_000.0)}, ("0.20 of a pixel", "0.00 along")),
        ({"pixel": 20.0}, ("A pixel of reference.tif is 20 x 20, one of the image 10 x 10",)),
    ],
)
def test_other_grids_are_compared(scene, grid, words):
    scene.write()
    raster = scene.labels[None].astype(np.uint8)
    write_raster(scene.reference, raster, make_grid(60, 60, **grid))
    result = scene.check_written()
    for text in words:
        assert text in found(result, "grids")
    advice = " ".join(item.advice for item in result.details if item.topic == "grids")
    assert ("pixel centres" in advice) == ("0.50 along" in words)


def test_whole_pixels_beside_is_another_extent_only(scene):
    scene.write()
    raster = scene.labels[None].astype(np.uint8)
    grid = make_grid(60, 60, origin=(500_400.0, 5_800_000.0))
    write_raster(scene.reference, raster, grid)
    result = scene.check_written()
    assert not found(result, "grids")
    assert "33.3 % of the extent" in found(result, "overlap")
    assert severity(result, "overlap") == {"warning"}


def test_another_coordinate_system_is_said(scene):
    scene.write()
    raster = scene.labels[None].astype(np.uint8)
    grid = make_grid(60, 60, origin=(90_000.0, 5_830_000.0), epsg=32634)
    write_raster(scene.reference, raster, grid)
    with pytest.raises(LabelError, match="no label inside the image"):
        scene.check_written()
    bare = write_raster(scene.folder / "bare.tif", raster, make_grid(60, 60, epsg=0))
    result = scene.check_written(reference=bare)
    # On the same coordinates it is the same grid: nothing to say.
    assert not found(result, "coordinate system")


def square(row, col, side, pixel=10.0):
    x, y = 500_000.0 + col * pixel, 5_800_000.0 - row * pixel
    across, down = x + side * pixel, y - side * pixel
    return f"POLYGON(({x} {y},{across} {y},{across} {down},{x} {down},{x} {y}))"


def test_polygons_that_overlap_or_hold_no_pixel(scene):
    scene.write()
    features = []
    for row in range(6):
        for col in range(6):
            value = int(scene.labels[row * 10 + 5, col * 10 + 5])
            features.append((square(row * 10 + 1, col * 10 + 1, 8), {"class": NAMES[value - 1]}))
    other = next(name for name in NAMES if name != features[0][1]["class"])
    features.append((square(2, 2, 3), {"class": other}))
    features.append((square(12.1, 12.1, 0.3), {"class": "soil"}))
    features.append((square(100, 100, 5), {"class": "soil"}))
    crossed = (
        "POLYGON((500010 5799990,500030 5799970,500030 5799990,500010 5799970,500010 5799990))"
    )
    features.append((crossed, {"class": "soil"}))
    layer = write_layer(scene.folder / "fields.gpkg", features)
    result = scene.check_written(reference=layer, field="class")
    assert "9 pixels are claimed" in found(result, "conflicting labels")
    disputed = [s for s in suspects_of(result.suspects) if s["finding"] == "two classes claim it"]
    assert {(s["row"], s["col"]) for s in disputed} == {
        (r, c) for r in (2, 3, 4) for c in (2, 3, 4)
    }
    assert {tuple(sorted(s["class"].split(" / "))) for s in disputed} == {
        tuple(sorted((features[0][1]["class"], other)))
    }
    assert {s["code"] for s in disputed} == {None}
    assert "1 of 40 polygons hold no pixel centre" in found(result, "small polygons")
    assert "1 of 40 features lie outside" in found(result, "overlap")
    assert "invalid outline" in found(result, "reference")


def test_points_that_are_there_twice(scene):
    scene.write()
    random = np.random.default_rng(0)
    rows, cols = np.nonzero(scene.labels)
    chosen = random.permutation(len(rows))[:400]
    features = [
        (
            f"POINT({500_005 + 10 * cols[n]} {5_799_995 - 10 * rows[n]})",
            {"code": int(scene.labels[rows[n], cols[n]])},
        )
        for n in chosen
    ]
    layer = write_layer(scene.folder / "points.gpkg", [*features, *features[:20]])
    result = scene.check_written(reference=layer, field="code")
    assert "20 labels repeat another" in found(result, "duplicate labels")
    assert result.errors == 0


def test_equal_spectra_with_other_labels_are_conflicts(scene):
    rows, cols = np.nonzero(scene.labels == 1)
    others, places = np.nonzero(scene.labels == 2)
    scene.values[:, others[:5], places[:5]] = scene.values[:, rows[:5], cols[:5]]
    result = scene.check(samples=10_000)
    assert "10 of " in found(result, "conflicting labels")
    assert "(5 such spectra)" in found(result, "conflicting labels")
    told = [s for s in suspects_of(result.suspects) if "same spectrum" in s["finding"]]
    pairs = [*zip(rows[:5], cols[:5]), *zip(others[:5], places[:5])]
    assert {(s["row"], s["col"]) for s in told} == {(int(r), int(c)) for r, c in pairs}
    # Soil that looks like wheat is wheat: the suggestion comes from the other samples.
    soil = [s for s in told if s["class"] == "soil"]
    assert {s["suggested"] for s in soil} == {"wheat"}


def test_copies_within_a_class_are_said(scene):
    rows, cols = np.nonzero(scene.labels == 1)
    scene.values[:, rows[1:40], cols[1:40]] = scene.values[:, rows[:1], cols[:1]]
    result = scene.check(samples=10_000)
    assert "39 of " in found(result, "duplicate spectra")


def test_the_layer_lies_on_the_pixels_and_has_its_style(scene):
    scene.labels, _ = swap(scene.labels, 0.03)
    result = scene.check()
    told = suspects_of(result.suspects)
    assert len(told) == result.suspicious > 10
    for item in told:
        assert (item["x"], item["y"]) == (500_005 + 10 * item["col"], 5_799_995 - 10 * item["row"])
        assert item["class"] == NAMES[scene.labels[item["row"], item["col"]] - 1]
        assert item["code"] == scene.labels[item["row"], item["col"]]
        assert 0 < item["score"] <= 1
        assert item["reason"]
    assert (scene.folder / "suspects.qml").read_text(encoding="utf-8").count("<category ") >= 1
    assert not list(scene.folder.glob(".*"))


def test_page_and_figures_say_the_same(scene):
    scene.labels, _ = swap(scene.labels, 0.05)
    result = scene.check()
    figures = json.loads((scene.folder / "figures.json").read_text(encoding="utf-8"))
    page = (scene.folder / "report.html").read_text(encoding="utf-8")
    assert len(figures["findings"]) == result.findings
    assert sum(figures["suspects"].values()) == result.suspicious
    assert [item["name"] for item in figures["classes"]] == list(NAMES)
    assert 0.02 < figures["label_noise"] < 0.12
    assert all(item["recognised"] > 0.85 for item in figures["classes"])
    assert figures["verdict"] in page
    assert page.count('src="data:image/png;base64,') == 1
    for item in result.details:
        assert item.found.replace("'", "&#x27;") in page


def test_the_same_seed_gives_the_same_and_another_one_other_samples(scene):
    scene.labels, _ = swap(scene.labels, 0.05)
    first = scene.check(samples=100)
    told = (scene.folder / "figures.json").read_text()
    again = scene.check_written(samples=100)
    assert again == first
    assert (scene.folder / "figures.json").read_text() == told
    scene.check_written(samples=100, seed=9)
    assert (scene.folder / "figures.json").read_text() != told


def test_without_scikit_learn_the_rest_is_checked(scene, monkeypatch):
    for name in ("sklearn", "sklearn.discriminant_analysis", "sklearn.model_selection"):
        monkeypatch.setitem(sys.modules, name, None)
    scene.values[10] = 1000
    result = scene.check()
    assert "scikit-learn cannot be imported" in found(result, "not checked")
    assert "The same value everywhere" in found(result, "bands")
    assert "Not compared" in (scene.folder / "report.html").read_text()
    figures = json.loads((scene.folder / "figures.json").read_text())
    assert (figures["pairs"], figures["label_noise"]) == ([], None)


def test_progress_rises_and_findings_are_said(scene):
    scene.values[10] = 1000
    said = Said()
    scene.check(progress=said)
    assert said.fractions == sorted(said.fractions)
    assert said.fractions[-1] == 1.0
    assert any("The same value everywhere" in text for text in said.warnings)


def test_wrong_inputs_change_nothing(scene, tmp_path):
    scene.write()
    report = tmp_path / "report.html"
    for path in (report, tmp_path / "suspects.gpkg", tmp_path / "figures.json"):
        path.write_text("what was there before")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    cases = (
        ({"image": str(tmp_path / "none.tif")}, RasterError, "none.tif"),
        ({"reference": str(tmp_path / "none.tif")}, RasterError, "none.tif"),
        ({"samples": 3}, InputError, "SAMPLES is 3"),
        ({"memory_mb": 1}, InputError, "MEMORY is 1"),
        ({"seed": -1}, InputError, "SEED is -1"),
        ({"suspects": str(tmp_path / "suspects.docx")}, InputError, "SUSPECTS"),
        ({"suspects": str(tmp_path / "nowhere" / "s.gpkg")}, InputError, "no folder"),
        ({"report": scene.image}, InputError, "an input"),
        ({"json": str(report)}, InputError, "same file name"),
        ({"model": str(tmp_path / "image.tif")}, Exception, "image.tif"),
    )
    for more, kind, words in cases:
        with pytest.raises(kind, match=words):
            scene.check_written(**more)
        assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_cancel_at_any_time_keeps_what_was_there(scene, tmp_path):
    scene.write()
    counting = Said(cancel_after=10**9)
    scene.check_written(progress=counting)
    asked = 10**9 - counting.left
    assert asked > 10
    for path in (tmp_path / "report.html", tmp_path / "suspects.gpkg"):
        path.write_text("what was there before")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for when in {0, 3, asked // 3, asked // 2, asked - 3, asked - 1}:
        with pytest.raises(Cancelled):
            scene.check_written(progress=Said(cancel_after=when))
        assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_only_what_lies_around_labels_is_read(scene, monkeypatch):
    from hsicnn.core.checking import check
    from hsicnn.core.raster.source import RasterSource

    scene.labels[:] = 0
    scene.labels[5:9, 5:45] = np.repeat(np.arange(1, 5), 10)
    scene.write()
    windows = []
    original_read, original_survey = RasterSource.read, check.survey

    def noted(self, window, positions, **more):
        windows.append(window)
        return original_read(self, window, positions, **more)

    def surveyed(*args, **more):
        monkeypatch.setattr(RasterSource, "read", original_read)
        seen = original_survey(*args, **more)
        monkeypatch.setattr(RasterSource, "read", noted)
        return seen

    monkeypatch.setattr(check, "survey", surveyed)
    scene.check_written()
    assert windows
    assert all(window.row >= 5 and window.row + window.height <= 9 for window in windows)


def test_the_example_scene_is_clean(tmp_path):
    from hsicnn.core.simulation.scene import create_example_scene

    image, reference = str(tmp_path / "image.tif"), str(tmp_path / "reference.tif")
    create_example_scene(output=image, reference=reference)
    given = {"image": image, "reference": reference, "report": str(tmp_path / "report.html")}
    result = check_training_data(**given, suspects=str(tmp_path / "s.gpkg"))
    assert result.errors == 0
    assert result.warnings <= 2
    assert result.suspicious <= 20  # of 4,000: 0.5 %
    # It was made with alike soils and cereals.
    assert "Loam soil / Clay soil" in found(result, "alike classes")


def test_the_enmap_scene(test_data, tmp_path):
    folder = test_data / "enmap_potsdam"
    given = {"image": str(folder / "enmap_potsdam_cube.tif"), "suspects": str(tmp_path / "s.gpkg")}
    result = check_training_data(
        **given,
        reference=str(folder / "enmap_potsdam_gt.tif"),
        report=str(tmp_path / "report.html"),
    )
    assert result.errors == 0
    assert "Without any value, and left out of training: bands 130-135" in found(result, "bands")
    assert "Pixels of 'water' hold one and the same value, mostly 0" in found(result, "nodata")
    assert "roof / pavement" in found(result, "alike classes")
    assert result.suspicious <= 20  # of 2,050: 1 %
    assert "noise" not in found(result, "bands")


def test_points_on_the_enmap_scene(test_data, tmp_path):
    folder = test_data / "enmap_potsdam"
    shutil.copy(folder / "landcover_potsdam_point.gpkg", tmp_path / "points.gpkg")
    result = check_training_data(
        image=str(folder / "enmap_potsdam_cube.tif"),
        reference=str(tmp_path / "points.gpkg"),
        field="level_2",
        report=str(tmp_path / "report.html"),
    )
    assert "water (3)" in found(result, "tiny classes")
    assert "18 of 75 labelled pixels" in found(result, "nodata")
    assert "45 of 120 features lie outside" in found(result, "overlap")


def test_the_simulated_indian_pines(test_data, tmp_path):
    folder = test_data / "indian_pines"
    result = check_training_data(
        image=str(folder / "indian_pines_simulated_cube.tif"),
        reference=str(folder / "indian_pines_gt_georef.tif"),
        report=str(tmp_path / "report.html"),
    )
    assert "no scale is set" in found(result, "scale")
    assert "class 9 (20), class 7 (28)" in found(result, "tiny classes")
    assert "class 1 (1 for 46 pixels)" in found(result, "few places")
    assert "123 times as many" in found(result, "imbalance")


def test_a_model_of_another_scale_is_an_error(scene, tmp_path):
    pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    from hsicnn.core.data.export import export_training_chips
    from hsicnn.core.training.train import train_classifier

    scene.write()
    chips, model = str(tmp_path / "chips"), str(tmp_path / "model.safetensors")
    export_training_chips(image=scene.image, reference=scene.reference, output=chips)
    quick = {"epochs": 1, "patch_size": 1, "shortest_epoch": 1, "longest_epoch": 2}
    train_classifier(chips=chips, output=model, settings=quick, device="cpu")
    assert scene.check_written(model=model).errors == 0
    given = {"nodata": -999, "wavelengths": WAVELENGTHS}
    other = str(tmp_path / "percent.tif")
    write_raster(other, scene.values, scene.grid, **given)  # the same without its scale
    result = scene.check_written(image=other, model=model)
    assert "do not have the scale of the model's training" in found(result, "scale")
    assert severity(result, "scale") >= {"error"}
    given["wavelengths"] = WAVELENGTHS + 2000
    write_raster(other, scene.values, scene.grid, **given)
    set_scale(other)
    assert "needed are" in found(scene.check_written(image=other, model=model), "another sensor")


@pytest.mark.parametrize("components", [6, 30])
def test_components_and_a_model_that_makes_them_name_the_original(scene, tmp_path, components):
    """Also where there are as many components as bands, so that counting them tells nothing."""
    pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    from hsicnn.core.data.export import export_training_chips
    from hsicnn.core.reduction.reduce import reduce_bands
    from hsicnn.core.training.train import train_classifier

    scene.write()
    chips, model = str(tmp_path / "chips"), str(tmp_path / "model.safetensors")
    reduced = str(tmp_path / "reduced.tif")
    reduce_bands(image=scene.image, output=reduced, components=components)
    export_training_chips(image=reduced, reference=scene.reference, output=chips)
    quick = {"epochs": 1, "patch_size": 1, "shortest_epoch": 1, "longest_epoch": 2}
    train_classifier(chips=chips, output=model, settings=quick, device="cpu")
    assert scene.check_written(model=model).errors == 0
    result = scene.check_written(image=reduced, model=model)
    words = f"reduced.tif holds {components} components that 'Reduce bands' made of image.tif"
    assert words in found(result, "another sensor")
    assert "Choose image.tif" in found(result, "another sensor")
    assert "Set it in the file" not in found(result, "scale")


def test_a_model_needs_safetensors(scene, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    model = scene.folder / "model.safetensors"
    model.write_bytes(b"no model")
    with pytest.raises(DependencyError, match="leave MODEL empty"):
        scene.check(model=str(model))


def test_labels_in_another_coordinate_system_are_reprojected(scene):
    scene.write()
    other = str(scene.folder / "other.tif")
    gdal.Warp(other, scene.reference, dstSRS="EPSG:32634", resampleAlg="near", dstNodata=0)
    result = scene.check_written(reference=other)
    assert "other.tif is in WGS 84 / UTM zone 34N" in found(result, "coordinate system")
    assert severity(result, "coordinate system") == {"note"}
    assert not found(result, "grids")
    assert result.classes == 4


def test_labels_without_a_georeference_are_laid_pixel_on_pixel(scene):
    scene.write()
    raster = scene.labels[None].astype(np.uint8)
    bare = Grid("", NO_GEOTRANSFORM, 60, 60)
    plain = write_raster(scene.folder / "plain.tif", raster, bare)
    result = scene.check_written(reference=plain)
    assert "laid pixel on pixel" in found(result, "georeference")
    assert severity(result, "georeference") == {"warning"}


@pytest.mark.parametrize(("factor", "unit"), [(100.0, "per cent"), (10_000.0, "counts, radiance")])
def test_values_that_are_no_reflectance_are_said(scene, factor, unit):
    scene.write()
    values = (scene.values * (factor / 1e4)).astype(np.float32)
    other = scene.folder / "values.tif"
    write_raster(other, values, scene.grid, wavelengths=WAVELENGTHS)
    result = scene.check_written(image=str(other))
    assert unit in found(result, "scale")
    # The comparison does not depend on the unit.
    assert result.suspicious <= 6


def test_components_are_no_reflectance(scene):
    scene.write()
    values = (scene.values - scene.values.mean(axis=(1, 2), keepdims=True)).astype(np.float32)
    other = scene.folder / "values.tif"
    write_raster(other, values / 1e4, scene.grid)
    result = scene.check_written(image=str(other))
    (advice,) = [item.advice for item in result.details if "below 0" in item.found]
    assert "principal components" in advice


def test_few_bands_repeat_spectra_by_chance(scene):
    scene.values = (scene.values[[5, 15, 25]] // 900) * 900 + np.arange(3, dtype=np.int16)[
        :, None, None
    ]
    scene.told["wavelengths"] = WAVELENGTHS[[5, 15, 25]]
    result = scene.check()
    assert "can be chance" in " ".join(
        item.advice for item in result.details if item.topic == "conflicting labels"
    )
    assert severity(result, "conflicting labels") == {"note"}
    assert "same spectrum, other class" not in {
        item["finding"] for item in suspects_of(result.suspects)
    }


def test_many_classes_make_a_page_without_a_picture(scene):
    codes = np.zeros_like(scene.labels)
    fields = np.arange(60) // 10
    codes[scene.labels > 0] = (fields[:, None] * 6 + fields[None] + 1)[scene.labels > 0]
    scene.write()
    path = scene.folder / "many.tif"
    write_raster(path, codes[None].astype(np.uint8), scene.grid)
    result = scene.check_written(reference=str(path))
    assert result.classes == 36
    page = (scene.folder / "report.html").read_text()
    assert "data:image/png" not in page
    assert "alike" in page


def test_grey_pixels_of_a_photograph_are_no_nodata(scene):
    grey = scene.values[[5, 15, 25]].mean(axis=0).astype(np.int16)
    scene.values = np.stack([grey, grey, grey])
    scene.told["wavelengths"] = WAVELENGTHS[[5, 15, 25]]
    scene.values[:, :, 31:34] = 0
    result = scene.check(samples=10_000)
    told = {(s["row"], s["col"]) for s in suspects_of(result.suspects) if s["finding"] == STUCK}
    rows, cols = np.nonzero(scene.labels[:, 31:34])
    assert told == set(zip(rows.tolist(), (cols + 31).tolist()))

"""The job: figures that a loop by hand gives as well, and work that is never done twice."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hsicnn.core.crossvalidation import fold_run
from hsicnn.core.crossvalidation.crossvalidate import crossvalidate
from hsicnn.core.data.chips import read_chip_set
from hsicnn.core.data.folds import buffered_training, spatial_folds
from hsicnn.core.data.pixel_loading import load_pixels
from hsicnn.core.data.separation import TEST, TRAIN, UNUSED
from hsicnn.core.errors import Cancelled, InputError
from hsicnn.core.inference.classify import classify_raster
from hsicnn.core.modelfile.bundle import load_bundle
from hsicnn.core.progress import SilentProgress
from hsicnn.core.raster.source import RasterSource
from hsicnn.core.raster.windows import Window

pytest.importorskip("torch")
pytest.importorskip("safetensors")
metrics = pytest.importorskip("sklearn.metrics")

QUICK = {"epochs": 3, "patch_size": 3, "shortest_epoch": 3, "longest_epoch": 4}
HISTORY = ".history.jsonl"
GIVEN = {"k": 3, "block_size": 12, "buffer": 3}


class Heard(SilentProgress):
    """Keeps what is said; may cancel once so many epochs are told of."""

    def __init__(self, epochs: int = -1) -> None:
        self.lines: list[str] = []
        self.texts: list[str] = []
        self.warnings: list[str] = []
        self.shares: list[float] = []
        self.left = epochs

    def log(self, text):
        self.lines.append(text)

    def warn(self, text):
        self.warnings.append(text)

    def report(self, fraction, text=""):
        self.shares.append(fraction)
        self.texts.append(text)

    def metric(self, name, values):
        self.left -= 1

    def check_cancel(self):
        if not self.left:
            raise Cancelled


def run(chips, folder, progress=None, *, settings=None, **more):
    return crossvalidate(
        chips=str(chips),
        output=str(folder / "folds"),
        ensemble=str(folder / "ensemble.safetensors"),
        json=str(folder / "figures.json"),
        settings={**QUICK, **(settings or {})},
        device="cpu",
        progress=progress,
        **{**GIVEN, **more},
    )


@pytest.fixture(scope="module")
def whole(small, tmp_path_factory):
    """A run without a break."""
    folder, heard = tmp_path_factory.mktemp("whole"), Heard()
    result = run(
        small / "chips", folder, heard,
        out_of_fold=str(folder / "map.tif"), report=str(folder / "page.html"),
    )  # fmt: skip
    return folder, result, heard


def models(folder):
    return [load_bundle(str(path)) for path in sorted((folder / "folds").glob("*.safetensors"))]


def assert_same(found, expected):
    """Models with the same weights, whenever they were made."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected):
        assert one.chips["split_hash"] == other.chips["split_hash"]
        for name, array in other.weights.items():
            np.testing.assert_array_equal(one.weights[name], array)


def test_the_figures_are_those_of_a_loop_by_hand(small, whole):
    """Folds, training and figures put together from the parts that others use as well."""
    from hsicnn.core.runtime.devices import choose_device
    from hsicnn.core.training.loop import train
    from hsicnn.core.training.patches import samples_of
    from hsicnn.core.training.preparation import fit_inputs
    from hsicnn.core.training.resolving import resolve_settings
    from hsicnn.core.training.start import start_training
    from hsicnn.core.training.validation import predict

    folder, result, _ = whole
    info = read_chip_set(small / "chips")
    quiet = SilentProgress()
    store = load_pixels(info, memory_bytes=1 << 30, progress=quiet, radius=1)
    folds = spatial_folds(store.row, store.col, store.label.astype(int), 3, 12, 1, 3)
    chosen = resolve_settings(QUICK)
    predicted, scores = np.zeros(len(store), int), []
    for fold in range(3):
        codes = np.full(len(store), UNUSED, np.uint8)
        codes[buffered_training(folds, fold, store.row, store.col, 3)] = TRAIN
        codes[folds == fold] = TEST
        own = dataclasses.replace(store, split=codes)
        state, lesson = start_training(
            info, own, fit_inputs(own, chosen, quiet), chosen, place=choose_device("cpu"),
            memory_bytes=1 << 30, progress=quiet,
        )  # fmt: skip
        train(state, lesson, quiet, lambda _: None)
        state.network.load_state_dict(state.best)
        found = predict(state.network, lesson.source, samples_of(own, TEST), quiet)
        predicted[folds == fold] = found.argmax(1).numpy() + 1
        told = store.label[folds == fold]
        mine = predicted[folds == fold]
        scores.append([
            metrics.accuracy_score(told, mine), metrics.balanced_accuracy_score(told, mine),
            metrics.cohen_kappa_score(told, mine), *metrics.f1_score(told, mine, average=None),
        ])  # fmt: skip
    told = json.loads((folder / "figures.json").read_text())
    mean, deviation = np.mean(scores, 0), np.std(scores, 0, ddof=1)
    for place, name in enumerate(("overall_accuracy", "average_accuracy", "kappa")):
        assert told["of_folds"][name]["mean"] == pytest.approx(mean[place])
        assert told["of_folds"][name]["sd"] == pytest.approx(deviation[place])
    for place, row in enumerate(told["classes"]):
        assert row["f1_of_folds"]["mean"] == pytest.approx(mean[3 + place])
    matrix = metrics.confusion_matrix(store.label, predicted)
    np.testing.assert_array_equal(told["confusion_matrix"], matrix)
    assert told["pooled"]["overall_accuracy"] == pytest.approx((store.label == predicted).mean())
    assert "overall_accuracy" not in told  # which one that would be nobody could know
    assert result.overall_accuracy == told["of_folds"]["overall_accuracy"]["mean"]
    with RasterSource(folder / "map.tif") as drawn:
        values, _ = drawn.read_raw(Window(0, 0, 64, 64), [0])
    expected = np.zeros((64, 64), int)
    expected[store.row, store.col] = np.array([0, *(item.code for item in info.classes)])[predicted]
    np.testing.assert_array_equal(values[0], expected)


def test_a_fold_is_the_training_that_train_classifier_makes(small, whole, tmp_path):
    """Of a chip set whose split is that of the fold."""
    from hsicnn.core.data.export import export_training_chips
    from hsicnn.core.raster.writer import RasterWriter
    from hsicnn.core.training.train import train_classifier

    info = read_chip_set(small / "chips")
    store = load_pixels(info, memory_bytes=1 << 30, progress=SilentProgress())
    folds = spatial_folds(store.row, store.col, store.label.astype(int), 3, 12, 1, 3)
    training = buffered_training(folds, 1, store.row, store.col, 3)
    codes = np.zeros((64, 64), np.uint8)
    codes[store.row[training], store.col[training]] = 1
    codes[store.row[folds == 1], store.col[folds == 1]] = 3
    with RasterWriter(tmp_path / "split.tif", info.grid, 1, "uint8", nodata=0) as writer:
        writer.write(Window(0, 0, 64, 64), codes)
        writer.commit()
    export_training_chips(
        image=str(small / "image.tif"), reference=str(small / "reference.tif"),
        output=str(tmp_path / "chips"), halo=4, split="raster", buffer=0,
        split_raster=str(tmp_path / "split.tif"),
    )  # fmt: skip
    model = str(tmp_path / "model.safetensors")
    train_classifier(chips=str(tmp_path / "chips"), output=model, settings=QUICK, device="cpu")
    alone, fold = load_bundle(model), models(whole[0])[1]
    assert alone.metrics["test"]["overall_accuracy"] == pytest.approx(
        fold.metrics["test"]["overall_accuracy"], abs=0.05
    )
    np.testing.assert_array_equal(alone.normalisation.mean, fold.normalisation.mean)
    assert sorted(zip(alone.training_rows, alone.training_cols)) == sorted(
        zip(fold.training_rows, fold.training_cols)
    )


def test_its_own_default_is_nothing_to_warn_of(small, whole, tmp_path):
    """Without validation pixels the last epoch is kept, unless the best one was asked for."""
    _, _, heard = whole
    assert not any("validation" in text for text in heard.warnings)
    assert sum("keep their last epoch" in line for line in heard.lines) == 1
    asked = Heard(1)
    with pytest.raises(Cancelled):
        run(small / "chips", tmp_path, asked, settings={"keep": "best"})
    assert any("no validation pixels: the last epoch" in text for text in asked.warnings)


def test_what_it_leaves_behind(small, whole):
    folder, result, heard = whole
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("map"))
    assert names == ["ensemble.safetensors", "figures.json", "folds", "page.html"]
    stay = [f"fold_{number}.safetensors" for number in (1, 2, 3)]
    stay += [f"{name}.history.jsonl" for name in stay]
    found = sorted(path.name for path in (folder / "folds").iterdir())
    assert found == ["crossvalidation.json", *sorted(stay)]
    assert (folder / "folds" / "crossvalidation.json").read_text() == (
        folder / "figures.json"
    ).read_text()
    page = (folder / "page.html").read_text()
    assert f"{result.overall_accuracy:.3f} ± {result.overall_accuracy_sd:.3f}" in page
    assert "Location alone" in page
    assert heard.shares == sorted(heard.shares)
    assert any(text.startswith("fold 2 of 3, epoch 1") for text in heard.texts)
    assert any("for all 3 trainings" in line for line in heard.lines)
    told = json.loads((folder / "figures.json").read_text())
    rates = [fold["location_only"] for fold in told["each_fold"]]
    assert told["of_folds"]["location_only"]["mean"] == pytest.approx(np.mean(rates))


def test_the_ensemble_averages_the_folds(small, whole, tmp_path):
    folder = whole[0]
    maps = []
    for path in sorted((folder / "folds").glob("*.safetensors")):
        maps.append(tmp_path / f"{path.stem}.tif")
        classify_raster(image=str(small / "image.tif"), model=str(path), device="cpu",
                        probabilities=str(maps[-1]))  # fmt: skip
    both = tmp_path / "both.tif"
    classify_raster(
        image=str(small / "image.tif"), model=str(folder / "ensemble.safetensors"), device="cpu",
        probabilities=str(both),
    )  # fmt: skip

    def read(path):
        with RasterSource(path) as raster:
            return raster.read_raw(Window(0, 0, 64, 64), [0, 1, 2])[0]

    mean = np.mean([read(path) for path in maps], axis=0)
    np.testing.assert_allclose(read(both), mean, atol=2e-6)
    ensemble = load_bundle(str(folder / "ensemble.safetensors"))
    assert len(ensemble.members) == 3
    assert not ensemble.metrics
    info = read_chip_set(small / "chips")
    assert ensemble.chips["split_hash"] == info.hash


@pytest.mark.parametrize("epochs", [2, 4])
def test_a_run_that_was_stopped_goes_on_to_the_same_bits(small, whole, tmp_path, epochs):
    with pytest.raises(Cancelled):
        run(small / "chips", tmp_path, Heard(epochs))
    assert not (tmp_path / "folds").exists()
    assert (tmp_path / "folds.unfinished").is_dir()
    heard = Heard()
    run(small / "chips", tmp_path, heard)
    assert not (tmp_path / "folds.unfinished").exists()
    assert_same(models(tmp_path), models(whole[0]))
    assert any("1 of 3 folds were finished" in line for line in heard.lines) == (epochs == 4)
    assert any("Going on after epoch" in line for line in heard.lines)


def test_finished_folds_are_not_trained_again(small, whole, tmp_path, monkeypatch):
    with pytest.raises(Cancelled):
        run(small / "chips", tmp_path, Heard(7))
    trained = []
    kept = fold_run.train_model
    monkeypatch.setattr(
        fold_run, "train_model", lambda *args, **more: trained.append(1) or kept(*args, **more)
    )
    run(small / "chips", tmp_path)
    assert len(trained) == 1
    assert_same(models(tmp_path), models(whole[0]))


@pytest.mark.parametrize("way", ["settings", "damage", "afresh"])
def test_what_is_not_of_this_run_is_not_used(small, whole, tmp_path, way):
    with pytest.raises(Cancelled):
        run(small / "chips", tmp_path, Heard(7), settings={"seed": 5} if way == "settings" else {})
    if way == "damage":
        for path in (tmp_path / "folds.unfinished").glob("fold_1*.safetensors"):
            path.write_bytes(path.read_bytes()[:-100])
    heard = Heard()
    run(small / "chips", tmp_path, heard, resume=way != "afresh")
    assert_same(models(tmp_path), models(whole[0]))
    assert any("1 of 3 folds were finished" in line for line in heard.lines) == (way == "damage")


def test_another_run_replaces_what_an_earlier_one_left(small, tmp_path):
    run(small / "chips", tmp_path, k=3)
    before = models(tmp_path)
    with pytest.raises(Cancelled):
        run(small / "chips", tmp_path, Heard(1), k=2)
    assert_same(models(tmp_path), before)
    run(small / "chips", tmp_path, k=2)
    assert len(models(tmp_path)) == 2


def test_folds_of_a_run_that_never_ended_are_not_among_the_models(small, tmp_path):
    """Whoever averages all models of the folder averages those of this cross-validation."""
    with pytest.raises(Cancelled):
        run(small / "chips", tmp_path, Heard(13), k=5, block_size=8, buffer=1)
    assert (tmp_path / "folds.unfinished" / "fold_4.safetensors").exists()
    run(small / "chips", tmp_path, k=2)
    stay = {f"fold_{number}.safetensors{more}" for number in (1, 2) for more in ("", HISTORY)}
    assert {path.name for path in (tmp_path / "folds").iterdir()} == {
        "crossvalidation.json",
        *stay,
    }
    assert [model.chips["split_method"] for model in models(tmp_path)] == [
        "fold 1 of 2, spatial",
        "fold 2 of 2, spatial",
    ]


def test_tiles_and_drawn_folds_work_too(small, tmp_path):
    heard = Heard()
    result = run(small / "tiles", tmp_path, heard, k=2, block_size=None, buffer=None)
    assert result.folds_trained == 2
    told = json.loads((tmp_path / "figures.json").read_text())
    assert told["pixels"] == sum(fold["pixels"]["test"] for fold in told["each_fold"])
    other = tmp_path / "drawn"
    other.mkdir()
    result = run(small / "chips", other, heard, method="stratified", buffer=None)
    assert any("drawn pixel by pixel" in text for text in result.warnings)
    assert any("lie in a patch of 3 x 3 pixels" in text for text in result.warnings)
    assert len(heard.warnings) == len(set(heard.warnings))
    assert result.location_only > 0.9


def test_held_out_samples_of_a_network_on_tiles_have_the_class_of_the_folds_map(small, tmp_path):
    """Where the halo holds what it looks at; where not, a note says so."""
    from hsicnn.core.data.export import export_training_chips

    deep = tmp_path / "chips"
    export_training_chips(
        image=str(small / "image.tif"), reference=str(small / "reference.tif"), output=str(deep),
        halo=10,
    )  # fmt: skip
    settings = {"architecture": "unet", "patch_size": 16, "options": {"depth": 1, "width": 0.25}}
    result = run(deep, tmp_path, settings=settings, k=2, out_of_fold=str(tmp_path / "out.tif"))
    assert not any("the map sees" in note for note in result.notes)

    def read(path):
        with RasterSource(path) as raster:
            return raster.read_raw(Window(0, 0, 64, 64), [0])[0][0]

    out, info = read(tmp_path / "out.tif"), read_chip_set(deep)
    store = load_pixels(info, memory_bytes=1 << 30, progress=SilentProgress())
    folds = spatial_folds(store.row, store.col, store.label.astype(int), 2, 12, 1, 3)
    for fold in (0, 1):
        model, drawn = tmp_path / "folds" / f"fold_{fold + 1}.safetensors", tmp_path / "map.tif"
        classify_raster(image=str(small / "image.tif"), model=str(model), device="cpu",
                        output=str(drawn))  # fmt: skip
        own = folds == fold
        place = store.row[own], store.col[own]
        np.testing.assert_array_equal(out[place], read(drawn)[place])
        drawn.unlink()
    other = tmp_path / "other"
    other.mkdir()
    result = run(small / "chips", other, settings=settings, k=2)
    assert any("HALO of 10" in note and "the held-out samples" in note for note in result.notes)


def test_a_model_to_begin_with_that_saw_the_samples_is_told(small, whole, tmp_path):
    first = str(whole[0] / "folds" / "fold_1.safetensors")
    heard = Heard()
    result = run(small / "chips", tmp_path, heard, k=2, settings={"initial_model": first})
    count = len(load_bundle(first).training_rows)
    total = sum(sum(row) for row in read_chip_set(small / "chips").counts.values())
    told = f"{count:,} of {total:,} samples trained the model that every fold begins with"
    assert sum(told in text for text in heard.warnings) == 1
    assert any(told in text for text in result.warnings)


def test_the_three_folds_of_the_course_are_trained_and_kept(tmp_path):
    """E-TRAINEE 1D on a set of spectra without a place."""
    from hsicnn.core.data.export import export_training_chips
    from hsicnn.core.simulation.scene import create_example_scene

    image, reference = str(tmp_path / "image.tif"), str(tmp_path / "reference.tif")
    create_example_scene(output=image, reference=reference, size=48, bands=60, classes=3)
    export_training_chips(image=image, reference=reference, output=str(tmp_path / "chips"), halo=0)
    settings = {"architecture": "etrainee_1d", "patch_size": None}
    result = run(tmp_path / "chips", tmp_path, settings=settings, method="stratified", buffer=0,
                 validation_fraction=0.2)  # fmt: skip
    assert [model.architecture for model in models(tmp_path)] == ["etrainee_1d"] * 3
    assert result.folds_trained == 3
    told = json.loads((tmp_path / "figures.json").read_text())
    # The untrained network is a row of their histories, and no epoch.
    assert [len(model.history) for model in models(tmp_path)] == [4, 4, 4]
    assert [fold["epochs"] for fold in told["each_fold"]] == [3, 3, 3]
    info = read_chip_set(tmp_path / "chips")
    nowhere = dataclasses.replace(info, placed=False)
    with pytest.raises(InputError, match="OUT_OF_FOLD cannot be drawn"):
        _outputs(tmp_path).check_map(nowhere)


def _outputs(folder):
    from hsicnn.core.crossvalidation.outputs import Outputs

    return Outputs(str(folder / "f"), "", str(folder / "m.tif"), "", "")


def test_outputs_that_cannot_be_are_refused_before_anything(small, tmp_path):
    other = tmp_path / "folds"
    other.mkdir()
    (other / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(InputError, match=r"holds other things .*holiday.jpg"):
        run(small / "chips", tmp_path)
    (other / "holiday.jpg").unlink()
    with pytest.raises(InputError, match="holds the models of the folds alone"):
        run(small / "chips", tmp_path, report=str(other / "page.html"))
    with pytest.raises(InputError, match="Two of the outputs"):
        run(small / "chips", tmp_path, report=str(tmp_path / "figures.json"))
    with pytest.raises(InputError, match="There is no folder"):
        run(small / "chips", tmp_path / "no")
    assert not list(other.iterdir())

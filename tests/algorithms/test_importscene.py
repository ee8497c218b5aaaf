"""Import scene inside QGIS: loaded with styles, as a step of a model, cancelled."""

from __future__ import annotations

import json

import numpy as np
import pytest
import scipy.io
from osgeo import gdal
from qgis.core import (
    QgsPalettedRasterRenderer,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingParameterFile,
    QgsProject,
    QgsRasterLayer,
)

from .conftest import Run, run

OUTPUTS = {"OUTPUT": "image.tif", "OUTPUT_REFERENCE": "labels.tif", "OUTPUT_CHIPS": "chips"}


@pytest.fixture
def scene(tmp_path):
    """A MATLAB file with an image, its ground truth and the names of its classes."""
    rng = np.random.default_rng(3)
    truth = np.zeros((48, 40), np.uint8)
    truth[:, :18], truth[:, 22:] = 1, 2
    spectra = np.array([[0] * 6, [900, 800, 700, 600, 500, 400], [100, 300, 500, 700, 900, 1100]])
    cube = (spectra[truth] + rng.normal(0, 20, (48, 40, 6))).astype(np.int16)
    names = np.array(["meadow", "wood"], dtype=object)
    path = tmp_path / "scene.mat"
    scipy.io.savemat(path, {"cube": cube, "gt": truth, "legend": names}, do_compression=True)
    return path, cube, truth


@pytest.fixture
def spectra(tmp_path):
    rng = np.random.default_rng(4)
    path = tmp_path / "spectra.npz"
    np.savez(path, x=rng.random((60, 8)), y=np.arange(60) % 3)
    return path


def outputs(folder):
    return {name: str(folder / file) for name, file in OUTPUTS.items()}


def test_an_image_and_its_values_for_the_next_step(provider, scene, context, feedback, tmp_path):
    path, cube, _ = scene
    values = {
        "INPUT": str(path),
        "WAVELENGTHS": "400-900",
        "EXTENT": "500000,500400,5800000,5800480 [EPSG:32633]",
        **outputs(tmp_path),
    }
    results = run(provider, "importscene", values, context, feedback)
    assert results["KIND"] == "image"
    assert (results["WIDTH"], results["HEIGHT"], results["BANDS"]) == (40, 48, 6)
    assert (results["CLASSES"], results["SAMPLES"]) == (2, 48 * 36)
    assert "OUTPUT_CHIPS" not in results
    assert not (tmp_path / "chips").exists()
    found = gdal.Open(results["OUTPUT"])
    assert found.GetGeoTransform() == (500_000, 10, 0, 5_800_480, 0, -10)
    np.testing.assert_array_equal(found.ReadAsArray(), np.moveaxis(cube, 2, 0))
    assert QgsRasterLayer(results["OUTPUT"], "image").crs().authid() == "EPSG:32633"
    assert "bands-last" in "\n".join(feedback.lines)


def test_a_crs_of_its_own_counts_before_that_of_the_extent(
    provider, scene, context, feedback, tmp_path
):
    values = {
        "INPUT": str(scene[0]),
        "EXTENT": "13,13.1,52,52.1",
        "CRS": "EPSG:4326",
        **outputs(tmp_path),
    }
    results = run(provider, "importscene", values, context, feedback)
    layer = QgsRasterLayer(results["OUTPUT"], "image")
    assert layer.crs().authid() == "EPSG:4326"
    assert layer.extent().xMinimum() == 13
    bare = {**values, "CRS": None}
    results = run(provider, "importscene", bare, context, feedback)
    assert not QgsRasterLayer(results["OUTPUT"], "image").crs().isValid()


def test_every_parameter_reaches_the_job(provider, tmp_path, context, feedback):
    rng = np.random.default_rng(5)
    data = {}
    for part, count in (("a", 30), ("b", 12)):
        data[part] = rng.integers(0, 200, (count, 9 * 2)).astype(np.uint8), np.arange(count) % 4
        np.savez(tmp_path / f"{part}.npz", spectra_of=data[part][0], codes_of=data[part][1])
    values = {
        "INPUT": str(tmp_path / "a.npz"),
        "VARIABLE": "spectra_of",
        "REFERENCE": str(tmp_path / "a.npz"),
        "REFERENCE_VARIABLE": "codes_of",
        "TEST": str(tmp_path / "b.npz"),
        "TEST_REFERENCE": str(tmp_path / "b.npz"),
        "WAVELENGTHS": "450, 850",
        "CLASS_NAMES": "one, two, three",
        "UNLABELLED": 0,
        "ROWS": 3,
        "COLS": 3,
        "CHIP_KIND": "scenes",
        "FORMAT": "hdf5",
        "SCALE": 0.01,
        "LAYOUT": "bands-columns",
        **outputs(tmp_path),
    }
    results = run(provider, "importscene", values, context, feedback)
    assert (results["KIND"], results["WIDTH"], results["BANDS"]) == ("samples", 3, 2)
    assert "OUTPUT" not in results
    import h5py

    with h5py.File(tmp_path / "chips" / "windows.h5") as file:
        kept = np.concatenate([values[codes > 0] for values, codes in data.values()])
        np.testing.assert_array_equal(file["windows"][()].reshape(len(kept), 18), kept)
    index = json.loads((tmp_path / "chips" / "chips.json").read_text())
    assert [item["name"] for item in index["classes"]] == ["one", "two", "three"]
    assert [band["wavelength"] for band in index["bands"]] == [450, 850]
    assert {band["scale"] for band in index["bands"]} == {0.01}
    assert index["kind"] == "scenes"
    assert sum(index["counts"]["test"]) == 9


def test_whether_a_table_has_names_reaches_the_job(provider, context, feedback, tmp_path):
    lines = [[0.2 + 0.1 * n for n in range(6)], *np.random.default_rng(1).random((30, 6))]
    np.savetxt(tmp_path / "x.csv", lines, delimiter=",")
    np.savetxt(tmp_path / "y.csv", np.arange(30) % 3, fmt="%d")
    values = {"INPUT": str(tmp_path / "x.csv"), "HEADER": "yes", **outputs(tmp_path)}
    results = run(provider, "importscene", values, context, feedback)
    assert results["SAMPLES"] == 30


def test_fractions_and_seed_reach_the_job(provider, spectra, context, feedback, tmp_path):
    fractions = {"VALIDATION_FRACTION": 0.1, "TEST_FRACTION": 0.5, "SEED": 3}
    values = {"INPUT": str(spectra), **fractions, **outputs(tmp_path)}
    run(provider, "importscene", values, context, feedback)
    index = json.loads((tmp_path / "chips" / "chips.json").read_text())
    assert [sum(index["counts"][name]) for name in ("train", "validation", "test")] == [24, 6, 30]
    assert index["split"]["seed"] == 3


@pytest.mark.parametrize("kind", ["image", "samples"])
def test_what_was_written_is_loaded_and_nothing_else(
    provider, scene, spectra, context, feedback, qgis_new_project, monkeypatch, kind
):
    """The dialog offers all outputs; those that a file has no use for are no errors."""
    from processing.gui import Postprocessing

    project = QgsProject.instance()
    layers = ("OUTPUT", "OUTPUT_REFERENCE")
    values = {
        "INPUT": str(scene[0] if kind == "image" else spectra),
        "OUTPUT_CHIPS": "TEMPORARY_OUTPUT",
        **{
            name: QgsProcessingOutputLayerDefinition("TEMPORARY_OUTPUT", project) for name in layers
        },
    }
    algorithm = provider.algorithm("importscene").create()
    done = Run(algorithm, values, context, feedback)
    assert done.success, feedback.errors
    monkeypatch.setattr(Postprocessing, "iface", None, raising=False)
    assert Postprocessing.handleAlgorithmResults(algorithm, context, feedback)
    assert not feedback.errors
    found = {layer.name(): layer for layer in project.mapLayers().values()}
    if kind == "samples":
        assert not found
        assert done.results["OUTPUT_CHIPS"]
        return
    assert set(found) == {"scene", "Classes of scene"}
    renderer = found["Classes of scene"].renderer()
    assert isinstance(renderer, QgsPalettedRasterRenderer)
    assert [item.label for item in renderer.classes()] == ["meadow", "wood"]


def test_an_import_can_be_cancelled(provider, tmp_path, context, feedback):
    np.save(tmp_path / "cube.npy", np.zeros((3000, 3000, 20), np.float32))
    values = {"INPUT": str(tmp_path / "cube.npy"), "LAYOUT": "bands-last", **outputs(tmp_path)}

    def cancel():
        if any(line.startswith("Disk") for line in feedback.lines):  # it is being written
            feedback.cancel()

    algorithm = provider.algorithm("importscene").create()
    assert Run(algorithm, values, context, feedback, cancel).success is False
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cube.npy"]


def step(name, child, sources, finals):
    found = QgsProcessingModelChildAlgorithm(f"hsicnn:{name}")
    found.setChildId(child)
    for parameter, source in sources.items():
        found.addParameterSources(parameter, [source])
    written = {}
    for title, output in finals.items():
        final = QgsProcessingModelOutput(title, title)
        final.setChildId(child)
        final.setChildOutputName(output)
        written[title] = final
    found.setModelOutputs(written)
    return found


def test_as_a_step_of_a_model(provider, scene, context, feedback, tmp_path):
    """Import, then chips: what one writes the other reads."""
    source = QgsProcessingModelChildParameterSource
    model = QgsProcessingModelAlgorithm("import and export", "test")
    parameter = QgsProcessingParameterFile("FILE", "File")
    model.addModelParameter(parameter, QgsProcessingModelParameter("FILE"))
    finals = {"Image": "OUTPUT", "Labels": "OUTPUT_REFERENCE"}
    first = {
        "INPUT": source.fromModelParameter("FILE"),
        "WAVELENGTHS": source.fromStaticValue("400-900"),
    }
    model.addChildAlgorithm(step("importscene", "import", first, finals))
    second = {
        "INPUT": source.fromChildOutput("import", "OUTPUT"),
        "REFERENCE": source.fromChildOutput("import", "OUTPUT_REFERENCE"),
        "BLOCK_SIZE": source.fromStaticValue(8),
        "BUFFER": source.fromStaticValue(1),
    }
    model.addChildAlgorithm(step("exporttrainingchips", "export", second, {"Chips": "OUTPUT"}))
    model.initAlgorithm()
    values = {
        "FILE": str(scene[0]),
        "import:Image": str(tmp_path / "image.tif"),
        "import:Labels": str(tmp_path / "labels.tif"),
        "export:Chips": str(tmp_path / "chips"),
    }
    _, success = model.run(values, context, feedback)
    assert success, feedback.errors
    index = json.loads((tmp_path / "chips" / "chips.json").read_text())
    assert [item["name"] for item in index["classes"]] == ["meadow", "wood"]
    assert [band["wavelength"] for band in index["bands"]] == [400, 500, 600, 700, 800, 900]


def test_errors_are_those_of_the_core(provider, scene, context, feedback, tmp_path):
    values = {"INPUT": str(scene[0]), "VARIABLE": "image", **outputs(tmp_path)}
    _, success = provider.algorithm("importscene").create().run(values, context, feedback)
    assert not success
    assert "VARIABLE is 'image', which is not there" in "\n".join(feedback.errors)

"""Real files: what their README says of them, and what other files hold of the same scenes."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from .conftest import category_names, raster


def test_samson_holds_two_images(run, test_data):
    """Which one must be said; both come out as other programs have written them."""
    from hsicnn.core.errors import InputError

    path = test_data / "samson" / "Samson.mat"
    with pytest.raises(InputError) as error:
        run(path)
    for words in (
        "'SamSon' 95 x 95 x 156 float64: an image of 156 bands",
        "'A' 95 x 95 x 3 float64: an image of 3 bands",
        "'cood' 3 x 1 cell: not used",
        "'M' 156 x 3 float64: a table",
    ):
        assert words in str(error.value)
    done = run(
        path,
        variable="SamSon",
        reference=test_data / "samson" / "samson_gt.tif",
        wavelengths="401-889",
    )
    assert done.image.shape == (156, 95, 95)
    assert done.image.dtype == np.float64
    import scipy.io

    own = scipy.io.loadmat(path)["SamSon"]
    np.testing.assert_array_equal(done.image, np.moveaxis(own, 2, 0))
    truth = raster(test_data / "samson" / "samson_gt.tif")[0]
    np.testing.assert_array_equal(done.labels, truth)
    assert category_names(done.folder / "labels.tif")[1:] == ["rock/soil", "tree", "water"]
    assert (done.result.classes, done.result.samples) == (3, int((truth > 0).sum()))
    shares = run(path, variable="a")
    abundance = raster(test_data / "samson" / "samson_abundance.tif")
    np.testing.assert_array_equal(shares.image, abundance)


def test_695_spectra_of_matlab_are_those_of_the_table(run, test_data):
    folder = test_data / "indian_pines"
    with (folder / "indian_pines_train695.csv").open(newline="") as file:
        lines = list(csv.reader(file))[1:]
    codes = np.array([int(line[0]) for line in lines])
    values = np.array([line[1:] for line in lines], dtype=np.float64)
    # Their last digits were lost somewhere on the way into the table.
    for path, tolerance in (("Train_X.mat", 1e-14), ("indian_pines_train695.csv", 0)):
        done = run(folder / path)
        chips = done.chips
        assert chips.values.shape == (695, 1, 1, 200)
        assert (done.result.samples, done.result.bands, done.result.classes) == (695, 200, 16)
        np.testing.assert_array_equal(chips.codes, codes)
        np.testing.assert_allclose(chips.values[:, 0, 0], values, rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("path", "shape", "classes", "pixels"),
    [
        ("indian_pines/Indian_pines_gt.mat", (145, 145), 16, 10_249),
        ("indian_pines/pavia_university_gt.tif", (610, 340), 9, 42_776),
        ("salinas9/salinas_gt.tif", (512, 217), 16, 54_129),
    ],
)
def test_label_maps(run, test_data, tmp_path, path, shape, classes, pixels):
    """Those that are GeoTIFFs go through .npy, and as the ground truth of an image too."""
    source = test_data / path
    if source.suffix == ".mat":
        expected = raster(test_data / "indian_pines" / "indian_pines_gt.tif")[0]
    else:
        expected = raster(source)[0]
        np.save(tmp_path / "gt.npy", expected)
        source = tmp_path / "gt.npy"
    done = run(source)
    np.testing.assert_array_equal(done.labels, expected)
    assert done.labels.shape == shape
    assert (done.result.classes, done.result.samples) == (classes, pixels)
    assert (done.result.height, done.result.width) == shape
    assert f"{pixels:,} of" in done.said.text
    np.save(tmp_path / "cube.npy", np.ones((*shape, 2), np.uint8))
    beside = test_data / path
    truth = run(tmp_path / "cube.npy", reference=beside)
    np.testing.assert_array_equal(truth.labels, expected)


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("salinas9/salinas_first9bands_cube.tif", (512, 217, 9)),
        ("indian_pines/indian_pines_simulated_cube.tif", (145, 145, 200)),
        ("enmap_potsdam/enmap_potsdam_cube.tif", (192, 160, 224)),
    ],
)
def test_bands_of_real_images_are_recognised_by_their_values(test_data, path, wanted):
    """Either way round, and without any help from the sizes."""
    from hsicnn.core.importing.band_axis import _by_values

    cube = np.moveaxis(raster(test_data / path), 0, 2)
    assert cube.shape == wanted
    assert _by_values(cube) == "bands-last"
    assert _by_values(np.moveaxis(cube, 2, 0)) == "bands-first"


@pytest.mark.parametrize(
    "path",
    [
        "salinas9/salinas_first9bands_cube.tif",
        "indian_pines/indian_pines_simulated_cube.tif",
        "enmap_potsdam/enmap_potsdam_cube.tif",
    ],
)
@pytest.mark.parametrize("scaled", [False, True])
def test_real_images_with_standardised_bands_are_never_guessed(test_data, path, scaled):
    from hsicnn.core.importing.band_axis import _by_values

    cube = np.moveaxis(raster(test_data / path), 0, 2).astype(np.float64)
    cube -= cube.mean((0, 1))
    if scaled:
        cube /= np.maximum(cube.std((0, 1)), 1e-9)
    assert _by_values(cube) == ""
    assert _by_values(np.moveaxis(cube, 2, 0)) == ""


def test_a_standardised_image_is_asked_for(run, test_data, tmp_path):
    from hsicnn.core.errors import InputError

    cube = np.moveaxis(raster(test_data / "salinas9" / "salinas_first9bands_cube.tif"), 0, 2)
    standard = (cube - cube.mean((0, 1))) / cube.std((0, 1))
    np.save(tmp_path / "standard.npy", standard.astype(np.float32))
    with pytest.raises(InputError, match=r"which of it are the bands cannot be told.*LAYOUT"):
        run(tmp_path / "standard.npy")
    done = run(tmp_path / "standard.npy", layout="bands-last")
    assert done.image.shape == (9, 512, 217)


def test_soil_tables_have_no_classes(run, test_data):
    """Regression comes later; a column of classes can be named."""
    from hsicnn.core.errors import LabelError

    path = test_data / "soil_ssp460" / "SSP.460.csv"
    with pytest.raises(LabelError, match=r"'SOC_target' \(numbers to be predicted.*regression"):
        run(path)
    with pytest.raises(LabelError, match=r"no classes.*regression"):
        run(path, reference_variable="SOC_target")
    done = run(path, reference_variable="fold")
    assert done.chips.values.shape == (460, 1, 1, 830)
    found = [band["wavelength"] for band in done.chips.index["bands"]]
    assert (found[0], found[-1]) == (350.0, 2498.0)
    infrared = run(test_data / "soil_h138" / "H.138.csv", reference_variable="fold")
    found = [band["wavelength"] for band in infrared.chips.index["bands"]]
    np.testing.assert_allclose((found[0], found[-1]), (1e7 / 5397.9, 1e7 / 599.8))

"""Samples of every format become chip sets, read back with GDAL, h5py, csv and scikit-learn."""

from __future__ import annotations

import csv

import h5py
import numpy as np
import pytest
import scipy.io

CODES = np.array([3, 1, 7])


@pytest.fixture
def spectra(rng):
    """``(samples, bands)`` float64 with their class codes; every value leads back to itself."""
    return rng.normal(0, 1, (60, 12)) / 3, CODES[rng.permutation(60) % 3]


@pytest.fixture
def windows(rng):
    """``(samples, rows, cols, bands)`` uint8 with codes 0..2."""
    return rng.integers(0, 256, (40, 6, 6, 4)).astype(np.uint8), rng.permutation(40) % 3


def save_table(path, values, codes, *, names, delimiter=",", label="class"):
    with path.open("w", newline="") as file:
        lines = csv.writer(file, delimiter=delimiter)
        lines.writerow([label, *names])
        lines.writerows([code, *(repr(float(v)) for v in row)] for code, row in zip(codes, values))
    return path


def expect(chips, values, codes):
    np.testing.assert_array_equal(chips.values.reshape(values.shape), values)
    np.testing.assert_array_equal(chips.codes, codes)


@pytest.mark.parametrize("turned", [False, True])
def test_spectra_of_matlab_with_labels_beside(run, tmp_path, spectra, turned):
    values, codes = spectra
    scipy.io.savemat(tmp_path / "Train_X.mat", {"Train_X": values.T if turned else values})
    scipy.io.savemat(tmp_path / "TrLabel.mat", {"TrLabel": codes[:, None].astype(np.uint8)})
    done = run(tmp_path / "Train_X.mat")
    assert done.chips.index["dtype"] == "float64"
    expect(done.chips, values, codes)
    assert (done.result.kind, done.result.width, done.result.samples) == ("samples", 1, 60)
    assert "TrLabel.mat lies beside Train_X.mat" in done.said.text
    assert any("drawn at random" in text for text in done.said.warnings)


def test_separate_training_and_test_files_keep_the_split(run, tmp_path, spectra):
    values, codes = spectra
    for name, which in (("Train", slice(0, 45)), ("Test", slice(45, 60))):
        scipy.io.savemat(tmp_path / f"{name}_X.mat", {"X": values[which]})
        scipy.io.savemat(tmp_path / f"{name[:2]}Label.mat", {"y": codes[which]})
    done = run(tmp_path / "Train_X.mat")
    for part, which in (("train", slice(0, 45)), ("test", slice(45, 60))):
        np.testing.assert_array_equal(
            done.chips.part(part).reshape(-1, 12), values[which]
        )  # fmt: skip
        np.testing.assert_array_equal(done.chips.codes_of(part), codes[which])
    assert len(done.chips.part("validation")) == 0
    assert "The split of the files is kept" in done.said.text
    for text in ("Test_X.mat lies beside", "TeLabel.mat lies beside"):
        assert text in done.said.text


def test_files_that_are_called_anything_are_named(run, tmp_path, spectra):
    values, codes = spectra
    for name, which in (("one", slice(0, 45)), ("two", slice(45, 60))):
        np.save(tmp_path / f"{name}.npy", values[which])
        np.save(tmp_path / f"{name}_codes.npy", codes[which])
    done = run(
        tmp_path / "one.npy",
        reference=tmp_path / "one_codes.npy",
        test=tmp_path / "two.npy",
        test_reference=tmp_path / "two_codes.npy",
    )
    np.testing.assert_array_equal(done.chips.part("test").reshape(-1, 12), values[45:])
    np.testing.assert_array_equal(done.chips.codes_of("test"), codes[45:])


def test_a_quadruple_of_numpy_files_becomes_scenes(run, tmp_path, rng):
    """As EuroSAT's: images and labels of training and test in a folder."""
    sizes = {"train": 20, "test": 8}
    images = {k: rng.integers(0, 5000, (n, 8, 8, 13)).astype(np.uint16) for k, n in sizes.items()}
    labels = {k: np.arange(n) % 4 for k, n in sizes.items()}
    for part in sizes:
        np.save(tmp_path / f"x_{part}.npy", images[part])
        np.save(tmp_path / f"y_{part}.npy", labels[part])
    done = run(tmp_path / "x_train.npy", class_names="crop, forest, river, road")
    assert done.chips.index["kind"] == "scenes"
    assert done.chips.names == ["crop", "forest", "river", "road"]
    for part in sizes:
        np.testing.assert_array_equal(done.chips.part(part), images[part])
        np.testing.assert_array_equal(done.chips.codes_of(part), labels[part])
    assert "codes 0 to 3; 0 is a class" in done.said.text


def sat6(rng, train=18, test=6):
    """SAT-6 as published: ``(28, 28, 4, n)`` uint8 and ``(6, n)`` one-hot labels."""
    found = {"annotations": np.array([["1 0 0 0 0 0", "building"], ["0 1 0 0 0 0", "barren land"],
        ["0 0 1 0 0 0", "trees"], ["0 0 0 1 0 0", "grassland"], ["0 0 0 0 1 0", "road"],
        ["0 0 0 0 0 1", "water"]], dtype=object)}  # fmt: skip
    for part, count in (("train", train), ("test", test)):
        found[f"{part}_x"] = rng.integers(0, 256, (28, 28, 4, count)).astype(np.uint8)
        found[f"{part}_y"] = np.eye(6, dtype=np.uint8)[:, np.arange(count) % 6]
    return found


def test_sat6_of_matlab_becomes_scenes_with_its_split_and_names(run, tmp_path, rng):
    content = sat6(rng)
    scipy.io.savemat(tmp_path / "sat-6-full.mat", content, do_compression=True)
    done = run(tmp_path / "sat-6-full.mat")
    for part, count in (("train", 18), ("test", 6)):
        expected = content[f"{part}_x"].transpose(3, 0, 1, 2)
        np.testing.assert_array_equal(done.chips.part(part), expected)
        np.testing.assert_array_equal(done.chips.codes_of(part), np.arange(count) % 6 + 1)
    expected = ["building", "barren land", "trees", "grassland", "road", "water"]
    assert done.chips.names == expected
    assert done.chips.index["kind"] == "scenes"
    assert "one-hot, 6 classes: the first of them has the code 1" in done.said.text


def test_sat6_as_tables_becomes_the_same_scenes(run, tmp_path, rng):
    content = sat6(rng)
    for part in ("train", "test"):
        flat = content[f"{part}_x"].transpose(3, 0, 1, 2).reshape(-1, 28 * 28 * 4)
        np.savetxt(tmp_path / f"X_{part}_sat6.csv", flat, fmt="%d", delimiter=",")
        hot = content[f"{part}_y"].T
        np.savetxt(tmp_path / f"y_{part}_sat6.csv", hot, fmt="%d", delimiter=",")
    done = run(tmp_path / "X_train_sat6.csv")
    assert done.chips.index["dtype"] == "uint8"
    for part, count in (("train", 18), ("test", 6)):
        expected = content[f"{part}_x"].transpose(3, 0, 1, 2)
        np.testing.assert_array_equal(done.chips.part(part), expected)
        np.testing.assert_array_equal(done.chips.codes_of(part), np.arange(count) % 6 + 1)


@pytest.mark.parametrize("storage", ["geotiff", "hdf5"])
@pytest.mark.parametrize("bands_first", [False, True])
def test_windows_of_hdf5_come_back_from_hdf5(run, tmp_path, windows, storage, bands_first):
    values, codes = windows
    with h5py.File(tmp_path / "set.h5", "w") as file:
        stored = values.transpose(0, 3, 1, 2) if bands_first else values
        file.create_dataset("data", data=stored, chunks=(7, *stored.shape[1:]), compression="gzip")
        file["labels"] = codes
    done = run(tmp_path / "set.h5", file_format=storage)
    expect(done.chips, values, codes)
    if storage == "hdf5":
        with h5py.File(done.folder / "chips" / "windows.h5") as file:
            np.testing.assert_array_equal(file["labels"][()], codes)
    assert ("bands first" if bands_first else "bands last") in done.said.text


def test_a_chip_set_of_ours_in_hdf5_is_imported_again(run, tmp_path, windows):
    values, codes = windows
    np.savez(tmp_path / "set.npz", x=values, y=codes)
    first = run(tmp_path / "set.npz", file_format="hdf5")
    again = run(first.folder / "chips" / "windows.h5")
    expect(again.chips, values, codes)


def test_windows_of_an_odd_side_are_pixels(run, tmp_path, rng):
    """As courses store them, with a last axis for Keras."""
    values = rng.normal(size=(30, 5, 5, 7, 1)).astype(np.float32)
    np.savez(tmp_path / "patches.npz", Xtrain=values, ytrain=np.arange(30) % 3)
    done = run(tmp_path / "patches.npz")
    assert done.chips.index["kind"] == "pixels"
    expect(done.chips, values[..., 0], np.arange(30) % 3)
    scenes = run(tmp_path / "patches.npz", kind="scenes")
    assert scenes.chips.index["kind"] == "scenes"


@pytest.mark.parametrize(
    ("delimiter", "names"),
    [(",", [f"wl_{400 + 10 * n}" for n in range(12)]), ("\t", [f"{1 + n / 8}" for n in range(12)])],
)
def test_tables_with_wavelengths_in_their_names(run, tmp_path, spectra, delimiter, names):
    values, codes = spectra
    save_table(tmp_path / "table.csv", values, codes, names=names, delimiter=delimiter)
    done = run(tmp_path / "table.csv")
    expect(done.chips, values, codes)
    expected = [400 + 10 * n for n in range(12)]
    if delimiter == "\t":  # micrometres
        expected = [1000 + 125 * n for n in range(12)]
    found = [band["wavelength"] for band in done.chips.index["bands"]]
    np.testing.assert_allclose(found, expected)


def test_wavenumbers_in_names_become_nanometres(run, tmp_path, spectra):
    values, codes = spectra
    names = [f"wn_{4000 - 100 * n}" for n in range(12)]
    done = run(save_table(tmp_path / "table.csv", values, codes, names=names))
    found = [band["wavelength"] for band in done.chips.index["bands"]]
    np.testing.assert_allclose(found, [1e7 / (4000 - 100 * n) for n in range(12)])


def test_names_that_only_count_are_no_wavelengths(run, tmp_path, spectra):
    values, codes = spectra
    done = run(save_table(tmp_path / "t.csv", values, codes, names=[f"b{n}" for n in range(12)]))
    assert {band["wavelength"] for band in done.chips.index["bands"]} == {None}
    assert [band["name"] for band in done.chips.index["bands"]][:2] == ["b0", "b1"]


def test_names_of_classes_in_a_table_and_its_split(run, tmp_path, spectra):
    values, codes = spectra
    words = np.array(["oak", "pine", "beech"])[np.searchsorted(np.sort(CODES), codes)]
    parts = np.array(["train", "Validation", "test"])[np.arange(60) % 3]
    path = tmp_path / "table.csv"
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["x", "y", "label", "split", *(f"band_{n}" for n in range(1, 13))])
        for row, word, part in zip(values, words, parts):
            lines.writerow([1.5, 2, word, part, *map(repr, row.tolist())])
    done = run(path)
    np.testing.assert_array_equal(done.chips.values.reshape(60, 12), values)
    assert done.chips.names == ["beech", "oak", "pine"]
    assert [line["name"] for line in done.chips.table] == words.tolist()
    assert [line["split"] for line in done.chips.table] == [part.lower() for part in parts]
    assert "that of the column 'split'" in done.said.text


def split_table(path, spectra, column, words):
    values, codes = spectra
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["class", column, *(f"band_{n}" for n in range(1, 13))])
        lines.writerows(
            [code, word, *map(repr, row.tolist())] for code, word, row in zip(codes, words, values)
        )
    return path


@pytest.mark.parametrize("column", ["set", "Split"])
def test_a_split_with_an_unknown_word_is_refused(run, tmp_path, spectra, column):
    from hsicnn.core.errors import InputError

    words = np.array(["train", "test", "holdout"])[np.arange(60) // 3 % 3]
    path = split_table(tmp_path / "t.csv", spectra, column, words)
    with pytest.raises(InputError, match=rf"'{column}' of t.csv gives a split, but 'holdout' is"):
        run(path)


@pytest.mark.parametrize(
    ("column", "words"), [("fold", [1, 2, 3, 4, 5]), ("set", ["a", "b"]), ("split", [0, 1])]
)
def test_a_column_that_may_be_a_split_is_named(run, tmp_path, spectra, column, words):
    path = split_table(tmp_path / "t.csv", spectra, column, np.resize(words, 60))
    done = run(path)
    assert done.chips.index["split"]["method"] != "field"
    warned = "\n".join(done.said.warnings)
    assert (
        f"The column '{column}' of t.csv is not taken as a split: it holds '{words[0]}'" in warned
    )
    assert "come without a split" not in warned


def test_names_get_the_same_code_in_every_part(run, tmp_path, rng):
    """The test file lacks a class."""
    np.savez(tmp_path / "train.npz", x=rng.random((9, 5)), y=np.array(["c", "a", "b"] * 3))
    np.savez(tmp_path / "test.npz", x=rng.random((4, 5)), y=np.array(["c", "b"] * 2))
    done = run(tmp_path / "train.npz", test=tmp_path / "test.npz")
    names = {line["class"]: line["name"] for line in done.chips.table}
    assert names == {"1": "a", "2": "b", "3": "c"}
    assert done.chips.codes_of("test").tolist() == [3, 2, 3, 2]


def test_a_table_without_names_takes_its_label_column_by_number(run, tmp_path, spectra):
    values, codes = spectra
    np.savetxt(tmp_path / "t.csv", np.column_stack([values, codes]), fmt="%.17g", delimiter=" ")
    done = run(tmp_path / "t.csv", reference_variable="13")
    expect(done.chips, values, codes)


def test_decimal_commas(run, tmp_path, spectra):
    values, codes = spectra
    path = save_table(tmp_path / "t.csv", values, codes, names=[f"wl_{n}" for n in range(400, 412)],
        delimiter=";")  # fmt: skip
    path.write_text(path.read_text().replace(".", ","))
    expect(run(path).chips, values, codes)


def test_a_line_of_bare_wavelengths_is_no_sample(run, tmp_path, spectra):
    values, codes = spectra
    lengths = np.linspace(400, 1000, 12)
    np.savetxt(tmp_path / "x.csv", np.vstack([lengths, values]), fmt="%.17g", delimiter=",")
    np.savetxt(tmp_path / "y.csv", codes, fmt="%d")
    done = run(tmp_path / "x.csv")
    expect(done.chips, values, codes)
    found = [band["wavelength"] for band in done.chips.index["bands"]]
    np.testing.assert_allclose(found, lengths)


def save_lines(folder, header, values, codes):
    """Write ``x.csv`` with a line of bare numbers, and ``y.csv``."""
    lines = [",".join(map(str, row)) for row in values.tolist()]
    (folder / "x.csv").write_text("\n".join([header, *lines] if header else lines))
    np.savetxt(folder / "y.csv", codes, fmt="%d")
    return folder / "x.csv"


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("numbered", [False, True])
def test_a_line_that_counts_the_columns_is_no_sample(run, tmp_path, spectra, start, numbered):
    """As pandas writes tables, with and without the numbers of their lines."""
    values, codes = spectra
    header = ",".join(str(n + start) for n in range(12))
    stored = values
    if numbered:
        header, stored = f",{header}", np.column_stack([np.arange(60), values])
    done = run(save_lines(tmp_path, header, stored, codes))
    expect(done.chips, values, codes)
    assert {band["wavelength"] for band in done.chips.index["bands"]} == {None}


@pytest.mark.parametrize("form", ["%.3f", "%.6e"])
def test_a_line_of_bare_micrometres_is_no_sample(run, tmp_path, spectra, form):
    values, codes = spectra
    lengths = np.linspace(0.4, 2.5, 12)
    header = ",".join(form % length for length in lengths)
    done = run(save_lines(tmp_path, header, values / 20, codes))
    expect(done.chips, values / 20, codes)
    found = [band["wavelength"] for band in done.chips.index["bands"]]
    np.testing.assert_allclose(found, lengths * 1000, atol=0.5)


@pytest.mark.parametrize("scale", [1, 1000])
def test_a_first_sample_that_rises_is_asked_and_not_lost(run, tmp_path, rng, scale):
    from hsicnn.core.errors import InputError

    values = rng.uniform(0.3, 0.9, (60, 12)) * scale
    values[0] = np.sort(values[0])
    codes = np.arange(60) % 3
    path = save_lines(tmp_path, "", values, codes)
    with pytest.raises(InputError, match=r"first line of x.csv.*Say with HEADER"):
        run(path)
    expect(run(path, header="no").chips, values, codes)
    np.savetxt(tmp_path / "y.csv", codes[1:], fmt="%d")
    done = run(path, header="yes")
    expect(done.chips, values[1:], codes[1:])
    assert done.chips.index["bands"][0]["wavelength"] is not None


def test_samples_that_all_rise_are_samples(run, tmp_path, rng):
    """Spectra of soils are such."""
    values = np.cumsum(rng.uniform(0.001, 0.05, (60, 12)), axis=1) + 0.2
    codes = np.arange(60) % 3
    expect(run(save_lines(tmp_path, "", values, codes)).chips, values, codes)


@pytest.mark.parametrize("storage", ["geotiff", "csv", "libsvm"])
def test_libsvm_of_scikit_learn(run, tmp_path, rng, storage):
    from sklearn.datasets import dump_svmlight_file, load_svmlight_file

    values = np.round(rng.normal(size=(50, 9)), 6)
    values[rng.random(values.shape) < 0.3] = 0
    codes = np.arange(50) % 3 + 1
    dump_svmlight_file(values[:40], codes[:40], str(tmp_path / "train.svm"), zero_based=False)
    values[40:, 7:] = 0  # written without its last values
    dump_svmlight_file(values[40:], codes[40:], str(tmp_path / "test.svm"), zero_based=False)
    done = run(tmp_path / "train.svm", test=tmp_path / "test.svm", file_format=storage)
    if storage == "geotiff":
        expect(done.chips, values, codes)
    elif storage == "libsvm":
        found, labels = load_svmlight_file(str(done.folder / "chips" / "spectra.svm"), n_features=9)
        np.testing.assert_array_equal(found.toarray(), values)
        np.testing.assert_array_equal(labels, codes)
    else:
        again = run(done.folder / "chips" / "spectra.csv")
        expect(again.chips, values, codes)
        assert len(again.chips.part("test")) == 10


@pytest.mark.parametrize("zero_based", [True, False])
@pytest.mark.parametrize("bare", ["train", "test"])
def test_places_of_libsvm_count_alike_in_all_parts(run, tmp_path, rng, zero_based, bare):
    """One of the parts has no value in its first band: alone it would not tell the base."""
    from sklearn.datasets import dump_svmlight_file

    values = np.round(rng.uniform(0.1, 1, (50, 9)), 6)
    codes = np.arange(50) % 3 + 1
    parts = {"train": slice(0, 40), "test": slice(40, 50)}
    values[parts[bare], 0] = 0  # so that it is not written
    for name, part in parts.items():
        path = str(tmp_path / f"{name}.svm")
        dump_svmlight_file(values[part], codes[part], path, zero_based=zero_based)
    done = run(tmp_path / "train.svm", test=tmp_path / "test.svm")
    expect(done.chips, values, codes)
    assert f"count from {0 if zero_based else 1} (" in done.said.text


def test_formats_are_those_of_chip_sets():
    from hsicnn.core.data.windows.files import FILES
    from hsicnn.core.importing.settings import FORMATS

    assert set(FORMATS) == set(FILES)


@pytest.mark.parametrize("orientation", ["rows", "columns"])
def test_one_hot_labels_either_way(run, tmp_path, rng, orientation):
    hot = np.eye(4)[np.arange(20) % 4]
    stored = hot if orientation == "rows" else hot.T
    np.savez(tmp_path / "s.npz", x=rng.random((20, 5)), y=stored)
    assert run(tmp_path / "s.npz").chips.codes.tolist() == (np.arange(20) % 4 + 1).tolist()


def test_samples_with_missing_values_are_counted(run, tmp_path, spectra):
    values, codes = spectra
    values[3, 2], values[8] = np.nan, np.inf
    np.savez(tmp_path / "s.npz", x=values, y=codes)
    done = run(tmp_path / "s.npz")
    expect(done.chips, values, codes)
    assert "2 samples hold values that are no finite number" in done.said.warnings[-1]


def test_a_file_for_testing_brings_the_one_for_training(run, tmp_path, spectra):
    """Whichever of them is chosen; other arrays in it do not matter."""
    values, codes = spectra
    for name, which in (("train", slice(0, 45)), ("test", slice(45, 60))):
        content = {"X": values[which], "n": 12}
        scipy.io.savemat(tmp_path / f"{name}_X.mat", content)
        np.savetxt(tmp_path / f"{name}_labels.csv", codes[which], fmt="%d")
    done = run(tmp_path / "test_X.mat")
    np.testing.assert_array_equal(done.chips.part("test").reshape(-1, 12), values[45:])
    np.testing.assert_array_equal(done.chips.part("train").reshape(-1, 12), values[:45])
    np.testing.assert_array_equal(done.chips.codes_of("train"), codes[:45])


def test_a_column_of_a_table_of_labels(run, tmp_path, spectra):
    values, codes = spectra
    np.save(tmp_path / "spectra.npy", values)
    np.savetxt(tmp_path / "l.csv", np.column_stack([np.arange(60), codes]), "%d", delimiter=",")
    given = {"reference": tmp_path / "l.csv", "reference_variable": "2"}
    expect(run(tmp_path / "spectra.npy", **given).chips, values, codes)


def test_unlabelled_samples_are_left_out(run, tmp_path, spectra):
    values, codes = spectra
    codes = np.where(np.arange(60) % 5 == 0, 0, codes)
    np.savez(tmp_path / "s.npz", x=values, y=codes)
    done = run(tmp_path / "s.npz", unlabelled=0)
    expect(done.chips, values[codes > 0], codes[codes > 0])


def test_the_drawn_split_follows_fractions_and_seed(run, tmp_path, spectra):
    values, codes = spectra
    np.savez(tmp_path / "s.npz", x=values, y=codes)
    given = {"validation_fraction": 0.1, "test_fraction": 0.4, "seed": 5}
    first, again = (run(tmp_path / "s.npz", **given).chips for _ in range(2))
    other = run(tmp_path / "s.npz", **{**given, "seed": 6}).chips
    assert [len(first.part(name)) for name in ("train", "validation", "test")] == [30, 6, 24]
    assert first.table == again.table
    assert first.table != other.table


def test_many_samples_are_read_in_parts(run, tmp_path, rng, monkeypatch):
    """Each format gives its blocks in order, whatever their size."""
    from hsicnn.core.importing import samples, tables

    monkeypatch.setattr(samples, "_BLOCK_BYTES", 200)
    monkeypatch.setattr(tables, "_CELLS", 70)
    values, codes = rng.integers(0, 200, (101, 6)).astype(np.uint8), np.arange(101) % 3
    np.savez(tmp_path / "a.npz", x=values, y=codes)
    np.save(tmp_path / "x.npy", values)
    np.save(tmp_path / "y.npy", codes)
    scipy.io.savemat(tmp_path / "b.mat", {"x": values, "y": codes})
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["x"], file["y"] = values.T, codes
    save_table(tmp_path / "d.csv", values, codes, names=[f"b{n}" for n in range(6)])
    for name in ("a.npz", "x.npy", "b.mat", "c.h5", "d.csv"):
        done = run(tmp_path / name)
        expect(done.chips, values, codes)


def test_training_takes_an_imported_set(run, tmp_path, spectra):
    from hsicnn.core.data.chips import read_chip_set
    from hsicnn.core.data.pixel_loading import load_pixels
    from hsicnn.core.progress import SilentProgress

    values, codes = spectra
    np.savez(tmp_path / "s.npz", x=values, y=codes)
    info = read_chip_set(run(tmp_path / "s.npz", scale=0.5).folder / "chips")
    store = load_pixels(info, memory_bytes=1 << 30, progress=SilentProgress())
    np.testing.assert_array_equal(np.array([i.code for i in info.classes])[store.label - 1], codes)
    found = store.physical(store.index)
    np.testing.assert_allclose(found, values * 0.5, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("others", [False, True])
def test_any_part_of_a_table_can_be_read(tmp_path, rng, monkeypatch, others):
    from hsicnn.core.importing import tables
    from hsicnn.core.progress import SilentProgress

    monkeypatch.setattr(tables, "_CELLS", 50)
    values = rng.random((83, 6))
    lines = [",".join([*map(repr, row), *(["text"] if others else [])]) for row in values.tolist()]
    head = ",".join([*(f"b{n}" for n in range(6)), *(["what"] if others else [])])
    (tmp_path / "t.csv").write_text("\n".join([head, *lines]))
    found = tables.open_table(tmp_path / "t.csv", SilentProgress()).arrays[0].load()
    for _ in range(60):
        start, stop = sorted(rng.integers(0, 84, 2))
        np.testing.assert_array_equal(found[start:stop], values[start:stop])
    np.testing.assert_array_equal(found[:, 2:4], values[:, 2:4])


def test_a_part_without_labels_is_left_out_and_named(run, tmp_path, rng):
    """As competitions publish them."""
    np.savez(
        tmp_path / "s.npz", x_train=rng.random((12, 5)), y_train=np.arange(12) % 2,
        x_test=rng.random((4, 5)),
    )  # fmt: skip
    done = run(tmp_path / "s.npz")
    assert len(done.chips.table) == 12
    assert "'x_test' of s.npz is left out: no labels" in done.said.warnings[0]


def test_the_label_column_of_both_parts(run, tmp_path, spectra):
    values, codes = spectra
    names = [f"wl_{400 + n}" for n in range(12)]
    for name, which in (("a", slice(0, 45)), ("b", slice(45, 60))):
        path = tmp_path / f"{name}.csv"
        save_table(path, values[which], codes[which], names=names, label="cover")
    done = run(tmp_path / "a.csv", reference_variable="cover", test=tmp_path / "b.csv")
    np.testing.assert_array_equal(done.chips.codes_of("test"), codes[45:])
    np.testing.assert_array_equal(done.chips.part("test").reshape(-1, 12), values[45:])


def test_wide_whole_numbers_of_samples(run, tmp_path, rng):
    values = rng.integers(-(2**31), 2**31, (20, 5))
    np.savez(tmp_path / "s.npz", x=values, y=np.arange(20) % 2)
    done = run(tmp_path / "s.npz")
    assert done.chips.index["dtype"] == "int32"
    expect(done.chips, values, np.arange(20) % 2)
    assert "are written as int32, unchanged" in done.said.text


@pytest.mark.parametrize("name", ["s.mat", "s.npz"])
@pytest.mark.parametrize("last", [False, True])
def test_as_many_samples_as_bands_are_asked_for(run, tmp_path, rng, name, last):
    """Whoever wrote the file: both ends of it fit the labels."""
    from hsicnn.core.errors import InputError

    values = rng.integers(0, 99, (12, 9, 9, 12)).astype(np.uint8)
    content = {"x": values, "y": np.arange(12) % 3}
    scipy.io.savemat(tmp_path / "s.mat", content)
    np.savez(tmp_path / "s.npz", **content)
    with pytest.raises(InputError, match=r"12 x 9 x 9 x 12, and its first.*Say which with LAYOUT"):
        run(tmp_path / name)
    done = run(tmp_path / name, layout="bands-first" if last else "bands-last")
    expected = values.transpose(3, 1, 2, 0) if last else values
    expect(done.chips, expected, np.arange(12) % 3)


@pytest.mark.parametrize("shape", [(12, 12, 4, 12), (12, 4, 12, 12)])
def test_squares_tell_which_end_holds_the_samples(run, tmp_path, rng, shape):
    """SAT-6 has its samples last; windows with bands first have them first."""
    values = rng.integers(0, 99, shape).astype(np.uint8)
    np.savez(tmp_path / "s.npz", x=values, y=np.arange(12) % 3)
    order = (3, 0, 1, 2) if shape[2] == 4 else (0, 2, 3, 1)
    expect(run(tmp_path / "s.npz").chips, values.transpose(order), np.arange(12) % 3)


@pytest.mark.parametrize("axes", [3, 4])
def test_samples_of_a_cube_are_asked_for(run, tmp_path, rng, axes):
    from hsicnn.core.errors import InputError

    np.savez(tmp_path / "s.npz", x=rng.random((6,) * axes), y=np.arange(6) % 3)
    for layout in ("auto", "bands-first"):
        with pytest.raises(InputError, match=r"could be that of the samples as well.*Save it with"):
            run(tmp_path / "s.npz", layout=layout)
    np.savez(tmp_path / "s.npz", x=rng.random((6, 6, 6, 1)), y=np.arange(6) % 3)
    assert run(tmp_path / "s.npz").chips.values.shape == (6, 6, 6, 1)


def test_windows_of_one_band(run, tmp_path, rng):
    values = rng.integers(0, 9, (20, 7, 7)).astype(np.uint8)
    np.savez(tmp_path / "s.npz", x=values, y=np.arange(20) % 2)
    expect(run(tmp_path / "s.npz").chips, values, np.arange(20) % 2)


@pytest.mark.parametrize("form", ["lines", "codes", "too many"])
def test_names_of_classes_in_a_file(run, tmp_path, spectra, form):
    values, codes = spectra
    np.savez(tmp_path / "s.npz", x=values, y=codes)
    names = {3: "three", 1: "one", 7: "seven"}
    every = [names.get(code, "nothing") for code in range(1, 8)]
    lines = {
        "lines": ["one", "three", "seven"],
        "codes": [f"{code} = {name}" for code, name in names.items()],
        "too many": every,  # one a code
    }
    (tmp_path / "names.txt").write_text("\n".join(lines[form]) + "\n")
    done = run(tmp_path / "s.npz", class_names=tmp_path / "names.txt")
    assert done.chips.names == ["one", "three", "seven"]


def test_names_of_classes_never_take_the_place_of_texts(run, tmp_path, rng):
    """The codes of texts follow the alphabet, a list of names does not."""
    from hsicnn.core.errors import InputError

    words = np.array(["water", "road", "grass"] * 4)
    np.savez(tmp_path / "s.npz", x=rng.random((12, 5)), y=words)
    with pytest.raises(InputError, match=r"labels are texts.*1=grass, 2=road, 3=water"):
        run(tmp_path / "s.npz", class_names="water, road, grass")
    done = run(tmp_path / "s.npz", class_names="3=river, 2=road, 1=grass")
    named = [line["name"] for line in done.chips.table]
    assert named == ["river" if word == "water" else word for word in words.tolist()]


@pytest.mark.parametrize(
    ("codes", "names", "expected"),
    [
        ((1, 2, 3), ("none", "a", "b", "c"), None),  # from 0 on, or from 1 with one too many
        ((1, 2, 3), ("a", "b", "c"), ("a", "b", "c")),
        ((0, 2), ("none", "a", "b", "c"), ("none", "b")),
        ((2, 4), ("a", "b", "c", "d"), ("b", "d")),
        ((2, 4), ("none", "a", "b", "c", "d"), None),
    ],
)
def test_more_names_than_classes_count_from_a_code_that_is_certain(
    run, tmp_path, rng, codes, names, expected
):
    from hsicnn.core.errors import InputError

    np.savez(tmp_path / "s.npz", x=rng.random((12, 5)), y=np.resize(codes, 12))
    if expected is None:
        with pytest.raises(InputError, match=r"could be that of 0 or of 1.*1=water"):
            run(tmp_path / "s.npz", class_names=", ".join(names))
        return
    done = run(tmp_path / "s.npz", class_names=", ".join(names))
    assert tuple(done.chips.names) == expected

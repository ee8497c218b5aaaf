"""What MATLAB 7.3 and other programs put into HDF5 beside plain arrays."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from hsicnn.core.importing.opening import opened
from hsicnn.core.progress import SilentProgress

from .conftest import category_names


@pytest.fixture
def matlab(tmp_path, cube, truth):
    """A file with everything that MATLAB writes, as it writes it."""
    path = tmp_path / "all.mat"

    def marked(name, values, kind, **more):
        item = file.create_dataset(name, data=values)
        item.attrs["MATLAB_class"] = np.bytes_(kind)
        for key, value in more.items():
            item.attrs[key] = value
        return item

    def characters(name, text):
        codes = np.array([[ord(letter)] for letter in text], np.uint16)
        return marked(name, codes, b"char", MATLAB_int_decode=np.int32(2))

    with h5py.File(path, "w", userblock_size=512) as file:
        marked("cube", cube.transpose(2, 1, 0), b"int16")
        marked("gt", truth.T, b"uint8")
        marked("mask", (truth > 0).T.astype(np.uint8), b"logical", MATLAB_int_decode=np.int32(1))
        marked("nothing", np.array([0, 0], np.uint64), b"double", MATLAB_empty=np.uint8(1))
        characters("title", "Somewhere")
        pair = np.dtype([("real", "f8"), ("imag", "f8")])
        marked("waves", np.zeros((3, 4), pair), b"double")
        group = file.create_group("scene")
        group.attrs["MATLAB_class"] = np.bytes_(b"struct")
        marked("scene/inner", cube[:, :, :3].transpose(2, 1, 0), b"int16")
        names = [characters(f"#refs#/{n}", word) for n, word in enumerate(("corn", "soy", "oats"))]
        cells = np.array([[item.ref for item in names]], h5py.ref_dtype)
        marked("legend", cells, b"cell")
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: test".ljust(512, b" "))
    return path


def test_all_is_listed_as_matlab_shows_it(matlab):
    with opened(matlab, SilentProgress()) as found:
        told = {item.name: (item.shape, item.kind, item.problem) for item in found.arrays}
        words = {item.name: item.load() for item in found.texts}
    assert told["cube"] == ((30, 17, 20), "int16", "")
    assert told["mask"] == ((30, 17), "bool", "")
    assert told["scene/inner"] == ((30, 17, 3), "int16", "")
    assert told["nothing"][2] == "it has no values"
    assert told["title"] == ((1, 9), "char", "texts")
    assert "complex" in told["waves"][2]
    assert told["legend"][2].startswith("a cell array")
    assert words == {"title": ("Somewhere",), "legend": ("corn", "soy", "oats")}
    assert not any(name.startswith("#") for name in told)


def test_fields_of_structs_and_names_in_cells_are_used(run, matlab, cube, truth):
    done = run(matlab, variable="scene/inner", reference=matlab, reference_variable="gt")
    np.testing.assert_array_equal(done.image, np.moveaxis(cube[:, :, :3], 2, 0))
    np.testing.assert_array_equal(done.labels, truth)
    whole = run(matlab)  # the image that is called so
    np.testing.assert_array_equal(whole.image, np.moveaxis(cube, 2, 0))
    assert category_names(whole.folder / "labels.tif")[1:6] == ["corn", "soy", "", "", "oats"]


def test_labels_may_be_texts(run, tmp_path, rng):
    words = ["water", "road", "wood"]
    with h5py.File(tmp_path / "set.h5", "w") as file:
        file["train/images"] = rng.integers(0, 9, (12, 4, 4, 2))
        file["train/labels"] = np.array(words * 4, dtype=h5py.string_dtype())
    done = run(tmp_path / "set.h5", variable="train/images", reference_variable="train/labels")
    assert done.chips.names == ["road", "water", "wood"]
    assert [line["name"] for line in done.chips.table] == words * 4


def test_links_to_other_files_are_not_followed(run, tmp_path, cube):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["secret"] = cube
    with h5py.File(tmp_path / "set.h5", "w") as file:
        file["cube"] = cube
        file["linked"] = h5py.ExternalLink("other.h5", "/secret")
    with opened(tmp_path / "set.h5", SilentProgress()) as found:
        assert [item.name for item in found.arrays] == ["cube"]

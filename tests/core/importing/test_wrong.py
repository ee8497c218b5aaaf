"""What cannot be imported is refused in words, and nothing that was there is changed."""

from __future__ import annotations

import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
from hsicnn.core.errors import Cancelled, HsicnnError, InputError, LabelError
from hsicnn.core.importing.import_scene import import_scene

from .conftest import Listener


class Opens:
    """What a pickle does when it is read: it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.fixture
def refused(tmp_path):
    """Imports a file that must be refused; returns what was said."""
    outputs = {
        "output": tmp_path / "out" / "image.tif",
        "output_reference": tmp_path / "out" / "labels.tif",
        "output_chips": tmp_path / "out" / "chips",
    }
    (tmp_path / "out").mkdir()
    for path in outputs.values():
        if path.suffix:
            path.write_bytes(b"what was there before")
    outputs["output_chips"].mkdir()

    def start(path, expected=HsicnnError, **values) -> str:
        given = {key: str(value) for key, value in outputs.items()} | values
        with pytest.raises(expected) as error:
            import_scene(path=str(path), progress=Listener(), **given)
        assert outputs["output"].read_bytes() == b"what was there before"
        assert outputs["output_reference"].read_bytes() == b"what was there before"
        assert sorted(item.name for item in (tmp_path / "out").iterdir()) == [
            "chips", "image.tif", "labels.tif"
        ]  # fmt: skip
        assert not (tmp_path / "executed").exists()
        return str(error.value)

    return start


def saved(path: Path, values) -> Path:
    np.save(path, values, allow_pickle=True)
    return path


def table(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_pickles_are_never_read(refused, tmp_path):
    trap = Opens(tmp_path / "executed")
    objects = np.array([trap, None], dtype=object)
    assert "Python objects (a pickle), which are never" in refused(
        saved(tmp_path / "a.npy", objects)
    )
    np.savez(tmp_path / "b.npz", cube=objects)
    assert "Python objects, which are never read" in refused(tmp_path / "b.npz")
    (tmp_path / "c.npy").write_bytes(pickle.dumps(trap))
    assert "is a Python pickle, which is never read" in refused(tmp_path / "c.npy")
    (tmp_path / "d.mat").write_bytes(pickle.dumps(trap))
    assert "cannot be read as a MATLAB file" in refused(tmp_path / "d.mat")


def test_complex_numbers_are_refused(refused, tmp_path, rng):
    values = rng.random((5, 6, 7)) * 1j
    assert "complex numbers" in refused(saved(tmp_path / "a.npy", values))
    scipy.io.savemat(tmp_path / "b.mat", {"cube": values})
    assert "'cube' 5 x 6 x 7 float64: not used (it holds complex" in refused(tmp_path / "b.mat")
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["cube"] = values
    assert "complex numbers" in refused(tmp_path / "c.h5")


def test_structs_and_cells_are_named(refused, tmp_path, rng):
    cell = np.empty((1, 2), dtype=object)
    cell[0, 0], cell[0, 1] = rng.random((3, 3)), "text"
    scipy.io.savemat(tmp_path / "a.mat", {"scene": {"cube": rng.random((4, 5, 6))}, "c": cell})
    said = refused(tmp_path / "a.mat")
    assert "'scene' 1 x 1 struct: not used (a struct; save the field" in said
    assert "'c' 1 x 2 cell: not used" in said
    assert "a struct" in refused(tmp_path / "a.mat", variable="scene")


def test_a_variable_that_is_not_there_is_named_with_those_that_are(refused, tmp_path, rng):
    scipy.io.savemat(tmp_path / "a.mat", {"cube": rng.random((4, 5, 6))})
    said = refused(tmp_path / "a.mat", variable="image")
    assert "VARIABLE is 'image', which is not there. a.mat holds 'cube' 4 x 5 x 6 float64" in said
    np.save(tmp_path / "gt.npy", np.ones((4, 5)))
    said = refused(
        tmp_path / "a.mat", reference=str(tmp_path / "gt.npy"), reference_variable="truth"
    )
    assert "REFERENCE_VARIABLE is 'truth', which is not there. gt.npy holds 'gt'" in said


def test_bands_that_cannot_be_told_are_asked(refused, tmp_path, rng):
    said = refused(saved(tmp_path / "noise.npy", rng.random((9, 8, 7))))
    assert "which of it are the bands cannot be told: neither its size nor its values" in said
    assert "LAYOUT" in said
    values = np.linspace(0, 9, 7)[:, None, None] + np.linspace(0, 2, 9) + rng.random((7, 7, 9)) / 9
    said = refused(saved(tmp_path / "both.npy", values))
    assert "its size and its values say different things" in said
    np.savez(tmp_path / "w.npz", x=rng.random((9, 4, 4, 4)), y=np.arange(9) % 3)
    assert "all its sides are equal" in refused(tmp_path / "w.npz")
    np.savez(tmp_path / "w.npz", x=rng.random((9, 4, 5, 6)), y=np.arange(9) % 3)
    assert "no two of its neighbouring sides are" in refused(tmp_path / "w.npz")
    np.savez(tmp_path / "w.npz", x=rng.random((9, 9)), y=np.arange(9) % 3)
    assert "both could be the samples" in refused(tmp_path / "w.npz")


def test_two_axes_where_three_are_needed(refused, tmp_path, rng):
    said = refused(saved(tmp_path / "flat.npy", rng.random((30, 40))))
    assert "an image has three axes" in said
    assert "ROWS and COLS" in said
    assert "REFERENCE" in said
    said = refused(tmp_path / "flat.npy", rows=7, cols=8)
    assert "none of its sides is 7 x 8 = 56 pixels" in said
    said = refused(saved(tmp_path / "square.npy", rng.random((36, 36))), rows=6, cols=6)
    assert "both of its sides are 6 x 6 = 36 pixels" in said
    said = refused(saved(tmp_path / "line.npy", rng.random(40)))
    assert "No array of line.npy has two axes or more" in said
    said = refused(saved(tmp_path / "four.npy", rng.random((3, 4, 4, 5))))
    assert "there are no labels for them" in said
    said = refused(saved(tmp_path / "empty.npy", np.zeros((0, 4, 5))))
    assert "it has no values" in said


def test_values_that_no_raster_holds(refused, tmp_path, rng):
    values = rng.integers(0, 9, (9, 9, 4)) + 2**40
    assert "beyond the 32 bits" in refused(saved(tmp_path / "wide.npy", values))
    texts = np.full((9, 9, 4), "a")
    assert "has no array that can be imported" in refused(saved(tmp_path / "texts.npy", texts))
    np.savez(tmp_path / "w.npz", x=rng.random((9, 4, 6, 6, 2)), y=np.arange(9) % 3)
    assert "expected samples of two axes" in refused(tmp_path / "w.npz")
    np.savez(tmp_path / "w.npz", x=rng.random((9, 4, 6)), y=np.arange(9) % 3)
    assert "expected squares" in refused(tmp_path / "w.npz")
    np.savez(tmp_path / "w.npz", x=rng.random((9, 50)), y=np.arange(9) % 3)
    said = refused(tmp_path / "w.npz", rows=4, cols=4)
    assert "no whole bands of square windows of 4 x 4" in said
    np.savez(tmp_path / "w.npz", x=rng.random((9, 8)), one=np.arange(9), two=np.arange(9))
    assert "an image has three axes" in refused(tmp_path / "w.npz")


def test_labels_of_another_length(refused, tmp_path, rng):
    np.savez(tmp_path / "s.npz", x=rng.random((30, 8)), y=np.arange(29) % 3)
    assert "holds 29 labels for 30 or 8 samples" in refused(tmp_path / "s.npz", LabelError)
    np.save(tmp_path / "cube.npy", rng.random((9, 12, 4)))
    np.save(tmp_path / "gt.npy", np.ones((12, 9), np.uint8))
    given = {"reference": str(tmp_path / "gt.npy"), "layout": "bands-last"}
    said = refused(tmp_path / "cube.npy", LabelError, **given)
    assert "has 12 x 9 pixels and the image 9 x 12" in said
    assert "turned over" in said
    np.save(tmp_path / "gt.npy", np.ones((8, 8), np.uint8))
    said = refused(tmp_path / "cube.npy", LabelError, **given)
    assert "Choose the ground truth that belongs" in said


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.array([1.0, np.nan] * 15), "15 values that are no number"),
        (
            np.array([1.0, 2.5] * 15),
            "numbers such as 2.5, 15 of 30 not whole: these are no",
        ),
        (np.ones(30), "only one class, 'class 1', with 30 samples"),
        (np.array([1, 70_000] * 15), "Class code 70000 does not fit"),
        (np.array([-1, 2] * 15), "Class code -1 does not fit"),
        (np.array([1, 2**40] * 15), "codes beyond 31 bits"),
        (np.array(["a", ""] * 15), "no label in line 2, and in 15 lines"),
        (np.full((30, 3), 1 / 3), "no single 1 for every sample"),
        (np.array([1j, 2] * 15), "cannot be used: it holds complex numbers"),
    ],
)
def test_labels_that_are_no_classes(refused, tmp_path, rng, labels, words):
    np.savez(tmp_path / "s.npz", x=rng.random((30, 8)), labels=labels)
    assert words in refused(tmp_path / "s.npz", reference_variable="labels")


def test_label_maps_that_are_none(refused, tmp_path, rng):
    np.save(tmp_path / "cube.npy", rng.random((9, 9, 4)))
    cases = (
        (np.full((9, 9), np.nan), "no number"),
        (rng.random((9, 9)), "not whole"),
        (np.zeros((9, 9)), "no labelled pixel: all are 0"),
        (rng.random((9, 9, 2)), "shares of classes (abundances)"),
        (np.arange(81).reshape(9, 9) * 1000, "does not fit a class map"),
    )
    for values, words in cases:
        np.save(tmp_path / "gt.npy", values)
        assert words in refused(tmp_path / "cube.npy", reference=str(tmp_path / "gt.npy"))
    many = np.arange(40 * 40).reshape(40, 40)
    assert "1,600 different values" in refused(saved(tmp_path / "many.npy", many))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("wl_400,wl_410,class\n1,2,3\n4,5\n", "Line 2 of the values of t.csv has 2 cells"),
        ("wl_400,wl_410,class\n1,2,3\n4,x,5\n", "has 'x' in column wl_410, where a number"),
        ("wl_400,wl_410,class\n", "a line of names and no line below"),
        ("name,place,class\na,b,1\nc,d,2\n", "no columns that look like bands"),
        ("wl_400,wl_410,sort\n1,2,3\n4,5,6\n", "'sort' (whole numbers, 2 different)"),
        ("1\n2\n3\n", "is a single line of labels; they go with an image"),
        ("\n\n", "is empty"),
        ("", "is empty"),
    ],
)
def test_tables_that_are_none(refused, tmp_path, text, words):
    assert words in refused(table(tmp_path / "t.csv", text))


def test_columns_that_are_not_there(refused, tmp_path):
    path = table(tmp_path / "t.csv", "wl_400,wl_410,class\n1,2,3\n4,5,6\n")
    said = refused(path, reference_variable="kind")
    assert "no column 'kind' for REFERENCE_VARIABLE; it has wl_400, wl_410, class" in said
    said = refused(path, variable="band")
    assert "no column whose name begins with 'band' (VARIABLE)" in said
    path = table(tmp_path / "bare.csv", "7,2,3\n4,5,6\n")
    said = refused(path, reference_variable="4")
    assert "columns 1 to 3, without names" in said


def test_parts_that_do_not_fit_together(refused, tmp_path, rng):
    np.savez(tmp_path / "a.npz", x=rng.random((30, 8)), y=np.arange(30) % 3)
    np.savez(tmp_path / "b.npz", x=rng.random((20, 7)), y=np.arange(20) % 3)
    said = refused(tmp_path / "a.npz", test=str(tmp_path / "b.npz"))
    assert "1 pixels and 8 bands, 'x' of 1 and 7" in said
    np.savez(tmp_path / "b.npz", x=rng.random((20, 8)), y=np.array(["a", "b"] * 10))
    said = refused(tmp_path / "a.npz", LabelError, test=str(tmp_path / "b.npz"))
    assert "names and those of another are numbers" in said
    np.save(tmp_path / "cube.npy", rng.random((9, 9, 4)))
    said = refused(tmp_path / "cube.npy", test=str(tmp_path / "a.npz"))
    assert "is an image, and there are samples to test on" in said
    assert "TEST_REFERENCE is given without TEST" in refused(
        tmp_path / "a.npz", test_reference=str(tmp_path / "b.npz")
    )


def test_a_class_that_is_only_tested(refused, tmp_path, rng):
    np.savez(tmp_path / "a.npz", x=rng.random((30, 8)), y=np.arange(30) % 3)
    np.savez(tmp_path / "b.npz", x=rng.random((20, 8)), y=np.arange(20) % 4)
    said = refused(tmp_path / "a.npz", LabelError, test=str(tmp_path / "b.npz"))
    assert "The class 'class 3' has 5 samples and none of them is for training" in said


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"layout": "bil"}, "LAYOUT is 'bil'; expected one of auto, bands-last"),
        ({"pixel_order": "up"}, "PIXEL_ORDER is 'up'"),
        ({"kind": "maps"}, "CHIP_KIND is 'maps'"),
        ({"file_format": "png"}, "FORMAT is 'png'"),
        ({"rows": 3}, "ROWS and COLS belong together"),
        ({"rows": 0, "cols": 2}, "both must be 1 or more"),
        ({"scale": 0.0}, "SCALE is 0, which leaves no values"),
        ({"scale": float("nan")}, "SCALE is nan, which leaves no values"),
        ({"test_fraction": 0.6, "validation_fraction": 0.4}, "together less than 1"),
        ({"crs": "EPSG:32633"}, "CRS is given without EXTENT"),
        ({"crs": "nowhere", "extent": [0, 0, 1, 1]}, "CRS is 'nowhere', which is no coordinate"),
        ({"extent": [0, 0, 0, 1]}, "has no area"),
        ({"extent": [0, 0, float("inf"), 1]}, "has no area"),
        ({"wavelengths": "blue"}, "WAVELENGTHS is 'blue'; expected a range such as 400-2500"),
        ({"wavelengths": "b" * 5000}, "expected a range such as 400-2500"),
        ({"wavelengths": ", ".join(["400.125"] * 300)}, "has 300 wavelengths for 4 bands"),
        ({"wavelengths": "400, 500"}, "WAVELENGTHS has 2 wavelengths for 4 bands"),
        ({"wavelengths": "0, 1, 2, 3"}, "has 0, which is no wavelength"),
        ({"class_names": "a, b, c, d"}, ""),
        ({"output": ""}, "is an image; give OUTPUT"),
        ({"output": "", "output_reference": "", "output_chips": ""}, "nothing to write"),
    ],
)
def test_parameters_that_cannot_be(refused, tmp_path, rng, values, words):
    path = saved(tmp_path / "cube.npy", rng.random((9, 9, 4)))
    if "class_names" in values:  # only where there are classes
        np.save(tmp_path / "gt.npy", np.eye(9, dtype=int) * 5 + 2)
        values = {**values, "reference": str(tmp_path / "gt.npy"), "class_names": "a"}
        words = "CLASS_NAMES has 1 names (a) for 2 classes with the codes 2, 7"
    assert words in refused(path, **values)


def test_outputs_that_are_needed(refused, tmp_path, rng):
    path = saved(tmp_path / "gt.npy", np.eye(9, dtype=int))
    assert "is a label map; give OUTPUT_REFERENCE" in refused(path, output_reference="")
    np.savez(tmp_path / "s.npz", x=rng.random((30, 8)), y=np.arange(30) % 3)
    assert "holds samples; give OUTPUT_CHIPS" in refused(tmp_path / "s.npz", output_chips="")
    said = refused(tmp_path / "s.npz", extent=[0, 0, 1, 1])
    assert "samples have no place" in said
    np.savez(tmp_path / "w.npz", x=rng.random((30, 4, 4, 3)), y=np.arange(30) % 3)
    assert "have no pixel in their middle" in refused(tmp_path / "w.npz", kind="pixels")
    assert "FORMAT csv holds spectra" in refused(tmp_path / "w.npz", file_format="csv")


def test_files_that_are_something_else(refused, tmp_path, cube):
    assert "is not there" in refused(tmp_path / "no.mat")
    assert "is not there" in refused("n" * 5000)
    assert "is a folder" in refused(tmp_path)
    for name, head, words in (
        ("a.npy", b"II*\x00" + bytes(60), "is a TIFF, which QGIS opens"),
        ("a.dat", b"\x89PNG" + bytes(60), "is a PNG picture"),
        ("a.bin", bytes(60), "none of the formats that are read"),
        ("a.mat", b"not a matlab file" * 20, "cannot be read as a MATLAB file"),
        ("a.npz", b"PK\x03\x04" + bytes(60), "cannot be read as a numpy archive"),
        ("a.h5", b"\x89HDF\r\n\x1a\n" + bytes(600), "cannot be read as an HDF5 file"),
    ):
        (tmp_path / name).write_bytes(head)
        assert words in refused(tmp_path / name)


def test_a_reference_that_is_no_raster(refused, tmp_path, cube):
    np.save(tmp_path / "cube.npy", cube)
    (tmp_path / "gt.tif").write_text("no raster")
    assert "gt.tif" in refused(tmp_path / "cube.npy", reference=str(tmp_path / "gt.tif"))


def test_outputs_are_never_inputs(tmp_path, rng):
    np.save(tmp_path / "cube.npy", rng.random((9, 9, 4)))
    (tmp_path / "gt.tif").write_bytes(b"II*\x00")
    with pytest.raises(HsicnnError, match="both input and output"):
        import_scene(
            path=str(tmp_path / "cube.npy"),
            reference=str(tmp_path / "gt.tif"),
            output=str(tmp_path / "gt.tif"),
        )


@pytest.mark.parametrize("other", ["out.tif", "out.tiff", "link.tif"])
def test_image_and_label_map_are_files_of_their_own(tmp_path, cube, truth, other):
    """One would take the place of the other, or of its style."""
    np.savez(tmp_path / "s.npz", cube=cube, gt=truth)
    (tmp_path / "out.tif").write_bytes(b"what was there before")
    if other == "link.tif":
        (tmp_path / other).symlink_to(tmp_path / "out.tif")
    with pytest.raises(InputError, match="OUTPUT and OUTPUT_REFERENCE are the same file"):
        import_scene(
            path=str(tmp_path / "s.npz"),
            output=str(tmp_path / "out.tif"),
            output_reference=str(tmp_path / other),
        )
    assert (tmp_path / "out.tif").read_bytes() == b"what was there before"


@pytest.mark.parametrize("parameter", ["path", "reference", "test", "test_reference"])
def test_no_file_that_is_named_is_overwritten(tmp_path, rng, parameter):
    """Arrays are known by what they hold, so they may be called like a raster."""
    given = {}
    for name in ("path", "reference", "test", "test_reference"):
        place = tmp_path / f"{name}.tif"
        values = np.arange(30) % 3 if "reference" in name else rng.random((30, 8))
        with place.open("wb") as file:
            np.save(file, values)
        given[name] = str(place)
    before = Path(given[parameter]).read_bytes()
    with pytest.raises(HsicnnError, match="both input and output"):
        import_scene(**given, output_reference=given[parameter])
    assert Path(given[parameter]).read_bytes() == before


def test_a_chip_set_that_is_read_is_not_replaced(run, tmp_path, rng):
    """Neither by its own name nor through a link."""
    np.savez(tmp_path / "s.npz", x=rng.random((30, 8)), y=np.arange(30) % 3)
    folder = run(tmp_path / "s.npz", file_format="hdf5").folder / "chips"
    before = sorted((item.name, item.read_bytes()) for item in folder.iterdir())
    with pytest.raises(InputError, match=r"OUTPUT_CHIPS.*windows\.h5 in it is read"):
        import_scene(path=str(folder / "windows.h5"), output_chips=str(folder))
    (tmp_path / "linked.h5").symlink_to(folder / "windows.h5")
    with pytest.raises(InputError, match=r"OUTPUT_CHIPS.*linked\.h5 in it is read"):
        import_scene(path=str(tmp_path / "linked.h5"), output_chips=str(folder))
    assert sorted((item.name, item.read_bytes()) for item in folder.iterdir()) == before


def test_a_file_found_beside_the_input_is_not_overwritten(tmp_path, rng):
    """Its name is not known before the input was opened."""
    folder = tmp_path / "set"
    folder.mkdir()
    np.save(tmp_path / "x_train.npy", rng.random((30, 8)))
    with (tmp_path / "labels.tif").open("wb") as file:
        np.save(file, np.arange(30) % 3)
    (tmp_path / "y_train.npy").symlink_to(tmp_path / "labels.tif")
    before = (tmp_path / "labels.tif").read_bytes()
    with pytest.raises(HsicnnError, match="both input and output"):
        import_scene(
            path=str(tmp_path / "x_train.npy"),
            output_reference=str(tmp_path / "labels.tif"),
            output_chips=str(folder),
        )
    assert (tmp_path / "labels.tif").read_bytes() == before


def test_what_does_not_fit_in_memory_is_refused_before(refused, tmp_path, cube, monkeypatch):
    from hsicnn.core.importing import arrays
    from hsicnn.core.runtime.resources import FreeMemory

    scipy.io.savemat(tmp_path / "a.mat", {"cube": cube.astype(float)})
    monkeypatch.setattr(arrays, "free_memory", lambda: FreeMemory(50_000))
    said = refused(tmp_path / "a.mat", InputError)
    assert "'cube' of a.mat is read whole and takes 80 KiB of memory; 49 KiB are free" in said
    assert "-v7.3" in said


def test_a_full_disk_is_refused_before(refused, tmp_path, monkeypatch):
    from hsicnn.core.runtime import disk_space
    from hsicnn.core.runtime.resources import Disk

    np.save(tmp_path / "cube.npy", np.arange(64_000.0).reshape(40, 40, 40))
    np.savez(tmp_path / "s.npz", x=np.zeros((3000, 50)), y=np.arange(3000) % 3)
    monkeypatch.setattr(disk_space, "disk_of", lambda path: Disk(1, Path(path).parent, 100))
    said = refused(tmp_path / "cube.npy", layout="bands-last")
    assert "The disk is too small" in said
    assert "OUTPUT" in said
    assert "OUTPUT_CHIPS" in refused(tmp_path / "s.npz")


class Stops(Listener):
    """Cancels when it has been asked a number of times."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.left = after

    def check_cancel(self):
        self.left -= 1
        if self.left < 0:
            raise Cancelled


@pytest.mark.parametrize("after", [0, 1, 2])
@pytest.mark.parametrize("name", ["cube.npy", "s.npz", "t.csv"])
def test_a_cancelled_import_leaves_nothing(tmp_path, rng, name, after, monkeypatch):
    from hsicnn.core.importing import samples, tables

    monkeypatch.setattr(samples, "_BLOCK_BYTES", 100)
    monkeypatch.setattr(tables, "_CELLS", 30)
    np.save(tmp_path / "cube.npy", rng.random((600, 600, 2)))
    np.savez(tmp_path / "s.npz", x=rng.random((90, 4)), y=np.arange(90) % 3)
    lines = [f"{n},{n + 1},{n % 3}" for n in range(90)]
    table(tmp_path / "t.csv", "\n".join(["b1,b2,class", *lines]))
    folder = tmp_path / "out"
    folder.mkdir()
    monkeypatch.setattr("hsicnn.core.importing.scene._BLOCK_BYTES", 1 << 20)
    with pytest.raises(Cancelled):
        import_scene(
            path=str(tmp_path / name),
            layout="bands-last",
            output=str(folder / "i.tif"),
            output_reference=str(folder / "r.tif"),
            output_chips=str(folder / "c"),
            progress=Stops(after),
        )
    assert not list(folder.iterdir())


def test_progress_rises_to_the_end(run, tmp_path, rng):
    np.save(tmp_path / "cube.npy", rng.random((300, 300, 4)))
    np.savez(tmp_path / "s.npz", x=rng.random((90, 4)), y=np.arange(90) % 3)
    for name in ("cube.npy", "s.npz"):
        fractions = run(tmp_path / name, layout="bands-last").said.fractions
        assert fractions[-1] == 1.0
        assert all(before <= after for before, after in zip(fractions, fractions[1:]))

"""Files that are cut short or spoilt: imported, or refused in words that name the file."""

from __future__ import annotations

import os

import h5py
import numpy as np
import pytest
import scipy.io
from hsicnn.core.errors import HsicnnError
from hsicnn.core.importing.import_scene import import_scene

from .conftest import Listener

resource = pytest.importorskip("resource")

#: Spoilt copies of each file that are tried; more can be asked for.
TRIED = int(os.environ.get("HSICNN_SPOILT_ARRAYS", "60"))


def whole_files(folder) -> dict[str, bytes]:
    """Write one file of every kind and return their bytes."""
    from sklearn.datasets import dump_svmlight_file

    rng = np.random.default_rng(1)
    cube, gt = rng.integers(0, 999, (6, 5, 4)).astype(np.int16), rng.integers(0, 3, (6, 5))
    x, y = rng.random((12, 4)), np.arange(12) % 3
    names = np.array(["a", "b"], dtype=object)
    scipy.io.savemat(folder / "plain.mat", {"cube": cube, "gt": gt, "names": names})
    scipy.io.savemat(folder / "packed.mat", {"cube": cube, "gt": gt, "n": names},
        do_compression=True)  # fmt: skip
    scipy.io.savemat(folder / "four.mat", {"cube": gt.astype(float)}, format="4")
    np.save(folder / "cube.npy", cube)
    np.savez(folder / "set.npz", x=x, y=y)
    np.savez_compressed(folder / "small.npz", cube=cube, gt=gt)
    with h5py.File(folder / "scene.h5", "w") as file:
        file["cube"], file["gt"] = cube, gt
    with h5py.File(folder / "set.h5", "w") as file:
        file.create_dataset("x", data=x, compression="gzip", chunks=(5, 4))
        # No texts: HDF5's own library may not come back from a damaged list of them. The worker
        # that it runs in is ended when the user cancels.
        file["y"] = y
    dump_svmlight_file(x, y, str(folder / "set.svm"))
    lines = [",".join([*map(str, row), str(code)]) for row, code in zip(x, y)]
    (folder / "set.csv").write_text("\n".join(["wl_1,wl_2,wl_3,wl_4,class", *lines]))
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


NAMES = (
    *("plain.mat", "packed.mat", "four.mat", "cube.npy", "set.npz", "small.npz", "scene.h5"),
    *("set.h5", "set.svm", "set.csv"),
)


def attempt(folder, name: str, content: bytes) -> None:
    """Import what is there, or be refused; nothing else may happen."""
    path = folder / name
    path.write_bytes(content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    said = ""
    try:
        import_scene(
            path=str(path),
            layout="bands-last",
            output=str(folder / "i.tif"),
            output_reference=str(folder / "r.tif"),
            output_chips=str(folder / "c"),
            progress=Listener(),
        )
    except HsicnnError as error:
        said = str(error)
    assert len(said) < 3000
    assert "Traceback" not in said
    # In KiB; what a spoilt size asks for and nobody touches takes no memory.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 << 10
    assert not [item for item in folder.iterdir() if item.name.startswith(".")]


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    return whole_files(tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_cut_short(originals, tmp_path, name):
    content = originals[name]
    for length in np.linspace(0, len(content) - 1, TRIED // 2).astype(int):
        attempt(tmp_path, name, content[:length])


@pytest.mark.parametrize("name", NAMES)
def test_a_file_with_spoilt_bytes(originals, tmp_path, name):
    rng = np.random.default_rng(NAMES.index(name))
    for _ in range(TRIED):
        content = bytearray(originals[name])
        for place in rng.integers(0, len(content), rng.integers(1, 6)):
            content[place] = rng.choice([0, 1, 127, 128, 255, rng.integers(0, 256)])
        attempt(tmp_path, name, bytes(content))


@pytest.mark.parametrize("name", NAMES)
def test_a_file_with_a_spoilt_head(originals, tmp_path, name):
    """Where sizes and types stand."""
    rng = np.random.default_rng(100 + NAMES.index(name))
    for _ in range(TRIED):
        content = bytearray(originals[name])
        for place in rng.integers(0, min(len(content), 400), rng.integers(1, 4)):
            content[place] = rng.integers(0, 256)
        attempt(tmp_path, name, bytes(content))


@pytest.mark.parametrize("suffix", [".mat", ".npy", ".npz", ".h5", ".svm", ".csv"])
def test_garbage(tmp_path, suffix):
    rng = np.random.default_rng(5)
    for length in (1, 7, 200, 3000):
        attempt(tmp_path, f"garbage{suffix}", rng.bytes(length))
        attempt(tmp_path, f"text{suffix}", bytes(rng.integers(32, 127, length).astype(np.uint8)))


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (145, 8, "a variable ends before its values|unknown type"),  # said to be complex
        (184, 77, "values have the unknown type"),
        (152, 9, "a part of a variable has the type 9 instead of 5"),
        (128, 3, "a variable has the unknown type 3"),
        (134, 9, "bytes are missing at its end"),
    ],
)
def test_tags_of_matlab_that_scipy_would_trust(tmp_path, place, value, words):
    """Some of these end the process where scipy meets them."""
    from hsicnn.core.errors import InputError

    path = tmp_path / "plain.mat"
    scipy.io.savemat(path, {"cube": np.ones((6, 5, 4), np.int16)})
    content = bytearray(path.read_bytes())
    content[place] = value
    path.write_bytes(bytes(content))
    with pytest.raises(InputError, match=words):
        import_scene(path=str(path), output=str(tmp_path / "i.tif"))

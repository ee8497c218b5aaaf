from __future__ import annotations

from dataclasses import replace

import h5py
import numpy as np
import pytest
from hsicnn.core.accuracy.truth import truth_of_chip_set
from hsicnn.core.data.chips import read_chip_set
from hsicnn.core.data.classes import ClassInfo
from hsicnn.core.data.pixel_loading import load_pixels
from hsicnn.core.data.splits import Split
from hsicnn.core.data.window_set import WindowContent, write_window_set
from hsicnn.core.errors import Cancelled, ChipSetError
from hsicnn.core.progress import SilentProgress
from hsicnn.core.raster.bands import Band

from .conftest import Said, make_grid

COUNT, BANDS = 40, 3


def content(side, kind="pixels", **more):
    """What forty windows are, of two classes; the last eight are tested."""
    codes = np.where(np.arange(COUNT) < 32, 1, 3).astype(np.uint8)
    groups = np.zeros(COUNT, np.int32)
    given = {
        "source_name": "train.mat",
        "source_path": "/data/train.mat",
        "bands": tuple(Band(n + 1, f"band {n + 1}", 500.0 + n, 1.0) for n in range(BANDS)),
        "classes": (ClassInfo(5, "corn", "#102030"), ClassInfo(7, "oats", "#405060")),
        "dtype": "float32",
        "side": side,
        "kind": kind,
        "labels": (1 + np.arange(COUNT) % 2).astype(np.uint16),
        "split": Split(codes, groups, "given", 0, 0, 0),
    }
    return WindowContent(**{**given, **more})


def windows(side, parts=(13, 27)):
    random = np.random.default_rng(3)
    values = random.random((COUNT, side, side, BANDS)).astype(np.float32)
    return values, np.split(values, np.cumsum(parts)[:-1])


@pytest.mark.parametrize(
    ("side", "kind", "storage"),
    [
        (1, "pixels", "csv"),
        (1, "pixels", "libsvm"),
        (1, "pixels", "geotiff"),
        (5, "pixels", "hdf5"),
        (28, "scenes", "hdf5"),
        (28, "scenes", "geotiff"),
    ],
)
def test_windows_without_a_place_come_back(tmp_path, side, kind, storage):
    values, parts = windows(side)
    given = content(side, kind)
    info = write_window_set(
        tmp_path / "set", given, parts, storage=storage, notes=["as given"],
        progress=SilentProgress(),
    )  # fmt: skip
    assert info == read_chip_set(tmp_path / "set")
    assert (info.kind, info.placed, info.halo) == (kind, False, (side - 1) // 2)
    assert (info.location_only, info.leak, info.notes) == (None, (), ("as given",))
    assert info.counts["train"] == [16, 16]
    assert info.counts["test"] == [4, 4]
    store = load_pixels(info, memory_bytes=1 << 30, progress=SilentProgress())
    np.testing.assert_array_equal(store.label, given.labels)
    np.testing.assert_array_equal(store.split, given.split.codes)
    patches = store.values[store.patch_index(np.arange(COUNT), info.halo)]
    whole, low = 2 * info.halo + 1, side // 2 - info.halo
    expected = values[:, low : low + whole, low : low + whole]
    np.testing.assert_array_equal(patches.reshape(COUNT, whole, whole, BANDS), expected)


def test_places_give_the_leak_and_what_location_knows(tmp_path):
    _, parts = windows(3)
    rows = np.arange(COUNT, dtype=np.int32)
    given = content(3, grid=make_grid(50, 50), rows=rows, cols=rows)
    info = write_window_set(tmp_path / "set", given, parts, progress=SilentProgress())
    assert info.placed
    assert info.location_only == 0.5  # the last training pixel is of one of two classes
    assert info.leak_at(1).test_centres_inside == 1 / 8
    truth = truth_of_chip_set(str(tmp_path / "set"), "test", SilentProgress())
    assert truth.rows[truth.assessed].tolist() == rows[32:].tolist()


def test_no_map_is_assessed_on_samples_without_a_place(tmp_path):
    _, parts = windows(1)
    write_window_set(tmp_path / "set", content(1), parts, progress=SilentProgress())
    with pytest.raises(ChipSetError, match="have no place on a raster"):
        truth_of_chip_set(str(tmp_path / "set"), "test", SilentProgress())


def test_a_changed_pixel_at_a_scene_s_edge_is_noticed(tmp_path):
    _, parts = windows(8)
    info = write_window_set(
        tmp_path / "set", content(8, "scenes"), parts, storage="hdf5", progress=SilentProgress()
    )
    with h5py.File(tmp_path / "set" / "windows.h5", "r+") as file:
        file["windows"][3, 0, 0, 0] += 1
    with pytest.raises(ChipSetError, match="no longer those"):
        load_pixels(info, memory_bytes=1 << 30, progress=SilentProgress())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "tiles"}, "kind"),
        ({"side": 4}, "even window"),
        ({"rows": np.arange(COUNT)}, "belong together"),
        ({"labels": np.ones(3, np.uint16)}, "other samples"),
    ],
)
def test_what_does_not_fit_together_is_refused(tmp_path, change, words):
    _, parts = windows(3)
    with pytest.raises(ValueError, match=words):
        write_window_set(
            tmp_path / "set", replace(content(3), **change), parts, progress=SilentProgress()
        )


@pytest.mark.parametrize("parts", [(13,), (13, 26, 5), (13, 27, 1)])
def test_too_few_or_too_many_windows_are_refused(tmp_path, parts):
    values, _ = windows(3)
    given = np.array_split(np.concatenate([values, values])[: sum(parts)], len(parts))
    with pytest.raises(ValueError, match="windows"):
        write_window_set(tmp_path / "set", content(3), given, progress=SilentProgress())
    assert not list(tmp_path.iterdir())


def test_cancelling_leaves_what_was_there(tmp_path):
    _, parts = windows(3)
    write_window_set(tmp_path / "set", content(3), parts, progress=SilentProgress())
    before = (tmp_path / "set" / "chips.json").read_text()
    with pytest.raises(Cancelled):
        write_window_set(
            tmp_path / "set", content(3), iter(parts[::-1]), progress=Said(cancel_after=1)
        )
    assert (tmp_path / "set" / "chips.json").read_text() == before
    assert [path.name for path in tmp_path.iterdir()] == ["set"]

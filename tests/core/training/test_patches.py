from __future__ import annotations

import dataclasses
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from hsicnn.core.data.normalisation import fit_normalisation  # noqa: E402
from hsicnn.core.data.separation import TRAIN  # noqa: E402
from hsicnn.core.errors import ChipSetError  # noqa: E402
from hsicnn.core.progress import SilentProgress  # noqa: E402
from hsicnn.core.training.objectives import UNKNOWN  # noqa: E402
from hsicnn.core.training.patches import (  # noqa: E402
    PatchSource,
    Samples,
    cells_of,
    samples_of,
    symmetric_offsets,
)
from pixels import HALO, small_store  # noqa: E402


def source_of(store, radius=2, margin=0, memory=1 << 30, kind="band"):
    fitted = fit_normalisation(kind, store.physical(store.index))
    return fitted, PatchSource(
        store,
        fitted,
        radius,
        margin=margin,
        device=torch.device("cpu"),
        memory_bytes=memory,
        progress=SilentProgress(),
    )


def image_of(store, fitted):
    side = int(store.stride[0])
    values = fitted.apply(store.physical(np.arange(len(store.values))))
    values[~store.valid] = 0
    return values.reshape(side, side, -1)


@pytest.mark.parametrize("kind", ["band", "pca"])
@pytest.mark.parametrize("memory", [1 << 30, 0], ids=["in memory", "mapped"])
def test_a_patch_is_the_image_around_its_centre(memory, kind):
    store = small_store()
    store.valid[::11] = False
    fitted, source = source_of(store, memory=memory, kind=kind)
    image = image_of(store, fitted)
    samples = samples_of(store, TRAIN)
    patches = source.gather(samples.index[:40], samples.stride[:40])
    assert patches.shape == (40, fitted.outputs, 5, 5)
    assert patches.is_contiguous(memory_format=torch.channels_last)
    for number in range(40):
        row, col = store.row[number] + HALO, store.col[number] + HALO
        expected = image[row - 2 : row + 3, col - 2 : col + 3].transpose(2, 0, 1)
        np.testing.assert_allclose(patches[number].numpy(), expected, atol=1e-4)


def test_both_stores_share_the_memory_that_is_allowed(monkeypatch, tmp_path):
    store = small_store()
    both = 2 * store.values.nbytes  # float32 bands become as many float32 inputs
    usage = shutil.disk_usage(".")._replace(free=0)
    monkeypatch.setattr("hsicnn.core.data.pixel_room.shutil.disk_usage", lambda _: usage)
    source_of(store, memory=both)
    with pytest.raises(ChipSetError, match="temporary folder"):
        source_of(store, memory=both - 1)
    # Raw pixels on disk leave all of it to the normalised ones.
    raw = np.memmap(tmp_path / "raw", store.values.dtype, mode="w+", shape=store.values.shape)
    raw[:] = store.values
    source_of(dataclasses.replace(store, values=raw), memory=both // 2)


def test_the_eight_symmetries_are_all_different_and_keep_the_centre():
    offsets = symmetric_offsets(1)
    assert offsets.shape == (8, 9, 2)
    assert len({view.tobytes() for view in offsets}) == 8
    assert (offsets[:, 4] == 0).all()
    assert symmetric_offsets(0).shape == (8, 1, 2)


def test_turned_patches_and_targets_turn_together():
    store = small_store()
    fitted, source = source_of(store, radius=1, margin=2)
    samples = samples_of(store, TRAIN)
    which = torch.tensor([100, 100])
    patches, targets = source.draw(samples, which, torch.tensor([0, 3]))
    assert patches.shape == (2, fitted.outputs, 7, 7)
    assert targets.shape == (2, 5, 5)
    turned = torch.rot90(patches[0], 3, (1, 2)), torch.rot90(targets[0], 3, (0, 1))
    assert torch.equal(patches[1], turned[0])
    assert torch.equal(targets[1], turned[1])
    assert int(targets[0, 2, 2]) == int(samples.target[100])


def test_targets_hold_training_labels_only():
    store = small_store()
    codes = store.split.copy()
    codes[store.row % 2 == 1] = 0
    store = dataclasses.replace(store, split=codes)
    _, source = source_of(store, radius=1, margin=2)
    samples = samples_of(store, TRAIN)
    one = int(np.flatnonzero((store.row == 6) & (store.col == 6) & (codes == TRAIN))[0])
    here = Samples(
        torch.tensor([int(store.index[one])]),
        torch.tensor([int(store.stride[one])]),
        torch.tensor([0]),
        torch.tensor([6]),
        torch.tensor([6]),
    )
    _, targets = source.draw(here, torch.tensor([0]), torch.tensor([0]))
    labels = targets[0].numpy()
    assert (labels[[1, 3]] == UNKNOWN).all()  # rows 5 and 7 are not trained on
    assert (labels[[0, 2, 4]] != UNKNOWN).all()
    assert len(samples) == int((codes == TRAIN).sum())


def test_samples_predicted_in_cells_get_what_they_get_one_by_one():
    from hsicnn.core.training.validation import predict
    from hsicnn.models.build import build

    store = small_store()
    fitted, source = source_of(store, radius=2)
    torch.manual_seed(1)
    network = build("multiscale", fitted.outputs, 3, {"patch_size": 5, "members": 1}).eval()
    samples = samples_of(store, TRAIN)
    cells = cells_of(samples, 2, HALO)
    assert cells.margin == 1  # dense labels: squares save work
    together = predict(network, source, samples, SilentProgress())
    with torch.inference_mode():
        alone = network(source.gather(samples.index, samples.stride)).flatten(1)
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def test_scattered_samples_are_predicted_one_by_one():
    store = small_store()
    codes = np.zeros_like(store.split)
    codes[(store.row % 7 == 0) & (store.col % 7 == 0)] = TRAIN
    scattered = samples_of(dataclasses.replace(store, split=codes), TRAIN)
    cells = cells_of(scattered, 2, HALO)
    assert cells.margin == 0
    assert len(cells.index) == len(scattered)

"""Checkpoints: a training goes on from one to the bit, and each is a model."""

from __future__ import annotations

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from hsicnn.core.errors import Cancelled, HsicnnError, ModelFileError  # noqa: E402
from hsicnn.core.modelfile.bundle import load_bundle  # noqa: E402
from hsicnn.core.modelfile.network import network_of  # noqa: E402
from hsicnn.core.modelfile.schema import CHECKPOINT, HEADER  # noqa: E402
from hsicnn.core.modelfile.summary import describe  # noqa: E402
from hsicnn.core.progress import SilentProgress  # noqa: E402
from hsicnn.core.training.checkpoints import (  # noqa: E402
    RESUME,
    _checksum,
    checkpoint_path,
    recorded_threads,
    resume_from,
    save_checkpoint,
)
from hsicnn.core.training.loop import train  # noqa: E402
from hsicnn.core.training.optimisers import make_optimiser  # noqa: E402
from hsicnn.core.training.state import TrainingState  # noqa: E402
from hsicnn.models.build import build  # noqa: E402
from lessons import QUIET, make, model_of, settings  # noqa: E402
from safetensors import safe_open  # noqa: E402
from safetensors.numpy import save_file  # noqa: E402


class Listener(SilentProgress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text):
        self.lines.append(text)

    warn = log


def save(path, state, chosen, job="job"):
    save_checkpoint(path, state, job, model_of(state, chosen))


def trained(path, chosen, epochs=1):
    """Train some epochs, as far as the checkpoint that is then there."""
    state, lesson = make(chosen)

    def stop(now):
        save(path, now, chosen)
        if now.epoch == epochs:
            raise Cancelled

    with pytest.raises(Cancelled):
        train(state, lesson, QUIET, stop)
    return state


def rewrite(path, change_record=None, change_arrays=None, drop=()) -> None:
    """Write a checkpoint again with something changed."""
    with safe_open(str(path), framework="np") as file:
        texts = file.metadata()
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if change_record:
        record = json.loads(texts[CHECKPOINT])
        change_record(record)
        texts[CHECKPOINT] = json.dumps(record)
    if change_arrays:
        change_arrays(arrays)
    save_file(arrays, str(path), metadata={k: v for k, v in texts.items() if k not in drop})


def timeless(history):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history]


@pytest.fixture
def path(tmp_path):
    return checkpoint_path(str(tmp_path / "model.safetensors"))


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"averaging": 0.9, "noise": 0.1, "mixup": 0.3, "brightness": 0.1},
        {"noise": 0.1, "noise_limit": 0.2, "class_mixup": 0.3, "band_dropout": 0.2},
        {"schedule": "multi-step", "optimiser": "sgd", "keep": "last"},
        {"schedule": "plateau", "plateau_patience": 1, "averaging": 0.9, "accumulate": 3},
        {"schedule": "inverse-time", "optimiser": "sgd", "momentum": 0.0, "rate_decay": 0.1},
        {"schedule": "cosine", "optimiser": "adam", "accumulate": 2, "longest_epoch": 5},
        {"schedule": "constant", "loss": "focal-tversky", "clip": 0.0, "checkpoint": "best"},
        {"precision": "bfloat16", "loss": "squared-error", "nesterov": False, "optimiser": "sgd"},
        {"architecture": "etrainee_1d", "epochs": 3},
        {"architecture": "indian_pines_3d", "epochs": 3, "batch_size": 8},
        {"architecture": "indian_pines_3d", "epochs": 3, "batch_size": 8, "averaging": 0.9},
    ],
)
def test_resumed_equals_uninterrupted_to_the_bit(extra, path):
    chosen = settings(**extra)
    whole, lesson = make(chosen)
    train(whole, lesson, QUIET, lambda _: None)

    half = chosen.epochs // 2
    trained(path, chosen, half)
    second, lesson = make(chosen)
    assert resume_from(path, second, "job", QUIET)
    assert second.epoch == half
    train(second, lesson, QUIET, lambda _: None)
    assert whole.best_epoch == second.best_epoch
    assert whole.best_figures == second.best_figures
    for name, value in whole.best.items():
        assert torch.equal(value, second.best[name]), name
        assert value.stride() == second.best[name].stride(), name
    assert timeless(whole.history) == timeless(second.history)


@pytest.mark.parametrize("keep", ["best", "last"])
@pytest.mark.parametrize("architecture", ["multiscale", "indian_pines_3d"])
def test_a_checkpoint_is_a_model_with_the_weights_to_keep(path, architecture, keep):
    chosen = settings(architecture=architecture, epochs=5, batch_size=8, keep=keep)
    state = trained(path, chosen, 3)
    bundle = load_bundle(str(path))
    assert (bundle.checkpoint.epoch, bundle.checkpoint.epochs) == (3, 5)
    assert bundle.metrics == {"kept_epoch": state.kept_epoch}
    kept = network_of(bundle).state_dict()
    assert kept.keys() == state.best.keys()
    for name, value in state.best.items():
        assert torch.equal(kept[name], value), name
    assert [row["epoch"] for row in bundle.history] == [0.0, 1.0, 2.0, 3.0]
    assert "checkpoint after epoch 3 of 5" in describe(bundle)[0]


def test_a_checkpoint_of_another_job_is_not_used(path):
    chosen = settings()
    trained(path, chosen)
    fresh, _ = make(chosen)
    listener = Listener()
    assert not resume_from(path, fresh, "another job", listener)
    assert "other samples or settings" in listener.lines[0]
    assert recorded_threads(path, "another job") == 0
    assert recorded_threads(path, "job") == torch.get_num_threads()
    path.unlink()
    assert not resume_from(path, fresh, "job", QUIET)
    assert recorded_threads(path, "job") == 0


def flip(arrays):
    next(array for name, array in arrays.items() if name.startswith("resume/optimiser"))[...] += 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:100]),
        lambda path: path.write_bytes(b""),
        lambda path: rewrite(path, change_arrays=flip),
        lambda path: rewrite(path, change_arrays=lambda a: a.pop("weights/spectral.weight")),
        lambda path: rewrite(path, change_record=lambda r: r.update(micro_batch=1)),
        lambda path: rewrite(path, change_record=lambda r: r.pop("checksum")),
        lambda path: rewrite(path, change_record=lambda r: r.update(epoch="2")),
        lambda path: rewrite(path, change_record=lambda r: r.update(epochs=None)),
    ],
)
def test_a_damaged_checkpoint_is_told_and_not_used(path, damage):
    chosen = settings()
    trained(path, chosen)
    damage(path)
    fresh, _ = make(chosen)
    before = {name: value.clone() for name, value in fresh.network.state_dict().items()}
    listener = Listener()
    assert not resume_from(path, fresh, "job", listener)
    assert "is damaged and was not used: training starts afresh" in listener.lines[0]
    assert fresh.epoch == 0
    assert all(
        torch.equal(value, before[name]) for name, value in fresh.network.state_dict().items()
    )


def sealed(path, change):
    """Change what a checkpoint says of its training, with a checksum that fits."""

    def with_checksum(record):
        change(record)
        record.pop("checksum")
        with safe_open(str(path), framework="np") as file:
            names = [name for name in file.keys() if name.startswith(RESUME)]  # noqa: SIM118
            arrays = {name[len(RESUME) :]: file.get_tensor(name) for name in names}
        record["checksum"] = _checksum(record, arrays)

    rewrite(path, with_checksum)


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record.pop("micro_batch"),
        lambda record: record.update(kept_epoch=None),
        lambda record: record.update(best_figures=[3]),
        lambda record: record.update(epoch=float("inf")),
        lambda record: record.update(groups=[]),
        lambda record: record.update(groups=[1, 2]),
    ],
)
def test_a_training_that_starts_afresh_takes_nothing_from_the_checkpoint(path, change):
    chosen = settings()
    trained(path, chosen)
    sealed(path, change)
    fresh, _ = make(chosen)
    before = {name: value.clone() for name, value in fresh.network.state_dict().items()}
    listener = Listener()
    assert not resume_from(path, fresh, "job", listener)
    assert "is damaged and was not used: training starts afresh" in listener.lines[0]
    assert (fresh.epoch, fresh.history, fresh.best) == (0, [], {})
    after = fresh.network.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert not fresh.optimiser.state_dict()["state"]


def test_a_checkpoint_of_an_earlier_version_is_told_apart(path):
    """Version 1 held no model: only the network, the average, the best weights, the optimiser."""
    save_file(
        {"network/weight": np.zeros(3, np.float32), "best/weight": np.zeros(3, np.float32)},
        str(path),
        metadata={CHECKPOINT: json.dumps({"version": 1, "job": "job", "epoch": 4})},
    )
    fresh, _ = make(settings())
    listener = Listener()
    assert not resume_from(path, fresh, "job", listener)
    assert "another version of hsicnn and was not used" in listener.lines[0]
    with pytest.raises(ModelFileError, match=r"checkpoint of an earlier version .* Train again"):
        load_bundle(str(path))


@pytest.mark.parametrize(
    ("change", "drop", "expected"),
    [
        (lambda r: r.update(epoch=-1), (), "after epoch -1 of 6"),
        (lambda r: r.update(epochs=True), (), "'epochs' .* should be a whole number; it is True"),
        (lambda r: r.pop("epochs"), (), "lacks epochs"),
        (lambda r: r.update(epochs=10**30), (), "number of 31 digits"),
        (None, (CHECKPOINT,), r"holds 'resume/.*', which is no part"),
        (None, (HEADER,), "earlier version"),
    ],
)
def test_a_checkpoint_that_is_no_model(path, change, drop, expected):
    trained(path, settings())
    rewrite(path, change, drop=drop)
    with pytest.raises(ModelFileError, match=expected):
        load_bundle(str(path))


def test_a_checkpoint_of_another_network_is_not_used(path):
    trained(path, settings())
    other = build("multiscale", 12, 3, {"patch_size": 5, "width": 4, "hidden": 16})
    fresh = TrainingState(other, make_optimiser(other, settings()))
    before = {name: value.clone() for name, value in other.state_dict().items()}
    listener = Listener()
    assert not resume_from(path, fresh, "job", listener)
    assert "another network" in listener.lines[0]
    assert all(torch.equal(value, before[name]) for name, value in other.state_dict().items())


def test_a_checkpoint_that_cannot_be_written_keeps_the_earlier_one(path, monkeypatch):
    chosen = settings()
    state = trained(path, chosen)
    before = path.read_bytes()

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hsicnn.core.modelfile.container.os.fsync", full)
    with pytest.raises(HsicnnError, match="No space left"):
        save(path, state, chosen)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_checkpoint_is_whole_at_every_moment(path):
    """Somebody classifies with it while the training goes on."""
    chosen = settings()
    state = trained(path, chosen)
    seen: list[int] = []
    ended = threading.Event()

    def read():
        while not ended.is_set():
            seen.append(load_bundle(str(path)).checkpoint.epoch)

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        for epoch in range(2, 30):
            state.epoch = epoch
            save(path, state, chosen)
        ended.set()
        reading.result()
    assert seen == sorted(seen)
    assert len(set(seen)) > 1


def test_a_checkpoint_that_is_being_read_is_replaced_a_moment_later(path, monkeypatch):
    """What Windows does while somebody reads the file."""
    from hsicnn.core.modelfile import container

    chosen = settings()
    state = trained(path, chosen)
    refusals = iter([True, True, False])
    replace = Path.replace

    def busy(self, target):
        if next(refusals):
            raise PermissionError(13, "in use")
        return replace(self, target)

    monkeypatch.setattr(container.Path, "replace", busy)
    monkeypatch.setattr(container, "PAUSE", 0.0)
    monkeypatch.setattr(container, "TRIES", 2)
    before = path.read_bytes()
    with pytest.raises(HsicnnError, match="in use"):
        save(path, state, chosen)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
    refusals = iter([True, False])
    state.epoch = 5
    save(path, state, chosen)
    assert load_bundle(str(path)).checkpoint.epoch == 5

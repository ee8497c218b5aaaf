"""Checkpoints: a training run written down after every epoch, to go on from.

A checkpoint is a model file, of the weights that would be kept if the training ended there,
with what the training needs to go on beside them: arrays below ``resume/`` and the item
``hsicnn_checkpoint`` of the metadata.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..disk import room_left
from ..errors import HsicnnError, ModelFileError, reason
from ..modelfile.bundle import ModelBundle, pack, unpack
from ..modelfile.container import read_container, write_container
from ..modelfile.schema import CHECKPOINT, HEADER
from ..progress import Progress
from ..stored_json import read_json
from .rate_finder import TRIAL
from .state import TrainingState, Weights

if TYPE_CHECKING:
    from torch import Tensor

Array = npt.NDArray[Any]
VERSION = 3
RESUME = "resume/"
COUNTS = ("epoch", "kept_epoch", "best_epoch", "micro_batch", "reductions", "reduced_epoch")


def checkpoint_path(output: str) -> Path:
    """Return where the checkpoint of a model file lies: beside it."""
    return Path(f"{output}.checkpoint.safetensors")


def save_checkpoint(path: Path, state: TrainingState, job: str, model: ModelBundle) -> None:
    """Write a checkpoint and replace the earlier one in one step.

    Args:
        path: of the checkpoint.
        state: after a whole epoch.
        job: hash of the run it belongs to.
        model: the weights to keep so far, with the history.

    Raises:
        HsicnnError: where it cannot be written; the earlier checkpoint stays.
    """
    import torch

    header, arrays = pack(model, path.name)
    optimiser = state.optimiser.state_dict()
    resume = _state_arrays(state, optimiser["state"])
    record: dict[str, Any] = {
        "version": VERSION,
        "job": job,
        "threads": torch.get_num_threads(),
        **{name: getattr(state, name) for name in COUNTS},
        "epochs": model.settings["epochs"],
        "best_figures": state.best_figures,
        "groups": optimiser["param_groups"],
    }
    record["checksum"] = _checksum(record, resume)
    texts = {HEADER: header, CHECKPOINT: json.dumps(record)}
    stored = {f"{RESUME}{name}": array for name, array in resume.items()}
    try:
        write_container(path, {**arrays, **stored}, texts)
    except OSError as error:
        earlier = " The checkpoint of the epoch before is still there." if path.exists() else ""
        raise HsicnnError(
            f"The checkpoint {path} cannot be written: {error.strerror or error}. Its disk has "
            f"{room_left(path)}. The training stopped.{earlier} Free some space, or choose another "
            "folder for the model (OUTPUT), and start again."
        ) from error


def recorded_threads(path: Path, job: str) -> int:
    """Return the thread count of a run's checkpoint, 0 where there is none of this run.

    Sums depend on how many threads share them: a run goes on with the count it began with.
    """
    try:
        texts, _, _ = read_container(path, lambda _: False)
        record = _record(texts)
        return int(record["threads"]) if record["job"] == job else 0
    except (ModelFileError, KeyError, TypeError, ValueError):
        return 0


def use_threads(count: int) -> None:
    """Compute with this many threads; 0 leaves the number as it is."""
    import torch

    if count:
        torch.set_num_threads(count)


def resume_from(path: Path, state: TrainingState, job: str, progress: Progress) -> bool:
    """Go on from a checkpoint where there is one of the same run.

    Args:
        path: of the checkpoint.
        state: a fresh one; filled in place.
        job: hash of the run that wants to go on.
        progress: told what was found.

    Returns:
        Whether the state was filled.
    """
    if not path.exists():
        return False
    afresh = "was not used: training starts afresh."
    try:
        texts, names, arrays = read_container(path)
        record = _record(texts)
        if record["version"] != VERSION:
            progress.warn(f"{path.name} is of another version of hsicnn and {afresh}")
            return False
        if record["job"] != job:
            progress.log(
                f"{path.name} belongs to a training with other samples or settings and {afresh}"
            )
            return False
        model, resume = unpack(texts, names, arrays, path.name), _part(arrays, RESUME)
        if record.pop("checksum") != _checksum(record, resume):
            raise ModelFileError("its content does not match its checksum")
        if not _fits(state, model, resume):
            progress.log(f"{path.name} is of another network and {afresh}")
            return False
        _fill(state, record, model, resume)
    except (ModelFileError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        progress.warn(f"{path.name} is damaged and {afresh} ({reason(error)})")
        return False
    progress.log(f"Going on after epoch {state.epoch} of {path.name}.")
    return True


def _state_arrays(state: TrainingState, moments: Mapping[int, Any]) -> dict[str, Array]:
    """All numbers of a state but the weights to keep, which are the model's."""
    import torch

    found: dict[str, Tensor] = {}
    parts: Mapping[str, Weights] = {"network": state.network.state_dict(), "average": state.average}
    for part, weights in parts.items():
        found.update({f"{part}/{name}": value for name, value in weights.items()})
    for number, values in moments.items():
        for name, value in values.items():
            found[f"optimiser/{number}/{name}"] = torch.as_tensor(value)
    return {name: value.detach().cpu().numpy() for name, value in found.items()}


def _record(texts: Mapping[str, str]) -> dict[str, Any]:
    """What a checkpoint says of its training, of whatever version."""
    return dict(read_json(texts[CHECKPOINT], finite=False))


def _checksum(record: Mapping[str, Any], resume: Mapping[str, Array]) -> int:
    """A checksum that tells damage; the model beside it has its own."""
    total = zlib.crc32(json.dumps(record).encode())
    for name in sorted(resume):
        total = zlib.crc32(name.encode(), total)
        total = zlib.crc32(np.asarray(resume[name], order="C").data, total)
    return total


def _fits(state: TrainingState, model: ModelBundle, resume: Mapping[str, Array]) -> bool:
    """Whether weights are those of the network in training."""
    own = {name: tuple(value.shape) for name, value in state.network.state_dict().items()}
    found = [model.weights, _part(resume, "network/"), _part(resume, "average/")]
    return all(
        {name: array.shape for name, array in weights.items()} == own
        for weights in found
        if weights or weights is not found[-1]
    )


def _fill(
    state: TrainingState,
    record: Mapping[str, Any],
    model: ModelBundle,
    resume: Mapping[str, Array],
) -> None:
    """Make a fresh state the one that was saved, in the same layout of memory.

    In another layout kernels may round otherwise.
    """
    own = state.network.state_dict()
    moments: dict[int, dict[str, Tensor]] = {}
    learnt = [weight for group in state.optimiser.param_groups for weight in group["params"]]
    for name, array in _part(resume, "optimiser/").items():
        number, key = name.split("/", 1)
        moments.setdefault(int(number), {})[key] = _like(learnt[int(number)], array)
    counts = {name: int(record[name]) for name in COUNTS}
    trial = model.metrics.get(TRIAL, {})
    figures, history = dict(record["best_figures"]), [dict(row) for row in model.history]
    # What can fail is over before anything of the state but its optimiser changes.
    state.optimiser.load_state_dict({"state": moments, "param_groups": record["groups"]})
    state.network.load_state_dict(_weights(own, _part(resume, "network/")))
    state.average = _weights(own, _part(resume, "average/"))
    state.best = _weights(own, model.weights)
    state.best_figures, state.history, state.trial = figures, history, trial
    for name, count in counts.items():
        setattr(state, name, count)


def _weights(own: Weights, arrays: Mapping[str, Array]) -> Weights:
    return {name: _like(own[name], array) for name, array in arrays.items()}


def _like(pattern: Tensor, array: Array) -> Tensor:
    """Return an array as a tensor in the layout and on the device of another of its shape."""
    import torch

    values = torch.from_numpy(np.array(array))
    if values.shape != pattern.shape:
        return values
    return torch.empty_like(pattern, dtype=values.dtype).copy_(values)


def _part(arrays: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    return {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}

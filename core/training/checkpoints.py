"""Checkpoints: a training run written down after every epoch, to go on from."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import HsicnnError
from ..progress import Progress
from .loop import TrainingState

if TYPE_CHECKING:
    from torch import Tensor

VERSION = 1
HEADER = "hsicnn_checkpoint"


def checkpoint_path(output: str) -> Path:
    """Return where the checkpoint of a model file lies: beside it."""
    return Path(f"{output}.checkpoint.safetensors")


def job_hash(**what: Any) -> str:
    """Return a hash of everything that must be equal for a run to go on where it stopped."""
    text = json.dumps(what, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def save_checkpoint(path: Path, state: TrainingState, job: str) -> None:
    """Write a checkpoint and replace the earlier one in one step.

    Args:
        path: of the checkpoint.
        state: after a whole epoch.
        job: hash of the run it belongs to.

    Raises:
        HsicnnError: where it cannot be written; the earlier checkpoint stays.
    """
    import torch
    from safetensors.torch import save

    tensors: dict[str, Tensor] = {}
    parts: Mapping[str, Mapping[str, Tensor]] = {
        "network": state.network.state_dict(),
        "average": state.average,
        "best": state.best,
    }
    for part, weights in parts.items():
        for name, value in weights.items():
            # A copy each: safetensors refuses tensors that share memory.
            tensors[f"{part}/{name}"] = value.detach().cpu().clone().contiguous()
    optimiser = state.optimiser.state_dict()
    for number, values in optimiser["state"].items():
        for name, value in values.items():
            tensors[f"optimiser/{number}/{name}"] = _tensor(value)
    header = {
        "version": VERSION,
        "job": job,
        "threads": torch.get_num_threads(),
        "epoch": state.epoch,
        "kept_epoch": state.kept_epoch,
        "best_epoch": state.best_epoch,
        "best_figures": state.best_figures,
        "history": state.history,
        "micro_batch": state.micro_batch,
        "groups": optimiser["param_groups"],
    }
    content = save(tensors, metadata={HEADER: json.dumps(header)})
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise HsicnnError(
            f"The checkpoint {path} cannot be written: {error.strerror or error}. The training "
            "stopped; the earlier checkpoint is still there. Free some space, or choose another "
            "folder for the model, and start again."
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def recorded_threads(path: Path, job: str) -> int:
    """Return the thread count of a run's checkpoint, 0 where there is none of this run.

    Sums depend on how many threads share them: a run goes on with the count it began with.
    """
    header, _ = _read(path) if path.exists() else (None, {})
    return int(header.get("threads", 0)) if header and header.get("job") == job else 0


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
    header, tensors = _read(path)
    if header is None:
        progress.warn(f"{path.name} is damaged and was not used: training starts afresh.")
        return False
    if header.get("version") != VERSION or header.get("job") != job:
        progress.log(
            f"{path.name} belongs to a training with other samples or settings: "
            "training starts afresh."
        )
        return False
    weights = _part(tensors, "network")
    own = state.network.state_dict()
    if {name: value.shape for name, value in own.items()} != {
        name: value.shape for name, value in weights.items()
    }:
        progress.log(f"{path.name} is of another version: training starts afresh.")
        return False
    state.network.load_state_dict(weights)
    device = next(state.network.parameters()).device
    state.average = {name: value.to(device) for name, value in _part(tensors, "average").items()}
    state.best = {name: value.to(device) for name, value in _part(tensors, "best").items()}
    numbered: dict[int, dict[str, Tensor]] = {}
    for name, value in _part(tensors, "optimiser").items():
        number, key = name.split("/", 1)
        numbered.setdefault(int(number), {})[key] = value
    state.optimiser.load_state_dict({"state": numbered, "param_groups": header["groups"]})
    state.epoch = int(header["epoch"])
    state.kept_epoch = int(header["kept_epoch"])
    state.best_epoch = int(header["best_epoch"])
    state.best_figures = dict(header["best_figures"])
    state.history = list(header["history"])
    state.micro_batch = int(header["micro_batch"])
    progress.log(f"Going on after epoch {state.epoch} of {path.name}.")
    return True


def _read(path: Path) -> tuple[dict[str, Any] | None, dict[str, Tensor]]:
    """Return header and tensors; no header where the file is not a whole checkpoint."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            header = json.loads((file.metadata() or {})[HEADER])
            # Copies: the file must not stay mapped, it is replaced after every epoch.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, ValueError):
        return None, {}
    return header, tensors


def _part(tensors: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    prefix = f"{part}/"
    return {
        name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)
    }


def _tensor(value: Any) -> Tensor:
    import torch

    if isinstance(value, torch.Tensor):
        return value.detach().cpu().clone().contiguous()
    return torch.tensor(value)

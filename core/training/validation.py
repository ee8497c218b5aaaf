"""Figures on validation pixels, and which of two epochs is better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..progress import Progress
from ..runtime.memory_errors import is_out_of_memory
from .objectives import Objective
from .patches import Cells, Samples, Source

if TYPE_CHECKING:
    from torch import Tensor, nn

PIXELS = 20_000  # pixels gathered at once: some 16 MB for 200 bands


@dataclass(frozen=True)
class Figures:
    """Accuracy on validation pixels.

    Attributes:
        pixels: how many there are; 0 where none were held back.
        loss: what training minimises, without augmentation.
        overall: share of pixels that are right.
        average: mean over the classes that are there of the share that is right.
    """

    pixels: int = 0
    loss: float = float("nan")
    overall: float = float("nan")
    average: float = float("nan")

    def row(self) -> dict[str, float]:
        """Return the columns of the history; empty where nothing was validated."""
        if not self.pixels:
            return {}
        return {
            "validation_loss": self.loss,
            "validation_overall": self.overall,
            "validation_average": self.average,
        }


def better(figures: Figures, best: Mapping[str, float], monitor: str) -> bool:
    """Tell whether figures beat the best row so far; equal accuracy is decided by the loss.

    Args:
        figures: of the epoch just finished.
        best: the row of the best epoch so far, empty at first.
        monitor: ``balanced``, ``overall`` or ``loss``.
    """
    if not best:
        return True
    return rank(figures.row(), monitor) > rank(best, monitor)


def rank(row: Mapping[str, float], monitor: str) -> tuple[float, float]:
    """Return what a row of the history is judged by, larger is better, and what decides ties."""
    loss = -row["validation_loss"]
    if monitor == "loss":
        return loss, loss
    overall, average = row["validation_overall"], row["validation_average"]
    return (overall if monitor == "overall" else (overall + average) / 2), loss


def predict(network: nn.Module, source: Source, samples: Samples, progress: Progress) -> Tensor:
    """Return the logits of samples, ``(n, classes)`` on the device; the network is set to eval.

    Neighbouring samples are predicted together where that saves work: to rounding the same.
    """
    network.eval()
    found: Tensor | None = None
    for cells in source.cells(samples):
        told = _of_cells(network, source, cells, progress)
        if found is None:
            found = told.new_empty(len(samples), told.shape[1])
        found[cells.which.to(found.device)] = told
    if found is None:
        raise ValueError("There is nothing to predict.")
    return found


def _of_cells(network: nn.Module, source: Source, cells: Cells, progress: Progress) -> Tensor:
    """Return the logits of the samples of cells, ``(n, classes)``."""
    import torch

    batch = max(PIXELS // cells.side**2, 1)
    # The samples of every cell, one cell after the other.
    order = torch.argsort(cells.cell, stable=True)
    ends = torch.bincount(cells.cell, minlength=len(cells.index)).cumsum(0)
    found: Tensor | None = None
    with torch.inference_mode():
        first, total, begin = 0, len(cells.index), 0
        while first < total:
            progress.check_cancel()
            which = slice(first, min(first + batch, total))
            try:
                images = source.gather(cells.index[which], cells.stride[which], cells.side)
                maps = network(images)
                end = int(ends[which.stop - 1])
                own = order[begin:end]
                told = maps[cells.cell[own] - first, :, cells.down[own], cells.right[own]]
                found = told.new_empty(len(order), told.shape[1]) if found is None else found
                found[own.to(found.device)] = told
                first, begin = which.stop, end
            except (RuntimeError, MemoryError) as error:
                if which.stop - first == 1 or not is_out_of_memory(error):
                    raise
                batch = (which.stop - first) // 2
    if found is None:
        raise ValueError("There is nothing to predict.")
    return found


def validate(
    network: nn.Module,
    source: Source,
    samples: Samples,
    objective: Objective,
    progress: Progress,
) -> Figures:
    """Return the figures of a network on samples, with the loss that is minimised."""
    import torch

    logits = predict(network, source, samples, progress)
    target = samples.target.to(logits.device)
    loss = float(objective(logits[..., None, None], target[:, None, None]))
    right = logits.argmax(1) == target
    classes = logits.shape[1]
    counts = torch.bincount(target, minlength=classes)
    hits = torch.bincount(target[right], minlength=classes)
    present = counts > 0
    average = float((hits[present] / counts[present]).mean())
    return Figures(len(samples), loss, float(right.float().mean()), average)

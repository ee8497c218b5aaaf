"""How much memory and disk a training takes, without computing anything."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...models.ledger import ledger
from ..data.chips import ChipSetInfo
from ..data.pixel_loading import chip_pixels
from ..sizes import MIB
from .map_windows import largest_side
from .patches import side_of
from .preparation import MOST_FITTED, looks_of
from .settings import TrainingSettings
from .validation import PIXELS

if TYPE_CHECKING:
    from torch import Tensor, nn

OVERHEAD = 1.6  # kernels' own workspaces and layouts: a step took 1.1 to 1.55 times the ledger's
PLACE_BYTES = 100  # of a labelled pixel: where it is, what it is, twice
FITTING_BYTES = 30  # of a value while mean and deviation are fitted in double precision
MOMENTS = {"adamw": 2, "adam": 2, "sgd": 1}  # numbers that an optimiser keeps of a weight
FILE_BYTES = 128 * 1024  # of a model file besides its numbers: names, bands, classes
ROW_BYTES = 300  # of an epoch in the history


@dataclass(frozen=True)
class Footprint:
    """What a training takes, bytes.

    Attributes:
        pixels: kept in main memory all the time.
        mapped: pixels in the temporary folder.
        on_device: pixels kept on an accelerator.
        fitting: at a time, of normalisation and statistics.
        weights: of the network, its averages and its optimiser, where it computes.
        predicting: at a time, where validation pixels are predicted.
        checkpoint: of a checkpoint on disk.
        model: of the model file.
    """

    pixels: int
    mapped: int
    on_device: int
    fitting: int
    weights: int
    predicting: int
    checkpoint: int
    model: int

    def at_a_time(self, step: int, *, accelerated: bool) -> tuple[str, int]:
        """Return what takes the most main memory of all that is done one after the other.

        Args:
            step: bytes a step takes where it computes.
            accelerated: it computes on another device.
        """
        # Writing a checkpoint copies its numbers, and puts the file together in memory.
        here = {"fitting": self.fitting, "checkpoint": 2 * self.checkpoint}
        if not accelerated:
            here = {"a step": step, "validation": self.predicting, **here}
        return max(here.items(), key=lambda item: item[1])

    def on_machine(self, step: int, *, accelerated: bool) -> int:
        """Return the main memory that is taken; see ``at_a_time``."""
        kept = self.pixels + (0 if accelerated else self.weights)
        return kept + self.at_a_time(step, accelerated=accelerated)[1]

    def on_accelerator(self, step: int) -> int:
        """Return the memory that is taken on an accelerator, with ``step`` bytes a step."""
        return self.on_device + self.weights + max(self.predicting, step)


def expected_inputs(settings: TrainingSettings, bands: int) -> int:
    """Return how many channels the normalisation gives the network at the most."""
    if settings.normalisation == "pca":
        return min(settings.components or bands, bands)
    return bands


def footprint(
    info: ChipSetInfo,
    settings: TrainingSettings,
    network: nn.Module,
    *,
    memory_bytes: int,
    accelerated: bool,
) -> Footprint:
    """Return what a training takes besides a step.

    Args:
        info: the chip set.
        settings: of the training.
        network: of any device, such as meta.
        memory_bytes: pixels are kept in memory up to this size.
        accelerated: it computes on another device than the CPU.
    """
    bands, inputs = len(info.bands), expected_inputs(settings, len(info.bands))
    pixels = sum(chip_pixels(info))
    raw, normalised = pixels * bands * np.dtype(info.dtype).itemsize, pixels * inputs * 4
    left = memory_bytes if accelerated or raw > memory_bytes else memory_bytes - raw
    mapped = [raw] * (raw > memory_bytes) + [normalised] * (normalised > left)
    labelled = sum(sum(row) for row in info.counts.values())
    training = sum(info.counts["train"])
    # Of principal components: all pixels around the training pixels.
    fitted = pixels if settings.normalisation in ("pca", "zca") else training
    own = sum(value.numel() * value.element_size() for value in network.state_dict().values())
    model = own + 8 * training + 4 * bands * (inputs + 4) + FILE_BYTES + ROW_BYTES * settings.epochs
    copies = 1 + MOMENTS[settings.optimiser] + bool(settings.averaging)
    return Footprint(
        pixels=raw + normalised - sum(mapped) + pixels * 9 + labelled * PLACE_BYTES,
        mapped=sum(mapped),
        on_device=normalised if accelerated and normalised <= left else 0,
        fitting=min(fitted, MOST_FITTED) * bands * FITTING_BYTES,
        weights=(copies + 1) * own,
        predicting=_predicting(info, network, inputs),
        checkpoint=model + copies * own,
        model=model,
    )


def step_bytes(
    network: nn.Module,
    settings: TrainingSettings,
    inputs: int,
    patches: int,
    margin: int,
    *,
    bands: int = 0,
) -> int:
    """Return the most bytes a step takes at a time, forward and backward.

    Args:
        network: of any device, such as meta.
        settings: of the training.
        inputs: channels of every pixel.
        patches: taken at once.
        margin: pixels around each centre that are learnt along with it.
        bands: that the inputs are made of, where they are others.
    """
    from torch.nn import functional

    shadow = copy.deepcopy(network).to("meta").train()
    side = side_of(network, margin)
    with ledger() as book:
        values = _patches(patches, side, inputs)
        logits = getattr(shadow, "forward_members", shadow)(values)
        scores = logits.movedim(-3, -1).flatten(0, -2)
        # As if every pixel had a label: what a loss takes is next to nothing.
        functional.cross_entropy(scores, scores.new_zeros(len(scores)).long()).backward()
    augmenting = _augmenting(settings, values, bands)
    return int(book.peak * OVERHEAD) + augmenting + patches * side**2 * 24


def _augmenting(settings: TrainingSettings, values: Tensor, bands: int) -> int:
    """Bytes that changing the values of a batch takes beside it, at a time."""
    changed = (settings.mixup, settings.class_mixup, settings.noise, settings.brightness,
               settings.band_dropout)  # fmt: skip
    if settings.band_dropout and settings.normalisation in ("pca", "zca"):
        # The bands that components are led back to may be many times as many as these.
        return 2 * values.nbytes + 4 * values[:, 0].numel() * bands
    return 2 * values.nbytes * any(changed)


def _predicting(info: ChipSetInfo, network: nn.Module, inputs: int) -> int:
    """Bytes of a batch of validation pixels, at a time."""
    import torch

    shadow = copy.deepcopy(network).to("meta").eval()
    side = side_of(network)
    if hasattr(network, "tile"):
        side = largest_side(info, looks_of(network))
    with torch.inference_mode(), ledger() as book:
        shadow(_patches(max(PIXELS // side**2, 1), side, inputs))
    return int(book.peak * OVERHEAD) + PIXELS * 24 + MIB


def _patches(count: int, side: int, inputs: int) -> Tensor:
    """Patches without values, in the memory layout of batches."""
    import torch

    return torch.empty((count, side, side, inputs), device="meta").permute(0, 3, 1, 2)

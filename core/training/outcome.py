"""The model that a training gives: what is known before it, and its weights so far."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..data.chips import ChipSetInfo
from ..data.normalisation import Normalisation, moments
from ..data.pixel_store import PixelStore
from ..data.separation import TRAIN
from ..modelfile.bundle import ModelBundle
from ..reduction.composition import ModelInputs, model_inputs
from ..runtime.dependencies import plugin_version, version
from .preparation import drawn
from .rate_finder import TRIAL
from .seen import all_training_pixels
from .settings import TrainingSettings
from .state import TrainingState

RECORDED = ("torch", "numpy", "osgeo", "safetensors")  # versions kept in the model


def untrained_model(
    info: ChipSetInfo,
    store: PixelStore,
    normalisation: Normalisation,
    *,
    radius: int,
    settings: TrainingSettings,
    multiple: int = 1,
    initial: ModelBundle | None = None,
) -> ModelBundle:
    """Put together all of a model that training does not change: it has no weights yet.

    A model that was trained on components takes the original image: what makes the components
    joins its normalisation.

    Args:
        info: the chip set.
        store: its pixels.
        normalisation: fitted on them.
        radius: of the network; of one on tiles its margin.
        settings: of the training.
        multiple: of a network on tiles; see ``ModelBundle``.
        initial: the model that the training begins with: what trained that one trained this one.
    """
    training = store.split == TRAIN
    mean, deviation = moments(store.physical(drawn(store.index[training], settings.seed)))
    inputs = ModelInputs(info.bands, info.source_bands, normalisation, mean, deviation)
    rows, cols = all_training_pixels(info, store, initial)
    noted: dict[str, Any] = {}
    if info.reduction is not None:
        inputs = model_inputs(
            info.reduction, info.bands, normalisation, mean=mean, deviation=deviation
        )
        noted = {"reduction": info.reduction.to_json()}
    return ModelBundle(
        architecture=settings.architecture,
        options=dict(settings.options),
        bands=inputs.bands,
        normalisation=inputs.normalisation,
        classes=info.classes,
        radius=radius,
        patch_size=settings.patch_size if multiple > 1 else 2 * radius + 1,
        chips={
            "path": str(Path(info.folder).resolve()),
            "split_hash": info.hash,
            "split_method": info.split_method,
            "block_size": info.block_size,
            "buffer": info.buffer,
            "counts": {name: list(counts) for name, counts in info.counts.items()},
            "source_bands": inputs.source_bands,
            **noted,
        },
        metrics={},
        history=(),
        versions={"hsicnn": plugin_version(), **{name: version(name) for name in RECORDED}},
        seed=settings.seed,
        settings=settings.to_json(),
        created="",
        training_rows=rows,
        training_cols=cols,
        training_grid=info.grid,
        statistics={
            "mean": inputs.mean.astype(np.float32),
            "deviation": inputs.deviation.astype(np.float32),
        },
        weights={},
        multiple=multiple,
    )


def trained_model(
    untrained: ModelBundle, state: TrainingState, scores: Mapping[str, Any]
) -> ModelBundle:
    """Return the model with the weights to keep so far.

    Args:
        untrained: see ``untrained_model``.
        state: of the training, after a whole epoch.
        scores: figures on validation and test pixels, where they are known.
    """
    now = datetime.datetime.now(datetime.timezone.utc)
    return dataclasses.replace(
        untrained,
        metrics={
            "kept_epoch": state.kept_epoch,
            **({TRIAL: dict(state.trial)} if state.trial else {}),
            **scores,
        },
        history=list(state.history),
        created=now.isoformat(timespec="seconds"),
        weights={name: value.cpu().numpy() for name, value in state.best.items()},
    )

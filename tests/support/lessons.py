"""Small trainings without files: a state and what it is to learn, and the model they give."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from hsicnn.core.data.classes import ClassInfo
from hsicnn.core.data.normalisation import Normalisation, fit_normalisation
from hsicnn.core.data.pixel_loading import Rectangles
from hsicnn.core.data.separation import TRAIN, VALIDATION
from hsicnn.core.modelfile.bundle import ModelBundle
from hsicnn.core.progress import SilentProgress
from hsicnn.core.raster.bands import Band
from hsicnn.core.raster.grid import Grid
from hsicnn.core.runtime.seeds import seed_torch
from hsicnn.core.training.optimisers import make_optimiser
from hsicnn.core.training.outcome import trained_model
from hsicnn.core.training.patches import PatchSource, Source, samples_of
from hsicnn.core.training.settings import TrainingSettings
from hsicnn.core.training.state import Lesson, TrainingState
from hsicnn.core.training.tiles import TileSource
from hsicnn.models.build import build
from hsicnn.models.catalog import NETWORKS
from hsicnn.models.seamless import seamless
from pixels import HALO, small_store

QUIET = SilentProgress()
CLASSES = (
    ClassInfo(3, "water", "#0000ff"),
    ClassInfo(7, "forest", "#00ff00"),
    ClassInfo(9, "soil", "#aa5500"),
)
#: Networks as small as they get, with the fewest bands; the others take their defaults.
SMALL = {
    "multiscale": (12, {"patch_size": 5, "width": 8, "hidden": 16, "dropout": 0.2}),
    "etrainee_1d": (
        46,
        {"conv1": 3, "conv2": 4, "conv3": 5, "dense1": 8, "dense2": 6, "dense3": 5},
    ),
    "indian_pines_3d": (22, {"patch_size": 7}),
    "etrainee_2d": (12, {"patch_size": 16, "width": 0.125, "depth": 1}),
    "etrainee_3d": (12, {"patch_size": 16, "width": 0.25, "depth": 1}),
    "unet": (12, {"patch_size": 16, "width": 0.125, "depth": 1}),
}


def small(architecture: str) -> tuple[int, dict[str, Any]]:
    """Return bands and options of a small network."""
    entry = NETWORKS[architecture]
    return SMALL.get(architecture, (entry.min_bands, {"patch_size": min(entry.patch_sizes)}))


def settings(**given) -> TrainingSettings:
    few = {"epochs": 6, "batch_size": 32, "shortest_epoch": 5, "longest_epoch": 8}
    return TrainingSettings(**{**few, **given})


def make(settings: TrainingSettings, store=None, margin: int = 0) -> tuple[TrainingState, Lesson]:
    """Return a fresh state of the settings' network and its lesson on a small store."""
    bands, options = small(settings.architecture)
    store = store or small_store(bands=bands)
    fitted = fit_normalisation("band", store.physical(store.index[store.split == TRAIN]))
    seed_torch(settings.seed, "initialisation")
    network = build(settings.architecture, fitted.outputs, len(CLASSES), options)
    place = {"device": torch.device("cpu"), "memory_bytes": 1 << 30, "progress": QUIET}
    training = samples_of(store, TRAIN)
    source: Source
    if hasattr(network, "tile"):
        learnt = store.index[store.split == TRAIN], store.label[store.split == TRAIN].astype(int)
        width = np.array([store.stride[0]])
        chips = Rectangles(np.zeros(1, int), len(store.values) // width, width, HALO)
        source = TileSource(store, fitted, chips=chips, learnt=learnt, side=network.tile, **place)
        training = source.training()
    else:
        source = PatchSource(store, fitted, network.radius, margin=margin, **place)
    lesson = Lesson(source, training, samples_of(store, VALIDATION), torch.ones(3), settings)
    return TrainingState(network, make_optimiser(network, settings)), lesson


def untrained(settings: TrainingSettings) -> ModelBundle:
    """Return what is known of the model before the training."""
    bands, options = small(settings.architecture)
    with torch.device("meta"):
        shape = seamless(build(settings.architecture, bands, len(CLASSES), options))
    radius = int(shape.radius)
    mean = torch.zeros(bands).numpy()
    return ModelBundle(
        architecture=settings.architecture,
        options={name: value for name, value in options.items() if name != "patch_size"},
        bands=tuple(Band(n + 1, f"band {n + 1}", 400.0 + 10 * n, 8.0) for n in range(bands)),
        normalisation=Normalisation("band", mean, mean + 1),
        classes=CLASSES,
        radius=radius,
        patch_size=getattr(shape, "tile", 2 * radius + 1),
        multiple=getattr(shape, "multiple", 1),
        chips={"path": "/data/chips", "split_hash": "abc"},
        metrics={},
        history=(),
        versions={"torch": str(torch.__version__)},
        seed=settings.seed,
        settings=settings.to_json(),
        created="",
        training_rows=torch.arange(5, dtype=torch.int32).numpy(),
        training_cols=torch.arange(5, dtype=torch.int32).numpy(),
        training_grid=Grid("", (0.0, 30.0, 0.0, 90.0, 0.0, -30.0), 40, 30),
        statistics={"mean": mean, "deviation": mean + 1},
        weights={},
    )


def model_of(state: TrainingState, settings: TrainingSettings) -> ModelBundle:
    """Return the model that would be kept so far."""
    return trained_model(untrained(settings), state, {})

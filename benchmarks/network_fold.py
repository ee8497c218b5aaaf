"""A network of the catalog on one fold, through the plugin's own jobs: export, train, predict."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from budgeted_training import MEMORY_MB, fitted_recipe, train_on
from hsicnn.core.data.chip_format import ChipSetInfo
from hsicnn.core.data.chips import read_chip_set
from hsicnn.core.data.export import export_training_chips
from hsicnn.core.data.labels import read_labels
from hsicnn.core.data.separation import TEST, UNUSED
from hsicnn.core.inference.classify import classify_raster
from hsicnn.core.inference.model_bands import find_bands
from hsicnn.core.modelfile.bundle import ModelBundle, save_bundle
from hsicnn.core.modelfile.network import network_of
from hsicnn.core.progress import SilentProgress
from hsicnn.core.raster.source import RasterSource
from hsicnn.core.training.footprint import expected_inputs
from hsicnn.core.training.patches import PatchSource, samples_of
from hsicnn.core.training.preparation import make_network
from hsicnn.core.training.resolving import resolve_settings
from hsicnn.core.training.settings import TrainingSettings
from hsicnn.core.training.validation import predict
from hsicnn.models.catalog import NETWORKS
from protocol import Guess, Mask
from scenes import HALO, Scene
from speed_cases import Case, compute_rate, plan_of

LARGE_CHIP = 256  # pixels: few chips overlap little, however wide their halo
RATE_SECONDS = 1.0  # that classification is timed for


@dataclass(frozen=True)
class NetworkMethod:
    """Trains a network of the catalog by its recipe.

    Nothing is held back for validation: the recipe's length is fixed, the last weights count.

    Attributes:
        name: in the catalog.
        budget: seconds that a training may take; 0 is no limit.
        plans: folder that remembers how recipes were shortened: all folds are trained alike.
    """

    name: str
    budget: float
    plans: Path

    def settings(self, seed: int, **given: Any) -> TrainingSettings:
        """Return the recipe."""
        wanted = {"architecture": self.name, "seed": seed, "patience": 0, "keep": "last"}
        return resolve_settings({**wanted, **given})

    def identity(self, scene: Scene) -> Mapping[str, Any]:
        """Return what decides the result besides seed and fold.

        Raises:
            InputError: the network cannot be built for the scene.
        """
        settings = self.settings(0)
        inputs = expected_inputs(settings, len(scene.bands))
        with torch.device("meta"):
            network = make_network(settings, inputs, len(scene.classes))
        shapes = {name: list(value.shape) for name, value in network.state_dict().items()}
        return {"recipe": settings.to_json(), "weights": shapes, "budget": self.budget}

    def guess(self, scene: Scene, training: Mask, test: Mask, seed: int, plan: str) -> Guess:
        """Train on the training pixels and predict the tested ones.

        Args:
            scene: with its labelled pixels.
            training: which of them train.
            test: which are predicted.
            seed: of initial weights, order and augmentation.
            plan: name under which the recipe's length is kept.
        """
        with TemporaryDirectory(prefix="accuracy-") as name:
            folder = Path(name)
            info = export_training_pixels(scene, training, folder, self.name)
            recipe = fitted_recipe(
                info, self.settings(seed), budget=self.budget, memory=self.plans / f"{plan}.json"
            )
            began = time.monotonic()
            settings = self.settings(seed, **recipe.settings())
            bundle = train_on(info, settings, folder / "model.safetensors")
            seconds = time.monotonic() - began
        began = time.monotonic()
        tile = NETWORKS[self.name].kind == "tile"
        found = (map_pixels if tile else predict_pixels)(bundle, scene, test)
        predicting = time.monotonic() - began
        facts = {
            "training_seconds": seconds,
            "predicting_seconds": predicting,
            "radius": bundle.radius,
            "pixels_a_second": classification_rate(bundle, scene) if not seed else None,
            **recipe.to_json(),
        }
        return Guess({"": found}, facts)


def export_training_pixels(
    scene: Scene, training: Mask, folder: Path, architecture: str
) -> ChipSetInfo:
    """Export a chip set that holds the training pixels and no label of any other.

    Args:
        scene: with its labelled pixels.
        training: which of them train.
        folder: for the chip set.
        architecture: network in the catalog; what learns from tiles gets room for its own.
    """
    reference = folder / "training.tif"
    scene.write_reference(reference, training)
    entry = NETWORKS[architecture]
    room = {"halo": HALO}
    if entry.kind == "tile":
        room = {"halo": entry.default_patch // 2, "chip_size": LARGE_CHIP}
    export_training_chips(
        image=str(scene.image),
        reference=str(reference),
        output=str(folder / "chips"),
        split="random",
        buffer=0,
        train_fraction=1.0,
        validation_fraction=0.0,
        **room,
    )
    return read_chip_set(str(folder / "chips"))


def map_pixels(bundle: ModelBundle, scene: Scene, test: Mask) -> npt.NDArray[np.int64]:
    """Return the classes that a map of the whole scene gives labelled pixels.

    What learns from tiles shares so much between neighbours that all take as long as some.
    """
    with TemporaryDirectory(prefix="accuracy-") as folder:
        model, output = Path(folder) / "model.safetensors", Path(folder) / "map.tif"
        save_bundle(str(model), bundle)
        classify_raster(image=str(scene.image), model=str(model), output=str(output), device="cpu")
        with RasterSource(str(output)) as source:
            found = read_labels(str(output), source.grid, progress=SilentProgress())
            codes = np.zeros((source.grid.height, source.grid.width), np.int64)
    codes[found.rows, found.cols] = np.array([0, *(item.code for item in found.classes)])[
        found.values
    ]
    return scene.numbers(codes[scene.labels.rows[test], scene.labels.cols[test]])


def predict_pixels(bundle: ModelBundle, scene: Scene, test: Mask) -> npt.NDArray[np.int64]:
    """Return the classes that a model gives labelled pixels, as the scene numbers them."""
    with RasterSource(str(scene.image)) as source:
        bands = [source.bands[position] for position in find_bands(bundle, source)]
    if tuple(bands) != scene.bands:
        raise ValueError(f"The model takes other bands of {scene.name} than its store has.")
    codes = np.where(test, TEST, UNUSED).astype(np.uint8)
    store = scene.store_with(codes)
    network = network_of(bundle)
    source_of_patches = PatchSource(
        store,
        bundle.normalisation,
        bundle.radius,
        device=torch.device("cpu"),
        memory_bytes=MEMORY_MB << 20,
        progress=SilentProgress(),
    )
    logits = predict(network, source_of_patches, samples_of(store, TEST), SilentProgress())
    codes = np.array([item.code for item in bundle.classes])
    return scene.numbers(codes[logits.argmax(1).numpy()])


def classification_rate(bundle: ModelBundle, scene: Scene) -> float:
    """Return pixels a second of a trained network over the tiles that a scene is computed in."""
    normalisation = bundle.normalisation
    case = Case(
        bundle.architecture,
        scene.name,
        network_of(bundle),
        normalisation.bands,
        normalisation,
        len(bundle.classes),
    )
    with RasterSource(str(scene.image)) as source:
        plan = plan_of(case, source, threads=torch.get_num_threads())
    return compute_rate(case, plan, RATE_SECONDS)

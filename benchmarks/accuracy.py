"""Accuracy on four spatial folds, pooled: ``python benchmarks/accuracy.py --help``.

Every labelled pixel is predicted once by a model that was trained on other blocks, with the
buffer between them. What is finished is kept in the cache folder, so that an interrupted
run goes on; the table is printed at the end.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(Path(__file__).resolve().parent)]
from conftest import mount_package  # noqa: E402

mount_package()

from hsicnn.core.data.folds import buffered_training, spatial_folds  # noqa: E402
from hsicnn.core.data.leakage import location_only  # noqa: E402
from hsicnn.core.data.separation import TEST, TRAIN, UNUSED  # noqa: E402
from hsicnn.core.data.splits import block_ids  # noqa: E402
from hsicnn.core.progress import SilentProgress  # noqa: E402
from hsicnn.core.runtime.seeds import seed_torch  # noqa: E402
from hsicnn.core.training.class_weights import class_weights  # noqa: E402
from hsicnn.core.training.loop import train  # noqa: E402
from hsicnn.core.training.optimisers import make_optimiser  # noqa: E402
from hsicnn.core.training.patches import PatchSource, samples_of  # noqa: E402
from hsicnn.core.training.preparation import fit_inputs, make_network  # noqa: E402
from hsicnn.core.training.settings import resolve_settings  # noqa: E402
from hsicnn.core.training.state import Lesson, TrainingState  # noqa: E402
from hsicnn.core.training.validation import predict  # noqa: E402
from hsicnn.models.catalog import DEFAULT_NETWORK, NETWORKS  # noqa: E402
from pooled import accuracies, hits_by_block, kappa, paired_difference  # noqa: E402
from scenes import FILES, Scene, load_scene  # noqa: E402
from tuned_svm import tuned_svm  # noqa: E402

FOLDS = 4
BLOCK = 16
BUFFER = 4
MEMORY = 1 << 32
RARE = 100  # pixels under which a class is also left out of the average accuracy
Predictions = dict[str, np.ndarray]


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def run_network(name: str, scene: Scene, training: np.ndarray, test: np.ndarray, seed: int) -> Any:
    """Train a network by its recipe on the training pixels and predict the test pixels.

    Nothing is held back for validation: the recipe's length is fixed, the last weights count.
    """
    import torch

    codes = np.full(len(training), UNUSED, np.uint8)
    codes[training], codes[test] = TRAIN, TEST
    store = dataclasses.replace(scene.store, split=codes)
    settings = resolve_settings({"architecture": name, "seed": seed, "patience": 0})
    normalisation = fit_inputs(store, settings)
    seed_torch(seed, "initialisation")
    network = make_network(settings, normalisation.outputs, len(scene.classes))
    progress = SilentProgress()
    source = PatchSource(
        store,
        normalisation,
        int(network.radius),
        margin=settings.margin,
        device=torch.device("cpu"),
        memory_bytes=MEMORY,
        progress=progress,
    )
    counts = np.bincount(store.label[training], minlength=len(scene.classes) + 1)[1:]
    weights = torch.from_numpy(class_weights(settings, counts, ()))
    lesson = Lesson(
        source, samples_of(store, TRAIN), samples_of(store, UNUSED + 99), weights, settings
    )
    state = TrainingState(network, make_optimiser(network, settings))
    train(state, lesson, progress, lambda _: None)
    network.load_state_dict(state.best)
    return predict(network, source, samples_of(store, TEST), progress).argmax(1).numpy() + 1


def run_fold(scene: Scene, seed: int, fold: int, methods: list[str], cache: Path) -> Predictions:
    """Predict one fold by every method, or read what the cache has."""
    pixels = scene.pixels
    folds = spatial_folds(pixels.rows, pixels.cols, pixels.told, FOLDS, BLOCK, seed)
    test = folds == fold
    training = buffered_training(folds, fold, pixels.rows, pixels.cols, BUFFER)
    found: Predictions = {}
    for method in methods:
        kept = cache / f"{scene.name}-{method}-{seed}-{fold}.npz"
        if not kept.exists():
            began = time.monotonic()
            if method == "location only":
                parts = {
                    "": location_only(
                        pixels.rows[training],
                        pixels.cols[training],
                        pixels.told[training],
                        pixels.rows[test],
                        pixels.cols[test],
                    )
                }
            elif method == "svm":
                parts = tuned_svm(
                    pixels.take(training),
                    pixels.take(test),
                    block_size=BLOCK,
                    buffer=BUFFER,
                    seed=seed,
                )
            else:
                parts = {"": run_network(method, scene, training, test, seed)}
            seconds = time.monotonic() - began
            np.savez(
                kept, seconds=seconds, **{f"part_{name}": part for name, part in parts.items()}
            )
            right = {
                name: f"{np.mean(part == pixels.told[test]):.3f}" for name, part in parts.items()
            }
            say(f"  {scene.name} seed {seed} fold {fold} {method}: {right} in {seconds:.0f} s")
        with np.load(kept) as file:
            for name in file.files:
                title = f"{method} {name[5:]}".strip()
                if name == "seconds":
                    found[f"{method}/seconds"] = np.array([float(file[name])])
                else:
                    found[title] = np.zeros(len(test), np.int64)
                    found[title][test] = file[name]
    return found


def pool(scene: Scene, seeds: list[int], methods: list[str], cache: Path) -> Mapping[str, Any]:
    """Return pooled predictions by method and seed, and seconds a fold by method."""
    pooled: dict[str, dict[int, np.ndarray]] = {}
    seconds: dict[str, list[float]] = {}
    for seed in seeds:
        for fold in range(FOLDS):
            for name, part in run_fold(scene, seed, fold, methods, cache).items():
                if name.endswith("/seconds"):
                    seconds.setdefault(name.removesuffix("/seconds"), []).append(float(part[0]))
                    continue
                now = pooled.setdefault(name, {}).setdefault(seed, np.zeros_like(part))
                now += part
    return {"pooled": pooled, "seconds": seconds}


def table(scene: Scene, result: Mapping[str, Any]) -> list[str]:
    """Return the lines of the scene's table, in Markdown."""
    told = scene.pixels.told
    classes = len(scene.classes)
    counts = np.bincount(told, minlength=classes + 1)[1:]
    rare = [c for c in range(classes) if counts[c] < RARE]
    rare_names = ", ".join(f"{scene.classes[c]} ({counts[c]})" for c in rare) or "none"
    lines = [
        f"### {scene.name}: {len(told)} labelled pixels, {classes} classes",
        f"Rare classes (under {RARE} pixels): {rare_names}.",
        "",
        "| method | seeds | OA | AA | AA without rare classes | kappa | s a fold |",
        "|---|---|---|---|---|---|---|",
    ]
    everything = np.zeros(len(told), np.int64)
    for name, by_seed in result["pooled"].items():
        rows = []
        for found in by_seed.values():
            right, total = hits_by_block(told, found, everything, classes)
            overall, average = accuracies(right, total)
            rows.append(
                (overall, average, accuracies(right, total, rare)[1], kappa(told, found, classes))
            )
        mean, deviation = np.mean(rows, 0), np.std(rows, 0)
        cells = " | ".join(f"{m:.3f} ± {d:.3f}" for m, d in zip(mean, deviation))
        method = name.removesuffix(" overall").removesuffix(" average")
        lines.append(
            f"| {name} | {len(rows)} | {cells} | {np.median(result['seconds'][method]):.1f} |"
        )
    return lines


def differences(scene: Scene, result: Mapping[str, Any]) -> list[str]:
    """Return the lines of the paired differences default - SVM."""
    pooled = result["pooled"]
    if DEFAULT_NETWORK not in pooled:
        return []
    blocks = np.unique(block_ids(scene.pixels.rows, scene.pixels.cols, BLOCK), return_inverse=True)[
        1
    ]
    lines = ["", "| difference | OA (95 % interval) | AA (95 % interval) |", "|---|---|---|"]
    for rival in ("svm overall", "svm average"):
        if rival in pooled:
            found = paired_difference(
                pooled[DEFAULT_NETWORK], pooled[rival], scene.pixels.told, blocks
            )
            cells = " | ".join(f"{d:+.3f} ({a:+.3f} to {b:+.3f})" for d, a, b in found.values())
            lines.append(f"| {DEFAULT_NETWORK} - {rival} | {cells} |")
    return lines


def main() -> None:
    """Run what is not in the cache and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("HSICNN_TEST_DATA"))
    parser.add_argument("--scenes", nargs="+", default=list(FILES), choices=list(FILES))
    parser.add_argument(
        "--methods",
        nargs="+",
        default=["location only", "svm", DEFAULT_NETWORK]
        + [name for name in NETWORKS if name != DEFAULT_NETWORK],
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--cache", type=Path, default=ROOT / "build" / "accuracy")
    given = parser.parse_args()
    if given.data is None:
        parser.error("name the folder of real scenes: --data, or HSICNN_TEST_DATA")
    given.cache.mkdir(parents=True, exist_ok=True)
    lines = []
    for name in given.scenes:
        scene = load_scene(name, given.data)
        result = pool(scene, given.seeds, given.methods, given.cache)
        lines += [*table(scene, result), *differences(scene, result), ""]
    say("\n".join(lines))


if __name__ == "__main__":
    main()

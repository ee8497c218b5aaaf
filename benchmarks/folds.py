"""The E-TRAINEE networks, three folds each: ``python benchmarks/folds.py --help``.

Every network of the course is cross-validated on *enmap_potsdam* in three spatial folds by
the plugin's own job, as the course trained them. The models of the folds and their ensemble are
kept, and each classifies the whole scene. What is finished is not run again.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(Path(__file__).resolve().parent)]
from conftest import mount_package  # noqa: E402

mount_package()

from budgeted_training import MEMORY_MB, fitted_recipe  # noqa: E402
from hsicnn.core.crossvalidation.crossvalidate import crossvalidate  # noqa: E402
from hsicnn.core.data.chips import read_chip_set  # noqa: E402
from hsicnn.core.data.export import export_training_chips  # noqa: E402
from hsicnn.core.inference.classify import classify_raster  # noqa: E402
from hsicnn.core.progress import SilentProgress  # noqa: E402
from hsicnn.core.training.resolving import resolve_settings  # noqa: E402
from hsicnn.models.catalog import NETWORKS  # noqa: E402
from protocol import BUFFER  # noqa: E402
from scenes import SCENES  # noqa: E402

COURSE = ("etrainee_1d", "etrainee_2d", "etrainee_3d")
SCENE = "enmap_potsdam"
FOLDS = 3
BLOCK = SCENES[SCENE].block
SEED = 1


class Heard(SilentProgress):
    """Keeps what a job says."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text: str) -> None:
        """Keep a line."""
        self.lines.append(text)


@dataclass(frozen=True)
class Work:
    """A network on the scene.

    Attributes:
        name: in the catalog.
        image: raster.
        reference: raster.
        folder: of all that is written.
        recipe: ``recommended`` or ``published``.
        budget: seconds of the training of a fold; 0 is no limit.
    """

    name: str
    image: Path
    reference: Path
    folder: Path
    recipe: str
    budget: float

    @property
    def models(self) -> Path:
        """Folder of the folds' models."""
        return self.folder / f"{self.name}-{self.recipe}-{self.budget:g}"

    @property
    def record(self) -> Path:
        """What came of it."""
        return self.models.with_suffix(".json")

    def run(self) -> dict[str, Any]:
        """Cross-validate and classify, unless that is done."""
        if not self.record.exists():
            self.record.write_text(json.dumps(self._trained(), indent=1), encoding="utf-8")
        found = json.loads(self.record.read_text(encoding="utf-8"))
        if "rates" not in found:
            found.update(self._classified())
            self.record.write_text(json.dumps(found, indent=1), encoding="utf-8")
        return dict(found)

    def _chips(self) -> Path:
        """Export chips whose halo lets tiles of the network's own size find room."""
        tile = NETWORKS[self.name].kind == "tile"
        halo = NETWORKS[self.name].default_patch // 2 if tile else BUFFER
        chips = self.folder / f"chips-{halo}"
        if not chips.exists():
            export_training_chips(
                image=str(self.image),
                reference=str(self.reference),
                output=str(chips),
                chip_size=256,
                halo=halo,
                block_size=BLOCK,
                seed=SEED,
            )
        return chips

    def _trained(self) -> dict[str, Any]:
        chips, figures = self._chips(), self.models.with_suffix(".figures.json")
        given = {"architecture": self.name, "recipe": self.recipe, "seed": SEED}
        settings = resolve_settings({**given, "patience": 0, "keep": "last"})
        fitted = fitted_recipe(
            read_chip_set(str(chips)),
            settings,
            budget=self.budget,
            memory=self.models.with_suffix(".length.json"),
        )
        heard, began = Heard(), time.monotonic()
        crossvalidate(
            chips=str(chips),
            output=str(self.models),
            ensemble=str(self.models.with_suffix(".safetensors")),
            out_of_fold=str(self.models.with_suffix(".out-of-fold.tif")),
            report=str(self.models.with_suffix(".html")),
            json=str(figures),
            settings={**settings.to_json(), **fitted.settings()},
            method="spatial",
            k=FOLDS,
            block_size=BLOCK,
            buffer=BUFFER,
            device="cpu",
            memory_mb=MEMORY_MB,
            progress=heard,
        )
        tiles = [found for line in heard.lines for found in re.findall(r"Tiles of (\d+) x", line)]
        return {
            "figures": json.loads(figures.read_text(encoding="utf-8")),
            "tile": tiles[0] if tiles else "",
            "steps": [fitted.steps, fitted.full],
            "seconds": time.monotonic() - began,
        }

    def _classified(self) -> dict[str, Any]:
        """Classify the scene by every fold's model and by all of them together."""
        models = sorted(self.models.glob("*.safetensors"))
        maps = self.models.with_suffix(".maps")
        maps.mkdir(exist_ok=True)
        rates = {}
        for model in [*models, self.models.with_suffix(".safetensors")]:
            result = classify_raster(
                image=str(self.image),
                model=str(model),
                output=str(maps / f"{model.stem}.tif"),
                device="cpu",
            )
            rates[model.stem] = result.pixels / max(result.seconds, 1e-3)
        return {"models": [model.name for model in models], "rates": rates}


def line(name: str, found: Mapping[str, Any]) -> str:
    """Return the row of a network."""
    figures, (steps, full) = found["figures"], found["steps"]
    spread = {
        key: f"{value['mean']:.3f} ± {value['sd']:.3f}"
        for key, value in figures["of_folds"].items()
        if value["mean"] is not None
    }
    *folds, ensemble = found["rates"].values()
    pooled = figures.get("pooled", figures)  # records of before have no room of its own for it
    cells = [
        name,
        found["tile"],
        spread["overall_accuracy"],
        spread["average_accuracy"],
        spread["kappa"],
        f"{pooled['overall_accuracy']:.3f}",
        spread.get("location_only", ""),
        f"{found['seconds'] / FOLDS:.0f}",
        f"{steps:,} of {full:,}",
        str(len(found["models"])),
        f"{sum(folds) / len(folds):,.0f}",
        f"{ensemble:,.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Run what is not finished and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("HSICNN_TEST_DATA"))
    parser.add_argument("--networks", nargs="+", default=list(COURSE), choices=list(NETWORKS))
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "folds")
    recipes = ("recommended", "published")
    parser.add_argument("--recipe", default=recipes[0], choices=recipes)
    help_text = "seconds of the training of a fold; a longer recipe takes fewer steps; 0: no limit"
    parser.add_argument("--budget", type=float, default=120.0, help=help_text)
    given = parser.parse_args()
    if given.data is None:
        parser.error("name the folder of real scenes: --data, or HSICNN_TEST_DATA")
    given.folder.mkdir(parents=True, exist_ok=True)
    files, data = SCENES[SCENE], Path(given.data)
    titles = ["network", "tile", "OA of folds", "AA of folds", "kappa of folds", "pooled OA"]
    titles += ["location only", "s a fold", "steps", "models", "px/s", "px/s, ensemble"]
    print(f"{SCENE}, {FOLDS} folds of {BLOCK}-pixel blocks, buffer {BUFFER}\n")
    print(f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}", flush=True)
    for name in given.networks:
        images = data / files.image, data / files.reference
        work = Work(name, *images, given.folder.resolve(), given.recipe, given.budget)
        print(line(name, work.run()), flush=True)


if __name__ == "__main__":
    main()

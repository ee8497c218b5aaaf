"""Training takes tiles and scenes of every file format, in physical units."""

from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.accuracy.assess import assess_accuracy
from hsicnn.core.data.export import export_training_chips
from hsicnn.core.errors import ChipSetError
from hsicnn.core.inference.classify import classify_raster
from hsicnn.core.progress import SilentProgress
from hsicnn.core.raster.source import RasterSource
from hsicnn.core.simulation.scene import create_example_scene
from hsicnn.core.training.train import train_classifier

pytest.importorskip("torch")
pytest.importorskip("safetensors")

QUICK = {"epochs": 2, "shortest_epoch": 4, "longest_epoch": 4, "batch_size": 32}


class Logs(SilentProgress):
    def __init__(self):
        self.lines = []

    def log(self, text):
        self.lines.append(text)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scene")
    return create_example_scene(
        output=str(folder / "image.tif"),
        reference=str(folder / "reference.tif"),
        samples=str(folder / "points.gpkg"),
        size=96,
        bands=16,
        classes=3,
    )


@pytest.mark.parametrize(
    ("settings", "patch"),
    [
        ({"kind": "tiles", "rotation": 45, "stride": 8}, 5),
        ({"kind": "tiles", "layout": "esri"}, 5),
        ({"kind": "tiles", "file_format": "png", "image_bands": "2,7,12"}, 3),
        ({"kind": "scenes", "layout": "imagenet", "rotation": 90}, 9),
        ({"kind": "scenes", "file_format": "hdf5"}, 9),
        ({"kind": "scenes", "file_format": "jpeg", "image_bands": "5"}, 9),
    ],
    ids=str,
)
def test_networks_learn_from_tiles_and_scenes(scene, tmp_path, settings, patch):
    given = {"tile_size": 16, "stride": 8, "split": "random", "buffer": 0, **settings}
    chips = str(tmp_path / "chips")
    made = export_training_chips(
        image=scene.output, reference=scene.reference, output=chips, **given
    )
    said, model = Logs(), str(tmp_path / "model.safetensors")
    result = train_classifier(
        chips=chips,
        output=model,
        settings={**QUICK, "patch_size": patch},
        device="cpu",
        progress=said,
    )
    assert 0 <= result.metrics["test"]["overall_accuracy"] <= 1
    told = any("edge of their tile" in line for line in said.lines)
    assert told == (settings["kind"] == "tiles")
    if settings["kind"] == "tiles" and "file_format" not in settings:
        class_map = str(tmp_path / "map.tif")
        classify_raster(image=scene.output, model=model, output=class_map, device="cpu")
        found = assess_accuracy(class_map=class_map, samples=chips).findings
        assert found.pixels == sum(made.counts["test"])


def test_eight_bits_train_in_physical_units(scene, tmp_path):
    from hsicnn.core.modelfile.bundle import load_bundle

    chips, model = str(tmp_path / "chips"), str(tmp_path / "model.safetensors")
    export_training_chips(
        image=scene.output, reference=scene.reference, output=chips, kind="tiles", tile_size=16,
        file_format="png", image_bands="2,7,12", split="random", buffer=0, stretch="min-max",
    )  # fmt: skip
    train_classifier(
        chips=chips, output=model, device="cpu",
        settings={**QUICK, "patch_size": 3},
    )  # fmt: skip
    bundle = load_bundle(model)
    with RasterSource(scene.output) as source:
        positions = [1, 6, 11]
        window = next(source.blocks(3, 2**30))
        means = source.read(window, positions).values.reshape(3, -1).mean(axis=1)
    found = np.asarray(bundle.normalisation.mean)
    np.testing.assert_allclose(found, means, rtol=0.2)


def test_a_network_that_looks_beyond_the_tile_is_refused(scene, tmp_path):
    chips = str(tmp_path / "chips")
    export_training_chips(
        image=scene.output, reference=scene.reference, output=chips, kind="tiles", tile_size=8,
        split="random", buffer=0,
    )  # fmt: skip
    with pytest.raises(ChipSetError, match=r"TILE_SIZE"):
        train_classifier(
            chips=chips, output=str(tmp_path / "m.safetensors"), device="cpu",
            settings={**QUICK, "patch_size": 9},
        )  # fmt: skip

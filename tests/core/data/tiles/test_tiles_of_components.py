"""Tiles of a raster that 'Reduce bands' has made carry what made it, in every format."""

from __future__ import annotations

import pytest
from hsicnn.core.data.chips import read_chip_set
from hsicnn.core.reduction.reduce import reduce_bands
from hsicnn.core.training.train import train_classifier

pytest.importorskip("torch")
pytest.importorskip("safetensors")


@pytest.mark.parametrize(
    "settings",
    [{}, {"file_format": "png", "image_bands": "1,3,2"},
     {"kind": "scenes", "file_format": "hdf5"}],
    ids=str,
)  # fmt: skip
def test_a_model_of_components_takes_the_original_image(place, settings):
    reduced = str(place.folder / "reduced.tif")
    reduce_bands(image=place.image, output=reduced, method="pca", components=3)
    result = place.export("components", image=reduced, stride=4, **settings)
    assert read_chip_set(result.output).reduction is not None
    model = str(place.folder / "model.safetensors")
    train_classifier(
        chips=result.output, output=model, device="cpu",
        settings={"epochs": 1, "shortest_epoch": 1, "longest_epoch": 2, "patch_size": 3},
    )  # fmt: skip
    from hsicnn.core.modelfile.bundle import load_bundle

    assert len(load_bundle(model).bands) == 4

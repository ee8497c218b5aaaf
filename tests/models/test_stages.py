"""The stages that a network tells are those that it has, measured."""

from __future__ import annotations

import pytest
import torch
from hsicnn.models.build import build, count_parameters
from hsicnn.models.catalog import NETWORKS
from hsicnn.models.stages import Stage, measure_stages
from torch import nn

CLASSES = 4
CASES = [
    (entry.name, side)
    for entry in NETWORKS.values()
    for side in (entry.patch_sizes if entry.kind == "pixel" else (entry.default_patch,))
]


@pytest.mark.parametrize(("name", "side"), CASES)
def test_every_weight_belongs_to_one_stage_and_the_last_gives_the_classes(name, side):
    bands = NETWORKS[name].min_bands + 9
    network = build(name, bands, CLASSES, {"patch_size": side})
    owned = [id(w) for s in network.stages() for m in s.modules for w in m.parameters()]
    assert sorted(owned) == sorted(id(weight) for weight in network.parameters())
    total = count_parameters(network)
    stages = measure_stages(network, bands)
    assert sum(stage.parameters for stage in stages) == total
    pixels = (("rows", side), ("columns", side)) * (NETWORKS[name].kind == "tile")
    assert stages[-1].shape == (("classes", CLASSES), *pixels)
    assert all(stage.words and stage.shape for stage in stages)


@pytest.mark.parametrize(
    ("name", "bands", "classes", "options", "total"),
    [
        ("indian_pines_3d", 220, 16, {}, 578_544),
        ("indian_pines_3d", 200, 16, {}, 504_816),
        ("etrainee_1d", 54, 7, {}, 402_823),
    ],
)
def test_parameters_are_the_published_ones(name, bands, classes, options, total):
    stages = measure_stages(build(name, bands, classes, options), bands)
    assert sum(stage.parameters for stage in stages) == total


def test_shapes_of_the_indian_pines_network():
    stages = measure_stages(build("indian_pines_3d", 200, 16, {}), 200)
    shapes = [dict(stage.shape) for stage in stages]
    cube = {"features": 48, "bands": 195, "rows": 7, "columns": 7}  # the 196th meets no pooling
    assert shapes[0] == cube
    assert shapes[1] == {**cube, "bands": 65}
    assert shapes[5] == {"features": 320, "rows": 3, "columns": 3}
    assert [stage.parameters for stage in stages][:2] == [48 * (5 * 9 + 1), 0]


def test_shapes_of_the_default_network_with_one_member_and_many():
    for members in (1, 5):
        network = build("multiscale", 40, CLASSES, {"members": members, "width": 8})
        stages = measure_stages(network, 40)
        assert dict(stages[0].shape) == {"pixels": 81, "features": members * 8}
        assert dict(stages[1].shape) == {"features": 4 * 40}
        assert ("members" in stages[0].words) == (members > 1)


def test_the_network_is_measured_as_it_is_and_computes_nothing():
    network = build("etrainee_1d", 54, CLASSES, {}).train()
    before = network.classes.weight.detach().clone()
    measure_stages(network, 54)
    assert all(weight.is_meta for weight in network.parameters())
    assert before.shape == network.classes.weight.shape
    assert not any(module._forward_hooks for module in network.modules())


def test_a_stage_without_a_place_is_refused():
    class Vague(nn.Module):
        radius = 0

        def forward(self, inputs):
            return inputs

        def stages(self):
            return [Stage("somewhere", ("", "features"))]

    with pytest.raises(ValueError, match="ends after or before"):
        measure_stages(Vague(), 3)
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("name", NETWORKS)
def test_every_axis_has_a_name_that_pages_know(name):
    from hsicnn.core.modelfile.layers import AXES

    told = [axis for stage in build(name, 60, CLASSES, {}).stages() for axis in stage.axes]
    assert set(told) - {""} <= set(AXES)


def test_shapes_of_networks_on_tiles():
    shapes = [dict(s.shape) for s in measure_stages(build("etrainee_2d", 54, 8, {}), 54)]
    assert shapes[0] == {"features": 64, "rows": 128, "columns": 128}
    assert shapes[6] == {"features": 256, "rows": 32, "columns": 32}
    assert shapes[8] == {"features": 256, "rows": 64, "columns": 64}
    stages = measure_stages(build("etrainee_3d", 54, 8, {}), 54)
    shapes = [dict(stage.shape) for stage in stages]
    assert shapes[2] == {"features": 16, "bands": 27, "rows": 32, "columns": 32}
    joined = next(n for n, stage in enumerate(stages) if "side by side" in stage.words)
    assert shapes[joined] == {"features": 208, "rows": 16, "columns": 16}
    shapes = [dict(s.shape) for s in measure_stages(build("unet", 54, 8, {}), 54)]
    assert {"features": 128 + 128, "rows": 16, "columns": 16} in shapes  # beside each other


@pytest.mark.parametrize("name", NETWORKS)
def test_dropout_that_is_off_is_not_told(name):
    network = build(name, NETWORKS[name].min_bands + 9, CLASSES, {"dropout": 0.0})
    told = [stage.words for stage in network.stages()]
    assert not [words for words in told if "Dropout of 0%" in words]


def test_dropout_that_is_on_is_told():
    stages = build("hu_2015", 20, CLASSES, {"dropout": 0.25}).stages()
    assert stages[-1].words == "Dropout of 25% in training, dense layer"

"""Networks keep their contract with other options than their defaults: a sample of all of them."""

from __future__ import annotations

import random
import re

import pytest
import torch
from hsicnn.models.build import build, count_parameters
from hsicnn.models.catalog import NETWORKS
from hsicnn.models.entry import Option
from hsicnn.models.stages import measure_stages

CLASSES = 3
SAMPLES = 6  # of a network
CASES = [
    (name, number) for name, entry in NETWORKS.items() if entry.options for number in range(SAMPLES)
]
OF_PATCHES = [case for case in CASES if NETWORKS[case[0]].kind == "pixel"]
TILE = 32  # halves as often as any depth asks for
TOO_FEW = re.compile(r"needs at least (\d+) bands; it gets")


def drawn(option: Option, chance: random.Random) -> object:
    """A value that the option takes; of numbers one not much larger than its default."""
    if option.type == "choice":
        return chance.choice(option.choices)
    if option.type == "int":
        return chance.randint(
            option.minimum, min(max(option.default, option.minimum + 3), option.maximum)
        )
    return chance.uniform(
        option.minimum, min(max(option.default, option.minimum + 0.5), option.maximum)
    )


def sample(name: str, number: int) -> tuple[torch.nn.Module, int, dict[str, object]]:
    """A network with drawn options whose batch norms have seen data, its inputs and its options."""
    entry, chance = NETWORKS[name], random.Random(f"{name} {number}")
    options = {option.name: drawn(option, chance) for option in entry.options}
    tiles = entry.kind == "tile"
    options["patch_size"] = TILE if tiles else chance.choice(entry.patch_sizes[:3])
    bands = entry.min_bands + chance.randint(3, 9)
    torch.manual_seed(number)
    try:
        network = build(name, bands, CLASSES, options)
    except ValueError as refusal:
        told = TOO_FEW.search(str(refusal))
        if not told:
            raise
        bands = int(told[1])  # and no more: so many are enough
        network = build(name, bands, CLASSES, options)
    count, side = (2, TILE) if tiles else (16, 2 * network.radius + 1)
    network.train()
    with torch.no_grad():
        for _ in range(2):
            network(torch.randn(count, bands, side, side) * 1.5 + 0.3)
    return network.eval(), bands, options


@pytest.mark.parametrize(("name", "number"), OF_PATCHES)
def test_a_block_is_its_patches_with_any_options(name, number):
    network, bands, options = sample(name, number)
    side = 2 * network.radius + 1
    block = torch.randn(1, bands, side + 3, side + 2)
    with torch.inference_mode():
        dense = network(block).softmax(1)
        patches = block.unfold(2, side, 1).unfold(3, side, 1).permute(0, 2, 3, 1, 4, 5)
        alone = network(patches.flatten(0, 2)).softmax(1).view(1, 4, 3, CLASSES)
    assert (dense - alone.permute(0, 3, 1, 2)).abs().max() < 1e-5, options
    learnt = network(block).softmax(1)
    assert learnt.requires_grad
    assert (dense - learnt).abs().max() < 1e-5, options


@pytest.mark.parametrize(("name", "number"), CASES)
def test_every_weight_belongs_to_one_stage_with_any_options(name, number):
    network, bands, options = sample(name, number)
    owned = [id(w) for s in network.stages() for m in s.modules for w in m.parameters()]
    assert sorted(owned) == sorted(id(weight) for weight in network.parameters()), options
    total = count_parameters(network)
    stages = measure_stages(network, bands)
    assert sum(stage.parameters for stage in stages) == total
    assert dict(stages[-1].shape)["classes"] == CLASSES


def dropouts(network: torch.nn.Module) -> set[float]:
    return {module.p for module in network.modules() if isinstance(module, torch.nn.Dropout)}


@pytest.mark.parametrize(
    "name", [name for name, entry in NETWORKS.items() if entry.kind == "pixel"]
)
def test_options_do_what_they_are_called(name):
    """Where a network has them: a factor on channels, layers, what is dropped, what bends."""
    entry = NETWORKS[name]
    known = {option.name: option for option in entry.options}
    bands = entry.min_bands + 40
    usual = count_parameters(build(name, bands, CLASSES, {}))
    if "width" in known and known["width"].type == "float":
        assert count_parameters(build(name, bands, CLASSES, {"width": 0.5})) < usual
        assert count_parameters(build(name, bands, CLASSES, {"width": 2.0})) > usual
    if "dropout" in known:
        assert dropouts(build(name, bands, CLASSES, {"dropout": 0.25})) == {0.25}
    if "activation" in known:
        found = build(name, bands, CLASSES, {"activation": "gelu"})
        assert any(isinstance(module, torch.nn.GELU) for module in found.modules())
        assert not any(isinstance(module, torch.nn.ReLU) for module in found.modules())
    if "norm" in known:
        found = build(name, bands, CLASSES, {"norm": "batch"})
        assert any("BatchNorm" in type(module).__name__ for module in found.modules())
        found = build(name, bands, CLASSES, {"norm": "none"})
        assert not any("BatchNorm" in type(module).__name__ for module in found.modules())


@pytest.mark.parametrize(
    ("name", "options", "least"),
    [
        ("etrainee_1d", {"depth": 4}, 60),
        ("hu_2015", {"kernel": 24, "pool": 5}, 28),
        ("hamida_2018", {"padding": "none"}, 25),
        ("li_2017", {"padding": "none"}, 9),
        ("he_2017", {"pooling": "maximum"}, 23),
        ("he_2017", {"padding": "none"}, 77),
        ("soil_1d", {"padding": "none"}, 15),
        ("indian_pines_3d", {"padding": "none"}, 70),
    ],
)
def test_options_that_need_more_bands_are_refused_with_how_many(name, options, least):
    with pytest.raises(ValueError, match=f"at least {least} bands; it gets {least - 1}"):
        build(name, least - 1, CLASSES, options)
    network = build(name, least, CLASSES, options)
    side = 2 * network.radius + 1
    assert network(torch.randn(2, least, side, side)).shape == (2, CLASSES, 1, 1)


@pytest.mark.parametrize("name", ["etrainee_1d", "indian_pines_3d"])
def test_the_order_of_layers_is_the_one_that_was_chosen(name):
    bands, side = NETWORKS[name].min_bands, NETWORKS[name].default_patch
    norm = {"norm": "batch"} if name == "indian_pines_3d" else {}
    called = []
    for order in ("convolution-norm-activation", "convolution-activation-norm"):
        network = build(name, bands, CLASSES, {"order": order, "activation": "prelu", **norm})
        hooks = [
            module.register_forward_hook(lambda m, *_: called.append(type(m).__name__[:4]))
            for module in network.modules()
            if isinstance(module, torch.nn.PReLU) or "BatchNorm" in type(module).__name__
        ]
        network(torch.randn(4, bands, side, side))
        assert called[:2] == (["Batc", "PReL"] if "norm-a" in order else ["PReL", "Batc"])
        assert len(called) == len(hooks)
        called.clear()

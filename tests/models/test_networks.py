"""Every network of pixels keeps the contract that loops and engine rely on."""

from __future__ import annotations

import pytest
import torch
from hsicnn.models.build import build, count_parameters
from hsicnn.models.catalog import NETWORKS

CLASSES = 4
PIXEL = {name: entry for name, entry in NETWORKS.items() if entry.kind == "pixel"}
CASES = [(entry.name, side) for entry in PIXEL.values() for side in entry.patch_sizes[:4]]


def bands_for(name: str) -> int:
    """A few more than the network needs, and not a multiple of its poolings."""
    return NETWORKS[name].min_bands + 9


def make(name: str, side: int) -> torch.nn.Module:
    """A network whose batch norms have seen data, in evaluation mode."""
    torch.manual_seed(5)
    network = build(name, bands_for(name), CLASSES, {"patch_size": side})
    network.train()
    with torch.no_grad():
        for _ in range(3):
            network(torch.randn(16, bands_for(name), side, side) * 1.5 + 0.3)
    return network.eval()


@pytest.mark.parametrize(("name", "side"), CASES)
def test_a_patch_gives_a_pixel_and_a_block_a_map(name, side):
    network = make(name, side)
    assert network.radius == side // 2
    with torch.inference_mode():
        assert network(torch.zeros(3, bands_for(name), side, side)).shape == (3, CLASSES, 1, 1)
        block = network(torch.zeros(1, bands_for(name), side + 4, side + 9))
    assert block.shape == (1, CLASSES, 5, 10)


@pytest.mark.parametrize(("name", "side"), CASES)
def test_a_block_is_its_patches(name, side):
    network = make(name, side)
    block = torch.randn(2, bands_for(name), side + 5, side + 6)
    with torch.inference_mode():
        dense = network(block).softmax(1)
        patches = block.unfold(2, side, 1).unfold(3, side, 1).permute(0, 2, 3, 1, 4, 5)
        alone = network(patches.flatten(0, 2)).softmax(1)
    alone = alone.view(2, 6, 7, CLASSES).permute(0, 3, 1, 2)
    assert (dense - alone).abs().max() < 1e-5
    assert (dense.argmax(1) == alone.argmax(1)).all()


@pytest.mark.parametrize("name", PIXEL)
def test_inference_is_the_network_that_was_trained(name):
    """Without gradients other kernels run; they compute the same."""
    network = make(name, NETWORKS[name].default_patch)
    side = NETWORKS[name].default_patch
    block = torch.randn(2, bands_for(name), side + 3, side + 2)
    learnt = network(block).softmax(1)
    assert learnt.requires_grad
    with torch.inference_mode():
        assert (network(block).softmax(1) - learnt).abs().max() < 1e-5


@pytest.mark.parametrize("name", PIXEL)
def test_every_weight_learns(name):
    side = NETWORKS[name].default_patch
    network = build(name, bands_for(name), CLASSES, {}).train()
    torch.manual_seed(3)
    forward = getattr(network, "forward_members", network)
    forward(torch.randn(8, bands_for(name), side, side)).square().sum().backward()
    for title, weight in network.named_parameters():
        assert weight.grad is not None, title
        assert weight.grad.abs().max() > 0, title


@pytest.mark.parametrize("name", PIXEL)
def test_a_step_of_training_lowers_the_loss(name):
    side = NETWORKS[name].default_patch
    torch.manual_seed(8)
    network = build(name, bands_for(name), CLASSES, {}).train()
    patches, classes = torch.randn(8, bands_for(name), side, side), torch.arange(8) % CLASSES
    forward = getattr(network, "forward_members", network)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-4)

    def loss() -> torch.Tensor:
        torch.manual_seed(2)  # the same features are dropped
        scores = forward(patches).movedim(-3, -1).flatten(0, -2)
        targets = classes.repeat(len(scores) // len(classes))
        return torch.nn.functional.cross_entropy(scores, targets)

    before = loss()
    before.backward()
    optimiser.step()
    assert loss() < before


@pytest.mark.parametrize("name", PIXEL)
def test_the_layout_in_memory_makes_no_difference(name):
    network = make(name, NETWORKS[name].default_patch)
    side = NETWORKS[name].default_patch
    block = torch.randn(3, bands_for(name), side + 2, side + 2)
    with torch.inference_mode():
        first = network(block)
        second = network(block.contiguous(memory_format=torch.channels_last))
        cut = torch.zeros(3, bands_for(name), side + 5, side + 5)
        cut[..., 1 : side + 3, 2 : side + 4] = block
        third = network(cut[..., 1 : side + 3, 2 : side + 4])
    torch.testing.assert_close(first, second, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(first, third, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", PIXEL)
def test_weights_travel(name):
    network = make(name, NETWORKS[name].default_patch)
    other = build(name, bands_for(name), CLASSES, {}).eval()
    other.load_state_dict({key: value.clone() for key, value in network.state_dict().items()})
    side = NETWORKS[name].default_patch
    block = torch.randn(1, bands_for(name), side, side)
    with torch.inference_mode():
        assert torch.equal(network(block), other(block))


@pytest.mark.parametrize("name", PIXEL)
def test_the_fewest_bands(name):
    least, side = NETWORKS[name].min_bands, NETWORKS[name].default_patch
    network = build(name, least, CLASSES, {}).eval()
    with torch.inference_mode():
        found = network(torch.randn(1, least, side, side))
    assert found.shape == (1, CLASSES, 1, 1)
    assert found.isfinite().all()
    with pytest.raises(ValueError, match=f"at least {least} bands; it gets {least - 1}"):
        build(name, least - 1, CLASSES, {})


def test_refusals_say_what_is_possible():
    with pytest.raises(ValueError, match=r"7, 9, 11, 13 pixels, not 8"):
        build("indian_pines_3d", 30, 2, {"patch_size": 8})
    with pytest.raises(ValueError, match="no option 'widht'"):
        build("etrainee_1d", 54, 2, {"widht": 3})
    with pytest.raises(ValueError, match="at least one class"):
        build("etrainee_1d", 54, 0, {})


@pytest.mark.parametrize(
    ("bands", "classes", "expected"), [(220, 16, 578_544), (220, 58, 583_962), (200, 16, 504_816)]
)
def test_parameters_of_the_indian_pines_network(bands, classes, expected):
    assert count_parameters(build("indian_pines_3d", bands, classes, {})) == expected


def test_parameters_of_the_etrainee_network():
    assert count_parameters(build("etrainee_1d", 54, 7, {})) == 402_823
    pavia = {"conv1": 16, "conv2": 32, "conv3": 64, "dense1": 480, "dense2": 240, "dense3": 120}
    assert count_parameters(build("etrainee_1d", 102, 9, pavia)) == 648_225


def plain_indian_pines(network: torch.nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    """The published structure written with Conv3d alone."""
    from torch.nn import functional as f

    values = f.conv3d(inputs[:, None], network.first.weight[:, None], network.first.bias)
    values = f.pad(f.max_pool3d(f.relu(values), (3, 1, 1)), (0, 0, 0, 0, 2, 2))
    values = f.conv3d(values, network.second.weight, network.second.bias)
    values = f.pad(f.max_pool3d(f.relu(values), (3, 1, 1)), (0, 0, 0, 0, 2, 2))
    values = f.conv3d(values, network.third.weight, network.third.bias)
    values = f.max_pool3d(f.relu(values), (2, 1, 1))
    spectra = values.transpose(1, 2).flatten(1)
    weight = network.dense.weight.flatten(1)
    values = f.relu(f.linear(spectra, weight, network.dense.bias))
    values = f.relu(f.linear(values, network.hidden.weight.flatten(1), network.hidden.bias))
    return f.linear(values, network.classes.weight.flatten(1), network.classes.bias)


def test_the_indian_pines_network_is_the_published_one():
    network = make("indian_pines_3d", 9)
    patches = torch.randn(3, bands_for("indian_pines_3d"), 9, 9)
    with torch.inference_mode():
        found = network(patches).flatten(1)
        torch.testing.assert_close(
            found, plain_indian_pines(network, patches), atol=1e-5, rtol=1e-4
        )


def test_the_etrainee_network_is_the_published_one():
    from torch.nn import functional as f

    network = make("etrainee_1d", 1)
    spectra = torch.randn(1500, bands_for("etrainee_1d"))  # more than one chunk

    def norm(values, layer):
        return f.relu(
            f.batch_norm(
                values, layer.running_mean, layer.running_var, layer.weight, layer.bias, eps=1e-5
            )
        )

    with torch.inference_mode():
        values = spectra[:, None]
        for place, layer in enumerate(network.convolutions):
            values = norm(f.conv1d(values, layer.weight[..., 0]), network.convolution_norms[place])
            if place in (2, 5):
                values = f.max_pool1d(values, 2)
        values = values.flatten(1)
        for layer, layer_norm in zip(network.dense, network.dense_norms):
            values = norm(f.linear(values, layer.weight.flatten(1)), layer_norm)
        expected = f.linear(values, network.classes.weight.flatten(1), network.classes.bias)
        found = network(spectra[..., None, None]).flatten(1)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("chunk", [1, 64, 10**6])
def test_blocks_of_the_multiscale_network_are_the_same_in_any_chunks(monkeypatch, chunk):
    from hsicnn.models import multiscale

    monkeypatch.setattr(multiscale, "CHUNK", chunk)
    network = make("multiscale", 9)
    block = torch.randn(2, bands_for("multiscale"), 23, 30)
    learnt = network(block).softmax(1)
    with torch.inference_mode():
        found = network(block).softmax(1)
    assert (found - learnt).abs().max() < 1e-5
    assert (found.argmax(1) == learnt.argmax(1)).all()

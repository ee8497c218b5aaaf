"""Networks on tiles: published sizes, and the same output whatever piece they are given."""

from __future__ import annotations

import pytest
import torch
from hsicnn.models.build import build, count_parameters
from hsicnn.models.catalog import NETWORKS
from hsicnn.models.encoder_decoder import receptive_margin
from hsicnn.models.seamless import Seamless, seamless
from torch import nn

CLASSES = 4
TILE = {name: entry for name, entry in NETWORKS.items() if entry.kind == "tile"}
#: Options as small as they get, so that pieces of a raster are computed in no time.
FEW = {"width": 0.125}
VARIANTS = [
    *((name, {**FEW, "depth": depth}) for name in TILE for depth in (1, 2, 3)),
    ("etrainee_2d", {**FEW, "activation": "gelu", "order": "convolution-activation-norm"}),
    ("etrainee_3d", {**FEW, "padding": "valid", "activation": "prelu"}),
]


def bands_for(name: str) -> int:
    return NETWORKS[name].min_bands + 29


def make(name: str, options: dict, side: int = 32) -> nn.Module:
    """A network whose batch norms have seen data, in evaluation mode."""
    torch.manual_seed(5)
    network = build(name, bands_for(name), CLASSES, {**options, "patch_size": side}).train()
    with torch.no_grad():
        for _ in range(3):
            network(torch.randn(4, bands_for(name), side, side) * 1.5 + 0.3)
    return network.eval()


@pytest.mark.parametrize(
    ("name", "bands", "classes", "expected"),
    [
        ("etrainee_2d", 54, 8, 2_057_992),
        ("etrainee_2d", 102, 10, 2_085_770),
        ("etrainee_3d", 54, 8, 103_352),
        ("etrainee_3d", 102, 10, 127_994),
    ],
)
def test_parameters_of_the_published_networks(name, bands, classes, expected):
    assert count_parameters(build(name, bands, classes, {})) == expected


def test_parameters_of_the_published_unet():
    """Its 31,030,593 weights for one band and one class have biases where ours has batch norm."""
    network = build("unet", 1, 1, {"depth": 4, "width": 1.0})
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    factors = sum(layer.num_features for layer in norms)  # besides the summands
    assert count_parameters(network) - factors == 31_030_593


@pytest.mark.parametrize("name", TILE)
def test_a_tile_gives_a_tile(name):
    network = make(name, FEW)
    assert (network.radius, network.tile) == (0, 32)
    with torch.inference_mode():
        found = network(torch.zeros(2, bands_for(name), 48, 32))
    assert found.shape == (2, CLASSES, 48, 32)


@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=str)
def test_a_pixel_is_the_same_in_every_piece_that_begins_at_a_multiple(name, options):
    network = make(name, options)
    whole = seamless(network)
    assert isinstance(whole, Seamless)
    rim, step = whole.radius, whole.multiple
    side = 2 * rim + 4 * step
    side += -side % step
    raster = torch.randn(1, bands_for(name), side + 3 * step, side + 2 * step)
    with torch.inference_mode():
        expected = whole(raster).softmax(1)
        for down, right in ((0, 0), (3 * step, 0), (step, 2 * step)):
            found = whole(raster[:, :, down : down + side, right : right + side]).softmax(1)
            height, width = found.shape[2:]
            same = expected[:, :, down : down + height, right : right + width]
            assert found.shape == same.shape
            assert (found - same).abs().max() < 1e-5
            assert (found.argmax(1) == same.argmax(1)).all()
    assert expected.std() > 1e-3  # it says something


@pytest.mark.parametrize(
    ("name", "depth"),
    [(name, depth) for name in TILE for depth in (1, 2)] + [("etrainee_2d", 3)],
)
def test_the_margin_is_as_far_as_a_pixel_looks(name, depth):
    """No farther, or rims would be seen; no nearer, or more is computed than needed."""
    bands = NETWORKS[name].min_bands + 4
    torch.manual_seed(5)
    options = {**FEW, "depth": depth, "activation": "tanh"}
    network = build(name, bands, CLASSES, options).eval().double()
    step, rim = network.multiple, network.margin
    assert rim == receptive_margin(depth)
    # The image begins farther away than any pixel looks, at a multiple.
    first = -(-2 * rim // step) * step
    side = 2 * first + step
    far = 0
    for place in range(first, first + step):
        inputs = torch.randn(1, bands, side, side, dtype=torch.double)
        inputs.requires_grad_()
        network(inputs)[0, :, place, place].square().sum().backward()
        seen = inputs.grad[0].abs().sum(0).nonzero()
        far = max(far, int((seen - place).abs().max()))
    assert far <= rim
    if name == "etrainee_2d":  # a maximum hands on one of four pixels, which need not be the last
        assert far >= rim - 2 * step


@pytest.mark.parametrize("name", TILE)
def test_every_weight_learns(name):
    torch.manual_seed(3)
    network = build(name, bands_for(name), CLASSES, {**FEW, "patch_size": 16}).train()
    network(torch.randn(3, bands_for(name), 16, 16)).square().sum().backward()
    for title, weight in network.named_parameters():
        assert weight.grad is not None, title
        assert weight.grad.abs().max() > 0, title


@pytest.mark.parametrize("name", TILE)
def test_a_step_lowers_the_loss(name):
    torch.manual_seed(3)
    network = build(name, bands_for(name), CLASSES, {**FEW, "patch_size": 16, "dropout": 0.0})
    inputs = torch.randn(3, bands_for(name), 16, 16)
    target = torch.randint(CLASSES, (3, 16, 16))
    optimiser = torch.optim.Adam(network.train().parameters(), lr=3e-3)
    losses = []
    for _ in range(4):
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(network(inputs), target)
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", TILE)
def test_weights_travel_and_the_layout_in_memory_makes_no_difference(name):
    network = make(name, FEW)
    other = build(name, bands_for(name), CLASSES, FEW).eval()
    other.load_state_dict({key: value.clone() for key, value in network.state_dict().items()})
    block = torch.randn(2, bands_for(name), 16, 24)
    with torch.inference_mode():
        assert torch.equal(network(block), other(block))
        last = block.contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(network(block), network(last), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", TILE)
def test_the_fewest_bands(name):
    least = NETWORKS[name].min_bands
    network = build(name, least, CLASSES, {**FEW, "patch_size": 16}).eval()
    with torch.inference_mode():
        found = network(torch.randn(1, least, 16, 16))
    assert found.shape == (1, CLASSES, 16, 16)
    assert found.isfinite().all()
    with pytest.raises(ValueError, match=f"at least {least} bands"):
        build(name, least - 1, CLASSES, {})


def test_a_valid_spectrum_needs_more_bands():
    assert build("etrainee_3d", 32, 2, {"padding": "valid"}).decoder is not None
    with pytest.raises(
        ValueError, match=r"'valid' the network needs at least 32 bands; it gets 31"
    ):
        build("etrainee_3d", 31, 2, {"padding": "valid"})


def test_sides_that_cannot_be_halved_are_refused():
    with pytest.raises(ValueError, match=r"tiles of 16 to 512 pixels, multiples of 4, not 50"):
        build("etrainee_2d", 5, 2, {"patch_size": 50})
    with pytest.raises(ValueError, match=r"multiple of 16, at least 32 pixels; PATCH_SIZE is 40"):
        build("unet", 5, 2, {"patch_size": 40, "depth": 4})
    with pytest.raises(ValueError, match=r"at least 32 pixels; PATCH_SIZE is 16"):
        build("unet", 5, 2, {"patch_size": 16, "depth": 4})
    with pytest.raises(ValueError, match=r"33 x 64 pixels are no multiples of 4"):
        seamless(make("etrainee_2d", FEW))(torch.zeros(1, bands_for("etrainee_2d"), 33, 64))


def test_networks_of_pixels_are_seamless_already():
    network = build("multiscale", 5, 2, {})
    assert seamless(network) is network

"""Averaging over turned and mirrored views."""

from __future__ import annotations

import pytest
import torch
from hsicnn.models.build import build
from hsicnn.models.catalog import NETWORKS
from hsicnn.models.ensemble import Ensemble
from hsicnn.models.seamless import seamless
from hsicnn.models.turned import VIEWS, Turned, is_symmetric, turned

from .test_ensemble import Halved
from .test_networks import CLASSES, bands_for, make


def patch_by_patch(network, block, views):
    """Turn every patch by itself, and average."""
    side = 2 * network.radius + 1
    patches = block.unfold(2, side, 1).unfold(3, side, 1).permute(0, 2, 3, 1, 4, 5)
    shape = patches.shape[:3]
    patches = patches.flatten(0, 2)
    shares = []
    for turn, mirrored in views:
        view = torch.rot90(patches.flip(3) if mirrored else patches, turn, (2, 3))
        shares.append(network(view.contiguous()).softmax(1).flatten(1))
    return torch.stack(shares).mean(0).view(*shape, -1).permute(0, 3, 1, 2)


@pytest.mark.parametrize("count", VIEWS)
def test_a_turned_block_is_its_patches_turned_one_by_one(count):
    network = make("indian_pines_3d", 7)
    block = torch.randn(1, bands_for("indian_pines_3d"), 12, 10)
    with torch.inference_mode():
        found = Turned(network, count)(block).exp()
        expected = patch_by_patch(network, block, VIEWS[count])
        plain = network(block).softmax(1)
    assert len(VIEWS[count]) == len(set(VIEWS[count])) == count
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    assert float((found - plain).abs().max()) > 1e-3


@pytest.mark.parametrize(
    "name", [name for name, entry in NETWORKS.items() if entry.kind == "pixel"]
)
def test_networks_that_say_so_see_the_same_in_every_view(name):
    network = make(name, NETWORKS[name].default_patch)
    side = NETWORKS[name].default_patch
    patch = torch.randn(2, bands_for(name), side, side)
    with torch.inference_mode():
        plain = network(patch).softmax(1)
        shares = [network(torch.rot90(patch.flip(3) if mirrored else patch, turn, (2, 3)))
                  .softmax(1) for turn, mirrored in VIEWS[8]]  # fmt: skip
    same = all(torch.allclose(plain, share, atol=1e-5) for share in shares)
    assert same == is_symmetric(network)


def test_cells_of_a_network_that_aligns_stay_where_they_are():
    network = Halved(3, CLASSES, 2)
    block = torch.randn(1, 3, 13, 11)  # no whole cells: turned, they would begin elsewhere
    with torch.inference_mode():
        found = Turned(network, 8)(block).exp()
        plain = network(torch.nn.functional.pad(block, (0, 1, 0, 1))).softmax(1)
    assert found.shape == (1, CLASSES, 9, 7)
    # A mean over a cell is the same however it is turned.
    torch.testing.assert_close(found, plain[:, :, :9, :7], atol=1e-6, rtol=1e-5)


def test_of_an_ensemble_only_those_are_turned_that_gain_from_it():
    square, other = make("multiscale", 5), make("indian_pines_3d", 7)
    counts = bands_for("multiscale"), bands_for("indian_pines_3d")
    channels = [(0, counts[0]), (counts[0], sum(counts))]
    whole = Ensemble([square, other], channels, [range(CLASSES)] * 2).eval()
    assert turned(whole, 1) is whole
    assert turned(square, 8) is square
    mixed = turned(whole, 4)
    assert mixed.members[0] is square
    assert isinstance(mixed.members[1], Turned)
    inputs = torch.randn(1, sum(counts), 9, 9)
    with torch.inference_mode():
        shares = square(inputs[:, : counts[0], 1:-1, 1:-1]).softmax(1)
        shares = (shares + Turned(other, 4)(inputs[:, counts[0] :]).exp()) / 2
        torch.testing.assert_close(mixed(inputs).exp(), shares, atol=1e-6, rtol=1e-5)
    assert is_symmetric(Ensemble([square], [channels[0]], [range(CLASSES)]))


@pytest.mark.parametrize("count", VIEWS)
def test_a_network_on_tiles_is_turned_without_seams(count):
    torch.manual_seed(4)
    network = seamless(build("etrainee_2d", 5, CLASSES, {"width": 0.125, "depth": 1})).eval()
    assert not is_symmetric(network)
    turned_one = Turned(network, count)
    block = torch.randn(1, 5, 48, 40)
    with torch.inference_mode():
        whole = turned_one(block)
        part = turned_one(block[:, :, 4:44, 6:38])
    torch.testing.assert_close(part, whole[:, :, 4:26, 6:20], atol=1e-5, rtol=1e-5)

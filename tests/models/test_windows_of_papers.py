"""HybridSN, SSRN, A2S2K-ResNet and SpectralFormer are the published ones: counted, and plain."""

from __future__ import annotations

import math

import pytest
import torch
from hsicnn.models.a2s2k import AdaptiveKernelNet
from hsicnn.models.build import build, count_parameters
from hsicnn.models.spectralformer import SpectralWords
from torch import nn
from torch.nn import functional

INDIAN_PINES, PAVIA, SALINAS, HOUSTON = (200, 16), (103, 9), (204, 16), (144, 15)


def sketch(name: str, bands: int, classes: int, **options: object) -> nn.Module:
    """A network without memory for its weights."""
    with torch.device("meta"):
        return build(name, bands, classes, options)


def alive(name: str, bands: int, **options: object) -> nn.Module:
    """A network in evaluation mode: no weight is 0 or 1 any more, norms have seen data."""
    torch.manual_seed(11)
    network = build(name, bands, 5, options).train()
    side = 2 * int(network.radius) + 1
    with torch.no_grad():
        for title, weight in network.named_parameters():
            if title.endswith("bias"):
                weight.normal_(0, 0.1)
            elif weight.ndim == 1:
                weight.uniform_(0.5, 1.5)
        for _ in range(3):
            network(torch.randn(12, bands, side, side) * 1.4 + 0.2)
    return network.eval()


def same(network: nn.Module, patches: torch.Tensor, expected: torch.Tensor) -> None:
    with torch.inference_mode():
        found = network(patches).flatten(1)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("components", "classes", "expected"),
    [(30, 16, 5_122_176), (15, 9, 4_844_793), (15, 16, 4_845_696)],
)
def test_parameters_of_hybridsn(components, classes, expected):
    """Of 30 components for Indian Pines, and 15 for Pavia University and Salinas."""
    assert count_parameters(sketch("hybridsn", components, classes)) == expected


@pytest.mark.parametrize(
    ("size", "expected"),
    [(INDIAN_PINES, 346_784), (PAVIA, 199_153), (SALINAS, 352_928), (HOUSTON, 260_743)],
)
def test_numbers_of_ssrn(size, expected):
    """The published counts include the running statistics of eight norms of 24, one of 128."""
    network = sketch("ssrn", *size)
    running = [value for name, value in network.named_buffers() if ".running_" in name]
    assert count_parameters(network) + sum(value.numel() for value in running) == expected
    assert count_parameters(network) == expected - 2 * (8 * 24 + 128)


@pytest.mark.parametrize(
    ("size", "expected"), [(INDIAN_PINES, 370_856), (PAVIA, 220_824), (HOUSTON, 283_443)]
)
def test_parameters_of_a2s2k(size, expected):
    """A layer of attention more, which the published program lacks; what it never uses less."""
    attention = 24 * (size[0] // 2) + 24
    unused = 2 * 48 + 4 * 6  # two norms, and the outer rows of four kernels of 3 x 3
    assert count_parameters(sketch("a2s2k", *size)) == expected + attention - unused


@pytest.mark.parametrize(
    ("size", "group", "expected"),
    [(INDIAN_PINES, 3, 355_577), (PAVIA, 7, 183_657), (HOUSTON, 3, 235_504)],
)
def test_parameters_of_spectralformer(size, group, expected):
    assert count_parameters(sketch("spectralformer", *size, group=group)) == expected


def test_spectralformer_knows_single_pixels():
    network = sketch("spectralformer", 200, 16, patch_size=1)
    assert network.radius == 0
    assert count_parameters(network) == 355_577 - (49 - 1) * 3 * 64


def test_hybridsn_is_the_published_one():
    network = alive("hybridsn", 15, patch_size=11)
    patches = torch.randn(3, 15, 11, 11)
    with torch.inference_mode():
        values = patches[:, None]
        for unit in (network.first, network.second, network.third):
            layer = unit.convolution
            weight = layer.weight[:, None] if layer.weight.ndim == 4 else layer.weight
            values = functional.conv3d(values, weight, layer.bias).relu()
        # The program's channels are counted within a band; here a band's stand together.
        maps = values.transpose(1, 2).flatten(1, 2)
        layer = network.maps.convolution
        values = functional.conv2d(maps, layer.weight, layer.bias).relu().flatten(1)
        for layer in (network.dense, network.hidden):
            values = functional.linear(values, layer.weight.flatten(1), layer.bias).relu()
        layer = network.classes
        expected = functional.linear(values, layer.weight.flatten(1), layer.bias)
    same(network, patches, expected)


def normed(values: torch.Tensor, norm: nn.Module) -> torch.Tensor:
    return functional.batch_norm(
        values, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
    )


def bands_convolved(layer: nn.Module, values: torch.Tensor, **how: object) -> torch.Tensor:
    """A convolution whose first kernels are stored without the axis of channels."""
    weight = layer.weight[:, None] if layer.weight.ndim == 4 else layer.weight
    return functional.conv3d(values, weight, layer.bias, **how)


def spectrum_in_space(network: nn.Module, values: torch.Tensor) -> torch.Tensor:
    """All that is left of the spectrum as features, then 3 x 3 pixels of these."""
    for unit in (network.features, network.maps):
        if values.ndim == 5:
            values = values.transpose(1, 2).flatten(1, 2)
        layer = unit.convolution
        values = functional.conv2d(values, layer.weight, layer.bias)
        values = normed(values, unit.after[0]).relu()
    return values


def test_ssrn_is_the_published_one_on_every_window():
    network = alive("ssrn", 20)
    block = torch.randn(1, 20, 9, 8)
    patches = block.unfold(2, 7, 1).unfold(3, 7, 1).permute(0, 2, 3, 1, 4, 5).flatten(0, 2)
    along = {"padding": (3, 0, 0)}
    with torch.inference_mode():
        first, inner = network.first, network.inner
        values = bands_convolved(first.convolution, patches[:, None], stride=(2, 1, 1))
        values = normed(values, first.after[0]).relu()
        found = normed(bands_convolved(inner.convolution, values, **along), inner.after[0]).relu()
        values = values + bands_convolved(network.outer, found, **along)
        for norm in (network.norms[0], network.norms[2]):
            values = normed(values, norm).relu()
        maps = spectrum_in_space(network, values)
        spatial = network.windows.net
        layer = spatial.inner.convolution
        found = functional.conv2d(maps, layer.weight, layer.bias, padding=1)
        found = normed(found, spatial.inner.after[0]).relu()
        found = functional.conv2d(found, spatial.outer.weight, spatial.outer.bias, padding=1)
        values = found + functional.conv2d(maps, spatial.shortcut.weight, spatial.shortcut.bias)
        for norm in (spatial.norms[0], spatial.norms[2]):
            values = normed(values, norm).relu()
        means = functional.avg_pool2d(values, 5).flatten(1)
        expected = functional.linear(means, spatial.classes.weight, spatial.classes.bias)
    same(network, patches, expected)
    with torch.inference_mode():
        found = network(block)[0].flatten(1).t()
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def attended(values: torch.Tensor, layer: nn.Module) -> torch.Tensor:
    """Channels times a factor, from a kernel of 3 x 3 on a row of means as in the program."""
    means = values.mean(tuple(range(2, values.ndim)))[:, None, None]
    kernel = functional.pad(layer.weight[:, :, None], (0, 0, 1, 1))
    factors = functional.conv2d(means, kernel, padding=1).sigmoid().flatten(1)
    return values * factors.view(*factors.shape, *[1] * (values.ndim - 2))


def residual(block: nn.Module, values: torch.Tensor, place: str) -> torch.Tensor:
    """A block of A2S2K-ResNet, layer by layer."""
    layers = list(block.inner)
    flat = values.ndim == 4
    convolve = functional.conv2d if flat else functional.conv3d
    padding = 1 if flat else (3, 0, 0)
    found = values
    if place != "first":
        found, layers = normed(found, layers[0]).relu(), layers[2:]
    found = convolve(found, layers[0].weight, layers[0].bias, padding=padding).relu()
    found = normed(found, layers[2]).relu()
    found = convolve(found, block.outer[0].weight, block.outer[0].bias, padding=padding)
    if place == "first":
        found = normed(found, block.outer[1])
    found = values + attended(found, block.attention.mixture)
    return normed(found, block.after[0]).relu() if place == "last" else found


def test_a2s2k_is_the_published_one():
    network = alive("a2s2k", 20)
    net = network.net
    assert isinstance(net, AdaptiveKernelNet)
    patches = torch.randn(4, 20, 7, 7)
    with torch.inference_mode():
        branches = []
        for unit, ends in ((net.narrow, 0), (net.wide, 1)):
            how = {"stride": (2, 1, 1), "padding": (0, ends, ends)}
            found = bands_convolved(unit.convolution, patches[:, None], **how)
            branches.append(normed(found, unit.after[0]).relu())
        means = functional.adaptive_avg_pool3d(sum(branches), 1).flatten(1)
        squeezed = net.choice.squeeze(means).relu()
        scores = torch.stack([layer(squeezed) for layer in net.choice.shares], 1).softmax(1)
        values = sum(
            branch * scores[:, place, :, None, None, None] for place, branch in enumerate(branches)
        )
        for block, place in zip(net.spectral, ("first", "inner")):
            values = residual(block, values, place)
        values = spectrum_in_space(net, values)
        for block, place in zip(net.spatial, ("inner", "last")):
            values = residual(block, values, place)
        expected = net.classes(functional.avg_pool2d(values, 5).flatten(1))
    same(network, patches, expected)


def test_spectralformer_is_the_published_one():
    network = alive("spectralformer", 11, group=5)
    net = network.net
    assert isinstance(net, SpectralWords)
    patches = torch.randn(3, 11, 7, 7)
    with torch.inference_mode():
        near = [patches.roll(shift, 1).flatten(2) for shift in (2, 1, 0, -1, -2)]
        words = net.words.dense(torch.cat(near, 2))
        words = torch.cat([net.places.class_word.expand(3, 1, 64), words], 1) + net.places.places
        entered = []
        for place, (attention, dense) in enumerate(zip(net.attention, net.dense)):
            entered.append(words)
            if place >= 2:
                skip = net.skips[place - 2]
                pairs = torch.stack([words, entered[place - 2]], 3)
                kernel = torch.stack(skip.weight.chunk(2, 1), 2)[:, :, None]
                words = functional.conv2d(pairs, kernel, skip.bias)[..., 0]
            asked = attention.asked(attention.norm(words)).chunk(3, 2)
            query, key, value = (part.view(3, 12, 4, 16).transpose(1, 2) for part in asked)
            shares = (query @ key.transpose(2, 3) / math.sqrt(16)).softmax(3)
            answer = (shares @ value).transpose(1, 2).flatten(2)
            words = words + attention.answer[0](answer)
            inner = functional.gelu(dense[1](dense[0](words)))
            words = words + dense[4](inner)
        expected = net.classes[1](net.classes[0](words[:, 0]))
    same(network, patches, expected)


def test_spectralformer_takes_no_group_that_is_wider_than_the_spectrum():
    with pytest.raises(ValueError, match="needs at least 7 bands; it gets 5"):
        build("spectralformer", 5, 3, {"group": 7})


def test_both_kernels_of_a2s2k_learn_their_share():
    """In the published program their shares are one half whatever comes in."""
    network = alive("a2s2k", 20).train()
    network(torch.randn(6, 20, 7, 7)).square().sum().backward()
    choice = network.net.choice
    largest = [layer.weight.grad.abs().max() for layer in (*choice.shares, choice.squeeze)]
    assert min(largest) > 1e-4


def test_ssrn_shares_the_work_along_the_spectrum():
    """A block takes less than a thirtieth of what its patches take."""
    from torch.utils.flop_counter import FlopCounterMode

    network = sketch("ssrn", 200, 16).eval()

    def operations(*shape: int) -> int:
        with FlopCounterMode(display=False) as counter:
            network(torch.empty(shape, device="meta"))
        return int(counter.get_total_flops())

    assert 30 * operations(1, 200, 70, 70) < operations(64 * 64, 200, 7, 7)

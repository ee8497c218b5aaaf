"""Networks of the literature are the published ones: weights counted, layers written plainly."""

from __future__ import annotations

import pytest
import torch
from hsicnn.models.build import build, count_parameters
from hsicnn.models.lee_kwon_2016 import LocalResponse
from torch import nn
from torch.nn import functional

SIZES = ((200, 16), (103, 9), (204, 16), (144, 15))  # Indian Pines, Pavia U, Salinas, Houston


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("hu_2015", (72_196, 61_269, 74_196, 65_955)),
        ("hamida_2018", (45_196, 35_039, 45_196, 40_610)),
        ("li_2017", (115_248, 43_401, 117_296, 82_095)),
        ("he_2017", (269_024, 81_881, 273_120, 180_191)),
        ("lee_kwon_2016", (390_288, 265_225, 395_408, 318_479)),
    ],
)
def test_parameters_are_as_many_as_published(name, counts):
    found = [count_parameters(build(name, bands, classes, {})) for bands, classes in SIZES]
    assert found == list(counts)


def test_parameters_of_the_soil_network():
    assert count_parameters(build("soil_1d", 20, 1, {})) == 31_425


def trained(name: str, bands: int, **options: object) -> nn.Module:
    """A network in evaluation mode whose biases are not zero."""
    torch.manual_seed(7)
    network = build(name, bands, 5, options).eval()
    with torch.no_grad():
        for title, weight in network.named_parameters():
            if title.endswith("bias"):
                weight.normal_(0, 0.1)
    return network


def outputs(network: nn.Module, patches: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return network(patches).flatten(1)


def same(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def head(network: nn.Module, values: torch.Tensor) -> torch.Tensor:
    """The dense layer on ``(N, channels, spectrum, h, w)``, whose weights go by the spectrum."""
    features = values.transpose(1, 2).flatten(1)
    return functional.linear(features, network.classes.weight.flatten(1), network.classes.bias)


def volume(unit: nn.Module, values: torch.Tensor, stride: int, ends: int) -> torch.Tensor:
    layer = unit.convolution
    weight = layer.weight[:, None] if layer.weight.ndim == 4 else layer.weight
    return functional.conv3d(
        values, weight, layer.bias, stride=(stride, 1, 1), padding=(ends, 0, 0)
    )


def test_the_network_of_hu():
    network = trained("hu_2015", 103)
    spectra = torch.randn(300, 103)
    values = functional.conv1d(spectra[:, None], network.first.weight[..., 0], network.first.bias)
    values = torch.tanh(functional.max_pool1d(values, 3))  # ceil(103 / 9) = 12 bands a kernel
    dense = network.dense[0].convolution
    weight = dense.weight[..., 0].flatten(1)
    values = torch.tanh(functional.linear(values.flatten(1), weight, dense.bias))
    expected = functional.linear(values, network.classes.weight.flatten(1), network.classes.bias)
    same(outputs(network, spectra[..., None, None]), expected.detach())
    assert network.first.weight.shape == (20, 1, 12, 1)


def test_initial_weights_of_hu_are_small():
    network = build("hu_2015", 60, 4, {})
    for weight in network.parameters():
        assert weight.abs().max() <= 0.05


def test_the_network_of_the_soil_course():
    network = trained("soil_1d", 21)
    spectra = torch.randn(200, 21)
    values = spectra[:, None]
    for unit in network.trunk.layers:
        layer = unit.convolution
        values = functional.conv1d(values, layer.weight[..., 0], layer.bias, stride=2, padding=1)
        values = values.relu()
    weight = network.classes.weight[..., 0].flatten(1)
    expected = functional.linear(values.flatten(1), weight, network.classes.bias)
    same(outputs(network, spectra[..., None, None]), expected.detach())


def test_the_network_of_hamida():
    network = trained("hamida_2018", 22)
    patches = torch.randn(3, 22, 5, 5)
    first, second, third, fourth, fifth, last = network.layers
    values = volume(first, patches[:, None], 1, 0).relu()
    values = volume(second, values, 2, 1)
    values = volume(third, values, 1, 1).relu()
    values = volume(fourth, values, 2, 1)
    values = volume(fifth, values, 1, 1).relu()
    values = volume(last, values, 2, 1).relu()
    same(outputs(network, patches), head(network, values).detach())


def test_the_network_of_li():
    network = trained("li_2017", 19)
    patches = torch.randn(3, 19, 5, 5)
    values = volume(network.layers[0], patches[:, None], 1, 1).relu()
    values = volume(network.layers[1], values, 1, 1).relu()
    same(outputs(network, patches), head(network, values).detach())


@pytest.mark.parametrize("pooling", ["none", "maximum"])
def test_the_network_of_he(pooling):
    network = trained("he_2017", 45, pooling=pooling)
    patches = torch.randn(3, 45, 7, 7)
    first, *sums, last = network.layers
    values = volume(first, patches[:, None], 3, 0).relu()
    for unit in sums:
        parts = unit.convolution.parts
        values = sum(
            functional.conv3d(values, part.weight, part.bias, padding=(ends, 0, 0))
            for part, ends in zip(parts, (0, 1, 2, 5))
        ).relu()
    values = volume(last, values, 1, 0).relu()
    if pooling == "maximum":
        values = functional.max_pool3d(values, (3, 2, 2))
    weight = network.classes.weight.unflatten(1, (values.shape[2], 16)).transpose(1, 2)
    expected = functional.conv3d(values, weight, network.classes.bias).flatten(1)
    same(outputs(network, patches), expected.detach())


def test_the_network_of_lee_and_kwon():
    network = trained("lee_kwon_2016", 30)
    windows = torch.randn(4, 30, 5, 5)
    single, wide = (unit.convolution for unit in network.filters)
    values = torch.cat(
        [single(windows), functional.conv2d(windows, wide.weight, wide.bias, padding=1)], 1
    )
    values = functional.local_response_norm(values, 256).relu()
    values = network.reduce.convolution(values)
    values = functional.local_response_norm(values, 128).relu()
    for first, second in network.blocks:
        values = (values + second.convolution(first.convolution(values).relu())).relu()
    for unit in network.last:
        values = unit.convolution(values).relu()
    expected = network.classes(values)[..., 1:-1, 1:-1]  # those that see no rim
    with torch.inference_mode():
        same(network(windows), expected.detach())


@pytest.mark.parametrize("channels", [1, 6, 7])
def test_local_responses_are_torchs_own(channels):
    values = 40 * torch.randn(2, channels, 3, 4)
    torch.testing.assert_close(
        LocalResponse(channels)(values), functional.local_response_norm(values, channels)
    )


def test_added_kernels_learn_what_they_would_side_by_side():
    network = trained("he_2017", 30)
    layer = network.layers[1].convolution
    values = torch.randn(2, 16, 9, 2, 2)
    layer(values).square().sum().backward()
    found = [part.weight.grad.clone() for part in layer.parts]
    layer.zero_grad()
    parts = zip(layer.parts, (0, 1, 2, 5))
    sum(
        functional.conv3d(values, part.weight, part.bias, padding=(ends, 0, 0))
        for part, ends in parts
    ).square().sum().backward()
    for part, gradient in zip(layer.parts, found):
        torch.testing.assert_close(gradient, part.weight.grad, atol=1e-3, rtol=1e-4)

from __future__ import annotations

import pytest
import torch
from hsicnn.models.layers import affine, convolve_3d, folded, pool_bands
from torch import nn
from torch.nn import functional


def test_a_folded_norm_gives_what_both_layers_give():
    torch.manual_seed(1)
    convolution, norm = nn.Conv2d(5, 7, 3, bias=False), nn.BatchNorm2d(7)
    with torch.no_grad():
        norm(convolution(torch.randn(20, 5, 6, 6)) * 2 + 1)
        norm.weight.uniform_(0.5, 2.0)
        norm.bias.uniform_(-1.0, 1.0)
    norm.eval()
    values = torch.randn(2, 5, 8, 8)
    with torch.inference_mode():
        kernels, biases = folded(convolution, norm)
        found = functional.conv2d(values, kernels, biases)
        assert (found - norm(convolution(values))).abs().max() < 1e-5


def test_a_norm_that_knows_no_statistics_cannot_be_folded():
    with pytest.raises(ValueError, match="running statistics"):
        folded(nn.Conv2d(2, 2, 1, bias=False), nn.BatchNorm2d(2, track_running_stats=False))


def test_a_norm_without_weights_is_an_affine_map_too():
    torch.manual_seed(3)
    norm = nn.BatchNorm1d(6, affine=False)
    norm(torch.randn(40, 6) * 3 + 2)
    norm.eval()
    values = torch.randn(9, 6)
    scale, shift = affine(norm)
    torch.testing.assert_close(values * scale + shift, norm(values), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("shape", [(1, 4, 5, 6, 7), (1, 4, 6, 40, 30), (3, 4, 5, 3, 3)])
def test_a_3d_convolution_is_the_same_without_gradients(shape):
    torch.manual_seed(4)
    layer = nn.Conv3d(4, 3, (5, 3, 3), padding=(2, 0, 0))
    values = torch.randn(shape)
    expected = layer(values)
    assert expected.requires_grad
    with torch.inference_mode():
        torch.testing.assert_close(convolve_3d(layer, values), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("size", [2, 3])
def test_pooling_drops_a_short_rest_and_is_the_same_with_and_without_gradients(size):
    torch.manual_seed(2)
    values = torch.randn(2, 7, 3, 4, 5)
    groups = values[:, : 7 // size * size].unflatten(1, (7 // size, size))
    expected = groups.amax(2).relu()
    with torch.inference_mode():
        assert torch.equal(pool_bands(values, size), expected)
    learnt = pool_bands(values.clone().requires_grad_(), size)
    assert torch.equal(learnt.detach(), expected)
    learnt.sum().backward()

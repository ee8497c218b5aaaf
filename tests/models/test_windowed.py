"""Blocks are cut into windows that the inner network sees one by one, in bounded memory."""

from __future__ import annotations

import pytest
import torch
from hsicnn.models import windowed
from hsicnn.models.ledger import ledger
from hsicnn.models.windowed import Windowed
from torch import nn

BANDS, OUTPUTS, RADIUS = 6, 3, 2
SIDE = 2 * RADIUS + 1


class Padded(nn.Module):
    """Padding inside the patch: a pixel counts differently wherever it lies."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(BANDS, 16, 3, padding=1)
        self.norm = nn.BatchNorm2d(16)
        self.second = nn.Conv2d(16, 16, 3, padding=1)
        self.classes = nn.Linear(16, OUTPUTS)
        self.seen: list[int] = []

    def forward(self, inputs):
        assert inputs.shape[1:] == (BANDS, SIDE, SIDE)
        self.seen.append(len(inputs))
        values = self.second(self.norm(self.first(inputs)).relu()).relu()
        return self.classes(values.mean((2, 3)))


@pytest.fixture
def network() -> Windowed:
    torch.manual_seed(4)
    made = Windowed(Padded(), RADIUS).train()
    with torch.no_grad():
        made(torch.randn(30, BANDS, SIDE, SIDE) * 2 + 1)
    made.net.seen.clear()
    return made.eval()


def one_by_one(network: Windowed, block: torch.Tensor) -> torch.Tensor:
    """What the inner network says of every window alone."""
    rows, cols = (size - 2 * RADIUS for size in block.shape[2:])
    found = torch.empty(len(block), OUTPUTS, rows, cols)
    with torch.inference_mode():
        for image in range(len(block)):
            for row in range(rows):
                for col in range(cols):
                    patch = block[image : image + 1, :, row : row + SIDE, col : col + SIDE]
                    found[image, :, row, col] = network.net(patch)[0]
    return found


@pytest.mark.parametrize("shape", [(1, 5, 5), (3, 5, 5), (1, 5, 12), (1, 11, 5), (2, 9, 7)])
@pytest.mark.parametrize("room", [1, 40_000, 10**9])
def test_a_block_is_its_windows_in_chunks_of_any_size(monkeypatch, network, shape, room):
    monkeypatch.setattr(windowed, "CPU_BYTES", room)
    block = torch.randn(shape[0], BANDS, *shape[1:])
    expected = one_by_one(network, block)
    network.net.seen.clear()
    with torch.inference_mode():
        found = network(block)
    assert found.shape == (shape[0], OUTPUTS, shape[1] - 4, shape[2] - 4)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
    total = found[:, 0].numel()
    assert sum(network.net.seen) == total
    if room == 1:
        assert set(network.net.seen) == {1}
    if room == 10**9:
        assert network.net.seen == [total]


def test_chunks_follow_from_the_block_alone(network):
    block = torch.randn(1, BANDS, 150, 90)
    with torch.inference_mode():
        first = network(block)
        sizes = list(network.net.seen)
        network.net.seen.clear()
        second = network(block)
    assert torch.equal(first, second)
    assert len(sizes) > 1
    assert network.net.seen == sizes
    assert max(sizes) - sizes[-1] < len(sizes)  # no sliver at the end


def test_memory_is_that_of_a_chunk(network):
    def peak(side: int) -> int:
        block = torch.randn(1, BANDS, side, side)
        with torch.inference_mode(), ledger() as book:
            network(block)
        return int(book.peak) - 4 * OUTPUTS * (side - 4) ** 2  # what comes out

    peaks = [peak(side) for side in (80, 160, 320)]
    assert all(windowed.CPU_BYTES / 2 < found < 1.1 * windowed.CPU_BYTES for found in peaks)


def test_shapes_without_values_tell_the_memory_at_once(network):
    peaks = []
    for device in ("cpu", "meta"):
        shadow = network.to(device)
        with torch.inference_mode(), ledger() as book:
            found = shadow(torch.empty(1, BANDS, 164, 164, device=device))
        assert found.shape == (1, OUTPUTS, 160, 160)
        peaks.append(int(book.peak))
    assert 0.9 < peaks[1] / peaks[0] < 1.1
    assert len(network.net.seen) > 2  # of the pass with values; one of that without


def test_training_hands_all_windows_to_the_network_at_once(network):
    network.train()
    network(torch.randn(7, BANDS, SIDE, SIDE)).sum().backward()
    network(torch.randn(2, BANDS, SIDE + 2, SIDE + 3)).sum().backward()
    assert network.net.seen == [7, 2 * 3 * 4]
    assert network.net.first.weight.grad is not None


def test_gradients_of_a_block_are_those_of_its_windows(network):
    block = torch.randn(1, BANDS, SIDE + 2, SIDE + 1)
    network(block).square().sum().backward()
    dense = network.net.first.weight.grad.clone()
    network.zero_grad()
    patches = block.unfold(2, SIDE, 1).unfold(3, SIDE, 1).permute(0, 2, 3, 1, 4, 5).flatten(0, 2)
    network(patches).square().sum().backward()
    torch.testing.assert_close(dense, network.net.first.weight.grad, atol=1e-5, rtol=1e-4)


def test_an_empty_batch_has_no_scores(network):
    with torch.inference_mode():
        assert network(torch.empty(0, BANDS, SIDE, SIDE)).shape == (0, OUTPUTS, 1, 1)

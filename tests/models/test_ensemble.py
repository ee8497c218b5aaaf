"""Several networks as one."""

from __future__ import annotations

import pytest
import torch
from hsicnn.models.ensemble import Ensemble
from hsicnn.models.stages import measure_stages
from torch import nn
from torch.nn import functional

from .test_networks import bands_for, make

KINDS = ("etrainee_1d", "multiscale", "indian_pines_3d")


class Halved(nn.Module):
    """Means over cells of 2 x 2 pixels: its inputs must begin where a cell does."""

    multiple = 2

    def __init__(self, bands: int, classes: int, radius: int) -> None:
        super().__init__()
        self.radius = radius
        self.layer = nn.Conv2d(bands, classes, 1)
        self.seen: list[tuple[int, int]] = []

    def forward(self, inputs):
        height, width = inputs.shape[2:]
        self.seen.append((height, width))
        scores = functional.avg_pool2d(self.layer(inputs), 2, ceil_mode=True)
        scores = scores.repeat_interleave(2, 2).repeat_interleave(2, 3)[:, :, :height, :width]
        r = self.radius
        return scores[:, :, r : height - r, r : width - r]


def ensemble(orders=None):
    members = [make(name, 5 if name == "multiscale" else 1 if "1d" in name else 9)
               for name in KINDS]  # fmt: skip
    counts = [bands_for(name) for name in KINDS]
    starts = [sum(counts[:place]) for place in range(3)]
    channels = [(start, start + count) for start, count in zip(starts, counts)]
    return Ensemble(members, channels, orders or [range(4)] * 3).eval(), members, channels


@pytest.mark.parametrize("side", [(9, 9), (14, 17)])
def test_it_is_the_mean_of_what_each_gives_alone(side):
    orders = [(0, 1, 2, 3), (2, 0, 3, 1), (0, 1, 2, 3)]
    whole, members, channels = ensemble(orders)
    assert whole.radius == 4
    inputs = torch.randn(2, channels[-1][1], *side)
    with torch.inference_mode():
        found = whole(inputs).exp()
        alone = []
        for member, (start, stop), order in zip(members, channels, orders):
            crop = whole.radius - member.radius
            own = inputs[:, start:stop, crop : side[0] - crop, crop : side[1] - crop]
            alone.append(member(own.contiguous()).softmax(1)[:, list(order)])
    assert found.shape == (2, 4, side[0] - 8, side[1] - 8)
    torch.testing.assert_close(found, torch.stack(alone).mean(0), atol=1e-6, rtol=1e-5)
    assert float((alone[0] - alone[1]).abs().max()) > 0.01


def test_what_it_does_is_told_member_by_member():
    whole, members, channels = ensemble()
    stages = measure_stages(whole, channels[-1][1])
    assert stages[0].words.startswith("Member 1: ")
    assert stages[-1].words == "Mean of the members' probabilities"
    assert stages[-1].shape == (("classes", 4),)
    learnt = sum(w.numel() for m in members for w in m.parameters())
    assert sum(stage.parameters for stage in stages) == learnt


def test_networks_that_align_to_cells_keep_their_cells():
    odd, even = Halved(3, 2, 3), Halved(3, 2, 2)
    with pytest.raises(ValueError, match="share no raster"):
        Ensemble([odd, even], [(0, 3)] * 2, [(0, 1)] * 2)
    wide = nn.Conv2d(3, 2, 7)
    wide.radius = 3
    whole = Ensemble([even, wide], [(0, 3)] * 2, [(0, 1)] * 2)
    assert (whole.multiple, whole.radius) == (2, 4)  # 3 would begin in the middle of a cell
    inputs = torch.randn(1, 3, 16, 16)
    with torch.inference_mode():
        shares = [even(inputs[:, :, 2:-2, 2:-2]).softmax(1), wide(inputs[:, :, 1:-1, 1:-1])
                  .softmax(1)]  # fmt: skip
        torch.testing.assert_close(whole(inputs).exp(), sum(shares) / 2)

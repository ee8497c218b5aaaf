"""The recommended network: spectral features averaged over growing windows.

Every pixel's inputs go through a small spectral layer. Inputs and features are averaged over
windows of growing radius around the pixel, and a small classifier reads the averages of all
scales side by side. Averages need no weights of their own: the network has few parameters for
its field of view, sheds noise as the window grows, and keeps the pixel itself. Several
members with weights of their own learn side by side, and their probabilities are averaged.
How it was chosen is in docs/benchmarks.md.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


def window_radii(radius: int) -> tuple[int, ...]:
    """Return the radii of the windows: 0, the powers of two below ``radius``, and itself."""
    powers = [2**power for power in range(radius.bit_length()) if 2**power < radius]
    return (0, *powers, radius) if radius else (0,)


class MultiScale(nn.Module):
    """Spectral layer, means over windows, classifiers whose probabilities are averaged.

    Args:
        bands: inputs of every pixel.
        outputs: classes.
        radius: of the largest window, in pixels.
        members: networks that learn side by side.
        width: features of a member's spectral layer.
        hidden: features of a member's classifier.
        dropout: share of the averages and of the hidden features dropped in training.

    Shapes:
        ``(N, bands, H, W) -> (N, outputs, H - 2 radius, W - 2 radius)``: logarithms of the
        members' mean probabilities, which are logits like any others.
    """

    windows: Tensor

    def __init__(
        self,
        bands: int,
        outputs: int,
        *,
        radius: int = 4,
        members: int = 3,
        width: int = 64,
        hidden: int = 128,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.radius = radius
        self.members = members
        self.width = width
        self.radii = window_radii(radius)
        scales = len(self.radii)
        self.spectral = nn.Linear(bands, members * width, bias=False)
        self.spectral_norm = nn.BatchNorm1d(members * width)
        # Means over large windows vary less: each scale gets the same say before dropout.
        self.input_norm = nn.BatchNorm1d(scales * bands, affine=False)
        self.feature_norm = nn.BatchNorm1d(scales * members * width, affine=False)
        self.classifiers = nn.ModuleList(
            nn.Sequential(
                nn.Dropout(dropout),
                nn.Linear(scales * (bands + width), hidden, bias=False),
                nn.BatchNorm1d(hidden),
                nn.ReLU(),
                nn.Dropout(dropout),
                nn.Linear(hidden, outputs),
            )
            for _ in range(members)
        )
        self.register_buffer("windows", _patch_windows(self.radii, radius), persistent=False)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return log probabilities; see the class for shapes."""
        scores = self.forward_members(inputs).log_softmax(2)
        return torch.logsumexp(scores, 0) - math.log(self.members)

    def forward_members(self, inputs: Tensor) -> Tensor:
        """Return the logits of every member, ``(members, N, outputs, H - 2r, W - 2r)``.

        Training takes these, so that every member has the loss to itself.
        """
        count, bands, height, width = inputs.shape
        pixels = inputs.permute(0, 2, 3, 1)  # no copy where batches are channels-last
        features = self.spectral(pixels.reshape(-1, bands))
        features = functional.relu(self.spectral_norm(features)).view(count, height, width, -1)
        side = 2 * self.radius + 1
        means = self._patch_means if height == width == side else self._block_means
        known = self.input_norm(means(pixels).flatten(1))
        made = self.feature_norm(means(features).flatten(1))
        made = made.view(len(known), len(self.radii), self.members, self.width)
        shape = (count, height - side + 1, width - side + 1, -1)
        return torch.stack(
            [
                classifier(torch.cat([known, made[:, :, member].flatten(1)], dim=1))
                .view(shape)
                .permute(0, 3, 1, 2)
                for member, classifier in enumerate(self.classifiers)
            ]
        )

    def _patch_means(self, pixels: Tensor) -> Tensor:
        """Means of single patches as one small matrix product: ``(N, scales, channels)``."""
        return torch.matmul(self.windows, pixels.flatten(1, 2))

    def _block_means(self, pixels: Tensor) -> Tensor:
        """Means around every pixel of blocks, ``(N * h * w, scales, channels)``.

        A mean over a square is a mean over its columns, then its rows.
        """
        maps = pixels.permute(0, 3, 1, 2)
        height, width = maps.shape[2:]
        scales = []
        for radius in self.radii:
            margin, side = self.radius - radius, 2 * radius + 1
            near = maps[..., margin : height - margin, margin : width - margin]
            near = functional.avg_pool2d(near, (side, 1), stride=1)
            scales.append(functional.avg_pool2d(near, (1, side), stride=1))
        return torch.stack(scales, dim=1).permute(0, 3, 4, 1, 2).flatten(0, 2)


def _patch_windows(radii: tuple[int, ...], radius: int) -> Tensor:
    """Weights of the pixels of a patch in the mean of each scale, ``(scales, pixels)``."""
    side = 2 * radius + 1
    windows = torch.zeros(len(radii), side, side)
    for number, inner in enumerate(radii):
        middle = slice(radius - inner, radius + inner + 1)
        windows[number, middle, middle] = 1 / (2 * inner + 1) ** 2
    return windows.flatten(1)

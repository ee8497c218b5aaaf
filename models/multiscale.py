"""The recommended network: spectral features averaged over growing windows.

A small spectral stem works on every pixel by itself. Its features and the inputs are then
averaged over windows of growing radius around the pixel, and a small classifier reads the
averages of all scales side by side. Averages need no weights of their own, so the network
has few parameters for its field of view, loses noise as the window grows, and keeps the
pixel itself. How it was chosen: docs/benchmarks.md.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class MultiScale(nn.Module):
    """Spectral stem, means over windows of radius 0..radius, classifier.

    Args:
        bands: inputs of every pixel.
        outputs: classes.
        radius: of the largest window, in pixels.
        width: features of the spectral stem.
        hidden: features of the classifier.
        dropout: share of the averaged and of the hidden features dropped in training.

    Shapes:
        ``(N, bands, H, W) -> (N, outputs, H - 2 radius, W - 2 radius)``.
    """

    def __init__(
        self,
        bands: int,
        outputs: int,
        *,
        radius: int = 3,
        width: int = 64,
        hidden: int = 128,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.radius = radius
        self.stem = nn.Sequential(
            nn.Conv2d(bands, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        features = (width + bands) * (radius + 1)
        self.classifier = nn.Sequential(
            nn.BatchNorm2d(features),
            nn.Dropout(dropout),
            nn.Conv2d(features, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Conv2d(hidden, outputs, 1),
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits; see the class for shapes."""
        features = torch.cat([self.stem(inputs), inputs], dim=1)
        scales = [self._centre(features, self.radius)]
        for radius in range(1, self.radius + 1):
            near = self._centre(features, self.radius - radius)
            scales.append(functional.avg_pool2d(near, 2 * radius + 1, stride=1))
        scores: Tensor = self.classifier(torch.cat(scales, dim=1))
        return scores

    @staticmethod
    def _centre(features: Tensor, margin: int) -> Tensor:
        """Cut a margin off all four sides."""
        height, width = features.shape[-2:]
        return features[..., margin : height - margin, margin : width - margin]

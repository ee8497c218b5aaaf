"""What networks of single spectra share: how the pixels of a block lie in memory.

The spectrum is an image's height and the pixels are its width, channels last. All pixels of a
block are then one long row for every band, which is what convolution kernels are fastest at: the
layers of ``etrainee_1d`` ran at 0.97 of the matrix-product rate on one core, against 0.86 with
one image a spectrum and 0.79 as Conv1d.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .layers import on_cpu
from .units import Style, Unit

SMALL = 20_480  # numbers of one image up to which torch does without the library
FEATURES = 1 << 21  # of the largest layer at once on a CPU: they then stay in its cache


class PixelSpectra(nn.Module):
    """A network that sees every pixel by itself.

    Attributes:
        numbers: features of its largest layer, a pixel.

    Shapes:
        ``(N, bands, H, W) -> (N, outputs, H, W)``.
    """

    radius = 0
    numbers: int

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits; see the class for shapes."""
        images, bands, height, width = inputs.shape
        spectra = inputs.permute(1, 0, 2, 3).reshape(bands, -1)
        if self.training or torch.is_grad_enabled():
            scores = self.learn(spectra)
        else:
            scores = self.infer(spectra)
        return scores.view(images, height, width, -1).permute(0, 3, 1, 2)

    def learn(self, spectra: Tensor) -> Tensor:
        """``(bands, n)`` spectra to ``(n, outputs)`` logits, layer by layer."""
        raise NotImplementedError

    def infer(self, spectra: Tensor) -> Tensor:
        """The same in chunks that stay in the cache."""
        return torch.cat([self.learn(part) for part in self.chunks(spectra)])

    def chunks(self, spectra: Tensor) -> Sequence[Tensor]:
        """Divide ``(bands, n)`` spectra."""
        chunk = max(spectra.shape[1], 1)
        if on_cpu(spectra):
            chunk = max(FEATURES // self.numbers // 128 * 128, 128)
        parts: Sequence[Tensor] = spectra.split(chunk, dim=1)
        return parts


def as_image(spectra: Tensor) -> Tensor:
    """``(bands, n)`` to ``(1, 1, bands, n)`` in channels-last memory."""
    return spectra.contiguous()[None, :, :, None].permute(0, 3, 1, 2)


def as_images(spectra: Tensor) -> Tensor:
    """The same, but of few spectra an image each, ``(n, 1, bands, 1)``.

    For one small image torch takes kernels of its own, which are slower than the library's at
    long kernels.
    """
    if spectra.numel() > SMALL:
        return as_image(spectra)
    return spectra.t()[:, None, :, None]


def as_rows(scores: Tensor) -> Tensor:
    """``(1, outputs, 1, n)`` or ``(n, outputs, 1, 1)`` to ``(n, outputs)``."""
    if len(scores) == 1:
        return scores[0, :, 0].t()
    return scores.flatten(1)


def spectral_unit(
    channels: int, width: int, kernel: int, style: Style, *, stride: int = 1, padding: int = 0
) -> Unit:
    """Return a unit along the spectrum, on ``(1, channels, bands, n)``.

    Args:
        channels: that come in.
        width: channels that come out.
        kernel: bands.
        style: what follows.
        stride: in bands.
        padding: zeros at either end of the spectrum.
    """
    layer = nn.Conv2d(
        channels,
        width,
        (kernel, 1),
        stride=(stride, 1),
        padding=(padding, 0),
        bias=style.biased,
    )
    return Unit(layer, style)

"""The 1-D network of Hu et al.: one convolution along the spectrum, one hidden layer.

W. Hu, Y. Huang, L. Wei, F. Zhang, H. Li, "Deep convolutional neural networks for hyperspectral
image classification", Journal of Sensors 2015, 258619, doi:10.1155/2015/258619. 20 kernels of a
ninth of the spectrum, a maximum of as many bands as leave 30 to 40 values, tanh, 100 features,
tanh, the classes; initial weights between -0.05 and 0.05. Parameters for 200 bands and 16 classes:
72,196, the published count.
"""

from __future__ import annotations

from functools import partial
from math import ceil

import torch
from torch import Tensor, nn
from torch.nn import functional

from .spectra import PixelSpectra, as_images, as_rows, spectral_unit
from .stages import Stage, dense_words
from .units import Style, check_bands, convolved, initialise, spectral_padding, widened

KERNELS = 20
HIDDEN = 100
RANGE = 0.05  # of initial weights
PUBLISHED = Style("tanh")


def published_sizes(bands: int) -> tuple[int, int]:
    """Return the bands below a kernel and below a maximum, as the paper advises."""
    kernel = ceil(bands / 9)
    return kernel, ceil(kernel / 5)


def spectral_lengths(bands: int, kernel: int, pool: int, padding: str) -> list[int]:
    """Return the length of the spectrum after the convolution and after the maximum.

    Args:
        bands: of the inputs.
        kernel: bands below a kernel; 0 is the published size.
        pool: bands below a maximum; 0 is the published size.
        padding: see ``units.spectral_padding``.
    """
    own_kernel, own_pool = published_sizes(bands)
    kernel, pool = kernel or own_kernel, pool or own_pool
    length = convolved(bands, kernel, padding=spectral_padding(padding, kernel, 0))
    return [length, length // pool]


class HuNet(PixelSpectra):
    """A convolution along the spectrum of every pixel, a maximum, dense layers.

    Args:
        bands: inputs of every pixel.
        outputs: classes.
        kernel: bands below a kernel; 0 takes a ninth of the spectrum.
        pool: bands that a maximum makes one; 0 takes a fifth of the kernel.
        padding: of the spectrum, see ``units.spectral_padding``; published is none.
        width: factor on the kernels and the hidden features.
        depth: hidden dense layers.
        dropout: share of the last features dropped in training.
        style: what follows every layer.

    Shapes:
        ``(N, bands, H, W) -> (N, outputs, H, W)``.

    Raises:
        ValueError: the spectrum is too short.
    """

    def __init__(
        self,
        bands: int,
        outputs: int,
        *,
        kernel: int = 0,
        pool: int = 0,
        padding: str = "published",
        width: float = 1.0,
        depth: int = 1,
        dropout: float = 0.0,
        style: Style = PUBLISHED,
    ) -> None:
        super().__init__()
        lengths = partial(spectral_lengths, kernel=kernel, pool=pool, padding=padding)
        check_bands("The network of Hu et al.", bands, lengths)
        length = lengths(bands)[-1]
        own_kernel, own_pool = published_sizes(bands)
        kernel, self.pool = kernel or own_kernel, pool or own_pool
        kernels, hidden = widened(KERNELS, width), widened(HIDDEN, width)
        self.style = style
        self.numbers = bands * kernels
        ends = spectral_padding(padding, kernel, 0)
        # The maximum comes between convolution and activation; the norm goes with these.
        self.first = nn.Conv2d(1, kernels, (kernel, 1), padding=(ends, 0), bias=style.biased)
        self.after = nn.Sequential(*style.parts(kernels, flat=True))
        sizes = [length, *[1] * (depth - 1)]
        widths = [kernels, *[hidden] * (depth - 1)]
        self.dense = nn.ModuleList(
            spectral_unit(inner, hidden, size, style) for inner, size in zip(widths, sizes)
        )
        self.dropout = nn.Dropout(dropout)
        self.classes = nn.Conv2d(hidden, outputs, 1)
        initialise(self, lambda weight: nn.init.uniform_(weight, -RANGE, RANGE))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def stages(self) -> list[Stage]:
        """Return what happens to a spectrum; see ``models.stages``."""
        spectrum, vector = ("", "features", "bands", ""), ("", "features", "", "")
        follows = self.style.words()
        bands = self.first.kernel_size[0]
        convolution = f"Convolution over {bands} bands"
        told = [Stage(convolution, spectrum, self.first, modules=(self.first,))]
        words = f"Maximum of every {self.pool} bands{follows}"
        told.append(Stage(words, spectrum, self.after, modules=(self.after,)))
        told += [
            Stage(f"Dense layer{follows}", vector, layer, modules=(layer,)) for layer in self.dense
        ]
        words = dense_words(self.dropout.p)
        told.append(Stage(words, ("", "classes", "", ""), self.classes, modules=(self.classes,)))
        return told

    def learn(self, spectra: Tensor) -> Tensor:
        """``(bands, n)`` spectra to ``(n, outputs)`` logits, layer by layer."""
        values = self._pooled(self.first(as_images(spectra)))
        values = self.after(values)
        for layer in self.dense:
            values = layer(values)
        return as_rows(self.classes(self.dropout(values)))

    def _pooled(self, values: Tensor) -> Tensor:
        """The maximum of every few bands."""
        if self.pool == 1:
            return values
        return functional.max_pool2d(values, (self.pool, 1))


def build(
    bands: int,
    outputs: int,
    *,
    kernel: int = 0,
    pool: int = 0,
    activation: str = PUBLISHED.activation,
    norm: str = PUBLISHED.norm,
    order: str = PUBLISHED.order,
    padding: str = "published",
    width: float = 1.0,
    depth: int = 1,
    dropout: float = 0.0,
) -> HuNet:
    """Build the network from the catalog's plain options."""
    return HuNet(
        bands,
        outputs,
        kernel=kernel,
        pool=pool,
        padding=padding,
        width=width,
        depth=depth,
        dropout=dropout,
        style=Style(activation, norm, order),
    )

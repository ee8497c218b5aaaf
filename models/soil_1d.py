"""The 1-D network of the soil course: convolutions that halve the spectrum, one dense layer.

After the soil course's network of spectra: three convolutions of 3 bands with a stride of 2 and a
padding of 1, of 32, 64 and 128 channels, ReLU, all values side by side, a dense layer. For 20
inputs and 1 output it has 31,425 parameters, as in the course, which reads soil properties with
it. Here every output is a class; ``SoilTrunk`` is what comes before them and can carry other heads.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .spectra import PixelSpectra, as_image, as_rows, spectral_unit
from .stages import Stage, dense_words
from .units import Style, check_bands, convolved, spectral_padding, widened

KERNEL = 3  # bands
STRIDE = 2
PADDING = 1
FIRST = 32  # channels; each layer has twice as many as the one before
PUBLISHED = Style()


def spectral_lengths(bands: int, depth: int, padding: str) -> list[int]:
    """Return the length of the spectrum after every convolution.

    Args:
        bands: of the inputs.
        depth: convolutions.
        padding: see ``units.spectral_padding``.
    """
    ends, found = spectral_padding(padding, KERNEL, PADDING), [bands]
    for _ in range(depth):
        found.append(convolved(found[-1], KERNEL, stride=STRIDE, padding=ends))
    return found[1:]


class SoilTrunk(nn.Module):
    """Convolutions along the spectrum, each of which halves it.

    Args:
        bands: inputs of every pixel.
        depth: convolutions.
        width: factor on their channels.
        padding: of the spectrum, see ``units.spectral_padding``; published is 1.
        style: what follows every convolution.

    Attributes:
        channels: of what comes out.
        length: of the spectrum that comes out.

    Shapes:
        ``(1, 1, bands, n) -> (1, channels, length, n)`` for the spectra of n pixels.

    Raises:
        ValueError: the spectrum is too short.
    """

    def __init__(
        self,
        bands: int,
        *,
        depth: int = 3,
        width: float = 1.0,
        padding: str = "published",
        style: Style = PUBLISHED,
    ) -> None:
        super().__init__()
        check_bands(
            "The soil network", bands, lambda count: spectral_lengths(count, depth, padding)
        )
        ends = spectral_padding(padding, KERNEL, PADDING)
        widths = [1, *(widened(FIRST * 2**place, width) for place in range(depth))]
        self.layers = nn.ModuleList(
            spectral_unit(inner, outer, KERNEL, style, stride=STRIDE, padding=ends)
            for inner, outer in zip(widths, widths[1:])
        )
        self.style = style
        self.channels = widths[-1]
        self.length = spectral_lengths(bands, depth, padding)[-1]

    def stages(self) -> list[Stage]:
        """Return what happens to a spectrum; see ``models.stages``."""
        words = f"Convolution over {KERNEL} bands at every second one{self.style.words()}"
        axes = ("", "features", "bands", "")
        return [Stage(words, axes, layer, modules=(layer,)) for layer in self.layers]

    def forward(self, spectra: Tensor) -> Tensor:
        """Return features; see the class for shapes."""
        for layer in self.layers:
            spectra = layer(spectra)
        return spectra


class SoilNet(PixelSpectra):
    """The trunk and a dense layer.

    Args:
        bands: inputs of every pixel.
        outputs: classes.
        depth: convolutions.
        width: factor on their channels.
        padding: of the spectrum.
        dropout: share of the last features dropped in training.
        style: what follows every convolution.

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
        depth: int = 3,
        width: float = 1.0,
        padding: str = "published",
        dropout: float = 0.0,
        style: Style = PUBLISHED,
    ) -> None:
        super().__init__()
        self.trunk = SoilTrunk(bands, depth=depth, width=width, padding=padding, style=style)
        self.numbers = bands * widened(FIRST, width)
        self.dropout = nn.Dropout(dropout)
        # As long as what is left of the spectrum: all of it side by side in a dense layer.
        self.classes = nn.Conv2d(self.trunk.channels, outputs, (self.trunk.length, 1))
        self.classes.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def stages(self) -> list[Stage]:
        """Return what happens to a spectrum; see ``models.stages``."""
        words = dense_words(self.dropout.p)
        last = Stage(words, ("", "classes", "", ""), self.classes, modules=(self.classes,))
        return [*self.trunk.stages(), last]

    def learn(self, spectra: Tensor) -> Tensor:
        """``(bands, n)`` spectra to ``(n, outputs)`` logits, layer by layer."""
        return as_rows(self.classes(self.dropout(self.trunk(as_image(spectra)))))


def build(
    bands: int,
    outputs: int,
    *,
    activation: str = PUBLISHED.activation,
    norm: str = PUBLISHED.norm,
    order: str = PUBLISHED.order,
    padding: str = "published",
    width: float = 1.0,
    depth: int = 3,
    dropout: float = 0.0,
) -> SoilNet:
    """Build the network from the catalog's plain options."""
    return SoilNet(
        bands,
        outputs,
        depth=depth,
        width=width,
        padding=padding,
        dropout=dropout,
        style=Style(activation, norm, order),
    )

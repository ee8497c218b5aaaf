"""The 3-D network of the Indian Pines course: convolutions in space and spectrum at once.

Three times [convolution of 3 x 3 pixels and 5 bands, ReLU, maximum of 3 (at last 2) bands],
with 48, 32 and 32 channels, valid in space; the spectrum is padded by 2 before the second and
the third. What is left of the patch is one dense layer of 128, another of 128, the classes.

On a block the dense layer is a convolution as large as what is left of a patch, so that
neighbours share all the work: 22 times less of it than patch by patch.

Memory layout: ``(N, spectrum, rows, columns, channels)``. The first layer has a single input
channel, which convolution kernels are slow at: its 5 bands become the channels of a 2-D
convolution instead, and it runs in short runs of the spectrum, each pooled while it is in the
cache. On one core a block of 64 x 64 pixels runs at 0.9 of the matrix-product rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from .layers import BandKernels, convolve_3d, on_cpu, pool_bands
from .stages import Stage
from .units import Style, check_bands, convolved, spectral_padding, widened

BANDS = 5  # of every convolution
POOLS = (3, 3, 2)
CHANNELS = (48, 32, 32)
ENDS = (0, 2, 2)  # zeros at either end of the spectrum, as published
DENSE = 128
VECTOR = ("", "features", "", "")
RUN_BYTES = 2 << 20  # features of the first layer at once on a CPU
PUBLISHED = Style()


def pooled_lengths(bands: int, ends: Sequence[int] = ENDS) -> list[int]:
    """Return the length of the spectrum after each pooling.

    Args:
        bands: of the inputs.
        ends: zeros at either end of the spectrum before each convolution.
    """
    found, length = [], bands
    for zeros, pool in zip(ends, POOLS):
        length = convolved(length, BANDS, padding=zeros) // pool
        found.append(length)
    return found


class SpectralSpatialNet(nn.Module):
    """3-D convolutions on a patch and all its bands.

    Args:
        bands: inputs of every pixel, as published at least 22.
        outputs: classes.
        patch_size: side of the patch; 9 in the course.
        padding: of the spectrum, see ``units.spectral_padding``.
        width: factor on all channels and features.
        depth: convolutions, at most three.
        dropout: share of the features of both dense layers dropped in training.
        style: what follows every layer.

    Shapes:
        ``(N, bands, H, W) -> (N, outputs, H - 2 r, W - 2 r)`` with ``r = patch_size // 2``.

    Raises:
        ValueError: the spectrum is too short.
    """

    def __init__(
        self,
        bands: int,
        outputs: int,
        *,
        patch_size: int = 9,
        padding: str = "published",
        width: float = 1.0,
        depth: int = 3,
        dropout: float = 0.0,
        style: Style = PUBLISHED,
    ) -> None:
        super().__init__()
        self.radius = patch_size // 2
        self.style = style
        self.zeros = [spectral_padding(padding, BANDS, ends) for ends in ENDS[:depth]]
        check_bands(
            "The Indian Pines network", bands, lambda count: pooled_lengths(count, self.zeros)
        )
        channels = [widened(count, width) for count in CHANNELS[:depth]]
        features = widened(DENSE, width)
        # 5 bands are its input channels.
        self.first = BandKernels(BANDS, channels[0], 3, bias=style.biased)
        for name, before, after, zeros in zip(
            ("second", "third"), channels, channels[1:], self.zeros[1:]
        ):
            layer = nn.Conv3d(
                before, after, (BANDS, 3, 3), padding=(zeros, 0, 0), bias=style.biased
            )
            setattr(self, name, layer)
        length = pooled_lengths(bands, self.zeros)[-1]
        rest = patch_size - 2 * depth  # valid convolutions of 3 x 3
        self.dense = nn.Conv2d(length * channels[-1], features, rest, bias=style.biased)
        self.hidden = nn.Conv2d(features, features, 1, bias=style.biased)
        self.classes = nn.Conv2d(features, outputs, 1)
        self.dropout = nn.Dropout(dropout)
        # What follows each layer; as published a ReLU, which is done along with the pooling.
        self.after = nn.ModuleList()
        if style != PUBLISHED:
            self.after.extend(nn.Sequential(*style.parts(count, flat=False)) for count in channels)
            self.after.extend(nn.Sequential(*style.parts(features, flat=True)) for _ in range(2))
        self._initialise()
        for child in self.children():
            layout = torch.channels_last_3d if isinstance(child, nn.Conv3d) else torch.channels_last
            if isinstance(child, (nn.Conv2d, nn.Conv3d)):
                child.to(memory_format=layout)  # type: ignore[call-overload]

    @property
    def volumes(self) -> list[nn.Module]:
        """The convolutions."""
        return [self.first, *(m for m in self.children() if isinstance(m, nn.Conv3d))]

    def stages(self) -> list[Stage]:
        """Return what happens to a patch; see ``models.stages``."""
        volume = ("", "features", "bands", "rows", "columns")
        volumes, follows = self.volumes, self.style.words()
        words = f"Convolution over 3 x 3 pixels and {BANDS} bands{follows}"
        told = []
        for place, layer in enumerate(volumes):
            pooled = f"Maximum of every {POOLS[place]} bands"
            axes = volume if place else ("bands", "features", "rows", "columns")
            told.append(self._told(words, axes if not len(self.after) else volume, layer, place))
            if place + 1 < len(volumes):
                told.append(Stage(pooled, volume, before=volumes[place + 1]))
        pooled += "; all bands side by side"
        told.append(Stage(pooled, ("", "features", "rows", "columns"), before=self.dense))
        for place, layer in enumerate((self.dense, self.hidden), start=len(volumes)):
            told.append(self._told(f"Dense layer{follows}", VECTOR, layer, place))
        words = "Dense layer"
        if self.dropout.p:
            words = f"Dropout of {self.dropout.p:.0%} before this and the one before, dense layer"
        told.append(Stage(words, ("", "classes", "", ""), self.classes, modules=(self.classes,)))
        return told

    def _told(self, words: str, axes: tuple[str, ...], layer: nn.Module, place: int) -> Stage:
        """A layer with what follows it, which is a module or, as published, a ReLU."""
        if not len(self.after):
            return Stage(words, axes, layer, modules=(layer,), then=functional.relu)
        return Stage(words, axes, self.after[place], modules=(layer, self.after[place]))

    def _initialise(self) -> None:
        """Glorot's uniform kernels and zero biases, as published; torch's own start far slower."""
        with torch.no_grad():
            # As the 3-D and the dense layers they are: their fans decide the range.
            nn.init.xavier_uniform_(self.first.weight[:, None])
            nn.init.xavier_uniform_(self.dense.weight.flatten(1))
            for layer in (*self.volumes[1:], self.hidden, self.classes):
                nn.init.xavier_uniform_(cast(Tensor, layer.weight))
            for layer in self.children():
                if isinstance(layer, (nn.Conv2d, nn.Conv3d)) and layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits; see the class for shapes."""
        values = self._first(inputs)
        for place, layer in enumerate(self.volumes[1:], start=1):
            # (N, spectrum, h, w, channels) is (N, channels, spectrum, h, w) in channels-last.
            found = convolve_3d(cast(nn.Conv3d, layer), values.permute(0, 4, 1, 2, 3))
            values = self._pool(found.permute(0, 2, 3, 4, 1), place)
        # The spectrum joins the channels: (N, spectrum * channels, h, w).
        values = values.permute(0, 2, 3, 1, 4).flatten(3).permute(0, 3, 1, 2)
        for place, layer in enumerate((self.dense, self.hidden), start=len(self.zeros)):
            values = layer(values)
            values = self.after[place](values) if len(self.after) else functional.relu(values)
            values = self.dropout(values)
        scores: Tensor = self.classes(values)
        return scores

    def _pool(self, values: Tensor, place: int) -> Tensor:
        """What follows a convolution, and its pooling: on ``(N, spectrum, h, w, channels)``."""
        if not len(self.after):
            return pool_bands(values, POOLS[place])
        followed = self.after[place](values.permute(0, 4, 1, 2, 3))
        return functional.max_pool3d(followed, (POOLS[place], 1, 1)).permute(0, 2, 3, 4, 1)

    def _first(self, inputs: Tensor) -> Tensor:
        """First convolution and pooling: ``(N, spectrum, h, w, channels)``."""
        if self.zeros[0]:
            inputs = functional.pad(inputs, (0, 0, 0, 0, self.zeros[0], self.zeros[0]))
        images, bands, height, width = inputs.shape
        pool = POOLS[0]
        count = (bands - BANDS + 1) // pool
        # Every band with its four followers as channels: (N, spectrum, 5, H, W).
        windows = inputs.unfold(1, BANDS, 1).permute(0, 1, 4, 2, 3)
        if torch.is_grad_enabled() or not on_cpu(inputs):
            return self._pool(self._convolve(windows[:, : count * pool]), 0)
        shape = (images, count, height - 2, width - 2, self.first.out_channels)
        pooled = inputs.new_empty(shape)
        step = max(RUN_BYTES // (4 * pool * pooled[:, 0].numel()), 1)
        for start in range(0, count, step):
            stop = min(start + step, count)
            run = self._convolve(windows[:, start * pool : stop * pool])
            pooled[:, start:stop] = self._pool(run, 0)
        return pooled

    def _convolve(self, windows: Tensor) -> Tensor:
        images = windows.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        found: Tensor = self.first(images)
        return torch.unflatten(found.permute(0, 2, 3, 1), 0, windows.shape[:2])


def build(
    bands: int,
    outputs: int,
    *,
    patch_size: int = 9,
    activation: str = PUBLISHED.activation,
    norm: str = PUBLISHED.norm,
    order: str = PUBLISHED.order,
    padding: str = "published",
    width: float = 1.0,
    depth: int = 3,
    dropout: float = 0.0,
) -> SpectralSpatialNet:
    """Build the network from the catalog's plain options."""
    return SpectralSpatialNet(
        bands,
        outputs,
        patch_size=patch_size,
        padding=padding,
        width=width,
        depth=depth,
        dropout=dropout,
        style=Style(activation, norm, order),
    )

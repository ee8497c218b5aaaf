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

import torch
from torch import Tensor, nn
from torch.nn import functional

from .layers import convolve_3d, on_cpu, pool_bands
from .stages import Stage

BANDS = 5  # of every convolution
POOLS = (3, 3, 2)
CHANNELS = (48, 32, 32)
DENSE = 128
VECTOR = ("", "features", "", "")
RUN_BYTES = 2 << 20  # features of the first layer at once on a CPU


def pooled_lengths(bands: int) -> tuple[int, int, int]:
    """Return the length of the spectrum after each of the three poolings."""
    first = (bands - BANDS + 1) // POOLS[0]
    second = first // POOLS[1]
    return first, second, second // POOLS[2]


class SpectralSpatialNet(nn.Module):
    """3-D convolutions on a patch and all its bands.

    Args:
        bands: inputs of every pixel, at least 22.
        outputs: classes.
        patch_size: side of the patch; 9 in the course.

    Shapes:
        ``(N, bands, H, W) -> (N, outputs, H - 2 r, W - 2 r)`` with ``r = patch_size // 2``.
    """

    def __init__(self, bands: int, outputs: int, *, patch_size: int = 9) -> None:
        super().__init__()
        self.radius = patch_size // 2
        first, second, third = CHANNELS
        self.first = nn.Conv2d(BANDS, first, 3)  # 5 bands are its input channels
        self.second = nn.Conv3d(first, second, (BANDS, 3, 3), padding=(2, 0, 0))
        self.third = nn.Conv3d(second, third, (BANDS, 3, 3), padding=(2, 0, 0))
        length = pooled_lengths(bands)[-1]
        rest = patch_size - 6  # three valid convolutions of 3 x 3
        self.dense = nn.Conv2d(length * third, DENSE, rest)
        self.hidden = nn.Conv2d(DENSE, DENSE, 1)
        self.classes = nn.Conv2d(DENSE, outputs, 1)
        self._initialise()
        for layer in self.children():
            spatial = isinstance(layer, nn.Conv3d)
            layout = torch.channels_last_3d if spatial else torch.channels_last
            layer.to(memory_format=layout)  # type: ignore[call-overload]

    def stages(self) -> list[Stage]:
        """Return what happens to a patch; see ``models.stages``."""
        volume = ("", "features", "bands", "rows", "columns")
        convolved = f"Convolution over 3 x 3 pixels and {BANDS} bands, ReLU"
        return [
            Stage(
                convolved,
                ("bands", "features", "rows", "columns"),
                self.first,
                modules=(self.first,),
            ),
            Stage(f"Maximum of every {POOLS[0]} bands", volume, before=self.second),
            Stage(convolved, volume, self.second, modules=(self.second,)),
            Stage(f"Maximum of every {POOLS[1]} bands", volume, before=self.third),
            Stage(convolved, volume, self.third, modules=(self.third,)),
            Stage(
                f"Maximum of every {POOLS[2]} bands; all bands side by side",
                ("", "features", "rows", "columns"),
                before=self.dense,
            ),
            Stage("Dense layer, ReLU", VECTOR, self.dense, modules=(self.dense,)),
            Stage("Dense layer, ReLU", VECTOR, self.hidden, modules=(self.hidden,)),
            Stage("Dense layer", ("", "classes", "", ""), self.classes, modules=(self.classes,)),
        ]

    def _initialise(self) -> None:
        """Glorot's uniform kernels and zero biases, as published; torch's own start far slower."""
        with torch.no_grad():
            # As the 3-D and the dense layers they are: their fans decide the range.
            nn.init.xavier_uniform_(self.first.weight[:, None])
            nn.init.xavier_uniform_(self.dense.weight.flatten(1))
            for layer in (self.second, self.third, self.hidden, self.classes):
                nn.init.xavier_uniform_(layer.weight)
            for name, weight in self.named_parameters():
                if name.endswith("bias"):
                    nn.init.zeros_(weight)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits; see the class for shapes."""
        values = self._first(inputs)
        for layer, pool in ((self.second, POOLS[1]), (self.third, POOLS[2])):
            # (N, spectrum, h, w, channels) is (N, channels, spectrum, h, w) in channels-last.
            found = convolve_3d(layer, values.permute(0, 4, 1, 2, 3))
            values = found.permute(0, 2, 3, 4, 1)
            values = pool_bands(values, pool)
        # The spectrum joins the channels: (N, spectrum * channels, h, w).
        values = values.permute(0, 2, 3, 1, 4).flatten(3).permute(0, 3, 1, 2)
        values = functional.relu(self.dense(values))
        scores: Tensor = self.classes(functional.relu(self.hidden(values)))
        return scores

    def _first(self, inputs: Tensor) -> Tensor:
        """First convolution and pooling: ``(N, spectrum, h, w, channels)``."""
        images, bands, height, width = inputs.shape
        count, pool = pooled_lengths(bands)[0], POOLS[0]
        # Every band with its four followers as channels: (N, spectrum, 5, H, W).
        windows = inputs.unfold(1, BANDS, 1).permute(0, 1, 4, 2, 3)
        if torch.is_grad_enabled() or not on_cpu(inputs):
            return pool_bands(self._convolve(windows[:, : count * pool]), pool)
        shape = (images, count, height - 2, width - 2, CHANNELS[0])
        pooled = inputs.new_empty(shape)
        step = max(RUN_BYTES // (4 * pool * pooled[:, 0].numel()), 1)
        for start in range(0, count, step):
            stop = min(start + step, count)
            run = self._convolve(windows[:, start * pool : stop * pool])
            pooled[:, start:stop] = pool_bands(run, pool)
        return pooled

    def _convolve(self, windows: Tensor) -> Tensor:
        images = windows.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        found: Tensor = self.first(images)
        return torch.unflatten(found.permute(0, 2, 3, 1), 0, windows.shape[:2])


def build(bands: int, outputs: int, *, patch_size: int = 9) -> SpectralSpatialNet:
    """Build the network from the catalog's plain options."""
    return SpectralSpatialNet(bands, outputs, patch_size=patch_size)

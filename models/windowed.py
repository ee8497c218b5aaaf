"""Networks that look at every window by itself, made to keep the contract of all others.

Padding, attention or pooling over the whole of a patch make what a pixel contributes depend on
where in the patch it lies: neighbouring windows share no work then. Such a network keeps its
published form and is put into ``Windowed``, which cuts blocks into their windows.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from .layers import on_cpu
from .ledger import ledger
from .stages import Stage, Staged

# Activations of a chunk: on a CPU they stay within what its caches and the C library keep; on a
# graphics card a chunk must be large enough to keep it busy.
CPU_BYTES = 16 << 20
DEVICE_BYTES = 256 << 20


class _Measured:
    """What a window takes, measured once for a network and all its copies."""

    def __init__(self) -> None:
        self.window_bytes = 0

    def __deepcopy__(self, memo: object) -> _Measured:
        return self


class Windowed(nn.Module):
    """A network of single patches, window by window on blocks.

    In training, and wherever gradients are asked for, the inner network gets all windows at once:
    its batch norms see the whole batch. Without gradients in evaluation it gets them in chunks
    whose activations are bounded; their size follows from that of the block alone.

    Args:
        net: maps patches ``(N, bands, side, side)`` with ``side = 2 * radius + 1`` to logits
            ``(N, outputs)``, each patch by itself in evaluation; it may tell its ``stages``.
        radius: of its patch, in pixels.

    Attributes:
        stands_in_for_device: tensors without values stand for those of another device than the
            CPU, whose chunks are larger.

    Shapes:
        ``(N, bands, H, W) -> (N, outputs, H - 2 radius, W - 2 radius)``.
    """

    def __init__(self, net: nn.Module, radius: int) -> None:
        super().__init__()
        self.net = net
        self.radius = radius
        self.stands_in_for_device = False
        self._measured = _Measured()

    def stages(self) -> Sequence[Stage]:
        """Return what the inner network does to a patch; see ``models.stages``."""
        return cast(Staged, self.net).stages()

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits; see the class for shapes."""
        side = 2 * self.radius + 1
        # A view: (N, h, w, bands, side, side).
        windows = inputs.unfold(2, side, 1).unfold(3, side, 1).permute(0, 2, 3, 1, 4, 5)
        count, height, width = windows.shape[:3]
        if self.training or torch.is_grad_enabled():
            scores = cast(Tensor, self.net(windows.flatten(0, 2)))
        else:
            scores = self._in_chunks(windows)
        return scores.view(count, height, width, scores.shape[1]).permute(0, 3, 1, 2)

    def _in_chunks(self, windows: Tensor) -> Tensor:
        """``(N, h, w, bands, side, side)`` windows to logits ``(N * h * w, outputs)``."""
        count, height, width = windows.shape[:3]
        total = count * height * width
        chunks = max(-(-total // self._at_once(windows)), 1)
        size = -(-total // chunks)
        first = self._chunk(windows, 0, size)
        found = first.new_empty(total, first.shape[1])
        found[:size] = first
        del first
        # Tensors without values are asked for their memory alone: one chunk takes what all do.
        for start in range(size, 0 if windows.is_meta else total, max(size, 1)):
            stop = min(start + size, total)
            found[start:stop] = self._chunk(windows, start, stop)
        return found

    def _chunk(self, windows: Tensor, start: int, stop: int) -> Tensor:
        """Logits of some of the windows, which are counted row by row."""
        height, width = windows.shape[1:3]
        place = torch.arange(start, stop, device=windows.device)
        col, line = place % width, place.div(width, rounding_mode="floor")
        row, image = line % height, line.div(height, rounding_mode="floor")
        return cast(Tensor, self.net(windows[image, row, col]))

    def _at_once(self, windows: Tensor) -> int:
        """Return how many windows are taken at once at the most."""
        measured = self._measured
        if not measured.window_bytes:
            measured.window_bytes = self._measure(*windows.shape[3:5])
        small = on_cpu(windows) and not (windows.is_meta and self.stands_in_for_device)
        return max((CPU_BYTES if small else DEVICE_BYTES) // measured.window_bytes, 1)

    def _measure(self, bands: int, side: int) -> int:
        """Return the bytes that a window adds to what is alive at a time; nothing is computed."""
        with torch.inference_mode(False):
            shadow = copy.deepcopy(self.net).to("meta")
        peaks = []
        with torch.inference_mode():
            for count in (2, 4):
                with ledger() as book:
                    shadow(torch.empty(count, bands, side, side, device="meta"))
                peaks.append(int(book.peak))
        return max((peaks[1] - peaks[0]) // 2, 0) + 4 * bands * side**2

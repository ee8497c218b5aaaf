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
from collections.abc import Iterator
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from .layers import affine, on_cpu
from .stages import Stage

CHUNK = 1024  # pixels classified at once on a CPU: their hidden features stay in its cache


def window_radii(radius: int) -> tuple[int, ...]:
    """Return the radii of the windows: 0, the powers of two below ``radius``, and itself."""
    powers = [2**power for power in range(radius.bit_length()) if 2**power < radius]
    return (0, *powers, radius) if radius else (0,)


class Kernels(NamedTuple):
    """The weights with all batch norms folded in, as matrices that rows are multiplied by.

    Attributes:
        spectral: ``(bands, members * width)`` of the spectral layer.
        spectral_bias: ``(members * width,)``.
        known: ``(scales, bands, members * hidden)``, from the inputs' means.
        made: ``(members, scales, width, hidden)``, from the features' means.
        bias: ``(members * hidden,)``.
        classes: ``(members, hidden, outputs)``.
        class_bias: ``(members, outputs)``.
    """

    spectral: Tensor
    spectral_bias: Tensor
    known: Tensor
    made: Tensor
    bias: Tensor
    classes: Tensor
    class_bias: Tensor


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
    #: Means over squares: turning and mirroring a patch changes nothing (see ``models.turned``).
    symmetric = True

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

    def stages(self) -> list[Stage]:
        """Return what happens to a patch; see ``models.stages``."""
        sides = ", ".join(str(2 * radius + 1) for radius in self.radii)
        means = f"averaged over windows of {sides} pixels, every scale brought to variance 1"
        all_members = f", {self.members} members side by side" if self.members > 1 else ""
        each = f"In each of the {self.members} members: d" if self.members > 1 else "D"
        members = [cast(nn.Sequential, member) for member in self.classifiers]
        dropout, hidden, norm, _, _, last = zip(*members)
        spectral, known, made = self.spectral_norm, self.input_norm, self.feature_norm
        return [
            Stage(
                f"Dense layer on every pixel, batch norm, ReLU{all_members}",
                ("pixels", "features"),
                spectral,
                modules=(self.spectral, spectral),
                then=functional.relu,
            ),
            Stage(f"The inputs {means}", ("", "features"), known, modules=(known,)),
            Stage(f"The features of the pixels {means}", ("", "features"), made, modules=(made,)),
            Stage(
                f"{each}ropout of {dropout[0].p:.0%}, dense layer, batch norm, ReLU",
                ("", "features"),
                norm[0],
                modules=(*hidden, *norm),
                then=functional.relu,
            ),
            Stage(f"{each}ropout, dense layer", ("", "classes"), members[0], modules=last),
            Stage("Mean of the members' probabilities", ("", "classes", "", ""), self),
        ]

    def forward(self, inputs: Tensor) -> Tensor:
        """Return log probabilities; see the class for shapes."""
        patch = inputs.shape[2] == inputs.shape[3] == 2 * self.radius + 1
        if not (patch or self.training or torch.is_grad_enabled()):
            return self._classify_blocks(inputs)
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
        """Means around every pixel of blocks, ``(N * h * w, scales, channels)``."""
        means = list(self._means(pixels.permute(0, 3, 1, 2)))
        return torch.stack(means, dim=1).permute(0, 3, 4, 1, 2).flatten(0, 2)

    def _means(self, maps: Tensor) -> Iterator[Tensor]:
        """Yield the means of each scale around every pixel of ``(N, channels, H, W)``.

        A mean over a square is a mean over its columns, then its rows.
        """
        height, width = maps.shape[2:]
        for radius in self.radii:
            margin, side = self.radius - radius, 2 * radius + 1
            near = maps[..., margin : height - margin, margin : width - margin]
            if radius:
                near = functional.avg_pool2d(near, (side, 1), stride=1)
                near = functional.avg_pool2d(near, (1, side), stride=1)
            yield near

    def _classify_blocks(self, inputs: Tensor) -> Tensor:
        """The same as ``forward``, in chunks and with folded batch norms.

        Instead of putting the means of all scales side by side, each scale's share of the
        hidden features is added to that of the scales before.
        """
        count, bands, height, width = inputs.shape
        kernels = self._folded()
        maps = inputs.new_empty(count, height, width, bands + self.members * self.width)
        maps[..., :bands] = inputs.permute(0, 2, 3, 1)
        rows = maps.view(-1, maps.shape[3])
        features = rows[:, bands:]
        torch.addmm(kernels.spectral_bias, rows[:, :bands], kernels.spectral, out=features)
        features.relu_()
        margin = 2 * self.radius
        shape = (count, height - margin, width - margin, kernels.classes.shape[2])
        scores = inputs.new_empty(shape)
        step = max(CHUNK // shape[2], 1) if on_cpu(inputs) else shape[1]
        tops = range(0, shape[1], step)
        # Tensors without values are asked for their memory alone: one chunk after the other takes
        # the same, and going through all of them takes a second of every start.
        for top in tops[:1] if inputs.is_meta else tops:
            bottom = min(top + step, shape[1])
            part = maps[:, top : bottom + margin].permute(0, 3, 1, 2)
            found = self._classify(part, bands, kernels)
            scores[:, top:bottom] = found.view(count, bottom - top, *shape[2:])
        return scores.permute(0, 3, 1, 2)

    def _classify(self, maps: Tensor, bands: int, kernels: Kernels) -> Tensor:
        """``(N, bands + features, H, W)`` to log probabilities ``(N * h * w, outputs)``."""
        hidden = kernels.bias
        for scale, means in enumerate(self._means(maps)):
            rows = means.permute(0, 2, 3, 1).flatten(0, 2)
            known, made = rows[:, :bands], rows[:, bands:].split(self.width, dim=1)
            hidden = torch.addmm(hidden, known, kernels.known[scale])
            for part, features, weight in zip(
                hidden.chunk(self.members, dim=1), made, kernels.made[:, scale]
            ):
                part.addmm_(features, weight)
        parts = hidden.relu_().chunk(self.members, dim=1)
        logits = [
            torch.addmm(bias, part, weight)
            for part, weight, bias in zip(parts, kernels.classes, kernels.class_bias)
        ]
        scores = torch.stack(logits).log_softmax(2)
        return torch.logsumexp(scores, 0) - math.log(self.members)

    def _folded(self) -> Kernels:
        """Fold the batch norms into the weights."""
        scales, bands = len(self.radii), self.spectral.in_features
        scale, shift = affine(self.spectral_norm)
        spectral = (self.spectral.weight * scale[:, None]).t().contiguous()
        known_scale, known_shift = affine(self.input_norm)
        made_scale, made_shift = (
            values.view(scales, self.members, self.width) for values in affine(self.feature_norm)
        )
        known: list[Tensor] = []
        made: list[Tensor] = []
        biases: list[Tensor] = []
        classes: list[Tensor] = []
        class_biases: list[Tensor] = []
        for member, classifier in enumerate(self.classifiers):
            _, first, norm, _, _, last = cast(nn.Sequential, classifier)
            factor, summand = affine(cast(nn.BatchNorm1d, norm))
            weight = cast(nn.Linear, first).weight * factor[:, None]
            inner = torch.cat([known_shift, made_shift[:, member].flatten()])
            biases.append(summand + weight @ inner)
            weight = weight * torch.cat([known_scale, made_scale[:, member].flatten()])
            parts = weight.t().split([scales * bands, scales * self.width])
            known.append(parts[0].unflatten(0, (scales, bands)))
            made.append(parts[1].unflatten(0, (scales, self.width)))
            classes.append(cast(nn.Linear, last).weight.t())
            class_biases.append(cast(nn.Linear, last).bias)
        return Kernels(
            spectral,
            shift,
            torch.cat(known, dim=2),
            torch.stack(made),
            torch.cat(biases),
            torch.stack(classes),
            torch.stack(class_biases),
        )


def _patch_windows(radii: tuple[int, ...], radius: int) -> Tensor:
    """Weights of the pixels of a patch in the mean of each scale, ``(scales, pixels)``."""
    side = 2 * radius + 1
    windows = torch.zeros(len(radii), side, side)
    for number, inner in enumerate(radii):
        middle = slice(radius - inner, radius + inner + 1)
        windows[number, middle, middle] = 1 / (2 * inner + 1) ** 2
    return windows.flatten(1)


def build(
    bands: int,
    outputs: int,
    *,
    patch_size: int = 9,
    members: int = 3,
    width: int = 64,
    hidden: int = 128,
    dropout: float = 0.5,
) -> MultiScale:
    """Build the network from the catalog's plain options."""
    return MultiScale(
        bands,
        outputs,
        radius=patch_size // 2,
        members=members,
        width=width,
        hidden=hidden,
        dropout=dropout,
    )

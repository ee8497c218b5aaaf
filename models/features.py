"""What a layer gives when the network looks at a pixel, for all pixels of a block at once.

A layer's values are taken on the way of an ordinary forward pass. Where rows and columns lie in
them nobody has to tell: the network is tried without numbers on blocks of several sizes, and the
axes that grow with the block are the ones. So neighbours share work where the network lets them,
and where it looks at every window by itself the windows are one of the axes.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from .stages import Stage, Staged

TRIED = ((1, 1), (2, 3), (3, 3), (2, 4))  # rows and columns that come out of blocks
WITHIN = ("rows", "columns")
SPECTRUM = ("bands", "words")  # a transformer's words are groups of bands
CENTRE, MEAN = "centre", "mean"


class NoPlacesError(ValueError):
    """A layer of which nobody can tell what belongs to which pixel."""


@dataclass(frozen=True)
class Along:
    """How an axis of a layer's values goes along rows or columns of a block.

    Attributes:
        count: values within one patch.
        step: between them on a block, in pixels.
    """

    count: int
    step: int


@dataclass(frozen=True)
class Axis:
    """An axis of a layer's values.

    Attributes:
        name: as the stage tells it.
        size: of a single patch; of what is not along pixels.
        rows: along the rows of a block.
        cols: along its columns. With ``rows``: row by row in one axis, and ``size`` values each.
    """

    name: str
    size: int = 1
    rows: Along | None = None
    cols: Along | None = None


class LayerFeatures(nn.Module):
    """A network that ends with one of its layers.

    Args:
        network: of the catalog, in evaluation mode; its weights no longer learn.
        inputs: of every pixel.
        stage: number of the layer among the network's stages, from 0.
        place: ``centre`` takes the middle one of a layer's rows and columns within the patch (the
            one after the middle where their number is even), ``mean`` the mean of all.
        over_spectrum: take the mean over the axis of the spectrum.
        most: features at the most, the first ones; 0: all.

    Attributes:
        radius: of the network.
        features: that come out.
        names: of these: the axis and the place in it, for every axis that is no row or column.

    Raises:
        NoPlacesError: nobody can tell which value belongs to which pixel.

    Shapes:
        ``(N, inputs, H, W) -> (N, features, H - 2 radius, W - 2 radius)``.
    """

    def __init__(
        self,
        network: nn.Module,
        inputs: int,
        stage: int,
        *,
        place: str = CENTRE,
        over_spectrum: bool = False,
        most: int = 0,
    ) -> None:
        super().__init__()
        self.radius = int(network.radius)  # type: ignore[arg-type]
        self.network = network.requires_grad_(requires_grad=False)
        self._number = stage
        self._mean = place == MEAN
        self._over_spectrum = over_spectrum
        self._calls = 0
        told = self._stage.axes
        shapes = self._try(inputs)
        if len(set(map(len, shapes))) > 1:
            raise NoPlacesError("its values have other axes on a block than on a patch")
        names = [*told, *[""] * len(shapes[0])][: len(shapes[0])]
        self._axes = tuple(_axis(*found) for found in zip(names, zip(*shapes)))
        _check_places(self._axes)
        self._kept = self._features()
        every = list(itertools.product(*(range(axis.size) for axis in self._kept)))
        self.names = [
            tuple((axis.name, number) for axis, number in zip(self._kept, numbers) if axis.size > 1)
            for numbers in (every[:most] if most else every)
        ]
        self.features = len(self.names)

    @property
    def sizes(self) -> dict[str, int]:
        """Lengths of the axes that are features, by name."""
        return {axis.name: axis.size for axis in self._kept}

    def forward(self, inputs: Tensor) -> Tensor:
        """Return a layer's values for every pixel; see the class for shapes."""
        height, width = (size - 2 * self.radius for size in inputs.shape[2:])
        return torch.cat([self._of_one(image[None], height, width) for image in inputs])

    @property
    def _stage(self) -> Stage:
        return cast(Staged, self.network).stages()[self._number]

    def _try(self, inputs: int) -> list[tuple[int, ...]]:
        """Return the shapes of a layer's values on blocks of several sizes; nothing is computed."""
        shadow = copy.copy(self)
        shadow._modules = {"network": copy.deepcopy(self.network).to("meta")}
        margin, shapes = 2 * self.radius, []
        for height, width in TRIED:
            block = torch.empty(1, inputs, height + margin, width + margin, device="meta")
            shapes.append(tuple(shadow._taken(block).shape))
        self._calls = shadow._calls
        return shapes

    def _taken(self, inputs: Tensor) -> Tensor:
        """Run the network until a layer has given its values."""
        stage, found = self._stage, list[Tensor]()
        module = stage.after if stage.after is not None else stage.before
        if module is None:
            raise NoPlacesError("it has no module of its own")

        def note(_: nn.Module, given: tuple[Tensor, ...], returned: Tensor | None = None) -> None:
            found.append(given[0] if returned is None else returned)
            if len(found) == self._calls:
                raise _TakenError

        after = stage.after is not None
        hook = (module.register_forward_hook if after else module.register_forward_pre_hook)(note)
        try:
            # With gradients every layer is called by itself; without, some run folded together.
            with torch.enable_grad():
                self.network(inputs)
        except _TakenError:
            pass
        finally:
            hook.remove()
        if not found:
            raise NoPlacesError("it is not called by itself")
        self._calls = len(found)
        values = found[-1].detach()
        return values if stage.then is None else stage.then(values)

    def _of_one(self, inputs: Tensor, height: int, width: int) -> Tensor:
        values = self._taken(inputs)
        # Rows and columns that lie in one axis get one each.
        shape: list[int] = []
        for axis, size in zip(self._axes, values.shape):
            if axis.rows is not None and axis.cols is not None:
                rows, cols = _length(axis.rows, height), _length(axis.cols, width)
                shape += [rows, cols, axis.size]
            else:
                shape.append(size)
        values = values.reshape(shape)
        for dim, (along, length, name) in enumerate(_split(self._axes, height, width)):
            values = self._at(values, dim, along, length, name)
        values = values.permute(_order(self._axes)).flatten(0, -3)
        return values[None, : self.features]

    def _at(self, values: Tensor, dim: int, along: Along | None, length: int, name: str) -> Tensor:
        """Take what belongs to each pixel from an axis."""
        if along is None:
            averaged = self._mean if name in WITHIN else name in SPECTRUM and self._over_spectrum
            if averaged:
                return values.mean(dim, keepdim=True)
            if name in WITHIN:
                return values.narrow(dim, values.shape[dim] // 2, 1)
            return values
        if not self._mean:
            return values.narrow(dim, along.count // 2 * along.step, length)
        parts = [values.narrow(dim, n * along.step, length) for n in range(along.count)]
        return torch.stack(parts).mean(0)

    def _features(self) -> list[Axis]:
        """Return the axes that are features, in their order: those of the spectrum last."""
        kept = [axis for axis in self._axes if _is_feature(axis)]
        if self._over_spectrum:
            kept = [axis for axis in kept if axis.name not in SPECTRUM]
        return sorted(kept, key=lambda axis: axis.name in SPECTRUM)


class _TakenError(Exception):
    """The layer has given its values: the rest of the network need not run."""


def _axis(name: str, sizes: Sequence[int]) -> Axis:
    """Tell what an axis is from its sizes on the blocks that were tried."""
    patch, block, taller, wider = sizes
    down, right = taller - block, wider - block
    if not down and not right:
        if patch != block:
            raise NoPlacesError("it has another size on a block than on a patch")
        return Axis(name, patch)
    if not right and down == 1:
        return Axis(name, rows=_along(patch, block - TRIED[1][0]))
    if not down and right == 1:
        return Axis(name, cols=_along(patch, block - TRIED[1][1]))
    # Rows and columns in one axis, each ``more`` longer than what comes out, ``each`` values a
    # place: (2 + more) (3 + more) each, (3 + more) (3 + more) each, (2 + more) (4 + more) each.
    each = down - right
    more, rest = divmod(down, each) if each > 0 else (0, 1)
    more -= TRIED[1][1]
    if rest or more < 0 or block != (TRIED[1][0] + more) * (TRIED[1][1] + more) * each:
        raise NoPlacesError("it grows otherwise than the block")
    if patch != (1 + more) ** 2 * each:
        raise NoPlacesError("it has another size on a block than on a patch")
    return Axis(name, each, Along(1 + more, 1), Along(1 + more, 1))


def _along(count: int, more: int) -> Along:
    """Return how values of a patch lie on a block that has ``more`` than come out."""
    if count == 1 and not more:
        return Along(1, 1)
    if count < 2 or more % (count - 1):
        raise NoPlacesError("its rows or columns lie otherwise on a block than on a patch")
    return Along(count, more // (count - 1))


def _check_places(axes: Sequence[Axis]) -> None:
    rows = sum(axis.rows is not None for axis in axes)
    cols = sum(axis.cols is not None for axis in axes)
    if rows != 1 or cols != 1:
        raise NoPlacesError("its values do not grow with the block")


def _length(along: Along, size: int) -> int:
    return size + (along.count - 1) * along.step


def _split(
    axes: Sequence[Axis], height: int, width: int
) -> Iterator[tuple[Along | None, int, str]]:
    """Yield the axes once those with rows and columns in one have been divided."""
    for axis in axes:
        both = axis.rows is not None and axis.cols is not None
        if axis.rows is not None:
            yield axis.rows, height, axis.name
        if axis.cols is not None:
            yield axis.cols, width, axis.name
        if both or (axis.rows is None and axis.cols is None):
            yield None, axis.size, axis.name


def _is_feature(axis: Axis) -> bool:
    both = axis.rows is not None and axis.cols is not None
    placed = axis.rows is not None or axis.cols is not None
    if placed and not both:
        return False
    if both:
        return axis.size > 1
    return axis.name not in WITHIN


def _order(axes: Sequence[Axis]) -> list[int]:
    """Return the order of divided axes: features, spectrum, rest of patches, rows, columns."""
    keys: list[tuple[int, int]] = []
    for axis in axes:
        both = axis.rows is not None and axis.cols is not None
        if axis.rows is not None:
            keys.append((3, len(keys)))
        if axis.cols is not None:
            keys.append((4, len(keys)))
        if both or (axis.rows is None and axis.cols is None):
            rank = 2 if axis.name in WITHIN and not both else int(axis.name in SPECTRUM)
            keys.append((rank, len(keys)))
    return [place for _, place in sorted(keys)]

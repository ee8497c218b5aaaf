"""Several normalisations of the same bands, side by side: what the members of an ensemble take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .normalisation import Normalisation


@dataclass(frozen=True, eq=False)
class StackedNormalisation:
    """Normalisations whose outputs are stacked as channels, each computed as it is alone.

    Attributes:
        parts: of the same bands, at least one.
    """

    parts: tuple[Normalisation, ...]

    @property
    def kind(self) -> str:
        """The kinds of its parts, each once."""
        return " + ".join(dict.fromkeys(part.kind for part in self.parts))

    @property
    def bands(self) -> int:
        """Number of bands that go in."""
        return self.parts[0].bands

    @property
    def outputs(self) -> int:
        """Number of network inputs that come out, of all parts together."""
        return sum(part.outputs for part in self.parts)


def stack_normalisations(
    given: Sequence[Normalisation],
) -> tuple[StackedNormalisation, list[tuple[int, int]]]:
    """Stack normalisations; equal ones are there once.

    Args:
        given: of the same bands, at least one.

    Returns:
        The stack, and for each of those given its channels there: first, and one after the last.
    """
    parts: list[Normalisation] = []
    starts: list[int] = []
    channels = []
    for item in given:
        place = next((n for n, part in enumerate(parts) if _equal(part, item)), len(parts))
        if place == len(parts):
            starts.append(sum(part.outputs for part in parts))
            parts.append(item)
        channels.append((starts[place], starts[place] + item.outputs))
    return StackedNormalisation(tuple(parts)), channels


def _equal(one: Normalisation, other: Normalisation) -> bool:
    """Whether two give the same numbers, to the bit."""
    return np.array_equal(one.mean, other.mean) and np.array_equal(one.transform, other.transform)

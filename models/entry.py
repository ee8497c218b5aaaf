"""What the catalog says of a network: its options with their limits, and its recipes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Union

Number = Union[int, float]

LISTED = 12  # sides; more are told as a range


@dataclass(frozen=True)
class Option:
    """An option of a network.

    Attributes:
        name: of the keyword argument.
        title: what a dialog shows.
        type: ``int``, ``float`` or ``choice``.
        default: its value where nothing is said.
        minimum: smallest value of a number.
        maximum: largest value of a number.
        choices: values of a choice.
        help: a sentence.
    """

    name: str
    title: str
    type: str
    default: Any
    minimum: Number | None = None
    maximum: Number | None = None
    choices: tuple[Any, ...] = ()
    help: str = ""

    def check(self, value: Any) -> None:
        """Refuse a value that the option cannot take.

        Raises:
            ValueError: with what it can.
        """
        if self.type == "choice":
            if value not in self.choices:
                listed = ", ".join(str(choice) for choice in self.choices)
                raise ValueError(f"{self.title} ({self.name}) is '{value}'; choose {listed}.")
            return
        kinds = int if self.type == "int" else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds):
            kind = "a whole number" if self.type == "int" else "a number"
            raise ValueError(f"{self.title} ({self.name}) is {value!r}; it must be {kind}.")
        low = value if self.minimum is None else self.minimum
        high = value if self.maximum is None else self.maximum
        if not low <= value <= high:
            raise ValueError(
                f"{self.title} ({self.name}) is {value}; it must lie between {low} and {high}."
            )


@dataclass(frozen=True)
class Network:
    """A network of the catalog.

    Attributes:
        name: what parameters and model files call it; its file in ``models`` is called so too.
        title: what people read.
        kind: ``pixel`` (learns the class of a patch's middle) or ``tile`` (of all its pixels).
        dims: ``1D``, ``2D`` or ``3D``.
        paper: where it comes from: authors, title, year, DOI.
        dense: whether neighbours share work when a block is classified.
        default_patch: side of its patch, or of its tiles at the most, in pixels.
        patch_sizes: sides it can take, in rising order; evenly spaced where they are many.
        min_bands: inputs it needs at least, with its options left alone.
        options: what can be set.
        recipe: training settings that differ from the defaults: what measured best.
        published: settings and ``options`` of the source that differ from the defaults, as far as
            it states them; to compare with, and to repeat what was published.
    """

    name: str
    title: str
    kind: str
    dims: str
    paper: str
    dense: bool
    default_patch: int
    patch_sizes: tuple[int, ...]
    min_bands: int
    options: tuple[Option, ...] = ()
    recipe: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    published: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def sizes_told(self) -> str:
        """Return the sides that it takes, in words."""
        sizes, what = self.patch_sizes, "tiles" if self.kind == "tile" else "patches"
        if len(sizes) > LISTED:
            step = sizes[1] - sizes[0]
            return f"{what} of {sizes[0]} to {sizes[-1]} pixels, multiples of {step}"
        return f"{what} of {', '.join(str(size) for size in sizes)} pixels"

"""The table of networks, without torch: dialogs, checks and documents are filled from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Union

Number = Union[int, float]


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


@dataclass(frozen=True)
class Network:
    """A network of the catalog.

    Attributes:
        name: what parameters and model files call it.
        title: what people read.
        kind: ``pixel``.
        dims: ``1D``, ``2D`` or ``3D``.
        paper: where it comes from.
        dense: whether neighbours share work when a block is classified.
        default_patch: side of its patch in pixels.
        patch_sizes: sides it can take.
        min_bands: inputs it needs at least.
        options: what can be set.
        recipe: training settings that differ from the defaults.
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


_ALL = (
    Network(
        name="multiscale",
        title="Multi-scale spectral-spatial network (recommended)",
        kind="pixel",
        dims="2D",
        paper="This project; see docs/benchmarks.md.",
        dense=True,
        default_patch=7,
        patch_sizes=(1, 3, 5, 7, 9, 11, 13),
        min_bands=1,
        options=(
            Option("width", "Spectral features", "int", 64, 4, 1024),
            Option("hidden", "Hidden features", "int", 128, 4, 4096),
            Option("dropout", "Dropout", "float", 0.5, 0.0, 0.95),
        ),
        recipe=MappingProxyType(
            {
                "normalisation": "pca",
                "components": 40,
                "whitening": 0.5,
                "learning_rate": 3e-3,
                "weight_decay": 1e-2,
                "epochs": 15,
                "shortest_epoch": 60,
                "longest_epoch": 300,
            }
        ),
    ),
)

NETWORKS: Mapping[str, Network] = MappingProxyType({entry.name: entry for entry in _ALL})
DEFAULT_NETWORK = "multiscale"


def network(name: str) -> Network:
    """Return a network of the catalog.

    Raises:
        ValueError: for an unknown name; the message lists the known ones.
    """
    if name not in NETWORKS:
        raise ValueError(
            f"There is no network called '{name}'; the catalog has {', '.join(NETWORKS)}."
        )
    return NETWORKS[name]

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
        default_patch=9,
        patch_sizes=(1, 3, 5, 7, 9, 11, 13),
        min_bands=1,
        options=(
            Option("members", "Members that are averaged", "int", 3, 1, 64),
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
                "flips": False,  # means over squares are the same in all eight
                "keep": "last",
                "epochs": 15,
                "shortest_epoch": 60,
                "longest_epoch": 300,
            }
        ),
    ),
    Network(
        name="etrainee_1d",
        title="E-TRAINEE spectral network (1-D)",
        kind="pixel",
        dims="1D",
        paper="E-TRAINEE course, module 4: 1-D CNN on spectra (2024).",
        dense=True,
        default_patch=1,
        patch_sizes=(1,),
        min_bands=46,
        options=(
            Option("conv1", "Channels of the first group", "int", 32, 1, 1024),
            Option("conv2", "Channels of the second group", "int", 64, 1, 1024),
            Option("conv3", "Channels of the third group", "int", 128, 1, 1024),
            Option("dense1", "Features of the first dense layer", "int", 384, 1, 8192),
            Option("dense2", "Features of the second dense layer", "int", 192, 1, 8192),
            Option("dense3", "Features of the third dense layer", "int", 96, 1, 8192),
            Option("dropout", "Dropout", "float", 0.5, 0.0, 0.95),
        ),
        recipe=MappingProxyType(
            {
                "normalisation": "zca",
                "components": 60,
                "whitening": 0.5,
                "learning_rate": 1e-3,
                "epochs": 8,
                "flips": False,
                "shortest_epoch": 60,
            }
        ),
    ),
    Network(
        name="indian_pines_3d",
        title="Indian Pines spectral-spatial network (3-D)",
        kind="pixel",
        dims="3D",
        paper="Indian Pines course: 3-D CNN on windows of 9 x 9 pixels and all bands.",
        dense=True,
        default_patch=9,
        patch_sizes=(7, 9, 11, 13),
        min_bands=22,
        # Windows of 17 x 17 centres share most of their work: a step of four teaches up to
        # 1,156 pixels for the price of some fifty single patches.
        recipe=MappingProxyType(
            {
                "normalisation": "pca",
                "components": 40,
                "whitening": 0.5,
                "learning_rate": 1e-3,
                "batch_size": 4,
                "margin": 8,
                "epochs": 10,
                "shortest_epoch": 40,
                "longest_epoch": 40,
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

"""What can be searched of a training, between which limits; without numpy or torch.

Every limit is set around where the network's recipe stands: a search is about this network on
these data, and what is a hundred times off is hopeless.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ...models.entry import Network, Option
from ..errors import InputError
from ..training.settings import MATRICES, OPTIMISERS, RANGES, TrainingSettings

FACTOR = 10.0  # on a learning rate, both ways
WIDER = 4  # times as many features at the most, and a quarter at the least
DECAYS = (1e-5, 1e-1)
FEWEST_COMPONENTS = 4
DIGITS = 3  # that are kept: more are no use, and nobody wants to type them

#: Searched where the user names nothing, as far as the network has them.
USUAL = (
    "learning_rate",
    "weight_decay",
    "batch_size",
    "patch_size",
    "components",
    "dropout",
    "width",
    "hidden",
)
#: Numbers that are searched evenly, with their limits.
_EVEN: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "whitening": (0.0, 1.0),
        "label_smoothing": (0.0, 0.3),
        "noise": (0.0, 0.5),
        "brightness": (0.0, 0.3),
        "mixup": (0.0, 1.0),
    }
)
#: Words that are searched; others may need more than a word.
_WORDS: Mapping[str, tuple[Any, ...]] = MappingProxyType(
    {
        "optimiser": OPTIMISERS,
        "schedule": ("one-cycle", "cosine", "constant", "multi-step"),
        "class_weights": ("none", "sqrt", "inverse"),
        "normalisation": ("band", "global", "pca", "zca"),
        "flips": (True, False),
    }
)
#: Settings of a training that can be searched.
SETTINGS = (
    "learning_rate",
    "weight_decay",
    "batch_size",
    "patch_size",
    "components",
    "epochs",
    "averaging",
    *_EVEN,
    *_WORDS,
)


@dataclass(frozen=True)
class Dimension:
    """Something that is searched.

    Attributes:
        name: of a training setting, or of an option of the network.
        option: whether it is an option.
        kind: ``float``, ``int``, ``ordered`` (one of ``choices``, which lie in a row) or
            ``word`` (one of ``choices``, which do not).
        start: where the recipe stands.
        low: smallest value of a number.
        high: largest value of a number.
        even: whether steps are equal; otherwise factors are.
        choices: values that can be chosen.
    """

    name: str
    option: bool
    kind: str
    start: Any
    low: float = 0.0
    high: float = 0.0
    even: bool = False
    choices: tuple[Any, ...] = ()

    def value(self, drawn: Any) -> Any:
        """Return the setting for what a sampler has drawn: a place among choices is one."""
        if self.kind == "ordered":
            return self.choices[int(drawn)]
        if self.kind == "float":
            short = float(f"{float(drawn):.{DIGITS}g}")
            return min(max(short, self.low), self.high)
        return int(drawn) if self.kind == "int" else drawn

    def drawn(self, value: Any) -> Any:
        """Return what a sampler would have drawn for the nearest value there is."""
        if self.kind == "ordered":
            return min(range(len(self.choices)), key=lambda n: abs(self.choices[n] - value))
        if self.kind == "word":
            return value
        near = min(max(value, self.low), self.high)
        return int(near) if self.kind == "int" else float(near)

    def told(self) -> str:
        """Return the limits in words."""
        if self.choices:
            return ", ".join(map(_word, self.choices))
        return f"{self.low:g} to {self.high:g}"


def space(
    settings: TrainingSettings,
    entry: Network,
    *,
    bands: int,
    patches: Sequence[int],
    search: Sequence[str] = (),
    fixed: Sequence[str] = (),
) -> tuple[Dimension, ...]:
    """Return what is searched.

    Args:
        settings: where the search starts: the network's recipe with what the user has set.
        entry: the network.
        bands: of the chip set.
        patches: sides of patches that the chip set allows.
        search: names that the user asks for; none: the usual ones.
        fixed: names that the user has set: they are not searched unless asked for.

    Raises:
        InputError: a name that is nothing, that cannot be searched here, or that changes what
            trials are judged by.
    """
    known = {option.name: option for option in entry.options}
    names = tuple(dict.fromkeys(search)) or tuple(
        name for name in USUAL if (name in known or name in SETTINGS) and name not in fixed
    )
    unknown = [name for name in names if name not in known and name not in SETTINGS]
    if unknown:
        options = ", ".join(known) or "none"
        raise InputError(
            f"SEARCH names {', '.join(unknown)}, which {entry.title} does not have. What can be "
            f"searched is {', '.join(SETTINGS)}, and of this network: {options}."
        )
    if "class_weights" in names and settings.monitor == "loss":
        raise InputError(
            "SEARCH names class_weights, and MONITOR is 'loss': the validation loss carries the "
            "weights, so that losses with different ones cannot be compared. Set MONITOR to "
            "'balanced' or 'overall', or take class_weights out of SEARCH."
        )
    found = []
    for name in names:
        dimension = (
            _option(known[name], settings)
            if name in known
            else _setting(name, settings, entry, bands=bands, patches=patches)
        )
        if dimension is not None:
            found.append(dimension)
        elif search:
            raise InputError(_no_choice(name, settings, entry))
    if not found:
        raise InputError(
            f"Nothing is left to search: {', '.join(names) or 'every usual setting'} can take only "
            "one value here. Name others in SEARCH."
        )
    return tuple(found)


def _option(option: Option, settings: TrainingSettings) -> Dimension | None:
    """An option of the network: a factor around where it stands, within its own limits."""
    start = settings.options.get(option.name, option.default)
    if option.type == "choice":
        return Dimension(option.name, True, "word", start, choices=tuple(option.choices))
    low = -math.inf if option.minimum is None else float(option.minimum)
    high = math.inf if option.maximum is None else float(option.maximum)
    if option.name.startswith("dropout"):
        even = (max(low, 0.0), min(high, 0.8))
        return Dimension(option.name, True, "float", start, *_with(even, start), even=True)
    if start <= 0:  # no factor leads away from 0
        return None
    limits = (max(low, start / WIDER), min(high, start * WIDER))
    if option.type == "int":
        limits = (float(max(math.ceil(limits[0]), 1)), float(math.floor(limits[1])))
    if limits[0] >= limits[1]:
        return None
    return Dimension(option.name, True, option.type, start, *limits)


def _setting(
    name: str,
    settings: TrainingSettings,
    entry: Network,
    *,
    bands: int,
    patches: Sequence[int],
) -> Dimension | None:
    """A setting of the training; None where only one value is possible."""
    start = getattr(settings, name)
    row = _row(name, start, patches)
    if row:
        choices = tuple(sorted({*row, start}))
        return Dimension(name, False, "ordered", start, choices=choices) if len(row) > 1 else None
    if name in _WORDS:
        words = tuple(dict.fromkeys((*_WORDS[name], start)))
        return Dimension(name, False, "word", start, choices=words)
    if name == "components":
        return _components(settings, entry, bands)
    if name == "whitening" and settings.normalisation not in MATRICES:
        return None
    return _number(name, start)


def _row(name: str, start: Any, patches: Sequence[int]) -> Sequence[Any]:
    """Values that lie in a row; none for what is searched otherwise."""
    if name == "averaging":
        return (0.0, 0.9, 0.97, 0.99, 0.999)
    if name == "patch_size":
        return sorted({*patches, start})
    if name != "batch_size":
        return ()
    low, high = RANGES[name]
    sizes = [round(start * 2.0**power) for power in range(-2, 3)]
    return [size for size in sizes if low <= size <= high]


def _number(name: str, start: Any) -> Dimension:
    """A number that is searched evenly, or by factors around where it stands."""
    if name in _EVEN:
        return Dimension(name, False, "float", start, *_with(_EVEN[name], start), even=True)
    low, high = RANGES[name]
    if name == "epochs":
        return Dimension(name, False, "int", start, max(start // 3, low), min(3 * start, high))
    limits = (start / FACTOR, start * FACTOR) if name == "learning_rate" else _with(DECAYS, start)
    return Dimension(name, False, "float", start, max(low, limits[0]), min(high, limits[1]))


def _components(settings: TrainingSettings, entry: Network, bands: int) -> Dimension | None:
    """Components of a normalisation that has some; 0 stands for all."""
    if settings.normalisation not in MATRICES:
        return None
    # A whitening back to bands keeps their number, whatever it leaves out.
    least = entry.min_bands if settings.normalisation == "pca" else 1
    start = min(settings.components or bands, bands)
    low = min(max(least, FEWEST_COMPONENTS), start)
    return Dimension("components", False, "int", start, low, bands) if low < bands else None


def _with(limits: tuple[float, float], start: float) -> tuple[float, float]:
    """Limits that also hold where the recipe stands; 0 is no place among factors."""
    low, high = limits
    return (min(low, start) if start > 0 or low == 0 else low), max(high, start)


def _no_choice(name: str, settings: TrainingSettings, entry: Network) -> str:
    if name in ("components", "whitening"):
        return (
            f"SEARCH names {name}, which the normalisation '{settings.normalisation}' does not "
            f"have; 'pca' and 'zca' do. Take {name} out of SEARCH, or set NORMALISATION."
        )
    if name == "patch_size":
        return (
            f"SEARCH names patch_size, and {entry.title} can take only {settings.patch_size} "
            "pixels here: the halo of the chip set, its buffer or its tiles allow no others. Take "
            "it out of SEARCH, or export chips with a larger HALO and BUFFER."
        )
    return f"SEARCH names {name}, which has only one possible value here. Take it out."


def _word(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else f"{value}"

"""A training that begins with the weights of a model: what fits is taken, and what was is said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.chips import ChipSetInfo
from ..data.normalisation import Normalisation
from ..errors import InputError
from ..modelfile.bundle import ModelBundle, load_bundle
from ..progress import Progress
from ..raster.bands import describe_bands, describe_range, differing_bands
from .freezing import freeze
from .preparation import make_network
from .resolving import resolve_settings
from .settings import TrainingSettings

if TYPE_CHECKING:
    from torch import nn

NAMED = 6  # layers that a message names


def settings_and_start(given: Mapping[str, Any]) -> tuple[TrainingSettings, ModelBundle | None]:
    """Resolve the settings of a training, and read the model that it begins with.

    The network's options and patch size are the initial model's where none are given, and so
    is the normalisation always: its weights mean something with its inputs alone.

    Args:
        given: names of ``TrainingSettings``.

    Raises:
        InputError: a setting cannot be, or the model is of another network.
        ModelFileError: the model cannot be read.
    """
    path = given.get("initial_model")
    if not path:
        return resolve_settings(given), None
    asked = resolve_settings(given)  # what is wrong by itself is told first
    initial = load_bundle(str(path))
    if initial.members:
        raise InputError(
            f"INITIAL_MODEL {path} is an ensemble of {len(initial.members)} models; a training "
            "begins with one. Choose the model of a single training, such as that of one fold."
        )
    if initial.architecture != asked.architecture:
        raise InputError(
            f"INITIAL_MODEL {path} is of the network {initial.architecture}, and ARCHITECTURE is "
            f"{asked.architecture}. Choose ARCHITECTURE '{initial.architecture}', or another model."
        )
    own = {
        "options": {**initial.options, **(given.get("options") or {})},
        "patch_size": given.get("patch_size") or initial.patch_size,
    }
    settings = resolve_settings({**given, **own})
    normalisation = fitted_normalisation(initial)
    mixed = normalisation.outputs != normalisation.bands
    return replace(
        settings,
        normalisation="pca" if mixed else normalisation.kind,
        components=normalisation.outputs if mixed else settings.components,
    ), initial


def fitted_normalisation(initial: ModelBundle) -> Normalisation:
    """Return the normalisation of a model that is no ensemble."""
    if not isinstance(initial.normalisation, Normalisation):
        raise TypeError("an ensemble has a normalisation for each of its members")
    return initial.normalisation


def check_bands(initial: ModelBundle, info: ChipSetInfo) -> None:
    """Refuse a chip set whose bands are not those of the initial model.

    Raises:
        InputError: with what differs.
    """
    if info.reduction is not None and not info.reduction.is_selection:
        raise InputError(
            "The chip set holds components that 'Reduce bands' made, and INITIAL_MODEL takes the "
            "bands of an original image. Export the chips from the original image."
        )
    wanted, have = tuple(initial.bands), info.bands
    told = (
        f"INITIAL_MODEL takes {describe_range(wanted)}, and the chip set has {describe_range(have)}"
    )
    if len(wanted) != len(have):
        raise InputError(
            f"{told}. Export the chips from an image of the same sensor, with the same bands."
        )
    differing = differing_bands(wanted, have)
    if differing:
        raise InputError(
            f"{told}, of which {describe_bands(differing)} lie farther than half a band's width "
            "from the model's. Export the chips from an image of the same sensor."
        )


def begin_with(
    initial: ModelBundle,
    network: nn.Module,
    settings: TrainingSettings,
    info: ChipSetInfo,
    progress: Progress,
) -> tuple[str, ...]:
    """Fill in the weights of a model where name and shape are equal, and freeze what is asked.

    The layer that gives the classes is taken only where these are the same.

    Args:
        initial: the model.
        network: fresh; changed in place.
        settings: say what is frozen.
        info: the chip set.
        progress: told what was taken and what was not.

    Returns:
        Names of the network's parts that stay as they are.

    Raises:
        InputError: nothing fits, or fresh weights would be frozen.
    """
    import torch

    own = network.state_dict()
    fresh = _of_other_classes(initial, settings, info)
    taken: dict[str, Any] = {}
    for name, value in own.items():
        array = initial.weights.get(name)
        if array is None or array.shape != tuple(value.shape):
            fresh.add(name)
        elif name not in fresh:
            taken[name] = torch.from_numpy(np.array(array))
    learnt = {name: weight.numel() for name, weight in network.named_parameters()}
    count = sum(size for name, size in learnt.items() if name in taken)
    title = Path(settings.initial_model).name
    if not count:
        raise InputError(
            f"No weights of INITIAL_MODEL {title} fit the network: none has the same name and "
            "shape. Leave OPTIONS and PATCH_SIZE empty to build it as that model's."
        )
    network.load_state_dict({**own, **taken})
    begins = f"{count:,} of {sum(learnt.values()):,} weights begin as those of {title}"
    left = _layers(name for name in learnt if name in fresh)
    progress.log(f"{begins}; fresh are {left}." if left else f"{begins}.")
    frozen = freeze(network, settings.freeze)
    fixed = [name for name, weight in network.named_parameters() if not weight.requires_grad]
    random = _layers(name for name in fixed if name in fresh)
    if random:
        raise InputError(
            f"FREEZE is '{settings.freeze}', which would keep {random} as drawn at random: the "
            "initial model has no such weights. Freeze fewer layers, or leave OPTIONS and "
            "PATCH_SIZE empty to build the network as that model's."
        )
    if fixed:
        held = sum(learnt[name] for name in fixed)
        progress.log(f"{held:,} weights are frozen: {_layers(fixed)}.")
    return frozen


def _of_other_classes(
    initial: ModelBundle, settings: TrainingSettings, info: ChipSetInfo
) -> set[str]:
    """Return the names of weights that belong to classes, where these are not the same."""
    import torch

    def told(classes: Iterable[Any]) -> list[tuple[int, str]]:
        return [(item.code, item.name) for item in classes]

    if told(initial.classes) == told(info.classes):
        return set()
    inputs, count = initial.normalisation.outputs, len(info.classes)
    with torch.device("meta"):
        here, more = (
            make_network(settings, inputs, number).state_dict() for number in (count, count + 1)
        )
    return {name for name, value in here.items() if value.shape != more[name].shape}


def _layers(names: Iterable[str]) -> str:
    """Name layers by their weights, each once, the first of many."""
    found = list(dict.fromkeys(name.rpartition(".")[0] or name for name in names))
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return ", ".join(found[:NAMED]) + more

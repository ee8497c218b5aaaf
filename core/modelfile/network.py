"""The network of a model, with its weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ...models.catalog import NETWORKS
from ..errors import ModelFileError
from ..stored_json import shown
from .bundle import ModelBundle
from .ensemble import channels_of, class_order

if TYPE_CHECKING:
    from torch import Tensor, nn


def network_of(bundle: ModelBundle) -> nn.Module:
    """Build the network of a model on the CPU and fill in its weights.

    Returns:
        The network, in evaluation mode; of an ensemble one that averages its members, and takes
        the outputs of their normalisations side by side. One on tiles comes in the form that
        classifies without seams.

    Raises:
        ModelFileError: this version does not know the network, or the weights are those of
            another one.
    """
    import torch

    from ...models.build import build
    from ...models.seamless import seamless

    if bundle.members:
        return _ensemble_of(bundle)
    if bundle.architecture not in NETWORKS:
        raise ModelFileError(
            f"The model's network is {shown(bundle.architecture)}, which this version does not "
            f"know; it knows {', '.join(NETWORKS)}. Update the plugin."
        )
    options = {**bundle.options, "patch_size": bundle.patch_size}
    sizes = (bundle.normalisation.outputs, len(bundle.classes))
    try:
        # On paper first: a file may ask for a network that no memory can hold.
        with torch.device("meta"):
            state = build(bundle.architecture, *sizes, options).state_dict()
        _check_weights(bundle, state)
        # Random weights are drawn and thrown away: the caller's generator must not notice.
        with torch.random.fork_rng(devices=[]):
            network = build(bundle.architecture, *sizes, options)
    except (ValueError, TypeError) as error:
        raise ModelFileError(f"The model's network cannot be built: {error}") from error
    network.load_state_dict(
        {name: torch.from_numpy(np.array(bundle.weights[name])) for name in state}
    )
    network = seamless(network)
    stated = {"radius": bundle.radius, "multiple": bundle.multiple}
    found = {"radius": network.radius, "multiple": getattr(network, "multiple", 1)}
    for what, number in stated.items():
        if found[what] != number:
            raise ModelFileError(
                f"The model states a {what} of {number} pixels; its network has {found[what]}. "
                "The file's header was changed: copy it again."
            )
    return network.eval()


def _ensemble_of(bundle: ModelBundle) -> nn.Module:
    from ...models.ensemble import Ensemble

    orders = [class_order(member.classes, bundle.classes) or [] for member in bundle.members]
    members = [network_of(member) for member in bundle.members]
    try:
        return Ensemble(members, channels_of(bundle), orders).eval()
    except ValueError as error:
        raise ModelFileError(f"The ensemble cannot be put together: {error}") from error


def _check_weights(bundle: ModelBundle, state: Mapping[str, Tensor]) -> None:
    """Refuse weights that are not those of a network."""
    _check_names(bundle, set(state))
    for name, place in state.items():
        weight = bundle.weights[name]
        found = (tuple(weight.shape), weight.dtype.name)
        wanted = (tuple(place.shape), str(place.dtype).replace("torch.", ""))
        if found != wanted:
            raise ModelFileError(
                f"The model's weights '{name}' have the shape {found[0]} of {found[1]}; its "
                f"network {bundle.architecture} needs {wanted[0]} of {wanted[1]}. The file is "
                "damaged, or its header was changed: copy it again, or train again."
            )


def _check_names(bundle: ModelBundle, expected: set[str]) -> None:
    found = set(bundle.weights)
    if found == expected:
        return
    missing, extra = sorted(expected - found), sorted(found - expected)
    parts = [
        f"{what} {', '.join(names[:3])}{' ...' if len(names) > 3 else ''}"
        for what, names in (("lacking", missing), ("too many", extra))
        if names
    ]
    raise ModelFileError(
        f"The model's weights are not those of its network {bundle.architecture}: "
        f"{'; '.join(parts)}. Copy the file again, train again, or update the plugin."
    )

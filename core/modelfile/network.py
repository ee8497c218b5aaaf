"""The network of a model, with its weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...models.catalog import NETWORKS
from ..errors import ModelFileError
from .bundle import ModelBundle

if TYPE_CHECKING:
    from torch import nn


def network_of(bundle: ModelBundle) -> nn.Module:
    """Build the network of a model on the CPU and fill in its weights.

    Returns:
        The network, in evaluation mode.

    Raises:
        ModelFileError: this version does not know the network, or the weights are those of
            another one.
    """
    import torch

    from ...models.build import build

    if bundle.architecture not in NETWORKS:
        raise ModelFileError(
            f"The model's network is '{bundle.architecture}', which this version does not know; "
            f"it knows {', '.join(NETWORKS)}. Update the plugin."
        )
    options = {**bundle.options, "patch_size": bundle.patch_size}
    try:
        # Random weights are drawn and thrown away: the caller's generator must not notice.
        with torch.random.fork_rng(devices=[]):
            network = build(
                bundle.architecture, bundle.normalisation.outputs, len(bundle.classes), options
            )
    except (ValueError, TypeError) as error:
        raise ModelFileError(f"The model's network cannot be built: {error}") from error
    state = network.state_dict()
    _check_names(bundle, set(state))
    for name, place in state.items():
        weight = bundle.weights[name]
        if tuple(weight.shape) != tuple(place.shape):
            raise ModelFileError(
                f"The model's weights '{name}' have the shape {tuple(weight.shape)}; its network "
                f"{bundle.architecture} needs {tuple(place.shape)}. The file is damaged, or its "
                "header was changed: copy it again, or train again."
            )
    network.load_state_dict(
        {name: torch.from_numpy(np.array(bundle.weights[name])) for name in state}
    )
    if int(network.radius) != bundle.radius:  # type: ignore[arg-type]
        raise ModelFileError(
            f"The model states a radius of {bundle.radius} pixels; its network has "
            f"{network.radius}. The file's header was changed: copy it again."
        )
    return network.eval()


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

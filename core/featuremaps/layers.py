"""The layers of a model: which there are, and which one is meant."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from ...models.catalog import NETWORKS
from ..errors import InputError
from ..modelfile.bundle import ModelBundle
from .settings import FIRST, MEAN

if TYPE_CHECKING:
    from torch import nn

    from ...models.features import LayerFeatures
    from ...models.stages import MeasuredStage


def layers_of(network: nn.Module, bundle: ModelBundle) -> list[MeasuredStage]:
    """Return the layers of a model as 'Describe model' shows them.

    Raises:
        InputError: the model has none that can be looked at.
    """
    from ...models.stages import measure_stages

    entry = NETWORKS.get(bundle.architecture)
    if entry is not None and entry.kind != "pixel":
        raise InputError(
            f"{entry.title} ({bundle.architecture}) classifies whole tiles; feature maps are made "
            "of networks that look around one pixel. Choose a model of one of those: "
            f"{', '.join(name for name, other in NETWORKS.items() if other.kind == 'pixel')}."
        )
    if bundle.members or not hasattr(network, "stages"):
        raise InputError(
            f"The model holds {len(bundle.members) or 'several'} networks, each with layers of its "
            "own. Choose a model of a single network, such as one of those it was put together of."
        )
    return measure_stages(copy.deepcopy(network), bundle.normalisation.outputs)


def chosen_layer(layers: list[MeasuredStage], wanted: str) -> int:
    """Return the place of the layer that is meant.

    Args:
        layers: of the model.
        wanted: its number, from 1, or words of its description.

    Raises:
        InputError: no layer, or several; the message lists them.
    """
    text = wanted.strip()
    if text.isdecimal() and 1 <= int(text) <= len(layers):
        return int(text) - 1
    found = [place for place, item in enumerate(layers) if text.lower() in item.words.lower()]
    if text and not text.isdecimal() and len(found) == 1:
        return found[0]
    what = "names no layer of the model" if not found or text.isdecimal() else "is not unique"
    listed = "; ".join(f"{n}: {item.words}" for n, item in enumerate(layers, start=1))
    raise InputError(
        f"LAYER '{wanted}' {what}. Give a number, or words that only one has: {listed}."
    )


def layer_features(
    network: nn.Module,
    inputs: int,
    number: int,
    *,
    features: str,
    place: str,
    max_bands: int,
) -> LayerFeatures:
    """Return a network that ends with a layer.

    Args:
        network: of the model.
        inputs: of every pixel.
        number: of the layer, from 0.
        features: ``all``, ``first`` or ``mean``.
        place: ``centre`` or ``mean``.
        max_bands: bands at the most.

    Raises:
        InputError: there are more bands than that, or the layer says nothing of single pixels.
    """
    from ...models.features import SPECTRUM, LayerFeatures, NoPlacesError

    try:
        found = LayerFeatures(
            network,
            inputs,
            number,
            place=place,
            over_spectrum=features == MEAN,
            most=max_bands if features == FIRST else 0,
        )
    except NoPlacesError as error:
        raise InputError(
            f"Layer {number + 1} cannot be shown as a map: {error}. Choose another LAYER."
        ) from error
    if found.features <= max_bands:
        return found
    sizes = " x ".join(f"{size} {name}" for name, size in found.sizes.items() if size > 1)
    remedies = [f"set MAX_BANDS to {found.features} or more", f"take the first {max_bands} "
                "(FEATURES 'first')"]  # fmt: skip
    if any(found.sizes.get(name, 1) > 1 for name in SPECTRUM):
        remedies.append("take the mean over the spectrum (FEATURES 'mean')")
    raise InputError(
        f"Layer {number + 1} has {found.features:,} features ({sizes}), and MAX_BANDS is "
        f"{max_bands}: {', or '.join(remedies)}, or choose another LAYER. Nothing was written."
    )


def band_names(found: LayerFeatures, number: int) -> list[str]:
    """Return a name for every band: the layer, the feature, and its place in the spectrum."""
    sizes, words = found.sizes, {"features": "feature", "classes": "class", "bands": "place"}
    names = []
    for parts in found.names:
        told = [
            f"{words.get(name, name.rstrip('s') or 'part')} {place + 1}"
            + (f" of {sizes[name]}" if name in ("bands", "words") else "")
            for name, place in parts
        ]
        names.append(" ".join([f"layer {number + 1}", *(told or ["feature 1"])]))
    return names

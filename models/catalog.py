"""The table of networks, without torch: dialogs, checks and documents are filled from it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .entries import (
    a2s2k,
    etrainee_1d,
    etrainee_2d,
    etrainee_3d,
    hamida_2018,
    he_2017,
    hu_2015,
    hybridsn,
    indian_pines_3d,
    lee_kwon_2016,
    li_2017,
    multiscale,
    soil_1d,
    spectralformer,
    ssrn,
    unet,
)
from .entry import Network

_ALL = (
    multiscale.ENTRY,
    etrainee_1d.ENTRY,
    indian_pines_3d.ENTRY,
    hu_2015.ENTRY,
    hamida_2018.ENTRY,
    li_2017.ENTRY,
    he_2017.ENTRY,
    lee_kwon_2016.ENTRY,
    soil_1d.ENTRY,
    hybridsn.ENTRY,
    ssrn.ENTRY,
    a2s2k.ENTRY,
    spectralformer.ENTRY,
    etrainee_2d.ENTRY,
    etrainee_3d.ENTRY,
    unet.ENTRY,
)

#: Every network by its name, the recommended one first.
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

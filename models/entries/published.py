"""What the published trainings of all networks have in common, beside each one's own."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

#: An epoch is one pass; nothing is turned or clipped; the best validation loss is kept.
_ALL = {
    "weight_decay": 0.0,
    "monitor": "loss",
    "flips": False,
    "clip": 0.0,
    "shortest_epoch": 1,
    "longest_epoch": 1_000_000,
}


def as_published(**own: Any) -> Mapping[str, Any]:
    """Return a published training.

    Args:
        own: settings of ``core.training.settings`` that its source states, or that differ from
            what is common.
    """
    return MappingProxyType({**_ALL, **own})

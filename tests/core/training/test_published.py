"""What RECIPE 'published' takes, against what the docs say of all such trainings."""

from __future__ import annotations

import pytest
from hsicnn.core.training.resolving import resolve_settings
from hsicnn.models.catalog import NETWORKS

PUBLISHED = [name for name, entry in NETWORKS.items() if entry.published]


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_the_docs_say_of_all_published_trainings(name):
    """docs/networks.md: one pass, no turns but of tiles, no clipping, the best validation loss."""
    settings = resolve_settings({"architecture": name, "recipe": "published"})
    assert (settings.shortest_epoch, settings.longest_epoch) == (1, 1_000_000)
    assert settings.clip == 0.0
    assert settings.flips == (NETWORKS[name].kind == "tile")
    assert (settings.keep, settings.monitor) == ("best", "loss") or name == "spectralformer"
    assert settings.weight_decay == {
        "hamida_2018": 5e-4, "li_2017": 5e-4, "spectralformer": 5e-3,
    }.get(name, 0.0)  # fmt: skip

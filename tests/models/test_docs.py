"""The page of networks knows every network of the catalog."""

from __future__ import annotations

from pathlib import Path

import pytest
from hsicnn.models.catalog import NETWORKS

PAGE = (Path(__file__).parents[2] / "docs" / "networks.md").read_text(encoding="utf-8")


def rows(title: str) -> list[str]:
    """Rows of the first table behind a line."""
    lines = PAGE[PAGE.index(title) :].splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("|---"))
    table = lines[start + 1 :]
    end = next((n for n, line in enumerate(table) if not line.startswith("|")), len(table))
    return table[:end]


@pytest.mark.parametrize("entry", NETWORKS.values(), ids=list(NETWORKS))
def test_a_network_has_its_row_and_its_least_bands(entry):
    assert any(row.startswith(f"| `{entry.name}` | {entry.dims} |") for row in rows("| name |"))
    least = next(row for row in rows("| bands at least") if f"`{entry.name}`" in row)
    assert least.startswith(f"| {entry.min_bands} |")


@pytest.mark.parametrize("entry", NETWORKS.values(), ids=list(NETWORKS))
def test_a_networks_source_is_cited(entry):
    assert entry.paper in PAGE or "docs/benchmarks.md" in entry.paper


def test_every_option_is_told():
    told = "".join(rows("| option |"))
    shown = {"conv2", "conv3", "dense1", "dense2"}  # between `conv1` and `dense3`
    names = {option.name for entry in NETWORKS.values() for option in entry.options}
    assert [name for name in sorted(names - shown) if f"`{name}`" not in told] == []

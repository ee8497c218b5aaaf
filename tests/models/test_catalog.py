"""The catalog is a table without torch; what it says of a network holds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hsicnn.models.catalog import DEFAULT_NETWORK, NETWORKS, network
from hsicnn.models.entry import Option

ROOT = Path(__file__).resolve().parents[2]


def test_the_catalog_needs_no_torch():
    code = (
        "import sys; sys.modules['torch'] = None; sys.path.insert(0, sys.argv[1]);"
        "import importlib.util as u;"
        "s = u.spec_from_file_location('models', sys.argv[1] + '/models/__init__.py');"
        "m = u.module_from_spec(s); sys.modules['models'] = m; s.loader.exec_module(m);"
        "from models.catalog import NETWORKS; print(len(NETWORKS))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, str(ROOT)], capture_output=True, text=True, check=True
    )
    assert int(found.stdout) == len(NETWORKS)


def test_the_default_is_in_the_catalog():
    assert DEFAULT_NETWORK in NETWORKS


def test_an_unknown_network_is_refused_with_the_names_there_are():
    with pytest.raises(ValueError, match="etrainee_1d"):
        network("resnet")


@pytest.mark.parametrize("entry", NETWORKS.values(), ids=list(NETWORKS))
def test_entries_are_sound(entry):
    assert entry.default_patch in entry.patch_sizes
    odd = entry.kind == "pixel"
    assert all(side % 2 == odd for side in entry.patch_sizes)
    assert list(entry.patch_sizes) == sorted(set(entry.patch_sizes))
    assert entry.dims in {"1D", "2D", "3D"}
    for option in entry.options:
        option.check(option.default)


def test_options_refuse_what_they_cannot_take():
    width = Option("width", "Width", "int", 64, 4, 128)
    for value in (3, 129, 64.0, "64", True):
        with pytest.raises(ValueError, match="width"):
            width.check(value)
    with pytest.raises(ValueError, match="choose a, b"):
        Option("kind", "Kind", "choice", "a", choices=("a", "b")).check("c")
    Option("rate", "Rate", "float", 0.5, 0.0, 1.0).check(0)


def test_a_choice_takes_what_it_lists():
    Option("kind", "Kind", "choice", "a", choices=("a", "b")).check("b")


def test_numbers_without_a_bound_take_any():
    rate = Option("rate", "Rate", "float", 0.5)
    rate.check(1e30)
    rate.check(-3)
    with pytest.raises(ValueError, match="must be a number"):
        rate.check("fast")

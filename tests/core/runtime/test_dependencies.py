from __future__ import annotations

import sys
import types

import pytest
from hsicnn.core.errors import DependencyError
from hsicnn.core.runtime import dependencies


def test_what_is_there_and_what_is_not():
    assert dependencies.installed("numpy")
    assert not dependencies.installed("no_such_package")
    assert dependencies.missing(["numpy", "no_such_package"]) == ("no_such_package",)
    dependencies.require("numpy")


def test_a_module_without_a_spec_counts_as_missing(monkeypatch):
    stand_in = types.ModuleType("stand_in")
    stand_in.__spec__ = None
    monkeypatch.setitem(sys.modules, "stand_in", stand_in)
    assert not dependencies.installed("stand_in")


def test_a_version_that_nobody_knows_is_empty():
    assert dependencies.version("numpy")
    assert dependencies.version("no_such_package") == ""


def test_sentences_name_packages_by_their_titles():
    assert dependencies.what_is_missing(["torch"]) == (
        "PyTorch (for training and applying networks) is not installed."
    )
    assert dependencies.what_is_missing(["safetensors", "no_such_package"]) == (
        "safetensors (for model files) and no_such_package are not installed."
    )


def test_the_command_keeps_the_numpy_that_is_there():
    assert dependencies.install_command("/usr/bin/python3", ["torch"], "1.24.2") == (
        '"/usr/bin/python3" -m pip install "torch>=2.6" "numpy==1.24.2"'
    )
    assert "==" not in dependencies.install_command("python", ["numpy"], "1.24.2")


def test_a_package_that_does_not_load_is_named_with_its_remedy(monkeypatch):
    def broken(name):
        raise ValueError("numpy.dtype size changed, may indicate binary incompatibility")

    monkeypatch.setattr(dependencies.importlib, "import_module", broken)
    with pytest.raises(DependencyError, match=r"numpy \S+ is installed and cannot.*binary"):
        dependencies.loaded("numpy")


def test_a_package_that_is_missing_is_named_with_its_command():
    with pytest.raises(DependencyError, match=r"no_such_package is not installed.*pip install"):
        dependencies.loaded("no_such_package")

"""The provider loads quickly and without what it does not need yet."""

from __future__ import annotations

import configparser
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

_PROGRAM = """
import importlib.util, sys
for name in ("torch", "sklearn", "safetensors"):
    sys.modules[name] = None          # an import fails
from qgis.core import QgsApplication
application = QgsApplication([], False)
application.initQgis()
before = set(sys.modules)
spec = importlib.util.spec_from_file_location(
    "hsicnn", {init!r}, submodule_search_locations=[{root!r}])
package = importlib.util.module_from_spec(spec)
sys.modules["hsicnn"] = package
spec.loader.exec_module(package)
plugin = package.classFactory(None)
plugin.initProcessing()
provider = QgsApplication.processingRegistry().providerById("hsicnn")
print("algorithms", len(provider.algorithms()))
print("loaded", *sorted({{name.partition(".")[0] for name in set(sys.modules) - before}}))
"""


@pytest.fixture(scope="module")
def loading() -> dict[str, list[str]]:
    """What loading the provider in a fresh process says."""
    pytest.importorskip("qgis.core")
    program = _PROGRAM.format(init=str(ROOT / "__init__.py"), root=str(ROOT))
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    words = [line.split() for line in done.stdout.splitlines()]
    assert words, done.stderr
    return {line[0]: line[1:] for line in words if line}


def test_it_loads_where_torch_is_missing(loading):
    from hsicnn.algorithms import ALGORITHMS

    assert loading["algorithms"] == [str(len(ALGORITHMS) + 1)]  # and the shipped model


@pytest.mark.parametrize(
    "name", ["numpy", "scipy", "matplotlib", "osgeo", "email", "subprocess", "tempfile"]
)
def test_it_leaves_what_takes_long_for_later(loading, name):
    assert name not in loading["loaded"]


@pytest.fixture(scope="module")
def metadata():
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "metadata.txt", encoding="utf-8")
    return parser["general"]


@pytest.mark.parametrize(
    "key",
    [
        "name",
        "description",
        "about",
        "version",
        "author",
        "email",
        "tracker",
        "repository",
        "changelog",
        "homepage",
    ],
)
def test_metadata_is_complete(metadata, key):
    assert metadata[key].strip()


def test_metadata_says_what_qgis_must_know(metadata):
    assert metadata.getboolean("hasProcessingProvider")
    assert metadata["qgisMinimumVersion"] == "3.22"
    assert metadata["qgisMaximumVersion"] == "4.99"
    assert re.fullmatch(r"\d+\.\d+\.\d+", metadata["version"])
    assert metadata["version"] in metadata["changelog"]
    assert (ROOT / metadata["icon"]).is_file()
    assert "PyTorch" in metadata["about"]
    assert "External dependencies" in metadata["about"]


def test_the_shipped_model_comes_from_the_script_that_builds_it(qgis_app, qgis_processing):
    """The file is not edited by hand, and its steps are there."""
    from hsicnn.hsicnn_plugin.plugin import HsicnnPlugin
    from qgis.core import QgsApplication

    plugin = HsicnnPlugin(None)
    plugin.initProcessing()
    try:
        spec = importlib.util.spec_from_file_location(
            "build_model", ROOT / "tests" / "support" / "build_model.py"
        )
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        registry = QgsApplication.processingRegistry()
        model = registry.algorithmById("hsicnn:mapfromrasterandreference")
        built = module.build()
        steps = {name: step.algorithmId() for name, step in model.childAlgorithms().items()}
        assert steps == {name: step.algorithmId() for name, step in built.childAlgorithms().items()}
        inputs = [item.name() for item in model.parameterDefinitions()][:4]
        assert inputs == [item.name() for item in built.parameterDefinitions()][:4]
        assert model.displayName() == "Map from raster and reference"
        assert all(step.algorithm() is not None for step in model.childAlgorithms().values())
    finally:
        plugin.unload()

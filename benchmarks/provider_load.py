"""How long QGIS waits for the provider: ``python benchmarks/provider_load.py``.

Every run is a fresh process with QGIS already started: the clock runs from the import of the
plugin's package until the provider stands in the registry with all its algorithms.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TARGET = 0.100  # seconds
HEAVY = (
    "torch", "sklearn", "safetensors", "scipy", "matplotlib", "numpy", "osgeo", "h5py", "onnx",
    "pandas", "email", "multiprocessing", "asyncio", "unittest", "http",
)  # fmt: skip

_PROGRAM = """
import importlib.util, json, sys, time
from qgis.core import QgsApplication
application = QgsApplication([], False)
application.initQgis()
before = set(sys.modules)
began = time.perf_counter()
spec = importlib.util.spec_from_file_location(
    "hsicnn", {init!r}, submodule_search_locations=[{root!r}])
package = importlib.util.module_from_spec(spec)
sys.modules["hsicnn"] = package
spec.loader.exec_module(package)
plugin = package.classFactory(None)
imported = time.perf_counter()
plugin.initProcessing()
loaded = time.perf_counter()
provider = QgsApplication.processingRegistry().providerById("hsicnn")
print(json.dumps({{
    "imports": imported - began,
    "registering": loaded - imported,
    "algorithms": len(provider.algorithms()),
    "modules": sorted(set(sys.modules) - before),
}}))
"""


def load_once(environment: dict[str, str]) -> dict[str, Any]:
    """Load the provider in a fresh process and return what it says of itself."""
    program = _PROGRAM.format(init=str(ROOT / "__init__.py"), root=str(ROOT))
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def line(name: str, runs: list[dict[str, Any]]) -> str:
    """Return a row of the table, in milliseconds."""
    imports = [1e3 * run["imports"] for run in runs]
    registering = [1e3 * run["registering"] for run in runs]
    whole = [sum(parts) for parts in zip(imports, registering)]
    return (
        f"| {name} | {statistics.median(whole):.0f} | {min(whole):.0f} - {max(whole):.0f} "
        f"| {statistics.median(imports):.0f} | {statistics.median(registering):.0f} |"
    )


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=9)
    given = parser.parse_args()
    usual = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    load_once(usual)  # compiles what has changed, and fills the disk's cache
    warm = [load_once(usual) for _ in range(given.repetitions)]
    with tempfile.TemporaryDirectory() as folder:
        fresh = {**usual, "PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        first = [load_once(fresh) for _ in range(max(given.repetitions // 3, 1))]
    modules = warm[0]["modules"]
    own = [name for name in modules if name.partition(".")[0] == "hsicnn"]
    heavy = [name for name in HEAVY if name in modules]
    print("| load | median, ms | range, ms | imports, ms | registering, ms |")
    print("|---|---:|---:|---:|---:|")
    print(line("compiled already", warm))
    print(line("first after installing", first))
    print(
        f"\n{warm[0]['algorithms']} algorithms; {len(own)} modules of the plugin and "
        f"{len(modules) - len(own)} others are imported; heavy ones among them: "
        f"{', '.join(heavy) or 'none'}."
    )
    median = statistics.median(run["imports"] + run["registering"] for run in warm)
    print(f"Target {1e3 * TARGET:.0f} ms: {'reached' if median <= TARGET else 'NOT reached'}.")


if __name__ == "__main__":
    main()

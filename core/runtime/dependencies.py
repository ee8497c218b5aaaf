"""What the plugin needs beyond QGIS, what is there, and sentences for what is not."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..errors import DependencyError


@dataclass(frozen=True)
class Package:
    """A package that a job may need.

    Attributes:
        module: what is imported.
        requirement: what pip installs, with the oldest version that works.
        title: its name for people.
        purpose: what it is needed for, as the end of a sentence "needed for ...".
        from_qgis: whether QGIS's own Python brings it.
    """

    module: str
    requirement: str
    title: str
    purpose: str
    from_qgis: bool = False


_ALL = (
    Package("osgeo", "gdal", "GDAL's Python bindings", "reading and writing rasters", True),
    Package("numpy", "numpy", "numpy", "every computation", True),
    Package("scipy", "scipy", "scipy", "distances and matching bands", True),
    Package("matplotlib", "matplotlib", "matplotlib", "pictures in reports", True),
    Package("sklearn", "scikit-learn>=1.2", "scikit-learn", "components, checks and LibSVM tables"),
    Package("h5py", "h5py>=3", "h5py", "HDF5 and MATLAB 7.3 files"),
    Package("torch", "torch>=2.6", "PyTorch", "training and applying networks"),
    Package("safetensors", "safetensors>=0.4", "safetensors", "model files"),
    Package("optuna", "optuna>=4", "Optuna", "searching the settings of a training"),
)

#: Every package by the module that is imported.
PACKAGES: Mapping[str, Package] = MappingProxyType({package.module: package for package in _ALL})


def installed(module: str) -> bool:
    """Return whether a top-level module can be found, without importing it."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):  # ValueError: a module without a spec sits in sys.modules
        return False


def version(module: str) -> str:
    """Return the installed version of a package, or nothing where it is unknown."""
    # Imported here: it takes longer than everything else that Processing loads of us.
    import importlib.metadata

    requirement = PACKAGES[module].requirement if module in PACKAGES else module
    # QGIS's Windows and macOS bundles bring some packages without their metadata.
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(requirement.partition(">")[0])
    return ""


def plugin_version() -> str:
    """Return the version of the plugin itself, which stands in its metadata.txt."""
    from configparser import ConfigParser, Error

    parser = ConfigParser(interpolation=None)
    try:
        parser.read(Path(__file__).resolve().parents[2] / "metadata.txt", encoding="utf-8")
        return parser.get("general", "version")
    except (Error, OSError, UnicodeDecodeError):
        return ""


def missing(modules: Iterable[str]) -> tuple[str, ...]:
    """Return those of the modules that are not installed here."""
    return tuple(module for module in modules if not installed(module))


def what_is_missing(modules: Iterable[str]) -> str:
    """Return a sentence that names missing packages and what they are for."""
    parts = []
    for module in modules:
        package = PACKAGES.get(module)
        parts.append(f"{package.title} (for {package.purpose})" if package else module)
    return f"{' and '.join(parts)} {'is' if len(parts) == 1 else 'are'} not installed."


def install_command(python: str, modules: Iterable[str], numpy_version: str = "") -> str:
    """Return the command that installs missing packages into a Python.

    Args:
        python: path of the interpreter.
        modules: what is missing there.
        numpy_version: the numpy that is there; it stays, because QGIS and its plugins are
            built against it.
    """
    wanted = [PACKAGES[module].requirement if module in PACKAGES else module for module in modules]
    if numpy_version and "numpy" not in wanted:
        wanted.append(f"numpy=={numpy_version}")
    return f'"{python}" -m pip install ' + " ".join(f'"{name}"' for name in wanted)


def what_is_broken(module: str, error: BaseException) -> str:
    """Return a sentence on a package that is there and cannot be loaded, and the remedy.

    Args:
        module: what was imported.
        error: that its import ended with.
    """
    package = PACKAGES.get(module)
    title = package.title if package else module
    said = str(error).strip().splitlines() or [type(error).__name__]
    number = f" {version(module)}" if version(module) else ""
    if package is not None and package.from_qgis:
        remedy = "It comes with QGIS: repair the installation of QGIS."
    else:
        # Without what it needs: numpy stays the one that QGIS is built against.
        requirement = package.requirement if package else module
        again = f'-m pip install --force-reinstall --no-deps "{requirement}"'
        remedy = f'Install it again with: "{sys.executable}" {again}'
    return f"{title}{number} is installed and cannot be loaded: {said[0].rstrip('.')}. {remedy}"


def loaded(module: str) -> Any:
    """Import a package and return it, so that a missing or a broken one is named as such.

    Raises:
        DependencyError: it is not installed, or its libraries do not load.
    """
    require(module)
    try:
        return importlib.import_module(module)
    except Exception as error:  # a damaged installation raises whatever it stumbles on
        raise DependencyError(what_is_broken(module, error)) from error


def load_torch() -> None:
    """Import PyTorch, the first time in a process, so that a broken one is named as such.

    Raises:
        DependencyError: it is not installed, or its libraries do not load.
    """
    loaded("torch")


def require(*modules: str) -> None:
    """Raise an error that says what to do when modules are missing in this process.

    Raises:
        DependencyError: at least one of the modules is not installed.
    """
    absent = missing(modules)
    if absent:
        command = install_command(sys.executable, absent, version("numpy"))
        raise DependencyError(f"{what_is_missing(absent)} Install with: {command}")

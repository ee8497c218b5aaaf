"""The desktop's side on Qt 6, which QGIS 4 has, and the names that Qt 5 and Qt 6 share."""

from __future__ import annotations

import ast
import enum
import importlib
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted([*(ROOT / "hsicnn_plugin").glob("*.py"), *(ROOT / "algorithms").glob("*.py")])

needs_pyqt6 = pytest.mark.skipif(
    importlib.util.find_spec("PyQt6") is None, reason="PyQt6 is not installed"
)

#: Answers which dotted names PyQt6 lacks.
_RESOLVE = """
import importlib, json, operator, sys
missing = []
for module, name in json.load(sys.stdin):
    try:
        operator.attrgetter(name)(importlib.import_module(f"PyQt6.{module}"))
    except (ImportError, AttributeError):
        missing.append(f"{module}: {name}")
print(json.dumps(missing))
"""


def on_qt_6(*command: str, said: str = "") -> object:
    """Run a program where nothing of Qt 5 is loaded; return the JSON that it prints."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, *command],
        input=said,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@needs_pyqt6
def test_the_plugin_opens_works_and_closes_on_qt_6():
    said = on_qt_6(str(ROOT / "tests" / "support" / "qt6_desktop.py"))
    assert said["qt"].startswith("6.")
    modules = {f"hsicnn.{path.parent.name}.{path.stem}" for path in SOURCES}
    assert {name for name in modules if not name.endswith("__init__")} == set(said["modules"])
    assert "trainclassifier" in said["algorithms"]
    assert said["icon"]
    assert said["messages"] == [["hsicnn", "Works: CPU, 2 threads (cpu).", "Info", 0]]
    assert said["cancelled"]
    assert said["left"] == [0, 0]


def imported(tree: ast.Module, package: str) -> dict[str, tuple[str, str]]:
    """Return the names that a file takes from QGIS: by name there, module and name here.

    What is imported inside ``try`` is the file's own way of asking which Qt there is.
    """
    asked = {
        node for item in ast.walk(tree) if isinstance(item, ast.Try) for node in ast.walk(item)
    }
    return {
        name.asname or name.name: (item.module, name.name)
        for item in ast.walk(tree)
        if isinstance(item, ast.ImportFrom) and item not in asked
        for name in item.names
        if (item.module or "").startswith(package)
    }


def dotted(node: ast.AST) -> tuple[str, ...]:
    """Return ``a.b.c`` as its parts; nothing for what does not begin with a name."""
    if isinstance(node, ast.Name):
        return (node.id,)
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return (*before, node.attr) if before else ()
    return ()


def used(source: str, package: str) -> Iterator[tuple[str, str]]:
    """Yield every dotted name of a package that a file uses: the module, and the name in it."""
    tree = ast.parse(source)
    names = imported(tree, package)
    yield from names.values()
    for node in ast.walk(tree):
        parts = dotted(node)
        if len(parts) > 1 and parts[0] in names:
            module, name = names[parts[0]]
            yield module, ".".join((name, *parts[1:]))


def qt_names(source: str) -> list[tuple[str, str]]:
    """Return the names of Qt in a file; ``sip``, which is taken as a whole, as a module."""
    found = {
        (module.rpartition("PyQt")[2].lstrip("."), name)
        for module, name in used(source, "qgis.PyQt")
    }
    pairs = {
        (module, name) if module else tuple(name.partition(".")[::2]) for module, name in found
    }
    return sorted((module, name) for module, name in pairs if name)


def missing_on_qt_6(names: list[tuple[str, str]]) -> list[str]:
    return on_qt_6("-c", _RESOLVE, said=json.dumps(names))


@needs_pyqt6
def test_every_name_of_qt_exists_on_qt_6():
    names = [name for path in SOURCES for name in qt_names(path.read_text(encoding="utf-8"))]
    assert ("QtCore", "QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents") in names
    assert ("sip", "transferto") in names
    assert missing_on_qt_6(names) == []


@needs_pyqt6
def test_names_that_qt_6_dropped_would_be_found():
    source = (
        "from qgis.PyQt.QtCore import Qt, QRegExp\n"
        "from qgis.PyQt import QtWidgets\n"
        "Qt.AlignLeft, Qt.AlignmentFlag.AlignLeft, QtWidgets.QAction\n"
    )
    assert missing_on_qt_6(qt_names(source)) == [
        "QtCore: QRegExp",
        "QtCore: Qt.AlignLeft",
        "QtWidgets: QAction",
    ]


def unscoped(source: str) -> list[str]:
    """Return the members of QGIS's enums that are taken from the class and not from the enum."""
    found = []
    for module, name in used(source, "qgis.core"):
        value = importlib.import_module(module)
        for part in name.split("."):
            value = getattr(value, part)
        is_member = isinstance(value, (int, enum.Enum)) and type(value) not in {int, bool}
        if is_member and name.count(".") == 1:
            found.append(name)
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_enums_of_qgis_are_named_in_full(path):
    """QGIS 4 has ``Qgis.MessageLevel.Warning`` and no ``Qgis.Warning``; every name exists here."""
    assert unscoped(path.read_text(encoding="utf-8")) == []


def test_enums_in_short_would_be_found():
    source = (
        "from qgis.core import Qgis, QgsTask\nQgis.Warning, QgsTask.CanCancel, Qgis.QGIS_VERSION"
    )
    assert unscoped(source) == ["Qgis.Warning", "QgsTask.CanCancel"]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_qt_comes_through_qgis_and_without_what_it_dropped(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = {item.module for item in ast.walk(tree) if isinstance(item, ast.ImportFrom)}
    modules |= {
        name.name for item in ast.walk(tree) if isinstance(item, ast.Import) for name in item.names
    }
    assert not [name for name in modules if name and name.startswith(("PyQt", "PySide", "sip"))]
    calls = {item.attr for item in ast.walk(tree) if isinstance(item, ast.Attribute)}
    assert not calls & {"exec_", "print_"}

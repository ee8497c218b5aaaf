"""Opens the plugin on Qt 6 and says what happened, as JSON.

QGIS's own bindings exist on Qt 5 here, and one process holds one Qt: so this runs in a process
of its own, where ``qgis.PyQt`` is PyQt6 as it is in QGIS 4, and ``qgis.core`` is stood in for.
Only what the desktop's side calls behaves; every other name of ``qgis.core`` is an empty class.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import pkgutil
import sys
import types
from pathlib import Path

from PyQt6 import sip
from PyQt6.QtCore import QT_VERSION_STR, QObject
from PyQt6.QtWidgets import QApplication, QMainWindow

ROOT = Path(__file__).resolve().parents[2]
QT_MODULES = ("QtCore", "QtGui", "QtWidgets", "QtXml", "sip")


def mount_qt() -> None:
    """Make ``qgis.PyQt`` plain PyQt6, without any of QGIS's own bridges to Qt 5."""
    sys.modules["qgis"] = types.ModuleType("qgis")
    sys.modules["qgis.PyQt"] = bridge = types.ModuleType("qgis.PyQt")
    for name in QT_MODULES:
        module = sip if name == "sip" else importlib.import_module(f"PyQt6.{name}")
        sys.modules[f"qgis.PyQt.{name}"] = module
        setattr(bridge, name, module)


class Enum:
    """Has any member: ``Qgis.MessageLevel.Warning`` is the text 'Warning'."""

    def __getattr__(self, member: str) -> str:
        return member


class Named(type):
    """Makes classes that have any enum, and nothing outside of one."""

    def __getattr__(cls, name: str) -> Enum:
        if name.startswith("_"):
            raise AttributeError(name)
        return Enum()


class Core(types.ModuleType):
    """A module that has any class of QGIS."""

    def __getattr__(self, name: str) -> Named:
        if not name.startswith("Q"):
            raise AttributeError(name)
        setattr(self, name, Named(name, (), {}))
        return self.__dict__[name]


class Registry:
    def __init__(self) -> None:
        self.providers: list = []

    def addProvider(self, provider) -> bool:  # noqa: N802 - QGIS's name
        self.providers.append(provider)
        provider.loadAlgorithms()
        return True

    def removeProvider(self, provider) -> None:  # noqa: N802 - QGIS's name
        self.providers.remove(provider)

    def providerById(self, _id: str) -> None:  # noqa: N802 - QGIS's name
        """Return nothing: shipped models are QGIS's own business."""


class Provider(QObject):
    def __init__(self) -> None:
        super().__init__()
        self.found: list = []

    def addAlgorithm(self, algorithm) -> None:  # noqa: N802 - QGIS's name
        self.found.append(algorithm)

    def refreshAlgorithms(self) -> None:  # noqa: N802 - QGIS's name
        """Nothing new."""


class Task(QObject):
    Flag = Enum()

    def __init__(self, description: str, flags: str) -> None:
        super().__init__()
        self.description, self.flags = description, flags

    def isCanceled(self) -> bool:  # noqa: N802 - QGIS's name
        return False

    def setProgress(self, _percent: float) -> None:  # noqa: N802 - QGIS's name
        """No bar."""


class Tasks:
    def addTask(self, task: Task) -> None:  # noqa: N802 - QGIS's name
        task.finished(task.run())


class Settings:
    def value(self, _name: str, default: object) -> object:
        return default


class Feedback:
    def isCanceled(self) -> bool:  # noqa: N802 - QGIS's name
        return True


def mount_core() -> None:
    """Stand in for ``qgis.core``."""
    registry = Registry()
    core = Core("qgis.core")
    core.registry = registry
    core.QgsApplication = types.SimpleNamespace(
        processingRegistry=lambda: registry, taskManager=Tasks
    )
    core.QgsProcessingProvider, core.QgsTask, core.QgsSettings = Provider, Task, Settings
    core.QgsProcessingFeedback = Feedback
    sys.modules["qgis.core"] = core


def mount_package() -> None:
    spec = importlib.util.spec_from_file_location(
        "hsicnn", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    package = importlib.util.module_from_spec(spec)
    sys.modules["hsicnn"] = package
    spec.loader.exec_module(package)


class Interface:
    """As much of QGIS's interface as the plugin uses."""

    def __init__(self, window) -> None:
        self._window = window
        self.actions: list = []
        self.messages: list = []

    def mainWindow(self):  # noqa: N802 - QGIS's name
        return self._window

    def messageBar(self):  # noqa: N802 - QGIS's name
        return types.SimpleNamespace(pushMessage=lambda *message: self.messages.append(message))

    def addPluginToMenu(self, _menu: str, action) -> None:  # noqa: N802 - QGIS's name
        self.actions.append(action)

    def removePluginMenu(self, _menu: str, action) -> None:  # noqa: N802 - QGIS's name
        self.actions.remove(action)


def main() -> None:
    mount_qt()
    mount_core()
    mount_package()
    import hsicnn
    from qgis import core

    application = QApplication([])
    said: dict = {"qt": QT_VERSION_STR}
    said["modules"] = [
        importlib.import_module(f"hsicnn.{room}.{item.name}").__name__
        for room in ("algorithms", "hsicnn_plugin")
        for item in pkgutil.iter_modules([str(ROOT / room)])
    ]
    iface = Interface(QMainWindow())
    plugin = hsicnn.classFactory(iface)
    plugin.initGui()
    said["algorithms"] = [item.name() for item in core.registry.providers[0].found]
    said["icon"] = not iface.actions[0].icon().isNull()

    from hsicnn.core.runtime import client

    devices = [{"name": "cpu", "title": "CPU, 2 threads", "failure": ""}]
    client.run_job = lambda *_, **__: {"chosen": "cpu", "devices": devices, "advice": []}
    iface.actions[0].trigger()
    said["messages"] = iface.messages
    from hsicnn.algorithms.base import FeedbackProgress
    from hsicnn.core.errors import Cancelled

    try:
        FeedbackProgress(core.QgsProcessingFeedback()).check_cancel()
    except Cancelled:
        said["cancelled"] = True
    plugin.unload()
    said["left"] = [len(iface.actions), len(core.registry.providers)]
    application.processEvents()
    sys.stdout.write(json.dumps(said))
    sys.stdout.flush()


if __name__ == "__main__":
    main()

"""The desktop's side: menu entry, device detection in the background, unloading."""

from __future__ import annotations

import pytest
from hsicnn.core.errors import DependencyError
from qgis.core import Qgis, QgsApplication
from qgis.PyQt.QtCore import QEventLoop, QTimer
from qgis.PyQt.QtWidgets import QMainWindow


class Bar:
    def __init__(self) -> None:
        self.messages: list[tuple] = []

    def pushMessage(self, *message):  # noqa: N802 - QGIS's name
        self.messages.append(message)


class Interface:
    """As much of QGIS's interface as the plugin uses."""

    def __init__(self) -> None:
        self.window = QMainWindow()
        self.menu: list[tuple] = []
        self.bar = Bar()

    def mainWindow(self):  # noqa: N802 - QGIS's name
        return self.window

    def messageBar(self):  # noqa: N802 - QGIS's name
        return self.bar

    def addPluginToMenu(self, menu, action):  # noqa: N802 - QGIS's name
        self.menu.append((menu, action))

    def removePluginMenu(self, menu, action):  # noqa: N802 - QGIS's name
        self.menu.remove((menu, action))


@pytest.fixture
def iface(qgis_app):
    return Interface()


@pytest.fixture
def plugin(iface):
    from hsicnn.hsicnn_plugin.plugin import HsicnnPlugin

    plugin = HsicnnPlugin(iface)
    plugin.initGui()
    yield plugin
    plugin.unload()


def wait_for(condition, seconds: float = 60.0) -> int:
    """Run the event loop until the condition holds; return how often a timer ticked."""
    loop = QEventLoop()
    ticks = []

    def tick():
        ticks.append(1)
        if condition():
            loop.quit()

    timer = QTimer()
    timer.timeout.connect(tick)
    timer.start(10)
    QTimer.singleShot(int(1000 * seconds), loop.quit)
    loop.exec()
    timer.stop()
    assert condition()
    return len(ticks)


def test_everything_is_taken_back(iface):
    from hsicnn.hsicnn_plugin.plugin import HsicnnPlugin

    plugin = HsicnnPlugin(iface)
    plugin.initGui()
    assert QgsApplication.processingRegistry().providerById("hsicnn") is not None
    assert len(iface.menu) == 1
    plugin.unload()
    assert QgsApplication.processingRegistry().providerById("hsicnn") is None
    assert iface.menu == []


def test_devices_are_found_beside_the_event_loop(plugin, iface):
    pytest.importorskip("torch")
    plugin.detect_devices()
    ticks = wait_for(lambda: bool(iface.bar.messages))
    assert ticks > 5
    title, text, level, _ = iface.bar.messages[0]
    assert title == "hsicnn"
    assert "(cpu)" in text
    assert level in {Qgis.MessageLevel.Info, Qgis.MessageLevel.Warning}


def test_what_is_missing_is_told(plugin, iface, monkeypatch):
    def run_job(*arguments, **options):
        raise DependencyError("PyTorch (for training and applying networks) is not installed.")

    monkeypatch.setattr("hsicnn.core.runtime.client.run_job", run_job)
    plugin.detect_devices()
    wait_for(lambda: bool(iface.bar.messages))
    _, text, level, _ = iface.bar.messages[0]
    assert "PyTorch" in text
    assert level == Qgis.MessageLevel.Warning


def test_a_failing_card_is_a_warning(plugin, iface, monkeypatch):
    devices = [
        {"name": "cuda:0", "title": "Old card", "failure": "no kernel image"},
        {"name": "cpu", "title": "CPU, 2 threads", "failure": ""},
    ]
    answer = {"chosen": "cpu", "devices": devices, "advice": ["Install another build."]}
    monkeypatch.setattr("hsicnn.core.runtime.client.run_job", lambda *arguments, **options: answer)
    plugin.detect_devices()
    wait_for(lambda: bool(iface.bar.messages))
    _, text, level, _ = iface.bar.messages[0]
    assert text == (
        "Works: CPU, 2 threads (cpu). Old card (cuda:0) cannot be used: no kernel image. "
        "Install another build."
    )
    assert level == Qgis.MessageLevel.Warning


def test_unloading_while_devices_are_looked_for(iface, monkeypatch):
    from hsicnn.hsicnn_plugin.plugin import HsicnnPlugin

    plugin = HsicnnPlugin(iface)
    plugin.initGui()
    plugin.detect_devices()
    plugin.unload()
    wait_for(lambda: QgsApplication.taskManager().count() == 0 or not active())
    assert iface.bar.messages == []


def active() -> list:
    return QgsApplication.taskManager().activeTasks()


def test_the_menu_entry_is_made_where_qt_6_keeps_it(iface, monkeypatch):
    from hsicnn.hsicnn_plugin.plugin import HsicnnPlugin
    from qgis.PyQt import QtGui, QtWidgets

    action = getattr(QtGui, "QAction", None) or QtWidgets.QAction
    monkeypatch.setattr(QtGui, "QAction", action, raising=False)
    monkeypatch.delattr(QtWidgets, "QAction", raising=False)
    plugin = HsicnnPlugin(iface)
    plugin.initGui()
    assert [type(entry) for _, entry in iface.menu] == [action]
    plugin.unload()
    assert iface.menu == []

"""The plugin object: registers the provider, and the desktop's menu entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qgis.core import Qgis, QgsApplication
from qgis.PyQt.QtCore import QObject
from qgis.PyQt.QtGui import QIcon

from ..algorithms.base import ICON
from .provider import HsicnnProvider
from .task import DeviceTask, in_words

if TYPE_CHECKING:
    from ..core.runtime.environment import DevicesResult

MENU = "hsicnn"


class HsicnnPlugin(QObject):
    """What ``classFactory`` returns.

    Args:
        iface: QGIS's interface; ``None`` in ``qgis_process``.
    """

    def __init__(self, iface: Any) -> None:
        super().__init__()
        self._iface = iface
        self._provider: HsicnnProvider | None = None
        self._action: Any = None
        self._task: DeviceTask | None = None

    def initProcessing(self) -> None:
        """Register the provider; ``qgis_process`` calls only this."""
        provider = HsicnnProvider()
        if QgsApplication.processingRegistry().addProvider(provider):
            self._provider = provider
            # The shipped models find their steps only now.
            provider.refreshAlgorithms()

    def initGui(self) -> None:
        """Register the provider and the menu entries of the desktop."""
        self.initProcessing()
        # Imported here: there are no widgets in qgis_process.
        try:
            from qgis.PyQt.QtGui import QAction  # Qt 6
        except ImportError:
            from qgis.PyQt.QtWidgets import QAction

        self._action = QAction(QIcon(str(ICON)), "Look for devices", self._iface.mainWindow())
        self._action.setStatusTip("Find out which devices networks can be trained on")
        self._action.triggered.connect(self.detect_devices)
        self._iface.addPluginToMenu(MENU, self._action)

    def unload(self) -> None:
        """Take everything back."""
        if self._action is not None:
            self._iface.removePluginMenu(MENU, self._action)
            self._action.deleteLater()
            self._action = None
        if self._task is not None:
            self._task.detected.disconnect(self._devices_detected)
            self._task.cancel()
            self._task = None
        if self._provider is not None:
            QgsApplication.processingRegistry().removeProvider(self._provider)
            self._provider = None

    def detect_devices(self) -> None:
        """Look for devices in the background; the message bar tells what was found."""
        if self._task is not None:
            return
        self._task = DeviceTask()
        self._task.detected.connect(self._devices_detected)
        self._task.start()

    def _devices_detected(self, found: DevicesResult | None) -> None:
        problem = self._task.problem if self._task is not None else ""
        self._task = None
        bar = self._iface.messageBar()
        if found is None:
            bar.pushMessage(MENU, problem, Qgis.MessageLevel.Warning, 0)
            return
        slow = found.advice or any(device.failure for device in found.devices)
        level = Qgis.MessageLevel.Warning if slow else Qgis.MessageLevel.Info
        bar.pushMessage(MENU, in_words(found), level, 0)

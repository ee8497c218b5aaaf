"""Background work of the desktop: looking for devices without holding QGIS up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qgis.core import QgsApplication, QgsSettings, QgsTask
from qgis.PyQt import sip
from qgis.PyQt.QtCore import pyqtSignal

from ..algorithms.base import PYTHON_SETTING
from ..core.errors import Cancelled, HsicnnError

if TYPE_CHECKING:
    from ..core.runtime.environment import DevicesResult


class TaskProgress:
    """Lets a core function talk to a QgsTask."""

    def __init__(self, task: QgsTask) -> None:
        self._task = task
        self.lines: list[str] = []

    def report(self, fraction: float, text: str = "") -> None:  # noqa: ARG002 - a bar has no text
        """Move the task's bar."""
        self._task.setProgress(100.0 * fraction)

    def log(self, text: str) -> None:
        """Keep the line."""
        self.lines.append(text)

    def warn(self, text: str) -> None:
        """Keep the warning."""
        self.lines.append(text)

    def metric(self, name: str, values: Mapping[str, float]) -> None:
        """Drop the figures."""

    def check_cancel(self) -> None:
        """Raise ``Cancelled`` when the task was cancelled."""
        if self._task.isCanceled():
            raise Cancelled


class DeviceTask(QgsTask):
    """Finds out which devices really compute, in the worker process.

    Signals:
        detected: the devices; ``None`` where it failed, and ``problem`` says why.
    """

    detected = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__("hsicnn: looking for devices", QgsTask.Flag.CanCancel)
        self._python = str(QgsSettings().value(PYTHON_SETTING, "") or "")
        self.found: DevicesResult | None = None
        self.problem = ""

    def start(self) -> None:
        """Hand the task to QGIS."""
        QgsApplication.taskManager().addTask(self)
        # QGIS deletes it when it is done, but keeps nothing of its Python half alive.
        sip.transferto(self, self)

    def run(self) -> bool:
        """Look, in the background thread."""
        # Imported here: QGIS starts faster without it.
        from ..core.runtime import client

        try:
            result = client.run_job("detect_devices", {}, TaskProgress(self), python=self._python)
        except HsicnnError as error:
            self.problem = str(error)
            return False
        self.found = devices_of(result)
        return True

    def finished(self, _success: bool) -> None:
        """Tell what was found, in QGIS's own thread."""
        self.detected.emit(self.found)


def devices_of(result: Mapping[str, Any]) -> DevicesResult:
    """Return a worker's plain answer as what the job has returned."""
    from ..core.runtime.environment import DeviceReport, DevicesResult

    devices = tuple(DeviceReport(**device) for device in result["devices"])
    return DevicesResult(result["chosen"], devices, tuple(result["advice"]))


def in_words(found: DevicesResult) -> str:
    """Return what was found as a sentence for the message bar."""
    working = [f"{device.title} ({device.name})" for device in found.devices if not device.failure]
    failing = [
        f"{device.title} ({device.name}) cannot be used: {device.failure}."
        for device in found.devices
        if device.failure
    ]
    return " ".join([f"Works: {'; '.join(working)}.", *failing, *found.advice])

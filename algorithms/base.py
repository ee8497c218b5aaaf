"""What every algorithm shares: identity, checks, the worker, errors and cancelling."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsMapLayer,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingLayerPostProcessorInterface,
    QgsProcessingOutputBoolean,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterVectorDestination,
    QgsSettings,
)
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QCoreApplication, QEventLoop, QThread
from qgis.PyQt.QtGui import QIcon

from ..core.errors import Cancelled, HsicnnError

ICON = Path(__file__).resolve().parent.parent / "hsicnn_plugin" / "icons" / "hsicnn.svg"

#: The setting of QGIS that names the worker's Python; empty: it is looked for.
PYTHON_SETTING = "hsicnn/python"

_VALUE_OUTPUTS = {
    bool: QgsProcessingOutputBoolean,
    float: QgsProcessingOutputNumber,
    int: QgsProcessingOutputNumber,
    str: QgsProcessingOutputString,
}

#: Seconds between two lines of progress in the log; the bar moves all the time.
_TEXT_EVERY = 5.0


class FeedbackProgress:
    """Lets a core function talk to Processing's feedback."""

    def __init__(self, feedback: QgsProcessingFeedback) -> None:
        self._feedback = feedback
        self._text = ""
        self._text_time = float("-inf")
        self._left_out = ""

    def report(self, fraction: float, text: str = "") -> None:
        """Move the bar; show the text when it is new, but not so often as to fill the log."""
        self._feedback.setProgress(100.0 * fraction)
        if not text or text == self._text:
            return
        now = time.monotonic()
        self._text = self._left_out = text
        if now - self._text_time >= _TEXT_EVERY:
            self._text_time = now
            self._show_last()

    def _show_last(self) -> None:
        """Show a text that was left out: the last of a row, such as of the last epoch, matters."""
        if self._left_out:
            self._feedback.setProgressText(self._left_out)
            self._left_out = ""

    def log(self, text: str) -> None:
        """Write a line into the log."""
        self._show_last()
        self._feedback.pushInfo(text)

    def warn(self, text: str) -> None:
        """Write a warning into the log."""
        self._show_last()
        self._feedback.pushWarning(text)

    def metric(self, name: str, values: Mapping[str, float]) -> None:
        """Drop the figures: Processing's feedback has no place for them."""

    def check_cancel(self) -> None:
        """Raise ``Cancelled`` when the user has pressed Cancel or Ctrl-C."""
        application = QCoreApplication.instance()
        if application is not None and application.thread() == QThread.currentThread():
            # qgis_process runs algorithms in its main thread and hears Ctrl-C as an event there.
            flag = QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents
            QCoreApplication.processEvents(flag)
        if self._feedback.isCanceled():
            raise Cancelled


class StyleLoader(QgsProcessingLayerPostProcessorInterface):
    """Gives a loaded layer the style that lies beside its file; Processing does not look there."""

    def postProcessLayer(
        self,
        layer: QgsMapLayer,
        _context: QgsProcessingContext,
        _feedback: QgsProcessingFeedback,
    ) -> None:
        style = Path(layer.source().partition("|")[0]).with_suffix(".qml")
        if style.is_file():
            layer.loadNamedStyle(str(style))
            layer.triggerRepaint()


class HsicnnAlgorithm(QgsProcessingAlgorithm):
    """An algorithm that runs one job in the worker process.

    A subclass states the constants, declares its parameters, and turns QGIS's values into the
    job's arguments. Nothing here or there touches the GUI or the project while it runs.
    """

    ID = ""
    TITLE = ""
    JOB = ""
    SUMMARY = ""
    HELP = ""
    #: The outputs; the job's argument of the same name in small letters holds the path.
    OUTPUTS: tuple[str, ...] = ()
    #: Values for the steps that follow: name, title and kind of what the job's result holds
    #: under the same name in small letters.
    VALUES: tuple[tuple[str, str, type], ...] = ()
    GROUP = ("Classification", "classification")
    TAGS: tuple[str, ...] = ()

    def __init__(self) -> None:
        super().__init__()
        #: What the job is told; there once the algorithm is prepared.
        self._arguments: dict[str, Any] = {}
        self._python = ""

    def declare(self) -> list[QgsProcessingParameterDefinition]:
        """Return the parameters, inputs first."""
        raise NotImplementedError

    def arguments(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> dict[str, Any]:
        """Return the job's arguments but its outputs: plain values and paths that GDAL opens."""
        raise NotImplementedError

    def layer_names(self) -> dict[str, str]:
        """Return names for the layers that are loaded, by output."""
        return {}

    def initAlgorithm(self, _configuration: dict[str, Any] | None = None) -> None:
        for parameter in self.declare():
            self.addParameter(parameter)
        for name, title, kind in self.VALUES:
            self.addOutput(_VALUE_OUTPUTS[kind](name, title))

    def prepareAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        _feedback: QgsProcessingFeedback,
    ) -> bool:
        # The modeler checks neither canExecute nor the values before it comes here.
        valid, message = self.checkParameterValues(parameters, context)
        if not valid:
            raise QgsProcessingException(message)
        self._python = str(QgsSettings().value(PYTHON_SETTING, "") or "")
        try:
            self._arguments = self.arguments(parameters, context)
        except HsicnnError as error:
            raise QgsProcessingException(str(error)) from error
        return True

    def processAlgorithm(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
    ) -> dict[str, Any]:
        # Here and not while preparing: a background task forgets the layers to load that were
        # asked for before it has begun.
        for name in self.OUTPUTS:
            self._arguments[name.lower()] = self._output(parameters, name, context)
        try:
            result = self.run_job(FeedbackProgress(feedback))
        except HsicnnError as error:
            # A cancelled run raises as well: qgis_process would end with 0 otherwise.
            raise QgsProcessingException(str(error)) from error
        values = {name: result[name.lower()] for name, _, _ in self.VALUES}
        return {**self._outputs(context), **values}

    def run_job(self, progress: FeedbackProgress) -> Mapping[str, Any]:
        """Run the job in the worker and return its result."""
        # Imported here: QGIS starts faster without it.
        from ..core.runtime import client

        return client.run_job(self.JOB, self._arguments, progress, python=self._python)

    def _output(self, parameters: dict[str, Any], name: str, context: QgsProcessingContext) -> str:
        kinds = (QgsProcessingParameterRasterDestination, QgsProcessingParameterVectorDestination)
        if isinstance(self.parameterDefinition(name), kinds):
            return str(self.parameterAsOutputLayer(parameters, name, context))
        return str(self.parameterAsFileOutput(parameters, name, context))

    def _outputs(self, context: QgsProcessingContext) -> dict[str, Any]:
        """Return the outputs by name; layers that will be loaded get their names and styles."""
        written = {name: self._arguments[name.lower()] for name in self.OUTPUTS}
        for name, title in self.layer_names().items():
            path = written[name]
            if path and context.willLoadLayerOnCompletion(path):
                details = context.layerToLoadOnCompletionDetails(path)
                details.name = title
                loader = StyleLoader()
                details.setPostProcessor(loader)
                # QGIS deletes it with the context but keeps nothing of its Python half alive.
                sip.transferto(loader, loader)
        return {name: path for name, path in written.items() if path}

    def createInstance(self) -> HsicnnAlgorithm:
        return type(self)()

    def name(self) -> str:
        return self.ID

    def displayName(self) -> str:
        return self.TITLE

    def group(self) -> str:
        return self.GROUP[0]

    def groupId(self) -> str:
        return self.GROUP[1]

    def tags(self) -> list[str]:
        return ["hyperspectral", "deep learning", "cnn", *self.TAGS]

    def shortDescription(self) -> str:
        return self.SUMMARY

    def shortHelpString(self) -> str:
        explained = "".join(
            f"<h3>{item.description()}</h3><p>{item.help()}</p>"
            for item in self.parameterDefinitions()
            if item.help()
        )
        return f"<p>{self.SUMMARY}</p>{self.HELP}{explained}"

    def icon(self) -> QIcon:
        return QIcon(str(ICON))

    def svgIconPath(self) -> str:
        return str(ICON)

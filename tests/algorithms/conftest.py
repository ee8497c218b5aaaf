from __future__ import annotations

import pytest
from qgis.core import (
    QgsApplication,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProject,
)
from qgis.PyQt.QtCore import QEventLoop, QTimer


@pytest.fixture(scope="module")
def provider(qgis_app, qgis_processing):
    """The plugin's provider in Processing's registry, with the shipped model."""
    from hsicnn.hsicnn_plugin.plugin import HsicnnPlugin

    plugin = HsicnnPlugin(None)
    plugin.initProcessing()
    yield QgsApplication.processingRegistry().providerById("hsicnn")
    plugin.unload()


@pytest.fixture
def context(qgis_app):
    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    yield context
    # pytest lets go of it after QGIS has ended, when layers can no longer be closed.
    context.temporaryLayerStore().removeAllMapLayers()


class Feedback(QgsProcessingFeedback):
    """Keeps what was said."""

    def __init__(self) -> None:
        super().__init__(False)
        self.lines: list[str] = []
        self.errors: list[str] = []
        self.warnings: list[str] = []
        self.values: list[float] = []
        self.progressChanged.connect(self.values.append)

    def pushInfo(self, info):  # noqa: N802
        self.lines.append(info)

    def setProgressText(self, text):  # noqa: N802
        self.lines.append(text)

    def pushWarning(self, warning):  # noqa: N802
        self.warnings.append(warning)

    def reportError(self, error, _fatal=False):  # noqa: N802
        self.errors.append(error)


@pytest.fixture
def feedback():
    return Feedback()


class Run:
    """Runs an algorithm as a background task, the way the toolbox does."""

    def __init__(self, algorithm, values, context, feedback, on_tick=lambda: None) -> None:
        self.ticks = 0
        self.success = None
        self.results: dict = {}
        self._on_tick = on_tick
        self._loop = QEventLoop()
        task = QgsProcessingAlgRunnerTask(algorithm, values, context, feedback)
        task.executed.connect(self._executed)
        timer = QTimer()
        timer.timeout.connect(self._tick)
        timer.start(20)
        QgsApplication.taskManager().addTask(task)
        # Something that hangs is cancelled; leaving it behind would crash later tests.
        QTimer.singleShot(400_000, feedback.cancel)
        self._loop.exec()
        timer.stop()

    def _tick(self) -> None:
        self.ticks += 1
        self._on_tick()

    def _executed(self, success, results) -> None:
        self.success, self.results = success, results
        self._loop.quit()


def run(provider, name, values, context, feedback):
    results, success = provider.algorithm(name).create().run(values, context, feedback)
    assert success, feedback.errors
    return results


@pytest.fixture(scope="session")
def scene(tmp_path_factory):
    """A small example scene: image, reference, points."""
    from hsicnn.core.simulation.scene import create_example_scene

    folder = tmp_path_factory.mktemp("scene")
    return create_example_scene(
        output=str(folder / "image.tif"),
        reference=str(folder / "reference.tif"),
        samples=str(folder / "points.gpkg"),
        size=96,
        bands=16,
        classes=3,
    )

from __future__ import annotations

import pytest
from qgis.core import QgsApplication, QgsProcessingContext, QgsProcessingFeedback, QgsProject


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

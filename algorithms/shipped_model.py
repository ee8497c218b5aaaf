"""Models of the modeler that come with the plugin, with a stable id in its provider."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProcessingModelAlgorithm
from qgis.PyQt.QtGui import QIcon

from .base import ICON


class ShippedModel(QgsProcessingModelAlgorithm):
    """A model read from a file of the plugin.

    QGIS names a model by its title; ids must hold no blanks and never change, so the file's
    name without underscores is the id: ``mapfromrasterandreference``.
    """

    @classmethod
    def read(cls, path: Path) -> ShippedModel | None:
        """Return the model of a file, or nothing where QGIS cannot read it."""
        model = cls()
        if not model.fromFile(str(path)):
            return None
        model.setSourceFilePath(str(path))
        return model

    def name(self) -> str:
        return Path(self.sourceFilePath()).stem.replace("_", "")

    def createInstance(self) -> ShippedModel:
        model = ShippedModel()
        model.loadVariant(self.toVariant())
        model.setProvider(self.provider())
        model.setSourceFilePath(self.sourceFilePath())
        return model

    def icon(self) -> QIcon:
        return QIcon(str(ICON))

    def svgIconPath(self) -> str:
        return str(ICON)

"""QGIS ends without Python's farewell: save what coverage has measured when it quits.

qgis_process runs this at its start where the variable PYQGIS_STARTUP names it.
"""

from coverage import Coverage
from qgis.PyQt.QtCore import QCoreApplication

measured = Coverage.current()
application = QCoreApplication.instance()
if measured is not None and application is not None:
    application.aboutToQuit.connect(measured.save)

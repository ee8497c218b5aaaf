"""hsicnn: convolutional networks for hyperspectral rasters, in QGIS Processing.

This folder is the QGIS plugin. Nothing is imported at the top, so that the worker
process and the tests can mount the package without QGIS.
"""

from __future__ import annotations

from typing import Any


def classFactory(iface: Any) -> Any:  # noqa: N802 - the name QGIS calls
    """Return the plugin object; QGIS calls this with its interface (``None`` headless)."""
    from .hsicnn_plugin.plugin import HsicnnPlugin

    return HsicnnPlugin(iface)

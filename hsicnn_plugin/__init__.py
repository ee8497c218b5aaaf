"""What QGIS's desktop and Processing see: plugin, provider, tasks and icons."""

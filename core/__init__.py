"""The method: rasters, chips, training, inference, accuracy. No QGIS, no Qt."""

"""Rasters: reading in blocks, bands and wavelengths, grids, writing styled outputs."""

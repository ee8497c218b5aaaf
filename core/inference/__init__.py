"""Dense inference of pixel networks over rasters of any size."""

"""What a raster holds, before anything is trained on it."""

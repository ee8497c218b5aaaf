"""What the layers of a network have learnt: their values over a raster, and their kernels."""

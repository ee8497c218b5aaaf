"""Foreign arrays into rasters and chip sets: MATLAB, numpy, HDF5, LibSVM and CSV."""

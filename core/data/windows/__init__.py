"""Windows around single pixels, stacked in one file with a table: scattered labels, spectra."""

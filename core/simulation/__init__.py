"""The example scene: plausible spectra, a landscape, a sensor."""

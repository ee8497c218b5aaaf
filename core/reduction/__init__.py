"""Fewer bands: a choice of them, principal components, or components by their noise."""

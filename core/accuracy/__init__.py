"""Accuracy: confusion matrices, location-only score, reports."""

"""Splits as a product of their own: divided, looked at, written as rasters."""

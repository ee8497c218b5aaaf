"""Tiles and scenes: images of a fixed size with a label for each pixel, or one for all."""

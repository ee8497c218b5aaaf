"""What a classification can be told, without numpy: dialogs are filled from it."""

from __future__ import annotations

from dataclasses import dataclass

#: How many views of every place are averaged; ``none`` takes the image as it is.
TURNS: dict[str, int] = {"none": 1, "2": 2, "4": 4, "8": 8}


@dataclass(frozen=True)
class ClassifySettings:
    """How a raster is classified.

    Attributes:
        device: ``auto``, ``cpu``, ``cuda[:n]``, ``mps`` or ``xpu``.
        memory_mb: memory for the computation, GDAL's cache included, MiB.
        turns: one of ``TURNS``.
    """

    device: str = "auto"
    memory_mb: int = 1024
    turns: str = "none"

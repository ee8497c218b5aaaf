"""What a classification can be told, without numpy: dialogs are filled from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ClassifySettings:
    """How a raster is classified.

    Attributes:
        device: ``auto``, ``cpu``, ``cuda[:n]``, ``mps`` or ``xpu``.
        memory_mb: memory for the computation, GDAL's cache included, MiB.
    """

    device: str = "auto"
    memory_mb: int = 1024

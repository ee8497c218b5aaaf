"""What feature maps can be told, without numpy or torch: dialogs are filled from it."""

from __future__ import annotations

from dataclasses import dataclass

ALL, FIRST, MEAN = FEATURES = ("all", "first", "mean")
PLACES = ("centre", "mean")


@dataclass(frozen=True)
class FeatureMapSettings:
    """How feature maps are made.

    Attributes:
        features: ``all`` features of a layer, the ``first`` ones, or their ``mean`` over the
            spectrum.
        place: of a layer's rows and columns within the patch: the ``centre`` or the ``mean``.
        max_bands: bands at the most.
        device: ``auto``, ``cpu``, ``cuda[:n]``, ``mps`` or ``xpu``.
        memory_mb: memory for the computation, MiB.
    """

    features: str = ALL
    place: str = "centre"
    max_bands: int = 256
    device: str = "auto"
    memory_mb: int = 1024


MOST_BANDS = 10_000

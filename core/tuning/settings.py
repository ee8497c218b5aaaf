"""What a search can be told, without numpy or torch: dialogs are filled from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TuneSettings:
    """How hyperparameters are searched.

    Attributes:
        minutes: time for all trials together.
        trials: at the most; 0: as many as the time allows.
        device: ``auto``, ``cpu``, ``cuda[:n]``, ``mps`` or ``xpu``.
        memory_mb: pixels are kept in memory up to this size, MiB.
    """

    minutes: float = 10.0
    trials: int = 0
    device: str = "auto"
    memory_mb: int = 2048


#: Smallest and largest time of a search, minutes.
MINUTES = (0.05, 100_000.0)
#: Most trials of a search.
MOST_TRIALS = 100_000

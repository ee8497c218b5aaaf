"""Time left, in words."""

from __future__ import annotations

import time
from collections.abc import Callable

MINUTE = 60.0
HOUR = 3600.0


def duration(seconds: float) -> str:
    """Return a duration as a person says it: ``"8 s"``, ``"3 min 20 s"``, ``"2 h 05 min"``."""
    if seconds < MINUTE:
        return f"{max(round(seconds), 1)} s"
    if seconds < HOUR:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest:02d} s"
    hours, rest = divmod(round(seconds / MINUTE), 60)
    return f"{hours} h {rest:02d} min"


class TimeLeft:
    """Estimates the time left from the fraction done since it was made.

    Args:
        start: the fraction already done when the clock starts (a resumed job).
        clock: seconds, monotone; another one is only of use to a test.
    """

    def __init__(self, start: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._start = start
        self._clock = clock
        self._began = clock()

    def text(self, fraction: float) -> str:
        """Return ``"about 3 min 20 s left"``, or nothing while it is too early to say."""
        done = fraction - self._start
        elapsed = self._clock() - self._began
        # Under two per cent or half a second an estimate is mostly start-up time.
        if done < 0.02 or elapsed < 0.5 or fraction >= 1.0:
            return ""
        return f"about {duration(elapsed * (1.0 - fraction) / done)} left"

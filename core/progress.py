"""How core functions tell what they are doing, and learn that they should stop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Progress(Protocol):
    """What a core function may say and ask; safe to call from one thread."""

    def report(self, fraction: float, text: str = "") -> None:
        """Say how far the whole job is (0..1), with an optional line of what is going on."""

    def log(self, text: str) -> None:
        """Write a line for the user."""

    def warn(self, text: str) -> None:
        """Write a warning for the user."""

    def metric(self, name: str, values: Mapping[str, float]) -> None:
        """Publish figures of a step, such as the losses of an epoch."""

    def check_cancel(self) -> None:
        """Raise ``Cancelled`` if the user asked to stop."""


class SilentProgress:
    """Says nothing and is never cancelled."""

    def report(self, fraction: float, text: str = "") -> None:
        """Ignore the progress."""

    def log(self, text: str) -> None:
        """Ignore the line."""

    def warn(self, text: str) -> None:
        """Ignore the warning."""

    def metric(self, name: str, values: Mapping[str, float]) -> None:
        """Ignore the figures."""

    def check_cancel(self) -> None:
        """Never cancel."""


class Portion:
    """A part of a job: maps its own 0..1 onto ``start..stop`` of the whole."""

    def __init__(self, whole: Progress, start: float, stop: float) -> None:
        self._whole = whole
        self._start = start
        self._span = stop - start

    def report(self, fraction: float, text: str = "") -> None:
        """Report the part's fraction on the whole's scale."""
        self._whole.report(self._start + self._span * min(max(fraction, 0.0), 1.0), text)

    def log(self, text: str) -> None:
        """Pass the line on."""
        self._whole.log(text)

    def warn(self, text: str) -> None:
        """Pass the warning on."""
        self._whole.warn(text)

    def metric(self, name: str, values: Mapping[str, float]) -> None:
        """Pass the figures on."""
        self._whole.metric(name, values)

    def check_cancel(self) -> None:
        """Raise ``Cancelled`` if the whole job was cancelled."""
        self._whole.check_cancel()

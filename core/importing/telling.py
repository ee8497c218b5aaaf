"""What an import says: passed on, and kept for its result and for the chip set."""

from __future__ import annotations

from ..progress import Progress


class Told:
    """Passes on what is said, and keeps it for the result."""

    def __init__(self, progress: Progress) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self._progress = progress
        self.report = progress.report
        self.metric = progress.metric
        self.check_cancel = progress.check_cancel

    def log(self, text: str) -> None:
        """Pass a line on, and keep it."""
        self.notes.append(text)
        self._progress.log(text)

    def warn(self, text: str) -> None:
        """Pass a warning on, and keep it."""
        self.warnings.append(text)
        self._progress.warn(text)

"""A thing to look at before training: how bad it is, what was found, what to do."""

from __future__ import annotations

from dataclasses import dataclass

ERROR, WARNING, NOTE = "error", "warning", "note"

#: From the worst on.
SEVERITIES = (ERROR, WARNING, NOTE)


@dataclass(frozen=True)
class Finding:
    """Something about an image or its samples.

    Attributes:
        severity: ``error`` stops or spoils a training, ``warning`` makes it worse than it could
            be or its figures less true, ``note`` is good to know.
        topic: a few words, such as ``scale``.
        found: what was found, with its numbers: whole sentences.
        advice: what to do; empty where there is nothing to do.
    """

    severity: str
    topic: str
    found: str
    advice: str = ""

    @property
    def sentence(self) -> str:
        """All of it as a text."""
        return f"{self.found} {self.advice}".rstrip()

"""What parent and worker say to each other: one JSON object a line.

The parent sends the job, ``{"protocol": 1, "job": name, "arguments": {...}}``, and later
``{"cancel": true}``; the end of its stream ends the worker. The worker sends objects with an
``event``: ``hello`` first (with ``protocol``), then ``report``, ``log``, ``warn`` and ``metric``,
and one of ``result`` and ``error`` last.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

#: Raised whenever a message changes its meaning.
PROTOCOL = 1

#: How the name of a worker's own folder of temporary files begins.
TEMPORARY_PREFIX = "hsicnn-job-"


def encode(message: Mapping[str, Any]) -> bytes:
    """Return a message as one line; every character outside ASCII is escaped."""
    return json.dumps(message).encode("ascii") + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """Return the message of a line.

    Raises:
        ValueError: the line is no JSON object.
    """
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("not a JSON object")
    return message

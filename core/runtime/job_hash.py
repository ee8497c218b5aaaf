"""The hash by which a job knows the work of an earlier run of it."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def job_hash(**what: Any) -> str:
    """Return a hash of everything that must be equal for a run to go on where it stopped."""
    text = json.dumps(what, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()

"""Spoilt files meet a clear error or work: a thousand of them, always the same."""

from __future__ import annotations

import sys

import pytest

from .run import describe, run

COUNT = 1000


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory and processor of Linux")
def test_spoilt_files_are_refused_in_words_or_work():
    outcome = run(range(COUNT), jobs=2)
    assert sum(outcome.counts.values()) == COUNT
    findings = "\n".join(describe(finding) for finding in outcome.findings)
    assert not outcome.findings, f"{findings}\n{outcome.table()}"
    families = {family for family, what in outcome.counts if what == "accepted"}
    assert families == {"model", "chip set", "raster", "map"}  # not all is refused

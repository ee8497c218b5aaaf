from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hsicnn.core.runtime import jobs


@dataclass(frozen=True)
class Inner:
    path: Path
    values: np.ndarray


@dataclass(frozen=True)
class Outer:
    inner: Inner
    counts: dict
    pair: tuple


def test_results_become_plain():
    result = jobs.plain(
        Outer(
            Inner(Path("a.tif"), np.arange(3, dtype=np.int16)),
            {1: np.float32(0.5), "flag": np.bool_(True)},
            (None, "x"),
        )
    )
    assert json.loads(json.dumps(result)) == {
        "inner": {"path": "a.tif", "values": [0, 1, 2]},
        "counts": {"1": 0.5, "flag": True},
        "pair": [None, "x"],
    }


def test_what_has_no_plain_form_is_refused():
    with pytest.raises(TypeError, match="object"):
        jobs.plain({"x": object()})


def test_written_paths_leave_empty_outputs_out():
    job = jobs.JOBS["classify_raster"]
    arguments = {"output": "map.tif", "probabilities": "", "image": "cube.tif"}
    assert jobs.written_paths(job, arguments) == ("map.tif",)


@pytest.mark.parametrize("name", sorted(jobs.JOBS))
def test_every_job_names_a_function_that_takes_what_it_writes(name):
    import importlib
    import inspect

    job = jobs.JOBS[name]
    module, _, function = job.function.partition(":")
    run = getattr(importlib.import_module(f"hsicnn.{module}"), function)
    parameters = inspect.signature(run).parameters
    assert set(job.writes) <= set(parameters)
    assert "progress" in parameters

"""The jobs that the worker runs: names of core functions with plain JSON arguments."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Job:
    """A core function that the worker can run.

    Attributes:
        function: ``module:function`` below the package, such as
            ``core.training.train:train_classifier``; it takes keyword arguments and ``progress``.
        needs: modules that its Python must have.
        writes: names of the arguments that are paths it writes; empty values are not written.
        title: what it does, for messages about it.
        wants: modules it makes use of where a Python has them.
        goes_on: whether it goes on with what an earlier run of it left, and removes by itself
            what it has no use for.
    """

    function: str
    needs: tuple[str, ...]
    writes: tuple[str, ...]
    title: str
    wants: tuple[str, ...] = ()
    goes_on: bool = False


_RASTERS = ("numpy", "osgeo", "scipy")
_REPORTS = ("matplotlib",)
_NETWORKS = (*_RASTERS, "torch", "safetensors")

#: Every job by its name.
JOBS: Mapping[str, Job] = MappingProxyType(
    {
        "create_example_scene": Job(
            "core.simulation.scene:create_example_scene",
            _RASTERS,
            ("output", "reference", "samples"),
            "making the example scene",
        ),
        "split_reference": Job(
            "core.splitting.split_reference:split_reference",
            _RASTERS,
            ("output", "train", "validation", "test", "report", "json"),
            "splitting the reference",
            wants=_REPORTS,
        ),
        "export_training_chips": Job(
            "core.data.export:export_training_chips",
            _RASTERS,
            ("output", "footprints"),
            "exporting training chips",
            wants=("h5py",),
        ),
        "train_classifier": Job(
            "core.training.train:train_classifier",
            (*_NETWORKS, *_REPORTS),
            ("output", "report"),
            "training",
            wants=("h5py",),
        ),
        "tune_hyperparameters": Job(
            "core.tuning.tune:tune_hyperparameters",
            (*_NETWORKS, *_REPORTS, "optuna"),
            ("settings", "table", "report", "output"),
            "searching",
            wants=("h5py",),
        ),
        "feature_maps": Job(
            "core.featuremaps.feature_maps:feature_maps",
            (*_NETWORKS, *_REPORTS),
            ("output", "report"),
            "making feature maps",
        ),
        "crossvalidate": Job(
            "core.crossvalidation.crossvalidate:crossvalidate",
            (*_NETWORKS, *_REPORTS),
            ("output", "ensemble", "out_of_fold", "report", "json"),
            "cross-validating",
            wants=("h5py",),
        ),
        "classify_raster": Job(
            "core.inference.classify:classify_raster",
            _NETWORKS,
            ("output", "probabilities", "confidence"),
            "classifying",
            goes_on=True,
        ),
        "assess_accuracy": Job(
            "core.accuracy.assess:assess_accuracy",
            (*_RASTERS, *_REPORTS),
            ("report", "json", "errors"),
            "assessing the accuracy",
        ),
        "describe_model": Job(
            "core.modelfile.describe:describe_model",
            ("numpy", "osgeo", "safetensors"),
            ("report",),
            "describing the model",
            wants=("torch", *_REPORTS),
        ),
        "inspect_raster": Job(
            "core.inspection.inspect:inspect_raster",
            (*_RASTERS, *_REPORTS),
            ("report",),
            "inspecting the raster",
            wants=("torch",),
        ),
        "reduce_bands": Job(
            "core.reduction.reduce:reduce_bands",
            _RASTERS,
            ("output", "transform", "report"),
            "reducing the bands",
            wants=("sklearn", "safetensors", *_REPORTS),
        ),
        "check_training_data": Job(
            "core.checking.check:check_training_data",
            (*_RASTERS, *_REPORTS),
            ("report", "suspects", "json"),
            "checking the training data",
            wants=("sklearn", "safetensors"),
        ),
        "import_scene": Job(
            "core.importing.import_scene:import_scene",
            _RASTERS,
            ("output", "output_reference", "output_chips"),
            "importing",
            wants=("h5py", "sklearn"),
        ),
        "check_environment": Job(
            "core.runtime.environment:check_environment",
            (),
            ("report",),
            "checking the environment",
        ),
        "detect_devices": Job(
            "core.runtime.environment:detect_devices",
            ("torch",),
            (),
            "looking for devices",
        ),
    }
)


def written_paths(job: Job, arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the paths that a job with these arguments writes."""
    return tuple(str(arguments[name]) for name in job.writes if arguments.get(name))


def plain(value: Any) -> Any:
    """Return a result as what JSON can hold: dataclasses as dicts, arrays as lists.

    Raises:
        TypeError: the value holds something that has no plain form.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        # numpy's float64 is a float already; json writes it as one.
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: plain(getattr(value, field.name)) for field in fields}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, PurePath):
        return str(value)
    if hasattr(value, "tolist"):  # numpy arrays and scalars
        return value.tolist()
    raise TypeError(f"a job's result holds a {type(value).__name__}, which has no plain form")

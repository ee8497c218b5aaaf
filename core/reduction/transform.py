"""A reduction of bands as a value, and as JSON: what makes components of an image's bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import HsicnnError, InputError, shortened
from ..raster.bands import Band
from ..stored_json import Kinds, check_fields, check_items, read_json

FORMAT = "hsicnn band reduction"
FORMAT_VERSION = 1
KINDS = ("selection", "pca", "mnf")

FloatArray = npt.NDArray[np.float64]

_FIELDS: Mapping[str, Kinds] = {
    "kind": str,
    "whitened": bool,
    "source": dict,
    "bands": list,
    "names": list,
}
_NUMBERS = ("mean", "deviation", "values", "explained")


@dataclass(frozen=True, eq=False)
class Transform:
    """An affine map of spectra: ``(values - mean) @ matrix``.

    Attributes:
        kind: ``selection``, ``pca`` or ``mnf``.
        whitened: principal components have the variance 1.
        bands: those that go in, in their order; ``index`` is the source's.
        source_name: file name of the raster it was made from.
        source_bands: how many bands that had.
        pixels: that it was fitted on; 0 for a selection.
        names: of the bands that come out.
        mean: ``(bands,)`` physical units; what a missing value becomes. 0 for a selection.
        deviation: ``(bands,)`` standard deviation over the pixels fitted on; 0 for a selection.
        matrix: ``(bands, outputs)``; for a selection, ones and zeros.
        values: ``(outputs,)`` eigenvalues: the variance of a principal component (before it is
            whitened), or that of a noise component in units of its noise. None for a selection.
        explained: ``(outputs,)`` share of each in the variance, or in the sum of signal-to-noise
            ratios. None for a selection.
    """

    kind: str
    whitened: bool
    bands: tuple[Band, ...]
    source_name: str
    source_bands: int
    pixels: int
    names: tuple[str, ...]
    mean: FloatArray
    deviation: FloatArray
    matrix: FloatArray
    values: tuple[float, ...]
    explained: tuple[float, ...]

    @property
    def outputs(self) -> int:
        """Number of bands that come out."""
        return int(self.matrix.shape[1])

    @property
    def is_selection(self) -> bool:
        """Whether bands come out as they go in."""
        return self.kind == "selection"

    @property
    def descriptions(self) -> tuple[str, ...]:
        """What the bands that come out are called in a raster."""
        if self.kind == "pca":
            return tuple(f"{n} ({100 * s:.3g} %)" for n, s in zip(self.names, self.explained))
        if self.kind == "mnf":
            return tuple(f"{n} (SNR {v - 1:.3g})" for n, v in zip(self.names, self.values))
        return self.names

    def apply(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Transform spectra.

        Args:
            values: ``(n, bands)`` physical values; NaN becomes the mean.

        Returns:
            ``(n, outputs)``, computed in double precision.
        """
        centred = values.astype(np.float64) - self.mean
        centred[~np.isfinite(centred)] = 0.0
        return (centred @ self.matrix).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        record: dict[str, Any] = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "kind": self.kind,
            "whitened": self.whitened,
            "source": {"name": self.source_name, "bands": self.source_bands},
            "bands": [band.to_json() for band in self.bands],
            "names": list(self.names),
        }
        if self.is_selection:
            return record
        return {
            **record,
            "pixels": self.pixels,
            "mean": self.mean.tolist(),
            "deviation": self.deviation.tolist(),
            "values": list(self.values),
            "explained": list(self.explained),
            "matrix": self.matrix.tolist(),
        }

    @cached_property
    def summary(self) -> str:
        """What it does, in words."""
        what = {
            "selection": "selection",
            "pca": "whitened principal components" if self.whitened else "principal components",
            "mnf": "minimum noise fractions",
        }[self.kind]
        took = f"{len(self.bands)} of the {self.source_bands} bands of {self.source_name}"
        return f"{what}: {took}" + ("" if self.is_selection else f" to {self.outputs} components")


def selection_of(bands: Sequence[Band], source_name: str, source_bands: int) -> Transform:
    """Return the transform that takes bands as they are."""
    count = len(bands)
    return Transform(
        kind="selection",
        whitened=False,
        bands=tuple(bands),
        source_name=source_name,
        source_bands=source_bands,
        pixels=0,
        names=tuple(band.name for band in bands),
        mean=np.zeros(count),
        deviation=np.zeros(count),
        matrix=np.eye(count),
        values=(),
        explained=(),
    )


def parse_transform(text: str, name: str) -> Transform:
    """Read a transform's JSON and check all of it.

    Args:
        text: the JSON.
        name: of what holds it, for messages.

    Raises:
        InputError: it is damaged, of another program, or of a newer version.
    """
    try:
        record = read_json(text)
    except ValueError as error:
        raise _damaged(name, error) from error
    return transform_from_json(record, name)


def transform_from_json(record: Any, name: str) -> Transform:
    """Return the transform of a record made by ``to_json``; see ``parse_transform``."""
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise InputError(
            f"{name} holds no band transform. Choose the TRANSFORM that 'Reduce bands' has "
            "written, a raster that it made, or a model that was trained on one."
        )
    version = record.get("format_version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise _damaged(name, "it has no format version")
    if version > FORMAT_VERSION:
        raise InputError(
            f"The band transform in {name} has format version {version}; this plugin reads up to "
            f"{FORMAT_VERSION}. Update the plugin."
        )
    try:
        found = _assemble(record)
        _check(found)
    except (ValueError, TypeError, HsicnnError) as error:
        raise _damaged(name, error) from error
    return found


def _assemble(record: Mapping[str, Any]) -> Transform:
    """Put the parts together; whatever is missing or of the wrong type raises."""
    check_fields(record, _FIELDS, "it")
    source = check_fields(record["source"], {"name": str, "bands": int}, "its 'source'")
    bands = tuple(Band.from_json(band) for band in record["bands"])
    names = tuple(check_items(record["names"], str, "its names"))
    if record["kind"] == "selection":
        found = selection_of(bands, source["name"], source["bands"])
        if len(names) != len(bands):
            raise ValueError(f"it names {len(names)} of {len(bands)} bands")
        return found
    check_fields(record, {"pixels": int, "matrix": list}, "it")
    numbers = {key: check_items(record.get(key), float, f"its '{key}'") for key in _NUMBERS}
    rows = [check_items(row, float, "its matrix") for row in record["matrix"]]
    if {len(row) for row in rows} != {len(names)}:
        raise ValueError(f"its matrix does not have {len(names)} columns")
    return Transform(
        kind=record["kind"],
        whitened=record["whitened"],
        bands=bands,
        source_name=source["name"],
        source_bands=source["bands"],
        pixels=record["pixels"],
        names=names,
        mean=np.array(numbers["mean"], dtype=np.float64),
        deviation=np.array(numbers["deviation"], dtype=np.float64),
        matrix=np.array(rows, dtype=np.float64),
        values=tuple(numbers["values"]),
        explained=tuple(numbers["explained"]),
    )


def _check(found: Transform) -> None:
    """Check that the parts fit together.

    Raises:
        ValueError: what does not.
    """
    bands, outputs = len(found.bands), len(found.names)
    fitted = 0 if found.is_selection else outputs
    numbers = [band.index for band in found.bands]
    faults = {
        f"its kind is none of {', '.join(KINDS)}": found.kind not in KINDS,
        "it has no bands": not bands or not outputs,
        "two of its bands are one": len(set(numbers)) < bands,
        f"it takes band {max(numbers, default=0)} of a raster of {found.source_bands}": (
            max(numbers, default=0) > found.source_bands
        ),
        f"its matrix is {found.matrix.shape} for {bands} bands": found.matrix.shape
        != (bands, outputs),
        "it makes more components than there are bands": outputs > bands,
        "its means or deviations are not one a band": not (
            found.mean.shape == found.deviation.shape == (bands,)
        ),
        "its shares or eigenvalues are not one a component": not (
            len(found.values) == len(found.explained) == fitted
        ),
        "a deviation is negative": bool((found.deviation < 0).any()),
    }
    wrong = next((words for words, wrong in faults.items() if wrong), "")
    if wrong:
        raise ValueError(wrong)


def _damaged(name: str, what: object) -> InputError:
    told = shortened(str(what)).rstrip(".")
    return InputError(
        f"The band transform in {name} is damaged: {told}. Copy the file again from where it came, "
        "or run 'Reduce bands' again."
    )

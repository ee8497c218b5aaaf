"""Where a band transform is found: in its file, in a raster that it made, in a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError, RasterError
from ..raster.source import RasterSource
from .transform import Transform, parse_transform, transform_from_json

if TYPE_CHECKING:
    from collections.abc import Mapping

ITEM = "REDUCTION"  # in a raster's own metadata domain
MODELS = (".safetensors",)


def item_of(transform: Transform) -> Mapping[str, str]:
    """Return the metadata that a raster carries of the transform that made it."""
    return {ITEM: json.dumps(transform.to_json(), allow_nan=False)}


def carried_transform(source: RasterSource) -> Transform | None:
    """Return the transform that made a raster, where it carries one.

    Raises:
        InputError: what it carries is damaged.
    """
    text = source.noted(ITEM)
    if not text:
        return None
    found = parse_transform(text, source.name)
    if found.outputs != len(source.bands):
        raise InputError(
            f"{source.name} has {len(source.bands)} bands, and the band reduction that it carries "
            f"makes {found.outputs}: it was changed since. Run 'Reduce bands' again."
        )
    return found


def find_transform(path: str) -> Transform:
    """Read a transform from its file, from a raster that it made, or from a model.

    Raises:
        InputError: there is none, or it is damaged.
        ModelFileError: the model file is not sound.
        DependencyError: model files cannot be read here.
    """
    place = Path(path)
    if place.suffix.lower() in MODELS:
        return _of_model(path)
    text = _text_of(place)
    if text is not None:
        return parse_transform(text, place.name)
    try:
        with RasterSource(path) as source:
            found = carried_transform(source)
    except RasterError as error:
        raise InputError(
            f"{path} cannot be read as a band transform. Choose the TRANSFORM that 'Reduce bands' "
            "has written, a raster that it made, or a model that was trained on one."
        ) from error
    if found is None:
        raise InputError(
            f"{place.name} carries no band transform: 'Reduce bands' did not make it, or another "
            "program has written it anew. Choose the TRANSFORM that was written beside it."
        )
    return found


def _text_of(place: Path) -> str | None:
    """Return the text of a JSON file; None where it is something else."""
    try:
        with place.open("rb") as file:
            if file.read(1) != b"{":
                return None
        return place.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _of_model(path: str) -> Transform:
    from ..modelfile.bundle import load_bundle
    from ..runtime.dependencies import require

    require("safetensors")
    record: Any = load_bundle(path).chips.get("reduction")
    name = Path(path).name
    if record is None:
        raise InputError(
            f"The model {name} was not trained on a raster that 'Reduce bands' made: it carries no "
            "band transform. Choose another model, or the TRANSFORM file."
        )
    return transform_from_json(record, name)

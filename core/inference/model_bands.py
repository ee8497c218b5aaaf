"""The bands of a model in the raster that is to be classified."""

from __future__ import annotations

from ..errors import InputError, RasterError
from ..modelfile.bundle import ModelBundle
from ..raster.bands import describe_range, match_bands
from ..raster.source import RasterSource
from ..reduction.carried import carried_transform
from ..reduction.transform import Transform


def find_bands(bundle: ModelBundle, source: RasterSource) -> list[int]:
    """Return for each band of a model its position in ``source.bands``.

    Raises:
        RasterError: the raster lacks some of them, or holds components of an original image
            that the model takes.
    """
    reduced = _reduced(source)
    if reduced is not None and _makes_components(bundle):
        # Before bands are counted: there may be as many components as the original has bands.
        raise _take_original(bundle, source, reduced)
    try:
        return match_bands(bundle.bands, source, bundle.chips.get("source_bands"))
    except RasterError as error:
        if reduced is None:
            raise
        raise _take_original(bundle, source, reduced) from error


def _makes_components(bundle: ModelBundle) -> bool:
    record = bundle.chips.get("reduction")
    return record is not None and record["kind"] != "selection"


def _reduced(source: RasterSource) -> Transform | None:
    """Return what a raster of components was made with; None for any other raster."""
    try:
        found = carried_transform(source)
    except InputError:  # damaged: no reason why a model could not take it as it is
        return None
    return None if found is None or found.is_selection else found


def _take_original(bundle: ModelBundle, source: RasterSource, reduced: Transform) -> RasterError:
    makes = " The model makes its components itself." if _makes_components(bundle) else ""
    return RasterError(
        f"{source.name} holds {reduced.outputs} components that 'Reduce bands' made of "
        f"{reduced.source_name}; the model takes the original image, with "
        f"{describe_range(bundle.bands)}.{makes} Choose {reduced.source_name}, or another original "
        "image of that sensor."
    )

"""The job that imports foreign arrays: an image with its ground truth, a label map, samples."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from ..data.chip_folder import check_folder
from ..errors import InputError
from ..progress import Progress, SilentProgress
from ..raster.output_path import all_distinct, check_output
from .gather import Gathering, Sources
from .into_chips import import_samples
from .into_rasters import import_image, import_map
from .kinds import kind_of_import
from .results import IMAGE, MAP, ImportResult
from .settings import ImportSettings, Meaning
from .telling import Told

__all__ = ["ImportResult", "ImportSettings", "import_scene"]


def import_scene(
    *,
    path: str,
    variable: str = "",
    reference: str = "",
    reference_variable: str = "",
    test: str = "",
    test_reference: str = "",
    wavelengths: str = "",
    class_names: str = "",
    crs: str = "",
    extent: Sequence[float] | None = None,
    layout: str = ImportSettings.layout,
    pixel_order: str = ImportSettings.pixel_order,
    header: str = ImportSettings.header,
    rows: int | None = ImportSettings.rows,
    cols: int | None = ImportSettings.cols,
    scale: float = ImportSettings.scale,
    unlabelled: int | None = ImportSettings.unlabelled,
    validation_fraction: float = ImportSettings.validation_fraction,
    test_fraction: float = ImportSettings.test_fraction,
    seed: int = ImportSettings.seed,
    kind: str = ImportSettings.kind,
    file_format: str = ImportSettings.file_format,
    output: str = "",
    output_reference: str = "",
    output_chips: str = "",
    progress: Progress | None = None,
) -> ImportResult:
    """Import arrays of MATLAB, numpy, HDF5, LibSVM or CSV files.

    Args:
        path: file with the image or the samples.
        variable: array of it; empty: it is found out, and refused where several could be it.
        reference: file with the labels; empty: they are looked for by name.
        reference_variable: array or column with the labels.
        test: file with the samples to test on.
        test_reference: file with their labels.
        wavelengths: ``400-2500``, a list, or a file; empty: those of the file, if it has any.
        class_names: ``water, road``, ``1=water, 2=road``, or a file with one a line.
        crs: of ``extent``: WKT or a code.
        extent: xmin, ymin, xmax, ymax of the whole image; None for none.
        layout: see ``ImportSettings``, as for all that follow.
        pixel_order: of matrices.
        header: of tables.
        rows: of matrices, or of windows in lines of a table.
        cols: likewise.
        scale: of the values, written beside them.
        unlabelled: value that is no class.
        validation_fraction: of a drawn split.
        test_fraction: of a drawn split.
        seed: of the draw.
        kind: what a label of a window belongs to.
        file_format: of the chip set.
        output: GeoTIFF of the image.
        output_reference: GeoTIFF of the label map.
        output_chips: folder of the chip set.
        progress: told how everything was read.

    Raises:
        InputError: a file cannot be read, or what it holds not be told.
        LabelError: the labels are no classes or do not fit.
        RasterError, ChipSetError, SplitError: the result cannot be written.
        Cancelled: the user stopped; what was there before stays.
    """
    settings = ImportSettings(
        layout=layout,
        pixel_order=pixel_order,
        header=header,
        rows=rows,
        cols=cols,
        scale=scale,
        unlabelled=unlabelled,
        validation_fraction=validation_fraction,
        test_fraction=test_fraction,
        seed=seed,
        kind=kind,
        file_format=file_format,
    )
    settings.check()
    meaning = Meaning(settings, wavelengths, class_names, crs, extent)
    sources = Sources(path, variable, reference, reference_variable, test, test_reference)
    rasters = (output, output_reference)
    _check_outputs(rasters, output_chips)
    _check_apart(rasters, output_chips, sources.files)
    told = Told(progress or SilentProgress())
    with ExitStack() as stack:
        gathering = Gathering(stack, told, settings.header)
        parts = gathering.gather(sources)
        _check_apart(rasters, output_chips, gathering.files)  # with those found beside the input
        found = kind_of_import(parts[0], settings)
        if found == IMAGE:
            result = import_image(parts, meaning, output, output_reference, told)
        elif found == MAP:
            result = import_map(parts[0], meaning, output_reference, told)
        else:
            result = import_samples(parts, meaning, output_chips, told)
    told.report(1.0, "")
    return result


def _check_outputs(rasters: Sequence[str], chips: str) -> None:
    """Refuse outputs that cannot work before anything is read."""
    if not any((*rasters, chips)):
        raise InputError(
            "There is nothing to write: give OUTPUT for an image, OUTPUT_REFERENCE for a label "
            "map, OUTPUT_CHIPS for samples."
        )
    paths = [check_output(target) for target in rasters if target]
    # Styles go by the name without its ending; links lead to the same file.
    if not all_distinct(paths) or not all_distinct([path.with_suffix("") for path in paths]):
        raise InputError(
            "OUTPUT and OUTPUT_REFERENCE are the same file; give image and label map a file each, "
            "with names that differ in more than their ending."
        )
    if chips:
        check_folder(chips)


def _check_apart(rasters: Sequence[str], chips: str, inputs: Sequence[str | Path]) -> None:
    """Refuse outputs that would take the place of files that are read."""
    for target in filter(None, rasters):
        check_output(target, inputs)
    for path in inputs if chips else ():
        if Path(chips).resolve() in Path(path).resolve().parents:
            raise InputError(
                f"OUTPUT_CHIPS is the folder {Path(chips).name}, which is replaced, and "
                f"{Path(path).name} in it is read. Choose another folder."
            )

"""Import scene: arrays of MATLAB, numpy, HDF5, LibSVM and CSV as rasters and chip sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingParameterCrs,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterString,
)

from ..core.importing.settings import (
    CHIP_KINDS,
    FORMATS,
    HEADERS,
    LAYOUTS,
    PIXEL_ORDERS,
    ImportSettings,
)
from . import parameters as p
from .base import FeedbackProgress, HsicnnAlgorithm
from .layers import title_of

ARRAY_FILTER = (
    "Arrays and tables (*.mat *.npy *.npz *.h5 *.hdf5 *.csv *.txt *.svm *.libsvm);;All files (*)"
)


class ImportScene(HsicnnAlgorithm):
    """Turns foreign arrays into a raster with its ground truth, or into a chip set."""

    ID = "importscene"
    TITLE = "Import scene"
    JOB = "import_scene"
    GROUP = ("Data", "data")
    TAGS = ("matlab", "mat", "numpy", "npy", "hdf5", "libsvm", "csv", "benchmark", "ground truth")
    OUTPUTS = ("OUTPUT", "OUTPUT_REFERENCE", "OUTPUT_CHIPS")
    VALUES = (
        ("KIND", "What it was: image, map or samples", str),
        ("WIDTH", "Width (pixels)", int),
        ("HEIGHT", "Height (pixels)", int),
        ("BANDS", "Number of bands", int),
        ("CLASSES", "Number of classes", int),
        ("SAMPLES", "Labelled pixels or samples", int),
    )
    SUMMARY = "Turns MATLAB, numpy, HDF5, LibSVM and CSV files into rasters and chip sets."
    HELP = (
        "<p>An image of rows, columns and bands becomes a GeoTIFF, its ground truth a raster of "
        "class codes with colours: go on with <i>Inspect raster</i> and <i>Export training "
        "chips</i>. Spectra, windows and scenes with a label each become a chip set: go on with "
        "<i>Train classifier</i>.</p>"
        "<p>What the axes mean, where labels are and which split the files give is found out and "
        "said in the log. What cannot be told is asked, with all there is to choose from. No value "
        "is changed: a scale is written beside the values.</p>"
        "<p>Labels and test files beside the input are found by their names: <i>Train_X</i> and "
        "<i>TrLabel</i>, <i>x_train</i>, <i>y_train</i>, <i>x_test</i> and <i>y_test</i>.</p>"
    )

    def declare(self) -> list[QgsProcessingParameterDefinition]:
        return [*_inputs(), *_meaning(), *_reading(), *_chips(), *_outputs()]

    def arguments(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> dict[str, Any]:
        texts = ("VARIABLE", "REFERENCE_VARIABLE", "WAVELENGTHS", "CLASS_NAMES")
        files = ("REFERENCE", "TEST", "TEST_REFERENCE")
        words = ("LAYOUT", "PIXEL_ORDER", "HEADER")
        wholes = ("ROWS", "COLS", "UNLABELLED")
        reals = ("SCALE", "VALIDATION_FRACTION", "TEST_FRACTION")
        crs, extent = self._place(parameters, context)
        return {
            "path": self.parameterAsFile(parameters, "INPUT", context),
            "crs": crs,
            "extent": extent,
            "kind": self.parameterAsEnumString(parameters, "CHIP_KIND", context),
            "file_format": self.parameterAsEnumString(parameters, "FORMAT", context),
            "seed": self.parameterAsInt(parameters, "SEED", context),
            **{name.lower(): self.parameterAsString(parameters, name, context) for name in texts},
            **{name.lower(): self.parameterAsFile(parameters, name, context) for name in files},
            **{
                name.lower(): self.parameterAsEnumString(parameters, name, context)
                for name in words
            },
            **{name.lower(): p.whole_or_none(self, parameters, name, context) for name in wholes},
            **{name.lower(): self.parameterAsDouble(parameters, name, context) for name in reals},
        }

    def _place(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> tuple[str, list[float] | None]:
        """Return the CRS as WKT, and xmin, ymin, xmax, ymax in it."""
        crs = self.parameterAsCrs(parameters, "CRS", context)
        if not p.given(parameters, "EXTENT"):
            return crs.toWkt() if crs.isValid() else "", None
        value = parameters["EXTENT"]
        if not crs.isValid() and not (isinstance(value, str) and "[" not in value):
            crs = self.parameterAsExtentCrs(parameters, "EXTENT", context)
        box = self.parameterAsExtent(parameters, "EXTENT", context, crs)
        extent = [box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()]
        return crs.toWkt() if crs.isValid() else "", extent

    def run_job(self, progress: FeedbackProgress) -> Mapping[str, Any]:
        result = super().run_job(progress)
        # What the file did not hold was not written, and is no output.
        for name in self.OUTPUTS:
            self._arguments[name.lower()] = result[name.lower()]
        return result

    def _outputs(self, context: QgsProcessingContext) -> dict[str, Any]:
        written = {self._arguments[name.lower()] for name in self.OUTPUTS}
        layers = context.layersToLoadOnCompletion()
        context.setLayersToLoadOnCompletion(
            {path: details for path, details in layers.items() if path in written}
        )
        return super()._outputs(context)

    def layer_names(self) -> dict[str, str]:
        title = title_of(self._arguments["path"])
        return {"OUTPUT": title, "OUTPUT_REFERENCE": f"Classes of {title}"}


def _text(
    name: str, title: str, text: str, *, advanced: bool = False
) -> QgsProcessingParameterDefinition:
    parameter = QgsProcessingParameterString(name, title, None, False, True)
    return p.explained(parameter, text, advanced=advanced)


def _file(
    name: str, title: str, text: str, *, optional: bool = True
) -> QgsProcessingParameterDefinition:
    parameter = QgsProcessingParameterFile(name, title, optional=optional, fileFilter=ARRAY_FILTER)
    return p.explained(parameter, text)


def _inputs() -> list[QgsProcessingParameterDefinition]:
    return [
        _file(
            "INPUT",
            "File",
            "The file with the image, the label map or the samples: MATLAB (.mat, all versions), "
            "numpy (.npy, .npz), HDF5, LibSVM or CSV. It is recognised by what it holds.",
            optional=False,
        ),
        _text(
            "VARIABLE",
            "Array",
            "Which array of the file to import. Empty: it is found out; if several could be it, "
            "all are listed with their shapes. Of a table: what the names of the bands begin with.",
        ),
        _file(
            "REFERENCE",
            "Labels",
            "The file with the labels: a map of the image, or a label for each sample. A raster "
            "that QGIS opens can be the map. Empty: labels are looked for in the input, then in a "
            "file beside it that is called accordingly.",
        ),
        _text(
            "REFERENCE_VARIABLE",
            "Array or column of the labels",
            "Which array or column holds the labels; a number for the column of a table without "
            "names. Empty: it is found by its name, such as class, label, gt or y.",
        ),
        _file(
            "TEST",
            "Test samples",
            "A second file with samples that are only for testing: the given split is kept. "
            "Empty: it is looked for by name, unless the labels were named.",
        ),
        _file(
            "TEST_REFERENCE",
            "Labels of the test samples",
            "The file with the labels of the test samples. Empty: as for the labels.",
        ),
    ]


def _meaning() -> list[QgsProcessingParameterDefinition]:
    return [
        _text(
            "WAVELENGTHS",
            "Wavelengths",
            "A range that the bands divide evenly (400-2500), a list of numbers, or a file with "
            "one a line, or an ENVI header; nanometres, or micrometres below 100. Empty: those of "
            "the file, if it has any.",
        ),
        _text(
            "CLASS_NAMES",
            "Names of the classes",
            "In the order of their codes, with commas between them; or with codes: 1=water, "
            "2=road; or a text file with one a line. Labels that are texts have their names; "
            "others for them need codes.",
        ),
        p.explained(
            QgsProcessingParameterExtent("EXTENT", "Extent of the whole image", None, True),
            "The outer edges of the image, where they are known. Empty: those of a ground truth "
            "that has a place, otherwise none.",
        ),
        p.explained(
            QgsProcessingParameterCrs("CRS", "CRS of the extent", None, True),
            "The coordinate system of the extent.",
        ),
        p.real(
            "SCALE",
            "Scale",
            "Physical value = stored value x scale, such as 0.0001 for reflectance times 10,000. "
            "It is written beside the values, which stay what they are.",
            ImportSettings.scale,
            (-1e30, 1e30),
            decimals=8,
        ),
        p.whole(
            "UNLABELLED",
            "Value that means 'no label'",
            "A value of the labels that is no class. Empty: 0 of a label map; none of samples, "
            "whose 0 is a class.",
            None,
            (-(2**31) + 1, 2**31 - 1),
            advanced=True,
        ),
    ]


def _reading() -> list[QgsProcessingParameterDefinition]:
    most = 2**31 - 1
    return [
        p.choice(
            "LAYOUT",
            "Axes",
            "What the axes of the array are. bands-last: rows, columns, bands. bands-first: bands, "
            "rows, columns; of a table or matrix: a row a band. bands-columns: a column a band. "
            "auto finds out, says why, and asks where it cannot be told.",
            LAYOUTS,
            ImportSettings.layout,
            advanced=True,
        ),
        p.whole(
            "ROWS",
            "Rows",
            "Of an image that is stored as a matrix of bands and pixels; or of windows that are "
            "the lines of a table, pixel by pixel with all bands of each.",
            None,
            (1, most),
            advanced=True,
        ),
        p.whole(
            "COLS", "Columns", "Columns of that image or window.", None, (1, most), advanced=True
        ),
        p.choice(
            "PIXEL_ORDER",
            "Order of the pixels of a matrix",
            "Whether they run along the rows or down the columns; also of labels that are a list "
            "of pixels. auto: down the columns in files of MATLAB, along the rows in all others; "
            "asked where image and labels are of either kind.",
            PIXEL_ORDERS,
            ImportSettings.pixel_order,
            advanced=True,
        ),
        p.choice(
            "HEADER",
            "Line of names in tables",
            "Whether the first line of tables holds names of their columns. auto: where it has "
            "words, counts the columns, or holds wavelengths far above all values; asks where it "
            "cannot be told. A table of one column has names only where they are words.",
            HEADERS,
            ImportSettings.header,
            advanced=True,
        ),
    ]


def _chips() -> list[QgsProcessingParameterDefinition]:
    return [
        p.choice(
            "CHIP_KIND",
            "A label is that of",
            "What the label of a window belongs to: the pixel in its middle (pixels), or all of it "
            "(scenes). auto: pixels where the side of the windows is odd, scenes where it is even.",
            CHIP_KINDS,
            ImportSettings.kind,
            advanced=True,
        ),
        p.choice(
            "FORMAT",
            "File format of the chip set",
            "What the chip set stores its windows in; 'csv' and 'libsvm' hold spectra only.",
            FORMATS,
            ImportSettings.file_format,
            advanced=True,
        ),
        p.real(
            "VALIDATION_FRACTION",
            "Share for validation",
            "Only for samples that come without a split: share of each class to watch the training "
            "by, drawn at random.",
            ImportSettings.validation_fraction,
            (0.0, 0.98),
            decimals=2,
            advanced=True,
        ),
        p.real(
            "TEST_FRACTION",
            "Share for testing",
            "Only for samples that come without a split: share of each class to test on, drawn at "
            "random.",
            ImportSettings.test_fraction,
            (0.0, 0.98),
            decimals=2,
            advanced=True,
        ),
        p.seed(ImportSettings.seed),
    ]


def _outputs() -> list[QgsProcessingParameterDefinition]:
    chips = QgsProcessingParameterFolderDestination("OUTPUT_CHIPS", "Chip set", None, True, True)
    return [
        p.raster_output(
            "OUTPUT",
            "Image",
            "The image as a GeoTIFF, in the data type it has. Not written for samples and maps.",
            optional=True,
            offered=True,
        ),
        p.raster_output(
            "OUTPUT_REFERENCE",
            "Label map",
            "The ground truth as a GeoTIFF of class codes with names and colours. Not written "
            "where there is none.",
            optional=True,
            offered=True,
        ),
        p.explained(
            chips,
            "The folder of the chip set that samples become; it is replaced if it is one. Not "
            "written for images.",
        ),
    ]

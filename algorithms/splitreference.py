"""Split reference: training, validation and test pixels, or folds, as rasters with a report."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterRasterLayer,
)

from ..core.splitting.settings import MOST_FOLDS, SPLITS, SplitSettings
from . import parameters as p
from .base import HsicnnAlgorithm
from .layers import optional_raster_path, reference_arguments, title_of
from .split_options import optional_raster, shares, split_sources


class SplitReference(HsicnnAlgorithm):
    """Divides reference data and says what the division is worth."""

    ID = "splitreference"
    TITLE = "Split reference"
    JOB = "split_reference"
    GROUP = ("Data", "data")
    TAGS = ("training data", "validation", "test", "folds", "blocks", "stratified", "leak")
    OUTPUTS = ("OUTPUT", "TRAIN", "VALIDATION", "TEST", "REPORT", "JSON")
    VALUES = (
        ("BLOCKS", "Block size that was used (pixels)", int),
        ("TRAIN_PIXELS", "Training pixels", int),
        ("VALIDATION_PIXELS", "Validation pixels", int),
        ("TEST_PIXELS", "Test pixels", int),
        ("LOCATION_ONLY", "Share of test pixels that location alone gets right", float),
        ("INSIDE", "Share of test pixels in a training patch", float),
        ("LEAKS", "Whether the split leaks", bool),
    )
    SUMMARY = "Divides reference data into training, validation and test, and says what leaks."
    HELP = (
        "<p>Pixels near each other are alike, and the patches that a network looks at overlap. "
        "A test pixel beside a training pixel is half known already, and the accuracy is too good. "
        "<b>blocks</b> divides the scene into squares, as large as the labels resemble each "
        "other, and leaves a gap between training and test. <b>random</b> is what most papers "
        "do; the report shows what it gives away.</p>"
        "<p>The report counts pixels of each class, shows how far test pixels are from training "
        "pixels, how many of them lie in a training patch, and how often the nearest training "
        "pixel alone, without any spectrum, has the right label. Where a split leaks it says "
        "so.</p>"
        "<p>Next: <i>Export training chips</i> with the split 'raster', or any other program with "
        "the rasters of classes.</p>"
    )

    def declare(self) -> list[QgsProcessingParameterDefinition]:
        defaults = SplitSettings()
        return [
            *p.reference_layer(
                "Reference",
                "The labels: a raster of class codes, polygons (a pixel belongs to the polygon its "
                "centre lies in), or points.",
            ),
            p.explained(
                QgsProcessingParameterRasterLayer("INPUT", "Image", None, True),
                "The image that will be trained on: the split gets its grid, and labels where it "
                "has no values are left out. Needed for a vector reference unless a pixel size is "
                "given. Empty: the grid of the reference.",
            ),
            p.choice(
                "SPLIT",
                "Split",
                "'blocks' keeps training and test apart in space; 'polygons' keeps the pixels of a "
                "polygon together (of a raster, connected pixels of one class); 'folds' makes K "
                "folds of blocks, each tested once; 'random' draws pixels of every class "
                "anywhere; 'field' goes by a field of the reference; 'raster' goes by a raster of "
                "codes or by masks.",
                SPLITS,
                defaults.split,
            ),
            *self._space(defaults),
            *shares(defaults),
            *split_sources(),
            *self._masks(),
            *self._rare(defaults),
            *self._written(),
        ]

    def _space(self, defaults: SplitSettings) -> list[QgsProcessingParameterDefinition]:
        return [
            p.whole(
                "BLOCK_SIZE",
                "Block size (pixels)",
                "Side of the blocks of 'blocks' and 'folds'. Empty: as far as the labels resemble "
                "each other (the range of their variogram), smaller where the scene would have "
                "too few blocks; the log and the report say the figure.",
                defaults.block_size,
                (1, 100_000),
            ),
            p.whole(
                "BUFFER",
                "Buffer (pixels)",
                "Pixels of different splits lie farther apart than this; training pixels nearer "
                "than that are left out. Empty: 4, so that no test pixel lies in a 9 x 9 patch of "
                "a training pixel, and 0 for 'random', 'raster' and a field of splits.",
                defaults.buffer,
                (0, 10_000),
            ),
            p.whole(
                "K",
                "Folds",
                "How many folds the split 'folds' makes.",
                defaults.k,
                (2, MOST_FOLDS),
            ),
        ]

    def _masks(self) -> list[QgsProcessingParameterDefinition]:
        text = "For the split 'raster', in place of a split raster: every pixel that is neither 0 "
        text += "nor nodata {}. A class raster will do. On another grid it is resampled."
        return [
            optional_raster("TRAIN_MASK", "Mask of training", text.format("trains")),
            optional_raster("VALIDATION_MASK", "Mask of validation", text.format("validates")),
            optional_raster("TEST_MASK", "Mask of test", text.format("is tested")),
        ]

    def _rare(self, defaults: SplitSettings) -> list[QgsProcessingParameterDefinition]:
        return [
            p.whole(
                "PATCH_SIZE",
                "Patch size of the report (pixels)",
                "Side of the patches of the network that you have in mind, an odd number: the "
                "report says how many test pixels lie in a training patch of that size, beside "
                "the usual ones.",
                defaults.patch_size,
                (1, 1023),
                advanced=True,
            ),
            p.real(
                "PIXEL_SIZE",
                "Pixel size for a vector reference",
                "Without an image: side of a pixel, in units of the layer's coordinate system. "
                "The grid covers the layer.",
                None,
                (0.0, 1e9),
                advanced=True,
            ),
            p.seed(defaults.seed),
        ]

    def _written(self) -> list[QgsProcessingParameterDefinition]:
        text = "The classes of the {} pixels, with the reference's codes, names and colours."
        return [
            p.raster_output(
                "OUTPUT",
                "Split",
                "The split: 0 unused, 1 train, 2 validation, 3 test; of 'folds' the number of the "
                "fold that tests the pixel.",
            ),
            *(
                p.raster_output(name, title, text.format(word), optional=True)
                for name, title, word in (
                    ("TRAIN", "Classes of training", "training"),
                    ("VALIDATION", "Classes of validation", "validation"),
                    ("TEST", "Classes of test", "test"),
                )
            ),
            p.file_output(
                "REPORT",
                "Report",
                "A page about the split.",
                p.HTML_FILTER,
                optional=True,
                offered=True,
            ),
            p.file_output("JSON", "Figures", "The report's figures.", p.JSON_FILTER, optional=True),
        ]

    def arguments(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> dict[str, Any]:
        numbers = ("COUNT_PER_CLASS", "MIN_PER_CLASS", "K", "PATCH_SIZE", "SEED")
        rasters = ("SPLIT_RASTER", "TRAIN_MASK", "VALIDATION_MASK", "TEST_MASK")
        return {
            **reference_arguments(self, parameters, context),
            "image": optional_raster_path(self, parameters, "INPUT", context),
            "pixel_size": p.real_or_none(self, parameters, "PIXEL_SIZE", context),
            "split": self.parameterAsEnumString(parameters, "SPLIT", context),
            "split_field": self.parameterAsString(parameters, "SPLIT_FIELD", context),
            "block_size": p.whole_or_none(self, parameters, "BLOCK_SIZE", context),
            "buffer": p.whole_or_none(self, parameters, "BUFFER", context),
            "train_fraction": self.parameterAsDouble(parameters, "TRAIN_FRACTION", context),
            "validation_fraction": self.parameterAsDouble(
                parameters, "VALIDATION_FRACTION", context
            ),
            **{
                name.lower(): optional_raster_path(self, parameters, name, context)
                for name in rasters
            },
            **{name.lower(): self.parameterAsInt(parameters, name, context) for name in numbers},
        }

    def layer_names(self) -> dict[str, str]:
        title = title_of(self._arguments["reference"])
        return {
            "OUTPUT": f"Split of {title}",
            "TRAIN": f"Training pixels of {title}",
            "VALIDATION": f"Validation pixels of {title}",
            "TEST": f"Test pixels of {title}",
        }

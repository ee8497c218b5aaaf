"""Export training chips: from an image and its reference to a chip set."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterVectorDestination,
)

from ..core.data.export_settings import FORMATS, SPLITS, ExportSettings
from . import parameters as p
from .base import HsicnnAlgorithm
from .layers import (
    optional_raster_path,
    raster_path,
    reference_arguments,
    required_raster,
    title_of,
)
from .split_options import shares, split_sources
from .tile_options import tile_arguments, tile_parameters


class ExportTrainingChips(HsicnnAlgorithm):
    """Cuts labelled pixels with their surroundings out of an image and divides them."""

    ID = "exporttrainingchips"
    TITLE = "Export training chips"
    JOB = "export_training_chips"
    GROUP = ("Data", "data")
    TAGS = ("training data", "samples", "split", "labels", "tiles")
    OUTPUTS = ("OUTPUT", "FOOTPRINTS")
    SUMMARY = "Makes a chip set for training from an image and reference data."
    HELP = (
        "<p>The reference is a raster of class codes or a layer of polygons or points; another "
        "coordinate system or grid is brought onto the image's. Names and colours of the classes "
        "come from the layer's style.</p>"
        "<p>Labelled pixels are divided into training, validation and test. <b>blocks</b> keeps "
        "them in separate squares of the scene with a gap between them, so that the test says "
        "what the map is worth elsewhere. <b>random</b> mixes neighbours: patches overlap, and the "
        "accuracy is too good; the report shows by how much.</p>"
        "<p>KIND <b>pixels</b> is made for the networks of this plugin. <b>tiles</b> (image and "
        "labels) and <b>scenes</b> (one class each) are written in layouts that ArcGIS, TorchGeo "
        "and torchvision read too, and train here as well. No test tile lies in or near a training "
        "tile, unless tiles are drawn at random.</p>"
        "<p>Next: <i>Train classifier</i> with the folder.</p>"
    )

    def declare(self) -> list[QgsProcessingParameterDefinition]:
        return [
            p.explained(
                QgsProcessingParameterRasterLayer("INPUT", "Image"),
                "The hyperspectral or multispectral image. Bands marked as bad and bands without "
                "values are left out; the log names them.",
            ),
            *p.reference_layer(
                "Reference",
                "The labels: a raster of class codes, polygons (a pixel belongs to the polygon its "
                "centre lies in), or points.",
            ),
            *tile_parameters(),
            *self._split(ExportSettings()),
            *self._chips(ExportSettings()),
            p.explained(
                QgsProcessingParameterFolderDestination("OUTPUT", "Chip set"),
                "The folder to write: the samples in the chosen format, and chips.json.",
            ),
            p.explained(
                QgsProcessingParameterVectorDestination(
                    "FOOTPRINTS",
                    "Footprints of the chips",
                    QgsProcessing.SourceType.TypeVectorPolygon,
                    None,
                    True,
                    False,
                ),
                "The outlines of the chips as a layer (GeoPackage), to look at.",
            ),
        ]

    def _split(self, defaults: ExportSettings) -> list[QgsProcessingParameterDefinition]:
        return [
            p.choice(
                "SPLIT",
                "Split",
                "How pixels are divided: 'blocks' keeps training and test apart in space, "
                "'random' draws pixels of every class anywhere, 'polygons' keeps the pixels of a "
                "polygon together, 'field' goes by a field of the reference, 'raster' by a split "
                "raster.",
                SPLITS,
                defaults.split,
            ),
            *split_sources(),
            p.whole(
                "BLOCK_SIZE",
                "Block size (pixels)",
                "Side of the blocks of the split 'blocks'. Larger blocks are more independent, "
                "smaller ones leave more of them for every class.",
                defaults.block_size,
                (1, 100_000),
            ),
            p.whole(
                "BUFFER",
                "Buffer (pixels)",
                "Pixels of different splits lie farther apart than this, tiles from edge to edge; "
                "what trains nearer than that is left out. Of pixels a split raster is taken as "
                "it is.",
                defaults.buffer,
                (0, 10_000),
            ),
            *shares(defaults),
        ]

    def _chips(self, defaults: ExportSettings) -> list[QgsProcessingParameterDefinition]:
        return [
            p.whole(
                "MAX_PER_CLASS",
                "Training samples per class at the most",
                "Draws this many training pixels of classes that have more, of scenes, or of tiles "
                "that hold a class; validation and test keep all of theirs. 0 takes all.",
                defaults.max_per_class,
                (0, 2**31 - 1),
                advanced=True,
            ),
            p.whole(
                "CHIP_SIZE",
                "Chip size (pixels)",
                "For KIND 'pixels': side of the squares in which labelled pixels are stored, "
                "without the halo.",
                defaults.chip_size,
                (8, 4096),
                advanced=True,
            ),
            p.whole(
                "HALO",
                "Halo (pixels)",
                "For KIND 'pixels': image pixels around a chip that carry no labels, so that "
                "patches at its edge are whole. A network can use patches up to 2 x HALO + 1 "
                "pixels.",
                defaults.halo,
                (0, 512),
                advanced=True,
            ),
            p.choice(
                "FORMAT",
                "File format",
                "What samples are stored in. 'geotiff': chips, tiles and scenes, and windows of "
                "scattered pixels on top of each other in one file. 'hdf5': a window around every "
                "labelled pixel, or scenes, in one file for scripts (large). 'csv' and 'libsvm': "
                "tables of the spectra of the labelled pixels. 'png' and 'jpeg': tiles and scenes "
                "of one or three bands in 8 bits, see STRETCH. Training takes them all.",
                FORMATS,
                defaults.file_format,
                advanced=True,
            ),
            p.seed(defaults.seed),
        ]

    def arguments(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> dict[str, Any]:
        numbers = (
            *("CHIP_SIZE", "HALO", "BLOCK_SIZE", "BUFFER", "MAX_PER_CLASS", "SEED"),
            *("COUNT_PER_CLASS", "MIN_PER_CLASS"),
        )
        return {
            "image": raster_path(required_raster(self, parameters, "INPUT", context)),
            **reference_arguments(self, parameters, context),
            **tile_arguments(self, parameters, context),
            "split": self.parameterAsEnumString(parameters, "SPLIT", context),
            "file_format": self.parameterAsEnumString(parameters, "FORMAT", context),
            "split_field": self.parameterAsString(parameters, "SPLIT_FIELD", context),
            "split_raster": optional_raster_path(self, parameters, "SPLIT_RASTER", context),
            "train_fraction": self.parameterAsDouble(parameters, "TRAIN_FRACTION", context),
            "validation_fraction": self.parameterAsDouble(
                parameters, "VALIDATION_FRACTION", context
            ),
            **{name.lower(): self.parameterAsInt(parameters, name, context) for name in numbers},
        }

    def layer_names(self) -> dict[str, str]:
        return {"FOOTPRINTS": f"Chips of {title_of(self._arguments['image'])}"}

"""The parameters of tiles and scenes, of 'Export training chips'."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterString,
    QgsProcessingParameterVectorLayer,
)

from ..core.data.tiles.settings import (
    KINDS,
    LAYOUTS,
    PLACES,
    SCENE_LABELS,
    STRETCHES,
    TileSettings,
)
from ..core.errors import InputError
from . import parameters as p
from .layers import vector_path

_WORDS = ("KIND", "PLACES", "SCENE_LABEL", "LAYOUT", "STRETCH")
_WHOLE = ("TILE_SIZE", "JITTER", "POINT_BUFFER")
_REAL = ("MIN_LABELLED", "MIN_OVERLAP", "ROTATION")
_TEXTS = ("IMAGE_BANDS", "CLASS_NAMES")


def tile_parameters() -> list[QgsProcessingParameterDefinition]:
    """Return the parameters, with the defaults of the core."""
    defaults = TileSettings()
    return [
        p.choice(
            "KIND",
            "Kind",
            "What a chip is. 'pixels': the surroundings of labelled pixels, for networks that "
            "classify pixels (recommended). 'tiles': squares of the image with a label for each "
            "pixel. 'scenes': squares with one class each. Training takes all of them.",
            KINDS,
            defaults.kind,
        ),
        p.whole(
            "TILE_SIZE",
            "Tile size (pixels)",
            "Side of tiles and scenes.",
            defaults.tile_size,
            (2, 8192),
        ),
        p.whole(
            "STRIDE",
            "Stride (pixels)",
            "Pixels from one tile to the next. Empty: the tile size; less lets tiles overlap. "
            "Tiles of different splits never do, except with the split 'random'.",
            None,
            (1, 8192),
        ),
        p.choice(
            "LAYOUT",
            "Layout",
            "How files are arranged. 'hsicnn': images, labels. 'esri': ArcGIS 'Classified Tiles' "
            "of tiles, 'Labeled Tiles' of scenes; validation and test lie in folders of their own. "
            "'imagenet': scenes in a folder for each class. 'torchgeo': pairs of images and masks. "
            "chips.json is always written.",
            LAYOUTS,
            defaults.layout,
        ),
        *_which(defaults),
        *_more(defaults),
        *_shown(defaults),
    ]


def _which(defaults: TileSettings) -> list[QgsProcessingParameterDefinition]:
    """Which tiles are taken."""
    return [
        p.choice(
            "PLACES",
            "Where tiles lie",
            "'grid': every STRIDE pixels, where labels are. 'objects': one around each polygon or "
            "point of the reference.",
            PLACES,
            defaults.places,
            advanced=True,
        ),
        p.real(
            "MIN_LABELLED",
            "Minimum labelled share",
            "Tiles with a smaller share of labelled pixels are left out; scenes where their class "
            "has a smaller share of all pixels. 0 takes every tile with a label.",
            defaults.min_labelled,
            (0.0, 1.0),
            decimals=3,
            advanced=True,
        ),
        p.real(
            "MIN_OVERLAP",
            "Minimum share of a polygon",
            "A polygon counts in a tile or scene only where that holds at least this share of the "
            "polygon's pixels; else its pixels there stay unlabelled.",
            defaults.min_overlap,
            (0.0, 1.0),
            decimals=3,
            advanced=True,
        ),
        p.choice(
            "SCENE_LABEL",
            "Class of a scene",
            "'majority': the class of most of its labelled pixels. 'centre': that of the pixel or "
            "polygon in its middle; scenes without one are left out.",
            SCENE_LABELS,
            defaults.scene_label,
            advanced=True,
        ),
        p.explained(
            QgsProcessingParameterVectorLayer(
                "MASK", "Mask", [QgsProcessing.SourceType.TypeVectorPolygon], optional=True
            ),
            "Polygons to take samples from: labels outside are left out, and tiles that do not lie "
            "wholly inside.",
            advanced=True,
        ),
    ]


def _more(defaults: TileSettings) -> list[QgsProcessingParameterDefinition]:
    """What is changed of them."""
    return [
        p.real(
            "ROTATION",
            "Rotation (degrees)",
            "Adds copies of every training tile, turned clockwise by this angle, again and again "
            "up to a whole turn: 90 adds three. No value is mixed (nearest pixel). 0 adds none.",
            defaults.rotation,
            (0.0, 359.0),
            decimals=2,
            advanced=True,
        ),
        p.whole(
            "JITTER",
            "Jitter (pixels)",
            "Moves every tile at random by up to so many pixels, down and across, so that objects "
            "do not always lie at the same place in it.",
            defaults.jitter,
            (0, 8192),
            advanced=True,
        ),
        p.switch(
            "BALANCE",
            "Balance classes",
            "Gives every class as much to train on as the rarest has: pixels, scenes, or tiles "
            "that hold it. Validation and test keep all of theirs.",
            defaults.balance,
            advanced=True,
        ),
        p.whole(
            "POINT_BUFFER",
            "Buffer around points (pixels)",
            "Pixels around each point that get its label too: a disc. Pixels that two classes "
            "claim are left out.",
            defaults.point_buffer,
            (0, 1000),
            advanced=True,
        ),
        p.explained(
            QgsProcessingParameterString(
                "CLASS_NAMES", "Class names", defaults.class_names, optional=True
            ),
            "Names for values of the reference, as '1=wheat; 2=bare soil'. Others keep the name "
            "that the layer's style gives.",
            advanced=True,
        ),
    ]


def _shown(defaults: TileSettings) -> list[QgsProcessingParameterDefinition]:
    """How they become pictures."""
    return [
        p.choice(
            "STRETCH",
            "Stretch of 8-bit files",
            "PNG and JPEG hold 8 bits: what becomes black and white, for each band over the whole "
            "image: percentiles, or the smallest and largest value. It is written into "
            "chips.json, and training goes back to physical values.",
            STRETCHES,
            defaults.stretch,
            advanced=True,
        ),
        p.explained(
            QgsProcessingParameterString(
                "IMAGE_BANDS", "Bands of 8-bit files", defaults.image_bands, optional=True
            ),
            "Numbers of one band, or of three for red, green and blue, as '29,15,9'. Empty: the "
            "bands nearest to 665, 560 and 490 nm.",
            advanced=True,
        ),
    ]


def tile_arguments(
    algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext
) -> dict[str, Any]:
    """Return what a job is told of them.

    Raises:
        InputError: MASK is no layer that can be opened.
    """
    stride = p.whole_or_none(algorithm, parameters, "STRIDE", context)
    found: dict[str, Any] = {
        **{n.lower(): algorithm.parameterAsEnumString(parameters, n, context) for n in _WORDS},
        **{n.lower(): algorithm.parameterAsInt(parameters, n, context) for n in _WHOLE},
        **{n.lower(): algorithm.parameterAsDouble(parameters, n, context) for n in _REAL},
        **{n.lower(): algorithm.parameterAsString(parameters, n, context) for n in _TEXTS},
        "balance": algorithm.parameterAsBoolean(parameters, "BALANCE", context),
        "stride": stride or 0,
        "mask": "",
        "mask_layer": "",
    }
    if parameters.get("MASK") in (None, ""):
        return found
    layer = algorithm.parameterAsVectorLayer(parameters, "MASK", context)
    if layer is None or not layer.isValid():
        raise InputError(
            f"MASK is '{parameters['MASK']}', which is no layer that can be opened; choose a layer "
            "of polygons."
        )
    path, name = vector_path(layer, context)
    return {**found, "mask": path, "mask_layer": name}

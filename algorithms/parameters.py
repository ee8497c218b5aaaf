"""Parameters in one line each: every one with its help, defaults from the core's tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qgis.core import (
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterMapLayer,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterString,
)

MODEL_FILTER = "hsicnn model (*.safetensors)"
#: For reading: QGIS refuses what a filter does not show without a word of why.
ANY_MODEL_FILTER = f"{MODEL_FILTER};;All files (*)"
HTML_FILTER = "HTML page (*.html)"
JSON_FILTER = "JSON (*.json)"
ANY_JSON_FILTER = f"{JSON_FILTER};;All files (*)"
CSV_FILTER = "CSV table (*.csv)"


def explained(
    parameter: QgsProcessingParameterDefinition, text: str, *, advanced: bool = False
) -> QgsProcessingParameterDefinition:
    """Give a parameter its help and, where asked, its place among the advanced ones."""
    parameter.setHelp(text)
    if advanced:
        flag = QgsProcessingParameterDefinition.Flag.FlagAdvanced
        parameter.setFlags(parameter.flags() | flag)
    return parameter


def whole(
    name: str,
    title: str,
    text: str,
    default: int | None,
    limits: tuple[int, int],
    *,
    advanced: bool = False,
) -> QgsProcessingParameterDefinition:
    """Return a whole number; without a default it may be left empty."""
    kind = QgsProcessingParameterNumber.Type.Integer
    parameter = QgsProcessingParameterNumber(
        name, title, kind, default, default is None, limits[0], limits[1]
    )
    return explained(parameter, text, advanced=advanced)


def real(
    name: str,
    title: str,
    text: str,
    default: float | None,
    limits: tuple[float, float],
    *,
    decimals: int = 6,
    advanced: bool = False,
) -> QgsProcessingParameterDefinition:
    """Return a number with decimals; without a default it may be left empty."""
    kind = QgsProcessingParameterNumber.Type.Double
    parameter = QgsProcessingParameterNumber(
        name, title, kind, default, default is None, limits[0], limits[1]
    )
    parameter.setMetadata({"widget_wrapper": {"decimals": decimals}})
    return explained(parameter, text, advanced=advanced)


def choice(
    name: str,
    title: str,
    text: str,
    options: Sequence[str],
    default: str | None,
    *,
    advanced: bool = False,
) -> QgsProcessingParameterDefinition:
    """Return a choice of words; without a default it may be left empty."""
    parameter = QgsProcessingParameterEnum(
        name,
        title,
        options=list(options),
        allowMultiple=False,
        defaultValue=default,
        optional=default is None,
        usesStaticStrings=True,
    )
    return explained(parameter, text, advanced=advanced)


def text(
    name: str, title: str, explanation: str, default: str = "", *, advanced: bool = False
) -> QgsProcessingParameterDefinition:
    """Return a line of text, which may be left empty."""
    parameter = QgsProcessingParameterString(name, title, default or None, False, True)
    return explained(parameter, explanation, advanced=advanced)


def switch(
    name: str, title: str, text: str, default: bool, *, advanced: bool = False
) -> QgsProcessingParameterDefinition:
    """Return a tick box."""
    return explained(QgsProcessingParameterBoolean(name, title, default), text, advanced=advanced)


def seed(default: int) -> QgsProcessingParameterDefinition:
    """Return SEED."""
    text = "Fixes every random draw: the same seed gives the same result."
    return whole("SEED", "Seed", text, default, (0, 2**31 - 1), advanced=True)


def reference_layer(
    title: str, text: str, *, optional: bool = False
) -> list[QgsProcessingParameterDefinition]:
    """Return REFERENCE, FIELD and UNLABELLED: labels from a raster or a vector layer."""
    kinds = [
        QgsProcessing.SourceType.TypeRaster,
        QgsProcessing.SourceType.TypeVectorPolygon,
        QgsProcessing.SourceType.TypeVectorPoint,
    ]
    layer = QgsProcessingParameterMapLayer("REFERENCE", title, None, optional, kinds)
    field = QgsProcessingParameterField(
        "FIELD", "Class field", parentLayerParameterName="REFERENCE", optional=True
    )
    unlabelled = whole(
        "UNLABELLED",
        "Value that means 'no label'",
        "A value of the reference that is no class. Empty: 0 and the raster's nodata value. "
        "Set it where 0 is a class of its own.",
        None,
        (-(2**31) + 1, 2**31 - 1),
        advanced=True,
    )
    text_of_field = (
        "For a vector reference: the field that holds the classes, as text or as whole numbers. "
        "Not used for a raster."
    )
    return [explained(layer, text), explained(field, text_of_field), unlabelled]


def chip_set(
    name: str, title: str, text: str, *, optional: bool = False
) -> QgsProcessingParameterDefinition:
    """Return a chip set: the folder that 'Export training chips' writes."""
    folder = QgsProcessingParameterFile.Behavior.Folder
    return explained(
        QgsProcessingParameterFile(name, title, behavior=folder, optional=optional), text
    )


def model() -> QgsProcessingParameterDefinition:
    """Return MODEL: what 'Train classifier' writes."""
    return explained(
        QgsProcessingParameterFile("MODEL", "Model", fileFilter=ANY_MODEL_FILTER),
        "The model file that 'Train classifier' has written, or the checkpoint of a training "
        "that has not ended.",
    )


def models(name: str, title: str, text: str) -> QgsProcessingParameterDefinition:
    """Return several model files, which may be none."""
    kind = QgsProcessing.SourceType.TypeFile
    parameter = QgsProcessingParameterMultipleLayers(name, title, kind, None, True)
    return explained(parameter, text, advanced=True)


def file_output(
    name: str,
    title: str,
    text: str,
    file_filter: str,
    *,
    optional: bool = False,
    offered: bool = False,
) -> QgsProcessingParameterDefinition:
    """Return a file to write; an optional one is made only where it is asked or offered."""
    parameter = QgsProcessingParameterFileDestination(
        name, title, file_filter, None, optional, offered or not optional
    )
    return explained(parameter, text)


def raster_output(
    name: str, title: str, text: str, *, optional: bool = False, offered: bool = False
) -> QgsProcessingParameterDefinition:
    """Return a raster to write; an optional one is made only where it is asked or offered."""
    created = offered or not optional
    parameter = QgsProcessingParameterRasterDestination(name, title, None, optional, created)
    return explained(parameter, text)


def device(default: str) -> QgsProcessingParameterDefinition:
    """Return DEVICE."""
    from ..core.runtime.devices import DEVICE_CHOICES

    text = (
        "What computes. 'auto' takes the first graphics card that passes a real test and the CPU "
        "otherwise, and says why in the log. 'Check environment' lists what works here."
    )
    return choice("DEVICE", "Device", text, DEVICE_CHOICES, default, advanced=True)


def given(parameters: dict[str, Any], name: str) -> bool:
    """Return whether a parameter has a value of its own."""
    return parameters.get(name) not in (None, "")


def files(
    algorithm: QgsProcessingAlgorithm,
    parameters: dict[str, Any],
    name: str,
    context: QgsProcessingContext,
) -> list[str]:
    """Return the paths of several files, none where it was left empty."""
    if not parameters.get(name):
        return []
    return [str(path) for path in algorithm.parameterAsFileList(parameters, name, context) if path]


def whole_or_none(
    algorithm: QgsProcessingAlgorithm,
    parameters: dict[str, Any],
    name: str,
    context: QgsProcessingContext,
) -> int | None:
    """Return a whole number, or nothing where it was left empty."""
    if not given(parameters, name):
        return None
    return int(algorithm.parameterAsInt(parameters, name, context))


def real_or_none(
    algorithm: QgsProcessingAlgorithm,
    parameters: dict[str, Any],
    name: str,
    context: QgsProcessingContext,
) -> float | None:
    """Return a number, or nothing where it was left empty."""
    if not given(parameters, name):
        return None
    return float(algorithm.parameterAsDouble(parameters, name, context))


def word(
    algorithm: QgsProcessingAlgorithm,
    parameters: dict[str, Any],
    name: str,
    context: QgsProcessingContext,
) -> str:
    """Return the word of a choice, or an empty one where it was left empty."""
    if not given(parameters, name):
        return ""
    return str(algorithm.parameterAsEnumString(parameters, name, context))

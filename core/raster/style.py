"""Layer styles as QGIS reads them: the text of a ``.qml`` file (QGIS 3.22 and later)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Protocol

# matplotlib's viridis at five places: even in brightness, safe for the colour-blind.
VIRIDIS = ("#440154", "#3b528b", "#21918c", "#5ec962", "#fde725")

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


class ClassLike(Protocol):
    """What a style needs to know of a class."""

    @property
    def code(self) -> int:
        """The value in the raster."""

    @property
    def name(self) -> str:
        """The label in the legend."""

    @property
    def color(self) -> str:
        """``#rrggbb``."""


@dataclass(frozen=True)
class Ramp:
    """A colour ramp for a layer of continuous values.

    Attributes:
        minimum: value of the first colour.
        maximum: value of the last colour.
        colors: ``#rrggbb``, evenly spaced, at least two.
    """

    minimum: float = 0.0
    maximum: float = 1.0
    colors: tuple[str, ...] = VIRIDIS


def rgb(color: str) -> tuple[int, int, int]:
    """Red, green and blue (0..255) of ``#rrggbb``.

    Raises:
        ValueError: the text is no such colour.
    """
    if not _COLOR.fullmatch(color):
        raise ValueError(f"{color!r} is no colour; expected #rrggbb.")
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def class_style(classes: Sequence[ClassLike]) -> str:
    """The style of a class map: every class with its value, colour and name.

    Raises:
        ValueError: a colour is not ``#rrggbb``.
    """
    entries = []
    for item in classes:
        rgb(item.color)
        entries.append(
            f'      <paletteEntry value="{int(item.code)}" color="{item.color}" alpha="255" '
            f'label="{_text(item.name)}"/>'
        )
    inner = ["    <colorPalette>", *entries, "    </colorPalette>"]
    return _document('type="paletted" band="1"', inner)


def ramp_style(ramp: Ramp) -> str:
    """The style of a continuous layer: the first band on a linear colour ramp.

    Raises:
        ValueError: fewer than two colours, or one that is not ``#rrggbb``.
    """
    if len(ramp.colors) < 2:
        raise ValueError("A ramp needs two colours at least.")
    shades = [rgb(color) for color in ramp.colors]
    last = len(shades) - 1
    low, high = f"{ramp.minimum:g}", f"{ramp.maximum:g}"
    values = [ramp.minimum + (ramp.maximum - ramp.minimum) * k / last for k in range(last + 1)]
    items = [
        f'        <item value="{value:g}" color="{color}" alpha="255" label="{value:g}"/>'
        for value, color in zip(values, ramp.colors)
    ]
    rgba = [",".join(map(str, (*shade, 255))) for shade in shades]
    stops = ":".join(f"{k / last:g};{rgba[k]}" for k in range(1, last))
    options = {"color1": rgba[0], "color2": rgba[-1], "discrete": "0", "rampType": "gradient"}
    if stops:
        options["stops"] = stops
    inner = [
        "    <rastershader>",
        '      <colorrampshader colorRampType="INTERPOLATED" classificationMode="1" clip="0" '
        f'labelPrecision="2" minimumValue="{low}" maximumValue="{high}">',
        '        <colorramp type="gradient" name="[source]">',
        '          <Option type="Map">',
        *(
            f'            <Option type="QString" name="{name}" value="{value}"/>'
            for name, value in options.items()
        ),
        "          </Option>",
        # QGIS before 3.26 reads the properties, later ones the options.
        *(f'          <prop k="{name}" v="{value}"/>' for name, value in options.items()),
        "        </colorramp>",
        *items,
        "      </colorrampshader>",
        "    </rastershader>",
    ]
    head = (
        f'type="singlebandpseudocolor" band="1" classificationMin="{low}" '
        f'classificationMax="{high}"'
    )
    return _document(head, inner)


def point_style(field: str, legend: Sequence[tuple[str, str]]) -> str:
    """The style of a layer of points: a colour for each value of a text field.

    Args:
        field: of the layer.
        legend: values with their colours.

    Raises:
        ValueError: a colour is not ``#rrggbb``.
    """
    categories, symbols = [], []
    for number, (value, color) in enumerate(legend):
        text = _text(value)
        categories.append(
            f'      <category symbol="{number}" value="{text}" label="{text}" render="true"/>'
        )
        symbols += _marker(number, ",".join(map(str, (*rgb(color), 255))))
    lines = [
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>",
        '<qgis version="3.22.0" styleCategories="Symbology">',
        f'  <renderer-v2 type="categorizedSymbol" attr="{_text(field)}" forceraster="0" '
        'symbollevels="0" enableorderby="0">',
        "    <categories>",
        *categories,
        "    </categories>",
        "    <symbols>",
        *symbols,
        "    </symbols>",
        "  </renderer-v2>",
        "  <blendMode>0</blendMode>",
        "  <featureBlendMode>0</featureBlendMode>",
        "  <layerGeometryType>0</layerGeometryType>",
        "</qgis>",
        "",
    ]
    return "\n".join(lines)


def _marker(number: int, rgba: str) -> list[str]:
    """A circle with a dark rim, which shows on any image."""
    options = {
        "name": "circle",
        "color": rgba,
        "outline_color": "20,20,20,255",
        "outline_width": "0.3",
        "size": "3",
        "size_unit": "MM",
    }
    return [
        f'      <symbol type="marker" name="{number}" alpha="1" clip_to_extent="1">',
        '        <layer class="SimpleMarker" enabled="1" locked="0" pass="0">',
        '          <Option type="Map">',
        *(
            f'            <Option type="QString" name="{name}" value="{value}"/>'
            for name, value in options.items()
        ),
        "          </Option>",
        # QGIS before 3.26 reads the properties, later ones the options.
        *(f'          <prop k="{name}" v="{value}"/>' for name, value in options.items()),
        "        </layer>",
        "      </symbol>",
    ]


def _document(renderer: str, inner: Sequence[str]) -> str:
    lines = [
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>",
        '<qgis version="3.22.0" styleCategories="Symbology">',
        "  <pipe>",
        "  <provider>",
        # Classes must not be blended where QGIS draws them smaller or larger.
        '    <resampling enabled="false" zoomedInResamplingMethod="nearestNeighbour" '
        'zoomedOutResamplingMethod="nearestNeighbour" maxOversampling="2"/>',
        "  </provider>",
        f'  <rasterrenderer {renderer} opacity="1" alphaBand="-1" nodataColor="">',
        "    <rasterTransparency/>",
        *inner,
        "  </rasterrenderer>",
        '  <brightnesscontrast brightness="0" contrast="0" gamma="1"/>',
        '  <huesaturation saturation="0" grayscaleMode="0" colorizeOn="0"/>',
        '  <rasterresampler maxOversampling="2"/>',
        "  <resamplingStage>resamplingFilter</resamplingStage>",
        "  </pipe>",
        "  <blendMode>0</blendMode>",
        "</qgis>",
        "",
    ]
    return "\n".join(lines)


def _text(text: str) -> str:
    """Text as an XML attribute; what XML cannot hold is left out."""
    return escape(_NOT_IN_XML.sub("", text), quote=True)

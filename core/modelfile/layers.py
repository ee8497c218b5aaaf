"""The layers of a network on a page: a drawing and a table of them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Union

from ...models.catalog import NETWORKS
from ..report import html
from ..report.drawn import drawn
from ..report.network_figure import DrawnLayer, network_picture
from .bundle import ModelBundle

if TYPE_CHECKING:
    from ...models.stages import MeasuredStage

# The order of a shape.
AXES = ("words", "features", "bands", "rows", "columns", "pixels", "classes")

MEMBER = re.compile(r"Member (\d+): ")  # how the layers of an ensemble begin

#: The stages of a network, or why they are not known.
Stages = Union[Sequence["MeasuredStage"], str]


def layers(bundle: ModelBundle, stages: Stages) -> list[str]:
    """Return the drawing of a network and the table of its layers.

    Args:
        bundle: the model.
        stages: of its network; where they are not known, only that is said.
    """
    if isinstance(stages, str):
        return [html.paragraph(stages, "note")]
    side, inputs = bundle.patch_size, bundle.normalisation.outputs
    one, several = ("tile", "tiles") if bundle.multiple > 1 else ("patch", "patches")
    window = [("rows", side), ("columns", side)] if side > 1 else []
    shapes = [(("bands", inputs), *window), *(stage.shape for stage in stages)]
    told = [(f"Normalised {one}", 0), *((stage.words, stage.parameters) for stage in stages)]
    shown = [
        DrawnLayer(words, _shape(shape), math.prod(size for _, size in shape), parameters)
        for (words, parameters), shape in zip(told, shapes)
    ]
    rows: list[tuple[html.Cell, ...]] = [
        (layer.words, _shape(shape).replace(" ", "\u00a0"), layer.parameters)  # on one line
        for layer, shape in zip(shown, shapes)
    ]
    rows.append(("All", "", sum(stage.parameters for stage in stages)))
    note = f"What comes out is for one {one}. " + _sharing(bundle.architecture, several)
    if bundle.normalisation.kind == "pca":
        note += " Bands are the components of the normalisation here."
    words = "The network from top to bottom: layers, shapes of what comes out, weights"
    return [
        html.subheading("Layers"),
        drawn(lambda: network_picture(_members_together(shown)), words),
        html.paragraph(note, "note"),
        html.collapsed(
            f"The {len(rows) - 1} rows of the drawing as a table",
            [html.table(("What it does", "What comes out", "Parameters"), rows)],
        ),
    ]


def _members_together(shown: Sequence[DrawnLayer]) -> list[DrawnLayer]:
    """Say of an ensemble that members are side by side; where all are alike, draw one of them."""
    members: dict[str, list[DrawnLayer]] = {}
    for layer in shown:
        match = MEMBER.match(layer.words)
        if match:
            plain = replace(layer, words=layer.words[match.end() :])
            members.setdefault(match[0], []).append(plain)
    if not members:
        return list(shown)
    first, *others = members.values()
    if others and all(other == first for other in others):
        told = {f"In each of the {len(members)} members: ": first}
        counted = len(members)
    else:
        told, counted = members, 1
    between = [
        replace(
            layer,
            words=f"{name}{layer.words}",
            parameters=layer.parameters * counted,
            beside=bool(number) and layer is own[0],
        )
        for number, (name, own) in enumerate(told.items())
        for layer in own
    ]
    return [shown[0], *between, shown[-1]]


def _sharing(architecture: str, several: str) -> str:
    """What neighbours on a raster have in common, in words."""
    entry = NETWORKS.get(architecture)
    if entry and entry.kind == "pixel" and not entry.dense:
        return "This network looks at the patch of every pixel of a raster by itself."
    return f"A raster is not cut into {several}: neighbours share."


def _shape(axes: Iterable[tuple[str, int]]) -> str:
    """A shape in words, such as ``48 features x 65 bands x 7 x 7 pixels``."""
    sizes = dict(axes)
    parts = [
        f"{sizes[name]:,}" if name == "rows" else f"{sizes[name]:,} {_of(name, sizes)}"
        for name in AXES
        if name in sizes
    ]
    return " x ".join(parts)


def _of(name: str, sizes: Mapping[str, int]) -> str:
    word = "pixels" if name == "columns" else name
    one = sizes[name] == 1 and "rows" not in sizes
    return {"classes": "class"}.get(word, word[:-1]) if one else word

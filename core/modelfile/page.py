"""The page about a model: everything its file holds, but the numbers of its weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...models.catalog import NETWORKS
from ..data.normalisation import KINDS, FloatArray, Normalisation
from ..raster.bands import describe_range
from ..report import html
from . import sections
from .bundle import ModelBundle
from .layers import Stages, layers
from .members import members_section
from .summary import network_told, reduction_told, sees

FEW = 12  # bands that are listed at once

MADE_WITH = {"osgeo": "GDAL", "torch": "PyTorch"}


def model_page(bundle: ModelBundle, stages: Stages, path: Path, size: int) -> str:
    """Return the page.

    Args:
        bundle: the model.
        stages: of its network, or why they are not known.
        path: of the model file.
        size: of the model file in bytes.
    """
    body = [
        html.warnings(_unfinished(bundle)),
        html.paragraph(_lead(bundle)),
        html.heading("How good it is"),
        *sections.accuracy(bundle),
        *sections.classes(bundle),
        *_network(bundle, stages),
        *_bands(bundle),
        *_split(bundle),
        *sections.course(bundle),
        *_settings(bundle),
        *_file(bundle, path, size),
    ]
    return html.page(f"Model {path.name}", [piece for piece in body if piece])


def _unfinished(bundle: ModelBundle) -> list[str]:
    if not bundle.checkpoint:
        return []
    kept = bundle.metrics.get("kept_epoch")
    weights = f" Its weights are those of epoch {kept}." if kept else ""
    return [
        f"This is the {bundle.checkpoint}: the training has not ended.{weights} It can be used "
        "like a model; start the training again with the same settings and output to go on."
    ]


def _lead(bundle: ModelBundle) -> str:
    return (
        f"{network_told(bundle)}: {len(bundle.classes):,} classes from "
        f"{describe_range(bundle.bands)}, on {sees(bundle)}, with {bundle.parameters:,} parameters."
    )


def _network(bundle: ModelBundle, stages: Stages) -> list[str]:
    entry = NETWORKS.get(bundle.architecture)
    options = dict.fromkeys(bundle.options)
    titles = {}
    if entry:
        options = {option.name: option.default for option in entry.options}
        titles = {option.name: option.title for option in entry.options}
    rows = [("Network", bundle.architecture)]
    if entry:
        rows.append(("From", entry.paper))
    rows += [
        (
            "Tile" if bundle.multiple > 1 else "Patch",
            f"{bundle.patch_size} x {bundle.patch_size} pixels, radius {bundle.radius}",
        ),
        *(
            (titles.get(name, name), _option(bundle.options, name, default))
            for name, default in {**options, **dict.fromkeys(bundle.options)}.items()
        ),
    ]
    pieces = [html.heading("Network"), html.table(("", ""), rows, words=True)]
    if bundle.members:
        pieces = members_section(bundle)
    pieces += layers(bundle, stages)
    arrays = [
        (name, " x ".join(map(str, array.shape)) or "1", str(array.dtype), f"{array.size:,}")
        for name, array in sorted(bundle.weights.items())
    ]
    headers = ("Array", "Shape", "Type", "Numbers")
    listed = html.collapsed(f"{len(arrays)} arrays of weights", [html.table(headers, arrays)])
    return [*pieces, listed]


def _option(given: Mapping[str, Any], name: str, default: Any) -> str:
    return str(given[name]) if name in given else f"{default} (default)"


def _bands(bundle: ModelBundle) -> list[str]:
    count, told = len(bundle.bands), _normalisation(bundle)
    if "reduction" in bundle.chips:
        told += f" {reduction_told(bundle)}"
    columns, same = _band_columns(bundle)
    headers = [title for title, _ in columns]
    rows = list(zip(*(values for _, values in columns)))
    table = html.table(headers, rows)
    pieces = [html.heading("Bands"), html.paragraph(f"{describe_range(bundle.bands)}. {told}")]
    if same:
        pieces.append(html.paragraph(f"Of all bands: {', '.join(same)}.", "note"))
    return [*pieces, table if count <= FEW else html.collapsed(f"All {count:,} bands", [table])]


def _normalisation(bundle: ModelBundle) -> str:
    """What is done to band values, in words."""
    own = bundle.normalisation
    inputs, count = own.outputs, len(bundle.bands)
    if not isinstance(own, Normalisation):
        return (
            f"Normalisations of the members: {own.kind}; {inputs:,} inputs of all networks from "
            f"{count:,} bands."
        )
    told = f"Normalisation '{own.kind}': {KINDS[own.kind]}."
    if own.transform.ndim == 2:
        told += (
            f" A matrix makes {inputs:,} inputs of the network from {count:,} bands, after each "
            "band's mean is subtracted (in the file: normalisation/transform)."
        )
    return told


def _band_columns(bundle: ModelBundle) -> tuple[list[tuple[str, list[str]]], list[str]]:
    """The columns of the table of bands, and what all bands have in common."""
    bands = bundle.bands
    columns = [
        ("Band", [band.name for band in bands]),
        ("Number", [str(band.index) for band in bands]),
        ("Wavelength (nm)", [_figure(band.wavelength, "{:.1f}") for band in bands]),
        ("Width (nm)", [_figure(band.fwhm, "{:.1f}") for band in bands]),
    ]
    same = []
    for title, values in (
        ("scale", [_figure(band.scale) for band in bands]),
        ("offset", [_figure(band.offset) for band in bands]),
        ("no data", [_figure(band.nodata) for band in bands]),
        ("marked as bad", [("no", "yes")[band.bad] for band in bands]),
    ):
        if set(values) == {"no"}:
            continue
        if len(set(values)) == 1:
            same.append(f"{title} {'none' if values[0] == '-' else values[0]}")
        else:
            columns.append((title.capitalize(), values))
    for title, numbers in (
        ("Mean in training", bundle.statistics["mean"]),
        ("Deviation", bundle.statistics["deviation"]),
        *_normalisation_columns(bundle),
    ):
        if numbers is not None:
            columns.append((title, [_figure(float(value), "{:.4g}") for value in numbers]))
    return columns, same


def _normalisation_columns(bundle: ModelBundle) -> list[tuple[str, FloatArray | None]]:
    """What the normalisation does to each band; of an ensemble every member has its own."""
    own = bundle.normalisation
    if not isinstance(own, Normalisation):
        return []
    return [
        ("Subtracted", own.mean),
        ("Factor", own.transform if own.transform.ndim == 1 else None),
    ]


def _figure(value: float | None, form: str = "{:.6g}") -> str:
    return "-" if value is None else form.format(value)


def _split(bundle: ModelBundle) -> list[str]:
    chips = bundle.chips
    path = str(chips.get("path", ""))
    there = "" if not path or Path(path).is_dir() else " (no longer there)"
    rows = [
        ("Method", chips.get("split_method")),
        ("Block size (pixels)", chips.get("block_size")),
        ("Buffer (pixels)", chips.get("buffer")),
        ("Split hash", chips.get("split_hash")),
        ("Chip set", f"{path}{there}"),
        ("Bands of its raster", chips.get("source_bands")),
        ("Raster", bundle.training_grid.describe()),
        ("Training pixels", f"{len(bundle.training_rows):,}"),
    ]
    shown = [(title, str(value)) for title, value in rows if value not in (None, "")]
    return [html.heading("Split"), html.table(("", ""), shown, words=True)]


def _settings(bundle: ModelBundle) -> list[str]:
    rows = [
        (name.upper(), str(value))
        for name, value in bundle.settings.items()
        if name not in ("options", "architecture", "seed")
    ]
    if not rows:
        return []
    return [html.collapsed("Settings of the training", [html.table(("", ""), rows, words=True)])]


def _file(bundle: ModelBundle, path: Path, size: int) -> list[str]:
    versions = [(MADE_WITH.get(name, name), text) for name, text in bundle.versions.items()]
    rows = [
        ("File", str(path.resolve())),
        ("Size", f"{size:,} bytes"),
        ("Format version", str(bundle.format_version)),
        ("Model id", bundle.model_id),
        ("Created", bundle.created),
        ("Seed", str(bundle.seed)),
        ("Made with", ", ".join(f"{name} {text or '-'}" for name, text in versions)),
    ]
    return [html.heading("File"), html.table(("", ""), rows, words=True)]

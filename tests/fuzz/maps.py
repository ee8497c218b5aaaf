"""Spoilt class maps and label rasters with their styles, and what is asked of them."""

from __future__ import annotations

import base64
import json
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hsicnn.core.accuracy.assess import assess_accuracy
from hsicnn.core.data.export import export_training_chips
from hsicnn.core.errors import HsicnnError
from hsicnn.core.progress import Progress
from osgeo import gdal

from .mutations import WORDS, spoil_bytes, spoil_json, spoil_text
from .rasters import facts_beside, lost_beside, other_bytes, other_facts, other_tags
from .scenes import copied


def make(originals: Path, target: Path, dice: random.Random) -> tuple[str, Path]:
    """Write a spoilt class map; returns how it was spoilt, and where it is."""
    copied(originals, target, "map.tif")
    path = target / "map.tif"
    way = dice.choice(WAYS)
    way(path, dice)
    return f"{way.__name__} of map.tif", path


def check(path: Path, originals: Path, progress: Progress, dice: random.Random) -> None:
    """Assess a map, by a reference and by chips; take it as reference, also of an export."""
    place = str(path)
    written = {"json": str(path.with_name("r.json"))}
    if dice.random() < 0.2:
        written["report"] = str(path.with_name("r.html"))
    reference, chips = str(originals / "reference.tif"), str(originals / "chips")
    refused = [
        refusal(
            assess_accuracy, class_map=place, reference=reference, progress=progress, **written
        ),
        refusal(assess_accuracy, class_map=place, samples=chips, progress=progress),
        refusal(
            export_training_chips,
            image=str(originals / "tiles.tif"),
            reference=place,
            output=str(path.with_name("chips")),
            halo=1,
            block_size=5,
            buffer=0,
            progress=progress,
        ),
    ]
    for error in refused:
        if error is not None:
            raise error


def refusal(job: Callable[..., Any], **arguments: Any) -> HsicnnError | None:
    """Run a job, and return the error that it refuses its arguments with."""
    try:
        job(**arguments)
    except HsicnnError as error:
        return error
    return None


def style(path: Path, dice: random.Random) -> None:
    """Spoil the style that lies beside."""
    style = path.with_suffix(".qml")
    text = style.read_bytes()
    if dice.random() < 0.3:
        value, color = dice.choice(WORDS), dice.choice(("#12", "#zzzzzz", "#²²²²²²", "²,1,1", "1"))
        entry = f'<paletteEntry value="{value}" color="{color}" label="a"/>'
        text = text.replace(b"<paletteEntry", entry.encode() + b"<paletteEntry", 1)
    elif dice.random() < 0.2:
        depth = dice.choice((100, 3000, 100_000))
        text = b"<a>" * depth + text + b"</a>" * depth
    else:
        text = spoil_text(text, dice)
    style.write_bytes(text)


def origin(path: Path, dice: random.Random) -> None:
    """Spoil what a map says of its model and of the training pixels."""
    dataset = gdal.Open(str(path), gdal.GA_Update)
    told = dict(dataset.GetMetadata("HSICNN"))
    key = dice.choice(list(told))
    if key == "TRAINING_GRID" and dice.random() < 0.8:
        told[key] = spoil_json(json.loads(told[key]), dice)
    elif key == "TRAINING_PIXELS" and dice.random() < 0.8:
        numbers = spoil_bytes(zlib.decompress(base64.b64decode(told[key])), dice)
        if dice.random() < 0.1:
            numbers = bytes(200_000_000)
        told[key] = base64.b64encode(zlib.compress(numbers)).decode()
    else:
        told[key] = dice.choice((*WORDS, "A" * 100_001))
    if dice.random() < 0.1:
        del told[key]
    told = {name: value.replace("\x00", "") for name, value in told.items()}
    dataset.SetMetadata({k: v.encode("utf-8", "replace").decode() for k, v in told.items()},
                        "HSICNN")  # fmt: skip
    dataset.FlushCache()


def values(path: Path, dice: random.Random) -> None:
    """Other values, in another type."""
    kind = dice.choice((gdal.GDT_Byte, gdal.GDT_Int16, gdal.GDT_Float32, gdal.GDT_Float64,
                        gdal.GDT_UInt32, gdal.GDT_Int32))  # fmt: skip
    value = dice.choice((0, 1, 7, 200, -1, 0.5, 1e300, float("nan"), float("inf"), 2**31, 2**53))
    before = gdal.Open(str(path))
    width, height = before.RasterXSize, before.RasterYSize
    data = before.ReadRaster(buf_type=gdal.GDT_Float64)
    place = before.GetGeoTransform(), before.GetProjection()
    del before
    bands = dice.choice((1, 1, 1, 2))
    made = gdal.GetDriverByName("GTiff").Create(str(path), width, height, bands, kind)
    made.SetGeoTransform(place[0])
    made.SetProjection(place[1])
    band = made.GetRasterBand(1)
    if dice.random() < 0.5:
        band.SetNoDataValue(dice.choice((0.0, 255.0, float("nan"), 1e300, -1.0, 0.5)))
    band.WriteRaster(0, 0, width, height, data, buf_type=gdal.GDT_Float64)
    if dice.random() < 0.5:
        band.Fill(value)
    else:
        made.GetRasterBand(1).WriteRaster(
            3, 3, 1, 1, struct.pack("<d", value), buf_type=gdal.GDT_Float64
        )
    del band, made


Way = Callable[[Path, random.Random], None]
WAYS: tuple[Way, ...] = (
    other_bytes, other_tags, other_tags, style, style, style, origin, origin, origin, values,
    values, facts_beside, lost_beside, other_facts,
)  # fmt: skip

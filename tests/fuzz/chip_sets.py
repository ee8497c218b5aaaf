"""Spoilt chip sets, and what is asked of them."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from hsicnn.core.accuracy.truth import truth_of_chip_set
from hsicnn.core.data import pixel_loading
from hsicnn.core.data.chip_hash import labelled_hash
from hsicnn.core.data.chips import check_folder, read_chip_set
from hsicnn.core.data.pixel_loading import load_pixels
from hsicnn.core.data.tiles import loading
from hsicnn.core.errors import HsicnnError
from hsicnn.core.progress import Progress, SilentProgress
from hsicnn.core.training.train import train_classifier
from osgeo import gdal

from .mutations import spoil_bytes, spoil_json, spoil_record

TYPES = (gdal.GDT_Byte, gdal.GDT_UInt16, gdal.GDT_Int16, gdal.GDT_Int32, gdal.GDT_Float32,
         gdal.GDT_Float64, gdal.GDT_CFloat32)  # fmt: skip
LITTLE_MEMORY = 4096  # bytes, so that the store lies on disk
TRAINING = {
    "architecture": "multiscale",
    "options": {"members": 1, "width": 4, "hidden": 4},
    "patch_size": 3,
    "epochs": 1,
    "shortest_epoch": 1,
    "longest_epoch": 2,
    "components": 4,
}


def make(originals: Path, target: Path, dice: random.Random) -> tuple[str, Path]:
    """Write a spoilt chip set; returns how it was spoilt, and where it is."""
    name = dice.choice(("chips", "chips", "masked", *WINDOWS, *WINDOWS, *TILES, *TILES))
    folder = target / "chips"
    shutil.copytree(originals / name, folder)
    way = dice.choice(WINDOW_WAYS if name in WINDOWS else TILE_WAYS if name in TILES else WAYS)
    way(folder, dice)
    sealed = dice.random() < 0.6
    if sealed:
        _seal(folder)
    return f"{way.__name__}{' sealed' if sealed else ''} of {name}", folder


def check(folder: Path, originals: Path, progress: Progress, dice: random.Random) -> None:
    """Do with a chip set what a user does: read it, train on it, hold a map against it."""
    info = read_chip_set(folder)
    check_folder(folder)
    memory = LITTLE_MEMORY if info.seed % 2 else 2**26
    store = load_pixels(info, memory_bytes=memory, progress=progress)
    if len(store):
        store.physical(store.patch_index(np.arange(min(len(store), 20)), store.halo))
    truth_of_chip_set(str(folder), "all", progress)
    if dice.random() < 0.7:
        return
    train_classifier(
        chips=str(folder),
        output=str(folder.with_name("model.safetensors")),
        settings=TRAINING,
        device="cpu",
        memory_mb=64,
        progress=progress,
    )


def index_text(folder: Path, dice: random.Random) -> None:
    _write(folder, spoil_json(_record(folder), dice).encode("utf-8", "surrogatepass"))


def index_values(folder: Path, dice: random.Random) -> None:
    _write(folder, json.dumps(spoil_record(_record(folder), dice)).encode())


def index_bytes(folder: Path, dice: random.Random) -> None:
    _write(folder, spoil_bytes((folder / "chips.json").read_bytes(), dice))


def chip_windows(folder: Path, dice: random.Random) -> None:
    """Windows, halo and grid that agree with each other, and not with the files."""
    record = _record(folder)
    chip = dice.choice(record["chips"])
    grid = record["source"]["grid"]
    if dice.random() < 0.5:
        record["halo"] = halo = dice.choice((0, 1, 6, 300, 10**5, 10**9, 2**40))
        grid["height"], grid["width"] = dice.choice(((22, 26), (10**6, 10**6), (2**31, 2**31)))
        for one in record["chips"]:
            row, col, height, width = one["box"]
            top, left = max(row - halo, 0), max(col - halo, 0)
            bottom = min(row + height + halo, grid["height"])
            right = min(col + width + halo, grid["width"])
            one["window"] = [top, left, bottom - top, right - left]
    else:
        grid["height"] = grid["width"] = dice.choice((10**6, 2**31, 2**40))
        record["halo"] = 0
        side = dice.choice((20_000, 10**5, 2**30))
        for one in record["chips"]:
            one["window"] = one["box"] = [*one["box"][:2], 1, 1]
        chip["window"] = chip["box"] = [0, 0, side, side]
        if dice.random() < 0.5:
            _sparse(folder, chip["name"], side, len(record["bands"]))
    _write(folder, json.dumps(record).encode())


def _sparse(folder: Path, name: str, side: int, bands: int) -> None:
    """A chip of the size that is told, with nothing in it: a few bytes on disk."""
    if side > 10**5:
        return
    path = str(folder / "images" / f"{name}.tif")
    options = ["SPARSE_OK=YES", "TILED=YES", "BLOCKXSIZE=4096", "BLOCKYSIZE=4096"]
    gdal.GetDriverByName("GTiff").Create(path, side, side, bands, gdal.GDT_Int16, options=options)


def file_bytes(folder: Path, dice: random.Random) -> None:
    path = _any_file(folder, dice)
    path.write_bytes(spoil_bytes(path.read_bytes(), dice))


def file_lost(folder: Path, dice: random.Random) -> None:
    path = _any_file(folder, dice)
    path.unlink()
    if dice.random() < 0.4:
        path.mkdir()


def files_swapped(folder: Path, dice: random.Random) -> None:
    one, other = _any_file(folder, dice), _any_file(folder, dice)
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    if dice.random() < 0.5:
        other.write_bytes(content)


def file_replaced(folder: Path, dice: random.Random) -> None:
    """A chip of another size, type or number of bands."""
    path = _any_file(folder, dice)
    dataset = gdal.Open(str(path))
    height, width, bands = dataset.RasterYSize, dataset.RasterXSize, dataset.RasterCount
    kind = dataset.GetRasterBand(1).DataType
    del dataset
    way = dice.randrange(3)
    if way == 0:
        kind = dice.choice(TYPES)
    elif way == 1:
        height, width = dice.choice(((1, 1), (height + 1, width), (width, height), (500, 500)))
    else:
        bands = dice.choice((1, 2, 3, bands + 1))
    made = gdal.GetDriverByName("GTiff").Create(str(path), width, height, bands, kind)
    for number in range(1, bands + 1):
        made.GetRasterBand(number).Fill(dice.choice((0, 1, 2, 255)))


def values(folder: Path, dice: random.Random) -> None:
    """Labels beyond the classes, splits that do not exist, groups of any number."""
    kind = dice.choice(("labels", "groups", "groups", "images"))
    path = dice.choice(sorted((folder / kind).glob("*.tif")))
    dataset = gdal.Open(str(path), gdal.GA_Update)
    band = dataset.GetRasterBand(dice.randrange(dataset.RasterCount) + 1)
    value = dice.choice((0, 1, 3, 4, 255, 256, -1, 65_536, 2**31 - 1, -(2**31), 1000))
    if dice.random() < 0.5:
        band.Fill(value)
    else:
        place = dice.randrange(band.YSize), dice.randrange(band.XSize)
        data = np.array([np.clip(value, -(2**31), 2**31 - 1)], np.int32).tobytes()
        band.WriteRaster(place[1], place[0], 1, 1, data, buf_type=gdal.GDT_Int32)
    del band, dataset


def no_values(folder: Path, dice: random.Random) -> None:
    """Nothing labelled, or one class, or one split alone."""
    kind, value = dice.choice((("labels", 0), ("labels", 1), ("groups", 0), ("groups", 1),
                               ("groups", 2), ("groups", 3), ("images", NODATA)))  # fmt: skip
    for path in (folder / kind).glob("*.tif"):
        dataset = gdal.Open(str(path), gdal.GA_Update)
        numbers = range(1, dataset.RasterCount + 1) if kind == "images" else (1,)
        for number in numbers:
            dataset.GetRasterBand(number).Fill(value)
        del dataset


def table_cell(folder: Path, dice: random.Random) -> None:
    """A cell of a table that is empty, a word, or a number that cannot be."""
    path = dice.choice(sorted((*folder.glob("*.csv"), *folder.glob("*.svm"))))
    mark = "," if path.suffix == ".csv" else " "
    lines = path.read_text(encoding="utf-8").split("\n")
    place = dice.randrange(len(lines))
    cells = lines[place].split(mark)
    cells[dice.randrange(len(cells))] = dice.choice(CELLS)
    lines[place] = mark.join(cells)
    path.write_text("\n".join(lines), encoding="utf-8", newline="")


def window_count(folder: Path, dice: random.Random) -> None:
    """Windows of another number, size or format than those in the files."""
    record = _record(folder)
    stack = record["windows"]
    stack["count"] = dice.choice((stack["count"], 1, stack["count"] + 1, 10**7, 2**31, 2**62))
    if dice.random() < 0.5:
        record["halo"] = dice.choice((0, 1, 100, 30_000))
        stack["side"] = 2 * record["halo"] + 1
    if dice.random() < 0.3:
        stack["storage"] = dice.choice(("geotiff", "hdf5", "csv", "libsvm"))
    if dice.random() < 0.3:
        record["placed"] = False
        record["source"]["grid"].update(height=stack["count"], width=1)
    if dice.random() < 0.3:
        record["kind"] = "scenes"
    _write(folder, json.dumps(record).encode())


WINDOWS = ("scattered", "hdf5", "csv", "libsvm")
TILES = ("squares", "shown", "scenes")
CELLS = (
    "",
    "x",
    "-1",
    "1e400",
    "nan",
    "99999999999999999999999",
    "0x1",
    "\ud7ff",
    "train",
    '"',
    "5:5",
)
NODATA = -9999
WAYS: tuple[Callable[[Path, random.Random], None], ...] = (
    index_text, index_values, index_values, index_values, index_bytes, chip_windows,
    file_bytes, file_bytes, file_lost, files_swapped, file_replaced, values, values,
    no_values,
)  # fmt: skip
WINDOW_WAYS = (
    index_text, index_values, index_values, index_bytes, file_bytes, file_bytes, file_bytes,
    file_lost, files_swapped, table_cell, table_cell, window_count, window_count,
)  # fmt: skip


def tile_places(folder: Path, dice: random.Random) -> None:
    """Tiles at other places, of other sizes, turned, in other files."""
    record = _record(folder)
    tiles = record["tiles"]
    one = dice.choice(tiles["tiles"])
    one[dice.choice(("row", "col"))] = dice.choice((0, 1, -1, 10**6, 2**31, 2**62))
    if dice.random() < 0.4:
        one["angle"] = dice.choice((45.0, 90.0, -1e9, 1e300, 359))
    if dice.random() < 0.3:
        tiles["size"] = dice.choice((1, 2, 7, 8, 8192, 2**31))
    if dice.random() < 0.3:
        one[dice.choice(("image", "label"))] = dice.choice(
            ("../chips.json", "/dev/zero", "images", "chips.json", "a\\b", "x" * 5000)
        )
    if dice.random() < 0.3:
        record["kind"] = dice.choice(("tiles", "scenes", "pixels"))
    if dice.random() < 0.3:
        tiles["storage"] = dice.choice(("geotiff", "png", "jpeg"))
    _write(folder, json.dumps(record).encode())


TILE_WAYS = (
    index_text, index_values, index_values, index_values, index_bytes, file_bytes, file_bytes,
    file_lost, files_swapped, tile_places, tile_places, tile_places,
)  # fmt: skip


def _record(folder: Path):
    return json.loads((folder / "chips.json").read_text(encoding="utf-8"))


def _write(folder: Path, data: bytes) -> None:
    (folder / "chips.json").write_bytes(data)


def _any_file(folder: Path, dice: random.Random) -> Path:
    chips = sorted(path for end in ("tif", "png") for path in folder.rglob(f"*/*.{end}"))
    return dice.choice(chips or sorted(set(folder.iterdir()) - {folder / "chips.json"}))


def _seal(folder: Path) -> None:
    """Give a chip set the hash of what it holds now, where it can be worked out."""
    found: list[str] = []

    def keep(info, store) -> None:
        columns = {key: getattr(store, key) for key in ("row", "col", "label", "split")}
        found.append(
            labelled_hash(
                **columns,
                values=store.values,
                index=store.index,
                bands=info.bands,
                classes=info.classes,
            )
        )

    before, of_tiles = pixel_loading._check, loading._check
    pixel_loading._check = keep
    loading._check = lambda info, store, _: keep(info, store)
    try:
        info = read_chip_set(folder)
        load_pixels(info, memory_bytes=2**24, progress=SilentProgress())
        record = _record(folder)
        record["hash"] = found[0]
        _write(folder, json.dumps(record).encode())
    except (HsicnnError, ArithmeticError, AttributeError, LookupError, OSError, RuntimeError,
            TypeError, ValueError, MemoryError, RecursionError):  # fmt: skip
        return
    finally:
        pixel_loading._check, loading._check = before, of_tiles

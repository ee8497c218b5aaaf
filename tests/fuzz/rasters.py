"""Spoilt images (GeoTIFF, ENVI, VRT), and what is asked of them."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
from hsicnn.core.data.export import export_training_chips
from hsicnn.core.inference.classify import classify_raster
from hsicnn.core.modelfile.bundle import load_bundle
from hsicnn.core.progress import Progress
from hsicnn.core.raster.bands import match_bands, usable_bands
from hsicnn.core.raster.grid import Grid
from hsicnn.core.raster.source import RasterSource
from hsicnn.core.raster.windows import Window
from osgeo import gdal

from .mutations import WORDS, spoil_bytes, spoil_text
from .scenes import IMAGES, copied

TIFFS = tuple(name for driver, name, _, _ in IMAGES if driver == "GTiff")
ENVIS = tuple(name for driver, name, _, _ in IMAGES if driver == "ENVI")
#: Values of TIFF tags that lie: sizes, types, places.
LIES = (0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 31, 32, 64, 128, 255, 256, 1000, 4096, 32_767, 32_768,
        34_712, 50_000, 65_535, 65_536, 2**20, 2**27, 2**31 - 1, 2**31, 2**32 - 1)  # fmt: skip
#: What ENVI headers of other programs have been seen to say, and what none should.
ENVI_LINES = (
    "wavelength units = Micrometers", "wavelength units = Wavenumber", "wavelength units = GHz",
    "wavelength units = Index", "wavelength units = Unknown", "wavelength units = µm",
    "wavelength units = \xb5m", "wavelength units =", "wavelength = {}", "wavelength = {nan}",
    "wavelength = 500", "wavelength = {" + "1e308," * 46 + "1e308}",
    "wavelength = {" + "500," * 46 + "500}", "wavelength = {" + "-1," * 46 + "-1}",
    "wavelength = {" + "1e-320," * 46 + "1e-320}", "wavelength = {" + "nan," * 46 + "nan}",
    "fwhm = {" + "1e308," * 46 + "1e308}", "fwhm = {" + "-5," * 46 + "0}", "fwhm = {1,2,3}",
    "bbl = {" + "0," * 46 + "0}", "bbl = {" + "2," * 46 + "x}", "bbl = 0",
    "reflectance scale factor = 0", "reflectance scale factor = nan",
    "reflectance scale factor = inf", "reflectance scale factor = -1",
    "reflectance scale factor = 1e-320", "reflectance scale factor = 1e308",
    "data gain values = {" + "0," * 46 + "0}", "data gain values = {" + "nan," * 46 + "nan}",
    "data offset values = {" + "1e308," * 46 + "1e308}", "data ignore value = nan",
    "data ignore value = 1e999", "data ignore value = x", "data type = 6", "data type = 1",
    "data type = 99", "data type = 14", "data type = 5", "byte order = 1", "byte order = 7",
    "bands = 1", "bands = 0", "bands = -1", "bands = 65535", "bands = 65537", "bands = 2000000000",
    "samples = 0", "samples = 2000000000", "lines = 0", "lines = 2000000000", "lines = 1000000",
    "header offset = 100", "header offset = 99999999999999999999", "header offset = -5",
    "interleave = none", "interleave = bil", "interleave = bip", "file type = ENVI Classification",
    "file type = ENVI Spectral Library", "file compression = 1", "map info = {}",
    "map info = {UTM, 1, 1, nan, inf, 0, 0, 33, North, WGS-84}",
    "map info = {UTM, 1, 1, 1e308, 1e308, 1e308, 1e308, 33, North, WGS-84}",
    "map info = {Arbitrary, 1, 1, 0, 0, 1, 1, 0, rotation=30}",
    "coordinate system string = {PROJCS[", "coordinate system string = {\xe4\xb5}",
    "band names = {a, b}", "band names = {}", "band names = {" + "\xe4," * 46 + "\xe4}",
    "classes = 3", "classes = 2000000000", "class lookup = {1,2,3", "class names = {a",
    "rpc info = {1,2}", "geo points = {1,1,2,2}", "acquisition time = x", "cloud cover = y",
)  # fmt: skip
VRT_PIECES = (
    (b'dataType="Int16"', b'dataType="CFloat64"'), (b'dataType="Int16"', b'dataType="Nothing"'),
    (b'dataType="Int16"', b'dataType="Float64"'), (b"<SimpleSource>", b"<ComplexSource>"),
    (b"<VRTRasterBand ", b'<VRTRasterBand subClass="VRTDerivedRasterBand" '),
    (b"<VRTRasterBand ", b'<VRTRasterBand subClass="VRTRawRasterBand" '),
    (b"<VRTDataset ", b'<VRTDataset subClass="VRTWarpedDataset" '),
    (b"<VRTDataset ", b'<VRTDataset subClass="VRTPansharpenedDataset" '),
    (b"<SourceBand>1<", b"<SourceBand>mask,1<"), (b"<SourceBand>1<", b"<SourceBand>99<"),
    (b"</VRTRasterBand>", b""), (b"<SimpleSource>", b""), (b"<SRS ", b"<SRS><SRS "),
    (b"</VRTDataset>", b"<OverviewList>2 4 8 99999</OverviewList></VRTDataset>"),
    (b"</VRTDataset>", b"<GCPList><GCP Id='1' Pixel='1' Line='1' X='1' Y='1'/></GCPList>"
                       b"</VRTDataset>"),
    (b"<Scale>", b"<Scale>nan"), (b"<Offset>", b"<Offset>inf"), (b"<NoDataValue>", b"<Scale>"),
    (b"BlockXSize=", b"BlockXSize=\"99999\" Other="),
)  # fmt: skip
NUMBERS = (float("nan"), float("inf"), -1.0, 0.0, 1e308, 1e-320, 5e-324, 1e30, -9999.0, 255.0)
OTHER_FILES = (
    b"", b"\x00" * 999, b"II*\x00", b"II+\x00", b"MM\x00*" * 99, b"<VRTDataset", b"ENVI\n",
    b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"CDF\x01" + bytes(99), b"GIF89a\xff\xff",
)  # fmt: skip
MOST_BLOCKS = 12
MODEL = "etrainee_1d.safetensors"  # its plan is made fastest


def make(originals: Path, target: Path, dice: random.Random) -> tuple[str, Path]:
    """Write a spoilt image; returns how it was spoilt, and where it is."""
    kind = dice.choice(("tiff", "tiff", "envi", "envi", "vrt"))
    if kind == "tiff":
        name, ways = dice.choice(TIFFS), TIFF_WAYS
    elif kind == "envi":
        name, ways = dice.choice(ENVIS), ENVI_WAYS
    else:
        name, ways = dice.choice(("stack.vrt", "stack.vrt", "warped.vrt")), VRT_WAYS
        copied(originals, target, "strips.tif")
    copied(originals, target, name)
    way = dice.choice(ways)
    way(target / name, dice)
    return f"{way.__name__} of {name}", target / name


def check(path: Path, originals: Path, progress: Progress, dice: random.Random) -> None:
    """Do with an image what a user does: look at it, cut chips, classify."""
    with RasterSource(path) as source:
        _look(source)
        bundle = load_bundle(str(originals / MODEL))
        usable_bands(source, progress=progress)
        match_bands(bundle.bands, source, bundle.chips["source_bands"])
        small = source.grid.height * source.grid.width < 10_000
    way = dice.randrange(4)
    if small and way == 0:
        classify_raster(
            image=str(path),
            model=str(originals / MODEL),
            output=str(path.with_name("map.tif")),
            device="cpu",
            memory_mb=192,
            progress=progress,
        )
    elif small and way == 1:
        export_training_chips(
            image=str(path),
            reference=str(originals / "reference.tif"),
            output=str(path.with_name("chips")),
            halo=2,
            block_size=5,
            buffer=0,
            progress=progress,
        )


def _look(source: RasterSource) -> None:
    """Read parts of an image, and what it says of its place."""
    grid = source.grid
    grid.describe().encode()
    assert Grid.from_json(grid.to_json()) == grid
    for band in source.bands:
        band.name.encode()
    row, col = grid.rowcol(*grid.xy(0, 0))
    assert row.shape == col.shape
    grid.window_of_extent(grid.extent)
    positions = list(range(min(len(source.bands), 5)))
    for window in islice(source.blocks(len(positions), 2**22), MOST_BLOCKS):
        block = source.read(window, positions)
        assert np.isfinite(block.values[:, ~block.valid]).all()
    last = Window(grid.height - 1, grid.width - 1, 4, 5)
    source.read_reflected(last, positions[-1:])


def other_bytes(path: Path, dice: random.Random) -> None:
    path.write_bytes(spoil_bytes(path.read_bytes(), dice))


def other_tags(path: Path, dice: random.Random) -> None:
    """Change entries of a TIFF's directory: its tags, types, counts and values."""
    data = bytearray(path.read_bytes())
    big = data[2] == 43
    start = struct.unpack_from("<Q" if big else "<I", data, 8 if big else 4)[0]
    count = struct.unpack_from("<Q" if big else "<H", data, start)[0]
    size, first = (20, start + 8) if big else (12, start + 2)
    for _ in range(dice.choice((1, 1, 2))):
        entry = first + size * dice.randrange(count)
        _spoil_entry(data, entry, big, dice)
    path.write_bytes(bytes(data))


def _spoil_entry(data: bytearray, entry: int, big: bool, dice: random.Random) -> None:
    way = dice.random()
    lie = dice.choice(LIES)
    if way < 0.1:
        struct.pack_into("<H", data, entry, dice.choice((lie % 65_536, 256, 322, 339, 42_113)))
    elif way < 0.2:
        struct.pack_into("<H", data, entry + 2, dice.randrange(20))
    elif way < 0.35:
        struct.pack_into("<Q" if big else "<I", data, entry + 4, lie)
    else:
        _, kind = struct.unpack_from("<HH", data, entry)
        number = struct.unpack_from("<Q" if big else "<I", data, entry + 4)[0]
        width = {1: 1, 2: 1, 3: 2, 4: 4, 12: 8, 16: 8}.get(kind, 4)
        inline = entry + (12 if big else 8)
        place = inline
        if number * width > (8 if big else 4):
            place = struct.unpack_from("<Q" if big else "<I", data, inline)[0]
            place += width * dice.randrange(max(number, 1))
        if place + width <= len(data):
            data[place : place + width] = (lie % 256**width).to_bytes(width, "little")


def other_facts(path: Path, dice: random.Random) -> None:
    """Have GDAL write what it lets anyone write."""
    dataset = gdal.Open(str(path), gdal.GA_Update)
    for _ in range(dice.choice((1, 2, 4))):
        first = dice.randrange(dataset.RasterCount) + 1
        last = first if dice.random() < 0.4 else dataset.RasterCount
        way = dice.randrange(7)
        for place in range(first, last + 1):
            _spoil_band(dataset.GetRasterBand(place), way, dice)
    if dice.random() < 0.4:
        dataset.SetGeoTransform(tuple(dice.choice((*NUMBERS, 30.0)) for _ in range(6)))
    if dice.random() < 0.3:
        dataset.SetMetadataItem("wavelength", "{" + ",".join(["1e308"] * 47) + "}", "ENVI")
    dataset.FlushCache()


def _spoil_band(band: gdal.Band, way: int, dice: random.Random) -> None:
    number, word = dice.choice(NUMBERS), dice.choice(WORDS)
    setters = (band.SetScale, band.SetOffset, band.SetNoDataValue)
    if way < len(setters):
        setters[way](number)
    elif way == 3:
        band.SetDescription(dice.choice((word, f"{word} nm", "550 (um)", "a\nb", "x" * 999)))
    elif way == 4:
        band.SetMetadataItem(dice.choice(("wavelength", "fwhm", "bbl")), word)
    elif way == 5:
        band.SetMetadataItem("wavelength_units", dice.choice(("m", "Hz", "1/cm", word)))
    else:
        band.SetMetadataItem("CENTRAL_WAVELENGTH_UM", word, "IMAGERY")


def facts_beside(path: Path, dice: random.Random) -> None:
    """Spoil the file of metadata that GDAL keeps beside an image."""
    beside = path.with_name(path.name + ".aux.xml")
    if not beside.exists():
        dataset = gdal.Open(str(path))
        dataset.GetRasterBand(1).ComputeStatistics(False)
        dataset.GetRasterBand(2).SetMetadataItem("wavelength", "410", "ENVI")
        del dataset
    text = beside.read_bytes() if beside.exists() else b"<PAMDataset></PAMDataset>"
    if dice.random() < 0.3:
        word = dice.choice((*WORDS, "\ufffd")).encode() + dice.choice((b"", b"\xe4", b"\xff"))
        item = b'<Metadata domain="%s"><MDI key="%s">%s</MDI></Metadata></PAMDataset>' % (
            dice.choice((b"ENVI", b"", b"IMAGERY", b"IMAGE_STRUCTURE")),
            dice.choice((b"wavelength", b"wavelength_units", b"INTERLEAVE", b"bbl\xe4")),
            word,
        )
        text = text.replace(b"</PAMDataset>", item)
    else:
        text = spoil_text(text, dice)
    beside.write_bytes(text)


def lost_beside(path: Path, dice: random.Random) -> None:
    """Take away what belongs to an image, or put something else in its place."""
    for other in sorted(path.parent.glob(f"{path.stem}.*")):
        if dice.random() < 0.5:
            other.unlink()
            if dice.random() < 0.2:
                other.mkdir()
    path.with_suffix(".msk").write_bytes(b"II*\x00")


def header_text(path: Path, dice: random.Random) -> None:
    header = path.with_suffix(".hdr")
    header.write_bytes(spoil_text(header.read_bytes(), dice))


def header_lines(path: Path, dice: random.Random) -> None:
    """Say other things in an ENVI header: in place of what was there, or after it."""
    header = path.with_suffix(".hdr")
    text = header.read_bytes()
    for _ in range(dice.choice((1, 1, 2, 3))):
        line = dice.choice(ENVI_LINES).encode(dice.choice(("latin-1", "utf-8")))
        key = line.split(b" =")[0]
        lines = text.split(b"\n")
        if dice.random() < 0.7:
            lines = [old for old in lines if not old.startswith(key + b" ")]
        place = dice.choice((1, len(lines)))
        text = b"\n".join([*lines[:place], line, *lines[place:], b""])
    if dice.random() < 0.7:
        path.with_name(path.name + ".aux.xml").unlink(missing_ok=True)
    header.write_bytes(text)


def vrt_text(path: Path, dice: random.Random) -> None:
    path.write_bytes(spoil_text(path.read_bytes(), dice))


def vrt_pieces(path: Path, dice: random.Random) -> None:
    text = path.read_bytes()
    for _ in range(dice.choice((1, 1, 2))):
        old, new = dice.choice(VRT_PIECES)
        text = text.replace(old, new, dice.choice((1, 47, 10_000)))
    path.write_bytes(text)


def vrt_size(path: Path, dice: random.Random) -> None:
    """A raster far larger than its sources."""
    wide, high = dice.choice(((2**31 - 1, 1), (10**6, 10**6), (2**31 - 1, 2**31 - 1), (0, 5),
                              (-3, 4), (40_000, 40_000)))  # fmt: skip
    text = path.read_bytes()
    size = f'rasterXSize="{wide}" rasterYSize="{high}"'.encode()
    path.write_bytes(text.replace(b'rasterXSize="26" rasterYSize="22"', size))


def vrt_sources(path: Path, dice: random.Random) -> None:
    """A VRT of itself, of something missing, of a folder, of a VRT of itself."""
    text = path.read_bytes()
    other = path.with_name("other.vrt")
    name = dice.choice((path.name.encode(), b"missing.tif", b"", b".", b"/", b"/dev/zero",
                        other.name.encode(), b"/vsimem/none", b"<VRTDataset/>",
                        b"&lt;VRTDataset rasterXSize='1' rasterYSize='1'/&gt;",
                        b"/vsizip/none.zip/a.tif", b"NETCDF:none:x", b"\xe4.tif"))  # fmt: skip
    changed = text.replace(b">strips.tif<", b">" + name + b"<", dice.choice((1, 10_000)))
    if dice.random() < 0.1:
        path.with_name("strips.tif").unlink()
        changed = text
    path.write_bytes(changed)
    other.write_bytes(text.replace(b">strips.tif<", b">" + path.name.encode() + b"<"))


def vrt_chain(path: Path, dice: random.Random) -> None:
    """VRTs of VRTs of VRTs, the last of the first or of the image."""
    text = path.read_bytes()
    length = dice.choice((3, 30, 120))
    for number in range(length):
        target = f"chain{number + 1}.vrt".encode()
        if number == length - 1:
            target = dice.choice((b"strips.tif", path.name.encode()))
        link = text.replace(b">strips.tif<", b">" + target + b"<")
        path.with_name(f"chain{number}.vrt").write_bytes(link)
    path.write_bytes(text.replace(b">strips.tif<", b">chain0.vrt<"))


def nothing_left(path: Path, dice: random.Random) -> None:
    """A file that is empty, of another kind, or a folder."""
    path.unlink()
    if dice.random() < 0.2:
        path.mkdir()
    else:
        path.write_bytes(dice.choice(OTHER_FILES))


Way = Callable[[Path, random.Random], None]
TIFF_WAYS: tuple[Way, ...] = (
    other_bytes, other_bytes, other_tags, other_tags, other_tags, other_tags, other_facts,
    other_facts, facts_beside, lost_beside, nothing_left,
)  # fmt: skip
ENVI_WAYS: tuple[Way, ...] = (
    other_bytes, header_text, header_text, header_lines, header_lines, header_lines, facts_beside,
    lost_beside, nothing_left,
)  # fmt: skip
VRT_WAYS: tuple[Way, ...] = (
    vrt_text, vrt_text, vrt_text, vrt_pieces, vrt_size, vrt_sources, vrt_chain, other_bytes,
)  # fmt: skip

"""Spoilt model files, and what is asked of them."""

from __future__ import annotations

import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hsicnn.core.errors import HsicnnError
from hsicnn.core.inference.classify import classify_raster
from hsicnn.core.inference.scale import check_scale
from hsicnn.core.modelfile import bundle as bundles
from hsicnn.core.modelfile.bundle import load_bundle
from hsicnn.core.modelfile.describe import describe_model
from hsicnn.core.modelfile.network import network_of
from hsicnn.core.modelfile.schema import CHECKPOINT, HEADER
from hsicnn.core.modelfile.summary import describe
from hsicnn.core.progress import Progress
from hsicnn.core.raster.bands import match_bands
from hsicnn.core.raster.source import RasterSource
from hsicnn.core.training import checkpoints
from hsicnn.core.training.checkpoints import recorded_threads, resume_from
from hsicnn.core.training.state import TrainingState
from hsicnn.models.build import build

from .mutations import NONSENSE, spoil_bytes, spoil_json, spoil_record
from .scenes import CLASSES, NETWORKS

Arrays = dict[str, np.ndarray]

#: Data types of safetensors and the bytes of an element.
SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1,
         "U16": 2, "U32": 4, "U64": 8, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1, "C64": 8}  # fmt: skip
NAMES = {"float32": "F32", "float64": "F64", "float16": "F16", "int64": "I64", "int32": "I32",
         "int16": "I16", "int8": "I8", "uint8": "U8", "uint16": "U16", "uint32": "U32",
         "uint64": "U64", "bool": "BOOL"}  # fmt: skip
LENGTHS = (0, 1, 2, 7, 100, 10**6, 10**8, 10**8 + 1, 2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 1)
BOMBS = (
    {"options": {"members": 64, "width": 1024, "hidden": 4096}},
    {"options": {"conv1": 1024, "conv2": 1024, "conv3": 1024, "dense1": 8192, "dense2": 8192}},
    {"radius": 6, "patch_size": 13},
    {"radius": 10**6, "patch_size": 2 * 10**6 + 1},
    {"radius": 2**62, "patch_size": 2**63 + 1},
    {"training_grid": {"crs_wkt": "", "geotransform": [0, 1, 0, 0, 0, -1], "height": 2**62,
                       "width": 2**62}},
)  # fmt: skip


def make(originals: Path, target: Path, dice: random.Random) -> tuple[str, Path]:
    """Write a spoilt model file; returns how it was spoilt, and where it is."""
    name = dice.choice((*NETWORKS, "ensemble", "checkpoint"))
    data = (originals / f"{name}.safetensors").read_bytes()
    way = dice.choice(WAYS)
    path = target / ("checkpoint.safetensors" if name == "checkpoint" else "model.safetensors")
    path.write_bytes(way(data, dice))
    return f"{way.__name__} of {name}", path


def check(path: Path, originals: Path, progress: Progress, dice: random.Random) -> None:
    """Do with a model file what a user does: read of it, build its network, classify."""
    if path.stem == "checkpoint":
        _resume(path, progress)
    found = load_bundle(str(path))
    for line in describe(found):
        line.encode()
    if dice.random() < 0.4:
        describe_model(model=str(path), report=str(path.with_name("page.html")), progress=progress)
    network = network_of(found)
    side = 2 * found.radius + 1
    with torch.inference_mode():
        scores = network(torch.zeros(1, found.normalisation.outputs, side, side))
    if scores.shape != (1, len(found.classes), 1, 1):
        raise AssertionError(f"the network gives {tuple(scores.shape)}")
    image = str(originals / "tiles.tif")
    with RasterSource(image) as source:
        positions = match_bands(found.bands, source, found.chips.get("source_bands"))
        check_scale(source, positions, found.statistics, progress)
    if (
        found.architecture == "etrainee_1d" and dice.random() < 0.3
    ):  # the others' plans take seconds
        output = str(path.with_name("map.tif"))
        classify_raster(
            image=image,
            model=str(path),
            output=output,
            device="cpu",
            memory_mb=192,
            progress=progress,
        )


def _resume(path: Path, progress: Progress) -> None:
    """Have a training look at a checkpoint; it goes on from it, or begins as if it were not."""
    options, inputs = NETWORKS["multiscale"]
    torch.manual_seed(1)
    network = build("multiscale", inputs, len(CLASSES), options)
    state = TrainingState(network, torch.optim.AdamW(network.parameters()))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    recorded_threads(path, "job")
    if not resume_from(path, state, "job", progress):
        after = network.state_dict()
        if state.epoch or not all(torch.equal(before[name], after[name]) for name in before):
            raise AssertionError("a training that starts afresh has weights of a checkpoint")


def other_bytes(data: bytes, dice: random.Random) -> bytes:
    return spoil_bytes(data, dice)


def length_lies(data: bytes, dice: random.Random) -> bytes:
    (true,) = struct.unpack("<Q", data[:8])
    told = dice.choice((*LENGTHS, true + 1, true - 1, true + 8, len(data), len(data) - 8))
    return struct.pack("<Q", told) + data[8:]


def layout(data: bytes, dice: random.Random) -> bytes:
    """Spoil the table of tensors that safetensors itself reads."""
    table, body = _table(data)
    return _file(spoil_json(table, dice).encode("utf-8", "surrogatepass"), body)


def header_text(data: bytes, dice: random.Random) -> bytes:
    """Spoil what is said about the model."""
    texts, arrays = _parts(data)
    return _packed({**texts, HEADER: spoil_json(json.loads(texts[HEADER]), dice)}, arrays)


def header_sealed(data: bytes, dice: random.Random) -> bytes:
    """Spoil what is said about the model, with the right checksum."""
    texts, arrays = _parts(data)
    return _sealed(texts, spoil_record(json.loads(texts[HEADER]), dice), arrays)


def bomb(data: bytes, dice: random.Random) -> bytes:
    """Claim sizes that the file has no weights for."""
    texts, arrays = _parts(data)
    header = json.loads(texts[HEADER])
    dice.choice(header.get("members", [header])).update(dice.choice(BOMBS))
    if dice.random() < 0.1 and "members" in header:
        header["members"] *= dice.choice((2, 30, 10_000))
    if dice.random() < 0.2:
        header["classes"] = [
            {"code": n, "name": f"c{n}", "color": "#000000"} for n in range(60_000)
        ]
    return _sealed(texts, header, arrays)


def arrays_sealed(data: bytes, dice: random.Random) -> bytes:
    """Spoil shapes, types and values of tensors, with the right checksums."""
    texts, arrays = _parts(data)
    for _ in range(dice.choice((1, 1, 2))):
        name = dice.choice(list(arrays))
        way = dice.choice(ARRAY_WAYS)
        arrays[name] = way(arrays[name], dice)
    if dice.random() < 0.3:
        _rename(arrays, dice)
    return _sealed(texts, json.loads(texts[HEADER]), arrays)


def resume_sealed(data: bytes, dice: random.Random) -> bytes:
    """Spoil what a checkpoint says of its training, with the right checksum."""
    texts, arrays = _parts(data)
    record = json.loads(texts.get(CHECKPOINT, '{"epoch": 1, "epochs": 2}'))
    if dice.random() < 0.3:
        texts[CHECKPOINT] = spoil_json(record, dice)
        return _packed(texts, arrays)
    texts[CHECKPOINT] = json.dumps(spoil_record(record, dice))
    return _sealed(texts, json.loads(texts[HEADER]), arrays)


def other_types(data: bytes, dice: random.Random) -> bytes:
    """Say that a tensor is of another type, with offsets that fit."""
    table, body = _table(data)
    name = dice.choice([key for key in table if key != "__metadata__"])
    entry = table[name]
    start, stop = entry["data_offsets"]
    dtype = dice.choice(list(SIZES))
    entry.update(dtype=dtype, shape=[(stop - start) // SIZES[dtype]])
    if dice.random() < 0.3:
        entry["shape"] = dice.choice(([0], [], [2**40, 2**40], [1, stop - start], [stop - start]))
    return _file(json.dumps(table).encode(), body)


def of_another(data: bytes, dice: random.Random) -> bytes:
    """Put something else under the name."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("archive/data.pkl", b"\x80\x02}q\x00." + bytes(10_000))
    return dice.choice((
        b"", b"\x00", bytes(8), bytes(16), bytes(5000), b"\xff" * 100, archive.getvalue(),
        b"\x80\x04\x95" + bytes(50), b"\x80\x03}q\x00.", b"<html><body>404</body></html>",
        zlib.compress(bytes(10**6)), b"\x1f\x8b\x08" + data[:300], data[:8], data[:9], data[::-1],
        b"\x93NUMPY\x01\x00v\x00{'descr': '<f4'}", b"\x89HDF\r\n\x1a\n" + bytes(500),
        struct.pack("<Q", 2) + b"{}", struct.pack("<Q", 2) + b"[]",
        _file(b'{"__metadata__":{"hsicnn_model":"{}"}}', b""),
        _file(b'{"__metadata__":{"hsicnn_model":""}}', b""),
        _file(b'{"__metadata__":{"hsicnn_checkpoint":"{}"}}', b""),
    ))  # fmt: skip


WAYS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    other_bytes, other_bytes, length_lies, layout, header_text, header_sealed, header_sealed,
    header_sealed, header_sealed, bomb, arrays_sealed, arrays_sealed, resume_sealed, other_types,
    of_another,
)  # fmt: skip


def _value(array: np.ndarray, dice: random.Random) -> np.ndarray:
    """One value, or all, that no training gives."""
    spoilt = array.copy()
    fits = [number for number in NONSENSE if isinstance(number, float)]
    number = dice.choice([*fits, -1, 0, 2**31 - 1])
    if spoilt.dtype.kind != "f":
        number = dice.choice((-1, 0, 127, -128))
    with np.errstate(over="ignore", invalid="ignore"):
        if spoilt.size and dice.random() < 0.6:
            spoilt.reshape(-1)[dice.randrange(spoilt.size)] = number
        else:
            spoilt[...] = number
    return spoilt


def _shape(array: np.ndarray, dice: random.Random) -> np.ndarray:
    if not array.size or not array.ndim:
        return dice.choice((array[None], np.zeros(0, array.dtype), np.zeros((2, 2), array.dtype)))
    return dice.choice((
        array[:0], array[..., None], array.reshape(-1), array.reshape(-1)[:1].reshape(()),
        np.concatenate([array, array]), array[1:],
        np.zeros((0, *array.shape), array.dtype), array.T, np.zeros((3, 0, 5), array.dtype),
    ))  # fmt: skip


def _type(array: np.ndarray, dice: random.Random) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        return array.astype(dice.choice(list(NAMES)))


#: What working with spoilt values raises.
FAILURES = (HsicnnError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
ARRAY_WAYS = (_value, _value, _shape, _type)


def _rename(arrays: Arrays, dice: random.Random) -> None:
    name = dice.choice(list(arrays))
    other = dice.choice((name + "2", "weights/", "weights/x", "", "/", name.upper(), "training/x"))
    arrays[other] = arrays[name] if dice.random() < 0.5 else arrays.pop(name)


def _table(data: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def _file(table: bytes, body: bytes) -> bytes:
    return struct.pack("<Q", len(table)) + table + body


def _parts(data: bytes) -> tuple[dict[str, str], Arrays]:
    """Texts and arrays of a sound file."""
    table, body = _table(data)
    types = {short: long for long, short in NAMES.items()}
    texts = table.pop("__metadata__")
    arrays = {}
    for name, entry in table.items():
        start, stop = entry["data_offsets"]
        flat = np.frombuffer(body[start:stop], types[entry["dtype"]])
        arrays[name] = flat.reshape(entry["shape"])
    return texts, arrays


def _packed(texts: dict[str, str], arrays: Arrays) -> bytes:
    """A safetensors file of any texts and arrays, past all checks."""
    table: dict[str, Any] = {"__metadata__": texts}
    body = b""
    for name, array in sorted(arrays.items(), key=lambda item: (-item[1].itemsize, item[0])):
        stored = np.ascontiguousarray(array).tobytes()
        table[name] = {
            "dtype": NAMES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [len(body), len(body) + len(stored)],
        }
        body += stored
    return _file(json.dumps(table).encode(), body)


def _sealed(texts: dict[str, str], header: Any, arrays: Arrays) -> bytes:
    """A file with the checksums of what it says now, where they can be worked out."""
    own = {name: array for name, array in arrays.items() if bundles.is_of_model(name)}
    with suppress(*FAILURES):
        header["model_id"] = bundles._assemble(header, own, None).model_id
    texts = {**texts, HEADER: json.dumps(header)}
    with suppress(*FAILURES):
        record = json.loads(texts[CHECKPOINT])
        del record["checksum"]
        resume = {name[7:]: a for name, a in arrays.items() if name.startswith("resume/")}
        record["checksum"] = checkpoints._checksum(record, resume)
        texts[CHECKPOINT] = json.dumps(record)
    return _packed(texts, arrays)

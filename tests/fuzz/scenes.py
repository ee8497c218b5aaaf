"""The sound files that are spoilt: one small scene, its chip set, its maps, its models."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hsicnn.core.data.classes import ClassInfo
from hsicnn.core.data.export import export_training_chips
from hsicnn.core.data.normalisation import fit_normalisation
from hsicnn.core.inference.outputs import training_pixels
from hsicnn.core.modelfile.bundle import ModelBundle, load_bundle, save_bundle
from hsicnn.core.modelfile.ensemble import ensemble_of
from hsicnn.core.raster.bands import Band
from hsicnn.core.raster.grid import Grid
from hsicnn.core.raster.source import RasterSource
from hsicnn.core.raster.windows import Window
from hsicnn.core.raster.writer import RasterWriter
from hsicnn.core.training.checkpoints import save_checkpoint
from hsicnn.core.training.state import TrainingState
from hsicnn.models.build import build
from osgeo import gdal, osr

HEIGHT, WIDTH = 22, 26
BANDS = 47
SCALE = 1e-4
NODATA = -9999
PLACE = (500_000.0, 30.0, 0.0, 5_800_000.0, 0.0, -30.0)
#: Small networks of every family: options and inputs.
NETWORKS = {
    "multiscale": ({"members": 2, "width": 4, "hidden": 4}, 6),
    "etrainee_1d": ({"conv1": 2, "conv2": 2, "conv3": 2, "dense1": 4, "dense2": 4, "dense3": 4}, 0),
    "indian_pines_3d": ({}, 22),
}
CLASSES = (
    ClassInfo(1, "water", "#0000ff"),
    ClassInfo(7, "Wälder", "#00ff00"),
    ClassInfo(200, "soil", "#aa5500"),
)
TYPES = {"int16": gdal.GDT_Int16, "float32": gdal.GDT_Float32, "uint8": gdal.GDT_Byte}
TYPES["uint16"], TYPES["float64"] = gdal.GDT_UInt16, gdal.GDT_Float64

#: Driver, file and creation options of every image.
IMAGES = (
    ("GTiff", "strips.tif", "int16", ["INTERLEAVE=BAND"]),
    ("GTiff", "tiles.tif", "int16", ["TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=16"]),
    ("GTiff", "packed.tif", "int16", ["COMPRESS=DEFLATE", "PREDICTOR=2", "INTERLEAVE=PIXEL"]),
    ("GTiff", "lzw.tif", "float32", ["COMPRESS=LZW", "PREDICTOR=3", "TILED=YES", "BIGTIFF=YES",
                                     "BLOCKXSIZE=16", "BLOCKYSIZE=16"]),
    ("GTiff", "zstd.tif", "uint16", ["COMPRESS=ZSTD"]),
    ("GTiff", "bits.tif", "uint8", ["COMPRESS=PACKBITS"]),
    ("ENVI", "bil.dat", "int16", ["INTERLEAVE=BIL"]),
    ("ENVI", "bip.dat", "float32", ["INTERLEAVE=BIP"]),
    ("ENVI", "bsq.dat", "int16", ["INTERLEAVE=BSQ"]),
)  # fmt: skip


def make_originals(folder: Path) -> None:
    """Write all sound files into an empty folder; the same bytes whatever the folder is."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        _make_images()
        _make_reference()
        _make_chips()
        _make_tiles()
        _make_models()
        _make_map()
    finally:
        os.chdir(before)


def band_name(number: int) -> str:
    """What the image calls a band."""
    return f"band {number}"


def wavelength(number: int) -> float:
    """Centre of a band in nm, numbers from 1."""
    return 400.0 + 10.0 * number


def _classes_of_pixels() -> np.ndarray:
    """``(height, width)``, 1..3 in fields of 4 x 4 pixels."""
    fields = np.random.default_rng(3).integers(1, 4, (HEIGHT // 4 + 1, WIDTH // 4 + 1))
    return np.kron(fields, np.ones((4, 4), int))[:HEIGHT, :WIDTH]


def _reflectance() -> np.ndarray:
    """``(bands, height, width)``, 0..1."""
    rng = np.random.default_rng(1)
    spectra = 0.1 + 0.2 * rng.random((3, BANDS)).cumsum(1) / BANDS
    return spectra[_classes_of_pixels() - 1].transpose(2, 0, 1) + rng.normal(
        0, 0.01, (BANDS, HEIGHT, WIDTH)
    )


def _utm() -> str:
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(32633)
    return str(reference.ExportToWkt())


def _create(driver: str, path: str, shape: tuple[int, int, int], dtype: str, options: list[str]):
    bands, height, width = shape
    dataset = gdal.GetDriverByName(driver).Create(
        path, width, height, bands, TYPES[dtype], options=options
    )
    dataset.SetGeoTransform(PLACE)
    dataset.SetProjection(_utm())
    return dataset


def _make_images() -> None:
    values = _reflectance()
    for driver, name, dtype, options in IMAGES:
        whole = np.dtype(dtype).kind in "iu"
        scale = {"uint8": 0.004, "uint16": SCALE, "int16": SCALE}.get(dtype, 1.0)
        raw = (np.rint(values / scale) if whole else values).astype(dtype)
        if dtype == "int16":
            raw[:, :3, :4] = NODATA
        dataset = _create(driver, name, raw.shape, dtype, options)
        for number in range(1, BANDS + 1):
            band = dataset.GetRasterBand(number)
            if dtype == "int16":
                band.SetNoDataValue(NODATA)
            band.SetScale(scale)
            band.SetDescription(band_name(number))
            if driver == "GTiff":
                band.SetMetadataItem("wavelength", str(wavelength(number)))
                band.SetMetadataItem("wavelength_units", "Nanometers")
                band.SetMetadataItem("fwhm", "9.5")
            band.WriteRaster(0, 0, WIDTH, HEIGHT, raw[number - 1].tobytes())
        if name == "packed.tif":
            _mask(dataset)
        dataset.FlushCache()
        del dataset
        if driver == "ENVI":
            _describe_envi(Path(name).with_suffix(".hdr"), scale)
    gdal.Translate("stack.vrt", "strips.tif", format="VRT")
    gdal.Warp("warped.vrt", "strips.tif", format="VRT", dstSRS="EPSG:32633")


def _mask(dataset) -> None:
    before = gdal.GetConfigOption("GDAL_TIFF_INTERNAL_MASK")
    gdal.SetConfigOption("GDAL_TIFF_INTERNAL_MASK", "YES")
    dataset.CreateMaskBand(gdal.GMF_PER_DATASET)
    gdal.SetConfigOption("GDAL_TIFF_INTERNAL_MASK", before)
    mask = np.full((HEIGHT, WIDTH), 255, np.uint8)
    mask[-2:] = 0
    dataset.GetRasterBand(1).GetMaskBand().WriteRaster(0, 0, WIDTH, HEIGHT, mask.tobytes())


def _describe_envi(header: Path, scale: float) -> None:
    """Add what a sensor's own software writes."""
    numbers = range(1, BANDS + 1)
    lines = [
        "wavelength units = Nanometers",
        "wavelength = {" + ", ".join(f"{wavelength(number):g}" for number in numbers) + "}",
        "fwhm = {" + ", ".join("9.5" for _ in numbers) + "}",
        "bbl = {" + ", ".join("0" if number == 5 else "1" for number in numbers) + "}",
        f"reflectance scale factor = {1 / scale:g}",
        "sensor type = Unknown",
        "data ignore value = -9999",
    ]
    with header.open("a") as file:
        file.write("\n".join(lines) + "\n")


def _make_reference() -> None:
    labels = _classes_of_pixels()
    labels[::5] = 0
    _write_labels("reference.tif", labels)
    single = np.zeros_like(labels)
    single[1::6, 1::6] = labels[1::6, 1::6]
    _write_labels("points.tif", single)


def _write_labels(name: str, labels: np.ndarray) -> None:
    codes = np.array([0, *(item.code for item in CLASSES)])[labels].astype(np.uint16)
    dataset = _create("GTiff", name, (1, HEIGHT, WIDTH), "uint16", [])
    dataset.GetRasterBand(1).SetNoDataValue(0)
    dataset.GetRasterBand(1).WriteRaster(0, 0, WIDTH, HEIGHT, codes.tobytes())
    dataset.FlushCache()


def _make_chips() -> None:
    for name, image in (("chips", "tiles.tif"), ("masked", "packed.tif")):
        export_training_chips(
            image=image,
            reference="reference.tif",
            output=name,
            chip_size=12,
            halo=5,
            block_size=5,
            buffer=1,
        )
    for name, image, reference in (
        ("scattered", "packed.tif", "points.tif"),
        ("hdf5", "packed.tif", "points.tif"),
        ("csv", "tiles.tif", "reference.tif"),
        ("libsvm", "tiles.tif", "reference.tif"),
    ):
        export_training_chips(
            image=image,
            reference=reference,
            output=name,
            halo=2,
            split="random",
            buffer=0,
            file_format="geotiff" if name == "scattered" else name,
        )


def _make_tiles() -> None:
    for name, more in (
        ("squares", {"kind": "tiles", "stride": 4, "rotation": 45.0, "layout": "esri"}),
        ("shown", {"kind": "tiles", "file_format": "png", "image_bands": "1"}),
        ("scenes", {"kind": "scenes", "layout": "imagenet"}),
    ):
        export_training_chips(
            image="tiles.tif",
            reference="reference.tif",
            output=name,
            tile_size=7,
            split="random",
            buffer=0,
            **more,
        )


def _make_models() -> None:
    """Models of all networks, and a checkpoint of the training of one."""
    with RasterSource("tiles.tif") as source:
        bands = source.bands
    for architecture, (options, components) in NETWORKS.items():
        spectra = np.random.default_rng(8).normal(0.2, 0.06, (300, BANDS)).astype(np.float32)
        kind = "pca" if components else "band"
        normalisation = fit_normalisation(kind, spectra, components=components)
        torch.manual_seed(4)
        network = build(architecture, normalisation.outputs, len(CLASSES), options)
        told = _what_is_told(architecture, options)
        model = ModelBundle(
            **told,
            bands=tuple(
                Band(band.index, band.name, band.wavelength, 9.5, scale=SCALE) for band in bands
            ),
            normalisation=normalisation,
            classes=CLASSES,
            radius=int(network.radius),
            patch_size=2 * int(network.radius) + 1,
            training_rows=np.arange(12, dtype=np.int32),
            training_cols=np.arange(12, dtype=np.int32)[::-1].copy(),
            training_grid=Grid(_utm(), PLACE, HEIGHT, WIDTH),
            statistics={"mean": spectra.mean(0), "deviation": spectra.std(0)},
            weights={name: value.numpy() for name, value in network.state_dict().items()},
        )
        save_bundle(f"{architecture}.safetensors", model)
        if architecture == "multiscale":
            _make_checkpoint(network, model)
    models = [(name, load_bundle(f"{name}.safetensors")) for name in NETWORKS]
    save_bundle("ensemble.safetensors", ensemble_of(models))


def _what_is_told(architecture: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """All of a model that nothing is computed from."""
    scores = dict.fromkeys(("overall_accuracy", "average_accuracy", "kappa"), 0.9)
    scores.update(location_only=0.5, pixels=90)
    scores["classes"] = {"producers_accuracy": [0.9, None, 0.8], "f1": [0.9, None, 0.8]}
    return {
        "architecture": architecture,
        "options": options,
        "chips": {
            "path": "/data/chips",
            "split_hash": "abc",
            "split_method": "blocks",
            "block_size": 16,
            "buffer": 4,
            "counts": {"train": [40, 30, 20], "test": [9, 8, 7]},
            "source_bands": BANDS,
        },
        "metrics": {"kept_epoch": 2, "validation": scores, "test": scores},
        "history": [{"epoch": n, "loss": 1.0 / n, "validation_loss": 1.1} for n in (1, 2, 3)],
        "versions": {"torch": "2.6.0", "numpy": "1.24.2"},
        "seed": 1,
        "settings": {"epochs": 3, "learning_rate": 1e-3, "architecture": architecture},
        "created": "2025-01-02T03:04:05+00:00",
    }


def _make_checkpoint(network: torch.nn.Module, model: ModelBundle) -> None:
    optimiser = torch.optim.AdamW(network.parameters())
    inputs = torch.zeros(4, model.normalisation.outputs, model.patch_size, model.patch_size)
    network(inputs).square().sum().backward()
    optimiser.step()
    state = TrainingState(network, optimiser, epoch=2, kept_epoch=2, micro_batch=16)
    save_checkpoint(Path("checkpoint.safetensors"), state, "job", model)


def _make_map() -> None:
    bundle = load_bundle("multiscale.safetensors")
    codes = np.array([255, *(item.code for item in CLASSES)], np.uint8)[_classes_of_pixels()]
    codes[:2] = 255
    told = {"MODEL_ID": bundle.model_id, "MODEL_NAME": "model.safetensors", "SPLIT_HASH": "abc"}
    with RasterWriter(
        "map.tif",
        bundle.training_grid,
        1,
        "uint8",
        nodata=255,
        descriptions=["class"],
        categories=CLASSES,
        metadata={**told, **training_pixels(bundle)},
    ) as writer:
        writer.write(Window(0, 0, HEIGHT, WIDTH), codes)
        writer.commit()


def copied(folder: Path, target: Path, *names: str) -> None:
    """Copy files or folders with everything that lies beside them under the same name."""
    for name in names:
        place = folder / name
        if place.is_dir():
            shutil.copytree(place, target / name)
            continue
        for beside in folder.glob(f"{place.stem}.*"):
            shutil.copy(beside, target / beside.name)

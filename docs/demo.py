"""The main job on an example scene, as a user runs it headless: ``python docs/demo.py demo``.

Every step is an algorithm of the plugin, run by ``qgis_process``. The folder then holds the
scene, the chip set, the model, the map, its report and ``overview.png``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from osgeo import gdal

HEADLESS = Path(__file__).resolve().parent.parent / "tests" / "support" / "headless.py"
TRUE_COLOUR = (650.0, 550.0, 480.0)  # nm, shown as red, green and blue

gdal.UseExceptions()


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def run(algorithm: str, **parameters: object) -> None:
    """Run one algorithm of the checkout in ``qgis_process``; its log goes to the screen."""
    values = [f"{name}={value}" for name, value in parameters.items()]
    say(f"\n=== hsicnn:{algorithm} " + " ".join(values))
    began = time.monotonic()
    command = [sys.executable, str(HEADLESS), "run", f"hsicnn:{algorithm}", "--", *values]
    status = subprocess.run(command, check=False).returncode
    if status:
        raise SystemExit(f"hsicnn:{algorithm} ended with exit code {status}; see above.")
    say(f"--- {time.monotonic() - began:.0f} s")


def band_values(band: gdal.Band) -> npt.NDArray[np.float32]:
    """Read a band as ``(height, width)`` float32."""
    raw = band.ReadRaster(buf_type=gdal.GDT_Float32)
    return np.frombuffer(raw, dtype=np.float32).reshape(band.YSize, band.XSize)


def true_colour(path: Path) -> npt.NDArray[np.float32]:
    """Return a stretched ``(height, width, 3)`` picture of a scene with wavelengths."""
    scene = gdal.Open(str(path))
    wavelengths = []
    for number in range(1, scene.RasterCount + 1):
        told = scene.GetRasterBand(number).GetMetadataItem("wavelength")
        wavelengths.append(float(told) if told else float(number))
    layers = []
    for wanted in TRUE_COLOUR:
        nearest = int(np.argmin(np.abs(np.array(wavelengths) - wanted)))
        layer = band_values(scene.GetRasterBand(nearest + 1))
        nodata = scene.GetRasterBand(nearest + 1).GetNoDataValue()
        known = layer != nodata if nodata is not None else np.isfinite(layer)
        low, high = np.percentile(layer[known], (1, 99))
        layers.append(np.where(known, np.clip((layer - low) / (high - low), 0, 1), 1.0))
    return np.dstack(layers).astype(np.float32)


def class_colours(path: Path) -> tuple[npt.NDArray[np.float32], list[Patch]]:
    """Return a class raster in its own colours, and the entries of its legend."""
    dataset = gdal.Open(str(path))  # a band does not keep its dataset open
    dataset.GetMetadata()  # GDAL before 3.8 reads category names only together with these
    band = dataset.GetRasterBand(1)
    codes = band_values(band).astype(int)
    names = band.GetCategoryNames() or []
    table = band.GetColorTable()
    picture = np.ones((*codes.shape, 3), dtype=np.float32)
    legend = []
    for code in np.unique(codes[codes > 0]):
        colour = np.array(table.GetColorEntry(int(code))[:3]) / 255
        picture[codes == code] = colour
        legend.append(Patch(color=colour, label=names[code] if code < len(names) else str(code)))
    return picture, legend


def draw_overview(scene: Path, reference: Path, classes: Path, title: str, output: Path) -> None:
    """Draw image, reference and map side by side."""
    figure = Figure(figsize=(15, 6.4))
    axes = figure.subplots(1, 3)
    figure.subplots_adjust(left=0.01, right=0.99, top=0.88, bottom=0.12, wspace=0.03)
    labelled, _ = class_colours(reference)
    mapped, legend = class_colours(classes)
    for axis, picture, name in zip(
        axes, (true_colour(scene), labelled, mapped), ("Image", "Reference", "Map")
    ):
        axis.imshow(picture, interpolation="nearest")
        axis.set_title(name)
        axis.set_axis_off()
    figure.suptitle(title)
    figure.legend(handles=legend, loc="lower center", ncol=min(len(legend), 10), frameon=False)
    FigureCanvasAgg(figure).print_png(str(output))


def main() -> None:
    """Run the chain and say where everything lies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the results go")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    folder = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    scene, reference = folder / "scene.tif", folder / "reference.tif"
    chips, model = folder / "chips", folder / "model.safetensors"
    classes, figures = folder / "map.tif", folder / "accuracy.json"
    run(
        "createexamplescene",
        SEED=given.seed,
        OUTPUT=scene,
        REFERENCE=reference,
        SAMPLES=folder / "samples.gpkg",
    )
    run(
        "exporttrainingchips",
        INPUT=scene,
        REFERENCE=reference,
        OUTPUT=chips,
        FOOTPRINTS=folder / "footprints.gpkg",
    )
    run("trainclassifier", INPUT=chips, OUTPUT=model, REPORT=folder / "training.html")
    run(
        "classifyraster",
        INPUT=scene,
        MODEL=model,
        OUTPUT=classes,
        PROBABILITIES=folder / "probabilities.tif",
        CONFIDENCE=folder / "confidence.tif",
    )
    run(
        "assessaccuracy",
        INPUT=classes,
        SAMPLES=chips,
        REPORT=folder / "accuracy.html",
        JSON=figures,
        ERRORS=folder / "errors.tif",
    )
    found = json.loads(figures.read_text(encoding="utf-8"))
    title = (
        f"overall accuracy {found['overall_accuracy']:.3f} on {found['pixels']} test pixels "
        f"in blocks that were never trained on (location alone: {found['location_only']:.3f})"
    )
    draw_overview(scene, reference, classes, title, folder / "overview.png")
    say(f"\n{title[0].upper()}{title[1:]}")
    say(f"average accuracy {found['average_accuracy']:.3f}, kappa {found['kappa']:.3f}")
    for name in (
        "map.tif",
        "accuracy.html",
        "training.html",
        "overview.png",
        "model.safetensors",
    ):
        say(f"  {folder / name}")
    say(f"done in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()

"""What has to be there before the first step: network, normalisation, patches, weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ...models.catalog import network as catalog_entry
from ..data.chips import ChipSetInfo
from ..data.normalisation import Normalisation, fit_normalisation
from ..data.pixel_loading import rectangles, training_pixels
from ..data.pixel_store import PixelStore
from ..data.separation import TEST, TRAIN, VALIDATION
from ..data.split_notes import NAMED, THIN
from ..disk import write_refusal
from ..errors import ChipSetError, InputError
from ..modelfile.bundle import ModelBundle
from ..modelfile.mapped import as_mapped
from ..progress import Progress
from ..reduction.composition import model_inputs
from ..runtime.devices import Device
from ..runtime.job_hash import job_hash
from ..runtime.seeds import numpy_generator
from .class_weights import class_weights
from .map_windows import Looks, map_windows
from .patches import PatchSource, samples_of, side_of
from .settings import TrainingSettings
from .state import Lesson
from .tiles import TileSource

if TYPE_CHECKING:
    from torch import Tensor, nn

SMALLEST, LARGEST = 0.01, 100.0  # inputs that a factor should give, nearly all of them
MOST_FITTED = 200_000  # pixels a normalisation is fitted on: more change nothing
CHUNK = 4096  # patches indexed at once


def check_outputs(model: str, report: str) -> None:
    """Refuse outputs that cannot be written before anything is computed.

    Raises:
        InputError: a folder that is missing or cannot be written to, or a folder in the
            file's place.
    """
    for path, what in ((model, "model file"), (report, "report")):
        if not path:
            continue
        folder = Path(path).resolve().parent
        if not folder.is_dir():
            raise InputError(f"The folder {folder} for the {what} does not exist; make it first.")
        if Path(path).is_dir():
            raise InputError(f"{path} is a folder; name a file for the {what}.")
        refusal = write_refusal(folder / Path(path).name)
        if refusal:
            raise InputError(
                f"The {what} cannot be written to {folder}: {refusal}. Choose a folder that you "
                "may write to, on a disk with room."
            )


def fit_inputs(
    store: PixelStore, settings: TrainingSettings, progress: Progress | None = None
) -> Normalisation:
    """Fit the normalisation on what training sees.

    Means and deviations come from the training pixels. Principal components come from all
    pixels of the training patches: they need no labels, and a few hundred labelled pixels
    are too few for the covariance of two hundred bands. Patches no larger than the buffer
    hold no pixel of another split; larger ones do, and ``leaking`` says so.

    Args:
        store: pixels of the chip set.
        settings: of the training.
        progress: warned where a given factor does not fit the values.
    """
    training = np.flatnonzero(store.split == TRAIN)
    if not len(training):
        raise ChipSetError(
            "The chip set has no training pixels. Export it again with a larger TRAIN_FRACTION "
            "or a smaller BUFFER or BLOCK_SIZE."
        )
    rows = store.index[training]
    if settings.normalisation in ("pca", "zca"):
        rows = _patch_pixels(store, training, min(settings.patch_size // 2, store.halo))
    if not store.valid[rows].any():
        raise ChipSetError(
            "The chip set's training pixels have no values: all are nodata. Check the nodata value "
            "of the image it was cut from, and export it again."
        )
    values = store.physical(drawn(rows, settings.seed))
    if progress is not None and settings.normalisation == "factor":
        _check_factor(values, settings.factor, progress)
    return fit_normalisation(
        settings.normalisation,
        values,
        components=settings.components,
        power=settings.whitening,
        factor=settings.factor,
    )


def _check_factor(values: npt.NDArray[np.float32], factor: float, progress: Progress) -> None:
    """Warn of a factor after which inputs are far from 1: networks hardly learn from such."""
    typical = float(np.nanpercentile(np.abs(values), 99))
    if SMALLEST <= typical / factor <= LARGEST:
        return
    progress.warn(
        f"FACTOR is {factor:g} and nearly all values lie within {typical:.4g}: the network's "
        f"inputs are about {typical / factor:.2g}. Networks learn best from inputs of about 1; "
        "values count after the band's scale is applied. Choose FACTOR near the largest value, "
        "or another NORMALISATION."
    )


def drawn(rows: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int64]:
    """Return at most ``MOST_FITTED`` of the store rows, in their order."""
    if len(rows) <= MOST_FITTED:
        return rows
    chosen = numpy_generator(seed, "fitted").choice(len(rows), MOST_FITTED, replace=False)
    return np.asarray(rows[np.sort(chosen)])


def _patch_pixels(
    store: PixelStore, training: npt.NDArray[np.int64], radius: int
) -> npt.NDArray[np.int64]:
    """Store rows of the valid pixels in the patches of training pixels, each once."""
    seen = np.zeros(len(store.values), dtype=bool)
    for start in range(0, len(training), CHUNK):
        seen[store.patch_index(training[start : start + CHUNK], radius)] = True
    return np.flatnonzero(seen & store.valid)


def make_network(settings: TrainingSettings, inputs: int, classes: int) -> nn.Module:
    """Build the network; its refusals (too few bands, unknown option) are the user's to mend."""
    from ...models.build import build

    entry = catalog_entry(settings.architecture)
    if inputs < entry.min_bands:
        raise InputError(
            f"{entry.title} needs at least {entry.min_bands} bands; the chip set gives {inputs}. "
            "Choose another ARCHITECTURE."
        )
    options = dict(settings.options)
    if len(entry.patch_sizes) != 1:
        options.setdefault("patch_size", settings.patch_size)
    try:
        return build(settings.architecture, inputs, classes, options)
    except ValueError as error:
        raise InputError(str(error)) from error


def check_halo(network: nn.Module, info: ChipSetInfo) -> None:
    """Refuse a network that looks farther than the chips hold pixels.

    Raises:
        ChipSetError: with what to change.
    """
    radius = int(network.radius)  # type: ignore[arg-type]
    if radius > info.halo and info.tiles is not None:
        raise ChipSetError(
            f"The network looks {radius} pixels around each pixel; a tile of {info.tiles.size} "
            f"pixels holds {info.halo}. Export the tiles again with a TILE_SIZE of "
            f"{2 * radius + 1} or larger, or choose a PATCH_SIZE of {2 * info.halo + 1} or smaller "
            "where the network has one."
        )
    if radius > info.halo:
        raise ChipSetError(
            f"The network looks {radius} pixels around each pixel, the chip set holds "
            f"{info.halo}. Export the chips again with HALO={radius} or larger, or choose a "
            f"PATCH_SIZE of {2 * info.halo + 1} or smaller where the network has one."
        )


def make_lesson(
    info: ChipSetInfo,
    store: PixelStore,
    normalisation: Normalisation,
    network: nn.Module,
    settings: TrainingSettings,
    *,
    place: Device,
    memory_bytes: int,
    progress: Progress,
    values: Tensor | None = None,
) -> Lesson:
    """Put together what is learnt and how, on the device.

    ``values`` are the store's pixels where they were normalised before.
    """
    import torch

    check_halo(network, info)
    where = torch.device(place.name)
    network.to(where)
    dark = _dark(info, normalisation)
    counts = np.bincount(store.label[store.split == TRAIN], minlength=len(info.classes) + 1)[1:]
    weights = torch.from_numpy(class_weights(settings, counts, info.classes)).to(where)
    validation = samples_of(store, VALIDATION)
    if catalog_entry(settings.architecture).kind == "tile":
        tiles = TileSource(
            store,
            normalisation,
            chips=rectangles(info),
            learnt=training_pixels(info, store, progress),
            side=side_of(network),
            device=where,
            memory_bytes=memory_bytes,
            progress=progress,
            dark=dark,
            values=values,
            windows=map_windows(info, looks_of(network)),
        )
        _say_how_judged(store, tiles, looks_of(network), progress)
        return Lesson(tiles, tiles.training(), validation, weights, settings)
    radius = int(network.radius)  # type: ignore[arg-type]  # every pixel network states it
    margin = min(settings.margin, info.margin_at(radius))
    if margin < settings.margin:
        progress.warn(
            f"The recipe learns {settings.margin} pixels around each along with it; the chip set "
            f"holds {margin} beyond the patch, so that a batch of {settings.batch_size} teaches "
            "less. Raise BATCH_SIZE, or export KIND 'pixels' with a larger HALO."
        )
    source = PatchSource(
        store,
        normalisation,
        radius,
        margin=margin,
        device=where,
        memory_bytes=memory_bytes,
        progress=progress,
        dark=dark,
        values=values,
    )
    return Lesson(source, samples_of(store, TRAIN), validation, weights, settings)


def looks_of(network: nn.Module) -> Looks:
    """Return how a network on tiles looks around."""
    return Looks(side_of(network), int(network.margin), int(network.multiple))  # type: ignore[arg-type]


def _say_how_judged(
    store: PixelStore, source: TileSource, looks: Looks, progress: Progress
) -> None:
    """Say where figures of a network on tiles are not quite those of its map."""
    own = (store.split == VALIDATION) | (store.split == TEST)
    if not own.any():
        return
    share = source.as_mapped(store.index[own], store.row[own], store.col[own])
    if share is None or share == 1:
        return
    pixels, margin, multiple = "the validation and test pixels", looks.margin, looks.multiple
    progress.log(as_mapped(pixels, share, margin=margin, multiple=multiple))


def _dark(info: ChipSetInfo, normalisation: Normalisation) -> npt.NDArray[np.float32] | None:
    """What a spectrum of zeros becomes where the chips hold components of spectra."""
    if info.reduction is None or info.reduction.is_selection:
        return None
    nothing = np.zeros(len(info.bands))
    return model_inputs(
        info.reduction, info.bands, normalisation, mean=nothing, deviation=nothing
    ).normalisation.dark


def run_hash(
    info: ChipSetInfo,
    settings: TrainingSettings,
    place: Device,
    initial: ModelBundle | None = None,
) -> str:
    """Hash all that decides the result, so that only the same run is ever gone on with."""
    import torch

    return job_hash(
        chips=info.hash,
        # The same pixels cut into other chips are drawn in another order.
        cut=(info.chip_size, info.halo),
        settings=settings.to_json(),
        initial=initial.model_id if initial else "",
        device=place.name,
        torch=str(torch.__version__),
    )


def say_what_comes(
    info: ChipSetInfo,
    settings: TrainingSettings,
    network: nn.Module,
    place: Device,
    progress: Progress,
) -> None:
    """Tell the user what is going to be trained on what, and which classes are thin."""
    from ...models.build import count_parameters

    entry = catalog_entry(settings.architecture)
    side = side_of(network)
    sees = f"{side}x{side} pixels around each pixel"
    if entry.kind == "tile":
        sees = f"tiles of {side}x{side} pixels"
    progress.log(
        f"{entry.title}: {count_parameters(network):,} parameters, {sees}, {len(info.bands)} "
        f"bands, on {place.title}."
    )
    if info.reduction is not None:
        progress.log(
            f"The chips come from a reduced image ({info.reduction.summary}). The model will do "
            "that itself: it takes the original image."
        )
    for number, item in enumerate(info.classes):
        row = ", ".join(f"{name} {counts[number]}" for name, counts in info.counts.items())
        progress.log(f"  {item.name}: {row}")
    counts = info.counts["train"]
    thin = [f"{item.name} ({n})" for item, n in zip(info.classes, counts) if n < THIN]
    if thin:
        more = f" and {len(thin) - NAMED} more" if len(thin) > NAMED else ""
        progress.warn(
            f"Few training pixels: {', '.join(thin[:NAMED])}{more}. The network can hardly learn "
            f"a class from fewer than {THIN}; add reference data for it, or read its accuracy "
            "with care."
        )
    validated = sum(info.counts.get("validation", ()))
    if settings.schedule == "plateau" and not validated:
        progress.warn(
            "There are no validation pixels: SCHEDULE 'plateau' never lowers the learning rate. "
            "Choose another, or a larger VALIDATION_FRACTION where pixels are divided."
        )
    if settings.patience and not validated:
        progress.warn(
            f"There are no validation pixels: PATIENCE {settings.patience} never stops the "
            f"training, which takes all {settings.epochs:,} epochs. Choose fewer EPOCHS, or a "
            "larger VALIDATION_FRACTION where pixels are divided."
        )
    if settings.keep == "best" and not validated:
        progress.warn(
            "There are no validation pixels: the last epoch's weights are kept. A larger "
            "VALIDATION_FRACTION, where pixels are divided, lets validation choose."
        )

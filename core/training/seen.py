"""What a training's initial model has seen: pixels that taught it are no honest test any more."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..data.chips import ChipSetInfo
from ..data.pixel_store import PixelStore
from ..data.separation import SPLIT_NAMES, TEST, TRAIN, VALIDATION
from ..modelfile.bundle import ModelBundle
from ..progress import Progress


def seen_before(
    info: ChipSetInfo, store: PixelStore, initial: ModelBundle | None
) -> npt.NDArray[np.bool_]:
    """Tell which samples trained a model already, on the same raster.

    Args:
        info: the chip set.
        store: its samples.
        initial: the model that a training begins with; None where there is none.

    Returns:
        ``(n,)`` in the order of the store; all False where the raster is another.
    """
    if initial is None or not knows_raster(info, initial):
        return np.zeros(len(store), dtype=bool)
    width = np.int64(info.grid.width)
    trained = initial.training_rows.astype(np.int64) * width + initial.training_cols
    return np.asarray(np.isin(store.row.astype(np.int64) * width + store.col, trained))


def knows_raster(info: ChipSetInfo, initial: ModelBundle) -> bool:
    """Tell whether the training pixels of a model lie on the raster of a chip set."""
    return info.placed and info.grid.same_as(initial.training_grid)


def count_seen(info: ChipSetInfo, store: PixelStore, initial: ModelBundle | None) -> dict[int, int]:
    """Return how many pixels of each split code the initial model was trained on, where any."""
    seen = seen_before(info, store, initial)
    counts = {code: int((seen & (store.split == code)).sum()) for code in (VALIDATION, TEST)}
    return {code: count for code, count in counts.items() if count}


def warn_of_seen(
    seen: Mapping[int, int],
    info: ChipSetInfo,
    initial: ModelBundle,
    path: str,
    progress: Progress,
) -> None:
    """Say how many of the held back pixels are not new to the initial model.

    Args:
        seen: see ``count_seen``.
        info: the chip set.
        initial: the model.
        path: of its file.
        progress: told.
    """
    name = Path(path).name
    if not knows_raster(info, initial):
        progress.log(
            f"INITIAL_MODEL {name} and this chip set have no raster in common: whether it was "
            "trained at places of these test pixels is not known."
        )
    if not seen:
        return
    parts = [
        f"{seen[code]:,} of {sum(info.counts[SPLIT_NAMES[code]]):,} {SPLIT_NAMES[code]} pixels"
        for code in (TEST, VALIDATION)
        if code in seen
    ]
    progress.warn(
        f"INITIAL_MODEL {name} was trained on {' and '.join(parts)}: they are not unseen, and "
        "their accuracy flatters. Begin with a model that was trained with the same split, or "
        "judge the new one by reference data that neither training had ('Assess accuracy')."
    )


def all_training_pixels(
    info: ChipSetInfo, store: PixelStore, initial: ModelBundle | None
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return rows and columns of all pixels that trained a model, also before it began here.

    The initial model's own hold those of the model that it began with. A model knows one raster:
    pixels of another are left out.
    """
    own = (store.split == TRAIN) & info.placed
    rows, cols = store.row[own], store.col[own]
    if initial is None or not knows_raster(info, initial):
        return rows, cols
    earlier = np.stack([initial.training_rows, initial.training_cols])
    both = np.unique(np.concatenate([np.stack([rows, cols]), earlier], axis=1), axis=1)
    return both[0].astype(np.int32), both[1].astype(np.int32)

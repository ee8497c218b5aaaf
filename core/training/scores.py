"""How good the kept network is on the validation and the test pixels of its chip set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..accuracy.confusion import confusion_matrix, figures
from ..data.chips import ChipSetInfo
from ..data.leakage import Leak, location_only
from ..data.pixel_store import PixelStore
from ..data.separation import SPLIT_NAMES, TEST, TRAIN, VALIDATION
from ..progress import Progress
from .patches import Source, samples_of
from .validation import predict

if TYPE_CHECKING:
    from torch import nn


def predict_splits(
    network: nn.Module, source: Source, store: PixelStore, progress: Progress
) -> dict[int, npt.NDArray[np.int64]]:
    """Return the classes (1..classes) that a network gives the validation and the test pixels.

    The test pixels are looked at here for the first time: nothing was chosen on them.

    Returns:
        ``(n,)`` by the code of the split, in the order of the store; only splits with pixels.
    """
    found = {}
    for code in (VALIDATION, TEST):
        samples = samples_of(store, code)
        if len(samples):
            scores = predict(network, source, samples, progress)
            found[code] = scores.argmax(1).cpu().numpy().astype(np.int64) + 1
    return found


def split_scores(
    predicted: Mapping[int, npt.NDArray[np.int64]],
    store: PixelStore,
    info: ChipSetInfo,
    source: Source,
    *,
    leak: Leak | None = None,
    seen: Mapping[int, int] | None = None,
) -> dict[str, Any]:
    """Return the figures of validation and test pixels, each where there are any.

    Those of single classes are lists in the order of the classes, with None where there is
    nothing to stand on.

    Args:
        predicted: see ``predict_splits``.
        store: the pixels.
        info: their chip set.
        source: that they were predicted from.
        leak: what training patches show of test pixels, where that is known.
        seen: pixels by the code of their split that the initial model was trained on.
    """
    scores: dict[str, Any] = {}
    training = store.split == TRAIN
    for code, found in predicted.items():
        name, which = SPLIT_NAMES[code], store.split == code
        told = store.label[which].astype(np.int64)
        result = figures(confusion_matrix(told, found, len(info.classes)))
        location = None
        if info.placed:
            nearest = location_only(
                store.row[training],
                store.col[training],
                store.label[training],
                store.row[which],
                store.col[which],
            )
            location = float(np.mean(nearest == told))
        mapped = source.as_mapped(store.index[which], store.row[which], store.col[which])
        scores[name] = {
            **({} if mapped is None else {"as_mapped": mapped}),
            "pixels": int(which.sum()),
            "overall_accuracy": result.overall,
            "average_accuracy": result.average,
            "kappa": result.kappa,
            "location_only": location,
            **({"seen_by_initial_model": seen[code]} if seen and code in seen else {}),
            **({"leak": leak.to_json()} if leak and code == TEST else {}),
            "classes": {
                "producers_accuracy": [item.producers_accuracy for item in result.classes],
                "users_accuracy": [item.users_accuracy for item in result.classes],
                "f1": [item.f1 for item in result.classes],
            },
        }
    return scores

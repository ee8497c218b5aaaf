"""How good the kept network is on the validation and the test pixels of its chip set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..accuracy.confusion import confusion_matrix, figures
from ..data.chips import ChipSetInfo
from ..data.leakage import location_only
from ..data.pixel_store import PixelStore
from ..data.separation import TEST, TRAIN, VALIDATION
from ..progress import Progress
from .patches import PatchSource, samples_of
from .validation import predict

if TYPE_CHECKING:
    from torch import nn


def split_scores(
    network: nn.Module,
    source: PatchSource,
    store: PixelStore,
    info: ChipSetInfo,
    progress: Progress,
) -> dict[str, Any]:
    """Return the figures of validation and test pixels, each where there are any.

    Those of single classes are lists in the order of the classes, with None where there is
    nothing to stand on.

    The test pixels are looked at here for the first time: nothing was chosen on them.
    """
    scores: dict[str, Any] = {}
    training = store.split == TRAIN
    for name, code in (("validation", VALIDATION), ("test", TEST)):
        which = store.split == code
        if not which.any():
            continue
        found = predict(network, source, samples_of(store, code), progress).argmax(1).cpu().numpy()
        told = store.label[which].astype(np.int64)
        result = figures(confusion_matrix(told, found + 1, len(info.classes)))
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
        scores[name] = {
            "pixels": int(which.sum()),
            "overall_accuracy": result.overall,
            "average_accuracy": result.average,
            "kappa": result.kappa,
            "location_only": location,
            "classes": {
                "producers_accuracy": [item.producers_accuracy for item in result.classes],
                "users_accuracy": [item.users_accuracy for item in result.classes],
                "f1": [item.f1 for item in result.classes],
            },
        }
    return scores

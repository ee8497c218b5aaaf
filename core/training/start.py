"""Where a training starts: the same for one that is kept and for one of many that are tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..data.chips import ChipSetInfo
from ..data.normalisation import Normalisation
from ..data.pixel_store import PixelStore
from ..errors import InputError
from ..modelfile.bundle import ModelBundle
from ..progress import Progress
from ..runtime.devices import Device
from ..runtime.seeds import seed_torch
from .initial_model import begin_with
from .initialisation import initialise
from .optimisers import make_optimiser
from .preparation import make_lesson, make_network
from .settings import TrainingSettings
from .state import Lesson, TrainingState

if TYPE_CHECKING:
    from torch import Tensor


def start_training(
    info: ChipSetInfo,
    store: PixelStore,
    normalisation: Normalisation,
    settings: TrainingSettings,
    *,
    place: Device,
    memory_bytes: int,
    progress: Progress,
    values: Tensor | None = None,
    initial: ModelBundle | None = None,
) -> tuple[TrainingState, Lesson]:
    """Return a state before the first step, and what is learnt and how.

    Args:
        info: the chip set.
        store: its pixels.
        normalisation: fitted on them.
        settings: of the training.
        place: where it computes.
        memory_bytes: of pixels kept in memory.
        progress: told; asked for cancelling.
        values: the store's pixels, where they were normalised before.
        initial: the model that it begins with.

    Raises:
        InputError: the network cannot be built.
        ChipSetError: it looks farther than the chips hold pixels.
    """
    if settings.initial_model and initial is None:
        raise InputError(
            "INITIAL_MODEL belongs to one training: give it to 'Train classifier', and leave it "
            "empty here."
        )
    seed_torch(settings.seed, "initialisation")
    network = make_network(settings, normalisation.outputs, len(info.classes))
    initialise(network, settings.initialisation)
    frozen = begin_with(initial, network, settings, info, progress) if initial else ()
    lesson = make_lesson(
        info,
        store,
        normalisation,
        network,
        settings,
        place=place,
        memory_bytes=memory_bytes,
        progress=progress,
        values=values,
    )
    return TrainingState(network, make_optimiser(network, settings), frozen=frozen), lesson

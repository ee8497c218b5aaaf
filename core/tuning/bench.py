"""One trial: the same training as any other, on pixels that all trials share."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..data.chips import ChipSetInfo
from ..data.normalisation import Normalisation
from ..data.pixel_store import PixelStore
from ..errors import Cancelled, DependencyError, HsicnnError, reason
from ..progress import Progress, SilentProgress
from ..runtime.devices import Device
from ..runtime.memory_errors import is_out_of_memory, release_memory
from ..training.loop import train
from ..training.patches import normalised_pixels
from ..training.precision import choose_precision
from ..training.preflight import check_training
from ..training.preparation import fit_inputs
from ..training.settings import TrainingSettings
from ..training.start import start_training
from ..training.state import TrainingState
from ..training.tile_size import fit_tile
from ..training.validation import rank
from .space import SETTINGS
from .trial import FAILED, FINISHED, PRUNED, STOPPED

if TYPE_CHECKING:
    from torch import Tensor

#: What can be searched and changes what a network sees; trials alike in it share their pixels.
_SEEN = frozenset({"normalisation", "components", "whitening", "patch_size"})
_UNSEEN = frozenset({"options", *SETTINGS}) - _SEEN

#: Hears percent of the training done and the score there; tells whether to give up.
Judge = Callable[[int, float], bool]


@dataclass(frozen=True, eq=False)
class Outcome:
    """How a trial ended.

    Attributes:
        state: see ``trial.Trial``.
        history: a row an epoch.
        kept: the epoch whose weights would be kept.
        curve: percent done and score there.
        reason: why it failed.
    """

    state: str
    history: list[dict[str, float]]
    kept: int
    curve: list[tuple[int, float]]
    reason: str = ""


class _OutOfTimeError(Exception):
    """The time is over: raised before a step, and caught here."""


class _HopelessError(Exception):
    """The trial is not worth its time: raised after an epoch, and caught here."""


class _Watch(SilentProgress):
    """Lets a training ask for cancelling and for the time; what it says is not for the user."""

    def __init__(self, whole: Progress, deadline: float) -> None:
        self._whole = whole
        self._deadline = deadline

    def check_cancel(self) -> None:
        """Raise ``Cancelled`` at the user's wish, ``_OutOfTimeError`` where time is over."""
        self._whole.check_cancel()
        if time.monotonic() >= self._deadline:
            raise _OutOfTimeError


class Bench:
    """What all trials share: the chip set's pixels, normalised once for all that see them alike.

    Args:
        info: the chip set.
        store: its pixels.
        place: where trials compute.
        memory_bytes: of pixels kept in memory.
        beside: a file that is written, for what a trial would take on its disk.
    """

    def __init__(
        self,
        info: ChipSetInfo,
        store: PixelStore,
        place: Device,
        *,
        memory_bytes: int,
        beside: Path,
    ) -> None:
        self._info = info
        self._store = store
        self._place = place
        self._memory = memory_bytes
        self._beside = beside
        self._fitted: dict[str, Normalisation] = {}
        self._values: dict[str, Tensor] = {}

    def run(
        self, settings: TrainingSettings, judge: Judge, deadline: float, progress: Progress
    ) -> Outcome:
        """Train with settings until the end, until it is hopeless, or until the time is over.

        Args:
            settings: of the trial.
            judge: asked after every epoch.
            deadline: on the monotonic clock.
            progress: asked for cancelling before every step; told after every epoch.

        Raises:
            Cancelled: the user stopped.
        """
        watch = _Watch(progress, deadline)
        curve: list[tuple[int, float]] = []
        seen: list[TrainingState] = []

        def after_epoch(now: TrainingState) -> None:
            seen[:] = [now]
            if not now.epoch:  # the untrained network
                return
            done = round(100 * now.epoch / settings.epochs)
            score = rank(now.history[-1], settings.monitor)[0]
            curve.append((done, score))
            progress.report(now.epoch / settings.epochs, f"epoch {now.epoch} of {settings.epochs}")
            if now.epoch < settings.epochs and judge(done, score):
                raise _HopelessError

        ended, why = FINISHED, ""
        try:
            self._train(settings, watch, after_epoch)
        except _OutOfTimeError:
            ended = STOPPED
        except _HopelessError:
            ended = PRUNED
        except (Cancelled, DependencyError):
            raise
        except (HsicnnError, RuntimeError, MemoryError) as error:
            if isinstance(error, RuntimeError) and not is_out_of_memory(error):
                raise
            ended, why = FAILED, reason(error)
        history, kept = (list(seen[0].history), seen[0].kept_epoch) if seen else ([], 0)
        seen.clear()
        release_memory(self._place.kind)
        return Outcome(ended, history, kept, curve, why)

    def _train(
        self,
        settings: TrainingSettings,
        watch: Progress,
        after_epoch: Callable[[TrainingState], None],
    ) -> None:
        settings = fit_tile(self._info, settings, watch)
        allowed = check_training(
            self._info,
            settings,
            self._place,
            files=(self._beside, self._beside),
            report="",
            memory_bytes=self._memory,
            progress=watch,
        )
        used = choose_precision(settings.precision, self._place, watch)
        settings = replace(settings, precision=used)
        normalisation = self._normalisation(settings, watch)
        state, lesson = start_training(
            self._info,
            self._store,
            normalisation,
            settings,
            place=self._place,
            memory_bytes=allowed.memory_bytes,
            progress=watch,
            values=self._normalised(normalisation, allowed.memory_bytes, watch),
        )
        state.micro_batch = allowed.patches
        # Every epoch is judged, not only those that would be written down.
        lesson = replace(lesson, settings=replace(settings, checkpoint="every-epoch"))
        train(state, lesson, watch, after_epoch)

    def _normalisation(self, settings: TrainingSettings, watch: Progress) -> Normalisation:
        seen = {name: value for name, value in settings.to_json().items() if name not in _UNSEEN}
        key = str(sorted(seen.items()))
        if key not in self._fitted:
            self._fitted[key] = fit_inputs(self._store, settings, watch)
        return self._fitted[key]

    def _normalised(self, made: Normalisation, memory_bytes: int, watch: Progress) -> Tensor:
        """Return the store's pixels as a normalisation makes them; the last ones are kept."""
        import torch

        key = hashlib.sha256(made.mean.tobytes() + made.transform.tobytes()).hexdigest()
        if key not in self._values:
            size = 4 * len(self._store.values) * made.outputs
            kept = sum(values.numel() * 4 for values in self._values.values())
            while self._values and kept + size > self._memory // 2:
                oldest = self._values.pop(next(iter(self._values)))
                kept -= oldest.numel() * 4
            where = torch.device(self._place.name)
            self._values[key] = normalised_pixels(self._store, made, where, memory_bytes, watch)
        values = self._values.pop(key)
        self._values[key] = values  # the last one used goes last
        return values

"""What the benchmark of the training step runs: chip set, trainings, and their clocks."""

from __future__ import annotations

import dataclasses
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from hsicnn.core.data.chips import ChipSetInfo, read_chip_set
from hsicnn.core.data.export import export_training_chips
from hsicnn.core.data.pixel_loading import load_pixels
from hsicnn.core.modelfile.bundle import ModelBundle
from hsicnn.core.progress import SilentProgress
from hsicnn.core.runtime.child import Channel, Parent, WorkerProgress
from hsicnn.core.runtime.devices import Device
from hsicnn.core.runtime.seeds import seed_torch, torch_generator
from hsicnn.core.simulation.scene import create_example_scene
from hsicnn.core.training import loop
from hsicnn.core.training import steps as one_step
from hsicnn.core.training.batches import Targets, draw_batch
from hsicnn.core.training.checkpoints import checkpoint_path, save_checkpoint
from hsicnn.core.training.loop import steps_an_epoch
from hsicnn.core.training.objectives import make_objective
from hsicnn.core.training.optimisers import make_optimiser
from hsicnn.core.training.outcome import trained_model, untrained_model
from hsicnn.core.training.patches import PatchSource
from hsicnn.core.training.preparation import fit_inputs, make_lesson, make_network
from hsicnn.core.training.resolving import resolve_settings
from hsicnn.core.training.state import Lesson, TrainingState
from hsicnn.core.training.tile_size import fit_tile
from hsicnn.core.training.tiles import TileSource
from hsicnn.models.seamless import seamless
from published_forms import PUBLISHED, Form, published_form
from torch import Tensor, nn

MIB = 1 << 20
ROOM_MB = {"memory": 2048, "disk": 1}  # the memory that pixels may take


def make_chips(folder: Path, size: int, bands: int) -> ChipSetInfo:
    """Export the chips of an example scene with the plugin's own defaults."""
    image, reference = str(folder / "scene.tif"), str(folder / "reference.tif")
    create_example_scene(output=image, reference=reference, size=size, bands=bands)
    export_training_chips(image=image, reference=reference, output=str(folder / "chips"))
    return read_chip_set(str(folder / "chips"))


@dataclass(eq=False)
class Case:
    """A network in training.

    Attributes:
        state: network and optimiser.
        lesson: pixels and recipe.
        blank: what its checkpoints hold besides.
        path: of its checkpoint.
        forms: the network alone: the catalog's, and the source's where it is another.
    """

    state: TrainingState
    lesson: Lesson
    blank: ModelBundle
    path: Path
    forms: Sequence[Form]

    @property
    def steps(self) -> int:
        """Steps of a real epoch."""
        return steps_an_epoch(len(self.lesson.training), self.lesson.settings)

    @property
    def forward(self) -> str:
        """The name of the pass that training takes."""
        return self.forms[0].forward


def make_case(info: ChipSetInfo, network: str, place: str, given: Mapping[str, Any]) -> Case:
    """Prepare a training as the job does.

    Args:
        info: the chip set.
        network: a name of the catalog.
        place: ``memory`` or ``disk``, where its pixels are kept.
        given: settings that differ from the network's own recipe.
    """
    room = ROOM_MB[place] * MIB
    settings = resolve_settings({"architecture": network, **given})
    settings = fit_tile(info, settings, SilentProgress())
    store = load_pixels(info, memory_bytes=room, progress=SilentProgress())
    normalisation = fit_inputs(store, settings)
    seed_torch(settings.seed, "initialisation")
    made = make_network(settings, normalisation.outputs, len(info.classes))
    lesson = make_lesson(
        info,
        store,
        normalisation,
        made,
        settings,
        place=Device("cpu", "CPU"),
        memory_bytes=room,
        progress=SilentProgress(),
    )
    shape = seamless(made)
    blank = untrained_model(
        info,
        store,
        normalisation,
        radius=int(shape.radius),
        settings=settings,
        multiple=int(getattr(shape, "multiple", 1)),
    )
    path = checkpoint_path(str(Path(info.folder).parent / f"{network}.safetensors"))
    state = TrainingState(made, make_optimiser(made, settings))
    forward = "forward_members" if hasattr(made, "forward_members") else "forward"
    forms = [Form("own", made, state.optimiser, forward)]
    if network in PUBLISHED and not settings.options:
        forms.append(published_form(made, normalisation.outputs, len(info.classes), settings))
    return Case(state, lesson, blank, path, forms)


@dataclass
class Clock:
    """Adds up the time that is spent in functions.

    Attributes:
        parts: names of parts, and the functions of each as (owner, attribute).
        network: only what happens while it is in training mode counts.
        seconds: of each part so far.
    """

    parts: Mapping[str, list[tuple[Any, str]]]
    network: nn.Module
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @contextmanager
    def running(self) -> Iterator[None]:
        """Time the functions within the block."""
        before = []
        try:
            for part, functions in self.parts.items():
                for owner, name in functions:
                    before.append((owner, name, vars(owner).get(name)))
                    setattr(owner, name, self._timed(part, getattr(owner, name)))
            yield
        finally:
            for owner, name, function in before:
                if function is None:
                    delattr(owner, name)
                else:
                    setattr(owner, name, function)

    def _timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            if not self.network.training:
                return function(*arguments, **options)
            began = time.perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                self.seconds[part] += time.perf_counter() - began

        return run


class StepProgress(WorkerProgress):
    """The worker's progress, which also notes when each step began and ended."""

    def __init__(self, sink: Any) -> None:
        super().__init__(Channel(sink), Parent())
        self.began: list[float] = []
        self.ended: list[float] = []

    def check_cancel(self) -> None:
        """Note the start of a step."""
        self.began.append(time.perf_counter())
        super().check_cancel()

    def report(self, fraction: float, text: str = "") -> None:
        """Note the end of a step."""
        super().report(fraction, text)
        self.ended.append(time.perf_counter())


@dataclass
class Epoch:
    """Seconds of one short epoch of the training loop.

    Attributes:
        step: of a step, with all that the loop does in it.
        checkpoint: of its checkpoint.
        validation: of predicting the validation pixels.
        rest: of everything else between two epochs.
    """

    step: float
    checkpoint: float
    validation: float
    rest: float


def loop_epoch(case: Case, steps: int) -> Epoch:
    """Run one epoch of ``steps`` steps of the training loop, and take its times."""
    short = {"epochs": case.state.epoch + 1, "shortest_epoch": steps, "longest_epoch": steps}
    settings = dataclasses.replace(case.lesson.settings, untrained=False, **short)
    lesson = dataclasses.replace(case.lesson, settings=settings)
    saving = [0.0]

    def save(state: TrainingState) -> None:
        before = time.perf_counter()
        save_checkpoint(case.path, state, "benchmark", trained_model(case.blank, state, {}))
        saving[0] = time.perf_counter() - before

    clock = Clock({"validation": [(loop, "_validate")]}, case.state.network)
    with open(os.devnull, "wb", buffering=0) as sink, clock.running():  # noqa: PTH123 - no path
        progress = StepProgress(sink)
        began = time.perf_counter()
        loop.train(case.state, lesson, progress, save)
        whole = time.perf_counter() - began
    stepping = progress.ended[steps - 1] - progress.began[0]
    validation = clock.seconds["validation"]
    rest = whole - stepping - validation - saving[0]
    return Epoch(stepping / steps, saving[0], validation, rest)


def bare_step(case: Case, form: Form, steps: int) -> float:
    """Return the seconds of forward, loss, backward and optimiser on batches that lie ready."""
    batches = ready_batches(case, steps)
    network, optimiser = form.network.train(), form.optimiser
    forward = getattr(network, form.forward)
    objective = make_objective(case.lesson.settings, case.lesson.weights)
    began = time.perf_counter()
    for patches, targets in batches:
        optimiser.zero_grad(set_to_none=True)
        loss = targets.loss(objective, forward(patches))
        loss.backward()
        optimiser.step()
    return (time.perf_counter() - began) / steps


def ready_batches(case: Case, steps: int) -> list[tuple[Tensor, Targets]]:
    """Draw batches as the loop draws them."""
    lesson, settings = case.lesson, case.lesson.settings
    generator = torch_generator(settings.seed, "ready", case.state.epoch)
    order = loop._order(len(lesson.training), steps, settings.batch_size, generator)
    return [
        draw_batch(lesson.source, lesson.training, which, settings, generator) for which in order
    ]


def step_parts(case: Case, steps: int) -> dict[str, float]:
    """Run a short epoch of the loop and return the seconds a step of each part."""
    network = case.state.network
    parts = {
        "gather": [(PatchSource, "draw"), (TileSource, "draw")],
        "augment": [(one_step, "draw_batch")],
        "forward": [(network, case.forward)],
        "loss": [(Targets, "loss")],
        "backward": [(torch.Tensor, "backward")],
        "optimiser": [(case.state.optimiser, "step"), (case.state.optimiser, "zero_grad")],
        "clip": [(one_step, "clip_gradients")],
        "average": [(loop, "average_weights")],
    }
    clock = Clock(parts, network)
    with clock.running():
        whole = loop_epoch(case, steps).step
    shares = {name: clock.seconds[name] / steps for name in parts}
    shares["augment"] -= shares["gather"]  # draw_batch gathers first
    shares["rest"] = whole - sum(shares.values())
    return shares

"""The sheet of augmented examples: what the network sees of some training pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..data.classes import ClassInfo
from ..data.tiles.stretch import shown_bands
from ..errors import InputError
from ..raster.bands import Band
from ..report import html
from ..report.axes import spectral_axis
from ..report.drawn import drawn
from ..report.sheet_figure import Example, sheet_picture
from ..runtime.seeds import seed_torch, torch_generator
from .batches import draw_batch
from .settings import TrainingSettings
from .state import Lesson

if TYPE_CHECKING:
    import torch
    from torch import Tensor

EXAMPLES = 4  # training pixels, of as many classes
VERSIONS = 5  # of each
BESIDE = 3  # more pixels of each class, to be mixed with
OTHERS = 16  # pixels of any class, to be mixed with
COLOURS = 3


def changes(settings: TrainingSettings, side: int) -> list[str]:
    """Return what augmentation does to patches, in words; nothing where it is off.

    Args:
        settings: of the training.
        side: of a patch, in pixels: a single one cannot be turned.
    """
    found = []
    if settings.flips and side > 1:
        found.append(
            {
                "turns": "Turned by 0, 90, 180 or 270 degrees.",
                "mirrors": "Mirrored left to right, top to bottom, both, or not.",
                "turns-mirrors": "Turned by 0, 90, 180 or 270 degrees, and mirrored or not.",
            }[settings.symmetry]
        )
    if settings.brightness:
        found.append(
            f"Spectra times a factor around 1, with a deviation of {settings.brightness:g}."
        )
    if settings.band_dropout:
        found.append(
            f"Each band set to what the normalisation subtracts with a chance of "
            f"{settings.band_dropout:.0%}, in all pixels of a patch."
        )
    if settings.noise:
        cut = f", cut at {settings.noise_limit:g}" if settings.noise_limit else ""
        found.append(f"Noise with a deviation of {settings.noise:g} in normalised values{cut}.")
    if settings.class_mixup:
        found.append("Mixed with another patch of the same class.")
    if settings.mixup:
        found.append("Mixed with another patch, and the labels with them.")
    return found


def augmented_examples(
    lesson: Lesson,
    bands: Sequence[Band],
    classes: Sequence[ClassInfo],
    *,
    components: bool = False,
) -> list[str]:
    """Return the sheet as pieces of a page; none where nothing is augmented.

    Args:
        lesson: what is learnt, and how.
        bands: of the chip set.
        classes: of the chip set, in their order.
        components: whether the bands are components, the most telling first.
    """
    told = changes(lesson.settings, lesson.source.side)
    if not told or not len(lesson.training):
        return []
    examples, titles = draw_examples(lesson, classes)
    shown, words = _shown(bands, components)
    title = "Augmented training patches beside the originals, and spectra of their middle pixels"
    note = (
        "Values are led back from the network's inputs"
        + (", as far as its components tell" if lesson.source.matrices else "")
        + ("." if lesson.source.side == 1 else f"; images show {words}.")
    )
    return [
        html.heading("Augmented examples"),
        html.bullets(told),
        drawn(lambda: sheet_picture(examples, titles, shown, spectral_axis(bands)), title),
        html.paragraph(note, "note"),
    ]


def draw_examples(lesson: Lesson, classes: Sequence[ClassInfo]) -> tuple[list[Example], list[str]]:
    """Return some training patches with versions of each, and titles of original and versions.

    The same lesson gives the same ones. The caller's random numbers do not notice.
    """
    import torch

    settings, source, samples = lesson.settings, lesson.source, lesson.training
    generator = torch_generator(settings.seed, "sheet")
    with torch.random.fork_rng(devices=[]):
        seed_torch(settings.seed, "sheet")
        which, count = _drawn(samples.target, generator)
        straight = torch.zeros(len(which), dtype=torch.int64)
        batches, titles = [source.draw(samples, which, straight)[0]], ["original"]
        for number in range(1, VERSIONS + 1):
            patches, targets = draw_batch(source, samples, which, settings, generator)
            batches.append(patches)
            mixed = settings.mixup and targets.share < 1
            titles.append(f"{number}: {targets.share:.0%} itself" if mixed else str(number))
    stack = torch.stack([patches[:count] for patches in batches], dim=1).movedim(2, -1)
    values = source.normalisation.restore(stack.cpu().numpy())
    named = [classes[int(samples.target[place])].name for place in which[:count]]
    return [Example(name, patches) for name, patches in zip(named, values)], titles


def _drawn(target: Tensor, generator: torch.Generator) -> tuple[Tensor, int]:
    """Return positions of pixels, and how many of the first are examples, of a class each."""
    import torch

    present = torch.unique(target[target >= 0])
    chosen = present[np.unique(np.linspace(0, len(present) - 1, EXAMPLES).round().astype(int))]
    picked = []
    for number in chosen:
        own = torch.nonzero(target == number).flatten()
        picked.append(own[torch.randperm(len(own), generator=generator)[: 1 + BESIDE]])
    first = torch.stack([own[0] for own in picked])
    rest = torch.cat([own[1:] for own in picked])
    others = torch.randint(len(target), (OTHERS,), generator=generator)
    return torch.cat([first, rest, others]), len(first)


def _shown(bands: Sequence[Band], components: bool) -> tuple[list[int], str]:
    """Return positions of the bands that are shown as an image, and what that is in words."""
    if len(bands) < COLOURS:
        return [0], "one band"
    try:
        return [list(bands).index(band) for band in shown_bands(bands, "", "")], "true colours"
    except InputError:  # no wavelengths, or none of what can be seen
        last = COLOURS - 1 if components else len(bands) - 1
    places = np.linspace(0, last, COLOURS).round().astype(int).tolist()
    if not components:
        places.reverse()
    named = ", ".join(bands[place].name or f"band {bands[place].index}" for place in places)
    return places, f"{named} as red, green and blue"

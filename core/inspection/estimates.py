"""What classifying a raster would take with each network, tried on this machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...models.catalog import NETWORKS
from ..data.normalisation import fit_normalisation
from ..progress import Progress
from ..raster.source import RasterSource
from ..raster.windows import Window
from ..sizes import MIB
from ..training.resolving import resolve_settings

if TYPE_CHECKING:
    from ..inference.plan import Plan

LEAST_SPECTRA = 2  # to fit a normalisation on


@dataclass(frozen=True)
class Estimate:
    """What a network takes for the whole raster.

    Attributes:
        network: its title.
        patch: side of the square of pixels that it sees.
        memory: bytes, within the budget.
        seconds: of classifying, None where it could not be tried.
        remark: why it cannot be used, in words; empty where it can.
    """

    network: str
    patch: int
    memory: int | None = None
    seconds: float | None = None
    remark: str = ""


def estimates(
    source: RasterSource,
    positions: Sequence[int],
    spectra: npt.NDArray[np.float32],
    *,
    classes: int,
    memory_mb: int,
    progress: Progress,
) -> list[Estimate] | str:
    """Try every network of the catalog, untrained, on a few tiles of the raster.

    Args:
        source: the raster.
        positions: of the bands to use.
        spectra: ``(n, bands)`` physical, to fit the inputs of the networks on.
        classes: that a model would tell apart.
        memory_mb: budget of the classification, MiB.
        progress: asked for cancelling.

    Returns:
        An estimate a network; or, as a sentence, why there is none.

    Raises:
        RasterError: the raster cannot be read.
        Cancelled: the user stopped.
    """
    try:
        import torch  # noqa: F401 - is it there?
    except (ImportError, OSError) as error:
        return (
            f"Not estimated, because PyTorch cannot be loaded here ({error}). 'Check environment' "
            "says how to install it."
        )
    whole = spectra[np.isfinite(spectra).any(axis=1)]
    if len(whole) < LEAST_SPECTRA:
        return "Not estimated: too few pixels with values were seen."
    found = []
    for name in NETWORKS:
        progress.check_cancel()
        given: dict[str, Any] = {"classes": classes, "memory_mb": memory_mb, "progress": progress}
        found.append(_estimate(name, source, positions, whole, **given))
    return found


def _estimate(
    name: str,
    source: RasterSource,
    positions: Sequence[int],
    spectra: npt.NDArray[np.float32],
    *,
    classes: int,
    memory_mb: int,
    progress: Progress,
) -> Estimate:
    """Build a network as training would, and try it."""
    import torch

    from ...models.build import build
    from ...models.seamless import seamless
    from ..inference.inputs import Normaliser
    from ..inference.pace import measure_pace
    from ..inference.plan import make_plan

    entry, settings = NETWORKS[name], resolve_settings({"architecture": name})
    normalisation = fit_normalisation(
        settings.normalisation,
        spectra,
        components=settings.components,
        power=settings.whitening,
    )
    if normalisation.outputs < entry.min_bands:
        needs = f"needs {entry.min_bands} bands or more; there are {normalisation.outputs}"
        return Estimate(entry.title, entry.default_patch, remark=needs)
    torch.manual_seed(0)
    network = seamless(build(name, normalisation.outputs, classes, dict(settings.options))).eval()
    area = Window(0, 0, source.grid.height, source.grid.width)
    plan: Plan = make_plan(
        network,
        source,
        area,
        bands=len(positions),
        inputs=normalisation.outputs,
        outputs=classes,
        memory_bytes=memory_mb * MIB,
        threads=torch.get_num_threads(),
        probabilities=False,
    )
    pace = measure_pace(
        network,
        source,
        positions,
        Normaliser(normalisation),
        area=area,
        plan=plan,
        device=torch.device("cpu"),
        written=(1, 0),
        progress=progress,
    )
    seconds = None if pace is None else pace.seconds(area.size, plan, os.cpu_count() or 1)
    return Estimate(entry.title, entry.default_patch, plan.memory, seconds)

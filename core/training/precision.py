"""What a step computes in: float32, or bfloat16 where a graphics card gains from it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from ..progress import Progress
from ..runtime.devices import Device

FULL, HALF = "float32", "bfloat16"


def choose_precision(wanted: str, place: Device, progress: Progress) -> str:
    """Return the precision that a training computes in, and say why.

    Args:
        wanted: ``auto``, ``float32`` or ``bfloat16``.
        place: where it computes.
        progress: told.
    """
    if wanted == "auto":
        if place.kind == "cpu":
            return FULL
        used = HALF if _has_units(place) else FULL
        why = "which it has units for" if used == HALF else "as it has no units for bfloat16"
        progress.log(f"{place.title} computes in {used}, {why}; the model stays float32.")
        return used
    if wanted == HALF and place.kind == "cpu":
        progress.log(
            "A step computes in bfloat16, as PRECISION says; most CPUs are slower at it than in "
            "float32. The model stays float32."
        )
    elif wanted == HALF:
        progress.log("A step computes in bfloat16, as PRECISION says; the model stays float32.")
    return wanted


def _has_units(place: Device) -> bool:
    """Whether a device computes with bfloat16 in hardware."""
    import torch

    if place.kind == "cuda":
        # Older cards emulate it, at a loss.
        return torch.cuda.get_device_capability(torch.device(place.name))[0] >= 8
    return place.kind == "xpu" and bool(torch.xpu.is_bf16_supported())


def computing_in(precision: str, device: str) -> AbstractContextManager[object]:
    """Return the context that a forward pass runs in.

    Args:
        precision: ``bfloat16``; anything else changes nothing.
        device: ``cpu``, ``cuda``, ``xpu`` ...
    """
    if precision != HALF:
        return nullcontext()
    import torch

    return torch.autocast(device, dtype=torch.bfloat16)

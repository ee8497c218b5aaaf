"""Which device computes: one counts only after a real 3-D convolution has run on it.

``torch.cuda.is_available()`` is true on cards whose architecture the installed build has
no kernels for; the first convolution then fails minutes into a job. So every device is
tried here with a forward and a backward pass before it is used.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from ..errors import DeviceError
from .dependencies import load_torch

#: What a DEVICE parameter offers; larger numbers are understood as well.
DEVICE_CHOICES = ("auto", "cpu", "cuda", *(f"cuda:{card}" for card in range(8)), "mps", "xpu")

_NAME = re.compile(r"auto|cpu|mps|(cuda|xpu)(:\d+)?")

#: Largest relative difference to the CPU's result: TF32 rounds to ten bits.
_TOLERANCE = 1e-2


@dataclass(frozen=True)
class Device:
    """A device that works.

    Attributes:
        name: what torch calls it, such as ``cpu`` or ``cuda:0``.
        title: its name for people, such as ``NVIDIA RTX A2000, 12 GB``.
        notes: why this one was chosen and others were not, one sentence each, for the log.
    """

    name: str
    title: str
    notes: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """``cpu``, ``cuda``, ``mps`` or ``xpu``."""
        return self.name.partition(":")[0]


def choose_device(wanted: str = "auto") -> Device:
    """Return the device to compute on, tried with a real kernel.

    Args:
        wanted: ``auto`` (the first accelerator that works, else the CPU), ``cpu``,
            ``cuda``, ``cuda:1``, ``mps``, ``xpu``.

    Raises:
        DeviceError: ``wanted`` is no device name, or it was asked for by name and is not
            there or does not work; the message names the devices that do.
        DependencyError: PyTorch is missing, or its libraries do not load.
    """
    asked = wanted.strip().lower() or "auto"
    if not _NAME.fullmatch(asked):
        raise DeviceError(
            f"'{wanted}' is not a device; choose one of auto, cpu, cuda, mps, xpu, or a "
            "numbered one such as cuda:1."
        )
    load_torch()
    if asked == "cpu":
        return Device("cpu", device_title("cpu"))
    if asked == "auto":
        return _automatic()
    name = asked if ":" in asked or asked == "mps" else f"{asked}:0"
    there = accelerators()
    reason = kernel_failure(name) if name in there else "it is not there"
    if not reason:
        return Device(name, device_title(name))
    working = ["cpu", *(other for other in there if other != name and not kernel_failure(other))]
    listed = ", ".join(f"{other} ({device_title(other)})" for other in working)
    advice = "".join(f" {sentence}" for sentence in driver_advice(there))
    raise DeviceError(
        f"The device {asked} was asked for and cannot be used: {reason}. Devices that work "
        f"here: {listed}. Choose one of them, or 'auto'.{advice}"
    )


def _automatic() -> Device:
    notes: list[str] = []
    there = accelerators()
    for name in there:
        reason = kernel_failure(name)
        if not reason:
            return Device(name, device_title(name), tuple(notes))
        notes.append(f"{name} ({device_title(name)}) is there but failed its test: {reason}.")
    notes.append("The CPU is used." if there else "No accelerator was found; the CPU is used.")
    notes.extend(driver_advice(there))
    return Device("cpu", device_title("cpu"), tuple(notes))


def accelerators() -> tuple[str, ...]:
    """Return the names of the accelerators torch sees, best first; none has been tried."""
    import torch

    names: list[str] = []
    if torch.cuda.is_available():
        names.extend(f"cuda:{index}" for index in range(torch.cuda.device_count()))
    xpu = getattr(torch, "xpu", None)
    if xpu is not None and xpu.is_available():
        names.extend(f"xpu:{index}" for index in range(xpu.device_count()))
    mps = getattr(torch.backends, "mps", None)
    if mps is not None and mps.is_available():
        names.append("mps")
    return tuple(names)


def kernel_failure(name: str) -> str:
    """Run a small 3-D convolution forward and backward on a device.

    The result is compared with the CPU's, so that a device that computes nonsense fails too.

    Returns:
        Nothing when the device works, else the reason in one line without a full stop.
    """
    import torch

    generator = torch.Generator().manual_seed(1)
    images = torch.randn(2, 1, 9, 7, 7, generator=generator)
    kernels = torch.randn(4, 1, 3, 3, 3, generator=generator)

    def gradient(device: str) -> torch.Tensor:
        weight = kernels.clone().to(device).requires_grad_()
        loss = torch.nn.functional.conv3d(images.to(device), weight).square().mean()
        return torch.autograd.grad(loss, weight)[0].cpu()

    try:
        found = gradient(name)
    except Exception as error:  # whatever a driver or a build raises means: not usable
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return lines[0].rstrip(".")
    expected = gradient("cpu")
    difference = float((found - expected).abs().max() / expected.abs().max())
    # Written so that NaN fails as well.
    if not difference <= _TOLERANCE:
        return f"its convolution differs from the CPU's by {difference:.1%}"
    return ""


def device_title(name: str) -> str:
    """Return the name of a device for people; never fails."""
    import torch

    kind, _, number = name.partition(":")
    if kind in {"cuda", "xpu"}:
        try:
            properties = getattr(torch, kind).get_device_properties(int(number or 0))
            return f"{properties.name}, {properties.total_memory / 2**30:.0f} GB"
        except Exception:  # a title must not end a job
            return kind.upper()
    if kind == "mps":
        return "Apple GPU (Metal)"
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' if threads != 1 else ''}"


def driver_advice(there: tuple[str, ...]) -> tuple[str, ...]:
    """Return what to do where a graphics card is present that torch cannot see.

    Args:
        there: the accelerators torch sees.
    """
    import torch

    if any(name.startswith("cuda") for name in there) or not nvidia_driver_present():
        return ()
    if torch.version.cuda is None:
        return (
            f"An NVIDIA driver is installed, but PyTorch {torch.__version__} is a build without "
            "CUDA; install a CUDA build of the same version to use the card.",
        )
    return (
        f"An NVIDIA driver is installed, but PyTorch {torch.__version__} (CUDA "
        f"{torch.version.cuda}) sees no card; the driver may be older than that CUDA version "
        "needs: update the driver, or install a PyTorch built for an older CUDA.",
    )


def nvidia_driver_present() -> bool:
    """Return whether this machine has an NVIDIA driver, seen without torch."""
    return Path("/proc/driver/nvidia/version").is_file() or shutil.which("nvidia-smi") is not None

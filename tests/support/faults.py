"""Run at the start of every Python of a profile: something is wrong with torch or this machine.

``HSICNN_TEST_FAULT`` says what; without it nothing happens. See ``install`` for how it is run.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.machinery
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

VARIABLE = "HSICNN_TEST_FAULT"
#: Values that a network takes at once before memory runs out.
ENOUGH = 6000


def install(environment: dict[str, str]) -> None:
    """Let every Python of a profile run this file, by way of its user's own packages.

    Args:
        environment: of the profile; its home is a folder that is thrown away.
    """
    ask = [sys.executable, "-c", "import site; print(site.getusersitepackages())"]
    found = subprocess.run(ask, env=environment, capture_output=True, text=True, check=True)
    folder = Path(found.stdout.strip())
    folder.mkdir(parents=True, exist_ok=True)
    run = f"import runpy\nrunpy.run_path({str(Path(__file__).resolve())!r}, run_name='fault')\n"
    text = f"import os\nif os.environ.get({VARIABLE!r}):\n"
    (folder / "usercustomize.py").write_text(
        text + "".join(f"    {line}\n" for line in run.splitlines()), encoding="utf-8"
    )


class Instead(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Comes before the real torch."""

    def __init__(self, happens: Callable[[], None]) -> None:
        self._happens = happens

    def find_spec(self, name: str, _path: Any, _target: Any = None) -> Any:
        return importlib.machinery.ModuleSpec(name, self) if name == "torch" else None

    def create_module(self, _spec: Any) -> None:
        return None

    def exec_module(self, _module: ModuleType) -> None:
        self._happens()


class NotThere(importlib.abc.MetaPathFinder):
    """Finds no torch and lets nobody else look for it."""

    def find_spec(self, name: str, _path: Any, _target: Any = None) -> None:
        if name == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")


class Afterwards(importlib.abc.MetaPathFinder):
    """Lets torch be imported and changes it then."""

    def __init__(self, change: Callable[[ModuleType], None]) -> None:
        self._change = change

    def find_spec(self, name: str, path: Any, _target: Any = None) -> Any:
        if name != "torch":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        load = spec.loader.exec_module

        def load_and_change(module: ModuleType) -> None:
            load(module)
            self._change(module)

        spec.loader.exec_module = load_and_change
        return spec


def does_not_load() -> None:
    raise OSError("libtorch_cpu.so: cannot open shared object file: No such file or directory")


def no_card(torch: Any) -> None:
    """No accelerator of any kind, whatever this machine has."""
    for kind in (torch.cuda, torch.xpu, torch.backends.mps):
        # Torch looks for what is below the cache of the function that is replaced.
        kind.is_available = functools.wraps(kind.is_available)(lambda: False)


def old_card(torch: Any) -> None:
    """A card that is there, for which the build has no kernels."""
    no_card(torch)
    torch.cuda.is_available = lambda: True
    torch.cuda.device_count = lambda: 1
    to = torch.Tensor.to

    def to_card(tensor: Any, *args: Any, **options: Any) -> Any:
        if str(args[0] if args else options.get("device")).startswith("cuda"):
            raise RuntimeError(
                "CUDA error: no kernel image is available for execution on the device"
            )
        return to(tensor, *args, **options)

    torch.Tensor.to = to_card


def no_memory(torch: Any) -> None:
    """Memory does not suffice for a single patch."""
    little_memory(torch, 0)


def little_memory(torch: Any, enough: int = ENOUGH) -> None:
    """Networks that take much at once meet a real refusal of torch's."""
    call = torch.nn.Module.__call__

    def called(module: Any, *args: Any, **options: Any) -> Any:
        whole = hasattr(module, "radius") and not args[0].is_meta
        if whole and args[0].numel() > enough:
            torch.empty(1 << 60, dtype=torch.uint8)
        return call(module, *args, **options)

    torch.nn.Module.__call__ = called


FINDERS: dict[str, Callable[[], importlib.abc.MetaPathFinder]] = {
    "torch missing": NotThere,
    "torch broken": lambda: Instead(does_not_load),
    "no card": lambda: Afterwards(no_card),
    "old card": lambda: Afterwards(old_card),
    "no memory": lambda: Afterwards(no_memory),
    "little memory": lambda: Afterwards(little_memory),
}

if __name__ == "fault":
    sys.meta_path.insert(0, FINDERS[os.environ[VARIABLE]]())

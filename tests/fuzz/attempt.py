"""A child process that makes spoilt files by their seeds and tries them, one after another.

It reads a seed a line, and answers with a JSON line for each: the kind of the mutant, and
what came of it. It is started by ``run.py``, which sees it crash or hang.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib.util
import json
import os
import random
import resource
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
SECONDS = 5  # of the processor for one mutant
PATIENCE = 1.5  # seconds of the processor after which the user cancels
MEMORY = 512 << 20  # bytes that one mutant may take
ADDRESSES = 6 << 30  # bytes of address space, so that nothing takes the machine down
LONGEST = 1500  # characters of a message that somebody reads
#: How messages name what was given, where only one such thing was.
THINGS = ("The chip set", "The model", "There is only one class")


def mount() -> None:
    """Make the packages ``hsicnn`` and ``fuzz`` known."""
    sys.path.insert(0, str(TESTS))
    spec = importlib.util.spec_from_file_location("conftest", TESTS / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


def families() -> dict[str, Any]:
    """What is spoilt, and how often."""
    from fuzz import chip_sets, maps, models, rasters

    return {"model": models, "chip set": chip_sets, "raster": rasters, "map": maps}


SHARES = {"model": 35, "chip set": 20, "raster": 35, "map": 10}


def attempt(seed: int, originals: Path, target: Path) -> dict[str, Any]:
    """Make a mutant and try it."""
    from hsicnn.core.errors import Cancelled, HsicnnError

    dice = random.Random(seed)
    family = dice.choices(list(SHARES), list(SHARES.values()))[0]
    module = families()[family]
    kind, path = module.make(originals, target, dice)
    say({"seed": seed, "kind": f"{family}: {kind}"})
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    before = memory_peak(start=True)
    result: dict[str, Any] = {"outcome": "accepted"}
    try:
        module.check(path, originals, impatient(), dice)
    except Cancelled:
        result = {"outcome": "cancelled"}
    except HsicnnError as error:
        message = str(error)
        result = {"outcome": "refused", "message": message}
        fault = fault_of(message, path, originals)
        if fault:
            result = {"outcome": "message", "message": f"{fault}: {message[:2000]!r}"}
    except BaseException:  # whatever it is, it is what we are looking for
        result = {"outcome": "error", "message": traceback.format_exc()}
    signal.setitimer(signal.ITIMER_PROF, 0)
    taken = memory_peak() - before
    if taken > MEMORY:
        result = {"outcome": "memory", "message": f"{taken >> 20} MiB; {result}"}
    return {"seed": seed, **result}


def impatient() -> Any:
    """A progress whose user cancels soon: a job may be long, but has to end then."""
    from hsicnn.core.errors import Cancelled
    from hsicnn.core.progress import SilentProgress

    class Impatient(SilentProgress):
        def __init__(self) -> None:
            self.until = time.process_time() + PATIENCE

        def check_cancel(self) -> None:
            if time.process_time() > self.until:
                raise Cancelled

    return Impatient()


def fault_of(message: str, path: Path, originals: Path) -> str:
    """What is wrong with a message to the user, if anything."""
    files = [path, *path.rglob("*"), *originals.iterdir()]
    names = {*(file.name for file in files), *(file.stem for file in files), *THINGS}
    try:
        message.encode()
    except UnicodeEncodeError:
        return "cannot be shown"
    if not message.strip():
        return "is empty"
    if "Traceback" in message or "\x00" in message:
        return "is no plain text"
    if len(message) > LONGEST:
        return f"has {len(message)} characters"
    if not any(name in message for name in names):
        return "names no file"
    return ""


def memory_peak(*, start: bool = False) -> int:
    """Largest resident memory in bytes since the last start; 0 where nobody counts it."""
    with contextlib.suppress(OSError):
        if start:
            Path("/proc/self/clear_refs").write_text("5")
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
    return 0


def limit() -> None:
    """Set the limits that a hang or a greedy file runs into."""
    faulthandler.enable()
    # The signal's own action ends the process; before it, Python shows where it was.
    faulthandler.register(signal.SIGPROF, chain=True)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ADDRESSES, used + ADDRESSES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 30, 2 << 30))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def say(message: dict[str, Any]) -> None:
    """Answer the parent."""
    ANSWERS.write(json.dumps(message) + "\n")
    ANSWERS.flush()


def main(originals: Path, work: Path) -> None:
    """Try the seeds of stdin; the first line may ask for the sound files instead."""
    import torch
    from osgeo import gdal

    torch.set_num_threads(1)
    gdal.UseExceptions()
    if not originals.exists():
        from fuzz.scenes import make_originals

        originals.mkdir()
        make_originals(originals)
        say({"seed": -1, "outcome": "made"})
        return
    families()
    limit()
    for line in sys.stdin:
        target = work / "mutant"
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        os.chdir(work)
        say(attempt(int(line), originals, target))


if __name__ == "__main__":
    ANSWERS = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    mount()
    main(Path(sys.argv[1]), Path(sys.argv[2]))

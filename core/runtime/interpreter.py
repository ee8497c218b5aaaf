"""Find the Python that runs the worker.

Inside QGIS ``sys.executable`` may be QGIS itself (starting it would open a second QGIS), so
nothing is taken on faith: every candidate is tried in a process of its own, which must find
what the job needs.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import DependencyError
from .dependencies import install_command, what_is_missing
from .probe import probe

PLUGIN_FOLDER = Path(__file__).resolve().parents[2]

#: Names the interpreter to use, before anything else that is looked for.
VARIABLE = "HSICNN_PYTHON"

#: The origin of an interpreter that the user has set in QGIS.
SETTING = "the setting"

#: What a user may have said about how threads wait.
_WAITING = {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}

_OLDEST = (3, 9)
_WINDOWS = sys.platform == "win32"


@dataclass(frozen=True)
class Candidate:
    """An interpreter that may do.

    Attributes:
        path: the program.
        origin: where it was learnt of, for messages.
    """

    path: str
    origin: str


@dataclass(frozen=True)
class Trial:
    """What trying a candidate showed.

    Attributes:
        candidate: what was tried.
        version: its Python version, such as ``3.11.2``; empty where it did not run.
        missing: modules that it lacks.
        problem: why it cannot be used besides, in a few words.
        numpy_version: of the numpy there, if any.
    """

    candidate: Candidate
    version: str
    missing: tuple[str, ...]
    problem: str
    numpy_version: str = ""

    @property
    def works(self) -> bool:
        """Whether the job can run in it."""
        return not self.missing and not self.problem

    def describe(self) -> str:
        """Return what was found, in one line."""
        if self.works:
            verdict = f"Python {self.version}, has everything needed"
        elif self.problem:
            verdict = self.problem
        else:
            verdict = f"Python {self.version}, lacks {', '.join(self.missing)}"
        return f"{self.candidate.path} ({self.candidate.origin}): {verdict}"


@dataclass(frozen=True)
class Interpreter:
    """The interpreter chosen.

    Attributes:
        path: the program.
        origin: where it was learnt of.
        version: its Python version.
    """

    path: str
    origin: str
    version: str


def _never() -> None:
    """Stand in for a cancel that nobody can press."""


def find_interpreter(
    needs: Sequence[str],
    wants: Sequence[str] = (),
    *,
    wanted: str = "",
    check_cancel: Callable[[], None] = _never,
) -> Interpreter:
    """Return the first interpreter that has what a job needs and wants, or else only needs.

    Args:
        needs: top-level modules.
        wants: modules that the job can do without.
        wanted: what the user has set; tried first, and an error where it does not run.
        check_cancel: raises when the user has cancelled; asked ten times a second.

    Raises:
        Cancelled: from ``check_cancel``.
        DependencyError: none has everything; the message lists what was tried and says how to
            install what is missing.
    """
    trials: list[Trial] = []
    for candidate in candidates(wanted):
        trial = try_candidate(candidate, (*needs, *wants), check_cancel)
        trials.append(trial)
        if trial.works or (candidate.origin == SETTING and not trial.version):
            break
    enough = [trial for trial in trials if not trial.problem and not {*trial.missing} & {*needs}]
    if enough:
        best = min(enough, key=lambda trial: len(trial.missing))
        return Interpreter(best.candidate.path, best.candidate.origin, best.version)
    raise DependencyError(_nothing_found(trials, needs))


def candidates(wanted: str = "") -> tuple[Candidate, ...]:
    """Return the interpreters that exist here, in the order in which they are tried."""
    seen: set[str] = set()
    found: list[Candidate] = []
    for path, origin in _places(wanted):
        # A link into a virtual environment is another interpreter than its target: what
        # counts is the path, not the file behind it.
        key = os.path.normcase(os.path.abspath(path))  # noqa: PTH100 - keeps links
        asked = origin in {SETTING, VARIABLE}
        if key in seen or not (asked or _is_python(Path(path))):
            continue
        seen.add(key)
        found.append(Candidate(path, origin))
    return tuple(found)


def _is_python(path: Path) -> bool:
    return bool(re.match(r"python[0-9.]*(\.exe)?$", path.name.lower())) and path.is_file()


def _places(wanted: str) -> Iterator[tuple[str, str]]:
    """Yield where a Python may lie, existing or not."""
    if wanted:
        yield wanted, SETTING
    if os.environ.get(VARIABLE):
        yield os.environ[VARIABLE], VARIABLE
    yield from _environments()
    yield from _of_this_process()
    if os.environ.get("OSGEO4W_ROOT"):
        for folder in sorted(Path(os.environ["OSGEO4W_ROOT"], "apps").glob("Python3*")):
            yield from _inside(folder, "OSGeo4W")
    for name in ("python3", "python"):
        yield shutil.which(name) or "", "PATH"
    if not _WINDOWS:
        yield "/usr/bin/python3", "the system"


def _environments() -> Iterator[tuple[str, str]]:
    """Yield the Pythons of virtual environments."""
    yield from _inside(PLUGIN_FOLDER / ".venv", "the plugin's own environment")
    if os.environ.get("VIRTUAL_ENV"):
        yield from _inside(Path(os.environ["VIRTUAL_ENV"]), "VIRTUAL_ENV")
    for entry in sys.path:
        # One that QGIS sees through PYTHONPATH or its own start-up.
        for folder in list(Path(entry).parents)[:3] if entry.endswith("site-packages") else []:
            if (folder / "pyvenv.cfg").is_file():
                yield from _inside(folder, "an environment in QGIS's module path")


def _of_this_process() -> Iterator[tuple[str, str]]:
    """Yield the Pythons that belong to the one that runs here."""
    for prefix in dict.fromkeys((sys.prefix, sys.exec_prefix, sys.base_prefix)):
        yield from _inside(Path(prefix), "QGIS's Python")
    base = getattr(sys, "_base_executable", "") or ""
    for program in (base, sys.executable or ""):
        if program:
            yield program, "QGIS's Python"
            # macOS: QGIS.app/Contents/MacOS/QGIS has its Python in bin beside it.
            yield from _inside(Path(program).parent, "beside QGIS")


def _inside(folder: Path, origin: str) -> Iterator[tuple[str, str]]:
    """Yield where a Python lies in an environment or an installation."""
    names = ("python.exe", "python3.exe") if _WINDOWS else ("python3", "python")
    for place in (folder / "Scripts", folder) if _WINDOWS else (folder / "bin", folder):
        for name in names:
            yield str(place / name), origin


def try_candidate(
    candidate: Candidate, needs: Sequence[str], check_cancel: Callable[[], None] = _never
) -> Trial:
    """Start a candidate and see what it has; fails only where ``check_cancel`` does."""
    path = Path(candidate.path)
    try:
        changed = path.stat().st_mtime_ns
    except OSError:
        return Trial(candidate, "", (), "is not there")
    if not _is_python(path):
        return Trial(candidate, "", (), "is not a Python program")
    names = tuple(sorted({*needs, "numpy"}))
    try:
        environment = worker_environment(os.environ)
        answer = probe(candidate.path, changed, names, environment, check_cancel)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return Trial(candidate, "", (), f"does not run ({str(error).strip()})")
    version = tuple(answer["version"])
    text = ".".join(str(part) for part in version)
    if version[:2] < _OLDEST:
        return Trial(candidate, text, (), f"Python {text} is older than 3.9")
    lacks = tuple(name for name in needs if not answer["found"][name])
    problem = f"GDAL does not load there ({answer['problem']})" if answer["problem"] else ""
    return Trial(candidate, text, lacks, problem if "osgeo" in needs else "", answer["numpy"])


def worker_environment(environment: Mapping[str, str], temporary: str = "") -> dict[str, str]:
    """Return the environment variables for another interpreter.

    Args:
        environment: QGIS's own. Its PYTHONHOME and PYTHONPATH belong to QGIS's Python and
            would give another interpreter a foreign standard library.
        temporary: a folder for temporary files, so that nothing is left in the common one
            when the process is killed; empty: the common one.
    """
    dropped = {"PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONEXECUTABLE"}
    kept = {name: value for name, value in environment.items() if name.upper() not in dropped}
    if temporary:
        kept.update(TMPDIR=temporary, TEMP=temporary, TMP=temporary, CPL_TMPDIR=temporary)
    if _WINDOWS:
        # GDAL's bindings find QGIS's libraries by PATH only when told so.
        kept["USE_PATH_FOR_GDAL_PYTHON"] = "YES"
    if not _WAITING & {name.upper() for name in kept}:
        # Torch's threads wait for each other hundreds of times a step. By default they spin
        # until a core that another program has is free again, and steps take up to ten times
        # as long; after this many turns they sleep instead.
        kept["GOMP_SPINCOUNT"] = "1000"
    # The C library of Linux gives every thread a heap of its own, and what one thread has let go of
    # is no use to the others: over a large raster that grew to 60 MiB that no plan knew of.
    kept.setdefault("MALLOC_ARENA_MAX", "1")
    return kept


def _nothing_found(trials: Sequence[Trial], needs: Sequence[str]) -> str:
    tried = "".join(f"\n  - {trial.describe()}" for trial in trials)
    if not trials:
        return (
            f"No Python was found to run the worker; set {VARIABLE} to one that has "
            f"{', '.join(needs)}."
        )
    # The one to complete is the one that lacks least, the first of equals.
    running = [trial for trial in trials if trial.missing and not trial.problem]
    if not running:
        return f"No Python runs the worker. Tried:{tried}\nSet {VARIABLE} to one that does."
    best = min(running, key=lambda trial: len(trial.missing))
    command = install_command(best.candidate.path, best.missing, best.numpy_version)
    return (
        f"{what_is_missing(best.missing)} Tried:{tried}\nInstall with:\n  {command}\n"
        f"or set {VARIABLE} to a Python that has {', '.join(needs)}."
    )

"""Runs the checkout as the plugin ``hsicnn`` in ``qgis_process``, with a throw-away profile.

Arguments are those of ``qgis_process``: ``list``, ``run hsicnn:classifyraster -- INPUT=...``,
``--json run hsicnn:checkenvironment -- REPORT=...``.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: Where a profile holds its plugins, from its home.
PLUGINS = Path(".local/share/QGIS/QGIS3/profiles/default/python/plugins")


def program() -> str:
    """The qgis_process of this machine; Debian 12's wrapper fails, so its binary comes first."""
    for name in ("qgis_process.bin", "qgis_process"):
        found = shutil.which(name)
        if found:
            return found
    raise RuntimeError("qgis_process is not there; install QGIS (apt-get install qgis)")


def profile(folder: Path) -> dict[str, str]:
    """Make a profile where the checkout is the plugin; return the environment that uses it.

    Args:
        folder: an empty folder that is thrown away afterwards.
    """
    plugins = folder / "plugins"
    plugins.mkdir()
    (plugins / "hsicnn").symlink_to(ROOT, target_is_directory=True)
    return enabled({**variables(folder), "QGIS_PLUGINPATH": str(plugins)})


def installed(folder: Path, archive: zipfile.ZipFile) -> dict[str, str]:
    """Install a release the way QGIS does; return the environment that uses it.

    Args:
        folder: an empty folder that is thrown away afterwards.
        archive: what ``make zip`` has written.
    """
    environment = variables(folder)
    archive.extractall(folder / PLUGINS)
    return enabled(environment)


def variables(folder: Path) -> dict[str, str]:
    """Return the environment of a QGIS whose home is a folder."""
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    # Not every variable of the caller's: a Python that is active there is not QGIS's.
    path = [str(ROOT / ".venv" / "bin")] if (ROOT / ".venv" / "bin").is_dir() else []
    kept = {name: value for name, value in os.environ.items() if not name.startswith("QGIS_")}
    environment = {
        **kept,
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(runtime),
        "QT_QPA_PLATFORM": "offscreen",
        "PATH": os.pathsep.join([*path, os.environ.get("PATH", "")]),
    }
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "PYTHONHOME", "PYTHONPATH"):
        environment.pop(name, None)
    if "COVERAGE_PROCESS_CONFIG" in environment:
        environment["PYQGIS_STARTUP"] = str(ROOT / "tests" / "support" / "save_coverage.py")
    return environment


def enabled(environment: dict[str, str]) -> dict[str, str]:
    """Enable the plugin in a profile and return the profile's environment."""
    done = subprocess.run(
        [program(), "plugins", "enable", "hsicnn"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the plugin could not be enabled:\n{done.stdout}{done.stderr}")
    return environment


def main(arguments: list[str]) -> int:
    """Run qgis_process; Ctrl-C reaches it and is not ours."""
    with tempfile.TemporaryDirectory(prefix="hsicnn-profile-") as folder:
        environment = profile(Path(folder))
        process = subprocess.Popen([program(), *arguments], env=environment)
        signal.signal(signal.SIGINT, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: process.send_signal(signal.SIGINT))
        return process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

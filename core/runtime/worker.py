"""The program of the worker process: started by its path, runs one job, ends.

It is not imported by the package. It secures the channel to its parent first, then mounts
the package under its own name, whatever the folder is called, and lets ``child`` do the rest.
"""

from __future__ import annotations

import os
import sys
from typing import IO

#: What may be imported from the folder of this file would be the package's own modules under
#: false names, so Python's habit of putting it first in sys.path is undone.
_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - no import yet


def secure_channels() -> tuple[IO[bytes], IO[bytes]]:
    """Take stdin and stdout for the parent alone, before anything can print.

    Whatever writes to fd 1 from here on (a print, a library's C code) lands in stderr.

    Returns:
        The stream of the parent's messages and the stream of ours.
    """
    incoming = os.fdopen(os.dup(0), "rb")
    outgoing = os.fdopen(os.dup(1), "wb", buffering=0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != _HERE]  # noqa: PTH100
    return incoming, outgoing


def mount_package() -> None:
    """Make the checkout importable as ``hsicnn``."""
    import importlib.util

    root = os.path.dirname(os.path.dirname(_HERE))  # noqa: PTH120
    spec = importlib.util.spec_from_file_location(
        "hsicnn",
        os.path.join(root, "__init__.py"),  # noqa: PTH118
        submodule_search_locations=[root],
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{root} holds no package")
    module = importlib.util.module_from_spec(spec)
    sys.modules["hsicnn"] = module
    spec.loader.exec_module(module)


def main() -> None:
    """Run the one job that the parent sends."""
    incoming, outgoing = secure_channels()
    mount_package()
    from hsicnn.core.runtime import child

    child.serve(incoming, outgoing)


if __name__ == "__main__":
    main()

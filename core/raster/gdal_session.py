"""GDAL with exceptions and a small block cache, for as long as it is needed.

QGIS shares its interpreter with every plugin: GDAL's switches are process-wide, so they
are set inside ``gdal_session()`` only and put back by whoever leaves last.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from osgeo import gdal, ogr, osr

from ..errors import reason

CACHE_BYTES = 64 * 1024 * 1024
#: What GDAL raises; the second where its message quotes bytes of a damaged file.
GDAL_ERRORS = (RuntimeError, UnicodeDecodeError)
_MODULES = (gdal, ogr, osr)


class _Switches:
    """What the first one in found, for the last one out to restore."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.depth = 0
        self.cache = CACHE_BYTES
        self.exceptions: tuple[bool, ...] = ()

    def enter(self, cache_bytes: int) -> None:
        """Count one more user; the first sets the switches."""
        with self.lock:
            self.depth += 1
            if self.depth > 1:
                return
            self.cache = gdal.GetCacheMax()
            gdal.SetCacheMax(min(self.cache, cache_bytes))
            if not hasattr(gdal, "ExceptionMgr"):
                self.exceptions = tuple(bool(m.GetUseExceptions()) for m in _MODULES)
                for module in _MODULES:
                    module.UseExceptions()

    def leave(self) -> None:
        """Count one user less; the last restores the switches."""
        with self.lock:
            self.depth -= 1
            if self.depth > 0:
                return
            gdal.SetCacheMax(self.cache)
            # In reverse: each module stacks its error handler upon the one before.
            for module, used in zip(_MODULES[::-1], self.exceptions[::-1]):
                if not used:
                    _switch_off(module)


def _switch_off(module: Any) -> None:
    """Turn a module's exceptions off, unless someone else stacked a handler meanwhile."""
    with suppress(RuntimeError):
        module.DontUseExceptions()


_switches = _Switches()


@contextmanager
def gdal_session(cache_bytes: int = CACHE_BYTES) -> Iterator[None]:
    """Turn on GDAL's exceptions and hold its block cache small, then restore both.

    May be nested and entered from several threads. From GDAL 3.7 on the exceptions are
    switched for the calling thread alone; before, the switch is the process's.
    """
    _switches.enter(cache_bytes)
    try:
        with ExitStack() as stack:
            for module in _MODULES:
                manager: Any = getattr(module, "ExceptionMgr", None)
                if manager is not None:
                    stack.enter_context(manager(useExceptions=True))
            yield
    finally:
        _switches.leave()


def read_pixels(of: Any, *area: int, **options: Any) -> bytes:
    """Return pixels of a dataset or a band; the arguments are those of its ``ReadRaster``.

    Raises:
        RuntimeError: they cannot be read, also where the format's driver fails without a word.
    """
    try:
        data: bytes | None = of.ReadRaster(*area, **options)
    except UnicodeDecodeError as error:
        raise RuntimeError(reason(error)) from error
    if data is None:
        raise RuntimeError("GDAL gives no reason")
    return data

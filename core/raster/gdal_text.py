"""Texts of files as GDAL returns them, also where a file does not keep to UTF-8."""

from __future__ import annotations

from typing import Any, Union

Text = Union[str, bytes, None]

#: The metadata domain of what our rasters note of themselves.
DOMAIN = "HSICNN"


def plain(text: Text) -> str:
    """A text, whatever its file is encoded in.

    Old programs write headers in Latin-1: the micro sign of ``µm`` is then no UTF-8, and
    GDAL's bindings return bytes, or a text with surrogates in their place, which no file or
    page can be written with.
    """
    if isinstance(text, str):
        text = text.encode("utf-8", "surrogateescape")
    try:
        return (text or b"").decode()
    except UnicodeDecodeError:
        return (text or b"").decode("latin-1")


def metadata_of(item: Any, domain: str = "") -> dict[str, str]:
    """The metadata of an open GDAL dataset or band in one domain."""
    return {plain(key): plain(value) for key, value in (item.GetMetadata(domain) or {}).items()}


def description_of(item: Any) -> str:
    """The description of an open GDAL dataset or band, such as a band's name."""
    return plain(item.GetDescription())

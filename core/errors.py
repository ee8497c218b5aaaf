"""The errors a user can act on.

Every message names the thing, what was found, what was expected and what to do.
"""

from __future__ import annotations

import re
import textwrap


class HsicnnError(Exception):
    """Base of every error whose message is meant for the user."""


class InputError(HsicnnError):
    """A parameter value that cannot work."""


class RasterError(HsicnnError):
    """A raster that cannot be read, written, or does not fit."""


class LabelError(HsicnnError):
    """Reference data without usable labels."""


class SplitError(HsicnnError):
    """Labels that cannot be divided as asked."""


class ChipSetError(HsicnnError):
    """A chip set that is damaged, missing parts, or not a chip set."""


class ModelFileError(HsicnnError):
    """A model file that is damaged, of a newer format, or not a model file."""


class DeviceError(HsicnnError):
    """A device that was asked for and does not work."""


class DependencyError(HsicnnError):
    """A package that is needed and missing or broken."""


class WorkerError(HsicnnError):
    """The worker process failed outside the core's own checks."""


class Cancelled(HsicnnError):  # noqa: N818 - cancelling is no error of the user's
    """The user cancelled; nothing was overwritten."""

    def __init__(self, message: str = "Cancelled.") -> None:
        super().__init__(message)


class Abandoned(Cancelled):
    """Whoever started the job has gone; a later run may go on with what is finished."""

    def __init__(self) -> None:
        super().__init__("The program that started this job has gone.")


def reason(error: BaseException) -> str:
    """What a library says went wrong, as a part of a message: its beginning, if it is long."""
    if isinstance(error, UnicodeDecodeError):  # GDAL quotes what a damaged file holds
        text = error.object.decode("utf-8", "replace")
    else:
        text = str(error).encode("utf-8", "replace").decode()
    return shortened(text).rstrip(".")


def shortened(text: str) -> str:
    """The beginning of a text that quotes what a file holds: that may be a book, or no text."""
    return textwrap.shorten(re.sub(r"[\x00-\x1f]", " ", text), 300, placeholder=" ...")

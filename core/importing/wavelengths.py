"""Wavelengths of the bands: from the user, from a file, from names of columns; in nm."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError, reason, shortened
from ..raster.band_metadata import to_nanometres
from ..raster.bands import Band
from .arrays import Container, is_file

_RANGE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*-\s*(\d+(?:\.\d+)?)\s*(nm|um|µm)?\s*")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_COLUMN = re.compile(r"(\D*?)(\d+(?:\.\d+)?)\s*_?(nm|um|µm|cm-1)?\b.*")
_ENVI_LIST = re.compile(r"^wavelength\s*=\s*\{(.*?)\}", re.IGNORECASE | re.DOTALL | re.MULTILINE)
_ENVI_UNIT = re.compile(r"^wavelength units\s*=\s*(\w+)", re.IGNORECASE | re.MULTILINE)
_ARRAYS = {"wavelength", "wavelengths", "wl", "lambda", "wave", "centers", "nm"}
#: What column names begin with, and the unit of the number behind it.
_UNITS = {
    **dict.fromkeys(("", "wl", "w", "wavelength", "lambda", "nm", "r", "refl"), ""),
    **dict.fromkeys(("wn", "wavenumber"), "cm-1"),
}
_MOST_BYTES = 20_000_000


@dataclass(frozen=True)
class Wavelengths:
    """Where bands lie.

    Attributes:
        values: nm, one a band; empty where unknown.
        why: where they come from, in words.
    """

    values: tuple[float, ...]
    why: str


def find_wavelengths(text: str, container: Container, bands: int) -> Wavelengths:
    """Find the wavelengths of the bands of an array.

    Args:
        text: what the user says: ``400-2500``, a list of numbers, or a file; may be empty.
        container: the file that is imported.
        bands: how many there are.

    Raises:
        InputError: the user's are not as many, or no wavelengths.
    """
    if text.strip():
        values, unit, why = _given(text.strip(), bands)
        return Wavelengths(_checked(values, unit, bands, why), why)
    if container.band_names:
        found = _of_names(container.band_names)
        if len(found) == bands:
            return Wavelengths(found, f"the names of the columns of {container.name}")
    for item in container.arrays:
        if item.name.lower() in _ARRAYS and item.numeric and item.size == bands:
            values = [float(v) for v in item.read().reshape(-1)]
            lengths = [to_nanometres(value, "") for value in values]
            known = tuple(length for length in lengths if length is not None)
            if len(known) == bands:
                return Wavelengths(known, f"'{item.name}' of {container.name}")
    return Wavelengths((), "")


def count_of_wavelengths(text: str, container: Container, shape: Sequence[int]) -> int:
    """Return how many wavelengths are known, if that tells an array's axes apart; else 0.

    Raises:
        InputError: what the user says is no wavelengths at all.
    """
    if text.strip():
        values, _, _ = _given(text.strip(), 0)
        return len(values) if len(values) in shape else 0
    known = {length for length in shape if find_wavelengths("", container, length).values}
    return known.pop() if len(known) == 1 else 0


def make_bands(
    wavelengths: Wavelengths, names: Sequence[str], count: int, scale: float
) -> tuple[Band, ...]:
    """Return the bands of an imported image or of samples."""
    lengths: Sequence[float | None] = wavelengths.values or [None] * count
    titles = names if len(names) == count else [f"band {number + 1}" for number in range(count)]
    return tuple(
        Band(number, title, wavelength=length, scale=scale)
        for number, (title, length) in enumerate(zip(titles, lengths), 1)
    )


def _given(text: str, bands: int) -> tuple[list[float], str, str]:
    """Return the user's numbers, their unit, and where they come from."""
    limits = _RANGE.fullmatch(text)
    if limits:
        if not bands:
            return [], "", ""
        values = np.linspace(float(limits[1]), float(limits[2]), bands).tolist()
        return values, limits[3] or "", f"WAVELENGTHS {text}, evenly spaced"
    if re.fullmatch(r"[\d.,;\s]+", text):
        return [float(number) for number in _NUMBER.findall(text)], "", "WAVELENGTHS"
    path = Path(text)
    if not is_file(path):
        raise InputError(
            f"WAVELENGTHS is '{shortened(text)}'; expected a range such as 400-2500, a list of "
            "numbers, or a file with one number a line."
        )
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"WAVELENGTHS {path.name} is too large for a list of numbers.")
        content = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise InputError(f"WAVELENGTHS {path} cannot be read: {reason(error)}.") from error
    envi = _ENVI_LIST.search(content)
    unit = _ENVI_UNIT.search(content)
    if envi:
        return [float(n) for n in _NUMBER.findall(envi[1])], unit[1] if unit else "", path.name
    return _of_lines(content, bands), "", path.name


def _of_lines(content: str, bands: int) -> list[float]:
    """Return the numbers of a list; of lines with several, the second (behind the band number)."""
    lines = [_NUMBER.findall(line) for line in content.splitlines()]
    numbers = [[float(number) for number in line] for line in lines if line]
    flat = [number for line in numbers for number in line]
    wide = [line for line in numbers if len(line) >= 2]
    if len(flat) == bands or len(wide) < len(numbers) - 1:  # a line of names may have a number
        return flat
    first = [line[0] for line in wide]
    counted = first in (list(range(len(wide))), list(range(1, len(wide) + 1)))
    return [line[1 if counted else 0] for line in wide]


def _checked(values: Sequence[float], unit: str, bands: int, why: str) -> tuple[float, ...]:
    lengths = [to_nanometres(value, unit) for value in values]
    wrong = [value for value, length in zip(values, lengths) if length is None]
    if wrong:
        raise InputError(f"{why} has {wrong[0]:g}, which is no wavelength; they are in nm or µm.")
    if len(lengths) != bands:
        raise InputError(
            f"{why} has {len(lengths)} wavelengths for {bands} bands; they must be as many. Give "
            "others, or leave WAVELENGTHS empty."
        )
    return tuple(length for length in lengths if length is not None)


def _of_names(names: Sequence[str]) -> tuple[float, ...]:
    """Return the wavelengths in names of columns; none where they only count the bands."""
    found: list[float] = []
    for name in names:
        parts = _COLUMN.fullmatch(name.strip())
        start = parts[1].strip(" _.-").lower() if parts else ""
        if parts is None or (not parts[3] and start not in _UNITS):
            return ()
        length = to_nanometres(float(parts[2]), parts[3] or _UNITS.get(start, ""))
        if length is None:
            return ()
        found.append(length)
    counted = [float(_COLUMN.fullmatch(name.strip())[2]) for name in names]  # type: ignore[index]
    if np.array_equal(np.diff(counted), np.ones(len(counted) - 1)) and counted[0] in (0, 1):
        return ()
    return tuple(found)

"""Wavelengths, widths, bad bands and factors as different programs write them.

ENVI keeps lists in its header (GDAL: the ``ENVI`` domain), EnMAP-Box and QGIS keep items
per band, GDAL from 3.10 on has an ``IMAGERY`` domain, and NetCDF keeps dimension values.
Each quantity is looked for on its own, the most specific place first.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .gdal_text import description_of, metadata_of

if TYPE_CHECKING:
    from .bands import Band

LIGHT_NM_PER_S = 299_792_458.0 * 1e9
# Between gamma rays and a kilometre: no image is of other waves.
SHORTEST_NM, LONGEST_NM = 1e-3, 1e12

# How many nanometres one unit is.
LENGTHS: Mapping[str, float] = {
    "nm": 1.0,
    "nanometer": 1.0,
    "nanometre": 1.0,
    "um": 1e3,
    "µm": 1e3,  # the micro sign
    "μm": 1e3,  # the Greek letter
    "micron": 1e3,
    "micrometer": 1e3,
    "micrometre": 1e3,
    "mm": 1e6,
    "millimeter": 1e6,
    "millimetre": 1e6,
    "cm": 1e7,
    "centimeter": 1e7,
    "centimetre": 1e7,
    "m": 1e9,
    "meter": 1e9,
    "metre": 1e9,
    "angstrom": 0.1,
    "ångström": 0.1,
}
WAVENUMBERS = frozenset({"wavenumber", "cm-1", "cm^-1", "1/cm", "cm**-1", "cm⁻¹"})
FREQUENCIES: Mapping[str, float] = {"hz": 1.0, "mhz": 1e6, "ghz": 1e9, "thz": 1e12}
NO_UNIT = frozenset({"", "unknown", "none", "-"})

_IN_NAME = re.compile(
    r"(?<![\d.])(?<!^-)(?<![\s(]-)(?<!\de[-+])\(?\b(\d+(?:\.\d+)?)\s*"
    r"(nm|um|µm|nanometers?|nanometres?|micrometers?|micrometres?|microns?)\)?\s*$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Spectral:
    """What metadata say of one band; wavelengths in nanometres.

    Attributes:
        wavelength: centre, nm, where known.
        fwhm: full width at half maximum, nm, where known.
        bad: marked as bad by its maker.
        reflectance_factor: ENVI's ``reflectance scale factor``: raw values are reflectance
            times this.
        ignore_value: ENVI's ``data ignore value``, for files where GDAL knows no nodata.
    """

    wavelength: float | None
    fwhm: float | None
    bad: bool
    reflectance_factor: float | None
    ignore_value: float | None


def to_nanometres(value: float, unit: str) -> float | None:
    """A wavelength, wavenumber (1/cm) or frequency as a wavelength in nanometres.

    Without a unit, 100 and more are nanometres and less are micrometres, as ENVI files
    that forgot theirs have it.

    Returns:
        The wavelength, or None where the value is no positive number, its unit is not one
        of light (``Index``), or there is no such light.
    """
    if not math.isfinite(value) or value <= 0:
        return None
    name = _unit(unit)
    found = 0.0
    if name in NO_UNIT:
        found = value if value >= 100 else value * 1e3
    elif name in LENGTHS:
        found = value * LENGTHS[name]
    elif name in WAVENUMBERS:
        found = 1e7 / value
    elif name in FREQUENCIES:
        found = LIGHT_NM_PER_S / (value * FREQUENCIES[name])
    return found if SHORTEST_NM < found < LONGEST_NM else None


def read_spectral(dataset: Any) -> list[Spectral]:
    """What an open GDAL dataset says of each of its bands, in file order."""
    count = dataset.RasterCount
    envi = _lower(metadata_of(dataset, "ENVI"))
    plain = _lower(metadata_of(dataset))
    lists = {
        key: _numbers(envi.get(key), count) or _numbers(plain.get(key), count)
        for key in ("wavelength", "wavelengths", "fwhm", "bbl")
    }
    lists["wavelength"] = lists["wavelength"] or lists.pop("wavelengths")
    unit = envi.get("wavelength_units") or plain.get("wavelength_units", "")
    factor = _factor(envi.get("reflectance_scale_factor"))
    ignore = _number(envi.get("data_ignore_value"))
    result = []
    for position in range(count):
        band = dataset.GetRasterBand(position + 1)
        own = _lower(metadata_of(band))
        listed = {key: values[position] for key, values in lists.items() if values}
        wavelength, fwhm = _wavelength(band, own, listed, unit, plain)
        bad = _number(own.get("bbl", own.get("badbandmultiplier")))
        bad = listed.get("bbl") if bad is None else bad
        result.append(Spectral(wavelength, fwhm, bad == 0, factor, ignore))
    return result


def describe_image(dataset: Any, bands: Sequence[Band]) -> None:
    """Write down what the bands of a new GDAL dataset mean, so that ``read_bands`` reads it."""
    for number, told in enumerate(bands, start=1):
        band = dataset.GetRasterBand(number)
        items = {}
        if told.wavelength is not None:
            items = {"wavelength": repr(told.wavelength), "wavelength_units": "nm"}
        if told.fwhm is not None:
            items["fwhm"] = repr(told.fwhm)
        if told.bad:
            items["bbl"] = "0"
        if items:
            band.SetMetadata(items)
        if told.scale != 1.0:
            band.SetScale(told.scale)
        if told.offset != 0.0:
            band.SetOffset(told.offset)


def _wavelength(
    band: Any,
    own: Mapping[str, str],
    listed: Mapping[str, float],
    listed_unit: str,
    plain: Mapping[str, str],
) -> tuple[float | None, float | None]:
    """Centre and width of one band in nm, from the first place that has a centre."""
    imagery = _lower(metadata_of(band, "IMAGERY"))
    own_unit = own.get("wavelength_units") or own.get("wavelength_unit") or listed_unit
    in_name = _IN_NAME.search(description_of(band))
    listed_fwhm = listed.get("fwhm")
    places = (
        (_number(own.get("wavelength")), _number(own.get("fwhm")), own_unit),
        (listed.get("wavelength"), listed_fwhm, listed_unit),
        (_number(imagery.get("central_wavelength_um")), _number(imagery.get("fwhm_um")), "um"),
        (_number(own.get("netcdf_dim_wavelength")), None, plain.get("wavelength#units", "")),
        (float(in_name[1]), None, in_name[2]) if in_name else (None, None, ""),
    )
    for value, width, unit in places:
        centre = None if value is None else to_nanometres(value, unit)
        if value is None or centre is None:
            continue
        if width is None and _unit(unit) == _unit(listed_unit):
            return centre, _width(value, listed_fwhm, centre)
        return centre, _width(value, width, centre)
    return None, None


def _width(value: float, width: float | None, centre: float) -> float | None:
    """A width in nm, given in the unit of ``value``; None where it is none."""
    if width is None or not width > 0 or not math.isfinite(width):
        return None
    # d(1/v) / (1/v) = dv / v: the relative width is the same for wavelengths, wavenumbers
    # and frequencies.
    found = width * (centre / value)
    return found if 0 < found < LONGEST_NM else None


def _unit(text: str) -> str:
    """A unit in one spelling: lower case, singular."""
    name = text.strip().lower()
    return name[:-1] if len(name) > 1 and name.endswith("s") else name


def _lower(metadata: Mapping[str, str]) -> dict[str, str]:
    """Metadata with keys in one spelling: lower case, underscores."""
    return {key.lower().replace(" ", "_"): value for key, value in metadata.items()}


def _number(text: str | None) -> float | None:
    """The number a text holds, None where it holds none."""
    try:
        value = float(str(text))
    except ValueError:
        return None
    return None if math.isnan(value) else value


def _factor(text: str | None) -> float | None:
    """A factor that leaves values to count with, None where the text holds no such."""
    value = _number(text)
    return value if value is not None and 1e-30 < value < 1e30 else None


def _numbers(text: str | None, count: int) -> list[float]:
    """The ``count`` numbers of an ENVI list such as ``{400, 410}``; empty if it has others."""
    items = [part for part in re.split(r"[\s,;]+", (text or "").strip(" {}[]\n\t\r")) if part]
    values = [_number(item) for item in items]
    numbers = [value for value in values if value is not None]
    return numbers if len(numbers) == count == len(items) else []

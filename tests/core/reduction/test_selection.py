"""Which bands are used, and what is said of the others."""

from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.errors import Cancelled, InputError, RasterError
from hsicnn.core.progress import SilentProgress
from hsicnn.core.raster.source import RasterSource
from hsicnn.core.reduction.selection import parse_bands, parse_ranges, select_bands
from hsicnn.core.reduction.settings import ReduceSettings
from spectral_images import NODATA, Listener, spectra_image, write_image


def choose(path, progress=None, **given):
    with RasterSource(path) as source:
        found = select_bands(source, ReduceSettings(**given), progress or SilentProgress())
    return [band.index for band in found.bands], " ".join(found.notes)


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """52 bands, 450-2496 nm: two marked as bad, one of them in water vapour; one empty."""
    raw = np.rint(spectra_image(52, 8, 8)).astype(np.int16)
    raw[9] = NODATA
    path = tmp_path_factory.mktemp("wide") / "wide.tif"
    return write_image(path, raw, bad=(4, 23)).path


def nm(index):
    return 450 + 40.125 * (index - 1)


def test_bad_empty_and_water_vapour_bands_are_out_and_said(wide):
    found, notes = choose(wide)
    wet = {
        n
        for n in range(1, 53)
        if 1340 <= nm(n) <= 1480 or 1770 <= nm(n) <= 1970 or 2450 <= nm(n) <= 3000
    }
    assert wet == {24, 25, 26, 34, 35, 36, 37, 38, 51, 52}
    assert found == [n for n in range(1, 53) if n not in wet | {5, 10, 24}]
    assert "as bad (bbl = 0): bands 5, 24" in notes
    assert "as empty" in notes
    assert "band 10" in notes
    assert "water vapour absorbs there: bands 25-26, 34-38, 51-52" in notes


def test_switches_let_them_in(wide):
    found, notes = choose(wide, drop_bad=False, drop_water_vapour=False)
    assert found == [n for n in range(1, 53) if n != 10]  # an empty one never
    assert "bad" not in notes
    assert "water" not in notes


def test_ranges_and_numbers_add_up(wide):
    assert choose(wide, ranges="450-500")[0] == [1, 2]
    assert choose(wide, ranges="450 - 500 nm; 1000\u20131050")[0] == [1, 2, 15]
    found, notes = choose(wide, ranges="450-500", bands="2-4, 7")
    assert found == [1, 2, 3, 4, 7]
    assert "not asked for" in notes
    assert choose(wide, bands="1-6,10")[0] == [1, 2, 3, 4, 6]  # 5 is bad, 10 empty
    assert choose(wide, bands="5-6", drop_bad=False)[0] == [5, 6]


def test_bands_come_by_wavelength(tmp_path):
    from osgeo import gdal

    image = write_image(tmp_path / "image.tif", spectra_image(4, 5, 5).astype(np.float32))
    dataset = gdal.Open(image.path, gdal.GA_Update)
    for number, wavelength in enumerate((700, 500, 650, 450), start=1):
        dataset.GetRasterBand(number).SetMetadataItem("wavelength", str(wavelength))
    dataset = None
    assert choose(image.path)[0] == [4, 2, 3, 1]
    assert choose(image.path, bands="1-3")[0] == [2, 3, 1]


def test_without_wavelengths_bands_go_by_number(tmp_path):
    image = write_image(
        tmp_path / "image.tif", spectra_image(4, 5, 5).astype(np.float32), wavelengths=False
    )
    assert choose(image.path, bands="2,4")[0] == [2, 4]
    with pytest.raises(InputError, match=r"RANGES are wavelengths, and no band.*BANDS"):
        choose(image.path, ranges="450-900")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("450", "no range"),
        ("blue", "no range"),
        ("450-", "no range"),
        ("900-450", "450-900"),
        ("-5-10", "no range"),
    ],
)
def test_ranges_that_are_none(text, what):
    with pytest.raises(InputError, match=f"RANGES holds '{text}'.*{what}"):
        parse_ranges(text)


@pytest.mark.parametrize("text", ["0", "5-3", "x", "1.5", "1-2-3", "0-4", "-3"])
def test_numbers_that_are_none(text):
    with pytest.raises(InputError, match=f"BANDS holds '{text}'"):
        parse_bands(text)


def test_nothing_said_is_nothing_asked():
    assert parse_ranges(" , ") == ()
    assert parse_bands("") == ()
    assert parse_bands("1 - 3;7\n9") == ((1, 3), (7, 7), (9, 9))


def test_what_the_image_does_not_have(wide):
    with pytest.raises(InputError, match=r"2600-2700, where wide.tif has no band.*450-2496"):
        choose(wide, ranges="450-500, 2600-2700")
    with pytest.raises(InputError, match=r"BANDS names band 60; wide.tif has 52"):
        choose(wide, bands="50-60")
    with pytest.raises(InputError, match=r"No band of wide.tif is left.*water vapour"):
        choose(wide, ranges="1380-1440")
    with pytest.raises(InputError, match=r"No band of wide.tif is left.*bad"):
        choose(wide, bands="5")


def test_an_image_without_a_usable_band(tmp_path):
    image = write_image(tmp_path / "image.tif", np.full((2, 4, 4), NODATA, np.int16))
    with pytest.raises(RasterError, match="no usable band"):
        choose(image.path)


def test_cancel_while_empty_bands_are_looked_for(wide):
    with pytest.raises(Cancelled):
        choose(wide, Listener(cancel_after=0))


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"method": "ica"}, "METHOD is 'ica'"),
        ({"components": 0}, "COMPONENTS is 0"),
        ({"explained": 1.5}, "EXPLAINED is 1.5"),
        ({"explained": 0.0}, "EXPLAINED is 0"),
        ({"components": 3, "explained": 0.9}, "only one"),
        ({"sample": -1}, "SAMPLE is -1"),
    ],
)
def test_settings_that_cannot_be(given, what):
    with pytest.raises(InputError, match=what):
        ReduceSettings(**given).check()

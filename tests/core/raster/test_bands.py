from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hsicnn.core.errors import RasterError
from hsicnn.core.raster.band_metadata import to_nanometres
from hsicnn.core.raster.bands import Band, describe_bands, match_bands, usable_bands
from hsicnn.core.raster.gdal_session import gdal_session
from hsicnn.core.raster.source import RasterSource
from hsicnn.core.raster.windows import Window
from hypothesis import given
from hypothesis import strategies as st
from osgeo import gdal


def bands_of(path):
    with RasterSource(path) as source:
        return source.bands


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (550, "nm", 550),
        (550, "Nanometers", 550),
        (0.55, "Micrometers", 550),
        (0.55, "µm", 550),
        (0.55, "microns", 550),
        (5.5e-7, "Meters", 550),
        (5500, "Angstroms", 550),
        (10000, "Wavenumber", 1000),
        (4000, "cm-1", 2500),
        (299792.458, "GHz", 1000),
        (0.55, "Unknown", 550),
        (550, "", 550),
        (3, "Index", None),
        (-1, "nm", None),
        (math.nan, "nm", None),
    ],
)
def test_units_become_nanometres(value, unit, expected):
    found = to_nanometres(value, unit)
    assert found == (expected if expected is None else pytest.approx(expected))


def test_per_band_items(make_raster):
    items = {"wavelength": "0.66", "wavelength_units": "Micrometers", "fwhm": "0.012", "bbl": "0"}
    plain = {"WAVELENGTH": "500", "WAVELENGTH_UNITS": "nm", "FWHM": "8"}
    path = make_raster(np.ones((2, 2, 2), np.int16), band_metadata=[{"": items}, {"": plain}])
    first, second = bands_of(path)
    assert (first.wavelength, first.fwhm, first.bad) == (660, pytest.approx(12), True)
    assert (second.wavelength, second.fwhm, second.bad) == (500, 8, False)


def test_imagery_domain(make_raster):
    items = {"CENTRAL_WAVELENGTH_UM": "0.665", "FWHM_UM": "0.03"}
    (band,) = bands_of(
        make_raster(np.ones((1, 2, 2), np.int16), band_metadata=[{"IMAGERY": items}])
    )
    assert (band.wavelength, band.fwhm) == (pytest.approx(665), pytest.approx(30))


def test_a_hyphen_in_a_name_is_no_minus(make_raster):
    names = ["R-670nm", "-670 nm", "x (-670 nm)"]
    bands = bands_of(make_raster(np.ones((3, 2, 2), np.int16), descriptions=names))
    assert [band.wavelength for band in bands] == [670, None, None]


def test_names_with_a_unit(make_raster):
    names = ["band 1 (400.5 nm)", "band 2 (0.55 Micrometers)", "band 3 (1.5)"]
    bands = bands_of(make_raster(np.ones((3, 2, 2), np.int16), descriptions=names))
    assert [band.wavelength for band in bands] == [400.5, pytest.approx(550), None]
    assert [band.name for band in bands] == names


def test_widths_of_wavenumbers(make_raster):
    items = {"wavelength": "4000", "wavelength_units": "Wavenumber", "fwhm": "8"}
    (band,) = bands_of(make_raster(np.ones((1, 2, 2), np.int16), band_metadata=[{"": items}]))
    assert (band.wavelength, band.fwhm) == (2500, pytest.approx(5))


def test_wavelengths_as_a_netcdf_dimension(tmp_path, epsg_wkt):
    path = tmp_path / "cube.nc"
    with gdal_session():
        driver = gdal.GetDriverByName("netCDF")
        if driver is None:
            pytest.skip("GDAL without NetCDF")
        dataset = gdal.GetDriverByName("MEM").Create("", 4, 3, 3, gdal.GDT_Float32)
        dataset.SetGeoTransform((10, 1, 0, 50, 0, -1))
        dataset.SetProjection(epsg_wkt(4326))
        dataset.SetMetadata(
            {
                "NETCDF_DIM_EXTRA": "{wavelength}",
                "NETCDF_DIM_wavelength_DEF": "{3,6}",
                "NETCDF_DIM_wavelength_VALUES": "{0.4,0.5,0.6}",
                "wavelength#units": "um",
            }
        )
        for position in range(3):
            dataset.GetRasterBand(position + 1).SetMetadataItem(
                "NETCDF_DIM_wavelength", str(0.4 + position / 10)
            )
        driver.CreateCopy(str(path), dataset).FlushCache()
    assert [band.wavelength for band in bands_of(path)] == pytest.approx([400, 500, 600])


HEADER = {
    "wavelength": "{0.4, 0.5, 0.6}",
    "wavelength units": "Micrometers",
    "fwhm": "{0.01, 0.02, 0.03}",
    "bbl": "{1, 0, 1}",
    "reflectance scale factor": "10000",
    "data ignore value": "-99",
}


@pytest.mark.parametrize("interleave", ["BSQ", "BIL", "BIP"])
def test_envi_files(make_raster, interleave):
    values = np.arange(3 * 4 * 5, dtype=np.int16).reshape(3, 4, 5) * 100
    values[:, 0, 0] = -99
    path = make_raster(
        values, "cube.img", "ENVI", metadata={"ENVI": HEADER}, options=[f"INTERLEAVE={interleave}"]
    )
    with RasterSource(path) as source:
        assert [band.wavelength for band in source.bands] == pytest.approx([400, 500, 600])
        assert [band.fwhm for band in source.bands] == pytest.approx([10, 20, 30])
        assert [band.bad for band in source.bands] == [False, True, False]
        assert [band.nodata for band in source.bands] == [-99] * 3
        block = source.read(Window(0, 0, 4, 5), [0, 2])
    assert not block.valid[0, 0]
    np.testing.assert_allclose(block.values[:, 1:], values[[0, 2], 1:] / 10000, rtol=1e-6)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
def test_envi_headers_in_any_encoding(make_raster, encoding):
    path = make_raster(np.ones((2, 4, 5), np.int16), "cube.img", "ENVI")
    path.with_name("cube.img.aux.xml").unlink(missing_ok=True)
    lines = ["wavelength = {0.5, 0.6}", "wavelength units = µm", "sensor type = Überflug"]
    header = path.with_suffix(".hdr")
    text = header.read_text().split("band names")[0] + "band names = {\nGrün,\nRot}\n"
    header.write_text(text + "\n".join(lines) + "\n", encoding=encoding)
    bands = bands_of(path)
    assert [band.wavelength for band in bands] == pytest.approx([500, 600])
    assert [band.name.split()[0] for band in bands] == ["Grün", "Rot"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("wavelength", "1e308"),
        ("wavelength", "1e-320"),
        ("wavelength", "-5"),
        ("fwhm", "1e308"),
        ("fwhm", "0"),
        ("reflectance scale factor", "inf"),
        ("reflectance scale factor", "1e-320"),
        ("reflectance scale factor", "-3"),
        ("data ignore value", "1e999"),
    ],
)
def test_numbers_that_cannot_be_are_as_if_not_there(make_raster, key, value):
    many = f"{{{value}, {value}, {value}}}" if key in ("wavelength", "fwhm") else value
    values = np.full((3, 2, 2), 7, np.int16)
    header = {name: text for name, text in HEADER.items() if name != key}
    without = bands_of(make_raster(values, "a.img", "ENVI", metadata={"ENVI": header}))
    told = make_raster(values, "b.img", "ENVI", metadata={"ENVI": {**header, key: many}})
    if key == "wavelength":
        assert {band.wavelength for band in bands_of(told)} == {None}
    else:
        assert bands_of(told) == without


def test_the_envi_domain_of_other_formats(make_raster):
    header = {key.replace(" ", "_"): value for key, value in HEADER.items()}
    bands = bands_of(make_raster(np.ones((3, 2, 2), np.int16), metadata={"ENVI": header}))
    assert [band.wavelength for band in bands] == pytest.approx([400, 500, 600])
    assert {band.scale for band in bands} == {1e-4}
    assert bands[1].bad


def test_a_scale_of_the_bands_own_wins_over_the_reflectance_factor(make_raster):
    header = {"reflectance_scale_factor": "10000"}
    bands = bands_of(
        make_raster(np.ones((1, 2, 2), np.int16), scale=0.5, metadata={"ENVI": header})
    )
    assert bands[0].scale == 0.5


def test_a_list_of_the_wrong_length_is_no_list(make_raster):
    header = {"wavelength": "{400, 500}", "bbl": "{0, x, 0}"}
    bands = bands_of(make_raster(np.ones((3, 2, 2), np.int16), metadata={"ENVI": header}))
    assert [(band.wavelength, band.bad) for band in bands] == [(None, False)] * 3


def test_a_scale_of_zero_is_refused(make_raster):
    with pytest.raises(RasterError, match=r"Band 1 of raster.tif has scale 0"):
        bands_of(make_raster(np.ones((1, 2, 2), np.int16), scale=0.0))


def test_nodata_that_is_no_number_is_implied(make_raster):
    assert bands_of(make_raster(np.ones((1, 2, 2), np.float32), nodata=math.nan))[0].nodata is None


def test_json_round_trip():
    band = Band(3, "red", 660.5, None, True, 1e-4, -0.1, -9999.0)
    assert Band.from_json(json.loads(json.dumps(band.to_json()))) == band
    with pytest.raises(RasterError, match="damaged"):
        Band.from_json({"index": 1})


def wavelengths(*values, **common):
    return [{"": {"wavelength": str(v), "wavelength_units": "nm", **common}} for v in values]


def test_usable_bands_are_sorted_and_the_rest_named(make_raster):
    values = np.ones((5, 3, 4), np.int16)
    values[3] = -1
    values[0, 0, 0] = -1
    items = wavelengths(700, 500, 600, 550, 400)
    items[1][""]["bbl"] = "0"
    path = make_raster(values, nodata=-1, band_metadata=items)
    with RasterSource(path) as source:
        bands, notes = usable_bands(source)
        assert [band.index for band in bands] == [5, 3, 1]
        assert "band 2 (500.0 nm)" in notes[0]
        assert "bbl = 0" in notes[0]
        assert "empty" in notes[1]
        assert "band 4 (550.0 nm)" in notes[1]
        kept, _ = usable_bands(source, keep_bad=True)
        assert [band.index for band in kept] == [5, 2, 3, 1]


def test_without_all_wavelengths_the_file_order_stays(make_raster):
    items = [*wavelengths(700), {}, *wavelengths(500)]
    with RasterSource(make_raster(np.ones((3, 2, 2), np.int16), band_metadata=items)) as source:
        bands, notes = usable_bands(source)
    assert [band.index for band in bands] == [1, 2, 3]
    assert "file order" in notes[0]


def test_a_raster_of_nodata_is_refused(make_raster):
    path = make_raster(np.full((2, 3, 3), np.nan, np.float32))
    with RasterSource(path) as source, pytest.raises(RasterError, match=r"no usable band.*nodata"):
        usable_bands(source)


def test_transparency_is_no_band(make_raster):
    from osgeo import gdal

    def mark(dataset):
        dataset.GetRasterBand(2).SetColorInterpretation(gdal.GCI_AlphaBand)

    path = make_raster(np.ones((2, 3, 3), np.uint8), edit=mark, options=["ALPHA=YES"])
    with RasterSource(path) as source:
        bands, notes = usable_bands(source)
    assert [band.index for band in bands] == [1]
    assert "transparency" in notes[0]


class FakeSource:
    name = "cube.tif"

    def __init__(self, bands):
        self.bands = tuple(bands)


def sensor(centres, fwhm=10.0):
    return [Band(k + 1, f"band {k + 1}", c, fwhm) for k, c in enumerate(centres)]


@given(st.permutations(range(12)))
def test_any_order_is_found_exactly(order):
    centres = [400.0, 410, 419.8, 420, 420.2, 430, 440, 450, 990, 989.5, 992, 1000]
    bands = sensor(centres)
    source = FakeSource([bands[k] for k in order])
    found = match_bands(bands, source)
    assert [source.bands[k] for k in found] == bands


@given(st.lists(st.integers(-40, 40), min_size=30, max_size=30))
def test_shifts_below_half_a_width_are_found_one_to_one(shifts):
    wanted = sensor([400.0 + 10 * k for k in range(30)])
    source = FakeSource(sensor([b.wavelength + s / 10 for b, s in zip(wanted, shifts)]))
    found = match_bands(wanted, source)
    assert sorted(found) == list(range(30))
    for band, position in zip(wanted, found):
        assert abs(source.bands[position].wavelength - band.wavelength) <= 5


def test_overlapping_detectors_keep_their_pairs():
    wanted = sensor([990.0, 990.2, 994.0])
    source = FakeSource(sensor([989.9, 990.2, 990.4, 994.0, 1000.0]))
    assert match_bands(wanted, source) == [0, 1, 3]


def test_equal_wavelengths_are_told_apart_by_number():
    wanted = sensor([990.0, 990.0])
    assert match_bands(wanted, FakeSource(wanted)) == [0, 1]
    assert match_bands(wanted[::-1], FakeSource(wanted)) == [1, 0]


def test_a_pair_is_used_once_and_the_missing_is_named():
    with pytest.raises(RasterError) as error:
        match_bands(sensor([500.0, 501.0]), FakeSource(sensor([500.4, 700.0])))
    text = str(error.value)
    assert "cube.tif has 2 bands, 500-700 nm" in text
    assert "needed are 2 bands, 500-501 nm" in text
    assert "1 of them" in text


def test_bands_without_widths_reach_half_way_to_their_neighbours():
    wanted = sensor([500.0, 520.0], None)
    with pytest.raises(RasterError, match="half a FWHM"):
        match_bands(wanted, FakeSource(sensor([511.0, 531.0], None)))
    assert match_bands(wanted, FakeSource(sensor([509.0, 529.0], None))) == [0, 1]


def test_without_wavelengths_the_original_count_is_needed():
    wanted = [replace(band, wavelength=None) for band in sensor([1.0] * 6)][1:4]
    source = FakeSource([Band(k, f"band {k}") for k in range(1, 7)])
    assert match_bands(wanted, source, original_count=6) == [1, 2, 3]
    assert match_bands(sensor([400, 500])[::-1], FakeSource(source.bands[:2])) == [1, 0]
    with pytest.raises(RasterError, match="has 6 bands without wavelengths; expected are 4"):
        match_bands(wanted, source)


def test_runs_of_bands_in_short():
    bands = [Band(k, "", 400.0 + k) for k in (1, 2, 3, 7, 9, 10)]
    assert describe_bands(bands) == "bands 1-3, 7, 9-10 (401-410 nm)"
    assert describe_bands(bands[3:4]) == "band 7 (407.0 nm)"


def test_enmap_has_218_usable_bands(test_data):
    with RasterSource(test_data / "enmap_potsdam" / "enmap_potsdam_cube.tif") as source:
        assert len(source.bands) == 224
        raw = [band.wavelength for band in source.bands]
        assert [(round(a), round(b)) for a, b in zip(raw, raw[1:]) if b < a] == [(993, 902)]
        bands, notes = usable_bands(source)
        assert len(bands) == 218
        assert "bands 130-135" in notes[0]
        centres = [band.wavelength for band in bands]
        assert centres == sorted(centres)
        assert (round(centres[0]), round(centres[-1])) == (418, 2446)
        assert {band.scale for band in bands} == {1e-4}
        found = match_bands(bands, source)
        assert [source.bands[k] for k in found] == list(bands)
        kept, kept_notes = usable_bands(source, keep_bad=True)
        assert len(kept) == 218
        assert "empty" in kept_notes[0]

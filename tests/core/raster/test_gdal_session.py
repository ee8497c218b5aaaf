from __future__ import annotations

import threading

import pytest
from hsicnn.core.raster.gdal_session import CACHE_BYTES, gdal_session
from osgeo import gdal, ogr, osr


def switches():
    modules = (gdal, ogr, osr)
    return gdal.GetCacheMax(), [m.GetUseExceptions() for m in modules]


def test_everything_is_put_back_even_after_an_error():
    gdal.SetCacheMax(100 * 1024 * 1024)
    before = switches()
    cache = []

    def fail():
        with gdal_session():
            cache.append(gdal.GetCacheMax())
            gdal.Open("/nowhere/at all.tif")

    with pytest.raises(RuntimeError):
        fail()
    assert cache == [CACHE_BYTES]
    assert switches() == before


def test_nested_sessions_stay_on_until_the_last():
    before = switches()
    with gdal_session():
        with gdal_session():
            pass
        assert gdal.GetCacheMax() <= CACHE_BYTES
        with pytest.raises(RuntimeError):
            gdal.Open("/nowhere/at all.tif")
    assert switches() == before


def test_overlapping_threads_leave_the_switches_as_they_were():
    before = switches()
    inside, leave = threading.Event(), threading.Event()

    def other():
        with gdal_session():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with gdal_session():
        thread.start()
        assert inside.wait(10)
    leave.set()
    thread.join(10)
    assert switches() == before


def test_a_smaller_cache_of_the_users_is_kept():
    before = gdal.GetCacheMax()
    gdal.SetCacheMax(8 * 1024 * 1024)
    try:
        with gdal_session():
            assert gdal.GetCacheMax() == 8 * 1024 * 1024
        assert gdal.GetCacheMax() == 8 * 1024 * 1024
    finally:
        gdal.SetCacheMax(before)

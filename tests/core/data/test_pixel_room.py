from __future__ import annotations

import errno
import os
import shutil

import numpy as np
import pytest
from hsicnn.core.data.pixel_room import room_for_pixels
from hsicnn.core.errors import ChipSetError


def test_what_fits_is_in_memory_and_what_does_not_is_mapped():
    within = room_for_pixels(10, 5, "int16", 100)
    beyond = room_for_pixels(10, 5, "int16", 99)
    assert not isinstance(within, np.memmap)
    assert isinstance(beyond, np.memmap)
    for values in (within, beyond):
        assert values.shape == (10, 5)
        values[:] = np.arange(50).reshape(10, 5)
        assert int(values.sum()) == 1225


def test_a_temporary_folder_without_room_is_named(monkeypatch):
    usage = shutil.disk_usage(".")._replace(free=999)
    monkeypatch.setattr("hsicnn.core.data.pixel_room.shutil.disk_usage", lambda _: usage)
    with pytest.raises(ChipSetError, match=r"temporary folder .*Free some space"):
        room_for_pixels(1000, 1, np.uint8, 0)


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system reserves no space")
def test_the_space_is_taken_before_it_is_written(monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("hsicnn.core.data.pixel_room.os.posix_fallocate", full)
    with pytest.raises(ChipSetError, match=r"No space left on device\. Free some space"):
        room_for_pixels(1000, 1, np.uint8, 0)


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system reserves no space")
def test_a_file_system_that_reserves_nothing_is_used_all_the_same(monkeypatch):
    def refuse(*_):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr("hsicnn.core.data.pixel_room.os.posix_fallocate", refuse)
    assert room_for_pixels(1000, 1, np.uint8, 0).shape == (1000, 1)

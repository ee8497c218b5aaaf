from __future__ import annotations

from pathlib import Path

import pytest
from hsicnn.core.errors import InputError
from hsicnn.core.progress import SilentProgress
from hsicnn.core.runtime import disk_space
from hsicnn.core.runtime.disk_space import DiskNeed, check_disks
from hsicnn.core.runtime.resources import Disk
from hsicnn.core.sizes import GIB, MIB


class Listener(SilentProgress):
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []

    def log(self, text):
        self.lines.append(text)

    def warn(self, text):
        self.warnings.append(text)


@pytest.fixture
def disks(monkeypatch):
    """Two disks by their first folder, with the room that a test gives them."""
    room = {"a": 10 * GIB, "b": 10 * GIB}

    def found(path: Path) -> Disk | None:
        name = path.parts[1]
        return Disk(ord(name), Path(f"/{name}"), room[name]) if name in room else None

    monkeypatch.setattr(disk_space, "disk_of", found)
    return room


def need(what: str, path: str, most: int, least: int | None = None) -> DiskNeed:
    least = most if least is None else least
    return DiskNeed(what, Path(path), most, least, f"Leave {what} out, or choose another folder.")


NEEDS = (
    need("OUTPUT", "/a/map.tif", 20 * MIB, 2 * MIB),
    need("PROBABILITIES", "/a/new/shares.tif", 3 * GIB, GIB),
    need("CONFIDENCE", "/b/sure.tif", 100 * MIB, 50 * MIB),
)


def test_every_disk_is_told_with_what_is_written_to_it_largest_first(disks):
    heard = Listener()
    check_disks(NEEDS, heard)
    assert heard.lines == [
        "Disk: up to 3.0 GiB (PROBABILITIES 3.0 GiB, OUTPUT 20 MiB); 10 GiB free at /a.",
        "Disk: up to 100 MiB (CONFIDENCE 100 MiB); 10 GiB free at /b.",
    ]
    assert not heard.warnings


def test_what_is_not_compressed_is_said_without_up_to(disks):
    heard = Listener()
    check_disks([need("the model", "/a/model", 3 * MIB)], heard)
    assert heard.lines == ["Disk: 3.0 MiB (the model 3.0 MiB); 10 GiB free at /a."]


def test_where_only_the_most_does_not_fit_a_warning_names_the_largest(disks):
    disks["a"] = 2 * GIB
    heard = Listener()
    check_disks(NEEDS, heard)
    assert len(heard.warnings) == 1
    assert "2.0 GiB free at /a" in heard.warnings[0]
    assert "Leave PROBABILITIES out" in heard.warnings[0]


def test_where_even_the_least_does_not_fit_it_is_refused(disks):
    disks["a"] = GIB
    with pytest.raises(InputError, match=r"1.0 GiB free at /a.*at least 1.0 GiB.*PROBABILITIES"):
        check_disks(NEEDS, Listener())


def test_a_disk_that_does_not_say_holds_nothing_up(disks):
    heard = Listener()
    check_disks([need("OUTPUT", "/remote/map.tif", 10**18), NEEDS[2]], heard)
    assert heard.lines[-1] == "Disk: it does not say how much room is left."
    assert not heard.warnings

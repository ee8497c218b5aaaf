"""The history as a file: complete, each row once, whatever happened to it."""

from __future__ import annotations

import errno
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from chip_sets import Said
from hsicnn.core.training.history import Followed, HistoryFile, history_path


def rows(count: int, first: int = 1) -> list[dict[str, float]]:
    return [{"epoch": float(first + n), "loss": 1 / (n + 1)} for n in range(count)]


def read(path: Path) -> list[dict[str, float]]:
    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def path(tmp_path):
    return history_path(str(tmp_path / "model.safetensors"))


@pytest.fixture
def said():
    return Said()


def test_rows_come_one_after_the_other_and_can_be_read_at_once(path, said):
    live = HistoryFile(path, said)
    live.follow([])
    assert not path.exists()
    for count in (1, 2, 5):  # an untrained network's row comes with the first epoch's
        live.follow(rows(count, first=0))
        assert read(path) == rows(count, first=0)
    live.follow(rows(5, first=0))
    assert len(read(path)) == 5
    assert path.name == "model.safetensors.history.jsonl"
    assert [item.name for item in path.parent.iterdir()] == [path.name]
    assert not said.warnings


def test_what_was_there_stays_until_the_first_row_of_a_new_training(path, said):
    HistoryFile(path, said).follow(rows(7))
    live = HistoryFile(path, said)
    live.follow([])
    assert len(read(path)) == 7
    live.follow(rows(1))
    assert read(path) == rows(1)


@pytest.mark.parametrize(
    "left",
    [
        "",
        '{"epoch": 1.0, "lo',
        "".join(f"{json.dumps(row)}\n" for row in rows(4)),
        "".join(f"{json.dumps(row)}\n" for row in rows(3)) + '{"epo',
        "something else",
    ],
)
def test_a_training_that_goes_on_mends_what_a_killed_one_left(path, said, left):
    path.write_text(left)
    live = HistoryFile(path, said)
    live.follow(rows(3))
    assert read(path) == rows(3)
    live.follow(rows(4))
    assert read(path) == rows(4)


def test_a_file_that_is_taken_away_comes_back_whole(path, said):
    live = HistoryFile(path, said)
    live.follow(rows(2))
    path.unlink()
    live.follow(rows(3))
    assert read(path) == rows(3)


def test_rows_that_a_checkpoint_gives_back_are_the_same_lines(path, said):
    row = {"epoch": 1.0, "loss": 2.0, "validation_loss": 3.0, "seconds": 0.1}
    HistoryFile(path, said).follow([row])
    first = path.read_text()
    HistoryFile(path, said).follow([dict(sorted(row.items()))])
    assert path.read_text() == first
    assert list(json.loads(first)) == ["epoch", "loss", "seconds", "validation_loss"]


def test_figures_that_are_no_numbers_are_null(path, said):
    HistoryFile(path, said).follow([{"epoch": 1.0, "loss": 2.0, "validation_loss": float("inf")}])
    assert read(path) == [{"epoch": 1.0, "loss": 2.0, "validation_loss": None}]


def test_a_full_disk_is_told_once_and_mended_when_there_is_room(path, said, monkeypatch):
    live = HistoryFile(path, said)
    live.follow(rows(2))
    opened = Path.open

    def full(self, mode="r", *args, **kwargs):
        if self.parent == path.parent and mode in "aw":
            with opened(path, "a") as file:
                file.write('{"epo')  # as far as the disk reached
            raise OSError(errno.ENOSPC, "No space left on device")
        return opened(self, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", full)
    live.follow(rows(3))
    live.follow(rows(4))
    (warning,) = said.warnings
    assert "model.safetensors.history.jsonl cannot be written (No space left" in warning
    assert "The training goes on" in warning
    monkeypatch.setattr(Path, "open", opened)
    live.follow(rows(5))
    assert read(path) == rows(5)
    assert len(said.warnings) == 1


def test_a_folder_in_its_place_stops_nothing(path, said):
    path.mkdir()
    live = HistoryFile(path, said)
    live.follow(rows(1))
    live.follow(rows(2))
    assert len(said.warnings) == 1
    assert [item.name for item in path.parent.iterdir()] == [path.name]
    path.rmdir()
    live.follow(rows(3))
    assert read(path) == rows(3)


def test_an_epoch_is_written_before_it_is_told_and_the_untrained_one_with_the_first(path, said):
    told, history = [], []
    said.metric = lambda name, _: told.append((name, path.is_file() and len(read(path))))
    progress = Followed(said, HistoryFile(path, said), history)
    for row in rows(3, first=0):
        history.append(row)
        progress.metric("epoch", row)
    progress.metric("other", {"epoch": 9.0})
    assert told == [("epoch", False), ("epoch", 2), ("epoch", 3), ("other", 3)]
    # Going on: the file is mended before the next epoch has begun.
    path.write_text("{")
    Followed(said, HistoryFile(path, said), history)
    assert read(path) == history

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hsicnn.core.runtime.leftovers import remove_leftovers, unfinished_jobs


def test_temporary_files_of_the_outputs_go_and_nothing_else(tmp_path):
    mine = [
        ".map.0a1b2c3d.partial.tif",
        ".map.0a1b2c3d.partial.tif.aux.xml",
        ".map.0a1b2c3d.partial.qml",
        ".map.tif.ff.partial",
        ".map.tif.ff.partial.journal",
    ]
    others = [
        ".map.0a1b2c3d.partial.tiff",
        ".map.0a1b2c3d.partial.gpkg",
        ".map.html.0a1b2c3d.partial",
        "map.tif",
        ".map2.0a1b2c3d.partial.tif",
        ".map.tif.partial",
        "map.0a.partial.tif",
    ]
    for name in (*mine, *others):
        (tmp_path / name).write_text("x")
    folder = tmp_path / ".chips.12345678.partial"
    (folder / "images").mkdir(parents=True)
    removed = remove_leftovers([str(tmp_path / "map.tif"), str(tmp_path / "chips")])
    assert {path.name for path in removed} == {*mine, folder.name}
    assert {path.name for path in tmp_path.iterdir()} == set(others)


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="files have owners on POSIX")
def test_files_of_another_user_are_left_alone(tmp_path, monkeypatch):
    """Locks are a user's own: another one may be writing there right now."""
    part = tmp_path / ".map.0a1b2c3d.partial.tif"
    part.write_text("x")
    monkeypatch.setattr(os, "getuid", lambda: part.stat().st_uid + 1)
    assert remove_leftovers([str(tmp_path / "map.tif")]) == ()
    monkeypatch.undo()
    assert remove_leftovers([str(tmp_path / "map.tif")]) == (part,)


def test_a_folder_that_is_not_there_is_no_error(tmp_path):
    assert remove_leftovers([str(tmp_path / "none" / "map.tif")]) == ()


def test_temporary_files_of_what_lies_beside_a_model_go_and_it_stays(tmp_path):
    from hsicnn.core.training.checkpoints import checkpoint_path
    from hsicnn.core.training.history import history_path

    output = str(tmp_path / "model.safetensors")
    for beside in (checkpoint_path(output), history_path(output)):
        beside.write_text("x")
        part = beside.with_name(f".{beside.name}.0a1b2c3d.partial")
        part.write_text("x")
        assert remove_leftovers([output]) == (part,)
        assert beside.exists()


def kept(place: Path, ending: str, content: str) -> Path:
    """What waits to be replaced; older than the job."""
    path = place.with_name(f".{place.name}.0a1b2c3d.{ending}")
    path.write_text(content)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    return path


def test_what_was_set_aside_comes_back_where_nothing_replaced_it(tmp_path):
    chips = tmp_path / "chips"
    aside = tmp_path / ".chips.0a1b2c3d.old"
    (aside / "images").mkdir(parents=True)
    unfinished = tmp_path / ".chips.11111111.partial"
    unfinished.mkdir()
    style = kept(tmp_path / "map.qml", "before", "style")
    removed = remove_leftovers([str(chips), str(tmp_path / "map.tif")])
    assert removed == (unfinished,)
    assert (chips / "images").is_dir()
    assert (tmp_path / "map.qml").read_text() == "style"
    assert not style.exists()
    assert not aside.exists()


def test_what_was_replaced_goes(tmp_path):
    (tmp_path / "map.tif").write_text("new")
    (tmp_path / "chips").mkdir()
    (tmp_path / ".chips.0a1b2c3d.old" / "images").mkdir(parents=True)
    gone = {tmp_path / ".chips.0a1b2c3d.old", kept(tmp_path / "map.tif", "before", "old")}
    others = {kept(tmp_path / "other.tif", "before", "x"), tmp_path / ".map.tif.old"}
    (tmp_path / ".map.tif.old").write_text("x")
    assert set(remove_leftovers([str(tmp_path / name) for name in ("map.tif", "chips")])) == gone
    assert (tmp_path / "map.tif").read_text() == "new"
    assert all(path.exists() for path in others)


def test_what_a_killed_job_can_go_on_with_stays(tmp_path):
    """Two jobs were killed; one of them has a journal."""
    journal, begun = ".map.tif.0a1b2c3d.partial.journal", ".map.tif.99999999.partial.journal"
    mine = [".map.0a1b2c3d.partial.tif", journal, ".p.0a1b2c3d.partial.tif"]
    others = [".map.99999999.partial.tif", ".p.0a1b2c3e.partial.tif", begun]
    for name in (*mine, *others):
        (tmp_path / name).write_text("what the job is\n")
    (tmp_path / journal).write_text("what the job is\na zone\n")
    outputs = [str(tmp_path / "map.tif"), str(tmp_path / "p.tif")]
    assert unfinished_jobs(outputs) == {"0a1b2c3d"}
    assert unfinished_jobs([str(tmp_path / "p.tif"), str(tmp_path / "none" / "a.tif")]) == set()
    removed = remove_leftovers(outputs, unfinished_jobs(outputs))
    assert {path.name for path in removed} == set(others)
    assert {path.name for path in remove_leftovers(outputs)} == set(mine)

from __future__ import annotations

import os
import time

from hsicnn.core.runtime.leftovers import remove_leftovers


def test_temporary_files_of_the_outputs_go_and_nothing_else(tmp_path):
    mine = [".map.0a1b2c3d.partial.tif", ".map.0a1b2c3d.partial.tif.aux.xml", ".map.tif.ff.partial"]
    others = ["map.tif", ".map2.0a1b2c3d.partial.tif", ".map.tif.partial", "map.0a.partial.tif"]
    for name in (*mine, *others):
        (tmp_path / name).write_text("x")
    folder = tmp_path / ".chips.12345678.partial"
    (folder / "images").mkdir(parents=True)
    began = time.time() - 5
    removed = remove_leftovers([str(tmp_path / "map.tif"), str(tmp_path / "chips")], began)
    assert {path.name for path in removed} == {*mine, folder.name}
    assert {path.name for path in tmp_path.iterdir()} == set(others)


def test_older_files_are_somebody_elses(tmp_path):
    old = tmp_path / ".map.0a1b2c3d.partial.tif"
    old.write_text("x")
    os.utime(old, (1_000_000_000, 1_000_000_000))
    assert remove_leftovers([str(tmp_path / "map.tif")], time.time() - 60) == ()
    assert old.exists()


def test_a_folder_that_is_not_there_is_no_error(tmp_path):
    assert remove_leftovers([str(tmp_path / "none" / "map.tif")], 0.0) == ()

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from hsicnn.core.errors import Cancelled, DependencyError
from hsicnn.core.runtime import interpreter, probe

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="scripts as programs")


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def gone_soon(process: int) -> bool:
    """Whether a process has ended; one that nobody has waited for yet counts as ended."""
    for _ in range(100):
        state = Path(f"/proc/{process}/stat")
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def bare_machine(monkeypatch, tmp_path):
    """A machine where no Python is known but those a test adds."""
    monkeypatch.setattr(interpreter, "_places", lambda wanted: iter(places))
    places: list[tuple[str, str]] = []
    return places


def test_this_machines_python_has_gdal_and_numpy():
    found = interpreter.find_interpreter(("osgeo", "numpy"))
    assert found.version.startswith("3.")
    assert Path(found.path).name.startswith("python")


def test_the_setting_comes_first_then_the_variable(monkeypatch):
    monkeypatch.setenv(interpreter.VARIABLE, "/nowhere/python3")
    found = interpreter.candidates(sys.executable)
    assert found[0].path == sys.executable
    assert found[1].path == "/nowhere/python3"


def test_a_setting_that_does_not_run_is_an_error_and_not_passed_over(tmp_path):
    wanted = str(tmp_path / "python3")
    with pytest.raises(DependencyError, match=r"the setting.*is not there"):
        interpreter.find_interpreter(("numpy",), wanted=wanted)


def test_qgis_itself_is_never_started(tmp_path, bare_machine):
    started = tmp_path / "started"
    qgis = program(tmp_path / "qgis-bin", f"touch {started}")
    bare_machine.append((str(qgis), interpreter.SETTING))
    with pytest.raises(DependencyError, match="is not a Python program"):
        interpreter.find_interpreter(("numpy",))
    assert not started.exists()
    bare_machine[0] = (str(qgis), "QGIS's Python")
    with pytest.raises(DependencyError, match="No Python was found"):
        interpreter.find_interpreter(("numpy",))


@posix_only
def test_each_candidate_is_tried_and_the_error_lists_why_not(tmp_path, bare_machine):
    broken = program(tmp_path / "a/python3", "echo cannot start >&2; exit 5")
    old = program(
        tmp_path / "b/python3",
        'echo \'hsicnn {"version": [3, 8, 1], "found": {"numpy": true, "torch": true}, '
        '"problem": "", "numpy": ""}\'',
    )
    lacking = program(
        tmp_path / "c/python3",
        'echo \'hsicnn {"version": [3, 11, 2], "found": {"numpy": true, "torch": false}, '
        '"problem": "", "numpy": "1.24.2"}\'',
    )
    bare_machine.extend((str(path), "a test") for path in (broken, old, lacking))
    with pytest.raises(DependencyError) as caught:
        interpreter.find_interpreter(("numpy", "torch"))
    message = str(caught.value)
    assert "exit code 5: cannot start" in message
    assert "older than 3.9" in message
    assert "lacks torch" in message
    assert f'"{lacking}" -m pip install "torch>=2.6" "numpy==1.24.2"' in message


@posix_only
def test_the_first_that_has_everything_is_taken(tmp_path, bare_machine):
    answer = '{"version": [3, 11, 2], "found": {"numpy": true, "torch": %s}, "problem": "", '
    lacking = program(tmp_path / "a/python3", f'echo \'hsicnn {answer % "false"}"numpy": ""}}\'')
    whole = program(tmp_path / "b/python3", f'echo \'hsicnn {answer % "true"}"numpy": ""}}\'')
    bare_machine.extend((str(path), "a test") for path in (lacking, whole))
    assert interpreter.find_interpreter(("torch",)).path == str(whole)
    # A job that needs less runs in the first: chips can be exported without torch.
    assert interpreter.find_interpreter(("numpy",)).path == str(lacking)


@posix_only
def test_what_a_job_wants_is_looked_for_and_done_without(tmp_path, bare_machine):
    answer = '{"version": [3, 11, 2], "found": {"numpy": %s, "torch": %s}, "problem": "", '

    def python(name, numpy, torch):
        told = f'echo \'hsicnn {answer % (numpy, torch)}"numpy": ""}}\''
        return str(program(tmp_path / name / "python3", told))

    bare = python("a", "false", "false")
    lacking, whole = python("b", "true", "false"), python("c", "true", "true")
    bare_machine.extend((path, "a test") for path in (bare, lacking, whole))
    assert interpreter.find_interpreter(("numpy",), ("torch",)).path == whole
    bare_machine.pop()
    assert interpreter.find_interpreter(("numpy",), ("torch",)).path == lacking
    bare_machine.pop()
    with pytest.raises(DependencyError, match="lacks numpy, torch"):
        interpreter.find_interpreter(("numpy",), ("torch",))


@posix_only
def test_what_was_installed_meanwhile_is_found(tmp_path, bare_machine):
    answer = '{"version": [3, 11, 2], "found": {"numpy": true, "torch": %s}, "problem": "", '
    path = tmp_path / "a/python3"
    program(path, f'echo \'hsicnn {answer % "false"}"numpy": ""}}\'')
    changed = path.stat()
    bare_machine.append((str(path), "a test"))
    with pytest.raises(DependencyError):
        interpreter.find_interpreter(("torch",))
    # Installing a package does not touch the interpreter.
    program(path, f'echo \'hsicnn {answer % "true"}"numpy": ""}}\'')
    os.utime(path, ns=(changed.st_atime_ns, changed.st_mtime_ns))
    assert interpreter.find_interpreter(("torch",)).path == str(path)


@posix_only
def test_gdal_that_does_not_load_counts_only_where_it_is_needed(tmp_path, bare_machine):
    path = program(
        tmp_path / "python3",
        'echo \'hsicnn {"version": [3, 11, 2], "found": {"numpy": true, "osgeo": false, '
        '"torch": true}, "problem": "libgdal.so.32 is missing", "numpy": ""}\'',
    )
    bare_machine.append((str(path), "a test"))
    assert interpreter.find_interpreter(("torch",)).path == str(path)
    with pytest.raises(DependencyError, match=r"libgdal\.so\.32 is missing"):
        interpreter.find_interpreter(("osgeo",))


def test_an_environment_in_the_module_path_is_found(tmp_path, monkeypatch):
    environment = tmp_path / "env"
    packages = environment / "lib/python3.11/site-packages"
    packages.mkdir(parents=True)
    (environment / "pyvenv.cfg").write_text("")
    python = environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python3")
    python.parent.mkdir()
    python.write_text("")
    monkeypatch.setattr(sys, "path", [str(packages), *sys.path])
    assert str(python) in [candidate.path for candidate in interpreter.candidates()]


@posix_only
def test_cancel_is_heard_while_a_candidate_sleeps(tmp_path, bare_machine):
    """The candidate and what it has started are gone, and no verdict is passed on it."""
    marker = tmp_path / "marker"
    sleeping = program(tmp_path / "python3", f"sleep 120 & echo $$ $! > {marker}; wait")
    bare_machine.append((str(sleeping), interpreter.SETTING))

    def check_cancel():
        if marker.exists() and len(marker.read_text().split()) == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        interpreter.find_interpreter(("numpy",), check_cancel=check_cancel)
    for process in map(int, marker.read_text().split()):
        assert gone_soon(process)


@posix_only
def test_a_candidate_that_never_answers_is_passed_over(tmp_path, bare_machine, monkeypatch):
    monkeypatch.setattr(probe, "_SECONDS", 0.3)
    sleeping = program(tmp_path / "a/python3", "sleep 120; true")
    bare_machine.append((str(sleeping), "a test"))
    with pytest.raises(DependencyError, match="no answer within"):
        interpreter.find_interpreter(("numpy",))


def test_the_active_environment_and_osgeo4w_are_looked_at(tmp_path, monkeypatch):
    inside = "Scripts/python.exe" if sys.platform == "win32" else "bin/python3"
    active = tmp_path / "active" / inside
    bundled = tmp_path / "OSGeo4W" / "apps" / "Python312" / inside
    for python in (active, bundled):
        python.parent.mkdir(parents=True)
        python.write_text("")
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "active"))
    monkeypatch.setenv("OSGEO4W_ROOT", str(tmp_path / "OSGeo4W"))
    found = {candidate.path: candidate.origin for candidate in interpreter.candidates()}
    assert found[str(active)] == "VIRTUAL_ENV"
    assert found[str(bundled)] == "OSGeo4W"


def test_a_qgis_that_does_not_know_its_own_program_is_no_problem(monkeypatch):
    monkeypatch.setattr(sys, "executable", "")
    monkeypatch.setattr(sys, "_base_executable", "", raising=False)
    assert all(candidate.path for candidate in interpreter.candidates())


@posix_only
def test_words_around_the_answer_do_not_disturb(tmp_path, bare_machine):
    answer = '{"version": [3, 11, 2], "found": {"numpy": true}, "problem": "", "numpy": ""}'
    path = program(tmp_path / "python3", f"echo Welcome; echo 'hsicnn {answer}'; echo Bye")
    bare_machine.append((str(path), "a test"))
    assert interpreter.find_interpreter(("numpy",)).version == "3.11.2"

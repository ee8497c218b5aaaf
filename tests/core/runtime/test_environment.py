from __future__ import annotations

import pytest
from hsicnn.core.errors import DependencyError, InputError
from hsicnn.core.progress import SilentProgress
from hsicnn.core.runtime import dependencies, environment, jobs


def test_a_machine_without_torch_is_told_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(
        dependencies, "installed", lambda module: module not in {"torch", "safetensors"}
    )
    report = tmp_path / "report.html"
    result = environment.check_environment(
        report=str(report),
        interpreters=["/usr/bin/python3 <lacks torch>"],
        progress=SilentProgress(),
    )
    assert not result.ready
    assert "PyTorch (for training and applying networks)" in result.advice[0]
    assert "pip install" in result.advice[0]
    text = report.read_text(encoding="utf-8")
    assert "cannot run yet" in text
    assert "&lt;lacks torch&gt;" in text
    assert "<td>scipy</td>" in text


@pytest.mark.parametrize("module", ["scipy", "matplotlib"])
def test_a_machine_without_what_training_imports_is_not_ready(monkeypatch, module):
    pytest.importorskip("torch")
    monkeypatch.setattr(dependencies, "installed", lambda name: name != module)
    result = environment.check_environment(progress=SilentProgress())
    assert not result.ready
    assert f'pip install "{module}"' in result.advice[0]


def test_only_what_is_used_is_asked_for():
    needed = {module for job in jobs.JOBS.values() for module in job.needs}
    wanted = {module for job in jobs.JOBS.values() for module in job.wants}
    assert needed <= set(dependencies.PACKAGES) <= needed | wanted


def test_a_machine_with_everything_is_ready(tmp_path):
    pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    result = environment.check_environment(progress=SilentProgress())
    assert result.ready
    assert [device.name for device in result.devices][-1] == "cpu"
    assert environment.in_words(result)[-1] == "Training and classifying can run."


def test_devices_are_listed_with_the_one_that_auto_means(monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setattr(environment.devices, "accelerators", lambda: ("cuda:0",))
    monkeypatch.setattr(
        environment.devices, "kernel_failure", lambda name: "too old" if name != "cpu" else ""
    )
    found = environment.detect_devices(progress=SilentProgress())
    assert found.chosen == "cpu"
    assert [(device.name, device.failure) for device in found.devices] == [
        ("cuda:0", "too old"),
        ("cpu", ""),
    ]


def test_a_report_that_cannot_be_written_is_named(tmp_path):
    target = tmp_path / "missing folder" / "report.html"
    with pytest.raises(InputError, match=r"report\.html"):
        environment.check_environment(report=str(target), progress=SilentProgress())


def test_require_names_the_package_and_the_command(monkeypatch):
    monkeypatch.setattr(dependencies, "installed", lambda module: False)
    with pytest.raises(DependencyError, match=r"PyTorch .*pip install .*torch>="):
        dependencies.require("torch")


def test_where_no_worker_runs_the_page_keeps_the_lines_of_the_message(tmp_path):
    report = tmp_path / "report.html"
    environment.write_failure(
        str(report), "PyTorch is missing. Tried:\n  - <a>", {"QGIS": "3.22"}, ["/usr/bin/python3"]
    )
    text = report.read_text(encoding="utf-8")
    assert "<li>PyTorch is missing. Tried:</li>" in text
    assert "&lt;a&gt;" in text
    assert "<td>3.22</td>" in text
    assert "<li>/usr/bin/python3</li>" in text

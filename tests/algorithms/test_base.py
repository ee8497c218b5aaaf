"""What happens around a job: checks, errors, cancelling, names of layers."""

from __future__ import annotations

import pytest
from hsicnn.core.errors import Cancelled, DeviceError, RasterError
from qgis.core import QgsProcessingContext, QgsProcessingException


@pytest.fixture
def base():
    from hsicnn.algorithms import base

    return base


@pytest.fixture
def job(base, monkeypatch):
    """Runs in place of the worker; ``calls`` keeps what it was told."""
    calls: list[tuple[str, dict]] = []

    def run_job(name, arguments, progress, *, python):
        calls.append((name, arguments))
        for action in actions:
            action(progress)
        return {"history": ""}

    actions: list = []
    run_job.calls = calls
    run_job.actions = actions
    monkeypatch.setattr("hsicnn.core.runtime.client.run_job", run_job)
    return run_job


def run(provider, name, values, context, feedback):
    algorithm = provider.algorithm(name).create()
    return algorithm.run(values, context, feedback, {}, False)


def raised(error):
    def action(progress):
        raise error

    return action


def test_the_job_is_told_plain_values(provider, job, context, feedback, tmp_path):
    values = {"SIZE": "64", "OUTPUT": str(tmp_path / "s.tif"), "REFERENCE": str(tmp_path / "r.tif")}
    results, success = run(provider, "createexamplescene", values, context, feedback)
    assert success
    name, arguments = job.calls[0]
    assert name == "create_example_scene"
    assert arguments["size"] == 64
    assert arguments["samples"] == ""
    assert results == {"OUTPUT": values["OUTPUT"], "REFERENCE": values["REFERENCE"]}


def test_an_error_of_the_core_reaches_the_user(provider, job, context, feedback, tmp_path):
    job.actions.append(raised(RasterError("scene.tif cannot be written.")))
    with pytest.raises(QgsProcessingException, match=r"scene\.tif cannot be written"):
        run(provider, "createexamplescene", {"OUTPUT": str(tmp_path / "s.tif")}, context, feedback)


def test_a_cancelled_run_raises(provider, job, context, feedback, tmp_path):
    job.actions.append(lambda progress: feedback.cancel())
    job.actions.append(lambda progress: progress.check_cancel())
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        run(provider, "createexamplescene", {"OUTPUT": str(tmp_path / "s.tif")}, context, feedback)


def test_values_are_checked_where_nobody_else_does(provider, job, context, feedback, tmp_path):
    values = {"SIZE": 2, "OUTPUT": str(tmp_path / "s.tif")}
    algorithm = provider.algorithm("createexamplescene").create()
    _, success = algorithm.run(values, context, feedback)
    assert not success
    assert job.calls == []
    assert "SIZE" in " ".join(feedback.errors) or "Size" in " ".join(feedback.errors)


def test_a_missing_layer_is_named(provider, job, context, feedback, tmp_path):
    values = {"INPUT": str(tmp_path / "none.tif"), "REFERENCE": "x", "OUTPUT": str(tmp_path / "c")}
    algorithm = provider.algorithm("exporttrainingchips").create()
    _, success = algorithm.run(values, context, feedback)
    assert not success
    assert "none.tif" in " ".join(feedback.errors) or "INPUT" in " ".join(feedback.errors)


def test_progress_moves_the_bar_and_does_not_fill_the_log(base, feedback):
    progress = base.FeedbackProgress(feedback)
    for step in range(101):
        progress.report(step / 100, f"step {step}")
    assert feedback.values[-1] == 100.0
    assert feedback.lines == ["step 0"]


def test_the_last_text_of_a_row_is_shown_before_what_follows(base, feedback):
    progress = base.FeedbackProgress(feedback)
    for epoch in range(1, 4):
        progress.report(epoch / 3, f"epoch {epoch}")
    progress.log("done")
    progress.log("really")
    assert feedback.lines == ["epoch 1", "epoch 3", "done", "really"]


def test_warnings_and_lines_arrive(base, feedback):
    progress = base.FeedbackProgress(feedback)
    progress.log("a line")
    progress.warn("careful")
    progress.metric("epoch", {"loss": 1.0})
    assert feedback.lines == ["a line"]
    assert feedback.warnings == ["careful"]


def test_layers_get_names(provider, job, context, feedback, tmp_path):
    path = str(tmp_path / "s.tif")
    details = QgsProcessingContext.LayerDetails("s", context.project(), "OUTPUT")
    context.addLayerToLoadOnCompletion(path, details)
    run(provider, "createexamplescene", {"OUTPUT": path}, context, feedback)
    assert context.layerToLoadOnCompletionDetails(path).name == "Example image"


def test_cancelled_is_an_error_of_the_project():
    assert str(Cancelled()) == "Cancelled."


def test_a_card_that_is_not_there_is_the_cores_to_refuse(
    provider, job, context, feedback, tmp_path
):
    pytest.importorskip("torch")
    from hsicnn.core.runtime.devices import choose_device

    chips = tmp_path / "chips"
    chips.mkdir()
    model = str(tmp_path / "model.safetensors")
    values = {"INPUT": str(chips), "OUTPUT": model, "DEVICE": "cuda:7"}
    run(provider, "trainclassifier", values, context, feedback)
    assert job.calls[0][1]["device"] == "cuda:7"
    with pytest.raises(DeviceError, match=r"cuda:7 was asked for"):
        choose_device("cuda:7")

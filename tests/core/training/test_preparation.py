"""What stands before a training: outputs, inputs, network, what is said."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from chip_sets import Said, chip_set  # noqa: E402
from hsicnn.core.data.separation import TEST, TRAIN  # noqa: E402
from hsicnn.core.errors import ChipSetError, InputError  # noqa: E402
from hsicnn.core.runtime.devices import Device  # noqa: E402
from hsicnn.core.training import preparation  # noqa: E402
from hsicnn.core.training.preparation import (  # noqa: E402
    NAMED,
    THIN,
    check_outputs,
    drawn,
    fit_inputs,
    make_lesson,
    make_network,
    say_what_comes,
)
from hsicnn.core.training.resolving import resolve_settings  # noqa: E402
from hsicnn.models.catalog import NETWORKS  # noqa: E402
from pixels import small_store  # noqa: E402

CPU = Device("cpu", "CPU, 1 thread")


def test_outputs_that_cannot_be_written_are_refused_before_anything_else(tmp_path):
    model, report = str(tmp_path / "model.safetensors"), str(tmp_path / "report.html")
    check_outputs(model, report)
    check_outputs(model, "")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="nowhere for the model file does not exist"):
        check_outputs(str(tmp_path / "nowhere" / "model.safetensors"), "")
    with pytest.raises(InputError, match="nowhere for the report does not exist"):
        check_outputs(model, str(tmp_path / "nowhere" / "report.html"))
    with pytest.raises(InputError, match="is a folder; name a file for the report"):
        check_outputs(model, str(tmp_path))


def test_a_folder_without_write_permission_is_named(tmp_path, monkeypatch):
    def refuse(self, *_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(InputError, match=r"model file cannot be written.*Permission denied"):
        check_outputs(str(tmp_path / "model.safetensors"), "")


def test_what_is_fitted_is_drawn_from_very_many_pixels(monkeypatch):
    rows = np.arange(0, 3000, 3)
    assert drawn(rows, 1) is rows
    monkeypatch.setattr(preparation, "MOST_FITTED", 100)
    found = drawn(rows, 1)
    assert len(found) == 100
    assert (np.diff(found) > 0).all()
    assert set(found) <= set(rows)
    np.testing.assert_array_equal(found, drawn(rows, 1))
    assert not np.array_equal(found, drawn(rows, 2))


def test_without_training_pixels_there_is_nothing_to_fit():
    store = small_store()
    store.split[:] = TEST
    with pytest.raises(ChipSetError, match=r"no training pixels.*TRAIN_FRACTION"):
        fit_inputs(store, resolve_settings({}))


def test_a_factor_is_used_as_given_and_warned_of_where_it_does_not_fit():
    store = small_store()
    size = float(np.abs(store.values).max())
    said = Said()
    chosen = resolve_settings({"normalisation": "factor", "factor": size})
    fitted = fit_inputs(store, chosen, said)
    np.testing.assert_allclose(fitted.transform, 1 / size, rtol=1e-6)
    assert (fitted.mean == 0).all()
    assert not said.warnings
    for wrong in (size * 10_000, size / 10_000):
        fit_inputs(store, resolve_settings({"normalisation": "factor", "factor": wrong}), said)
        assert f"FACTOR is {wrong:g} and" in said.warnings.pop()
    with pytest.raises(InputError, match="FACTOR is 0"):
        resolve_settings({"normalisation": "factor", "factor": 0.0})


def test_bands_are_fitted_on_training_pixels_and_components_on_their_patches():
    store = small_store()
    outside = np.setdiff1d(np.arange(len(store.values)), store.index[store.split == TRAIN])
    plain = fit_inputs(store, resolve_settings({"normalisation": "band"}))
    rotated = fit_inputs(store, resolve_settings({"normalisation": "pca", "components": 3}))
    assert rotated.outputs == 3
    store.values[outside] = 1e6
    again = fit_inputs(store, resolve_settings({"normalisation": "band"}))
    np.testing.assert_array_equal(plain.mean, again.mean)
    moved = fit_inputs(store, resolve_settings({"normalisation": "pca", "components": 3}))
    assert np.abs(moved.mean - rotated.mean).max() > 1e3


@pytest.mark.parametrize("kind", ["band", "pca"])
def test_training_pixels_without_a_value_are_refused(kind):
    store = dataclasses.replace(small_store(), valid=np.zeros(len(small_store().valid), bool))
    with pytest.raises(ChipSetError, match="no values: all are nodata"):
        fit_inputs(store, resolve_settings({"normalisation": kind}))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_of_too_few_bands_names_another_remedy(name):
    settings = resolve_settings({"architecture": name})
    least = NETWORKS[name].min_bands
    assert make_network(settings, least, 2).radius == settings.patch_size // 2
    if least > 1:
        with pytest.raises(InputError, match=f"at least {least} bands.*gives {least - 1}"):
            make_network(settings, least - 1, 2)


def test_an_unknown_option_of_the_network_is_the_users_to_mend():
    settings = resolve_settings({"options": {"depth": 3}})
    with pytest.raises(InputError, match="depth"):
        make_network(settings, 12, 2)


def test_a_halo_smaller_than_the_radius_is_refused_with_the_halo_to_export():
    settings = resolve_settings({"architecture": "multiscale"})
    store, network = small_store(), make_network(settings, 12, 3)
    with pytest.raises(ChipSetError, match=rf"holds 1\. .*HALO={network.radius}"):
        make_lesson(
            chip_set(halo=1),
            store,
            fit_inputs(store, settings),
            network,
            settings,
            place=CPU,
            memory_bytes=2**26,
            progress=Said(),
        )


def told(info, **given) -> Said:
    settings, said = resolve_settings(given), Said()
    say_what_comes(info, settings, make_network(settings, 12, len(info.classes)), CPU, said)
    return said


def test_a_sound_chip_set_is_told_without_warnings():
    said = told(chip_set())
    assert "12 bands, on CPU, 1 thread" in said.logs[0]
    assert "parameters" in said.logs[0]
    assert said.logs[1] == "  c1: train 100, validation 20"
    assert said.warnings == []


def test_thin_classes_are_named_and_many_of_them_counted():
    said = told(chip_set(classes=2, train=THIN - 1))
    assert said.warnings[0].startswith(f"Few training pixels: c1 ({THIN - 1}), c2 ({THIN - 1}).")
    said = told(chip_set(classes=NAMED + 3, train=THIN - 1))
    assert f"c{NAMED} ({THIN - 1}) and 3 more." in said.warnings[0]


def test_without_validation_pixels_nothing_can_be_chosen():
    assert "VALIDATION_FRACTION" in told(chip_set(validation=0), keep="best").warnings[0]
    assert told(chip_set(validation=0), keep="last").warnings == []

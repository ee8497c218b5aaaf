from __future__ import annotations

import pytest
from hsicnn.core.errors import DeviceError
from hsicnn.core.runtime import devices

torch = pytest.importorskip("torch")


def fake_machine(monkeypatch, failures: dict[str, str]) -> None:
    """A machine whose accelerators fail as told; an empty reason works."""
    monkeypatch.setattr(devices, "accelerators", lambda: tuple(failures))
    monkeypatch.setattr(devices, "kernel_failure", lambda name: failures[name])
    monkeypatch.setattr(devices, "nvidia_driver_present", lambda: False)


def test_cpu_passes_its_own_kernel_test():
    assert devices.kernel_failure("cpu") == ""


def test_a_device_torch_does_not_know_gives_a_reason():
    reason = devices.kernel_failure("meta")
    assert reason
    assert "\n" not in reason


def test_auto_takes_the_first_that_works_and_says_why_not_the_other(monkeypatch):
    fake_machine(monkeypatch, {"cuda:0": "no kernel image is available", "cuda:1": ""})
    device = devices.choose_device("auto")
    assert (device.name, device.kind) == ("cuda:1", "cuda")
    assert "no kernel image" in device.notes[0]


def test_auto_falls_back_to_the_cpu_and_says_why(monkeypatch):
    fake_machine(monkeypatch, {"cuda:0": "no kernel image is available"})
    device = devices.choose_device("auto")
    assert device.name == "cpu"
    assert "cuda:0" in device.notes[0]
    assert "no kernel image" in device.notes[0]
    assert "CPU" in device.notes[1]


def test_empty_means_auto_and_case_does_not_matter(monkeypatch):
    fake_machine(monkeypatch, {"cuda:0": ""})
    assert devices.choose_device("").name == "cuda:0"
    assert devices.choose_device(" CUDA ").name == "cuda:0"
    assert devices.choose_device("cpu").name == "cpu"


def test_an_asked_device_that_fails_is_an_error_naming_what_is_there(monkeypatch):
    fake_machine(monkeypatch, {"cuda:0": "out of order", "xpu:0": ""})
    with pytest.raises(DeviceError, match=r"cuda .*out of order.*cpu \(.*xpu:0"):
        devices.choose_device("cuda")
    with pytest.raises(DeviceError, match=r"cuda:3 .*not there"):
        devices.choose_device("cuda:3")


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cpu:1", "cuda:x"])
def test_a_name_that_is_no_device(name):
    with pytest.raises(DeviceError, match="not a device"):
        devices.choose_device(name)


def test_a_cpu_build_beside_an_nvidia_driver_is_said(monkeypatch):
    fake_machine(monkeypatch, {})
    monkeypatch.setattr(devices, "nvidia_driver_present", lambda: True)
    monkeypatch.setattr(torch.version, "cuda", None)
    notes = " ".join(devices.choose_device("auto").notes)
    assert "build without CUDA" in notes


def test_a_device_with_wrong_numbers_fails(monkeypatch):
    real = torch.nn.functional.conv3d
    calls = []

    def first_call_is_wrong(images, weight):
        calls.append(1)
        return real(images, weight) * (2.0 if len(calls) == 1 else 1.0)

    monkeypatch.setattr(torch.nn.functional, "conv3d", first_call_is_wrong)
    assert "differs from the CPU" in devices.kernel_failure("cpu")


class Card:
    """As much of ``torch.cuda`` or ``torch.xpu`` as is asked."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def is_available(self) -> bool:
        return bool(self._names)

    def device_count(self) -> int:
        return len(self._names)

    def get_device_properties(self, number: int):
        return type("Properties", (), {"name": self._names[number], "total_memory": 16 * 2**30})


def test_accelerators_of_every_kind_are_seen_best_first(monkeypatch):
    monkeypatch.setattr(torch, "cuda", Card("A100", "T4"))
    monkeypatch.setattr(torch, "xpu", Card("Arc"), raising=False)
    monkeypatch.setattr(torch.backends, "mps", Card("M3"), raising=False)
    assert devices.accelerators() == ("cuda:0", "cuda:1", "xpu:0", "mps")
    assert devices.device_title("cuda:1") == "T4, 16 GB"
    assert devices.device_title("xpu:0") == "Arc, 16 GB"
    assert devices.device_title("mps") == "Apple GPU (Metal)"
    assert devices.device_title("cuda:7") == "CUDA"  # a title must not end a job
    monkeypatch.setattr(torch, "cuda", Card())
    monkeypatch.setattr(torch, "xpu", None)
    monkeypatch.setattr(torch.backends, "mps", None)
    assert devices.accelerators() == ()


def test_a_cuda_build_that_sees_no_card_points_at_the_driver(monkeypatch):
    fake_machine(monkeypatch, {})
    monkeypatch.setattr(devices, "nvidia_driver_present", lambda: True)
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    (advice,) = devices.driver_advice(())
    assert "CUDA 12.8" in advice
    assert "update the driver" in advice
    assert devices.driver_advice(("cuda:0",)) == ()

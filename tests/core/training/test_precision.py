from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from hsicnn.core.progress import SilentProgress  # noqa: E402
from hsicnn.core.runtime.devices import Device  # noqa: E402
from hsicnn.core.training.precision import choose_precision, computing_in  # noqa: E402

CPU, CARD, ARC = Device("cpu", "CPU"), Device("cuda:1", "Card"), Device("xpu:0", "Arc")


class Said(SilentProgress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, text):
        self.lines.append(text)


def test_a_cpu_stays_with_float32_unless_told():
    said = Said()
    assert choose_precision("auto", CPU, said) == "float32"
    assert said.lines == []
    assert choose_precision("bfloat16", CPU, said) == "bfloat16"
    assert "most CPUs are slower" in said.lines[0]


@pytest.mark.parametrize(("capability", "used"), [((7, 5), "float32"), ((8, 6), "bfloat16")])
def test_a_card_takes_bfloat16_where_it_has_units_for_it(capability, used, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    said = Said()
    assert choose_precision("auto", CARD, said) == used
    assert f"Card computes in {used}" in said.lines[0]
    assert choose_precision("float32", CARD, said) == "float32"
    assert choose_precision("bfloat16", CARD, said) == "bfloat16"


@pytest.mark.parametrize("able", [True, False])
def test_so_does_an_intel_card(able, monkeypatch):
    monkeypatch.setattr(torch.xpu, "is_bf16_supported", lambda: able, raising=False)
    assert choose_precision("auto", ARC, Said()) == ("bfloat16" if able else "float32")


def test_other_accelerators_stay_with_float32():
    assert choose_precision("auto", Device("mps", "Apple GPU"), Said()) == "float32"


def test_products_are_computed_in_what_was_chosen():
    ones = torch.ones(3, 3)
    for precision, dtype in (("bfloat16", torch.bfloat16), ("float32", torch.float32)):
        with computing_in(precision, "cpu"):
            assert (ones @ ones).dtype == dtype

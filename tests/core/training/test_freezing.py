from __future__ import annotations

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from hsicnn.core.errors import InputError  # noqa: E402
from hsicnn.core.training.freezing import freeze, learning_mode  # noqa: E402
from hsicnn.core.training.loop import train  # noqa: E402
from hsicnn.core.training.optimisers import make_optimiser  # noqa: E402
from hsicnn.models.build import build  # noqa: E402
from hsicnn.models.catalog import NETWORKS  # noqa: E402
from lessons import QUIET, make, settings  # noqa: E402


def learnt(network) -> set[str]:
    return {name for name, weight in network.named_parameters() if weight.requires_grad}


def test_the_first_stages_are_frozen_with_the_norms_between_them():
    network = build("multiscale", 12, 3, {})
    frozen = freeze(network, "1")
    assert learnt(network) == {
        name for name, _ in network.named_parameters() if name.startswith("classifiers")
    }
    # The norms without weights come before the next stage that holds some.
    assert set(frozen) == {"spectral", "spectral_norm", "input_norm", "feature_norm"}


@pytest.mark.parametrize("wanted", ["all but the last", " All but the LAST "])
@pytest.mark.parametrize("name", NETWORKS)
def test_all_but_the_last_leaves_the_stage_that_gives_the_classes(name, wanted):
    network = build(name, max(NETWORKS[name].min_bands, 8), 3, {})
    freeze(network, wanted)
    holding = [
        stage for stage in network.stages() if any(list(m.parameters()) for m in stage.modules)
    ]
    last = {id(weight) for module in holding[-1].modules for weight in module.parameters()}
    assert {id(w) for w in network.parameters() if w.requires_grad} == last


@pytest.mark.parametrize("wanted", ["", " ", "0"])
def test_nothing_is_frozen_where_nothing_is_asked(wanted):
    network = build("etrainee_1d", 46, 3, {})
    assert freeze(network, wanted) == ()
    assert len(learnt(network)) == len(list(network.parameters()))


@pytest.mark.parametrize("wanted", ["-1", "3", "first", "1.5"])
def test_what_cannot_be_frozen_is_refused_with_what_can(wanted):
    network = build("multiscale", 12, 3, {})
    with pytest.raises(InputError, match=rf"FREEZE is '{wanted}'; .* 3 stages .* from 0 to 2"):
        freeze(network, wanted)


def test_frozen_norms_stay_in_evaluation():
    network = build("multiscale", 12, 3, {})
    learning_mode(network, freeze(network, "1"))
    training = {name for name, module in network.named_modules() if module.training}
    assert "spectral_norm" not in training
    assert "classifiers.0.2" in training
    learning_mode(network, ())
    assert all(module.training for module in network.modules())


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_frozen_parts_do_not_change_by_a_bit(optimiser):
    chosen = settings(epochs=2, optimiser=optimiser, weight_decay=0.1)
    state, lesson = make(chosen)
    state.frozen = freeze(state.network, "1")
    state.optimiser = make_optimiser(state.network, chosen)
    before = {name: value.clone() for name, value in state.network.state_dict().items()}
    train(state, lesson, QUIET, lambda _: None)
    for name, value in state.network.state_dict().items():
        assert torch.equal(value, before[name]) == (not name.startswith("classifiers")), name

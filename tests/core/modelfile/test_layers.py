"""The layers of a network on a page."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from hsicnn.core.modelfile import layers as layers_module  # noqa: E402
from hsicnn.core.modelfile.layers import layers  # noqa: E402
from hsicnn.models.build import build, count_parameters  # noqa: E402
from hsicnn.models.catalog import NETWORKS  # noqa: E402
from hsicnn.models.ensemble import Ensemble  # noqa: E402
from hsicnn.models.stages import measure_stages  # noqa: E402

BANDS = 48


def page_of(network, monkeypatch, name="multiscale"):
    """The pieces of the page, and the layers that are drawn on it."""
    given = []
    draw = layers_module.network_picture
    monkeypatch.setattr(
        layers_module, "network_picture", lambda shown: given.append(shown) or draw(shown)
    )
    normalisation = SimpleNamespace(outputs=BANDS, kind="band")
    side = int(getattr(network, "tile", 2 * int(network.radius) + 1))
    bundle = SimpleNamespace(
        architecture=name,
        patch_size=side,
        normalisation=normalisation,
        multiple=int(getattr(network, "multiple", 1)),
    )
    total = count_parameters(network)
    pieces = "".join(layers(bundle, measure_stages(network, BANDS)))
    assert sum(layer.parameters for layer in given[0]) == total
    return pieces, given[0]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_of_the_catalog_is_drawn_with_all_its_weights(name, monkeypatch):
    network = build(name, BANDS, 3, {})
    if not hasattr(network, "stages"):
        pytest.skip("tells no stages")
    pieces, drawn = page_of(network, monkeypatch, name)
    assert "data:image/png" in pieces
    alone = NETWORKS[name].kind == "pixel" and not NETWORKS[name].dense
    assert ("neighbours share" in pieces) != alone
    assert ("every pixel of a raster by itself" in pieces) == alone
    tiles = NETWORKS[name].kind == "tile"
    assert drawn[0].words == ("Normalised tile" if tiles else "Normalised patch")
    side = NETWORKS[name].default_patch
    assert drawn[-1].shape == (f"{side} x {side} pixels x 3 classes" if tiles else "3 classes")


def ensemble(*names: str) -> Ensemble:
    members = [build(name, BANDS, 3, {}) for name in names]
    return Ensemble(members, [(0, BANDS)] * len(members), [[0, 1, 2]] * len(members))


def test_members_that_are_alike_are_drawn_once_with_the_weights_of_all(monkeypatch):
    _, alone = page_of(build("etrainee_1d", BANDS, 3, {}), monkeypatch)
    monkeypatch.undo()
    _, drawn = page_of(ensemble(*["etrainee_1d"] * 5), monkeypatch)
    assert len(drawn) == len(alone) + 1
    assert drawn[1].words == f"In each of the 5 members: {alone[1].words}"
    assert drawn[1].parameters == 5 * alone[1].parameters
    assert not any(layer.beside for layer in drawn)


def test_members_that_differ_stand_side_by_side(monkeypatch):
    pieces, drawn = page_of(ensemble("etrainee_1d", "multiscale"), monkeypatch)
    (begins,) = [layer for layer in drawn if layer.beside]
    assert begins.words.startswith("Member 2: ")
    assert drawn[drawn.index(begins) - 1].words.startswith("Member 1: ")
    assert "Member 2: " in pieces


def test_layers_that_are_not_known_are_told_in_a_sentence():
    pieces = layers(SimpleNamespace(), "The layers are not listed.")
    assert pieces == ['<p class="note">The layers are not listed.</p>']

from __future__ import annotations

import pytest
from hsicnn.core.report import canvas, training_figures
from hsicnn.core.report.training_figures import curves_picture

UNTRAINED = {"epoch": 0.0, "validation_loss": 3.0, "validation_overall": 0.1}


def rows(epochs: int, **more) -> list[dict[str, float]]:
    return [
        {
            "epoch": float(n),
            "loss": 2.0 / n,
            "validation_loss": 2.1 / n,
            "validation_overall": 1 - 0.5 / n,
            "validation_average": 1 - 0.6 / n,
            **more,
        }
        for n in range(1, epochs + 1)
    ]


@pytest.fixture
def drawn(monkeypatch):
    """The figures that are drawn, instead of their pictures."""
    figures = []
    monkeypatch.setattr(training_figures, "as_png", lambda f: figures.append(f) or canvas.as_png(f))
    return figures


def panels(figure) -> dict:
    return {axes.get_ylabel(): axes for axes in figure.axes}


def labels(axes) -> list[str]:
    return [text.get_text() for text in axes.get_legend().get_texts()]


@pytest.mark.parametrize("epochs", [1, 12, 1000])
def test_all_figures_of_all_epochs_are_drawn_and_the_kept_one_is_marked(drawn, epochs):
    png = curves_picture([UNTRAINED, *rows(epochs, learning_rate=1e-3)], kept=epochs)
    assert png.startswith(b"\x89PNG")
    found = panels(drawn[0])
    assert list(found) == ["loss", "accuracy", "learning rate"]
    kept = f"kept: {epochs}"
    assert labels(found["loss"]) == ["training", "validation", kept]
    assert labels(found["accuracy"]) == ["validation, overall", "validation, average", kept]
    training, validation = found["loss"].lines[:2]
    assert training.get_xdata().tolist() == list(range(1, epochs + 1))
    assert validation.get_xdata().tolist() == list(range(epochs + 1))
    assert validation.get_ydata()[0] == 3.0
    assert found["learning rate"].lines[0].get_ydata().tolist() == [1e-3] * epochs
    for axes in found.values():
        assert axes.lines[-1].get_xdata() == [epochs, epochs]
        low, high = axes.get_xlim()
        assert low < 0 < epochs < high
        assert "untrained" in axes.get_xlabel()
    assert (training.get_marker() == "o") == (epochs <= 30)


def test_figures_that_are_not_known_have_no_panel(drawn):
    curves_picture([{"epoch": 1.0, "loss": 2.0}, {"epoch": 2.0, "loss": 1.0}])
    (axes,) = drawn[0].axes
    assert labels(axes) == ["training"]
    assert axes.get_xlabel() == "epoch"


def test_losses_of_very_different_size_are_drawn_in_powers_of_ten(drawn):
    curves_picture(rows(10))
    curves_picture(rows(100))
    assert [panels(figure)["loss"].get_yscale() for figure in drawn] == ["linear", "log"]


def test_a_figure_that_is_missing_leaves_its_epoch_out(drawn):
    history = rows(4)
    history[1]["validation_loss"] = None
    curves_picture(history)
    assert panels(drawn[0])["loss"].lines[1].get_xdata().tolist() == [1, 3, 4]


@pytest.mark.parametrize("history", [[], [{}], [{"epoch": None, "loss": None}], rows(1)])
def test_histories_of_next_to_nothing_are_no_error(history):
    assert curves_picture(history, kept=None).startswith(b"\x89PNG")

"""What a user reads of the settings of a training."""

from __future__ import annotations

from hsicnn.core.training.resolving import resolve_settings
from hsicnn.core.training.told_settings import settings_line, settings_rows


def rows(**given):
    return dict(settings_rows(resolve_settings(given)))


def test_the_rows_hold_what_has_an_effect_and_leave_out_what_has_none():
    found = rows(loss="focal", schedule="constant", learning_rate=0.003, weight_decay=0.0, noise=0)
    assert "LOSS focal; FOCAL_GAMMA 2" in found["Loss"]
    assert found["Learning rate"] == "LEARNING_RATE 0.003; SCHEDULE constant"
    assert "MILESTONES 0.5, 0.75" in rows(schedule="multi-step")["Learning rate"]
    told = " ".join(found.values())
    for name in ("TVERSKY", "MILESTONES", "MOMENTUM", "WEIGHT_DECAY", "NOISE", "FREEZE", "FACTOR"):
        assert name not in told, name
    assert rows(optimiser="sgd")["Optimiser"].startswith(
        "OPTIMISER sgd; MOMENTUM 0.9; NESTEROV yes"
    )


def test_the_rows_name_the_network_and_what_the_training_began_with():
    found = rows(architecture="hu_2015", initial_model="a.safetensors", freeze="1", seed=3)
    assert found["Network"].startswith("ARCHITECTURE hu_2015; PATCH_SIZE 1")
    assert found["Network"].endswith("SEED 3")
    assert "INITIAL_MODEL a.safetensors; FREEZE 1" in found["Start"]
    assert "Normalisation" not in found  # the initial model's is taken
    assert "dropout=0.1" in rows(options={"dropout": 0.1})["Network"]


def test_the_line_names_recipe_optimiser_rate_loss_and_inputs():
    given = {"architecture": "hu_2015", "recipe": "published", "learning_rate": 0.25}
    line = settings_line(resolve_settings({**given, "optimiser": "sgd", "schedule": "constant"}))
    for words in ("RECIPE 'published'", "sgd, constant at 0.25", "cross-entropy with class weights",
                  "augmentation none"):  # fmt: skip
        assert words in line
    line = settings_line(resolve_settings({"mixup": 0.1, "noise_limit": 1, "noise": 0.3}))
    assert "mixup" in line
    assert "noise limit" not in line
    begun = settings_line(resolve_settings({"initial_model": "a.safetensors"}))
    assert "normalisation of the initial model" in begun

"""Losses against their plain formulas, and where torch or scikit-learn has them, against those."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hsicnn.core.training import objectives  # noqa: E402
from hsicnn.core.training.batches import Targets  # noqa: E402
from hsicnn.core.training.objectives import (  # noqa: E402
    UNKNOWN,
    cross_entropy,
    focal,
    make_objective,
    squared_error,
    tversky,
)
from hsicnn.core.training.settings import LOSSES, OVERLAPS, SETTINGS, TrainingSettings  # noqa: E402

EVEN = torch.ones(4)
UNEVEN = torch.tensor([1.0, 2.0, 0.5, 1.5])


def drawn(pixels: int = 9, classes: int = 4, seed: int = 0):
    """Logits and classes of single pixels; every class is there."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(pixels, classes, 1, 1, generator=generator)
    return logits, (torch.arange(pixels) % classes)[:, None, None]


def of(loss: str, **given) -> objectives.Objective:
    weights = given.pop("weights", UNEVEN)
    return make_objective(TrainingSettings(loss=loss, **given), weights)


def test_cross_entropy_equals_torchs_without_weights():
    logits, target = drawn()
    ours = cross_entropy(logits, target, EVEN, 0.1)
    theirs = torch.nn.functional.cross_entropy(
        logits.flatten(1), target.flatten(), label_smoothing=0.1
    )
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 5.0])
def test_focal_is_its_formula(gamma):
    logits, target = drawn()
    shares = logits.flatten(1).double().softmax(1)
    expected = 0.0
    for row, label in zip(shares, target.flatten().tolist()):
        p = float(row[label])
        expected += -float(UNEVEN[label]) * (1 - p) ** gamma * math.log(p) / len(shares)
    found = focal(logits, target, UNEVEN, gamma=gamma)
    assert float(found) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_focal_with_gamma_0_is_cross_entropy(smoothing):
    logits, target = drawn()
    torch.testing.assert_close(
        focal(logits, target, UNEVEN, smoothing, gamma=0.0),
        cross_entropy(logits, target, UNEVEN, smoothing),
    )


def test_squared_error_is_torchs_of_probabilities_and_one_hot_targets():
    logits, target = drawn()
    wanted = torch.nn.functional.one_hot(target.flatten(), 4).float()
    theirs = torch.nn.functional.mse_loss(logits.flatten(1).softmax(1), wanted)
    torch.testing.assert_close(squared_error(logits, target, EVEN), theirs)
    softer = 0.9 * wanted + 0.1 / 4
    each = (logits.flatten(1).softmax(1) - softer).square().mean(1)
    expected = (each * UNEVEN[target.flatten()]).mean()
    torch.testing.assert_close(squared_error(logits, target, UNEVEN, 0.1), expected)


def test_squared_error_is_scikit_learns_brier_score_of_two_classes():
    metrics = pytest.importorskip("sklearn.metrics")
    logits, target = drawn(classes=2)
    share = logits.flatten(1).softmax(1)[:, 1].numpy()
    expected = metrics.brier_score_loss(target.flatten().numpy(), share)
    assert float(squared_error(logits, target, torch.ones(2))) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("alpha", "beta", "gamma"),
    [(0.5, 0.5, 1.0), (0.3, 0.7, 1.0), (1.0, 1.0, 4 / 3), (0.3, 0.7, 0.5)],
)
def test_tversky_is_its_formula(alpha, beta, gamma):
    logits, target = drawn()
    shares, labels = logits.flatten(1).double().softmax(1).numpy(), target.flatten().numpy()
    losses = []
    for place in range(4):
        own = labels == place
        right = shares[own, place].sum()
        wrong, missed = shares[~own, place].sum(), (1 - shares[own, place]).sum()
        losses.append((1 - right / (right + alpha * wrong + beta * missed)) ** (1 / gamma))
    expected = np.average(losses, weights=UNEVEN.numpy())
    found = tversky(logits, target, UNEVEN, alpha=alpha, beta=beta, gamma=gamma)
    assert float(found) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("gamma", [0.5, 4 / 3, 3.0])
def test_gamma_of_tversky_does_what_its_help_says(gamma):
    """Against the plain loss a class counts by how its slope changes."""

    def slope(certainty, gamma):
        logits = torch.zeros(2, 2, 1, 1)
        logits[0, 0], logits[1, 1] = certainty, certainty  # both pixels are alike
        logits.requires_grad_()
        tversky(logits, torch.tensor([0, 1])[:, None, None], torch.ones(2), gamma=gamma).backward()
        return float(logits.grad.abs().sum())

    badly, nearly = (slope(one, gamma) / slope(one, 1.0) for one in (-2.0, 3.0))
    assert (nearly > badly) == (gamma > 1)
    words = SETTINGS["tversky_gamma"].help
    assert "Above 1, classes that are nearly learnt count more" in words


def test_dice_of_certain_predictions_is_one_less_scikit_learns_f1():
    metrics = pytest.importorskip("sklearn.metrics")
    _, target = drawn(30)
    found = torch.randint(4, (30,), generator=torch.Generator().manual_seed(2))
    logits = 200.0 * torch.nn.functional.one_hot(found, 4).float()[..., None, None]
    f1 = metrics.f1_score(target.flatten().numpy(), found.numpy(), average="macro")
    assert float(of("dice", weights=EVEN)(logits, target)) == pytest.approx(1 - f1, abs=1e-5)
    jaccard = metrics.jaccard_score(target.flatten().numpy(), found.numpy(), average="macro")
    equal = of("tversky", weights=EVEN, tversky_alpha=1.0, tversky_beta=1.0)
    assert float(equal(logits, target)) == pytest.approx(1 - jaccard, abs=1e-5)


def test_a_class_that_a_batch_lacks_has_no_overlap():
    logits, target = drawn(8)
    target[target == 3] = 1
    logits = torch.cat([logits[:, :3], torch.full_like(logits[:, 3:], -1e4)], dim=1)
    fewer = tversky(logits[:, :3], target, UNEVEN[:3])
    torch.testing.assert_close(tversky(logits, target, UNEVEN), fewer)


def test_settings_reach_their_losses():
    logits, target = drawn()
    torch.testing.assert_close(
        of("focal", focal_gamma=3.0)(logits, target), focal(logits, target, UNEVEN, gamma=3.0)
    )
    given = {"tversky_alpha": 0.2, "tversky_beta": 0.9}
    torch.testing.assert_close(
        of("tversky", **given, tversky_gamma=2.0)(logits, target),
        tversky(logits, target, UNEVEN, alpha=0.2, beta=0.9),
    )
    torch.testing.assert_close(
        of("focal-tversky", **given, tversky_gamma=2.0)(logits, target),
        tversky(logits, target, UNEVEN, alpha=0.2, beta=0.9, gamma=2.0),
    )
    torch.testing.assert_close(of("dice", **given)(logits, target), tversky(logits, target, UNEVEN))
    for loss, function in (("cross-entropy", cross_entropy), ("squared-error", squared_error)):
        torch.testing.assert_close(
            of(loss, label_smoothing=0.2)(logits, target), function(logits, target, UNEVEN, 0.2)
        )


@pytest.mark.parametrize("loss", LOSSES)
def test_members_have_their_losses_to_themselves(loss):
    logits = torch.stack([drawn(seed=seed)[0] for seed in range(3)])
    target = drawn()[1]
    objective = of(loss)
    each = [objective(member, target) for member in logits]
    torch.testing.assert_close(objective(logits, target), sum(each) / 3)


@pytest.mark.parametrize("loss", LOSSES)
def test_pixels_without_a_label_do_not_count(loss):
    logits = torch.randn(2, 4, 5, 5, generator=torch.Generator().manual_seed(1))
    target = torch.full((2, 5, 5), UNKNOWN)
    target[0, 1, 2], target[1, 3, 0], target[1, 4, 4] = 2, 0, 2
    picked = torch.stack([logits[0, :, 1, 2], logits[1, :, 3, 0], logits[1, :, 4, 4]])
    alone = of(loss)(picked[..., None, None], torch.tensor([2, 0, 2])[:, None, None])
    torch.testing.assert_close(of(loss)(logits, target), alone)


@pytest.mark.parametrize("loss", LOSSES)
def test_logarithms_of_probabilities_are_logits_too(loss):
    logits, target = drawn()
    torch.testing.assert_close(of(loss)(logits.log_softmax(1), target), of(loss)(logits, target))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("size", [1e-3, 1.0, 100.0, 1e4])
@pytest.mark.parametrize("right", [True, False])
def test_losses_and_their_gradients_are_numbers_however_sure_a_network_is(loss, size, right):
    _, target = drawn()
    found = target if right else (target + 1) % 4
    logits = size * torch.nn.functional.one_hot(found.flatten(), 4).float()[..., None, None]
    for gamma in (0.5, 2.0):
        asked = logits.clone().requires_grad_()
        lost = of(loss, focal_gamma=gamma, tversky_gamma=gamma)(asked, target)
        lost.backward()
        assert 0 <= lost.item() < math.inf
        assert bool(torch.isfinite(asked.grad).all())


@pytest.mark.parametrize("loss", LOSSES)
def test_a_step_down_the_gradient_lowers_the_loss(loss):
    logits, target = drawn()
    asked = logits.clone().requires_grad_()
    objective = of(loss)
    before = objective(asked, target)
    before.backward()
    assert objective(asked - 0.1 * asked.grad, target).item() < before.item()


@pytest.mark.parametrize("loss", LOSSES)
def test_a_class_of_weight_0_is_out_of_the_loss(loss):
    logits, target = drawn()
    asked = logits.clone().requires_grad_()
    weights = torch.tensor([1.0, 0.0, 1.0, 1.0])
    of(loss, weights=weights)(asked, target).backward()
    own = (target == 1).flatten()
    others = asked.grad[~own] if loss in OVERLAPS else asked.grad[own]
    if loss in OVERLAPS:
        assert bool((others != 0).any())
    else:
        assert not bool(others.any())


@pytest.mark.parametrize("loss", LOSSES)
def test_a_mixture_has_the_losses_of_both_in_its_shares(loss):
    logits, target = drawn()
    partner = target.flip(0)
    objective = of(loss)
    mixed = Targets(target, partner, 0.7).loss(objective, logits)
    torch.testing.assert_close(
        mixed, 0.7 * objective(logits, target) + 0.3 * objective(logits, partner)
    )
    torch.testing.assert_close(
        Targets(target, partner, 1.0).loss(objective, logits), objective(logits, target)
    )

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hsicnn.core.training.objectives import class_weights, cross_entropy  # noqa: E402


@pytest.mark.parametrize("kind", ["none", "sqrt", "inverse"])
def test_weights_average_to_one_over_the_pixels(kind):
    counts = np.array([10, 1000, 0, 90])
    weights = class_weights(kind, counts)
    assert weights[2] == 0
    assert (weights * counts).sum() / counts.sum() == pytest.approx(1)


def test_inverse_weights_give_every_class_the_same_say():
    counts = np.array([10, 1000, 90])
    says = class_weights("inverse", counts) * counts
    np.testing.assert_allclose(says, says[0], rtol=1e-5)


def test_cross_entropy_equals_torchs_without_weights():
    logits = torch.randn(7, 4, 1, 1)
    target = torch.tensor([0, 1, 2, 3, 0, 1, 2])
    ours = cross_entropy(logits, target[:, None, None], torch.ones(4), 0.1)
    theirs = torch.nn.functional.cross_entropy(logits.flatten(1), target, label_smoothing=0.1)
    torch.testing.assert_close(ours, theirs)


def test_members_are_averaged_losses_not_the_loss_of_an_average():
    logits = torch.randn(3, 5, 4, 1, 1)
    target = torch.tensor([0, 1, 2, 3, 0])[:, None, None]
    weights = torch.tensor([1.0, 2.0, 0.5, 1.0])
    each = [cross_entropy(member, target, weights) for member in logits]
    torch.testing.assert_close(cross_entropy(logits, target, weights), sum(each) / 3)


def test_pixels_without_a_label_do_not_count():
    logits = torch.randn(2, 3, 4, 4)
    target = torch.full((2, 4, 4), -1)
    target[0, 1, 2], target[1, 3, 0] = 2, 0
    picked = torch.stack([logits[0, :, 1, 2], logits[1, :, 3, 0]])
    expected = torch.nn.functional.cross_entropy(picked, torch.tensor([2, 0]))
    torch.testing.assert_close(cross_entropy(logits, target, torch.ones(3)), expected)

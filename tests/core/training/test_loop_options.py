"""What the loop can be told: every schedule and optimiser, accumulation, epoch 0, divergence."""

from __future__ import annotations

import dataclasses
import itertools
import math
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from hsicnn.core.errors import Cancelled, HsicnnError  # noqa: E402
from hsicnn.core.progress import SilentProgress  # noqa: E402
from hsicnn.core.runtime.seeds import seed_torch, torch_generator  # noqa: E402
from hsicnn.core.training import loop, steps, validation  # noqa: E402
from hsicnn.core.training.batches import draw_batch  # noqa: E402
from hsicnn.core.training.checkpoints import checkpoint_path, resume_from, save_checkpoint  # noqa: E402
from hsicnn.core.training.loop import train  # noqa: E402
from hsicnn.core.training.objectives import make_objective  # noqa: E402
from hsicnn.core.training.settings import LOSSES, OPTIMISERS, SCHEDULES  # noqa: E402
from hsicnn.core.training.validation import Figures  # noqa: E402
from lessons import QUIET, make, model_of, settings  # noqa: E402

EVERY = list(itertools.product(SCHEDULES, OPTIMISERS))


def nothing(_state) -> None:
    """Save no checkpoint."""


def accuracies(monkeypatch, values) -> None:
    """Let validation find these accuracies, one an epoch."""
    found = iter(values)
    monkeypatch.setattr(loop, "validate", lambda *_: Figures(10, 1.0, *[next(found)] * 2))


def equal(first, second) -> bool:
    return all(torch.equal(value, second[name]) for name, value in first.items())


def test_with_the_defaults_a_step_is_the_plain_one_to_the_bit():
    """No option that is off leaves a trace in the numbers."""
    chosen = settings(epochs=2)
    state, lesson = make(chosen)
    train(state, lesson, QUIET, nothing)

    plain, lesson = make(chosen)
    network, optimiser = plain.network, plain.optimiser
    count, batches = len(lesson.training), 8
    for epoch in range(2):
        seed_torch(chosen.seed, "epoch", epoch)
        generator = torch_generator(chosen.seed, "order", epoch)
        order = torch.randperm(count, generator=generator).split(chosen.batch_size)
        steps_here = min(max(len(order), chosen.shortest_epoch), batches)
        order = list(order)
        while len(order) < steps_here:
            order += torch.randperm(count, generator=generator).split(chosen.batch_size)
        network.train()
        for step, which in enumerate(order[:steps_here]):
            done = (epoch + step / steps_here) / 2
            rate = chosen.learning_rate * _one_cycle(done)
            for group in optimiser.param_groups:
                group["lr"] = rate
            optimiser.zero_grad(set_to_none=True)
            patches, targets = draw_batch(lesson.source, lesson.training, which, chosen, generator)
            scores = network.forward_members(patches)[..., 0, 0]
            wanted = targets.own.flatten().repeat(len(scores))
            losses = torch.nn.functional.cross_entropy(
                scores.flatten(0, 1), wanted, reduction="none"
            )
            (losses * lesson.weights[wanted]).mean().backward()
            steps.clip_gradients(network, 5.0)
            optimiser.step()
    assert equal(network.state_dict(), state.network.state_dict())


def _one_cycle(done: float) -> float:
    def between(start, stop, share):
        return stop + (start - stop) * 0.5 * (1.0 + math.cos(math.pi * share))

    return between(0.04, 1.0, done / 0.2) if done < 0.2 else between(1.0, 1e-3, (done - 0.2) / 0.8)


@pytest.mark.parametrize(("schedule", "optimiser"), EVERY)
def test_every_schedule_and_optimiser_goes_on_to_the_bit(
    schedule, optimiser, tmp_path, monkeypatch
):
    """With batches that are accumulated and weights that are averaged."""
    chosen = settings(
        schedule=schedule,
        optimiser=optimiser,
        epochs=4,
        learning_rate=0.01,
        accumulate=2,
        averaging=0.9,
        plateau_patience=1,
        rate_decay=0.05,
        shortest_epoch=5,
        longest_epoch=5,
        options={"members": 1},
    )
    path, saved = checkpoint_path(str(tmp_path / "model.safetensors")), []

    def save(state):
        if state.epoch == 2:
            save_checkpoint(path, state, "job", model_of(state, chosen))
            saved.append((state.reductions, state.reduced_epoch))

    figures = [0.5, 0.6, 0.6, 0.6, 0.6]
    accuracies(monkeypatch, figures)
    whole, lesson = make(chosen)
    train(whole, lesson, QUIET, save)

    second, lesson = make(chosen)
    assert resume_from(path, second, "job", QUIET)
    assert (second.reductions, second.reduced_epoch) == saved[0]
    accuracies(monkeypatch, figures[3:])
    train(second, lesson, QUIET, nothing)
    assert equal(whole.network.state_dict(), second.network.state_dict())
    assert equal(whole.average, second.average)
    assert equal(whole.best, second.best)
    assert whole.optimiser.param_groups[0]["lr"] == second.optimiser.param_groups[0]["lr"]
    assert whole.reductions == second.reductions == (3 if schedule == "plateau" else 0)
    assert [row.get("loss") for row in whole.history] == [row.get("loss") for row in second.history]


@pytest.mark.parametrize(("schedule", "optimiser"), EVERY)
def test_every_schedule_and_optimiser_stops_early_and_can_be_cancelled(
    schedule, optimiser, monkeypatch
):
    chosen = settings(
        schedule=schedule, optimiser=optimiser, untrained=False, patience=2, longest_epoch=2,
        shortest_epoch=2,
    )  # fmt: skip
    accuracies(monkeypatch, [0.5, 0.8, 0.7, 0.6, 0.9])
    state, lesson = make(chosen)
    train(state, lesson, QUIET, nothing)
    assert (state.epoch, state.best_epoch) == (4, 2)

    class Stop(SilentProgress):
        asked = 0

        def check_cancel(self):
            self.asked += 1
            if self.asked == 4:
                raise Cancelled

    saved = []
    accuracies(monkeypatch, [0.5, 0.8])
    state, lesson = make(chosen)
    with pytest.raises(Cancelled):
        train(state, lesson, Stop(), lambda now: saved.append(now.epoch))
    assert saved == [1]  # in the second batch of the second epoch


def test_rates_of_an_epoch_are_those_of_the_schedule(monkeypatch):
    rates = []

    def step(state, *_, **__):
        rates.append(state.optimiser.param_groups[0]["lr"])
        return 0.0

    monkeypatch.setattr(loop, "take_step", step)
    few = {"epochs": 2, "shortest_epoch": 5, "longest_epoch": 5, "learning_rate": 1.0}
    state, lesson = make(settings(schedule="inverse-time", rate_decay=0.5, accumulate=2, **few))
    train(state, lesson, QUIET, nothing)
    # Five batches are two steps of two and one of one.
    assert rates == [1 / (1 + 0.5 * taken) for taken in range(6)]
    rates.clear()
    state, lesson = make(settings(schedule="multi-step", milestones="1", **few))
    train(state, lesson, QUIET, nothing)
    assert rates == [1.0] * 5 + [0.3] * 5


def test_a_plateau_lowers_the_rate_where_validation_does_not_improve(monkeypatch):
    accuracies(monkeypatch, [0.5, 0.6, 0.6, 0.55, 0.6, 0.7, 0.6, 0.6])
    chosen = settings(
        schedule="plateau", plateau_patience=2, epochs=8, untrained=False, learning_rate=0.01,
        longest_epoch=1, shortest_epoch=1, rate_factor=0.1,
    )  # fmt: skip
    state, lesson = make(chosen)
    seen = []
    train(state, lesson, QUIET, lambda now: seen.append(now.reductions))
    assert seen == [0, 0, 0, 1, 1, 1, 1, 2]
    assert state.optimiser.param_groups[0]["lr"] == pytest.approx(1e-3)


def test_accumulated_batches_are_one_step_of_their_mean_gradient():
    """A network without batch norm: two batches of 16 are one of 32."""
    few = {"architecture": "indian_pines_3d", "epochs": 1, "shortest_epoch": 1, "patch_size": 7}
    plain, lesson = make(settings(**few, batch_size=32, longest_epoch=1))
    train(plain, lesson, QUIET, nothing)
    halved, lesson = make(settings(**few, batch_size=16, longest_epoch=2, accumulate=2))
    train(halved, lesson, QUIET, nothing)
    for name, value in plain.network.state_dict().items():
        torch.testing.assert_close(halved.network.state_dict()[name], value, rtol=1e-4, atol=1e-5)
    assert halved.history[-1]["loss"] == pytest.approx(plain.history[-1]["loss"], rel=1e-5)


def test_batches_that_are_left_over_are_a_step_of_their_own(monkeypatch):
    state, lesson = make(settings(epochs=1, shortest_epoch=5, longest_epoch=5, accumulate=2))
    taken = []
    plain = loop.take_step

    def step(state, lesson, batches, *rest, **named):
        loss = plain(state, lesson, batches, *rest, **named)
        taken.append((len(batches), loss))
        return loss

    monkeypatch.setattr(loop, "take_step", step)
    train(state, lesson, QUIET, nothing)
    assert [count for count, _ in taken] == [2, 2, 1]
    mean = sum(count * loss for count, loss in taken) / 5
    assert state.history[-1]["loss"] == pytest.approx(mean)


def test_the_history_begins_with_the_untrained_network_and_nothing_else_changes():
    results = []
    for untrained in (True, False):
        state, lesson = make(settings(epochs=2, untrained=untrained))
        before = {name: value.clone() for name, value in state.network.state_dict().items()}
        train(state, lesson, QUIET, nothing)
        results.append(state)
    scored, plain = results
    assert equal(scored.network.state_dict(), plain.network.state_dict())
    assert (scored.best_epoch, scored.best_figures) == (plain.best_epoch, plain.best_figures)
    first, *rest = scored.history
    assert [row["loss"] for row in rest] == [row["loss"] for row in plain.history]
    assert (first["epoch"], "loss" in first) == (0.0, False)
    state.network.load_state_dict(before)
    target = lesson.validation.target
    from hsicnn.core.training.validation import predict

    found = predict(state.network, lesson.source, lesson.validation, QUIET).argmax(1)
    assert first["validation_overall"] == pytest.approx(float((found == target).float().mean()))


def test_gradients_are_not_touched_where_clipping_is_off(monkeypatch):
    monkeypatch.setattr(steps, "clip_gradients", lambda *_: pytest.fail("was clipped"))
    state, lesson = make(settings(epochs=1, clip=0.0))
    train(state, lesson, QUIET, nothing)
    lengths = []
    monkeypatch.setattr(steps, "clip_gradients", lambda _, longest: lengths.append(longest))
    state, lesson = make(settings(epochs=1, clip=0.25))
    train(state, lesson, QUIET, nothing)
    assert set(lengths) == {0.25}


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_teaches(loss):
    chosen = settings(loss=loss, epochs=12, mixup=0.2, learning_rate=5e-3)
    state, lesson = make(chosen)
    train(state, lesson, QUIET, nothing)
    assert state.best_figures["validation_overall"] > 0.85
    assert state.history[-1]["validation_loss"] < state.history[0]["validation_loss"]


def test_validation_has_the_loss_of_the_training_without_smoothing(monkeypatch):
    seen = []

    def validated(network, source, samples, objective, progress):
        seen.append(objective.keywords["smoothing"])
        return Figures()

    monkeypatch.setattr(loop, "validate", validated)
    state, lesson = make(settings(loss="focal", label_smoothing=0.2, epochs=1))
    train(state, lesson, QUIET, nothing)
    assert seen == [0.0, 0.0]


def test_bfloat16_teaches_and_leaves_float32():
    state, lesson = make(settings(precision="bfloat16", epochs=8))
    stepped, predicted = set(), set()
    hooks = [
        state.network.spectral.register_forward_hook(lambda _, __, out: stepped.add(out.dtype)),
        state.network.register_forward_hook(lambda _, __, out: predicted.add(out.dtype)),
    ]
    train(state, lesson, QUIET, nothing)
    for hook in hooks:
        hook.remove()
    assert (stepped, predicted) == ({torch.bfloat16}, {torch.float32})
    assert state.best_figures["validation_overall"] > 0.85
    kinds = {value.dtype for value in state.best.values() if value.dtype.is_floating_point}
    assert kinds == {torch.float32}


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_rate_that_diverges_ends_within_the_epoch(schedule, optimiser):
    """The network without batch norms, whose outputs grow without bounds."""
    few = {"architecture": "indian_pines_3d", "patch_size": 7, "batch_size": 8, "clip": 0.0}
    state, lesson = make(
        settings(
            **few, schedule=schedule, optimiser=optimiser, learning_rate=10.0, momentum=0.99,
            shortest_epoch=12, longest_epoch=12, epochs=3, loss="cross-entropy", untrained=False,
        )
    )  # fmt: skip
    saved = []
    with pytest.raises(
        HsicnnError, match=r"diverged in epoch 1: .*LEARNING_RATE is 10; try a tenth"
    ):
        train(state, lesson, QUIET, lambda now: saved.append(now.epoch))
    assert not saved
    assert not state.best


def test_a_loss_that_is_no_number_ends_the_epoch_at_once(monkeypatch):
    losses = iter([0.5, 0.4, math.inf, 0.1])
    monkeypatch.setattr(loop, "take_step", lambda *_, **__: next(losses))
    state, lesson = make(settings(untrained=False))
    with pytest.raises(HsicnnError, match=r"epoch 1: the loss of batch 3 of .* is inf"):
        train(state, lesson, QUIET, nothing)
    assert next(losses) == 0.1


def test_weights_that_are_no_numbers_are_seen_though_the_epoch_is_not_kept(monkeypatch):
    """The loss is finite still, and an earlier epoch stays the best."""
    accuracies(monkeypatch, [0.9, 0.5, 0.5])
    state, lesson = make(settings(epochs=3, untrained=False, longest_epoch=1, shortest_epoch=1))

    def spoil(now):
        def late(*_):
            with torch.no_grad():
                state.network.classifiers[0][1].weight[0, 0] = math.nan

        state.optimiser.register_step_post_hook(late)

    with pytest.raises(HsicnnError, match=r"epoch 2: the network's weights are no longer numbers"):
        train(state, lesson, QUIET, spoil)
    assert state.epoch == 1


def test_running_means_that_are_no_numbers_are_seen():
    state, lesson = make(settings(epochs=1, untrained=False))
    buffer = dict(state.network.named_buffers())["spectral_norm.running_var"]
    state.optimiser.register_step_post_hook(lambda *_: buffer.fill_(math.inf))
    with pytest.raises(HsicnnError, match="weights are no longer numbers"):
        train(state, lesson, QUIET, nothing)


def test_cancel_is_asked_before_every_batch_of_a_step():
    class Count(SilentProgress):
        asked = 0

        def check_cancel(self):
            self.asked += 1

    told = Count()
    state, lesson = make(
        settings(epochs=1, accumulate=4, shortest_epoch=7, longest_epoch=7, untrained=False)
    )
    train(state, dataclasses.replace(lesson, validation=lesson.validation.first(0)), told, nothing)
    assert told.asked == 7


class Warned(SilentProgress):
    said = ""

    def warn(self, text):
        self.said += text


@pytest.mark.parametrize(("average", "warned"), [(1 / 3, True), (0.2, True), (0.34, False)])
def test_a_network_that_learnt_nothing_is_warned_of(average, warned, monkeypatch):
    accuracies(monkeypatch, [average] * 3)
    told = Warned()
    state, lesson = make(settings(epochs=2))
    train(state, lesson, told, nothing)
    assert ("no better than guessing: the average accuracy of 3 classes" in told.said) == warned


@pytest.mark.parametrize("classes", range(2, 31))
def test_the_same_answer_everywhere_is_guessing_among_any_number_of_classes(classes, monkeypatch):
    """Validation takes the mean over the classes in float32, where a third is more than 1 / 3."""
    state, lesson = make(settings())
    count = len(lesson.validation)
    found = dataclasses.replace(lesson.validation, target=torch.arange(count) % classes)
    same = torch.eye(classes)[torch.zeros(count, dtype=torch.long)]
    monkeypatch.setattr(validation, "predict", lambda *_: same)
    loss = make_objective(lesson.settings, torch.ones(classes))
    figures = validation.validate(state.network, lesson.source, found, loss, QUIET)
    state.epoch, state.history = lesson.settings.epochs, [{"epoch": 1.0}]
    state.best_figures = figures.row()
    told = Warned()
    train(state, dataclasses.replace(lesson, validation=found), told, nothing)
    assert f"no better than guessing: the average accuracy of {classes} classes" in told.said

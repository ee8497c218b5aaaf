from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hsicnn.core.data.augmentation import (  # noqa: E402
    add_noise,
    drop_bands,
    mix_pairs,
    scale_brightness,
)
from hsicnn.core.data.normalisation import fit_normalisation  # noqa: E402


def test_brightness_scales_the_physical_spectrum():
    spectra = np.random.default_rng(2).uniform(0.1, 0.6, (200, 6)).astype(np.float32)
    fitted = fit_normalisation("pca", spectra)
    patches = torch.from_numpy(fitted.apply(spectra[:8])).reshape(8, 6, 1, 1)
    torch.manual_seed(3)
    factors = 1 + torch.randn(8, 1, 1, 1) * 0.2
    torch.manual_seed(3)
    scaled = scale_brightness(patches, torch.from_numpy(fitted.dark), 0.2)
    expected = fitted.apply(spectra[:8] * factors.numpy().reshape(8, 1))
    np.testing.assert_allclose(scaled.reshape(8, 6).numpy(), expected, atol=1e-3)


def test_noise_has_the_deviation_asked_for():
    torch.manual_seed(1)
    noise = add_noise(torch.zeros(64, 4, 5, 5), 0.3)
    assert float(noise.std()) == pytest.approx(0.3, rel=0.05)


def test_batches_keep_the_memory_layout_that_networks_are_fast_at():
    patches = torch.randn(6, 5, 5, 4).permute(0, 3, 1, 2)
    changed = (
        add_noise(patches, 0.1),
        scale_brightness(patches, torch.zeros(4), 0.1),
        mix_pairs(patches, 0.4)[0],
        mix_pairs(patches, 0.4, torch.tensor([0, 1, 0, 1, 1, 0]))[0],
        drop_bands(patches, 0.3),
        drop_bands(patches, 0.3, (torch.ones(4, 9), torch.ones(9, 4))),
    )
    for batch in changed:
        assert batch.shape == patches.shape
        assert batch.is_contiguous(memory_format=torch.channels_last)


def test_mixing_keeps_at_least_half_of_the_patch_itself():
    torch.manual_seed(4)
    patches = torch.arange(10.0).reshape(10, 1, 1, 1)
    mixed, partner, share = mix_pairs(patches, 0.4)
    assert 0.5 <= share <= 1
    expected = share * patches + (1 - share) * patches[partner]
    torch.testing.assert_close(mixed, expected)


def test_noise_is_cut_where_a_limit_is_given():
    torch.manual_seed(1)
    patches = torch.full((64, 4, 5, 5), 7.0)
    noise = add_noise(patches, 0.002, 0.003) - 7
    assert float(noise.abs().max()) == pytest.approx(0.003, rel=1e-3)
    assert 0.1 < float((noise.abs() > 0.00299).float().mean()) < 0.16  # beyond 1.5 deviations
    torch.manual_seed(1)
    assert float((add_noise(patches, 0.002) - 7).abs().max()) > 0.006


def test_bands_are_dropped_as_often_as_asked_and_in_a_whole_patch():
    torch.manual_seed(5)
    patches = torch.rand(200, 30, 3, 3) + 1
    dropped = drop_bands(patches, 0.2)
    gone = dropped == 0
    assert (gone.any(dim=(2, 3)) == gone.all(dim=(2, 3))).all()
    assert float(gone.float().mean()) == pytest.approx(0.2, abs=0.02)
    torch.testing.assert_close(dropped[~gone], patches[~gone])
    assert len({tuple(row) for row in gone[:, :, 0, 0].tolist()}) == 200  # in each patch others


@pytest.mark.parametrize("kind", ["pca", "zca"])
def test_dropped_bands_of_components_are_bands_at_their_mean(kind):
    spectra = np.random.default_rng(2).uniform(0.1, 0.6, (200, 6)).astype(np.float32)
    fitted = fit_normalisation(kind, spectra)
    patches = torch.from_numpy(fitted.apply(spectra[:8])).reshape(8, 6, 1, 1)
    torch.manual_seed(3)
    gone = (torch.rand(8, 1, 1, 6) < 0.4).reshape(8, 6).numpy()
    torch.manual_seed(3)
    matrices = torch.from_numpy(fitted.inverse), torch.from_numpy(fitted.transform)
    found = drop_bands(patches, 0.4, matrices)
    expected = fitted.apply(np.where(gone, fitted.mean, spectra[:8]))
    assert gone.any()
    np.testing.assert_allclose(found.reshape(8, 6).numpy(), expected, atol=2e-3)


def test_dropping_with_few_components_takes_out_what_these_tell():
    generator = np.random.default_rng(2)
    spectra = (generator.normal(size=(300, 2)) @ generator.normal(size=(2, 9))).astype(np.float32)
    fitted = fit_normalisation("pca", spectra, components=2)  # all that there is
    patches = torch.from_numpy(fitted.apply(spectra[:8])).reshape(8, 2, 1, 1)
    torch.manual_seed(3)
    gone = (torch.rand(8, 1, 1, 9) < 0.4).reshape(8, 9).numpy()
    torch.manual_seed(3)
    matrices = torch.from_numpy(fitted.inverse), torch.from_numpy(fitted.transform)
    found = drop_bands(patches, 0.4, matrices).reshape(8, 2).numpy()
    expected = fitted.apply(np.where(gone, fitted.mean, spectra[:8]))
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_partners_are_others_of_the_same_class():
    torch.manual_seed(6)
    classes = torch.tensor([2, 0, 1, 0, 2, 0, 0, 2])
    patches = torch.arange(8.0).reshape(8, 1, 1, 1)
    seen = set()
    for _ in range(40):
        mixed, partner, share = mix_pairs(patches, 0.4, classes)
        assert (classes[partner] == classes).all()
        assert sorted(partner.tolist()) == list(range(8))
        alone = partner == torch.arange(8)
        assert alone.tolist() == [False, False, True] + [False] * 5  # the only one of its class
        torch.testing.assert_close(mixed, share * patches + (1 - share) * patches[partner])
        seen.add(tuple(partner.tolist()))
    assert len(seen) > 5

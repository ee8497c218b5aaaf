from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hsicnn.core.data.augmentation import add_noise, mix_pairs, scale_brightness  # noqa: E402
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

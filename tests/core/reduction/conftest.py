"""An image to reduce."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from spectral_images import holed, spectra_image, write_image


@pytest.fixture
def image(tmp_path):
    """Scaled whole numbers with holes."""
    raw = holed(np.rint(spectra_image()).astype(np.int16))
    return write_image(tmp_path / "image.tif", raw, scale=1e-4, offset=0.01)

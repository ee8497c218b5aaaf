"""Mounts the checkout as the package ``hsicnn``, whatever its folder is called."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples every time, and no deadline: a busy machine is no failure.
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.register_profile("search", deadline=None, database=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

ROOT = Path(__file__).resolve().parent.parent


def mount_package() -> None:
    if "hsicnn" in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(
        "hsicnn", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["hsicnn"] = module
    spec.loader.exec_module(module)


mount_package()


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real scenes; tests that need it are skipped without it."""
    folder = os.environ.get("HSICNN_TEST_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("HSICNN_TEST_DATA names no folder with the real scenes")
    return Path(folder)

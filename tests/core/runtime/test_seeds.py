from __future__ import annotations

import subprocess
import sys

import numpy as np
from hsicnn.core.runtime import seeds


def test_same_place_same_numbers_and_another_place_others():
    first = seeds.numpy_generator(1, "augment", 3).random(4)
    assert np.array_equal(first, seeds.numpy_generator(1, "augment", 3).random(4))
    assert not np.array_equal(first, seeds.numpy_generator(1, "augment", 4).random(4))
    assert not np.array_equal(first, seeds.numpy_generator(1, "order", 3).random(4))
    assert not np.array_equal(first, seeds.numpy_generator(0, "augment", 3).random(4))


def test_numbers_do_not_depend_on_the_process():
    program = (
        "import importlib.util,sys;"
        f"s=importlib.util.spec_from_file_location('seeds',{seeds.__file__!r});"
        "m=importlib.util.module_from_spec(s);s.loader.exec_module(m);"
        "print(m.torch_seed(7,'augment',2))"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": hash_seed},
        ).stdout.strip()
        for hash_seed in ("1", "2")
    }
    assert runs == {str(seeds.torch_seed(7, "augment", 2))}


def test_torch_seed_fits_torch():
    assert all(0 <= seeds.torch_seed(seed, "x") < 2**63 for seed in range(200))

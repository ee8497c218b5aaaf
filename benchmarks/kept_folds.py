"""Finished folds on disk, under a key of all that decides them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from protocol import Guess

REVISION = 1  # raised where the same settings would give other figures


def fold_key(**decisive: Any) -> str:
    """Return a short name of everything that decides a method's result on a scene."""
    text = json.dumps({"revision": REVISION, **decisive}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class KeptFolds:
    """The folds of a method on a scene.

    Attributes:
        folder: of all of them.
        scene: its name.
        method: its name.
        key: see ``fold_key``.
    """

    folder: Path
    scene: str
    method: str
    key: str

    @property
    def name(self) -> str:
        """What names of files begin with."""
        return f"{self.scene}-{self.method.replace(' ', '_')}-{self.key}"

    def path(self, seed: int, fold: int) -> Path:
        """Return where a fold is kept."""
        return self.folder / f"{self.name}-{seed}-{fold}.npz"

    def has(self, seed: int, fold: int) -> bool:
        """Whether a fold is finished."""
        return self.path(seed, fold).exists()

    def save(self, seed: int, fold: int, guess: Guess) -> None:
        """Keep a fold: a run that is killed leaves it whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.path(seed, fold)
        part = path.with_suffix(f".{os.getpid()}.part")
        arrays = {f"part {name}": found.astype(np.int16) for name, found in guess.parts.items()}
        with part.open("wb") as file:
            np.savez_compressed(file, facts=json.dumps(dict(guess.facts)), **arrays)
        part.replace(path)

    def load(self, seed: int, fold: int) -> Guess:
        """Read a fold that is finished."""
        with np.load(self.path(seed, fold)) as file:
            facts: Mapping[str, Any] = json.loads(str(file["facts"]))
            names = [name for name in file.files if name != "facts"]
            parts = {
                name.removeprefix("part").strip(): file[name].astype(np.int64) for name in names
            }
        return Guess(parts, facts)

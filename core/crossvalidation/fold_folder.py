"""The folder of a cross-validation: what it may replace, and where unfinished work lies."""

from __future__ import annotations

import re
import secrets
import shutil
from pathlib import Path

from ..disk import write_refusal
from ..errors import InputError
from ..training.history import history_path

FIGURES_FILE = "crossvalidation.json"
_OWN = re.compile(r"fold_\d+\.safetensors(\.history\.jsonl)?|" + re.escape(FIGURES_FILE))


def check_folder(path: str) -> Path:
    """Refuse a folder that models must not be written to, before a long run.

    Returns:
        The absolute path: it does not exist, is empty, or is of an earlier cross-validation.

    Raises:
        InputError: it is a file, holds anything else, or cannot be written.
    """
    place = Path(path).absolute()
    if place.exists() and not place.is_dir():
        raise InputError(f"OUTPUT {place} is a file; the models of the folds need a folder.")
    if not place.parent.is_dir():
        raise InputError(f"There is no folder {place.parent} to put {place.name} into; make it.")
    others = []
    if place.is_dir():
        others = sorted(item.name for item in place.iterdir() if not _OWN.fullmatch(item.name))
    if others:
        raise InputError(
            f"The folder {place} holds other things than an earlier cross-validation "
            f"({', '.join(others[:3])}). It is left as it is: choose another folder, or an empty "
            "one."
        )
    refusal = write_refusal(place)
    if refusal:
        raise InputError(
            f"{place.name} cannot be written to {place.parent}: {refusal}. Choose a folder that "
            "you may write to, on a disk with room."
        )
    return place


def unfinished_folder(target: Path) -> Path:
    """Return where models and checkpoints lie until all folds are finished: beside the target."""
    return target.with_name(f"{target.name}.unfinished")


def model_name(number: int) -> str:
    """Return the name of the model file of a fold."""
    return f"fold_{number}.safetensors"


def put_in_place(made: Path, target: Path, folds: int) -> None:
    """Rename the finished folder; what was there before comes back where that fails.

    Folds of a run that never ended may lie there too: of another number of folds, and no part
    of this cross-validation.

    Args:
        made: the finished folder.
        target: its name.
        folds: how many there are; what belongs to none of them is removed.

    Raises:
        InputError: the earlier one cannot be replaced.
    """
    models = [model_name(number) for number in range(1, folds + 1)]
    stay = {FIGURES_FILE, *models, *(history_path(name).name for name in models)}
    for item in made.iterdir():
        if item.name not in stay:
            item.unlink()
    old = target.with_name(f".{target.name}.{secrets.token_hex(4)}.old")
    try:
        if target.exists():
            target.rename(old)
        try:
            made.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
    except OSError as error:
        raise InputError(
            f"The folder {target} cannot be replaced: {error.strerror or error}. If its files are "
            "open in a program, close them there. The models are in "
            f"{made}."
        ) from error
    shutil.rmtree(old, ignore_errors=True)

"""Dividing the samples of a chip set into folds."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..data.block_assignment import assign_blocks
from ..data.block_zones import whole_blocks
from ..data.chips import ChipSetInfo
from ..data.folds import group_folds, spatial_folds
from ..data.pixel_store import PixelStore
from ..data.separation import SPLIT_NAMES, TEST, TRAIN, UNUSED, VALIDATION, Codes, keep_apart
from ..data.split_raster import read_fold_raster
from ..data.splits import block_ids
from ..errors import InputError
from ..progress import Progress
from ..runtime.job_hash import job_hash
from ..runtime.seeds import numpy_generator
from .doubts import doubts, training_of, what_is_taken
from .fold_blocks import block_size
from .settings import CrossValidationSettings
from .units import Units, units_of

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Folds:
    """Samples of a chip set and the fold that holds each out.

    Attributes:
        units: what was divided.
        fold: ``(m,)`` of the entries of ``units``, 1..k; 0 takes no part.
        k: how many there are.
        method: one of ``settings.METHODS``.
        block_size: in pixels; 0 without blocks.
        buffer: in pixels.
        validation_fraction: of each fold's training.
        seed: of the draws.
        notes: what the user should know.
        warnings: what the user should look at.
    """

    units: Units
    fold: IntArray
    k: int
    method: str
    block_size: int
    buffer: int
    validation_fraction: float
    seed: int
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def codes(self, fold: int) -> Codes:
        """Return the split codes of the entries while a fold (1..k) is held out."""
        units = self.units
        codes = np.full(len(self.fold), UNUSED, dtype=np.uint8)
        codes[(self.fold > 0) & (self.fold != fold)] = TRAIN
        codes[self.fold == fold] = TEST
        if self.validation_fraction:
            codes[self._held_back(np.flatnonzero(codes == TRAIN), fold)] = VALIDATION
        return keep_apart(codes, units.rows, units.cols, self.buffer + units.reach)

    def _held_back(self, training: IntArray, fold: int) -> IntArray:
        """Return which of the training entries choose the epoch."""
        share, units = self.validation_fraction, self.units
        key = ("folds", "validation", fold)
        generator = numpy_generator(self.seed, *key)
        if self.method == "stratified" and units.size == 1:
            return np.concatenate([
                generator.permutation(own)[: round(share * len(own))]
                for own in _by_class(units.values, training)
            ])  # fmt: skip
        groups = _groups(units, self.method, self.block_size)[training]
        ids, member = np.unique(groups, return_inverse=True)
        values = units.values[training]
        zones = whole_blocks(member, values, len(ids), int(values.max(initial=1)))
        parts = assign_blocks(zones, [1 - share, share], generator)[0]
        return np.asarray(training[parts[member] == 1], dtype=np.int64)

    def describe(self) -> str:
        """Say in words how it was divided."""
        words = {
            "spatial": f"{self.k} spatial folds of blocks of {self.block_size} pixels",
            "stratified": f"{self.k} folds drawn at random, class by class",
            "groups": f"{self.k} folds of the chip set's own groups",
            "raster": f"{self.k} folds of a raster",
        }
        return f"{words[self.method]}, buffer {self.buffer}, seed {self.seed}"


def divide(
    info: ChipSetInfo,
    store: PixelStore,
    settings: CrossValidationSettings,
    seed: int,
    progress: Progress,
) -> Folds:
    """Divide the samples of a chip set.

    Args:
        info: the chip set.
        store: its samples: all of them are divided again, whatever their split was.
        settings: how; checked.
        seed: of the draws.
        progress: asked for cancelling.

    Raises:
        InputError: they cannot be divided like that, and what helps.
        SplitError, LabelError, RasterError: the raster of folds cannot be used.
    """
    if not info.placed and settings.method not in ("stratified", "groups"):
        raise InputError(
            f"The samples of the chip set {info.folder.name} have no place on a raster: folds "
            f"cannot be '{settings.method}'. Choose METHOD 'stratified'."
        )
    units, k = units_of(info, store), settings.k
    buffer = settings.kept_apart if info.placed else 0
    if not info.placed:
        units = replace(units, reach=0)
    size, notes = block_size(info, units, settings, seed, progress)
    if settings.method == "spatial":
        gap = buffer + units.reach
        fold = spatial_folds(units.rows, units.cols, units.values, k, size, seed, gap) + 1
    elif settings.method == "groups":
        fold = _own_groups(info, units, k, seed) + 1
    elif settings.method == "stratified":
        fold = _at_random(units, k, seed) + 1
    else:
        fold, k = _of_raster(info, units, settings.folds, progress)
    folds = Folds(
        units, fold, k, settings.method, size, buffer, settings.validation_fraction, seed, notes
    )
    training = training_of(store, folds, len(info.classes))
    notes = (*notes, *what_is_taken(training, buffer))
    return replace(folds, notes=notes, warnings=doubts(info, folds, training))


def fold_set(
    info: ChipSetInfo, store: PixelStore, folds: Folds, fold: int
) -> tuple[ChipSetInfo, PixelStore]:
    """Return a chip set as it is for the training of a fold (1..k): that fold is its test.

    Raises:
        InputError: nothing is left to train on, or nothing is held out.
    """
    entries = folds.codes(fold)
    by_unit = folds.units.by_unit(entries)
    codes = by_unit[folds.units.of_sample]
    values, classes = store.label.astype(np.int64), len(info.classes)
    counts = {
        name: np.bincount(values[codes == code], minlength=classes + 1)[1:].tolist()
        for code, name in enumerate(SPLIT_NAMES)
    }
    for name, why in (("train", "to train on"), ("test", "to hold out")):
        if not sum(counts[name]):
            raise InputError(
                f"Fold {fold} of {folds.k} has nothing {why}: {folds.describe()}. {_remedy(folds)}"
            )
    tiles = info.tiles
    if tiles is not None:
        named = tuple(
            replace(tile, split=SPLIT_NAMES[code]) for tile, code in zip(tiles.tiles, by_unit)
        )
        tiles = replace(tiles, tiles=named)
    own = replace(
        info,
        split_method=f"fold {fold} of {folds.k}, {folds.method}",
        block_size=folds.block_size,
        buffer=folds.buffer,
        seed=folds.seed,
        counts=counts,
        leak=(),
        location_only=None,
        notes=(),
        tiles=tiles,
        hash=job_hash(chips=info.hash, codes=hashlib.sha256(codes.tobytes()).hexdigest()),
    )
    return own, replace(store, split=codes)


def _remedy(folds: Folds) -> str:
    """What to change where a fold is empty."""
    told = "Use fewer folds (K), or a smaller BUFFER or VALIDATION_FRACTION"
    if folds.method == "spatial":
        told += ", another BLOCK_SIZE, or METHOD 'stratified'"
    if folds.units.size > 1:
        told += (
            f"; tiles that overlap a held-out one cannot train: export them with a STRIDE of their "
            f"TILE_SIZE ({folds.units.size}), or smaller ones"
        )
    return f"{told}."


def _groups(units: Units, method: str, block_size: int) -> IntArray:
    """What stays together when a part of training is held back."""
    if method == "groups":
        return units.groups
    if method == "stratified":
        return units.places
    return block_ids(units.rows, units.cols, block_size).astype(np.int64)


def _own_groups(info: ChipSetInfo, units: Units, k: int, seed: int) -> IntArray:
    if len(np.unique(units.groups)) < 2:
        raise InputError(
            f"The chip set {info.folder.name} has no groups: its split is "
            f"'{info.split_method}'. Choose METHOD 'spatial', or export with SPLIT 'polygons' or "
            "'field'."
        )
    return group_folds(units.groups, units.values, k, seed, "polygons, blocks or groups")


def _by_class(values: IntArray, which: IntArray) -> Sequence[IntArray]:
    return [which[values[which] == value] for value in np.unique(values[which])]


def _at_random(units: Units, k: int, seed: int) -> IntArray:
    """Draw folds, class by class, so that they are as large as each other."""
    if units.size > 1:
        return group_folds(units.places, units.values, k, seed, "places of tiles or scenes")
    if len(units.values) < k:
        raise InputError(f"{k} folds were asked for and there are {len(units.values)} samples.")
    generator = numpy_generator(seed, "folds", "stratified", k)
    fold, given = np.zeros(len(units.values), dtype=np.int64), 0
    for own in _by_class(units.values, np.arange(len(units.values))):
        fold[generator.permutation(own)] = (given + np.arange(len(own))) % k
        given += len(own)
    return fold


def _of_raster(
    info: ChipSetInfo, units: Units, path: str, progress: Progress
) -> tuple[IntArray, int]:
    """Return the folds that a raster gives the entries, and how many there are."""
    if units.size > 1:
        raise InputError(
            f"The chip set {info.folder.name} holds whole {info.kind}, which a raster of folds "
            "would cut. Choose METHOD 'spatial', or export KIND 'pixels'."
        )
    fold = read_fold_raster(path, info.grid, units.rows, units.cols, progress)
    numbers = np.unique(fold[fold > 0])
    if len(numbers) < 2:
        raise InputError(
            f"{path} gives the samples of {info.folder.name} {len(numbers)} folds; there must be "
            "2 or more. Choose the raster that 'Split reference' made of the same reference."
        )
    return np.where(fold > 0, np.searchsorted(numbers, fold) + 1, 0), len(numbers)

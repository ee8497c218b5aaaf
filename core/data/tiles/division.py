"""Which tile trains, validates, tests: no test tile comes near a training tile.

A tile stands for all of its pixels, so the distance between two is that between their edges,
turned copies included. Whole tiles are divided, never their pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import LabelError, SplitError
from ...runtime.seeds import numpy_generator
from ..export_settings import ExportSettings
from ..fixed_split import names_splits, split_named
from ..labels import Labels
from ..leakage import Leak, location_only_score
from ..nearest import nearest_distance
from ..separation import TEST, TRAIN, UNUSED, Codes
from ..splits import Split, split_blocks, split_polygons, split_random
from .candidates import Candidates
from .place import margin_of

IntArray = npt.NDArray[np.int64]
#: A split, notes and warnings.
_Parted = tuple[Split, list[str], list[str]]


@dataclass(frozen=True, eq=False)
class Division:
    """What tiles are used for.

    Attributes:
        split: codes and groups of the tiles; its buffer is between their edges.
        notes: what the user should know.
        warnings: what the user should look at.
    """

    split: Split
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def divide_tiles(found: Candidates, labels: Labels, settings: ExportSettings) -> Division:
    """Divide tiles, and choose among those for training where there shall be fewer.

    Args:
        found: the tiles.
        labels: the labelled pixels that they were found by.
        settings: of the export.

    Raises:
        SplitError: tiles cannot be divided so, and what helps.
        LabelError: all tiles hold the same single class.
    """
    held = (found.counts > 0).any(axis=0)
    if held.sum() < 2:
        name = labels.classes[int(held.argmax())].name
        raise LabelError(
            f"All {len(found):,} {settings.kind} hold the single class '{name}'; a classifier "
            "needs two or more. Use a smaller TILE_SIZE or MIN_LABELLED, or label more classes."
        )
    split, notes, warnings = _divided(found, labels, settings)
    codes, chosen = _chosen(found, split.codes, settings)
    split = replace(split, codes=codes)
    what = settings.kind
    lost = int((split.codes == UNUSED).sum()) - chosen
    told = [*notes]
    if lost:
        told.append(
            f"{lost:,} of {len(found):,} {what} lie within the BUFFER of {split.buffer} pixels of "
            "another split, or overlap it, and are left out."
        )
    if chosen:
        told.append(f"{chosen:,} training {what} more than asked for of their classes stay out.")
    return Division(split, tuple(told), tuple(warnings))


def reach_of(settings: ExportSettings) -> int:
    """Return the Chebyshev distance that tiles need so as not to overlap, minus one."""
    return settings.tile_size - 1 + margin_of(settings.tile_size, settings.angles)


def _divided(found: Candidates, labels: Labels, settings: ExportSettings) -> _Parted:
    """Divide all tiles by the method asked for."""
    methods = {"blocks": _by_blocks, "random": _at_random}
    return methods.get(settings.split, _by_groups)(found, labels, settings)


def _entries(found: Candidates, labels: Labels) -> tuple[Labels, IntArray]:
    """Return tiles as labels, one for each class that a tile holds, and the tile of each."""
    tile, place = np.nonzero(found.counts)
    kinds = (np.int32, np.int32, np.uint16, np.int32)
    columns = (found.rows[tile], found.cols[tile], place + 1, found.groups[tile])
    rows, cols, values, groups = (item.astype(kind) for item, kind in zip(columns, kinds))
    made = Labels(rows, cols, values, labels.classes, groups, (), labels.group_names)
    return made.keep(np.ones(len(made), dtype=bool)), tile


def _by_tile(split: Split, tile: IntArray, count: int) -> Split:
    """Return the split of tiles, given that of their entries: all of a tile's are alike."""
    codes, groups = np.zeros(count, dtype=np.uint8), np.zeros(count, dtype=np.int32)
    codes[tile], groups[tile] = split.codes, split.groups
    return replace(split, codes=codes, groups=groups, notes=())


def _fractions(settings: ExportSettings) -> dict[str, Any]:
    return {
        "train_fraction": settings.train_fraction,
        "validation_fraction": settings.validation_fraction,
        "seed": settings.seed,
    }


def _drawn(settings: ExportSettings) -> dict[str, Any]:
    return {**_fractions(settings), "count_per_class": settings.count_per_class}


def _by_blocks(found: Candidates, labels: Labels, settings: ExportSettings) -> _Parted:
    made, tile = _entries(found, labels)
    size = max(settings.block_size, settings.tile_size)
    notes = []
    if size > settings.block_size:
        notes.append(
            f"Blocks are {size} x {size} pixels, as large as a tile: a BLOCK_SIZE of "
            f"{settings.block_size} would be less."
        )
    buffer = settings.buffer + reach_of(settings)
    try:
        split = split_blocks(made, block_size=size, buffer=buffer, **_fractions(settings))
    except SplitError as error:
        raise _impossible(found, labels, settings) from error
    return replace(_by_tile(split, tile, len(found)), buffer=settings.buffer), notes, []


def _by_groups(found: Candidates, labels: Labels, settings: ExportSettings) -> _Parted:
    made, tile = _entries(found, labels)
    if not found.groups.any():
        raise SplitError(
            "The labels come from a raster, so there are no polygons to divide by. "
            "Use SPLIT 'blocks'."
        )
    buffer = settings.buffer + reach_of(settings)
    named = settings.split == "raster"
    named = named or (settings.split == "field" and names_splits(labels))
    try:
        if named:
            split = split_named(made, buffer=buffer, seed=settings.seed)
        else:
            split = split_polygons(made, buffer=buffer, **_fractions(settings))
    except SplitError as error:
        raise _impossible(found, labels, settings) from error
    split = replace(_by_tile(split, tile, len(found)), buffer=settings.buffer)
    return replace(split, method=settings.split), [], []


def _at_random(found: Candidates, labels: Labels, settings: ExportSettings) -> _Parted:
    """Draw tiles by the rarest class each holds; apart where that leaves enough."""
    often = (found.counts > 0).sum(axis=0)
    rarest = np.where(found.counts > 0, often, often.max() + 1).argmin(axis=1) + 1
    places = (found.rows.astype(np.int32), found.cols.astype(np.int32))
    made = Labels(
        *places, rarest.astype(np.uint16), labels.classes, found.groups.astype(np.int32)
    ).keep(np.ones(len(found), dtype=bool))
    free = split_random(made, **_drawn(settings))
    if not settings.buffer:
        return free, [], []
    among = [
        f"Drawn at random, {settings.kind} lie among each other: a BUFFER of {settings.buffer} "
        "would leave too few to train on, so none is kept."
    ]
    try:
        reach = settings.buffer + reach_of(settings)
        apart = split_random(made, buffer=reach, **_drawn(settings))
    except SplitError:
        return free, [], among
    if int((apart.codes == TRAIN).sum()) * 2 < int((free.codes == TRAIN).sum()):
        return free, [], among
    return replace(apart, buffer=settings.buffer), [], []


def _chosen(found: Candidates, codes: Codes, settings: ExportSettings) -> tuple[Codes, int]:
    """Leave out training tiles beyond MAX_PER_CLASS, or beyond the rarest class.

    Classes are served from the rarest on; a tile is taken where none of the classes it holds
    has enough by then. A class that only occurs beside such is served all the same, as far as the
    limit: it would have too little to learn from, or nothing.

    Returns:
        The codes, and how many tiles went.
    """
    held = found.counts > 0
    often = held[codes == TRAIN].sum(axis=0)
    limits = [settings.max_per_class] if settings.max_per_class else []
    limits += [int(often[often > 0].min())] if settings.balance and often.any() else []
    if not limits:
        return codes, 0
    most = min(limits)
    generator = numpy_generator(settings.seed, "tiles", "cap")
    taken, have = np.zeros(len(codes), dtype=bool), np.zeros(held.shape[1], dtype=np.int64)
    for place in np.argsort(often, kind="stable"):
        own = generator.permutation(np.flatnonzero((codes == TRAIN) & held[:, place]))
        for within in (True, False):
            for tile in own:
                full = have >= most
                if not taken[tile] and not full[held[tile] if within else place].any():
                    taken[tile] = True
                    have += held[tile]
    kept = codes.copy()
    kept[(codes == TRAIN) & ~taken] = UNUSED
    return kept, int(((codes == TRAIN) & ~taken).sum())


def _impossible(found: Candidates, labels: Labels, settings: ExportSettings) -> SplitError:
    """Say that a class gets no training tile, and what helps."""
    often = (found.counts > 0).sum(axis=0)
    rows = [
        f"{info.name} {count:,}" for info, count in zip(labels.classes, often.tolist()) if count
    ]
    shown = ", ".join(rows[:8]) + (f" and {len(rows) - 8} more" if len(rows) > 8 else "")
    return SplitError(
        f"The {len(found):,} {settings.kind} of {settings.tile_size} pixels cannot be divided by "
        f"{settings.split} so that every class has some for training: tiles of different splits "
        f"are more than {settings.buffer} pixels (BUFFER) apart, and there are {shown}. Use a "
        "smaller TILE_SIZE, BUFFER or BLOCK_SIZE, a larger TRAIN_FRACTION, or label more places."
    )


def leak_warnings(found: Candidates, split: Split, settings: ExportSettings) -> list[str]:
    """Say what the split gives away."""
    texts, what = [], settings.kind
    leak = tile_leak(found, split.codes, settings)
    if leak.test_patches_touching:
        texts.append(
            f"{leak.test_patches_touching:.0%} of the test {what} overlap training {what}: they "
            "are half known already, and the accuracy will be too good. SPLIT 'blocks' keeps them "
            "apart."
        )
    elif split.method == "random":
        texts.append(
            f"{what.capitalize()} drawn at random lie among each other: the test says what the map "
            "is worth between training places, not elsewhere. SPLIT 'blocks' keeps them apart."
        )
    return texts


def tile_leak(found: Candidates, codes: Codes, settings: ExportSettings) -> Leak:
    """Return how many test tiles share pixels with training tiles.

    ``test_centres_inside`` is the share of test tiles whose middle lies in a training tile,
    ``test_patches_touching`` that of those that overlap one, turned copies included.
    """
    test, train = codes == TEST, codes == TRAIN
    reach, size = reach_of(settings), settings.tile_size
    places = (found.rows[test], found.cols[test], found.rows[train], found.cols[train])
    distance = nearest_distance(*places, reach)
    inside = float((distance <= size // 2).mean()) if test.any() else 0.0
    return Leak((size - 1) // 2, inside, float((distance <= reach).mean()) if test.any() else 0.0)


def tile_location_score(found: Candidates, split: Split) -> float | None:
    """Return the share of test tiles whose class the nearest training tile has already."""
    return location_only_score(split, found.rows, found.cols, found.values)

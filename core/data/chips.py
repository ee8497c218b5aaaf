"""Writing and reading chip sets; the format itself is in ``chip_format``."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path

from ..errors import ChipSetError
from ..progress import Progress
from ..raster.bands import Band
from ..raster.source import RasterSource
from ..reduction.carried import carried_transform
from .chip_cutting import ChipCutter, CutChips, Samples
from .chip_folder import check_folder, staged_folder
from .chip_format import FOLDERS, FORMAT_VERSION, INDEX, Chip, ChipSetInfo
from .chip_hash import hash_of_sums
from .chip_index import parse_index
from .chip_plan import ChipRules, Cut
from .labels import Labels
from .leakage import leak_by_radius, location_only_score
from .splits import Split
from .windows.files import FILES, table_name

__all__ = ["Chip", "ChipSetInfo", "check_folder", "read_chip_set", "write_chip_set"]


def read_chip_set(folder: str | Path) -> ChipSetInfo:
    """Read what a chip set says about itself, and check that its files are there.

    Raises:
        ChipSetError: where the folder is no chip set, damaged, or lacks files.
    """
    place = Path(folder)
    index = place / INDEX
    if not place.is_dir():
        raise ChipSetError(
            f"There is no folder {place}. Choose one that 'Export training chips' has written."
        )
    try:
        text = index.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ChipSetError(
            f"The folder {place} is no chip set: it has no {INDEX}. Choose one that "
            "'Export training chips' has written."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ChipSetError(f"{index} cannot be read: {error}. Export the chips again.") from error
    info = parse_index(place, text)
    _check_files(info)
    return info


def _check_files(info: ChipSetInfo) -> None:
    """See that every file is there.

    Raises:
        ChipSetError: one is not.
    """
    place = info.folder
    for tile in info.tiles.tiles if info.tiles else ():
        for name in (tile.image, tile.label):
            if name and not (place / name).is_file():
                raise ChipSetError(
                    f"The chip set {place} lacks the file {name}. Export the chips again."
                )
    for kind in FOLDERS:
        there = {path.name for path in (place / kind).glob("*.tif")}
        lost = [chip.name for chip in info.chips if f"{chip.name}.tif" not in there]
        if lost:
            raise ChipSetError(
                f"The chip set {place} lacks {len(lost)} of {len(info.chips)} files in {kind}, "
                f"the first is {lost[0]}.tif. Export the chips again."
            )
    if info.windows is not None:
        storage = info.windows.storage
        for name in {FILES[storage], table_name(storage)}:
            if not (place / name).is_file():
                raise ChipSetError(
                    f"The chip set {place} lacks the file {name}. Export the chips again."
                )


def write_chip_set(
    folder: str | Path,
    source: RasterSource,
    bands: Sequence[Band],
    labels: Labels,
    split: Split,
    *,
    cut: Cut,
    rules: ChipRules,
    notes: Sequence[str] = (),
    also: Callable[[ChipSetInfo], AbstractContextManager[None]] | None = None,
    progress: Progress,
) -> ChipSetInfo:
    """Write a chip set; an earlier one in its place is replaced when all is written.

    Args:
        folder: see ``check_folder``.
        source: the raster.
        bands: the bands to use, in their order.
        labels: the labelled pixels, all of them valid in the raster.
        split: what they are used for.
        cut: where to cut, from ``plan_chips``.
        rules: of the cut.
        notes: what the user was told.
        also: entered with what the chip set will be, before it replaces an earlier one; an error
            in it keeps that, and it is left with an error where the set cannot be replaced.
        progress: told how far it is; asked for cancelling before every chip.

    Raises:
        ChipSetError: where it cannot be written; what was there before stays.
        RasterError: where the raster cannot be read.
        DependencyError: where its format needs a package that is missing.
    """
    target = check_folder(folder)
    samples = Samples(source, bands, labels, split)
    reduction = carried_transform(source)
    with ExitStack() as together, staged_folder(target) as temporary:
        found = ChipCutter(temporary, samples, cut, rules).run(progress)
        info = _describe(temporary, samples, found, rules, notes)
        info = replace(info, reduction=reduction)
        write_index(info)
        if also is not None:
            together.enter_context(also(replace(info, folder=target)))
    return read_chip_set(target)


def write_index(info: ChipSetInfo) -> None:
    """Write ``chips.json`` into the folder of a chip set."""
    text = json.dumps(info.to_json(), indent=1, ensure_ascii=False)
    (info.folder / INDEX).write_text(text, encoding="utf-8")


def _describe(
    folder: Path, samples: Samples, found: CutChips, rules: ChipRules, notes: Sequence[str]
) -> ChipSetInfo:
    """Put together what ``chips.json`` says."""
    labels, split, source = samples.labels, samples.split, samples.source
    return ChipSetInfo(
        folder=folder,
        format_version=FORMAT_VERSION,
        source_name=source.name,
        source_path=source.path,
        source_bands=len(source.bands),
        grid=source.grid,
        dtype=source.dtype.name,
        bands=tuple(samples.bands),
        classes=labels.classes,
        chip_size=rules.chip_size,
        halo=rules.halo,
        split_method=split.method,
        block_size=split.block_size,
        buffer=split.buffer,
        seed=split.seed,
        counts=split.counts(labels.values, len(labels.classes)),
        leak=leak_by_radius(split, labels.rows, labels.cols, range(rules.halo + 1)),
        location_only=location_only_score(split, labels.rows, labels.cols, labels.values),
        notes=tuple(notes),
        hash=hash_of_sums(
            row=labels.rows,
            col=labels.cols,
            label=labels.values,
            split=split.codes,
            sums=found.sums,
            bands=samples.bands,
            classes=labels.classes,
        ),
        chips=found.chips,
        windows=found.windows,
    )

"""The side of the tiles that a network learns from: what the chips hold."""

from __future__ import annotations

from dataclasses import replace

from ...models.catalog import network as catalog_entry
from ..data.chips import ChipSetInfo
from ..data.pixel_loading import rectangles
from ..errors import ChipSetError, InputError
from ..progress import Progress
from .preflight import sketch
from .resolving import recipe_of
from .settings import TrainingSettings


def fit_tile(info: ChipSetInfo, settings: TrainingSettings, progress: Progress) -> TrainingSettings:
    """Choose the side of the tiles that a network on tiles learns from.

    Where the user asked for none it is the largest, up to that of the recipe or else the
    network's own, that every chip holds.

    Args:
        info: the chip set.
        settings: of the training; those of other networks are left as they are.
        progress: told.

    Raises:
        InputError: the side that was asked for is larger than the chips, or none of the network's.
        ChipSetError: not even the smallest tile fits.
    """
    entry = catalog_entry(settings.architecture)
    if entry.kind != "tile":
        return settings
    multiple = int(sketch(settings, info).multiple)  # type: ignore[arg-type]
    chips = rectangles(info)
    held = int(min(chips.height.min(), chips.width.min()))
    sides = [side for side in entry.patch_sizes if not side % multiple and side >= 2 * multiple]
    if held < sides[0]:
        raise ChipSetError(
            f"{entry.title} learns from tiles of {sides[0]} x {sides[0]} pixels or more; the "
            f"smallest chip holds {held} x {held}. {_instead(info, entry.default_patch)}"
        )
    if settings.patch_size > held:
        most = max(side for side in sides if side <= held)
        raise InputError(
            f"PATCH_SIZE is {settings.patch_size}, and the smallest chip holds {held} x {held} "
            f"pixels. Choose {most} or less, or leave it empty. "
            f"{_instead(info, settings.patch_size)}"
        )
    if settings.patch_size:
        return settings
    own = recipe_of(entry, settings.recipe).get("patch_size", entry.default_patch)
    wanted = max(side for side in sides if side <= own)
    side = max(side for side in sides if side <= min(held, wanted))
    smaller = f" {_instead(info, wanted)}" if side < wanted else ""
    progress.log(
        f"Tiles of {side} x {side} pixels: the smallest chip holds {held} x {held}, the network's "
        f"own are of {wanted} x {wanted}.{smaller}"
    )
    return replace(settings, patch_size=side)


def _instead(info: ChipSetInfo, side: int) -> str:
    """What to export for tiles of a side."""
    if info.tiles is not None and info.kind == "tiles":
        return f"For larger tiles export with a TILE_SIZE of {side}."
    if not info.placed and info.halo == 0:
        return "These samples are single spectra without neighbours: choose a network for those."
    return (
        f"For larger tiles export KIND 'tiles' with a TILE_SIZE of {side}, or KIND 'pixels' with "
        f"a HALO of {side // 2}."
    )

"""What is said of figures that are not quite those of the map: of networks on tiles."""

from __future__ import annotations


def as_mapped(pixels: str, share: float, *, margin: int, multiple: int) -> str:
    """Say how many pixels were judged by all that the map sees of them, and what helps.

    Args:
        pixels: which they are.
        share: of them, 0..1.
        margin: pixels that the network looks around each.
        multiple: of which rows and columns of pieces of the map are multiples.
    """
    # Rounded down: a share that is not all of them is not called so.
    return (
        f"{int(100 * share)} % of {pixels} are judged by all that the map sees around them, "
        f"{margin} pixels. For the others the rim of their chip or tile is nearer, so that their "
        "figures differ a little from those of the map. Chips (KIND 'pixels') with a HALO of "
        f"{margin + multiple - 1} hold that for every pixel."
    )

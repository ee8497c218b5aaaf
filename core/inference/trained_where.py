"""Where the models of an ensemble were trained, on the image that is classified."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..modelfile.bundle import ModelBundle
from ..progress import Progress
from ..raster.grid import Grid, same_crs


def trained_where(bundle: ModelBundle, grid: Grid, progress: Progress) -> ModelBundle:
    """Return an ensemble with the pixels of an image that any of its members learnt from.

    A map states training pixels on one grid. Members that were trained on several rasters have
    several: what of them lies in the image is put on the image's own grid, since it is there
    that the map will be compared with a reference.

    Args:
        bundle: a model; one by itself, or an ensemble trained on one raster, is returned as it is.
        grid: of the image.
        progress: told where that cannot be known.
    """
    grids = {repr(member.training_grid): member.training_grid for member in bundle.members}
    if len(grids) < 2:
        return bundle
    found, elsewhere = [np.zeros((2, 0), np.int64)], 0
    for member in bundle.members:
        home = member.training_grid
        if home.same_as(grid):
            found.append(np.stack([member.training_rows, member.training_cols]).astype(np.int64))
            continue
        crs = home.crs_wkt, grid.crs_wkt
        if bool(crs[0]) != bool(crs[1]) or (crs[0] and not same_crs(*crs)):
            elsewhere += 1
            continue
        places = home.xy(member.training_rows, member.training_cols)
        rows, cols = grid.rowcol(*places)
        inside = (rows >= 0) & (rows < grid.height) & (cols >= 0) & (cols < grid.width)
        found.append(np.stack([rows[inside], cols[inside]]))
    if elsewhere:
        progress.warn(
            f"{elsewhere} of {len(bundle.members)} members were trained on a raster with another "
            "CRS: should their training pixels lie in this image, the map does not say so, and "
            "an assessment on them looks better than it is."
        )
    pixels = np.unique(np.concatenate(found, axis=1), axis=1).astype(np.int32)
    return replace(bundle, training_rows=pixels[0], training_cols=pixels[1], training_grid=grid)

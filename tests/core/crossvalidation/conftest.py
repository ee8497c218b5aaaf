from __future__ import annotations

import pytest
from hsicnn.core.data.export import export_training_chips
from hsicnn.core.simulation.scene import create_example_scene


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A small scene with chips of pixels, of tiles and of polygons."""
    folder = tmp_path_factory.mktemp("small")
    image, reference = str(folder / "image.tif"), str(folder / "reference.tif")
    create_example_scene(output=image, reference=reference, size=64, bands=10, classes=3,
                         samples=str(folder / "points.gpkg"))  # fmt: skip
    given = {"image": image, "reference": reference}
    export_training_chips(**given, output=str(folder / "chips"), halo=4)
    export_training_chips(
        **given, output=str(folder / "tiles"), kind="tiles", tile_size=8, stride=4, buffer=0,
        split="random", rotation=90,
    )  # fmt: skip
    return folder

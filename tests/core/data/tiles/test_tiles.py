"""Tiles: written by an export, read back by GDAL and by our own reader."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from hsicnn.core.accuracy.truth import truth_of_chip_set
from hsicnn.core.data.chips import read_chip_set
from hsicnn.core.data.pixel_loading import load_pixels
from hsicnn.core.data.separation import SPLIT_NAMES, TEST, TRAIN
from hsicnn.core.errors import ChipSetError, HsicnnError, InputError, LabelError, SplitError
from osgeo import gdal, ogr
from scipy.ndimage import distance_transform_cdt

from ..conftest import Said, write_layer, write_raster

KINDS = {1: np.uint8, 3: np.int16}


def opened(path):
    dataset = gdal.Open(str(path))
    kind = KINDS[dataset.GetRasterBand(1).DataType]
    shape = (-1, dataset.RasterYSize, dataset.RasterXSize)
    return dataset, np.frombuffer(dataset.ReadRaster(), kind).reshape(shape)


def store_of(result, radius=0, said=None):
    info = read_chip_set(result.output)
    return info, load_pixels(info, memory_bytes=2**30, progress=said or Said(), radius=radius)


def covered(tile, shape):
    """The pixels that a tile shows, turned or not."""
    found = np.zeros(shape, bool)
    found[tile.place.pixels()] = True
    return found


def nearest_gap(one, other):
    """Chebyshev distance of the nearest two pixels, counted on the pixels themselves."""
    return distance_transform_cdt(~one, "chessboard")[other].min()


@pytest.mark.parametrize("angle", [0, 90, 30])
def test_values_labels_and_georeference_are_those_of_the_source(place, angle):
    result = place.export("plain", rotation=angle)
    info = read_chip_set(result.output)
    tiles = info.tiles.tiles
    assert result.chips == len(tiles)
    assert info.kind == "tiles"
    turned = [tile for tile in tiles if tile.place.angle]
    assert bool(turned) == bool(angle)
    assert all(tile.split == "train" for tile in turned)
    for tile in tiles:
        rows, cols = tile.place.pixels()
        image, values = opened(info.folder / tile.image)
        label, (codes,) = opened(info.folder / tile.label)
        np.testing.assert_array_equal(values, place.values[:, rows, cols])
        np.testing.assert_array_equal(codes, place.valid_labels[rows, cols])
        assert tile.counts == tuple(np.bincount(codes.ravel(), minlength=4)[1:])
        for dataset in (image, label):
            assert "33N" in dataset.GetProjection()
            # The middle of each pixel lies in the source's pixel that it shows.
            x0, a, b, y0, d, e = dataset.GetGeoTransform()
            down, right = np.mgrid[:8, :8] + 0.5
            x, y = x0 + a * right + b * down, y0 + d * right + e * down
            own_row, own_col = place.grid.rowcol(x, y)
            if not angle % 90:
                np.testing.assert_array_equal(own_row, rows)
                np.testing.assert_array_equal(own_col, cols)
        assert image.GetRasterBand(1).GetNoDataValue() == -999


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"stride": 4},
        {"stride": 5, "buffer": 0},
        {"rotation": 40, "buffer": 1},
        {"jitter": 3, "stride": 8, "seed": 4},
        {"split": "polygons"},
        {"split": "field", "split_field": "part", "buffer": 0},
        {"kind": "scenes", "stride": 4},
    ],
    ids=str,
)
def test_tiles_of_different_splits_are_farther_apart_than_the_buffer(place, settings):
    more = {"reference": place.polygons(), "field": "class"} if "split" in settings else {}
    given = {"buffer": 2, **settings, **more}
    result = place.export("apart", **given)
    tiles = read_chip_set(result.output).tiles.tiles
    shape = (96, 80)
    masks = [(tile.split, covered(tile, shape)) for tile in tiles]
    names = {name for name, _ in masks}
    assert {"train", "test"} <= names
    for one, other in itertools.combinations(sorted(names), 2):
        first = np.any([mask for name, mask in masks if name == one], axis=0)
        second = np.any([mask for name, mask in masks if name == other], axis=0)
        assert not (first & second).any()
        assert nearest_gap(first, second) > given["buffer"]
    info = read_chip_set(result.output)
    assert info.leak[0].test_centres_inside == 0
    assert info.leak[0].test_patches_touching == 0


def test_a_polygon_is_never_in_two_splits(place):
    path = place.polygons()
    result = place.export("poly", reference=path, field="class", split="polygons", buffer=0)
    info = read_chip_set(result.output)
    seen = {}
    layer = ogr.Open(path)
    burnt = np.zeros((96, 80), int)
    for number, feature in enumerate(layer.GetLayer(0), 1):
        west, east, south, north = feature.GetGeometryRef().GetEnvelope()
        top, left = round((5_800_000 - north) / 10), round((west - 500_000) / 10)
        bottom, right = round((5_800_000 - south) / 10), round((east - 500_000) / 10)
        burnt[max(top, 0) : bottom, max(left, 0) : right] = number
    for tile in info.tiles.tiles:
        _, (codes,) = opened(info.folder / tile.label)
        for number in np.unique(burnt[tile.place.pixels()][codes > 0]):
            seen.setdefault(number, set()).add(tile.split)
    assert seen
    assert all(len(splits) == 1 for splits in seen.values())


def test_a_split_raster_divides_tiles(place):
    parts = np.zeros((1, 96, 80), np.uint8)
    parts[0, :30], parts[0, 30:62], parts[0, 62:] = 3, 1, 2
    path = write_raster(place.folder / "parts.tif", parts, place.grid)
    result = place.export("raster", split="raster", split_raster=path, stride=4)
    info, store = store_of(result)
    assert info.split_method == "raster"
    np.testing.assert_array_equal(store.split, parts[0, store.row, store.col])
    shape, covers = (96, 80), {}
    for tile in info.tiles.tiles:
        mask = covers.setdefault(tile.split, np.zeros(shape, bool))
        mask |= covered(tile, shape)
    assert set(covers) == {"train", "validation", "test"}
    assert nearest_gap(covers["train"], covers["test"]) > 2


def test_small_classes_and_counts_go_by_pixels_and_tiles(place):
    few = int(np.bincount(place.valid_labels.ravel())[1:].min())
    result = place.export("less", min_per_class=few + 1)
    assert len(result.classes) == 2
    drawn = place.export("drawn", split="random", count_per_class=7, buffer=0, kind="scenes")
    assert drawn.counts["train"] == [7, 7, 7]


def test_every_labelled_pixel_counts_once_from_where_it_lies_deepest(place):
    result = place.export("over", stride=5, rotation=45, buffer=0)
    info, store = store_of(result)
    keys = store.row.astype(int) * 80 + store.col
    assert len(np.unique(keys)) == len(keys)
    np.testing.assert_array_equal(store.label, place.valid_labels[store.row, store.col])
    np.testing.assert_array_equal(
        store.values[store.index], place.values[:, store.row, store.col].T
    )
    # By brute force: the deepest place of every labelled pixel, and the split of a tile there.
    best = {}
    for tile in info.tiles.tiles:
        rows, cols = tile.place.pixels()
        for i, j in itertools.product(range(8), range(8)):
            key = int(rows[i, j]) * 80 + int(cols[i, j])
            if place.valid_labels[rows[i, j], cols[i, j]]:
                depth = min(i, j, 7 - i, 7 - j)
                best.setdefault(key, {}).setdefault(depth, set()).add(tile.split)
    assert set(best) == set(keys.tolist())
    for key, code in zip(keys.tolist(), store.split.tolist()):
        assert SPLIT_NAMES[code] in best[key][max(best[key])]
    for name, row in info.counts.items():
        split = SPLIT_NAMES.index(name)
        found = np.bincount(store.label[store.split == split], minlength=4)[1:]
        assert row == found.tolist()
    # With a radius only those stay whose patch lies inside a tile, and the rest is said.
    said = Said()
    _, small = store_of(result, radius=2, said=said)
    deep = np.array([max(best[key]) >= 2 for key in keys.tolist()])
    assert len(small) == deep.sum() < len(store)
    assert any(f"{(~deep).sum():,} of {len(store):,}" in text for text in said.logs)
    index = small.patch_index(np.arange(len(small)), 2)
    assert (index // 64 == index[:, :1] // 64).all()
    straight = np.array([not info.tiles.tiles[n].place.angle for n in small.index // 64])
    for sample in np.flatnonzero(straight)[::7]:
        row, col = small.row[sample], small.col[sample]
        patch = place.values[:, row - 2 : row + 3, col - 2 : col + 3].reshape(4, -1).T
        np.testing.assert_array_equal(small.values[index[sample]], patch)
    with pytest.raises(ChipSetError, match=r"7 pixels around.*TILE_SIZE larger than 15"):
        store_of(result, radius=7)


def test_accuracy_takes_the_pixels_of_tiles_once(place):
    result = place.export("truth", stride=4)
    truth = truth_of_chip_set(result.output, "test", Said())
    keys = truth.rows * 80 + truth.cols
    assert len(np.unique(keys)) == len(keys)
    np.testing.assert_array_equal(truth.values, place.valid_labels[truth.rows, truth.cols])
    info = read_chip_set(result.output)
    assert truth.assessed.sum() == sum(info.counts["test"])


def test_shares_of_labels_and_of_objects_decide(place):
    rich = read_chip_set(place.export("rich", min_labelled=0.6).output)
    assert all(sum(tile.counts) >= 0.6 * 64 for tile in rich.tiles.tiles)
    path = place.polygons()
    free = place.export("free", reference=path, field="class")
    most = place.export("most", reference=path, field="class", min_overlap=0.9)
    assert sum(map(sum, most.counts.values())) < sum(map(sum, free.counts.values()))
    with pytest.raises(InputError, match="MIN_OVERLAP goes by polygons"):
        place.export("none", min_overlap=0.5)
    with pytest.raises(LabelError, match=r"None of .* tiles .*MIN_LABELLED 1"):
        place.export("none", min_labelled=1.0)


def test_an_object_counts_where_a_tile_holds_its_share(place):
    # First row and column of squares of 8 pixels. Of the second 6 of its 8 columns lie in the
    # tile that begins at column 8, the others in the next.
    corners = [(0, 0, "a"), (0, 10, "b"), (32, 32, "b"), (56, 32, "a")]
    squares = []
    for row, col, name in corners:
        x, y = 500_000 + col * 10, 5_800_000 - row * 10
        ring = f"{x} {y},{x + 80} {y},{x + 80} {y - 80},{x} {y - 80},{x} {y}"
        squares.append((f"POLYGON(({ring}))", name))
    path = write_layer(place.folder / "four.gpkg", [(text, {"class": n}) for text, n in squares])
    given = {"reference": path, "field": "class", "split": "random", "validation_fraction": 0.0}
    held = read_chip_set(place.export("held", min_overlap=0.75, **given).output)
    lost = read_chip_set(place.export("lost", min_overlap=0.76, **given).output)
    places = {(tile.place.row, tile.place.col): tile.counts for tile in held.tiles.tiles}
    assert places[0, 8] == (0, 48)
    assert (0, 16) not in places  # it holds 2 of 8 columns
    assert (0, 8) not in {(tile.place.row, tile.place.col) for tile in lost.tiles.tiles}


def test_training_tiles_are_capped_and_balanced(place):
    capped = read_chip_set(place.export("capped", stride=4, max_per_class=5).output)
    held = np.array([tile.counts for tile in capped.tiles.tiles if tile.split == "train"]) > 0
    assert (held.sum(axis=0) <= 5).all()
    free = read_chip_set(place.export("uncapped", stride=4).output)
    for name in ("validation", "test"):
        assert capped.counts[name] == free.counts[name]
    given = {"kind": "scenes", "stride": 4, "min_labelled": 0.4}
    even = read_chip_set(place.export("even", balance=True, **given).output)
    plain = read_chip_set(place.export("uneven", **given).output)
    assert set(even.counts["train"]) == {min(plain.counts["train"])}
    pixels = place.export("pixels", kind="pixels", balance=True)
    assert len(set(pixels.counts["train"])) == 1
    assert any("BALANCE to" in note for note in pixels.notes)


@pytest.mark.parametrize("limit", [{"balance": True}, {"max_per_class": 4}], ids=str)
def test_a_class_that_lies_beside_a_full_one_is_trained_all_the_same(place, limit):
    """Every tile holds A; so many with the rare R that A is full before C has any."""
    squares = []
    for number, (row, col) in enumerate(itertools.product(range(0, 96, 8), range(0, 80, 8))):
        squares.append(("A", (row, col, row + 3, col + 8)))
        if number % 5 == 0:
            squares.append(("C", (row + 3, col, row + 5, col + 8)))
        if number % 13 == 1:
            squares.append(("R", (row + 5, col, row + 7, col + 8)))
    given = {
        "reference": place.squares("beside.gpkg", squares), "field": "class", "split": "random",
        "buffer": 0,
    }  # fmt: skip
    free = read_chip_set(place.export("beside", **given).output)
    there = np.array([tile.counts for tile in free.tiles.tiles if tile.split == "train"]) > 0
    info = read_chip_set(place.export("beside", **given, **limit).output)
    assert [item.name for item in info.classes] == ["A", "C", "R"]
    held = np.array([tile.counts for tile in info.tiles.tiles if tile.split == "train"]) > 0
    most = limit.get("max_per_class", there.sum(axis=0).min())
    assert (held.sum(axis=0) >= most).all()
    assert (held[:, 1:].sum(axis=0) == most).all()
    assert len(held) < len(there)


def test_jitter_moves_tiles_and_the_seed_fixes_it(place):
    def places(name, **more):
        tiles = read_chip_set(place.export(name, split="random", **more).output).tiles.tiles
        return [(tile.place.row, tile.place.col) for tile in tiles]

    still, one, again = places("s"), places("j", jitter=3), places("k", jitter=3)
    other = places("l", jitter=3, seed=9)
    assert one == again
    assert one != other
    assert all(row % 8 == 0 and col % 8 == 0 for row, col in still)
    for row, col in one:
        assert min(abs(row - r) + 0 * c for r, c in still) <= 3
        assert 0 <= row <= 88
        assert 0 <= col <= 72


def test_tiles_around_objects_have_them_in_the_middle(place):
    path = place.polygons()
    result = place.export(
        "around", reference=path, field="class", places="objects", kind="scenes",
        scene_label="centre", split="random",
    )  # fmt: skip
    info = read_chip_set(result.output)
    assert len(info.tiles.tiles) > 30
    with pytest.raises(InputError, match="PLACES is 'objects'"):
        place.export("raster", places="objects")


def test_a_mask_keeps_labels_and_tiles_inside(place):
    text = "POLYGON((500100 5799900,500700 5799900,500700 5799200,500100 5799200,500100 5799900))"
    mask = write_layer(place.folder / "mask.gpkg", [(text, {"n": 1})])
    tiles = read_chip_set(place.export("masked", mask=mask, stride=2).output).tiles.tiles
    for tile in tiles:
        assert 10 <= tile.place.row <= 80 - 8
        assert 10 <= tile.place.col <= 70 - 8
    assert min(tile.place.row for tile in tiles) == 10
    assert max(tile.place.col for tile in tiles) == 62
    pixels = place.export("masked", kind="pixels", mask=mask)
    _, store = store_of(pixels)
    assert (store.row.min(), store.row.max()) == (10, 79)
    assert (store.col.min(), store.col.max()) == (10, 69)
    assert any("outside of" in note for note in pixels.notes)
    far = "POLYGON((0 0,10 0,10 10,0 10,0 0))"
    with pytest.raises(LabelError, match="no polygon on the image"):
        place.export("far", mask=write_layer(place.folder / "far.gpkg", [(far, {"n": 1})]))
    point = write_layer(place.folder / "dot.gpkg", [("POINT(500100 5799900)", {"n": 1})])
    with pytest.raises(LabelError, match="expected polygons"):
        place.export("far", mask=point)


def test_points_with_a_buffer_are_discs_and_conflicts_go(place):
    points = [
        (10, 10, "a"),
        (10, 14, "b"),
        (40, 40, "a"),
        (0, 60, "b"),
        (70, 20, "a"),
        (80, 60, "b"),
    ]
    path = write_layer(
        place.folder / "points.gpkg",
        [
            (f"POINT({500_005 + col * 10} {5_799_995 - row * 10})", {"class": name})
            for row, col, name in points
        ],
    )
    given = {"reference": path, "field": "class", "point_buffer": 2, "kind": "pixels"}
    _, store = store_of(place.export("discs", **given, split="random", buffer=0))
    expected = {}
    for row, col, name in points:
        for i, j in itertools.product(range(96), range(80)):
            if (i - row) ** 2 + (j - col) ** 2 <= 4:
                expected.setdefault((i, j), set()).add(name)
    certain = {key: names.pop() for key, names in expected.items() if len(names) == 1}
    assert len(certain) < len(expected)
    found = {(int(r), int(c)): "ab"[v - 1] for r, c, v in zip(store.row, store.col, store.label)}
    assert found == certain
    with pytest.raises(LabelError, match=r"POINT_BUFFER .* raster"):
        place.export("no", kind="pixels", point_buffer=2)
    with pytest.raises(LabelError, match=r"POINT_BUFFER .* has none"):
        place.export("no", reference=place.polygons(), field="class", point_buffer=2)


def test_random_tiles_say_how_much_they_leak(place):
    said = Said()
    result = place.export("leaky", stride=4, split="random", buffer=0, progress=said)
    info = read_chip_set(result.output)
    tiles = info.tiles.tiles
    train = [tile for tile in tiles if tile.split == "train"]
    touching, inside = [], []
    for tile in (tile for tile in tiles if tile.split == "test"):
        gaps = [
            max(abs(t.place.row - tile.place.row), abs(t.place.col - tile.place.col)) for t in train
        ]
        touching.append(min(gaps) < 8)
        inside.append(min(gaps) <= 4)
    assert info.leak[0].test_patches_touching == pytest.approx(np.mean(touching))
    assert info.leak[0].test_centres_inside == pytest.approx(np.mean(inside))
    assert any("half known already" in text for text in said.warnings)


def test_scenes_in_one_file_leak_as_much_as_those_in_many(place):
    """Of an even side, overlapping by one pixel, with turned copies."""
    given = {"kind": "scenes", "stride": 7, "split": "random", "buffer": 0, "rotation": 45}
    many = read_chip_set(place.export("many", **given).output)
    one = read_chip_set(place.export("one", file_format="hdf5", **given).output)
    assert one.leak == many.leak
    assert one.leak[0].test_patches_touching > 0
    assert one.location_only == many.location_only
    middles = {
        name: np.array([tile.place.middle for tile in many.tiles.tiles if tile.split == name])
        for name in ("train", "test")
    }
    gaps = np.abs(middles["test"][:, None] - middles["train"][None]).max(axis=2).min(axis=1)
    assert one.leak[0].test_centres_inside == pytest.approx((gaps <= 4).mean())


def test_location_is_warned_of_only_where_it_beats_the_most_frequent_class(place):
    """Nearly all of one class: its name alone is right as often. Halves: location tells them."""
    rare = np.ones((12, 10), int)
    rare[0, :3] = 2
    halves = np.where(np.arange(10) < 5, 1, 2) * np.ones((12, 1), int)
    for name, parts in (("rare", rare), ("halves", halves)):
        labels = np.kron(parts, np.ones((8, 8), int)).astype(np.uint8)
        path = write_raster(place.folder / f"{name}.tif", labels[None], place.grid)
        for kind in ("tiles", "scenes"):
            said = Said()
            given = {"reference": path, "kind": kind, "split": "random", "buffer": 0}
            result = place.export(name, train_fraction=0.7, progress=said, **given)
            warned = [text for text in said.warnings if "Location alone" in text]
            logged = [text for text in said.logs if "Location alone" in text]
            assert result.location_only >= 0.9
            assert (len(warned), len(logged)) == ((0, 1) if name == "rare" else (1, 0))


def test_names_of_classes_can_be_given(place):
    result = place.export("named", class_names="1 = wheat; 3=deep lake")
    assert result.classes == ("wheat", "soil", "deep lake")


@pytest.mark.parametrize("kind", ["pixels", "tiles"])
def test_names_of_what_is_no_class_are_refused(place, kind):
    with pytest.raises(InputError, match=r"names 9, .* no class of labels\.tif; .* 1, 2, 3\."):
        place.export("unnamed", kind=kind, class_names="9=foo; 1=crop")
    given = {"reference": place.polygons(), "field": "class", "kind": kind}
    with pytest.raises(InputError, match=r"names C, .* a, b, c, d\."):
        place.export("unnamed", class_names="C=forest", **given)
    assert not (place.folder / "unnamed").exists()


def test_a_raster_is_no_mask(place):
    with pytest.raises(LabelError, match=r"labels\.tif cannot be .* a MASK.* of polygons\.$"):
        place.export("raster mask", mask=str(place.folder / "labels.tif"))


def test_a_buffer_that_is_not_kept_is_warned_of(place):
    said = Said()
    place.export("among", split="random", buffer=5, progress=said)
    assert any("BUFFER of 5" in text and "none is kept" in text for text in said.warnings)
    assert not any("none is kept" in text for text in said.logs)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"kind": "cubes"}, "KIND is 'cubes'"),
        ({"tile_size": 1}, "TILE_SIZE is 1"),
        ({"tile_size": 90}, r"TILE_SIZE is 90; the image has 96 rows and 80 columns"),
        ({"stride": -1}, "STRIDE"),
        ({"rotation": 2}, "ROTATION is 2 degrees"),
        ({"rotation": 360}, "ROTATION"),
        ({"jitter": -1}, "JITTER"),
        ({"min_labelled": 1.5}, "MIN_LABELLED"),
        ({"file_format": "csv"}, "with KIND 'tiles' choose one of geotiff, png, jpeg"),
        ({"file_format": "hdf5"}, "with KIND 'tiles'"),
        ({"file_format": "png", "layout": "torchgeo"}, "LAYOUT 'torchgeo' holds files of FORMAT"),
        ({"layout": "imagenet"}, "LAYOUT 'imagenet' is for KIND scenes"),
        ({"layout": "torchgeo", "rotation": 90}, "north-up"),
        ({"layout": "esri", "kind": "pixels"}, "LAYOUT 'esri'"),
        ({"image_bands": "1,2"}, "IMAGE_BANDS is '1,2'"),
        ({"image_bands": "1"}, "IMAGE_BANDS chooses"),
        ({"file_format": "png", "image_bands": "9"}, "IMAGE_BANDS names band 9"),
        ({"file_format": "png", "stretch": "5-95"}, "STRETCH"),
        ({"class_names": "wheat"}, "CLASS_NAMES"),
        ({"class_names": "1=a;1=b"}, "twice"),
        ({"kind": "pixels", "rotation": 90}, "ROTATION is for KIND"),
        ({"halo": 3}, "HALO is for KIND 'pixels'"),
        ({"chip_size": 32}, "CHIP_SIZE is for KIND"),
        ({"stretch": "1-99"}, "STRETCH is for PNG and JPEG"),
        ({"scene_label": "centre"}, "SCENE_LABEL is for KIND 'scenes'"),
        ({"split": "field", "split_field": "x", "min_overlap": 0.5}, "MIN_OVERLAP goes by single"),
        ({"split": "field", "split_field": "x", "places": "objects"}, "PLACES 'objects' goes by"),
    ],
)
def test_settings_that_cannot_work_are_refused_and_nothing_is_written(place, settings, words):
    with pytest.raises(InputError, match=words):
        place.export("refused", **settings)
    assert not (place.folder / "refused").exists()
    assert not list(place.folder.glob(".*partial*"))


def test_tiles_that_cannot_be_divided_are_refused_in_words(place):
    points = [(10, 10, "a", "train"), (60, 60, "a", "test"), (60, 10, "b", "test")]
    path = write_layer(
        place.folder / "parts.gpkg",
        [
            (f"POINT({500_005 + c * 10} {5_799_995 - r * 10})", {"class": name, "part": part})
            for r, c, name, part in points
        ],
    )
    with pytest.raises(SplitError, match=r"3 tiles of 8 pixels .* a 2, b 1\. Use a smaller"):
        place.export("none", reference=path, field="class", split="field", split_field="part")
    with pytest.raises(SplitError, match="come from a raster"):
        place.export("none", split="polygons")
    one = write_raster(
        place.folder / "one.tif", (place.labels == 1).astype(np.uint8)[None], place.grid
    )
    with pytest.raises(LabelError, match="only one class"):
        place.export("none", reference=one)


def test_damaged_sets_are_refused_in_words(place):
    result = place.export("hurt")
    index = place.folder / "hurt" / "chips.json"
    whole = json.loads(index.read_text())
    info = read_chip_set(result.output)
    image = info.folder / info.tiles.tiles[0].image
    for change in (
        {"row": 200}, {"angle": 45.0, "row": 0, "col": 0}, {"image": "../x.tif"},
        {"image": "/etc/x"}, {"split": "maybe"}, {"counts": [1]}, {"value": 2}, {"label": ""},
        {"row": "a"}, {"image": whole["tiles"]["tiles"][1]["image"]},
    ):  # fmt: skip
        record = json.loads(json.dumps(whole))
        record["tiles"]["tiles"][0].update(change)
        index.write_text(json.dumps(record))
        with pytest.raises(ChipSetError, match="damaged"):
            read_chip_set(result.output)
    for change in ({"storage": "bmp"}, {"layout": "x"}, {"size": 0}, {"tiles": []}, {"size": 9}):
        record = json.loads(json.dumps(whole))
        record["tiles"].update(change)
        index.write_text(json.dumps(record))
        with pytest.raises(ChipSetError):
            load_pixels(read_chip_set(result.output), memory_bytes=2**30, progress=Said())
    index.write_text(json.dumps(whole))
    data = image.read_bytes()
    values = gdal.Open(str(image), gdal.GA_Update)
    values.GetRasterBand(1).WriteRaster(0, 0, 8, 8, bytes(128))
    values = None
    with pytest.raises(ChipSetError, match="no longer those"):
        store_of(result)
    image.write_bytes(data[:100])
    with pytest.raises(ChipSetError, match="damaged"):
        store_of(result)
    image.unlink()
    with pytest.raises(ChipSetError, match="lacks the file images"):
        read_chip_set(result.output)


def test_an_earlier_set_is_replaced_and_foreign_files_are_kept(place):
    place.export("again", layout="torchgeo")
    folder = place.folder / "again"
    (folder / "train" / "images" / "000001.tif.aux.xml").write_text("<PAMDataset/>")
    place.export("again", layout="esri")
    assert not (folder / "train").exists()
    assert (folder / "map.txt").is_file()
    place.export("again", kind="pixels")
    assert not (folder / "map.txt").exists()
    place.export("again", layout="torchgeo")
    (folder / "test" / "mine.txt").write_text("mine")
    with pytest.raises(ChipSetError, match=r"test/mine\.txt"):
        place.export("again")
    assert (folder / "test" / "mine.txt").read_text() == "mine"
    assert read_chip_set(folder).tiles.layout == "torchgeo"


def test_cancelling_keeps_what_was_there(place):
    from hsicnn.core.errors import Cancelled

    place.export("kept")
    before = (place.folder / "kept" / "chips.json").read_bytes()
    asked = Said()
    asked.left = None
    questions = []
    asked.check_cancel = lambda: questions.append(1)
    place.export("count", progress=asked)
    for after in range(0, len(questions), max(len(questions) // 12, 1)):
        with pytest.raises(Cancelled):
            place.export("kept", progress=Said(cancel_after=after))
        assert (place.folder / "kept" / "chips.json").read_bytes() == before
    assert not list(place.folder.glob(".*partial*"))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"layout": "esri"},
        {"file_format": "png"},
        {"kind": "scenes", "file_format": "hdf5"},
        {"rotation": 45},
    ],
    ids=str,
)
def test_the_size_said_before_is_that_written(place, settings):
    said = Said()
    result = place.export("size", stride=4, progress=said, **settings)
    files = (place.folder / "size").rglob("*")
    written = sum(path.stat().st_size for path in files if path.is_file())
    words = next(text for text in said.logs if "pixels and" in text and ": about" in text)
    amount, unit = words.split(": about ")[1].split(",")[0].split()
    told = float(amount.replace(",", "")) * {"KiB": 2**10, "MiB": 2**20}[unit]
    assert told == pytest.approx(written, rel=0.2), words
    assert result.chips or result.windows


def test_values_of_every_split_are_as_the_file_says(place):
    _, store = store_of(place.export("codes"))
    assert {TRAIN, TEST} <= set(store.split.tolist())
    physical = store.physical(store.index)
    np.testing.assert_allclose(physical, place.values[:, store.row, store.col].T)


def test_errors_of_the_export_are_the_projects_own(place):
    with pytest.raises(HsicnnError):
        place.export("x", mask=str(place.folder / "nowhere.gpkg"))

"""Feature maps: what a layer gives at every pixel, whatever the blocks, and what is refused."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from osgeo import gdal

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from hsicnn.core.data.export import export_training_chips  # noqa: E402
from hsicnn.core.errors import Cancelled, InputError, RasterError  # noqa: E402
from hsicnn.core.featuremaps import computing  # noqa: E402
from hsicnn.core.featuremaps.feature_maps import feature_maps  # noqa: E402
from hsicnn.core.featuremaps.kernels import kernels_of  # noqa: E402
from hsicnn.core.modelfile.bundle import load_bundle  # noqa: E402
from hsicnn.core.modelfile.network import network_of  # noqa: E402
from hsicnn.core.progress import SilentProgress  # noqa: E402
from hsicnn.core.raster.grid import Grid  # noqa: E402
from hsicnn.core.raster.source import RasterSource  # noqa: E402
from hsicnn.core.raster.windows import Window  # noqa: E402
from hsicnn.core.simulation.scene import create_example_scene  # noqa: E402
from hsicnn.core.training.train import train_classifier  # noqa: E402
from hsicnn.models.build import build  # noqa: E402

QUICK = {"epochs": 1, "shortest_epoch": 2, "longest_epoch": 2}
#: What values of a band are written as, so that the nodata value fits in.
KINDS = {
    gdal.GDT_Int16: (gdal.GDT_Int16, "<i2"),
    gdal.GDT_UInt16: (gdal.GDT_Int32, "<i4"),
    gdal.GDT_Float32: (gdal.GDT_Float32, "<f4"),
}
SMALL = {
    "multiscale": {"patch_size": 5, "options": {"width": 8, "hidden": 16, "members": 2}},
    "indian_pines_3d": {"patch_size": 7, "normalisation": "band", "margin": 0},
}


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scene")
    made = create_example_scene(
        output=str(folder / "image.tif"),
        reference=str(folder / "reference.tif"),
        size=64,
        bands=24,
        classes=3,
    )
    # A corner and a pixel without data.
    dataset = gdal.Open(made.output, gdal.GA_Update)
    for number in range(1, dataset.RasterCount + 1):
        band = dataset.GetRasterBand(number)
        band.SetNoDataValue(-9999)
        kind, item = KINDS[band.DataType]
        hole = np.full((3, 4), -9999, item)
        band.WriteRaster(0, 0, 4, 3, hole.tobytes(), buf_type=kind)
        band.WriteRaster(30, 20, 1, 1, hole[:1, :1].tobytes(), buf_type=kind)
    dataset.FlushCache()
    del dataset
    return made


@pytest.fixture(scope="module")
def chips(scene, tmp_path_factory):
    folder = tmp_path_factory.mktemp("set") / "chips"
    export_training_chips(image=scene.output, reference=scene.reference, output=str(folder))
    return str(folder)


@pytest.fixture(scope="module", params=sorted(SMALL))
def model(request, chips, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / f"{request.param}.safetensors"
    settings = {"architecture": request.param, **QUICK, **SMALL[request.param]}
    train_classifier(chips=chips, output=str(path), settings=settings, device="cpu")
    return str(path)


@pytest.fixture(scope="module")
def multiscale(chips, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    settings = {**QUICK, **SMALL["multiscale"]}
    train_classifier(chips=chips, output=str(path), settings=settings, device="cpu")
    return str(path)


def pixels(path) -> np.ndarray:
    dataset = gdal.Open(str(path))
    shape = (dataset.RasterCount, dataset.RasterYSize, dataset.RasterXSize)
    return np.frombuffer(dataset.ReadRaster(), np.float32).reshape(shape)


def by_hand(model, scene, number, row, col) -> np.ndarray:
    """A layer's values at a pixel: its patch cut, normalised, and the layer hooked."""
    bundle = load_bundle(model)
    network = network_of(bundle)
    radius = bundle.radius
    side = 2 * radius + 1
    with RasterSource(scene.output) as source:
        window = Window(row - radius, col - radius, side, side)
        found = source.read_reflected(window, [band.index - 1 for band in bundle.bands])
    spectra = np.ascontiguousarray(found.values.reshape(len(found.values), -1).T)
    rows = bundle.normalisation.apply(spectra)
    rows[~found.valid.ravel()] = 0
    patch = torch.from_numpy(rows.T.reshape(1, -1, side, side).copy())
    stage, caught = network.stages()[number], []
    if stage.after is not None:
        stage.after.register_forward_hook(lambda _, __, out: caught.append(out))
    else:
        stage.before.register_forward_pre_hook(lambda _, given: caught.append(given[0]))
    network(patch)
    values = caught[-1] if stage.then is None else stage.then(caught[-1])
    values, names = values.detach().numpy(), list(stage.axes)
    for axis, name in enumerate(names):
        if name in ("rows", "columns", "pixels"):
            values = np.take(values, [values.shape[axis] // 2], axis)
    order = sorted(range(values.ndim), key=lambda axis: names[axis] == "bands")
    return values.transpose(order).ravel()


@pytest.mark.parametrize("number", [0, 3])
def test_a_pixel_holds_what_the_layer_gives_there(model, scene, tmp_path, number):
    output = str(tmp_path / "maps.tif")
    result = feature_maps(
        image=scene.output,
        model=model,
        output=output,
        layer=str(number + 1),
        max_bands=10_000,
        device="cpu",
    )
    found = pixels(output)
    assert found.shape == (result.bands, 64, 64)
    for row, col in ((0, 63), (40, 0), (63, 63), (20, 32), (33, 17)):
        expected = by_hand(model, scene, number, row, col)
        np.testing.assert_allclose(found[:, row, col], expected, atol=2e-5, rtol=2e-4)
    assert np.isnan(found[:, :3, :4]).all()
    assert np.isnan(found[:, 20, 30]).all()
    assert np.isnan(found).any(0).sum() == 13
    assert result.pixels == 64 * 64 - 13


def test_blocks_make_no_difference(model, scene, tmp_path, monkeypatch):
    found = []
    for number, sides in enumerate((None, (7, 5), (16, 32))):
        if sides:
            monkeypatch.setattr(computing, "SMALLEST", (sides[0], 1))
            monkeypatch.setattr(computing, "BLOCKS", (sides[1],))
            monkeypatch.setattr(computing, "TILE", 32)
        output = str(tmp_path / f"{number}.tif")
        feature_maps(image=scene.output, model=model, output=output, layer="3", max_bands=9999)
        found.append(pixels(output))
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], atol=2e-6, rtol=1e-5)


def test_an_extent_is_a_part_of_the_whole(multiscale, scene, tmp_path):
    whole, part = str(tmp_path / "whole.tif"), str(tmp_path / "part.tif")
    with RasterSource(scene.output) as source:
        grid: Grid = source.grid
    left, size, _, top, _, _ = grid.geotransform
    extent = (left + 10 * size, top - 50 * size, left + 34 * size, top - 20 * size)
    arguments = {"image": scene.output, "model": multiscale, "layer": "1"}
    feature_maps(**arguments, output=whole)
    feature_maps(**arguments, output=part, extent=extent)
    with RasterSource(part) as source:
        assert (source.grid.height, source.grid.width) == (30, 24)
        assert source.grid.crs_wkt == grid.crs_wkt
        assert source.grid.geotransform[0] == pytest.approx(left + 10 * size)
    np.testing.assert_allclose(pixels(part), pixels(whole)[:, 20:50, 10:34], atol=2e-6, rtol=1e-5)


def test_bands_bear_names_and_can_be_averaged_or_cut(chips, scene, tmp_path):
    model = str(tmp_path / "3d.safetensors")
    settings = {"architecture": "indian_pines_3d", **QUICK, **SMALL["indian_pines_3d"]}
    train_classifier(chips=chips, output=model, settings=settings, device="cpu")
    outputs = {}
    for features in ("all", "first", "mean"):
        outputs[features] = str(tmp_path / f"{features}.tif")
        result = feature_maps(
            image=scene.output,
            model=model,
            output=outputs[features],
            layer="1",
            features=features,
            max_bands=9999 if features == "all" else 60,
        )
    places = pixels(outputs["all"]).shape[0] // 48
    assert result.bands == 48
    every = pixels(outputs["all"]).reshape(48, places, 64, 64)
    np.testing.assert_allclose(pixels(outputs["mean"]), every.mean(1), atol=1e-5, rtol=1e-4)
    np.testing.assert_allclose(
        pixels(outputs["first"]), every.reshape(-1, 64, 64)[:60], atol=1e-6, rtol=1e-5
    )
    dataset = gdal.Open(outputs["all"])
    names = [dataset.GetRasterBand(n + 1).GetDescription() for n in range(dataset.RasterCount)]
    assert names[0] == f"layer 1 feature 1 place 1 of {places}"
    assert names[places] == f"layer 1 feature 2 place 1 of {places}"
    dataset = gdal.Open(outputs["mean"])
    assert dataset.GetRasterBand(48).GetDescription() == "layer 1 feature 48"
    assert dataset.GetMetadataItem("LAYER", "HSICNN").startswith("1: Convolution over 3 x 3")
    assert dataset.GetMetadataItem("TRAINING_PIXELS", "HSICNN")
    assert dataset.GetMetadataItem("MODEL_NAME", "HSICNN") == Path(model).name
    assert dataset.GetMetadataItem("MODEL_PATH", "HSICNN") == str(Path(model).resolve())
    with pytest.raises(InputError, match=r"864 .*\(48 features x 18 bands\).*FEATURES 'mean'"):
        feature_maps(image=scene.output, model=model, output=str(tmp_path / "x.tif"), layer="1")


def test_kernels_over_the_bands_are_what_a_band_changes(chips, tmp_path):
    model = str(tmp_path / "model.safetensors")
    settings = {**QUICK, **SMALL["multiscale"], "normalisation": "pca", "components": 6}
    train_classifier(chips=chips, output=model, settings=settings, device="cpu")
    bundle = load_bundle(model)
    network = network_of(bundle)
    first = kernels_of(network, bundle)[0]
    deviation = bundle.statistics["deviation"].astype(np.float64)
    base = np.asarray(bundle.normalisation.mean)[None].repeat(len(deviation) + 1, 0)
    raised = base.copy()
    raised[1:] += np.diag(deviation).astype(np.float32)
    with torch.no_grad():
        answers = network.spectral(torch.from_numpy(bundle.normalisation.apply(raised))).numpy()
    expected = (answers[1:] - answers[:1]).T
    assert first.spectra is not None
    np.testing.assert_allclose(first.spectra, expected, atol=1e-4, rtol=1e-3)


def described(inputs):
    """What is asked of a model: a normalisation that changes nothing."""
    plain = SimpleNamespace(outputs=inputs, matrix=np.eye(inputs))
    return SimpleNamespace(normalisation=plain, statistics={"deviation": np.ones(inputs)})


@pytest.mark.parametrize(
    ("name", "bands", "side"),
    [("indian_pines_3d", 5, 3), ("hybridsn", 7, 3), ("ssrn", 7, 1)],
)
def test_kernels_over_bands_are_volumes_with_every_slice(name, bands, side):
    network = build(name, 48, 4, {})
    first = kernels_of(network, described(48))[0]
    assert not first.is_matrix
    if side == 1:  # a curve over the bands
        assert first.shape == (1, bands, 1, 1)
        assert first.images[0].shape == (1, bands)
        return
    assert first.shape[0] == 1
    depth, rows, cols = first.shape[1:]
    assert depth > 1
    assert first.images[0].shape == (rows, depth * (cols + 1) - 1)


@pytest.mark.parametrize(
    ("name", "inputs", "options"),
    [("spectralformer", 147, {}), ("spectralformer", 27, {"patch_size": 3}), ("li_2017", 7, {})],
)
def test_a_layer_that_slides_has_no_curve_over_all_bands(name, inputs, options):
    assert kernels_of(build(name, inputs, 4, options), described(inputs))[0].spectra is None


def test_kernels_that_are_added_up_are_one_layer():
    second = [
        each for each in kernels_of(build("he_2017", 48, 4, {}), described(48)) if each.number == 2
    ]
    assert [each.shape for each in second] == [(16, 11, 1, 1)]


def test_the_page_shows_maps_layers_and_kernels(model, scene, tmp_path):
    report = tmp_path / "page.html"
    feature_maps(
        image=scene.output,
        model=model,
        output=str(tmp_path / "maps.tif"),
        report=str(report),
        layer="2",
        features="mean",
    )
    page = report.read_text()
    assert page.count("data:image/png") >= 4
    assert "2 (shown)" in page
    assert "for one standard deviation of each band" in page or "slices lie side by side" in page


def test_a_layer_is_found_by_its_words(multiscale, scene, tmp_path):
    output = str(tmp_path / "maps.tif")
    result = feature_maps(
        image=scene.output, model=multiscale, output=output, layer="mean of the members"
    )
    assert (result.layer_name, result.bands) == ("Mean of the members' probabilities", 3)
    for layer, says in (
        ("0", "names no layer.*1: Dense layer on every pixel"),
        ("99", "names no layer"),
        ("dense layer", "is not unique"),
        ("pooling", "names no layer"),
    ):
        with pytest.raises(InputError, match=says):
            feature_maps(image=scene.output, model=multiscale, output=output, layer=layer)


class StopsAfter(SilentProgress):
    def __init__(self, times: int) -> None:
        self.left = times

    def check_cancel(self):
        self.left -= 1
        if self.left < 0:
            raise Cancelled


def test_cancel_keeps_what_was_there(multiscale, scene, tmp_path, monkeypatch):
    monkeypatch.setattr(computing, "SMALLEST", (8, 1))
    output, report = tmp_path / "maps.tif", tmp_path / "page.html"
    output.write_text("earlier")
    report.write_text("earlier")
    with pytest.raises(Cancelled):
        feature_maps(
            image=scene.output,
            model=multiscale,
            output=str(output),
            report=str(report),
            progress=StopsAfter(20),
        )
    assert output.read_text() == report.read_text() == "earlier"
    assert sorted(item.name for item in tmp_path.iterdir()) == ["maps.tif", "page.html"]


def test_smaller_tiles_follow_where_memory_runs_out(multiscale, scene, tmp_path, monkeypatch):
    from hsicnn.models.features import LayerFeatures

    plain, scarce = str(tmp_path / "plain.tif"), str(tmp_path / "scarce.tif")
    feature_maps(image=scene.output, model=multiscale, output=plain)
    forward, sizes = LayerFeatures.forward, []

    def short(self, inputs):
        if inputs.is_meta:
            return forward(self, inputs)
        sizes.append(inputs.shape[-1])
        if inputs.shape[-1] > 20:
            raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate")
        return forward(self, inputs)

    monkeypatch.setattr(LayerFeatures, "forward", short)
    feature_maps(image=scene.output, model=multiscale, output=scarce)
    assert max(sizes) > 20 >= min(sizes)
    np.testing.assert_allclose(pixels(scarce), pixels(plain), atol=2e-6, rtol=1e-5)


def test_too_little_memory_is_refused_with_what_to_do(multiscale, scene, tmp_path):
    output = tmp_path / "maps.tif"
    with pytest.raises(InputError, match=r"bands take at least .*Set MEMORY to \d+"):
        feature_maps(image=scene.output, model=multiscale, output=str(output), memory_mb=1)
    assert not output.exists()


def test_an_ensemble_has_no_layers_of_its_own(multiscale, scene, chips, tmp_path):
    from hsicnn.core.modelfile.bundle import save_bundle
    from hsicnn.core.modelfile.ensemble import ensemble_of

    other = str(tmp_path / "other.safetensors")
    settings = {**QUICK, **SMALL["multiscale"], "seed": 2}
    train_classifier(chips=chips, output=other, settings=settings, device="cpu")
    path = str(tmp_path / "both.safetensors")
    members = [("first", load_bundle(multiscale)), ("second", load_bundle(other))]
    save_bundle(path, ensemble_of(members))
    with pytest.raises(InputError, match="holds 2 networks"):
        feature_maps(image=scene.output, model=path, output=str(tmp_path / "maps.tif"))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"features": "some"}, "FEATURES is 'some'"),
        ({"place": "edge"}, "PLACE is 'edge'"),
        ({"max_bands": 0}, "MAX_BANDS is 0"),
        ({"extent": (1, 2, 3)}, "EXTENT has 3 numbers"),
    ],
)
def test_refusals(multiscale, scene, tmp_path, given, says):
    output = str(tmp_path / "maps.tif")
    with pytest.raises(InputError, match=says):
        feature_maps(image=scene.output, model=multiscale, output=output, **given)
    assert not list(tmp_path.iterdir())


def test_an_image_of_nodata_is_refused(multiscale, scene, tmp_path):
    path = tmp_path / "empty.tif"
    gdal.Translate(str(path), scene.output)
    dataset = gdal.Open(str(path), gdal.GA_Update)
    for number in range(1, dataset.RasterCount + 1):
        dataset.GetRasterBand(number).Fill(-9999)
    dataset.FlushCache()
    del dataset
    with pytest.raises(RasterError):
        feature_maps(image=str(path), model=multiscale, output=str(tmp_path / "maps.tif"))
    assert not Path(tmp_path / "maps.tif").exists()

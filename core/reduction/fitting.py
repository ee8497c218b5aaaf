"""Components of an image's bands, fitted on a stream of its pixels in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.normalisation import signs
from ..errors import InputError, RasterError
from ..progress import Portion, Progress
from ..raster.bands import Band, describe_bands
from ..raster.source import RasterSource
from ..runtime.dependencies import require
from .keeping import carrying, how_many, shares_of
from .noise import Noise, whitening
from .settings import ReduceSettings
from .streaming import PixelStream
from .transform import Transform

FloatArray = npt.NDArray[np.float64]

BATCH_PIXELS = 2048  # fitted at once, or twice as many as there are bands


@dataclass(frozen=True, eq=False)
class Fit:
    """What was fitted.

    Attributes:
        transform: with the components that are kept.
        eigenvalues: ``(n,)`` of all components, falling; see ``Transform.values``.
        shares: ``(n,)`` of all components, see ``Transform.explained``.
        loadings: ``(bands, outputs)``: the correlation of each band with each component.
        whole: whether all of the raster was read.
        notes: sentences for the log.
        warnings: what should be looked at.
    """

    transform: Transform
    eigenvalues: FloatArray
    shares: FloatArray
    loadings: FloatArray
    whole: bool
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def fit_components(
    source: RasterSource, bands: Sequence[Band], settings: ReduceSettings, progress: Progress
) -> Fit:
    """Fit principal or noise components.

    Principal components are scikit-learn's IncrementalPCA (Ross, Lim, Lin & Yang 2008) with all
    components kept until the end: nothing is cut between batches, and it equals a PCA of all
    pixels at once. Noise components (MNF) are after Green, Berman, Switzer & Craig 1988 (IEEE
    TGRS 26, 65-74): bands are turned so that the noise between neighbouring pixels is white, and
    the principal components of that come in the order of their signal-to-noise ratios.

    Args:
        source: the raster.
        bands: of it, two or more.
        settings: method and number of components.
        progress: told how far it is; asked for cancelling.

    Raises:
        InputError: fewer than two bands, or more components than bands.
        RasterError: the raster cannot be read, or its pixels do not vary.
        DependencyError: scikit-learn is missing.
        Cancelled: the user stopped.
    """
    _check(source, bands, settings)
    require("sklearn")
    stream = PixelStream(source, bands, settings.sample)
    if settings.method == "mnf":
        found = _noise_components(stream, len(bands), progress)
    else:
        found = _principal_components(stream, len(bands), progress)
    if not found.deviation.any():
        raise RasterError(
            f"All pixels of {source.name} have the same values in all bands used: there is "
            "nothing to make components of. Check the image and its nodata value."
        )
    return _fit(source, bands, settings, stream, found)


def _check(source: RasterSource, bands: Sequence[Band], settings: ReduceSettings) -> None:
    """Refuse what no components can be made of."""
    if len(bands) < 2:
        raise InputError(
            f"Components need two bands or more; {source.name} has {len(bands)} that can be used. "
            "Choose an image with more bands, other RANGES or BANDS, or METHOD 'selection'."
        )
    if settings.components is not None and settings.components > len(bands):
        raise InputError(
            f"COMPONENTS is {settings.components}; there are no more than the {len(bands)} bands "
            f"of {source.name} that are used. Ask for {len(bands)} or fewer."
        )


@dataclass(frozen=True, eq=False)
class _Components:
    """All components.

    Attributes:
        mean: ``(bands,)``.
        deviation: ``(bands,)``.
        matrix: ``(bands, n)``, before whitening.
        loadings: ``(bands, n)``, see ``Fit``; the largest of a component is positive.
        eigenvalues: ``(n,)``, falling.
        noiseless: directions in which the bands have no noise.
    """

    mean: FloatArray
    deviation: FloatArray
    matrix: FloatArray
    loadings: FloatArray
    eigenvalues: FloatArray
    noiseless: int = 0


def _principal_components(stream: PixelStream, bands: int, progress: Progress) -> _Components:
    fitted = _Incremental(bands)
    for tile in stream.tiles(progress, "fitting components"):
        fitted.add(tile.spectra, progress)
    pca = fitted.finish()
    deviation = np.sqrt(pca.var_)
    loadings = pca.components_.T * np.sqrt(pca.explained_variance_) / _safe(deviation)[:, None]
    return _turned(pca, deviation, pca.components_.T, loadings)


def _noise_components(stream: PixelStream, bands: int, progress: Progress) -> _Components:
    from sklearn.preprocessing import StandardScaler

    scaler, noise = StandardScaler(), Noise(bands)
    for tile in stream.tiles(Portion(progress, 0.0, 0.4), "estimating the noise"):
        noise.add(tile, progress)
        spectra = tile.spectra
        if len(spectra):
            scaler.partial_fit(spectra.astype(np.float64))
    mean, deviation = np.asarray(scaler.mean_), np.sqrt(scaler.var_)
    white = whitening(noise.covariance(), deviation)
    fitted = _Incremental(bands, lambda values: (values - mean) @ white.there)
    for tile in stream.tiles(Portion(progress, 0.4, 1.0), "fitting components"):
        fitted.add(tile.spectra, progress)
    pca = fitted.finish()
    turned = pca.components_.T
    loadings = white.back @ turned * np.sqrt(pca.explained_variance_)
    found = _turned(pca, deviation, white.there @ turned, loadings)
    return replace(found, mean=mean, noiseless=white.noiseless)


def _turned(
    pca: Any, deviation: FloatArray, matrix: FloatArray, loadings: FloatArray
) -> _Components:
    """Put components together, each with the sign that makes its largest loading positive."""
    own = signs(loadings)
    eigenvalues = np.asarray(pca.explained_variance_)
    return _Components(pca.mean_, deviation, matrix * own, loadings * own, eigenvalues)


def _safe(deviation: FloatArray) -> FloatArray:
    """Deviations to divide by: 1 where there is none."""
    return np.where(deviation > 0, deviation, 1.0)


class _Incremental:
    """IncrementalPCA of all components, fed with batches that are large enough."""

    def __init__(
        self, inputs: int, prepare: Callable[[FloatArray], FloatArray] = lambda values: values
    ) -> None:
        from sklearn.decomposition import IncrementalPCA

        self._pca: Any = IncrementalPCA()
        self._batch = max(BATCH_PIXELS, 2 * inputs)
        self._prepare = prepare
        self._waiting: npt.NDArray[np.float32] = np.zeros((0, inputs), dtype=np.float32)

    def add(self, spectra: npt.NDArray[np.float32], progress: Progress) -> None:
        """Take in ``(n, inputs)`` spectra."""
        waiting = np.concatenate([self._waiting, spectra])
        # As many again are kept: the last batch must not be smaller than there are components.
        while len(waiting) >= 2 * self._batch:
            progress.check_cancel()
            self._fit(waiting[: self._batch])
            waiting = waiting[self._batch :]
        self._waiting = waiting.copy()

    def finish(self) -> Any:
        """Take in what waits, and return the fitted PCA."""
        self._fit(self._waiting)
        return self._pca

    def _fit(self, spectra: npt.NDArray[np.float32]) -> None:
        values = self._prepare(spectra.astype(np.float64))
        with np.errstate(invalid="ignore"):  # shares of no variance at all, which we do not use
            self._pca.partial_fit(values, check_input=False)


def _fit(
    source: RasterSource,
    bands: Sequence[Band],
    settings: ReduceSettings,
    stream: PixelStream,
    found: _Components,
) -> Fit:
    """Decide how many components are kept, and put all together."""
    mnf = settings.method == "mnf"
    notes, warnings = _remarks(source, bands, stream, found)
    shares = shares_of(found.eigenvalues, mnf=mnf)
    kept = how_many(found.eigenvalues, shares, settings)
    most = carrying(found.eigenvalues, mnf=mnf)
    if kept > most:
        warnings.append(
            f"The bands hold {most} independent components, not {kept}: the others are "
            "rounding, and are left out."
        )
        kept = most
    matrix = found.matrix[:, :kept]
    whiten = settings.whiten and not mnf
    if whiten:
        matrix = matrix / np.sqrt(found.eigenvalues[:kept])
    title = "MNF" if mnf else "PC"
    transform = Transform(
        kind=settings.method,
        whitened=whiten,
        bands=tuple(bands),
        source_name=source.name,
        source_bands=len(source.bands),
        pixels=stream.pixels,
        names=tuple(f"{title} {number}" for number in range(1, kept + 1)),
        mean=found.mean,
        deviation=found.deviation,
        matrix=matrix,
        values=tuple(found.eigenvalues[:kept].tolist()),
        explained=tuple(shares[:kept].tolist()),
    )
    loadings = found.loadings[:, :kept]
    told = (tuple(notes), tuple(warnings))
    return Fit(transform, found.eigenvalues, shares, loadings, stream.whole, *told)


def _remarks(
    source: RasterSource, bands: Sequence[Band], stream: PixelStream, found: _Components
) -> tuple[list[str], list[str]]:
    """Sentences for the log, and warnings."""
    total = source.grid.height * source.grid.width
    of_all = f"{stream.pixels:,} pixels with a value in every band"
    notes = [f"Fitted on {of_all}, out of {total:,}."]
    if not stream.whole:
        notes = [
            f"Fitted on {of_all}, in blocks spread over the image ({stream.seen / total:.1%} of "
            f"its {total:,} pixels): SAMPLE; 0 takes all."
        ]
    flat = [band for band, spread in zip(bands, found.deviation) if spread == 0]
    if flat:
        notes.append(f"The same value everywhere, and so in no component: {describe_bands(flat)}.")
    warnings = []
    if stream.pixels <= len(bands):
        warnings.append(
            f"Only {stream.pixels} pixels for {len(bands)} bands: the components hold for these "
            "pixels alone."
        )
    if found.noiseless:
        warnings.append(
            f"{found.noiseless} combinations of the bands show no noise between neighbouring "
            "pixels, as bands do that were copied, smoothed or simulated: signal-to-noise ratios "
            "of components that hold them are too high. Leave such bands out, or use METHOD 'pca'."
        )
    return notes, warnings

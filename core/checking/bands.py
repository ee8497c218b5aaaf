"""Bands that hold noise, single wild values, or values cut off at the top."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..inspection.finding import NOTE, WARNING, Finding
from ..inspection.survey import Survey
from ..raster.bands import Band, describe_bands
from ..raster.source import RasterSource
from ..raster.values import nodata_in
from ..reduction.selection import in_water_vapour
from ..report.html import percent

NOISY = 0.6  # rank correlation with the better neighbour below which a band is called noise
NEAR = 30.0  # nm between neighbours that should look alike
FEWEST = 100  # spectra for a judgement
_WILD = 12.0  # times as far from the median as one value in a thousand is
_SPIKE = 25.0  # robust deviations from what the neighbours let expect
_VISIBLE = 0.5  # and that share of the band's own range
_PILE = 0.005  # share of the pixels with exactly the largest value

FloatArray = npt.NDArray[np.float64]


def check_bands(
    source: RasterSource,
    bands: Sequence[Band],
    survey: Survey,
    places: Sequence[int],
    labelled: npt.NDArray[np.float32],
) -> list[Finding]:
    """Look at the values of every band, in the whole image and under the labels.

    Args:
        source: the image.
        bands: the usable ones, by wavelength where they have one.
        survey: of the whole image.
        places: of ``bands`` in the survey.
        labelled: ``(n, bands)`` physical values of labelled pixels.
    """
    drawn = survey.spectra[:, list(places)].astype(np.float64)
    spectra = np.concatenate([drawn, labelled.astype(np.float64)])
    spectra = spectra[np.isfinite(spectra).any(axis=1)]
    findings = _flat(bands, labelled, survey, places)
    if len(spectra) < FEWEST:
        return findings
    findings += _noise(bands, spectra)
    findings += _wild(bands, spectra, survey.least[list(places)], survey.most[list(places)])
    findings += _spikes(bands, labelled.astype(np.float64))
    findings += _cut_off(source, bands, spectra, survey.most[list(places)])
    return findings


def _flat(
    bands: Sequence[Band], labelled: npt.NDArray[np.float32], survey: Survey, places: Sequence[int]
) -> list[Finding]:
    """Bands that vary in the image and not under the labels."""
    if len(labelled) < 2:
        return []
    values = np.where(np.isnan(labelled), labelled[:1], labelled)
    same = (values == values[:1]).all(axis=0)
    varies = survey.least[list(places)] < survey.most[list(places)]
    flat = [band for band, here in zip(bands, same & varies) if here]
    if not flat:
        return []
    found = f"The same value in all labelled pixels looked at: {describe_bands(flat)}."
    advice = "Nothing can be learnt from them: leave them out, or mark them as bad (bbl = 0)."
    return [Finding(WARNING, "bands", found, advice)]


def neighbour_correlation(bands: Sequence[Band], spectra: FloatArray) -> FloatArray:
    """Return each band's rank correlation with the more alike of its neighbours.

    A band of noise resembles neither, a band of light both: wavelengths a few nanometres apart
    see nearly the same.

    Args:
        bands: by wavelength.
        spectra: ``(n, bands)``; NaN where there is no value.

    Returns:
        ``(bands,)``; NaN where a band has no neighbour within ``NEAR`` nanometres.
    """
    from scipy.stats import rankdata

    best = np.full(len(bands), np.nan)
    for left in range(len(bands) - 1):
        one, other = bands[left].wavelength, bands[left + 1].wavelength
        if one is None or other is None or abs(other - one) > NEAR:
            continue
        pair = spectra[:, left : left + 2]
        pair = pair[np.isfinite(pair).all(axis=1)]
        if len(pair) < FEWEST or (pair == pair[:1]).all(axis=0).any():
            continue
        alike = np.corrcoef(rankdata(pair, axis=0).T)[0, 1]
        for place in (left, left + 1):
            best[place] = alike if np.isnan(best[place]) else max(best[place], alike)
    return best


def _noise(bands: Sequence[Band], spectra: FloatArray) -> list[Finding]:
    best = neighbour_correlation(bands, spectra)
    noisy = [band for band, value in zip(bands, best) if value < NOISY]
    if not noisy:
        return []
    wet = [band for band in noisy if in_water_vapour(band)]
    least = float(np.nanmin(best))
    found = (
        f"Mostly noise: {describe_bands(noisy)}. They hardly resemble the bands beside them (rank "
        f"correlation {least:.2f} to {NOISY:g}; the same band twice has 1)."
    )
    if wet:
        found += f" {len(wet)} of {len(noisy)} lie where water vapour absorbs the light."
    advice = "Mark them as bad (bbl = 0), or leave them out with 'Reduce bands'."
    return [Finding(WARNING, "bands", found, advice)]


def _wild(
    bands: Sequence[Band], spectra: FloatArray, least: FloatArray, most: FloatArray
) -> list[Finding]:
    """Largest and smallest values of the image that nothing else comes near."""
    low, middle, high = np.nanquantile(spectra, (0.001, 0.5, 0.999), axis=0)
    width = np.nanmedian(np.abs(spectra - middle), axis=0) * 1.4826
    room = np.maximum(_WILD * np.maximum(high - middle, middle - low), _WILD * width)
    above, below = most > middle + room, least < middle - room
    findings = []
    for beyond, ends, word, usual in ((above, most, "Up to", high), (below, least, "Down to", low)):
        own = [band for band, here in zip(bands, beyond) if here]
        if not own:
            continue
        place = int(np.flatnonzero(beyond)[np.argmax(np.abs(ends[beyond] - middle[beyond]))])
        found = (
            f"{word} {ends[place]:,.4g} in band {bands[place].index}, where all but one value in a "
            f"thousand lie {'below' if ends is most else 'above'} {usual[place]:,.4g}. Such wild "
            f"values are in {describe_bands(own)}."
        )
        advice = (
            "Damaged pixels, glints, or nodata that is not declared. If it is one value again and "
            "again, declare it as nodata; a normalisation by least and most would be ruined."
        )
        findings.append(Finding(WARNING, "outliers", found, advice))
    return findings


def _spikes(bands: Sequence[Band], spectra: FloatArray) -> list[Finding]:
    """Labelled pixels with single bands that jump out of their spectrum."""
    lengths = [band.wavelength for band in bands]
    if len(bands) < 5 or any(length is None for length in lengths) or len(spectra) < FEWEST:
        return []
    nm = np.array(lengths, dtype=np.float64)
    inner = slice(1, -1)
    weight = (nm[inner] - nm[:-2]) / np.maximum(nm[2:] - nm[:-2], 1e-9)
    expected = spectra[:, :-2] * (1 - weight) + spectra[:, 2:] * weight
    rest = spectra[:, inner] - expected
    rest -= np.nanmedian(rest, axis=0)
    noise = np.nanmedian(np.abs(rest), axis=0) * 1.4826
    low, high = np.nanquantile(spectra[:, inner], (0.02, 0.98), axis=0)
    spike = (np.abs(rest) > _SPIKE * noise) & (np.abs(rest) > _VISIBLE * (high - low)) & (noise > 0)
    # A spike in one band bends the expectation of both beside it by half: those are none.
    size = np.where(spike, np.abs(rest), 0.0)
    beside = np.maximum(
        np.pad(size, ((0, 0), (1, 0)))[:, :-1], np.pad(size, ((0, 0), (0, 1)))[:, 1:]
    )
    spike &= size >= beside
    counts = spike.sum(axis=0)
    own = [band for band, count in zip(bands[inner], counts) if count]
    if not own:
        return []
    worst = bands[inner][int(counts.argmax())]
    found = (
        f"{int(spike.any(axis=1).sum()):,} of {len(spectra):,} labelled pixels looked at jump out "
        f"of their own spectrum in single bands: {describe_bands(own)}, most of all in band "
        f"{worst.index} ({int(counts.max()):,} pixels)."
    )
    advice = (
        "Detector elements that fail (striping) or cosmic hits. A few do no harm; a band with many "
        "is better marked as bad (bbl = 0)."
    )
    severity = WARNING if counts.max() >= 0.01 * len(spectra) else NOTE
    return [Finding(severity, "outliers", found, advice)]


def _cut_off(
    source: RasterSource, bands: Sequence[Band], spectra: FloatArray, most: FloatArray
) -> list[Finding]:
    """Bands where many pixels hold exactly the largest value: the sensor was saturated."""
    top = np.nanmax(np.vstack([spectra, most[None]]), axis=0)
    low = np.nanquantile(spectra, 0.02, axis=0)
    counts = np.isfinite(spectra).sum(axis=0)
    pile = (spectra == top).sum(axis=0)
    # Of coarse numbers the next ones below, which may be further away than a part of the range.
    width = np.maximum(0.05 * (top - low), 2.5 * _steps(spectra))
    near = ((spectra < top) & (spectra > top - width)).sum(axis=0)
    full = (pile >= np.maximum(_PILE * counts, 5)) & (pile > 2 * near) & (top > low)
    own = [band for band, here in zip(bands, full) if here]
    if not own:
        return []
    shares = pile / np.maximum(counts, 1)
    place = int(np.flatnonzero(full)[np.argmax(shares[full])])
    found = (
        f"Cut off at the top: {describe_bands(own)}. In band {bands[place].index} "
        f"{percent(float(shares[place]))} of the pixels looked at hold exactly {top[place]:,.4g}"
    )
    limit = _type_limit(source, bands[place])
    if limit is not None and np.isclose(top[place], limit, rtol=1e-6):
        found += f", the largest value that {source.dtype.name} can hold here"
    advice = (
        "Bright surfaces all look alike there. Use a product that is not saturated, or do without "
        "these bands where bright classes matter."
    )
    return [Finding(WARNING, "saturation", f"{found}.", advice)]


def _steps(spectra: FloatArray) -> FloatArray:
    """The smallest difference between two values of each band, ``(bands,)``; 0 where all agree."""
    steps = np.zeros(spectra.shape[1])
    for place, values in enumerate(spectra.T):
        apart = np.diff(np.unique(values[np.isfinite(values)]))
        steps[place] = apart.min() if len(apart) else 0.0
    return steps


def _type_limit(source: RasterSource, band: Band) -> float | None:
    """The largest physical value that a band can hold; None for numbers with decimals."""
    if source.dtype.kind not in "iu":
        return None
    largest = int(np.iinfo(source.dtype).max)
    if nodata_in(source.dtype, band.nodata) == largest:
        largest -= 1
    return largest * band.scale + band.offset

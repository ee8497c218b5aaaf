"""The job that checks training data before it is trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.labels import Labels, read_labels
from ..data.valid_labels import lie_on_values
from ..inspection.finding import ERROR, NOTE, WARNING, Finding
from ..inspection.findings import findings as image_findings
from ..inspection.survey import Survey, survey
from ..progress import Portion, Progress, SilentProgress
from ..raster.bands import Band, describe_range, usable_bands
from ..raster.opening import short_name
from ..raster.source import RasterSource
from ..runtime.seeds import numpy_generator
from .bands import check_bands
from .conflicts import check_disputed, check_repeats, check_twins
from .coverage import GAP, check_gaps, check_nodata, check_stuck
from .doubts import check_labels, pair_findings
from .outcome import ClassCheck, Outcome, ranked
from .outliers import check_outliers
from .outputs import Outputs
from .patches import count_by_class, patches
from .place import check_place
from .samples import Samples, draw, read_samples
from .scale import check_against_model, check_values
from .separability import OutOfFold, Pair, calibrate, classify_out_of_fold, confused_pairs
from .settings import CheckSettings
from .sizes import check_sizes
from .suspects import Suspect, Verdict, each_pixel_once

_SPECTRA = 2000  # of the whole image, to know its bands by


@dataclass(frozen=True)
class CheckResult:
    """What a check found, in short.

    Attributes:
        report: path of the page.
        suspects: path of the layer, empty where none was asked for.
        json: path of the figures, likewise.
        findings: how many.
        errors: how many of them stop or spoil a training.
        warnings: how many make it worse than it could be.
        suspicious: pixels that somebody should look at.
        classes: of the reference.
        details: the findings, from the worst on.
    """

    report: str
    suspects: str
    json: str
    findings: int
    errors: int
    warnings: int
    suspicious: int
    classes: int
    details: tuple[Finding, ...]


def check_training_data(
    *,
    image: str,
    reference: str,
    report: str,
    layer: str = "",
    field: str = "",
    unlabelled: int | None = None,
    styles: Sequence[Any] = (),
    model: str = "",
    suspects: str = "",
    json: str = "",
    samples: int = CheckSettings.samples,
    memory_mb: int = CheckSettings.memory_mb,
    seed: int = CheckSettings.seed,
    progress: Progress | None = None,
) -> CheckResult:
    """Check labelled pixels and their spectra.

    Args:
        image: raster that GDAL opens.
        reference: raster of class codes, or file with a layer of polygons or points.
        report: HTML page to write.
        layer: of a reference file with several.
        field: of a layer: holds the classes.
        unlabelled: value that means no label; 0 where None.
        styles: names and colours of classes, see ``core.data.export``.
        model: that the samples should fit; empty for none.
        suspects: file for suspicious samples as points; empty for none.
        json: file for the figures; empty for none.
        samples: see ``CheckSettings``, as for all that follow.
        memory_mb: MiB.
        seed: of all draws.
        progress: told what is found.

    Raises:
        InputError: a value or an output that cannot work.
        RasterError: the image cannot be read, or has no usable band.
        LabelError: the reference has no label on the image.
        ModelFileError, DependencyError: the model cannot be read.
        Cancelled: the user stopped; what was there before stays.
    """
    progress = progress or SilentProgress()
    settings = CheckSettings(samples, memory_mb, seed)
    settings.check()
    outputs = Outputs(report, suspects, json)
    outputs.check(image, reference, model)
    with RasterSource(image) as source:
        run = _Run(source, settings, progress)
        labels = read_labels(
            reference,
            source.grid,
            layer=layer,
            field=field,
            unlabelled=unlabelled,
            styles=styles,
            progress=Portion(progress, 0.02, 0.1),
        )
        outcome = run.check(labels, reference, layer, model)
        outputs.write(outcome, source.grid, progress)
    for item in outcome.findings:
        (progress.log if item.severity == NOTE else progress.warn)(item.sentence)
    progress.log(outcome.verdict())
    progress.report(1.0, "")
    return CheckResult(
        report=report,
        suspects=suspects,
        json=json,
        findings=len(outcome.findings),
        errors=outcome.count(ERROR),
        warnings=outcome.count(WARNING),
        suspicious=len(outcome.suspects),
        classes=len(outcome.classes),
        details=tuple(outcome.findings),
    )


@dataclass(eq=False)
class _Compared:
    """What comparing the classes gave; as it stands where that cannot be done."""

    found: OutOfFold | None = None
    pairs: list[Pair] = field(default_factory=list)
    noise: float | None = None


class _Run:
    """One check: gathers what every look at the data finds."""

    def __init__(self, source: RasterSource, settings: CheckSettings, progress: Progress) -> None:
        self._source = source
        self._settings = settings
        self._progress = progress
        self._findings: list[Finding] = []
        self._suspects: list[Suspect] = []
        self._bands: tuple[Band, ...] = usable_bands(source, progress=progress)[0]

    def check(self, labels: Labels, reference: str, layer: str, model: str) -> Outcome:
        """Look at labels and image.

        Args:
            labels: as they were read.
            reference: their file.
            layer: in it.
            model: that they should fit, or nothing.
        """
        source, progress = self._source, self._progress
        progress.log(f"{source.name}: {describe_range(self._bands)} used.")
        seen = self._look_at_image(model)
        self._findings += check_place(reference, layer, labels, source.grid)
        on_values = lie_on_values(labels, source, self._bands, Portion(progress, 0.3, 0.4))
        self._take(check_nodata(labels, on_values, self._generator("nodata")))
        self._take(check_disputed(labels, self._generator("disputed")))
        self._take(check_repeats(labels))
        progress.report(0.4, "joining labelled pixels to patches")
        own = patches(labels)
        samples = self._read(labels, on_values, own)
        sound = self._look_at_values(samples, seen)
        usable = np.bincount(labels.values[on_values], minlength=len(labels.classes) + 1)[1:]
        counts = count_by_class(own[on_values], labels.values[on_values], len(labels.classes))
        word = "polygons or points" if labels.groups.any() else "patches"
        self._findings += check_sizes(labels.classes, usable.tolist(), counts.tolist(), word)
        compared = self._compare(sound)
        return Outcome(
            image=source.name,
            reference=short_name(reference),
            findings=ranked(self._findings),
            classes=_class_checks(labels, usable, counts, sound, compared.found),
            patch_word=word,
            pairs=compared.pairs,
            confusion=None if compared.found is None else compared.found.confusion(),
            noise=compared.noise,
            suspects=each_pixel_once(self._suspects),
            notes=labels.notes,
        )

    def _take(self, verdict: Verdict) -> None:
        self._findings += verdict.findings
        self._suspects += verdict.suspects

    def _generator(self, *key: str) -> np.random.Generator:
        return numpy_generator(self._settings.seed, "checking", *key)

    def _look_at_image(self, model: str) -> Survey:
        source = self._source
        part = Portion(self._progress, 0.1, 0.3)
        seen = survey(source, spectra=_SPECTRA, seed=self._settings.seed, progress=part)
        bands = [band for band in source.bands if band.index != source.alpha]
        self._findings += image_findings(source, bands, seen)
        if model:
            self._findings += check_against_model(model, source, self._progress)
        return seen

    def _read(
        self, labels: Labels, on_values: npt.NDArray[np.bool_], own: npt.NDArray[np.int64]
    ) -> Samples:
        chosen = draw(labels, on_values, len(self._bands), self._settings)
        self._progress.log(f"{len(chosen):,} of {len(labels):,} labelled pixels are compared.")
        part = Portion(self._progress, 0.42, 0.7)
        return read_samples(
            self._source, self._bands, labels, patches=own, chosen=chosen, progress=part
        )

    def _look_at_values(self, samples: Samples, seen: Survey) -> Samples:
        """Look at spectra and bands; return the samples that can be compared."""
        source = self._source
        self._take(check_gaps(samples))
        verdict, stuck = check_stuck(samples, self._generator("stuck"))
        self._take(verdict)
        left = samples.keep(~stuck)
        listed = [band.index for band in source.bands if band.index != source.alpha]
        places = [listed.index(band.index) for band in self._bands]
        self._findings += check_bands(source, self._bands, seen, places, left.spectra)
        self._findings += check_values(source, self._bands, left.spectra)
        self._take(check_twins(left, self._generator("twins")))
        return left.comparable(GAP)

    def _compare(self, samples: Samples) -> _Compared:
        """Compare the classes by their spectra, where that can be done."""
        seed, progress = self._settings.seed, self._progress
        compared = _Compared()
        try:
            compared.found = classify_out_of_fold(samples, seed, Portion(progress, 0.7, 0.85))
            part = Portion(progress, 0.85, 0.95)
            verdict = check_outliers(samples, seed, self._generator("outliers"), part)
        except ImportError as error:
            self._findings.append(
                Finding(
                    NOTE,
                    "not checked",
                    "Classes that look alike, wrong labels and outliers were not looked for: "
                    f"scikit-learn cannot be imported ({error}).",
                    "Install scikit-learn into the Python that runs the jobs ('Check environment' "
                    "names it) and run this again.",
                )
            )
            return compared
        if compared.found is None:
            found = "There are too few samples, places or classes to compare the spectra."
            self._findings.append(Finding(NOTE, "not checked", found))
        else:
            calibration = calibrate(compared.found, seed)
            compared.pairs = confused_pairs(compared.found)
            compared.noise = calibration.noise
            self._findings += pair_findings(compared.pairs, samples.names())
            generator = self._generator("labels")
            self._take(check_labels(samples, compared.found, calibration, generator))
        self._take(verdict)
        return compared


def _class_checks(
    labels: Labels,
    usable: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
    samples: Samples,
    found: OutOfFold | None,
) -> list[ClassCheck]:
    shares = np.full(len(labels.classes), np.nan) if found is None else found.recognised()
    labelled, looked_at = labels.counts(), samples.counts()
    return [
        ClassCheck(
            info=info,
            labelled=labelled[place],
            usable=int(usable[place]),
            patches=int(counts[place]),
            looked_at=int(looked_at[place]),
            recognised=None if np.isnan(shares[place]) else float(shares[place]),
        )
        for place, info in enumerate(labels.classes)
    ]

"""Job ``assess_accuracy``: how right a class map is, and how much of that it had to learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError, LabelError
from ..progress import Portion, Progress, SilentProgress
from .baselines import location_only_accuracy
from .class_map import ClassMap
from .confusion import confusion_matrix, figures
from .findings import Findings, PixelCounts, class_findings, summary
from .matching import Matched, match_classes
from .outputs import Outputs
from .placement import place
from .sampling import Sampled, sample_map
from .truth import Truth, subset_of, truth_of_chip_set, truth_of_reference

MODEL_FIELDS = (
    "MODEL_NAME",
    "MODEL_CHECKPOINT",
    "MODEL_ID",
    "ARCHITECTURE",
    "TURNS",
    "SPLIT_HASH",
    "CHIPS",
)

Indices = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class AccuracyResult:
    """What was found and written.

    Attributes:
        findings: every figure.
        report: the HTML report; empty where none was asked for.
        json: the figures as JSON; empty where not asked for.
        errors: the error raster; empty where not asked for.
    """

    findings: Findings
    report: str
    json: str
    errors: str


@dataclass(frozen=True, eq=False)
class _Compared:
    """Assessed pixels with a class in the map: where, what they are, what the map says."""

    rows: Indices
    cols: Indices
    reference: Indices
    mapped: Indices
    trained: Mask
    counts: PixelCounts


def assess_accuracy(
    *,
    class_map: str,
    reference: str = "",
    layer: str = "",
    field: str = "",
    unlabelled: int | None = None,
    styles: Sequence[Any] = (),
    samples: str = "",
    subset: str = "",
    report: str = "",
    json: str = "",
    errors: str = "",
    progress: Progress | None = None,
) -> AccuracyResult:
    """Hold a class map against labels.

    With a chip set the labels are those it was made with, by default its test pixels, that
    no training has seen. With a reference layer every labelled pixel counts. Labelled pixels
    where the map has no class count neither as right nor as wrong; the report says how many.

    Args:
        class_map: a raster of class codes.
        reference: a raster or vector layer with the true classes.
        layer: name of the layer inside ``reference``.
        field: field of the classes in a vector layer.
        unlabelled: value of pixels without a label in a raster.
        styles: names and colours of the reference's classes, see ``read_labels``.
        samples: folder of a chip set; used instead of ``reference``.
        subset: ``test``, ``validation``, ``train`` or ``all``; empty takes ``test`` of a chip
            set and ``all`` of a layer.
        report: HTML to write.
        json: JSON to write.
        errors: raster to write: 1 right, 2 wrong, 0 not assessed.
        progress: told how far it is.

    Raises:
        InputError: neither reference nor samples; classes that don't agree; a file that cannot
            be written.
        LabelError: no labelled pixel lies on a classified one.
        RasterError, ChipSetError: an input that is damaged or of another kind.
        Cancelled: when the user cancels.
    """
    progress = progress or SilentProgress()
    if not reference and not samples:
        raise InputError("Give a REFERENCE layer, or the chip set of the training as SAMPLES.")
    chosen = subset_of(subset, samples)
    outputs = Outputs(report, json, errors)
    outputs.check(class_map)
    with ClassMap(class_map) as opened:
        if samples:
            truth = truth_of_chip_set(samples, chosen, Portion(progress, 0.0, 0.3))
        else:
            truth = truth_of_reference(
                reference,
                opened.grid,
                layer=layer,
                field=field,
                unlabelled=unlabelled,
                styles=styles,
                progress=Portion(progress, 0.0, 0.3),
            )
        compared, findings = _assess(opened, truth, bool(samples and reference), progress)
        right = compared.reference == compared.mapped
        outputs.write(opened, findings, (compared.rows, compared.cols, right), progress)
    for text in findings.warnings:
        progress.warn(text)
    for text in (*summary(findings), *findings.notes):
        progress.log(text)
    progress.report(1.0)
    return AccuracyResult(findings, report, json, errors)


def _assess(
    opened: ClassMap, truth: Truth, both: bool, progress: Progress
) -> tuple[_Compared, Findings]:
    """Compare the map with the labels."""
    rows, cols, inside = place(truth.rows, truth.cols, truth.grid, opened.grid)
    which = np.flatnonzero(truth.assessed & inside)
    if not which.size:
        raise LabelError(
            f"None of the {int(truth.assessed.sum()):,} labelled pixels of {truth.name} lies on "
            f"{opened.name} ({opened.grid.describe()}; the labels: {truth.grid.describe()}). "
            "Choose the map of that area."
        )
    sampled = sample_map(opened, rows[which], cols[which], Portion(progress, 0.3, 0.8))
    if not sampled.areas:
        raise LabelError(
            f"{opened.name} holds no class: every pixel of it is nodata. Choose the map that "
            "'Classify raster' has written, or check its nodata value."
        )
    present = np.asarray(sorted(sampled.areas), dtype=np.int64)
    matched = match_classes(truth.classes, opened.legend(present), opened.name)
    trained, training = _trained(opened, truth)
    mapped = np.where(sampled.valid, matched.values(sampled.codes), 0)
    known = mapped > 0
    if not known.any():
        raise LabelError(
            f"{opened.name} has no class at any of the {len(which):,} labelled pixels of "
            f"{truth.name}: they lie on its nodata. Choose the map of that area."
        )
    counts = PixelCounts(
        labelled=int(truth.assessed.sum()),
        assessed=int(known.sum()),
        not_classified=int((~known).sum()),
        outside=int((truth.assessed & ~inside).sum()),
        in_training=int(trained[which][known].sum()),
    )
    kept = which[known]
    compared = _Compared(
        rows[kept], cols[kept], truth.values[kept], mapped[known], trained[kept], counts
    )
    assessed = np.zeros(len(truth.rows), dtype=bool)
    assessed[kept] = True
    location = location_only_accuracy(truth.rows, truth.cols, truth.values, training, assessed)
    return compared, _findings(opened, truth, matched, sampled, (compared, location, both))


def _trained(opened: ClassMap, truth: Truth) -> tuple[Mask, Mask]:
    """Which labelled pixels the map's model was trained on, and which stand for location.

    Location alone knows the training pixels of the chip set; without one, those of the
    labelled pixels that the map says it was trained on.
    """
    said = opened.training_pixels()
    trained = np.zeros(len(truth.rows), dtype=bool)
    if said is not None:
        rows, cols, inside = place(truth.rows, truth.cols, truth.grid, said.grid)
        width = said.grid.width
        keys = said.rows.astype(np.int64) * width + said.cols
        trained = inside & np.isin(rows * width + cols, keys)
    return trained, truth.training if truth.training.any() else trained


def _findings(
    opened: ClassMap,
    truth: Truth,
    matched: Matched,
    sampled: Sampled,
    outcome: tuple[_Compared, float | None, bool],
) -> Findings:
    compared, location, both = outcome
    total = len(matched.classes)
    found = figures(confusion_matrix(compared.reference, compared.mapped, total))
    areas: dict[int, int] = {}
    for code, pixels in sampled.areas.items():
        value = matched.from_map[code]
        areas[value] = areas.get(value, 0) + pixels
    without: dict[str, float | None] = {}
    if compared.counts.in_training:
        fresh = ~compared.trained
        rest = figures(confusion_matrix(compared.reference[fresh], compared.mapped[fresh], total))
        without = {
            "overall_accuracy": rest.overall,
            "average_accuracy": rest.average,
            "kappa": rest.kappa,
        }
    return Findings(
        map=opened.path,
        reference=truth.name,
        subset=truth.subset,
        overall_accuracy=found.overall,
        average_accuracy=found.average,
        kappa=found.kappa,
        location_only=location,
        pixels=compared.counts.assessed,
        classes=class_findings(matched.classes, found, areas, opened.pixel_hectares()),
        confusion_matrix=tuple(tuple(row) for row in found.matrix.tolist()),
        pixel_counts=compared.counts,
        without_training=without,
        model={key: opened.metadata[key] for key in MODEL_FIELDS if opened.metadata.get(key)},
        split=truth.split,
        split_counts=truth.split_counts,
        warnings=_warnings(opened, truth, compared.counts),
        notes=_notes(opened, truth, matched, both),
    )


def _warnings(opened: ClassMap, truth: Truth, counts: PixelCounts) -> tuple[str, ...]:
    """What must be known before the figures are believed."""
    texts = []
    if opened.metadata.get("MODEL_CHECKPOINT"):
        texts.append(
            "The training of the map's model had not ended: the map was made with a "
            f"{opened.metadata['MODEL_CHECKPOINT']}."
        )
    if counts.in_training:
        texts.append(
            f"Includes {counts.in_training:,} training pixels: the model was trained on "
            f"{100.0 * counts.in_training / counts.assessed:.1f} % of what it is assessed on, so "
            "the figures flatter it."
        )
    wanted = opened.metadata.get("SPLIT_HASH", "")
    if truth.split_hash and wanted and truth.split_hash != wanted:
        texts.append(
            f"{truth.name} is not the chip set that the map's model was trained with (or it was "
            "exported again): its test pixels may have been training pixels."
        )
    if counts.not_classified:
        texts.append(
            f"The map has no class at {counts.not_classified:,} of the labelled pixels "
            f"({100.0 * counts.not_classified / counts.labelled:.1f} %); they count neither as "
            "right nor as wrong."
        )
    if counts.outside:
        texts.append(f"{counts.outside:,} of the labelled pixels lie outside the map.")
    return (*texts, *truth.warnings)


def _notes(opened: ClassMap, truth: Truth, matched: Matched, both: bool) -> tuple[str, ...]:
    notes = [*truth.notes, *matched.notes]
    if both:
        notes.append("REFERENCE was not used: the labels of SAMPLES were.")
    if not truth.grid.same_as(opened.grid):
        notes.append(
            f"The labels lie on another grid ({truth.grid.describe()}) than the map "
            f"({opened.grid.describe()}): each was held against the map pixel that holds the "
            "middle of its own pixel."
        )
    return tuple(notes)

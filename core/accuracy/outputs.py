"""What an assessment writes: report, figures and error raster, all of them or none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import HsicnnError, InputError
from ..progress import Progress
from ..raster.output_path import check_output, move_into_place
from ..report.files import check_text_output, staged_text
from .class_map import ClassMap
from .error_raster import staged_errors
from .findings import Findings, plain
from .report import accuracy_page

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Outputs:
    """Paths of what is asked for; empty where it is not.

    Attributes:
        report: HTML.
        figures: JSON.
        errors: raster of what is right and wrong.
    """

    report: str
    figures: str
    errors: str

    def check(self, class_map: str) -> None:
        """Refuse outputs that cannot be written, before anything is read.

        Args:
            class_map: that is assessed, which no output must be.

        Raises:
            InputError: a text file cannot be written, or two outputs are one file.
            RasterError: the error raster cannot be written.
        """
        for path in filter(None, (self.report, self.figures)):
            check_text_output(path)
        if self.errors:
            check_output(self.errors, [class_map])
        given = [Path(path).absolute() for path in (self.report, self.figures, self.errors) if path]
        if len(set(given)) < len(given):
            raise InputError(
                "Two of REPORT, JSON and ERRORS have the same file name; give each its own."
            )

    def write(
        self,
        opened: ClassMap,
        findings: Findings,
        assessed: tuple[Indices, Indices, npt.NDArray[np.bool_]],
        progress: Progress,
    ) -> None:
        """Write what was asked for.

        Args:
            opened: the map.
            findings: of the assessment.
            assessed: rows, columns and rightness of the assessed pixels, ``(n,)`` each.
            progress: asked whether to stop.

        Raises:
            InputError, RasterError: something cannot be written; what was there before is.
        """
        rows, cols, right = assessed
        with ExitStack() as stack:
            finished = []
            if self.errors:
                raster = staged_errors(
                    self.errors,
                    opened.grid,
                    rows,
                    cols,
                    right,
                    source=opened.path,
                    progress=progress,
                )
                finished.append(stack.enter_context(raster))
            if self.figures:
                text = json.dumps(plain(findings), indent=2, ensure_ascii=False, allow_nan=False)
                finished.append(stack.enter_context(staged_text(self.figures, text + "\n")))
            if self.report:
                page = accuracy_page(findings, *_history(opened.metadata))
                finished.append(stack.enter_context(staged_text(self.report, page)))
            move_into_place(finished)


def _history(metadata: Mapping[str, str]) -> tuple[Sequence[Mapping[str, Any]], str]:
    """Return the training's history, or nothing and why there is none."""
    path = metadata.get("MODEL_PATH", "")
    if not path and metadata.get("MODEL_NAME"):
        return (), "Several models were averaged, each with a training of its own: no curves."
    if not path:
        return (), "The map does not say which model made it: no training curves."
    if not Path(path).is_file():
        return (), f"The model {path} is no longer there: no training curves."
    try:
        from ..modelfile.bundle import load_bundle

        bundle = load_bundle(path)
    except (HsicnnError, ImportError) as error:
        return (), f"No training curves: {error}"
    if metadata.get("MODEL_ID", bundle.model_id) != bundle.model_id:
        return (), f"The model {path} was replaced since the map was made: no training curves."
    return bundle.history, ""

"""Check environment: what is installed, which device works, what to do about the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qgis.core import Qgis, QgsProcessingContext, QgsProcessingParameterDefinition

from ..core.errors import DependencyError, WorkerError
from . import parameters as p
from .base import FeedbackProgress, HsicnnAlgorithm


class CheckEnvironment(HsicnnAlgorithm):
    """Looks at Pythons, packages and devices, and writes what it finds into a report."""

    ID = "checkenvironment"
    TITLE = "Check environment"
    JOB = "check_environment"
    GROUP = ("Environment", "environment")
    TAGS = ("torch", "pytorch", "cuda", "gpu", "device", "install", "dependencies", "doctor")
    OUTPUTS = ("REPORT",)
    SUMMARY = "Says whether training can run here, on which device, and what is missing."
    HELP = (
        "<p>Every device is tried with a real convolution. The report lists the packages with "
        "their versions, the Pythons that were looked at, and the command that installs what is "
        "missing; copy it into a question or a bug report.</p>"
        "<p>The environment variable HSICNN_PYTHON, or QGIS's setting hsicnn/python, names "
        "another Python than the one found.</p>"
    )

    def declare(self) -> list[QgsProcessingParameterDefinition]:
        return [p.file_output("REPORT", "Report", "A page with what was found.", p.HTML_FILTER)]

    def arguments(
        self, _parameters: dict[str, Any], _context: QgsProcessingContext
    ) -> dict[str, Any]:
        return {"host": {"QGIS": Qgis.QGIS_VERSION}}

    def run_job(self, progress: FeedbackProgress) -> Mapping[str, Any]:
        # Imported here: QGIS starts faster without them.
        from ..core.runtime import environment, interpreter
        from ..core.runtime.jobs import JOBS

        needs = JOBS["train_classifier"].needs
        trials = []
        for candidate in interpreter.candidates(self._python):
            progress.check_cancel()
            trials.append(interpreter.try_candidate(candidate, needs, progress.check_cancel))
        self._arguments["interpreters"] = [trial.describe() for trial in trials]
        best = next((trial for trial in trials if trial.works), None)
        if best:
            self._python = best.candidate.path
        try:
            return super().run_job(progress)
        except (DependencyError, WorkerError) as error:
            # Where no worker can run, that is the finding.
            progress.warn(str(error))
            environment.write_failure(
                self._arguments["report"],
                str(error),
                self._arguments["host"],
                self._arguments["interpreters"],
            )
            return {}

"""What a check writes: page, layer and figures, all of them or none."""

from __future__ import annotations

import json
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from ..data.vector_output import check_vector_output, staged_layer
from ..errors import InputError
from ..progress import Progress
from ..raster.grid import Grid
from ..raster.output_path import move_into_place
from ..report.files import check_text_output, staged_text
from .outcome import Outcome, plain
from .page import check_page
from .suspect_layer import PARAMETER, write_suspects


@dataclass(frozen=True)
class Outputs:
    """Paths of what is asked for; empty where it is not.

    Attributes:
        report: HTML.
        suspects: layer of points.
        figures: JSON.
    """

    report: str
    suspects: str
    figures: str

    def check(self, image: str, reference: str, model: str) -> None:
        """Refuse outputs that cannot be written, before anything is read.

        Args:
            image: that is checked, which no output must be, as the others.
            reference: likewise.
            model: likewise; may be empty.

        Raises:
            InputError: a file cannot be written, is an input, or two outputs are one file.
        """
        given = {"REPORT": self.report, PARAMETER: self.suspects, "JSON": self.figures}
        given = {name: path for name, path in given.items() if path}
        for name, path in given.items():
            if name == PARAMETER:
                check_vector_output(path, name)
            else:
                check_text_output(path)
            for source in filter(None, (image, reference, model)):
                with suppress(OSError, ValueError):
                    if Path(path).samefile(source):
                        raise InputError(f"{name} is {source}, an input; choose another file.")
        if len({Path(path).absolute() for path in given.values()}) < len(given):
            raise InputError(
                f"Two of REPORT, {PARAMETER} and JSON have the same file name; give each its own."
            )

    def write(self, outcome: Outcome, grid: Grid, progress: Progress) -> None:
        """Write what was asked for.

        Args:
            outcome: of the check.
            grid: of the image.
            progress: asked for cancelling.

        Raises:
            InputError, RasterError: something cannot be written; what was there before is.
            Cancelled: the user stopped; likewise.
        """
        with ExitStack() as stack:
            finished = []
            if self.suspects:
                staged = stack.enter_context(staged_layer(self.suspects, PARAMETER))
                write_suspects(staged, outcome.suspects, grid, progress)
                finished.append(staged)
            if self.figures:
                text = json.dumps(plain(outcome), indent=2, ensure_ascii=False, allow_nan=False)
                finished.append(stack.enter_context(staged_text(self.figures, text + "\n")))
            if self.report:
                page = check_page(outcome)
                finished.append(stack.enter_context(staged_text(self.report, page)))
            progress.check_cancel()
            move_into_place(finished)

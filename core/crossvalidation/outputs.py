"""What a cross-validation writes: models, ensemble, map, page and figures, all or none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..accuracy.sampling import InWindow
from ..data.chips import ChipSetInfo
from ..data.pixel_store import PixelStore
from ..errors import InputError
from ..modelfile.bundle import ModelBundle, save_bundle
from ..progress import Progress
from ..raster.class_bands import class_map_type
from ..raster.output_path import all_distinct, check_output, in_place, temporary_name
from ..raster.windows import tiles
from ..raster.writer import TILE, RasterWriter
from ..report.files import check_text_output, staged_text
from .findings import Findings, as_json
from .fold_folder import FIGURES_FILE, check_folder, put_in_place
from .page import fold_page

STRIP = 4 * TILE


@dataclass(frozen=True)
class Outputs:
    """Paths of what is asked for; empty where it is not.

    Attributes:
        output: folder of the models of the folds.
        ensemble: model file of all folds.
        out_of_fold: raster of the class that each sample got when it was held out.
        report: HTML.
        figures: JSON.
    """

    output: str
    ensemble: str
    out_of_fold: str
    report: str
    figures: str

    def check(self, inputs: tuple[str, ...]) -> Path:
        """Refuse outputs that cannot be written, before anything is read.

        Args:
            inputs: files that are read, which no output must be.

        Returns:
            The folder of the models.

        Raises:
            InputError, RasterError: one cannot be written, or two are one file.
        """
        folder = check_folder(self.output)
        for path in filter(None, (self.ensemble, self.report, self.figures)):
            check_text_output(path)
        if self.out_of_fold:
            check_output(self.out_of_fold, inputs)
        files = [self.ensemble, self.out_of_fold, self.report, self.figures]
        given = [path for path in files if path]
        if not all_distinct([*given, str(folder)], [path for path in inputs if path]):
            raise InputError("Two of the outputs have the same name; give each its own.")
        if any(folder in Path(path).absolute().parents for path in given):
            raise InputError(
                f"An output lies in the folder {folder}, which holds the models of the folds "
                "alone; give it another place."
            )
        return folder

    def check_map(self, info: ChipSetInfo) -> None:
        """Refuse a map of samples that have no place, or whose classes no raster can hold.

        Raises:
            InputError, RasterError: for such.
        """
        if not self.out_of_fold:
            return
        if not info.placed:
            raise InputError(
                f"The samples of the chip set {info.folder.name} have no place on a raster: "
                "OUT_OF_FOLD cannot be drawn. Leave it empty."
            )
        class_map_type(item.code for item in info.classes)

    def write(
        self,
        folder: Path,
        unfinished: Path,
        *,
        info: ChipSetInfo,
        store: PixelStore,
        found: Findings,
        ensemble: ModelBundle,
        progress: Progress,
    ) -> None:
        """Write what was asked for; all of it takes its place together.

        Args:
            folder: of the models.
            unfinished: where they lie so far.
            info: the chip set.
            store: its samples.
            found: the figures.
            ensemble: of the folds.
            progress: asked whether to stop.

        Raises:
            InputError, ModelFileError, RasterError: something cannot be written; what was there
                before is, and finished folds are not trained again.
        """
        text = json.dumps(as_json(found), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        (unfinished / FIGURES_FILE).write_text(text, encoding="utf-8")
        with ExitStack() as stack:
            finished = []
            if self.out_of_fold:
                drawn = _staged_map(self.out_of_fold, info, store, found, progress)
                finished.append(stack.enter_context(drawn))
            if self.ensemble:
                finished.append(stack.enter_context(_staged_model(self.ensemble, ensemble)))
            if self.figures:
                finished.append(stack.enter_context(staged_text(self.figures, text)))
            if self.report:
                finished.append(stack.enter_context(staged_text(self.report, fold_page(found))))
            with in_place(finished):
                put_in_place(unfinished, folder, len(found.outcomes))


@contextmanager
def _staged_model(path: str, model: ModelBundle) -> Iterator[tuple[Path, Path]]:
    """Write a model file under another name; what is not renamed is removed at the end."""
    target = Path(path).absolute()
    temporary = temporary_name(target)
    try:
        save_bundle(str(temporary), model)
        yield temporary, target
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _staged_map(
    path: str, info: ChipSetInfo, store: PixelStore, found: Findings, progress: Progress
) -> Iterator[tuple[Path, Path]]:
    """Draw the class that each sample got when it was held out, with the user's codes.

    Where several samples share a pixel the last one counts.
    """
    kind, nodata = class_map_type(item.code for item in info.classes)
    codes = np.array([nodata, *(item.code for item in info.classes)]).astype(kind)
    held = np.flatnonzero(found.predicted)
    rows, cols = store.row[held].astype(np.int64), store.col[held].astype(np.int64)
    values, pixels = codes[found.predicted[held]], InWindow(rows, cols)
    with RasterWriter(
        path,
        info.grid,
        1,
        kind,
        nodata=nodata,
        descriptions=["class when held out"],
        categories=info.classes,
        metadata={"CROSSVALIDATION": found.summary, "CHIPS": str(info.folder.resolve())},
    ) as writer:
        for window in tiles(info.grid.height, info.grid.width, STRIP, STRIP):
            progress.check_cancel()
            which = pixels.find(window)
            block = np.full((window.height, window.width), nodata, dtype=kind)
            block[rows[which] - window.row, cols[which] - window.col] = values[which]
            writer.write(window, block)
        writer.finish()
        yield writer.staged

"""Cross-validate: a model a fold, honest figures, and an ensemble of the folds."""

from __future__ import annotations

from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFolderDestination,
)

from ..core.crossvalidation.settings import (
    METHODS,
    MOST_BLOCK,
    MOST_BUFFER,
    MOST_FOLDS,
    CrossValidationSettings,
)
from . import parameters as p
from .layers import optional_raster_path
from .split_options import optional_raster
from .trainclassifier import TrainClassifier


class CrossValidate(TrainClassifier):
    """Trains as 'Train classifier' does, once for every fold."""

    ID = "crossvalidate"
    TITLE = "Cross-validate"
    JOB = "crossvalidate"
    TAGS = ("cross-validation", "k-fold", "accuracy", "ensemble", "out of fold", "spatial")
    OUTPUTS = ("OUTPUT", "ENSEMBLE", "OUT_OF_FOLD", "REPORT", "JSON")
    VALUES = (
        ("FOLDS_TRAINED", "Folds", int),
        ("OVERALL_ACCURACY", "Overall accuracy, mean of the folds", float),
        ("OVERALL_ACCURACY_SD", "Its standard deviation over the folds", float),
        ("AVERAGE_ACCURACY", "Average accuracy, mean of the folds", float),
        ("KAPPA", "Kappa, mean of the folds", float),
        ("LOCATION_ONLY", "Share that location alone gets right, mean of the folds", float),
    )
    SUMMARY = (
        "Trains a network once for every fold of a chip set and says how good it is, and how sure."
    )
    HELP = (
        "<p>All samples of the chip set are divided again into K folds. Each fold is held out "
        "once: a network is trained on the others, as <i>Train classifier</i> does it, and "
        "predicts it. So every sample is predicted by a model that has not seen it, and the "
        "accuracy has a spread. <b>spatial</b> folds are whole blocks of the scene with a gap "
        "between them: what maps of other places can expect. <b>stratified</b> folds are drawn "
        "pixel by pixel, as many papers do; their accuracy is too good, and the report says so.</p>"
        "<p>The report has mean and standard deviation over the folds, the figures of all held-out "
        "samples together, and beside them what location alone gets right. The models of the folds "
        "are kept; ENSEMBLE is one model file that averages them, for <i>Classify raster</i>.</p>"
        "<p>A run that was cancelled or interrupted goes on when it is started again with the same "
        "settings and output: finished folds are not trained again. Unfinished work lies beside "
        "the output, in OUTPUT.unfinished.</p>"
    )

    def declare(self) -> list[QgsProcessingParameterDefinition]:
        trained = [item for item in super().declare() if not item.isDestination()]
        place = 1 + next(n for n, item in enumerate(trained) if item.name() == "PATCH_SIZE")
        return [*trained[:place], *self._folds(), *trained[place:], *self._written()]

    def _folds(self) -> list[QgsProcessingParameterDefinition]:
        defaults = CrossValidationSettings()
        return [
            p.choice(
                "METHOD",
                "How folds are made",
                "'spatial': whole blocks of the scene; 'stratified': every class drawn at random; "
                "'groups': the chip set's own polygons or groups stay together; 'raster': the "
                "folds of a raster that 'Split reference' has made.",
                METHODS,
                defaults.method,
            ),
            p.whole(
                "K",
                "Folds",
                "How many folds, each held out once. A raster of folds has its own number.",
                defaults.k,
                (2, MOST_FOLDS),
            ),
            p.whole(
                "BLOCK_SIZE",
                "Block size (pixels)",
                "Side of the blocks of 'spatial'. Empty: that of the chip set's split, else as far "
                "as the labels resemble each other; of tiles two or three of them, where there are "
                "enough. Larger blocks lose less to the buffer.",
                defaults.block_size,
                (1, MOST_BLOCK),
            ),
            p.whole(
                "BUFFER",
                "Buffer (pixels)",
                "Training pixels lie farther than this from the held-out fold; nearer ones are "
                "left out while it is held out: the log says how many. Empty: 4, and 0 for "
                "'stratified'.",
                defaults.buffer,
                (0, MOST_BUFFER),
            ),
            p.real(
                "VALIDATION_FRACTION",
                "Share of validation",
                "Share of each fold's training pixels that chooses the epoch to keep and stops the "
                "training early, where the recipe does so. 0: all of them train, and the last "
                "epoch is kept.",
                defaults.validation_fraction,
                (0.0, 0.5),
                decimals=3,
            ),
            optional_raster(
                "FOLDS",
                "Raster of folds",
                "For the method 'raster': holds for every labelled pixel the number of the fold "
                "that holds it out. On another grid it is resampled.",
            ),
        ]

    def _written(self) -> list[QgsProcessingParameterDefinition]:
        return [
            p.explained(
                QgsProcessingParameterFolderDestination("OUTPUT", "Models of the folds"),
                "A folder for the model file of each fold, and the figures as JSON.",
            ),
            p.file_output(
                "ENSEMBLE",
                "Ensemble",
                "One model file that averages the models of all folds.",
                p.MODEL_FILTER,
                optional=True,
                offered=True,
            ),
            p.raster_output(
                "OUT_OF_FOLD",
                "Out-of-fold map",
                "The class that each labelled pixel got while it was held out, on the grid of the "
                "image. Samples without a place have no map.",
                optional=True,
            ),
            p.file_output(
                "REPORT",
                "Report",
                "A page with the figures of the folds and of all held-out samples (HTML).",
                p.HTML_FILTER,
                optional=True,
                offered=True,
            ),
            p.file_output("JSON", "Figures", "The report's figures.", p.JSON_FILTER, optional=True),
        ]

    def arguments(
        self, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> dict[str, Any]:
        return {
            **super().arguments(parameters, context),
            "method": self.parameterAsEnumString(parameters, "METHOD", context),
            "k": self.parameterAsInt(parameters, "K", context),
            "block_size": p.whole_or_none(self, parameters, "BLOCK_SIZE", context),
            "buffer": p.whole_or_none(self, parameters, "BUFFER", context),
            "validation_fraction": self.parameterAsDouble(
                parameters, "VALIDATION_FRACTION", context
            ),
            "folds": optional_raster_path(self, parameters, "FOLDS", context),
        }

    def layer_names(self) -> dict[str, str]:
        return {"OUT_OF_FOLD": "Classes when held out"}

"""Parameters of how labelled pixels are divided, shared by all algorithms that divide them."""

from __future__ import annotations

from typing import Protocol

from qgis.core import (
    QgsProcessingParameterDefinition,
    QgsProcessingParameterField,
    QgsProcessingParameterRasterLayer,
)

from . import parameters as p


class SplitDefaults(Protocol):
    """What the defaults are taken from."""

    @property
    def train_fraction(self) -> float:
        """Share of training."""

    @property
    def validation_fraction(self) -> float:
        """Share of validation."""

    @property
    def count_per_class(self) -> int:
        """Training pixels of a class."""

    @property
    def min_per_class(self) -> int:
        """Pixels that a class must have."""


def split_sources() -> list[QgsProcessingParameterDefinition]:
    """Return SPLIT_FIELD and SPLIT_RASTER: splits that the data says itself."""
    return [
        p.explained(
            QgsProcessingParameterField(
                "SPLIT_FIELD",
                "Split field",
                parentLayerParameterName="REFERENCE",
                optional=True,
            ),
            "For the split 'field': the field that says train, validation, test or unused, or "
            "names groups whose pixels stay together.",
            advanced=True,
        ),
        optional_raster(
            "SPLIT_RASTER",
            "Split raster",
            "For the split 'raster': 1 is train, 2 validation, 3 test, 0 unused, as 'Split "
            "reference' writes it. On another grid it is resampled (nearest neighbour).",
        ),
    ]


def optional_raster(name: str, title: str, text: str) -> QgsProcessingParameterDefinition:
    """Return a raster that may be left out, among the advanced parameters."""
    parameter = QgsProcessingParameterRasterLayer(name, title, None, True)
    return p.explained(parameter, text, advanced=True)


def shares(defaults: SplitDefaults) -> list[QgsProcessingParameterDefinition]:
    """Return TRAIN_FRACTION, VALIDATION_FRACTION, COUNT_PER_CLASS and MIN_PER_CLASS."""
    return [
        p.real(
            "TRAIN_FRACTION",
            "Share for training",
            "Share of the labelled pixels of every class to train on.",
            defaults.train_fraction,
            (0.01, 0.99),
            decimals=2,
        ),
        p.real(
            "VALIDATION_FRACTION",
            "Share for validation",
            "Share to watch the training by, and to choose its epoch where the recipe keeps "
            "the best one; what remains is the test.",
            defaults.validation_fraction,
            (0.0, 0.98),
            decimals=2,
        ),
        p.whole(
            "COUNT_PER_CLASS",
            "Training pixels per class",
            "For the split 'random': draws this many training pixels of every class, in place of "
            "the share for training; the share for validation is then one of what is left. "
            "Classes that have no more than that go by the share, and the log names them. 0 draws "
            "by the share.",
            defaults.count_per_class,
            (0, 2**31 - 1),
            advanced=True,
        ),
        p.whole(
            "MIN_PER_CLASS",
            "Least pixels of a class",
            "Classes with fewer labelled pixels are left out, and the log names them.",
            defaults.min_per_class,
            (0, 2**31 - 1),
            advanced=True,
        ),
    ]

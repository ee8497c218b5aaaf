"""The algorithms of the toolbox: an explicit list, one algorithm a file."""

from __future__ import annotations

from .assessaccuracy import AssessAccuracy
from .base import HsicnnAlgorithm
from .checkenvironment import CheckEnvironment
from .checktrainingdata import CheckTrainingData
from .classifyraster import ClassifyRaster
from .createexamplescene import CreateExampleScene
from .crossvalidate import CrossValidate
from .describemodel import DescribeModel
from .exporttrainingchips import ExportTrainingChips
from .featuremaps import FeatureMaps
from .importscene import ImportScene
from .inspectraster import InspectRaster
from .reducebands import ReduceBands
from .splitreference import SplitReference
from .trainclassifier import TrainClassifier
from .tunehyperparameters import TuneHyperparameters

#: Every algorithm of the provider, in the order in which one uses them.
ALGORITHMS: tuple[type[HsicnnAlgorithm], ...] = (
    CreateExampleScene,
    ImportScene,
    InspectRaster,
    ReduceBands,
    SplitReference,
    CheckTrainingData,
    ExportTrainingChips,
    TuneHyperparameters,
    TrainClassifier,
    CrossValidate,
    ClassifyRaster,
    AssessAccuracy,
    DescribeModel,
    FeatureMaps,
    CheckEnvironment,
)

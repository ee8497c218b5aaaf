"""What every algorithm of the provider promises."""

from __future__ import annotations

import importlib
import inspect
import re

import pytest
from qgis.core import (
    QgsProcessingDestinationParameter,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
)

IDS = (
    "createexamplescene",
    "importscene",
    "inspectraster",
    "reducebands",
    "splitreference",
    "checktrainingdata",
    "exporttrainingchips",
    "tunehyperparameters",
    "trainclassifier",
    "crossvalidate",
    "classifyraster",
    "assessaccuracy",
    "describemodel",
    "featuremaps",
    "checkenvironment",
)
# What other tools and models rely on; more may come, none may go.
NAMES = {
    "createexamplescene": "SIZE BANDS CLASSES SEED OUTPUT REFERENCE SAMPLES",
    "exporttrainingchips": (
        "INPUT REFERENCE FIELD UNLABELLED CHIP_SIZE HALO SPLIT SPLIT_FIELD BLOCK_SIZE BUFFER "
        "TRAIN_FRACTION VALIDATION_FRACTION MAX_PER_CLASS SEED OUTPUT FOOTPRINTS SPLIT_RASTER "
        "COUNT_PER_CLASS MIN_PER_CLASS FORMAT KIND "
        "TILE_SIZE STRIDE LAYOUT PLACES MIN_LABELLED MIN_OVERLAP SCENE_LABEL MASK ROTATION JITTER "
        "BALANCE POINT_BUFFER CLASS_NAMES STRETCH IMAGE_BANDS"
    ),
    "importscene": (
        "INPUT VARIABLE REFERENCE REFERENCE_VARIABLE TEST TEST_REFERENCE LAYOUT ROWS COLS "
        "PIXEL_ORDER WAVELENGTHS CLASS_NAMES CRS EXTENT SCALE UNLABELLED CHIP_KIND FORMAT "
        "VALIDATION_FRACTION TEST_FRACTION SEED OUTPUT OUTPUT_REFERENCE OUTPUT_CHIPS"
    ),
    "inspectraster": "INPUT REFERENCE FIELD UNLABELLED MEMORY SEED REPORT",
    "reducebands": (
        "INPUT METHOD RANGES BANDS DROP_WATER_VAPOUR DROP_BAD COMPONENTS EXPLAINED WHITEN SAMPLE "
        "APPLY OUTPUT TRANSFORM REPORT"
    ),
    "splitreference": (
        "INPUT REFERENCE FIELD UNLABELLED PIXEL_SIZE SPLIT SPLIT_FIELD SPLIT_RASTER TRAIN_MASK "
        "VALIDATION_MASK TEST_MASK BLOCK_SIZE BUFFER TRAIN_FRACTION VALIDATION_FRACTION "
        "COUNT_PER_CLASS MIN_PER_CLASS K PATCH_SIZE SEED OUTPUT TRAIN VALIDATION TEST REPORT JSON"
    ),
    "checktrainingdata": (
        "INPUT REFERENCE FIELD UNLABELLED MODEL SAMPLES MEMORY SEED REPORT SUSPECTS JSON"
    ),
    "trainclassifier": (
        "INPUT ARCHITECTURE PATCH_SIZE RECIPE EPOCHS BATCH_SIZE LEARNING_RATE CLASS_WEIGHTS DEVICE "
        "SETTINGS SEED RESUME OUTPUT REPORT"
    ),
    "tunehyperparameters": (
        "INPUT ARCHITECTURE SEARCH MINUTES TRIALS RECIPE EPOCHS NORMALISATION MONITOR OPTIONS "
        "DEVICE MEMORY SEED RESUME SETTINGS TABLE REPORT OUTPUT"
    ),
    "featuremaps": "INPUT MODEL LAYER FEATURES PLACE MAX_BANDS EXTENT DEVICE MEMORY OUTPUT REPORT",
    "crossvalidate": (
        "INPUT ARCHITECTURE PATCH_SIZE METHOD K BLOCK_SIZE BUFFER VALIDATION_FRACTION FOLDS EPOCHS "
        "DEVICE SEED RESUME OUTPUT ENSEMBLE OUT_OF_FOLD REPORT JSON"
    ),
    "classifyraster": ("INPUT MODEL ENSEMBLE EXTENT TURNS DEVICE OUTPUT PROBABILITIES CONFIDENCE"),
    "assessaccuracy": "INPUT REFERENCE FIELD SAMPLES SUBSET REPORT JSON ERRORS",
    "describemodel": "MODEL REPORT",
    "checkenvironment": "REPORT",
}
# Values that steps of a model can go on with.
VALUES = {
    "trainclassifier": "HISTORY",
    "reducebands": "BANDS_USED OUTPUT_BANDS",
    "importscene": "KIND WIDTH HEIGHT BANDS CLASSES SAMPLES",
    "inspectraster": "WIDTH HEIGHT BANDS VALID_SHARE CLASSES",
    "splitreference": (
        "BLOCKS TRAIN_PIXELS VALIDATION_PIXELS TEST_PIXELS LOCATION_ONLY INSIDE LEAKS"
    ),
    "checktrainingdata": "FINDINGS ERRORS WARNINGS SUSPICIOUS CLASSES",
    "tunehyperparameters": "TRIALS_DONE BEST_SCORE RECIPE_SCORE",
    "featuremaps": "LAYER_NAME BANDS",
    "crossvalidate": (
        "FOLDS_TRAINED OVERALL_ACCURACY OVERALL_ACCURACY_SD AVERAGE_ACCURACY KAPPA LOCATION_ONLY"
    ),
    "describemodel": (
        "ARCHITECTURE PARAMETERS BANDS CLASSES PATCH_SIZE EPOCHS CHECKPOINT MODEL_ID"
    ),
}


@pytest.fixture(params=IDS)
def algorithm(request, provider):
    found = provider.algorithm(request.param)
    assert found is not None
    return found


def test_the_provider_has_what_it_should(provider):
    assert {item.name() for item in provider.algorithms()} == {*IDS, "mapfromrasterandreference"}


def test_names_stay(algorithm):
    names = {item.name() for item in algorithm.parameterDefinitions()}
    assert set(NAMES[algorithm.name()].split()) <= names


def test_identity(algorithm):
    assert re.fullmatch("[a-z]+", algorithm.name())
    assert algorithm.displayName()
    assert algorithm.group()
    assert algorithm.groupId()
    assert len(algorithm.tags()) > 3
    assert algorithm.shortDescription().endswith(".")
    assert "<p>" in algorithm.shortHelpString()
    assert not algorithm.icon().isNull()
    assert algorithm.canExecute()[0]


def test_every_parameter_is_explained(algorithm):
    for parameter in algorithm.parameterDefinitions():
        assert re.fullmatch("[A-Z_]+", parameter.name())
        assert parameter.help().strip().endswith((".", "")), parameter.name()
        assert len(parameter.help()) > 15, parameter.name()


def test_choices_are_words(algorithm):
    for parameter in algorithm.parameterDefinitions():
        if isinstance(parameter, QgsProcessingParameterEnum):
            assert parameter.usesStaticStrings(), parameter.name()
            if parameter.defaultValue() is not None:
                assert parameter.defaultValue() in parameter.options()


def test_defaults_are_accepted(algorithm, context):
    destination = QgsProcessingDestinationParameter
    for parameter in algorithm.parameterDefinitions():
        value = parameter.defaultValue()
        optional = parameter.flags() & QgsProcessingParameterDefinition.Flag.FlagOptional
        if not isinstance(parameter, destination) and (value is not None or optional):
            assert parameter.checkValueIsAcceptable(value, context), parameter.name()


def test_outputs_can_be_chained(algorithm):
    destinations = {
        item.name()
        for item in algorithm.parameterDefinitions()
        if isinstance(item, QgsProcessingDestinationParameter)
    }
    values = set(VALUES.get(algorithm.name(), "").split())
    assert {item.name() for item in algorithm.outputDefinitions()} == destinations | values


def test_an_instance_is_new_and_of_the_same_kind(algorithm):
    made = algorithm.create()
    assert made is not algorithm
    assert type(made) is type(algorithm)
    assert made.id() == algorithm.id()


def test_the_job_takes_what_it_is_told(algorithm):
    """The names of the arguments are those of the core function."""
    from hsicnn.core.runtime.jobs import JOBS

    source = inspect.getsource(type(algorithm).arguments).rpartition("return {")[2]
    job = JOBS[type(algorithm).JOB]
    module, _, function = job.function.partition(":")
    taken = set(
        inspect.signature(getattr(importlib.import_module(f"hsicnn.{module}"), function)).parameters
    )
    written = set(re.findall(r'^\s+"([a-z_]+)":', source, re.MULTILINE))
    assert written <= taken
    assert {name.lower() for name in type(algorithm).OUTPUTS} <= taken


def test_the_job_gives_the_values_that_are_promised():
    from typing import get_type_hints

    from hsicnn.algorithms.checktrainingdata import CheckTrainingData
    from hsicnn.algorithms.describemodel import DescribeModel
    from hsicnn.algorithms.importscene import ImportScene
    from hsicnn.algorithms.inspectraster import InspectRaster
    from hsicnn.algorithms.reducebands import ReduceBands
    from hsicnn.algorithms.splitreference import SplitReference
    from hsicnn.algorithms.trainclassifier import TrainClassifier
    from hsicnn.core.checking.check import CheckResult
    from hsicnn.core.importing.results import ImportResult
    from hsicnn.core.inspection.inspect import InspectResult
    from hsicnn.core.modelfile.describe import DescribeResult
    from hsicnn.core.reduction.reduce import ReduceResult
    from hsicnn.core.splitting.split_reference import SplitResult
    from hsicnn.core.training.train import TrainResult

    for algorithm, result in (
        (DescribeModel, DescribeResult),
        (ReduceBands, ReduceResult),
        (SplitReference, SplitResult),
        (CheckTrainingData, CheckResult),
        (ImportScene, ImportResult),
        (InspectRaster, InspectResult),
        (TrainClassifier, TrainResult),
    ):
        given = get_type_hints(result)
        for name, title, kind in algorithm.VALUES:
            assert given[name.lower()] is kind
            assert title


def test_every_training_setting_has_its_parameter(provider):
    from dataclasses import fields

    from hsicnn.core.training.settings import TrainingSettings

    names = {item.name() for item in provider.algorithm("trainclassifier").parameterDefinitions()}
    assert {item.name.upper() for item in fields(TrainingSettings)} <= names


def test_words_of_normalisation_are_those_of_the_core():
    from hsicnn.core.data.normalisation import KINDS
    from hsicnn.core.training.settings import NORMALISATIONS

    assert tuple(KINDS) == NORMALISATIONS


@pytest.mark.parametrize(
    ("settings", "job"),
    [
        ("core.data.export_settings:ExportSettings", "export_training_chips"),
        ("core.splitting.settings:SplitSettings", "split_reference"),
        ("core.checking.settings:CheckSettings", "check_training_data"),
        ("core.inference.settings:ClassifySettings", "classify_raster"),
        ("core.reduction.settings:ReduceSettings", "reduce_bands"),
        ("core.importing.settings:ImportSettings", "import_scene"),
        ("core.simulation.settings:SceneSettings", "create_example_scene"),
    ],
)
def test_defaults_of_dialogs_are_those_of_the_jobs(settings, job):
    from dataclasses import fields

    from hsicnn.core.runtime.jobs import JOBS

    def load(place):
        module, _, name = place.partition(":")
        return getattr(importlib.import_module(f"hsicnn.{module}"), name)

    taken = inspect.signature(load(JOBS[job].function)).parameters
    for item in fields(load(settings)):
        assert taken[item.name].default == item.default, item.name

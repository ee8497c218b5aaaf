"""The job that describes a model file."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ...models.catalog import NETWORKS
from ..errors import InputError
from ..progress import Progress, SilentProgress
from ..report.files import check_text_output, write_text
from .bundle import ModelBundle, load_bundle
from .layers import Stages
from .page import model_page
from .summary import describe


@dataclass(frozen=True)
class DescribeResult:
    """What a model is, in short.

    Attributes:
        report: path of the page.
        architecture: name of the network.
        parameters: trained weights.
        bands: that it takes.
        classes: that it tells apart.
        patch_size: side of the square of pixels that it sees, in pixels.
        epochs: trained.
        checkpoint: whether the training has not ended.
        model_id: of the model.
    """

    report: str
    architecture: str
    parameters: int
    bands: int
    classes: int
    patch_size: int
    epochs: int
    checkpoint: bool
    model_id: str


def describe_model(*, model: str, report: str, progress: Progress | None = None) -> DescribeResult:
    """Write a page that says what a model file holds.

    Args:
        model: a model file, or the checkpoint of a training.
        report: HTML page to write.
        progress: told the main points.

    Raises:
        ModelFileError: the model file is not sound.
        InputError: the report cannot be written.
    """
    progress = progress or SilentProgress()
    check_text_output(report)
    bundle = load_bundle(model)
    size = Path(model).stat().st_size
    with suppress(OSError):
        if Path(report).samefile(model):
            raise InputError(f"REPORT is the model file {model} itself; choose another file.")
    for line in describe(bundle):
        progress.log(line)
    write_text(report, model_page(bundle, network_stages(bundle), Path(model), size))
    progress.report(1.0, "")
    return DescribeResult(
        report=report,
        architecture=bundle.architecture,
        parameters=bundle.parameters,
        bands=len(bundle.bands),
        classes=len(bundle.classes),
        patch_size=bundle.patch_size,
        epochs=bundle.epochs,
        checkpoint=bundle.checkpoint is not None,
        model_id=bundle.model_id,
    )


def network_stages(bundle: ModelBundle) -> Stages:
    """Return the stages of the network, or why they are not known.

    Raises:
        ModelFileError: the weights are not those of the network.
    """
    named = [item.architecture for item in bundle.members or (bundle,)]
    unknown = next((name for name in named if name not in NETWORKS), None)
    if unknown is not None:
        return (
            f"This version does not know the network '{unknown}': its layers are not "
            "listed, and it cannot classify with it. Update the plugin."
        )
    try:
        from ...models.stages import measure_stages
        from .network import network_of
    except (ImportError, OSError) as error:
        return (
            f"The layers are not listed, because PyTorch cannot be loaded here ({error}). "
            "'Check environment' says how to install it."
        )
    return measure_stages(network_of(bundle), bundle.normalisation.outputs)

"""What an import gives."""

from __future__ import annotations

from dataclasses import dataclass

#: What a file holds.
IMAGE, MAP, SAMPLES = "image", "map", "samples"


@dataclass(frozen=True)
class ImportResult:
    """What an import gave.

    Attributes:
        output: path of the image; empty where there is none, as for the next two.
        output_reference: path of the label map.
        output_chips: folder of the chip set.
        kind: ``image``, ``map`` or ``samples``.
        width: of image or map, or of a sample's window, in pixels.
        height: likewise.
        bands: how many; 0 of a map.
        classes: how many; 0 without labels.
        samples: labelled pixels or samples.
        notes: how the files were read, a sentence each.
        warnings: what should be looked at.
    """

    output: str
    output_reference: str
    output_chips: str
    kind: str
    width: int
    height: int
    bands: int
    classes: int
    samples: int
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

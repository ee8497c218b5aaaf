"""What a reduction of bands can be told, with its defaults and limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..errors import InputError

#: What the bands become.
METHODS: Mapping[str, str] = MappingProxyType(
    {
        "selection": "some of the bands, unchanged",
        "pca": "principal components",
        "mnf": "components in the order of their signal-to-noise ratio (MNF)",
    }
)


@dataclass(frozen=True)
class ReduceSettings:
    """How bands are reduced.

    Attributes:
        method: one of ``METHODS``.
        ranges: of wavelengths to take, nm, such as ``450-900, 1000-1300``; empty for all.
        bands: numbers of bands to take, such as ``1-10, 15``; empty for all. With ``ranges``,
            what either names is taken.
        drop_bad: leave bands out that their maker marked as bad.
        drop_water_vapour: leave bands out in which water vapour lets no light through.
        whiten: principal components get the variance 1.
        components: how many to keep; None goes by ``explained``.
        explained: the share to keep, 0..1: of the variance (PCA), or of the sum of
            signal-to-noise ratios (MNF). None: ``SHARE`` for PCA, and for MNF all components
            with more signal than noise.
        sample: pixels that the components are fitted on; of a larger raster blocks spread over
            it are read. 0 takes all.
    """

    method: str = "pca"
    ranges: str = ""
    bands: str = ""
    drop_bad: bool = True
    drop_water_vapour: bool = True
    whiten: bool = False
    components: int | None = None
    explained: float | None = None
    sample: int = 1_000_000

    def check(self) -> None:
        """Refuse values that cannot work.

        Raises:
            InputError: with what to change.
        """
        if self.method not in METHODS:
            raise InputError(f"METHOD is '{self.method}'; choose one of {', '.join(METHODS)}.")
        if self.components is not None and self.components < 1:
            raise InputError(f"COMPONENTS is {self.components}; at least one must be kept.")
        if self.explained is not None and not 0 < self.explained <= 1:
            raise InputError(
                f"EXPLAINED is {self.explained:g}; it is a share above 0 and up to 1, such as 0.99."
            )
        if self.components is not None and self.explained is not None:
            raise InputError(
                f"COMPONENTS is {self.components} and EXPLAINED is {self.explained:g}: only one "
                "of them can decide how many components are kept. Leave the other one empty."
            )
        if self.sample < 0:
            raise InputError(f"SAMPLE is {self.sample}; give a number of pixels, or 0 for all.")


SHARE = 0.999  # of the variance that principal components keep where nothing is asked for

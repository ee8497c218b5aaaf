"""What an export of tiles and scenes can be told, without numpy: dialogs are filled from it."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import InputError

KINDS = ("pixels", "tiles", "scenes")
LAYOUTS = ("hsicnn", "esri", "imagenet", "torchgeo")
SCENE_LABELS = ("majority", "centre")
PLACES = ("grid", "objects")
STRETCHES = ("2-98", "1-99", "min-max")
#: Formats of 8 bits, which need a stretch.
SHOWN = ("png", "jpeg")
#: File formats of each kind.
KIND_FORMATS = {
    "pixels": ("geotiff", "hdf5", "csv", "libsvm"),
    "tiles": ("geotiff", *SHOWN),
    "scenes": ("geotiff", *SHOWN, "hdf5"),
}
#: Kinds and formats of the layouts that others read.
_LAYOUT_KINDS = {"esri": ("tiles", "scenes"), "imagenet": ("scenes",), "torchgeo": ("tiles",)}
_LAYOUT_FORMATS = {
    "esri": ("geotiff", *SHOWN),
    "imagenet": ("geotiff", *SHOWN),
    "torchgeo": ("geotiff",),
}
_LEAST_ANGLE = 5.0  # degrees: 71 copies of every tile are enough for anybody


@dataclass(frozen=True)
class TileSettings:
    """How tiles and scenes are cut; the defaults are the recommended ones.

    Attributes:
        kind: one of ``KINDS``.
        tile_size: side of a tile or scene in pixels.
        stride: pixels from one to the next; 0 is the size, less lets them overlap.
        places: one of ``PLACES``: where tiles lie, on a grid or around objects.
        min_labelled: least share of a tile's pixels that have a label, 0..1; of a scene's
            pixels that have its class.
        min_overlap: least share of an object's pixels that a tile must hold for the object to
            count in it, 0..1.
        scene_label: one of ``SCENE_LABELS``: what gives a scene its class.
        rotation: degrees clockwise by which copies of training tiles are turned, again and again
            up to a whole turn; 0 makes none.
        jitter: pixels that a tile is moved by at the most, at random.
        balance: whether every class is given as much to train on as the rarest.
        point_buffer: pixels around a point that get its label too.
        layout: one of ``LAYOUTS``.
        stretch: one of ``STRETCHES``: what becomes black and white in 8 bits.
        image_bands: numbers of one or three bands for 8 bits, as ``29,15,9``; empty takes those
            nearest red, green and blue.
        class_names: names of classes, as ``1=wheat; 2=bare soil``.
    """

    kind: str = "pixels"
    tile_size: int = 64
    stride: int = 0
    places: str = "grid"
    min_labelled: float = 0.0
    min_overlap: float = 0.0
    scene_label: str = "majority"
    rotation: float = 0.0
    jitter: int = 0
    balance: bool = False
    point_buffer: int = 0
    layout: str = "hsicnn"
    stretch: str = "2-98"
    image_bands: str = ""
    class_names: str = ""

    @property
    def step(self) -> int:
        """Pixels from one tile to the next."""
        return self.stride or self.tile_size

    @property
    def angles(self) -> tuple[float, ...]:
        """Degrees that copies are turned by."""
        if not self.rotation:
            return ()
        return tuple(
            number * self.rotation
            for number in range(1, 360)
            if number * self.rotation < 360 - 1e-9
        )

    def check_tiles(self, file_format: str, split: str) -> None:
        """Refuse values that cannot work, or not together, before anything is read.

        Args:
            file_format: of the files.
            split: the method of the split.

        Raises:
            InputError: for such a value.
        """
        _check_words(self)
        if file_format not in KIND_FORMATS[self.kind]:
            raise InputError(
                f"FORMAT is '{file_format}'; with KIND '{self.kind}' choose one of "
                f"{', '.join(KIND_FORMATS[self.kind])}."
            )
        _check_numbers(self)
        named_classes(self.class_names)
        listed_bands(self.image_bands)
        if self.image_bands and file_format not in SHOWN:
            raise InputError(
                "IMAGE_BANDS chooses the bands of PNG and JPEG files; GeoTIFF holds all bands. "
                "Leave it empty, or choose FORMAT 'png' or 'jpeg'."
            )
        if self.stretch != TileSettings.stretch and file_format not in SHOWN:
            raise InputError(
                f"STRETCH is for PNG and JPEG files; FORMAT is '{file_format}', which holds values "
                "as they are. Choose FORMAT 'png' or 'jpeg', or leave STRETCH as it was."
            )
        if self.scene_label != TileSettings.scene_label and self.kind != "scenes":
            raise InputError(
                f"SCENE_LABEL is for KIND 'scenes'; KIND is '{self.kind}'. Choose another KIND, or "
                "leave SCENE_LABEL as it was."
            )
        _check_layout(self, file_format)
        if self.kind == "pixels":
            _check_pixels(self)
        elif split in ("field", "raster") and (self.min_overlap or self.places == "objects"):
            name = "MIN_OVERLAP" if self.min_overlap else "PLACES 'objects'"
            raise InputError(
                f"{name} goes by single polygons or points, which SPLIT '{split}' joins to groups. "
                "Use another SPLIT, or leave MIN_OVERLAP at 0 and PLACES at 'grid'."
            )


def _check_words(settings: TileSettings) -> None:
    for name, words in (
        ("kind", KINDS), ("layout", LAYOUTS), ("scene_label", SCENE_LABELS), ("places", PLACES),
        ("stretch", STRETCHES),
    ):  # fmt: skip
        value = getattr(settings, name)
        if value not in words:
            raise InputError(f"{name.upper()} is '{value}'; choose one of {', '.join(words)}.")


def _check_numbers(settings: TileSettings) -> None:
    for name, least, most in (("tile_size", 2, 8192), ("stride", 0, 8192), ("jitter", 0, 8192),
                              ("point_buffer", 0, 1000), ("min_labelled", 0, 1),
                              ("min_overlap", 0, 1)):  # fmt: skip
        value = getattr(settings, name)
        if not least <= value <= most:
            raise InputError(f"{name.upper()} is {value:g}; it must be {least} to {most}.")
    turn = settings.rotation
    if turn != 0 and not _LEAST_ANGLE <= turn < 360:
        raise InputError(
            f"ROTATION is {turn:g} degrees; it must be {_LEAST_ANGLE:g} or more and less than 360, "
            "or 0 for no turned copies."
        )


def _check_layout(settings: TileSettings, file_format: str) -> None:
    layout = settings.layout
    if layout == "hsicnn":
        return
    kinds, formats = _LAYOUT_KINDS[layout], _LAYOUT_FORMATS[layout]
    if settings.kind not in kinds:
        raise InputError(
            f"LAYOUT '{layout}' is for KIND {' or '.join(kinds)}; KIND is '{settings.kind}'. "
            "Choose another of the two."
        )
    if file_format not in formats:
        raise InputError(
            f"LAYOUT '{layout}' holds files of FORMAT {', '.join(formats)}; FORMAT is "
            f"'{file_format}'. Choose another of the two."
        )
    if layout == "torchgeo" and settings.rotation:
        raise InputError(
            "TorchGeo's raster data sets read north-up files only, so LAYOUT 'torchgeo' takes no "
            "turned copies. Set ROTATION to 0, or choose another LAYOUT."
        )


def _check_pixels(settings: TileSettings) -> None:
    """Refuse what only tiles and scenes can be told: it would be passed over in silence."""
    defaults = TileSettings()
    sizes = ("tile_size", "stride", "places", "jitter", "rotation")
    for name in (*sizes, "min_labelled", "min_overlap"):
        if getattr(settings, name) != getattr(defaults, name):
            raise InputError(
                f"{name.upper()} is for KIND 'tiles' and 'scenes'; KIND is 'pixels'. Choose "
                f"another KIND, or leave {name.upper()} as it was."
            )


def named_classes(text: str) -> dict[str, str]:
    """Read names of classes, ``1=wheat; 2=bare soil``, by their value.

    Raises:
        InputError: it is no such list.
    """
    found: dict[str, str] = {}
    for part in (piece.strip() for piece in text.split(";")):
        if not part:
            continue
        value, sign, name = (piece.strip() for piece in part.partition("="))
        if not (value and sign and name):
            raise InputError(
                f"CLASS_NAMES holds '{part}'; expected values and names like '1=wheat; 2=bare "
                "soil'."
            )
        if value in found:
            raise InputError(f"CLASS_NAMES names the class {value} twice. Name it once.")
        found[value] = name
    return found


def listed_bands(text: str) -> tuple[int, ...]:
    """Read band numbers, ``29,15,9``.

    Raises:
        InputError: they are no numbers, or neither one nor three.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words:
        return ()
    if len(words) not in (1, 3) or not all(word.isdecimal() and int(word) > 0 for word in words):
        raise InputError(
            f"IMAGE_BANDS is '{text}'; expected the numbers of one band or of three (red, green, "
            "blue), such as '29,15,9'."
        )
    return tuple(int(word) for word in words)

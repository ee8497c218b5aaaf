"""What names say: ``train_x`` and ``TrLabel`` belong together, ``test_x`` is another part."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

DATA, LABELS = "data", "labels"
TRAIN, VALIDATION, TEST = PARTS = ("train", "validation", "test")

_PART_WORDS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("train", "training", "tr", "trn"), TRAIN),
        **dict.fromkeys(("validation", "valid", "val", "dev"), VALIDATION),
        **dict.fromkeys(("test", "testing", "te", "tst"), TEST),
    }
)
#: Words for labels, the most telling first: of several columns the first of them counts.
_LABEL_WORDS = (
    *("class", "classes", "label", "labels", "lab", "lbl", "gt", "groundtruth", "truth"),
    *("target", "targets", "onehot", "y"),
)
_DATA_WORDS = frozenset(
    (
        *("x", "data", "image", "images", "img", "imgs", "cube", "features", "spectra", "samples"),
        *("patches", "windows", "tiles", "chips", "values"),
    )
)
_PART = "train(?:ing)?|tr|val(?:id(?:ation)?)?|test(?:ing)?|te"
_JOINED = (
    re.compile(rf"(?P<kind>x|y)(?P<part>{_PART})"),
    re.compile(rf"(?P<part>{_PART})(?P<kind>x|y|data|labels?|images?|gt)"),
)


@dataclass(frozen=True)
class Role:
    """What the name of an array, a column or a file says.

    Attributes:
        part: ``train``, ``validation``, ``test``; empty where it says nothing.
        kind: ``data``, ``labels``; empty where it says nothing.
        rest: what is left of the name: the same for those that belong together.
        rank: of a word for labels; the smallest is the most telling.
    """

    part: str
    kind: str
    rest: str
    rank: int = 0


def role_of(name: str) -> Role:
    """Return what a name says, such as ``X_train_sat6``, ``TrLabel`` or ``ytest``."""
    part, kind, rank = "", "", 0
    rest = []
    for word in _words(name.rpartition("/")[2]):
        if not part and word in _PART_WORDS:
            part = _PART_WORDS[word]
        elif not kind and word in _LABEL_WORDS:
            kind, rank = LABELS, _LABEL_WORDS.index(word)
        elif not kind and word in _DATA_WORDS:
            kind = DATA
        else:
            rest.append(word)
    return Role(part, kind, " ".join(rest), rank)


def _words(name: str) -> list[str]:
    """Split a name where a program's author would: at ``_``, and before capitals."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    words = [word.lower() for word in re.split(r"[^0-9A-Za-z]+", spaced) if word]
    found = []
    for word in words:
        joined = next(filter(None, (form.fullmatch(word) for form in _JOINED)), None)
        found += [joined["part"], joined["kind"]] if joined else [word]
    return found

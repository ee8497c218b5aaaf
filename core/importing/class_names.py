"""Names of imported classes: from the user, from texts of the file, or from the labels."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..data.classes import ClassInfo, ClassStyle, make_classes
from ..errors import InputError, reason, shortened
from .arrays import Container, is_file

_CODED = re.compile(r"\s*(-?\d+)\s*[=:]\s*(.+?)\s*")
_MOST_BYTES = 1_000_000


def make_named_classes(
    codes: Sequence[int],
    own: Mapping[int, str],
    *,
    text: str,
    containers: Sequence[Container],
    styles: Sequence[ClassStyle] = (),
    texts: bool = False,
) -> tuple[tuple[ClassInfo, ...], str]:
    """Return the classes with names and colours, and where the names come from.

    Args:
        codes: of the classes, ascending.
        own: names that the labels have themselves.
        text: what the user says, see ``_given``; empty for nothing.
        containers: files that may hold the names.
        styles: names and colours of a label raster.
        texts: whether the labels are texts, whose codes only follow the alphabet.

    Raises:
        InputError: the user's names are not as many as the classes, or it cannot be told which
            belongs to which.
    """
    names = dict(own)
    why = "the labels" if own else ""
    if text.strip():
        names, why = _given(text.strip(), codes, own if texts else {}), "CLASS_NAMES"
    elif not own and not any(style.name for style in styles):
        names, why = _of_texts(containers, codes)
    if names:
        # A name of ours counts before one of a raster's style.
        styles = [ClassStyle(style.value, "", style.color) for style in styles]
    told = [names.get(code, "") for code in codes]
    return make_classes(codes, told, styles), why


def _given(text: str, codes: Sequence[int], texts: Mapping[int, str]) -> dict[int, str]:
    """Read names: ``water, road``, or ``1=water, 2=road``, or a file with one a line.

    Args:
        text: what the user says.
        codes: of the classes, ascending.
        texts: names that the labels are themselves; they only change by their codes.
    """
    path = Path(text)
    parts = re.split(r"[,;\n]", text)
    if len(parts) == 1 and is_file(path):
        try:
            if path.stat().st_size > _MOST_BYTES:
                raise InputError(f"CLASS_NAMES {path.name} is too large for a list of names.")
            parts = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
        except OSError as error:
            raise InputError(f"CLASS_NAMES {path} cannot be read: {reason(error)}.") from error
    parts = [part.strip() for part in parts if part.strip()]
    coded = [_CODED.fullmatch(part) for part in parts]
    if parts and all(coded):
        return {int(found[1]): found[2] for found in coded if found}
    if texts:
        own = ", ".join(f"{code}={name}" for code, name in texts.items())
        raise InputError(
            f"CLASS_NAMES is a list of names ({shortened(', '.join(parts))}) and the labels are "
            "texts, which have no order of their own: names could be exchanged. They are "
            f"{shortened(own)}. Leave CLASS_NAMES empty to keep them, or write their codes with "
            "the names: 1=water, 2=road."
        )
    return _in_order(parts, codes)


def _in_order(names: Sequence[str], codes: Sequence[int]) -> dict[int, str]:
    """Give names to codes: one a class that is there, or one a code from 0 or from 1 on.

    Raises:
        InputError: they fit neither way, or from 0 and from 1 on alike.
    """
    if len(names) == len(codes):
        return dict(zip(codes, names))
    fitting = [
        start for start in (0, 1) if codes and codes[0] >= start and codes[-1] - start < len(names)
    ]
    if len(fitting) == 1:
        return {code: names[code - fitting[0]] for code in codes}
    told = f"CLASS_NAMES has {len(names)} names ({shortened(', '.join(names))}) for {len(codes)} "
    told += f"classes with the codes {shortened(', '.join(map(str, codes)))}"
    if fitting:
        raise InputError(
            f"{told}; the first name could be that of 0 or of 1. Give one for each class that is "
            "there, or write codes with them: 1=water, 2=road."
        )
    raise InputError(f"{told}. Give one for each, or write codes with them: 1=water, 2=road.")


def _of_texts(containers: Sequence[Container], codes: Sequence[int]) -> tuple[dict[int, str], str]:
    """Take names of a list of texts of a file that has one for every class."""
    for container in dict.fromkeys(containers):
        for item in container.texts:
            words = [text for text in item.load() if any(map(str.isalpha, text))]
            if len(words) == len(codes) and len(set(words)) == len(words) > 1:
                return dict(zip(codes, words)), f"'{item.name}' of {container.name}"
    return {}, ""

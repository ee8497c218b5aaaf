"""How a training setting is declared: once, with all that the loop, a dialog and a page need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

from ..errors import InputError

_KEY = "setting"  # of the metadata of a dataclass field
_KINDS: Mapping[str, tuple[tuple[type, ...], str]] = MappingProxyType(
    {
        "whole": ((int,), "a whole number"),
        "real": ((int, float), "a number"),
        "switch": ((bool,), "true or false"),
        "choice": ((str,), "a word"),
        "text": ((str,), "a text"),
        "file": ((str,), "the path of a file"),
    }
)


@dataclass(frozen=True)
class Need:
    """What another setting must be for a setting to have an effect.

    Attributes:
        name: of the other setting.
        values: that it may have; none: anything but nothing, 0 and no.
    """

    name: str
    values: tuple[Any, ...] = ()

    def met(self, settings: Any) -> bool:
        """Whether settings give what is needed."""
        value = getattr(settings, self.name)
        return value in self.values if self.values else bool(value)

    def lacking(self, settings: Any) -> str:
        """Return what settings have instead, in words that follow 'not used'."""
        value = getattr(settings, self.name)
        if isinstance(value, str) and self.values == ("",):
            return f"with an {self.name.upper()}"  # no path in a sentence
        if isinstance(value, bool):
            value = "yes" if value else "no"
        return f"with {self.name.upper()} {repr(value) if isinstance(value, str) else f'{value:g}'}"


@dataclass(frozen=True)
class Setting:
    """What is known of a setting besides its default.

    Attributes:
        kind: ``whole``, ``real``, ``switch``, ``choice``, ``text`` or ``file``.
        title: what a dialog shows.
        help: what it does, in a sentence or two for its user.
        limits: smallest and largest value of a number.
        choices: words of a choice.
        main: whether a dialog shows it at first sight.
        needs: of other settings, for it to have an effect.
    """

    kind: str
    title: str
    help: str
    limits: tuple[float, float] = (0.0, 0.0)
    choices: tuple[str, ...] = ()
    main: bool = False
    needs: tuple[Need, ...] = ()

    def check(self, name: str, value: Any) -> None:
        """Refuse a value that cannot work, with what can.

        Raises:
            InputError: of another kind, out of the limits, or none of the choices.
        """
        types, words = _KINDS[self.kind]
        odd = isinstance(value, bool) and self.kind != "switch"  # a bool is an int to Python
        if odd or not any(isinstance(value, kind) for kind in types):
            raise InputError(f"{name.upper()} is {value!r}; it must be {words}.")
        low, high = self.limits
        if self.kind in ("whole", "real") and not low <= value <= high:
            raise InputError(f"{name.upper()} is {value}; it must lie between {low} and {high}.")
        if self.kind == "choice" and value not in self.choices:
            raise InputError(
                f"{name.upper()} is '{value}'; choose one of {', '.join(self.choices)}."
            )


def number(
    default: float,
    low: float,
    high: float,
    title: str,
    text: str,
    *,
    main: bool = False,
    needs: tuple[Need, ...] = (),
) -> Any:
    """Declare a number: a whole one where its default is."""
    kind = "whole" if isinstance(default, int) else "real"
    return _declared(
        default, Setting(kind, title, text, limits=(low, high), main=main, needs=needs)
    )


def choice(
    default: str,
    choices: tuple[str, ...],
    title: str,
    text: str,
    *,
    main: bool = False,
    needs: tuple[Need, ...] = (),
) -> Any:
    """Declare a choice of words."""
    found = Setting("choice", title, text, choices=choices, main=main, needs=needs)
    return _declared(default, found)


def switch(default: bool, title: str, text: str, *, needs: tuple[Need, ...] = ()) -> Any:
    """Declare a yes or no."""
    return _declared(default, Setting("switch", title, text, needs=needs))


def line(default: str, title: str, text: str, *, needs: tuple[Need, ...] = ()) -> Any:
    """Declare a line of text."""
    return _declared(default, Setting("text", title, text, needs=needs))


def model_file(title: str, text: str) -> Any:
    """Declare a model file that may be given."""
    return _declared("", Setting("file", title, text))


def _declared(default: Any, setting: Setting) -> Any:
    return field(default=default, metadata={_KEY: setting})


def declared(table: Any) -> Mapping[str, Setting]:
    """Return the settings of a dataclass by their names, in its order."""
    found = {item.name: item.metadata.get(_KEY) for item in fields(table)}
    return MappingProxyType({name: setting for name, setting in found.items() if setting})

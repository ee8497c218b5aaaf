"""The options of networks as a line of text: what a dialog and a command line can both hold."""

from __future__ import annotations

from typing import Any

from ..core.errors import InputError
from ..models.catalog import NETWORKS
from ..models.entry import Option


def parse_options(text: str, architecture: str) -> dict[str, Any]:
    """Read ``name=value`` pairs, separated by commas or semicolons.

    Args:
        text: such as ``dropout=0.4, width=64``.
        architecture: the network whose options they are.

    Raises:
        InputError: a pair without '=', an unknown option, or a value of the wrong kind.
    """
    known = {option.name: option for option in NETWORKS[architecture].options}
    found: dict[str, Any] = {}
    for part in text.replace(";", ",").split(","):
        if not part.strip():
            continue
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise InputError(
                f"OPTIONS has '{part.strip()}'; write name=value, such as dropout=0.4."
            )
        if name not in known:
            there = ", ".join(known) or "none"
            raise InputError(
                f"OPTIONS names '{name}', which {architecture} does not have; there are: {there}."
            )
        found[name] = _value(known[name], value)
    return found


def _value(option: Option, text: str) -> Any:
    kind = type(option.default)
    try:
        if kind is bool:
            return {"true": True, "yes": True, "false": False, "no": False}[text.lower()]
        return kind(text)
    except (KeyError, ValueError) as error:
        raise InputError(
            f"OPTIONS gives '{text}' for {option.name}; it takes a {_WORDS.get(kind, 'word')}, "
            f"such as {option.default}."
        ) from error


_WORDS = {bool: "yes or no", int: "whole number", float: "number"}


def option_help() -> str:
    """Return the options of every network with their defaults."""
    lines = [
        f"{name}: {', '.join(f'{option.name}={option.default}' for option in entry.options)}"
        for name, entry in NETWORKS.items()
        if entry.options
    ]
    return (
        "Options of the network as name=value, separated by commas; those that are left out are "
        "those of the RECIPE, which takes smaller networks on tiles, and else these: "
        f"{'; '.join(lines)}"
    ).strip()

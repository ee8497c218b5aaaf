"""Amounts of memory and disk, in words."""

from __future__ import annotations

MIB = 1 << 20
GIB = 1 << 30
UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB")


def data_size(count: float) -> str:
    """Return an amount of bytes as a person says it: ``"12 KiB"``, ``"3.4 MiB"``, ``"2 GiB"``."""
    amount, unit = max(float(count), 1.0) / 1024, UNITS[0]
    for larger in UNITS[1:]:
        if amount < 999.5:
            break
        amount, unit = amount / 1024, larger
    if amount >= 9.95:
        return f"{amount:,.0f} {unit}"
    # Never "0": what is there takes a little.
    return f"{max(amount, 0.1):.1f} {unit}"

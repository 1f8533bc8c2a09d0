"""Numbers as editors show them: short, with three figures that matter."""

from __future__ import annotations

_UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def short(number: int) -> str:
    """`27.2 M`, `5.71 G`, `4.55 k`, `96`."""
    for size, unit in _UNITS:
        if number >= size:
            return f"{_three(number / size)} {unit}"
    return str(number)


def macs(number: int | None) -> str:
    """`5.71 GMACs`; empty where the size of the input is free."""
    if number is None:
        return ""
    text = short(number)
    return f"{text}MACs" if " " in text else f"{text} MACs"


def percent(part: float, whole: float) -> str:
    """`12 %`, `0.4 %`; empty of nothing."""
    if not whole:
        return ""
    share = 100 * part / whole
    if 0 < share < 0.1:
        return "< 0.1 %"
    return f"{share:.0f} %" if share >= 9.5 or share == 0 else f"{share:.1f} %"


def saving(before: int, after: int) -> str:
    """What a change saves, `−28 %`, or costs, `+4 %`."""
    change = 100 * (after - before) / before if before else 0.0
    return f"{'+' if change > 0 else '−'}{abs(change):.0f} %"


def spread(numbers: list[int]) -> str:
    """One number where all are the same, else the smallest and the largest: `256–288`."""
    least, most = min(numbers), max(numbers)
    return str(least) if least == most else f"{least}–{most}"


def _three(value: float) -> str:
    if value >= 99.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"

"""Plots as inline SVG: colours are the page's, so that they follow light, dark and print; text is escaped by Markup.

Every plot names its unit, and every bar its value, to a pointer and to a screen reader.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

WIDTH, HEIGHT = 760, 250  # of the drawing, in its own units
LEFT, RIGHT, TOP, BOTTOM = 62, 12, 30, 34
ROW, LABEL = 26, 230  # of horizontal bars
LETTERS = 34  # of a label that fits
TICKS = 4
_LABEL_EVERY = 82  # units between two labels of the time axis


class Bar(NamedTuple):
    """`values`: by series, in its order."""

    label: str
    values: Mapping[str, float]


def stacked(unit: str, bars: Sequence[Bar], series: Sequence[str]) -> Markup:
    """Bars beside each other, their series one on the other; `series` in the order of the page's colours."""
    top = _nice(max((sum(bar.values.values()) for bar in bars), default=0))
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    parts = [_axis(unit, top, wide, high)]
    step = wide / max(1, len(bars))
    thick = min(46.0, step * 0.78)
    every = max(1, math.ceil(_LABEL_EVERY / step))
    for number, bar in enumerate(bars):
        at, y = LEFT + step * number + (step - thick) / 2, float(TOP + high)
        for index, name in enumerate(series):
            value = bar.values.get(name, 0)
            if value:
                tall = high * value / top
                y -= tall
                parts.append(_bar(index, at, y, thick, tall, f"{bar.label}: {name} {_number(value)} {unit}"))
        if number % every == 0:
            parts.append(
                Markup('<text class="tick" text-anchor="middle" x="{}" y="{}">{}</text>').format(
                    _f(at + thick / 2), HEIGHT - BOTTOM + 18, bar.label
                )
            )
    return _drawing(WIDTH, HEIGHT, unit, parts)


def across(unit: str, rows: Sequence[tuple[str, float]]) -> Markup:
    """A bar a row, its label before and its value behind it."""
    largest = max((value for _, value in rows), default=0) or 1
    wide = WIDTH - LABEL - 90
    parts = []
    for number, (label, value) in enumerate(rows):
        y = 4 + ROW * number
        short = label if len(label) <= LETTERS else f"{label[: LETTERS - 1]}…"
        parts += [
            Markup('<text text-anchor="end" x="{}" y="{}">{}<title>{}</title></text>').format(
                LABEL - 8, y + 15, short, label
            ),
            _bar(0, LABEL, y + 2, max(2.0, wide * value / largest), ROW - 9, f"{label}: {_number(value)} {unit}"),
            Markup('<text class="tick" x="{}" y="{}">{}</text>').format(
                _f(LABEL + max(2.0, wide * value / largest) + 7), y + 15, f"{_number(value)} {unit}"
            ),
        ]
    return _drawing(WIDTH, 8 + ROW * len(rows), unit, parts)


def _axis(unit: str, top: float, wide: int, high: int) -> Markup:
    lines = [Markup('<text class="unit" x="0" y="14">{}</text>').format(unit)]
    line = Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>')
    tick = Markup('<text class="tick" text-anchor="end" x="{}" y="{}">{}</text>')
    for number in range(TICKS + 1):
        y = TOP + high - high * number / TICKS
        lines.append(line.format(LEFT, LEFT + wide, _f(y), _f(y)))
        lines.append(tick.format(LEFT - 8, _f(y + 4), _number(top * number / TICKS)))
    return Markup("").join(lines)


def _bar(series: int, x: float, y: float, wide: float, tall: float, told: str) -> Markup:
    return Markup('<rect class="s{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>').format(
        series, _f(x), _f(y), _f(wide), _f(tall), told
    )


def _drawing(wide: int, high: int, unit: str, parts: Sequence[Markup]) -> Markup:
    head = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">').format(wide, high, unit)
    return head + Markup("").join(parts) + Markup("</svg>")


def _nice(value: float) -> float:
    """The next top of the axis whose four ticks are round, and whole where the values are small."""
    power = 10.0 ** math.floor(math.log10(max(value, TICKS) / TICKS))
    steps = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if power >= 10 else (1, 2, 3, 4, 5, 6, 8, 10)
    return next(TICKS * power * step for step in steps if TICKS * power * step >= value)


def _number(value: float) -> str:
    if value >= 1e6:
        return f"{value / 1e6:.3g} M"
    return f"{value:,.0f}" if value == int(value) or value >= 1_000 else f"{value:.3g}"


def _f(value: float) -> str:
    return f"{value:.1f}"

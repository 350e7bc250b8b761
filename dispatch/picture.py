"""Pictures of plan against outcome: panels of lines over one time axis, as SVG that any browser shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

import numpy as np

from dispatch.forecasting.features import Floats

WIDTH: Final = 960
HEIGHT: Final = 360
"""Of a panel."""
MARGIN: Final = 48
COLOURS: Final = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#8c564b", "#e377c2", "#17becf", "#7f7f7f")
"""For lines that have none of their own, in this sequence."""
LEGEND: Final = 4
"""Names in a row of the legend."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a picture."""

    name: str
    values: Floats
    """One per step."""
    colour: str


@dataclass(frozen=True, slots=True)
class Panel:
    """Lines of one unit."""

    title: str
    """With the unit."""
    lines: Sequence[Line]


def picture(panels: Sequence[Panel], begins: Floats | None = None, ticks: Sequence[tuple[float, str]] = ()) -> str:
    """Return panels one below the other, each with a scale, a legend and the extremes of the scale, as SVG.

    Args:
        panels: At least one.
        begins: When each step begins, and when the last one ends, in any unit; steps of one length when None.
        ticks: What is written below the axis, in the unit of `begins`.
    """
    heights = [HEIGHT + 18 * ((len(panel.lines) - 1) // LEGEND) for panel in panels]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {sum(heights)}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{sum(heights)}" fill="white"/>',
    ]
    for place, panel in enumerate(panels):
        edges = np.arange(len(panel.lines[0].values) + 1.0) if begins is None else begins
        parts.append(f'<g transform="translate(0 {sum(heights[:place])})">')
        parts += [*_panel(panel, edges, ticks), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


def _panel(panel: Panel, edges: Floats, ticks: Sequence[tuple[float, str]]) -> list[str]:
    lines = panel.lines
    low = min(0.0, *(float(line.values.min()) for line in lines))
    high = max(0.0, *(float(line.values.max()) for line in lines))
    high = high if high > low else low + 1.0
    inner_width, inner_height = WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN - 10
    bottom = MARGIN + inner_height

    def across(at: Floats) -> Floats:
        placed: Floats = MARGIN + inner_width * (at - edges[0]) / (edges[-1] - edges[0])
        return placed

    parts = [f'<text x="{MARGIN}" y="22" font-size="15">{escape(panel.title)}</text>']
    for value in sorted({low, 0.0, high}):
        y = bottom - inner_height * (value - low) / (high - low)
        parts.append(f'<line x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>')
        parts.append(f'<text x="4" y="{y + 4:.1f}" font-size="11">{value:.2f}</text>')
    for at, text in ticks:
        tick = float(across(np.array(at)))
        parts.append(f'<line x1="{tick:.1f}" x2="{tick:.1f}" y1="{MARGIN}" y2="{bottom}" stroke="#eeeeee"/>')
        parts.append(
            f'<text x="{tick:.1f}" y="{bottom + 14}" font-size="11" text-anchor="middle">{escape(text)}</text>'
        )
    for place, line in enumerate(lines):
        x = np.repeat(across(edges), 2)[1:-1]  # a step holds its value from its begin to its end
        heights = np.repeat(bottom - inner_height * (line.values - low) / (high - low), 2)
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in np.stack((x, heights), axis=1).tolist())
        parts.append(f'<polyline points="{points}" fill="none" stroke="{line.colour}" stroke-width="1.5"/>')
        row, column = divmod(place, LEGEND)
        at_x, at_y = MARGIN + column * inner_width // LEGEND, bottom + 34 + 18 * row
        parts.append(f'<text x="{at_x}" y="{at_y}" font-size="12" fill="{line.colour}">{escape(line.name)}</text>')
    return parts

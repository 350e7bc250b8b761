"""Pictures of plan against outcome: lines over steps, as SVG that any browser shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

import numpy as np

from dispatch.forecasting.features import Floats

WIDTH: Final = 960
HEIGHT: Final = 360
MARGIN: Final = 48


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a picture."""

    name: str
    values: Floats
    """One per step."""
    colour: str


def picture(title: str, lines: Sequence[Line]) -> str:
    """Return lines with a common scale, a legend and the extremes of the scale, as SVG."""
    low = min(0.0, *(float(line.values.min()) for line in lines))
    high = max(float(line.values.max()) for line in lines) or 1.0
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{MARGIN}" y="22" font-size="15">{escape(title)}</text>',
    ]
    inner_width, inner_height = WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN
    for value in (low, 0.0, high):
        y = HEIGHT - MARGIN - inner_height * (value - low) / (high - low)
        parts.append(f'<line x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>')
        parts.append(f'<text x="4" y="{y + 4:.1f}" font-size="11">{value:.2f}</text>')
    for place, line in enumerate(lines):
        x = MARGIN + inner_width * np.arange(len(line.values)) / max(1, len(line.values) - 1)
        heights = HEIGHT - MARGIN - inner_height * (line.values - low) / (high - low)
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in np.stack((x, heights), axis=1).tolist())
        parts.append(f'<polyline points="{points}" fill="none" stroke="{line.colour}" stroke-width="1.5"/>')
        at = MARGIN + place * inner_width // len(lines)
        parts.append(f'<text x="{at}" y="{HEIGHT - 14}" font-size="12" fill="{line.colour}">{escape(line.name)}</text>')
    return "\n".join([*parts, "</svg>", ""])

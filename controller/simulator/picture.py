"""The course of a simulated run as a picture: occupancy, calls in progress and the running abandon rate over time, and under
them what bound the pace. Plain SVG that any browser shows; no library draws so little with fewer lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any
from xml.sax.saxutils import escape

WIDTH, PANEL, GAP, LEFT, RIGHT, TOP = 860, 120, 34, 64, 16, 44
INK, GRID, LINE, ALARM = "#222222", "#dddddd", "#1f6feb", "#d1242f"
SHADES = ("#8ecae6", "#ffb703", "#90be6d", "#f28482", "#cdb4db", "#b8b8b8", "#84a59d", "#f6bd60")


def svg(found: Mapping[str, Any]) -> str:
    """The picture of ``forecast.figures``."""
    slices: Sequence[Mapping[str, Any]] = found["slices"]
    abandoned = list(accumulate(part["abandoned"] for part in slices))
    answered = list(accumulate(part["connected"] + part["abandoned"] for part in slices))
    rates = [100.0 * lost / all_ if all_ else 0.0 for lost, all_ in zip(abandoned, answered, strict=True)]
    panels: list[tuple[str, list[float], float | None]] = []
    if found["agents"]:
        panels.append(("agents busy, %", [100.0 * part["occupancy"] for part in slices], 100.0))
    panels.append(("calls in progress", [part["channels"] for part in slices], None))
    panels.append(("people abandoned so far, %", rates, None))
    parts = [_text(LEFT, 22, f"{found['campaign']}: {found['mode']}, {found['agents']} agents, {found['calls']} calls", 15)]
    top = TOP
    for title, values, most in panels:
        parts += _panel(title, values, most or max(1.0, *values) * 1.1 if values else 1.0, top)
        top += PANEL + GAP
    parts += _strip(slices, top)
    height = top + 76
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="sans-serif" fill="{INK}">\n<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n'
    )


def _panel(title: str, values: Sequence[float], most: float, top: float) -> list[str]:
    parts = [_text(LEFT, top - 6, title, 12)]
    for share in (0.0, 0.5, 1.0):
        y = top + PANEL * (1.0 - share)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}"/>')
        parts.append(_text(LEFT - 8, y + 4, f"{most * share:.3g}", 11, "end"))
    points = " ".join(
        f"{_x(place + 0.5, len(values)):.1f},{top + PANEL * (1.0 - min(value / most, 1.0)):.1f}"
        for place, value in enumerate(values)
    )
    colour = ALARM if "abandoned" in title else LINE
    parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
    return parts


def _strip(slices: Sequence[Mapping[str, Any]], top: float) -> list[str]:
    """What bound most of each slice, in colours, with a legend and the hours."""
    names = list(dict.fromkeys(part["binding"] for part in slices if part["binding"]))
    shade = {name: SHADES[place % len(SHADES)] for place, name in enumerate(names)}
    parts = [_text(LEFT, top - 6, "limited by", 12)]
    width = _x(1, len(slices)) - _x(0, len(slices)) if slices else 0.0
    for place, part in enumerate(slices):
        x, colour = _x(place, len(slices)), shade.get(part["binding"], "white")
        parts.append(f'<rect x="{x:.1f}" y="{top}" width="{width + 0.3:.1f}" height="16" fill="{colour}"/>')
        if part["from"] % 3600 == 0:
            parts.append(_text(x, top + 30, f"{part['from'] // 3600} h", 11))
    x = float(LEFT)
    for name in names:
        parts.append(f'<rect x="{x:.1f}" y="{top + 42}" width="12" height="12" fill="{shade[name]}"/>')
        parts.append(_text(x + 16, top + 52, str(name).replace("_", " "), 11))
        x += 34 + 6.5 * len(str(name))
    return parts


def _x(place: float, count: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * place / max(count, 1)


def _text(x: float, y: float, words: str, size: int, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}">{escape(words)}</text>'

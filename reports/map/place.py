"""Where each box of the map stands: columns from the core outwards, families beneath each other, no box on another. Pure, deterministic.

A tree drawn from left to right: the boxes behind a box stand in the next column. Many boxes with nothing behind them fill a grid over
several columns, so that a thousand boxes make a picture of the shape of a page and not a tower. Between two columns there is a channel
without boxes, for the wires.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reports.map.boxes import Box
from reports.map.tree import Group

WIDTH = 196
HEAD = 37
ROW = 13.5
GAP = 18
LANE = 14
"""Room above a grid for the wires to its farther columns."""
_PILE = 12
"""Between the members of a stack."""
_PITCH = WIDTH + 120
"""Width of a column with its channel, as long as the wires are not counted."""
_SHAPE = 1.5
"""Width to height that is aimed at: a screen, or a page held across."""


@dataclass(frozen=True)
class Spot:
    """Where a box stands: its column, and its upper edge and height in the picture's units."""

    column: int
    y: float
    height: float

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


def height(box: Box) -> float:
    """Height of *box* with its rows."""
    return HEAD + (ROW * len(box.rows) + 6 if box.rows else 0)


def spots(
    boxes: Mapping[str, Box], linked: Sequence[Sequence[Group]], loose: Sequence[Group]
) -> dict[str, Spot]:
    """A spot for every box; the widths of the grids are those that bring the picture nearest to the shape of a page."""
    most = max((len(g.children) for roots in linked for r in roots for g in _walk(r)), default=1)
    wanted = sorted({1, 2, 3, 4, 6, 8, 12, 16, 24, 32} & set(range(1, max(2, most + 1))))
    best: dict[str, Spot] = {}
    least = math.inf
    for columns in wanted:
        found = _all(boxes, linked, loose, columns)
        if not found:
            return {}
        wide = (max(s.column for s in found.values()) + 1) * _PITCH
        tall = max(s.y + s.height for s in found.values())
        # A small picture needs no shape: only what is taller than a screen is widened.
        off = abs(math.log(wide / max(tall, 700) / _SHAPE))
        if off < least:
            best, least = found, off
    return best


def _walk(group: Group) -> list[Group]:
    out, todo = [group], [group]
    while todo:
        children = todo.pop().children
        out += children
        todo += children
    return out


def _all(
    boxes: Mapping[str, Box],
    linked: Sequence[Sequence[Group]],
    loose: Sequence[Group],
    columns: int,
) -> dict[str, Spot]:
    out: dict[str, Spot] = {}
    y = 0.0
    for roots in linked:
        for n, root in enumerate(roots):
            y += _tree(boxes, out, root, y, columns) + (GAP if n + 1 < len(roots) else 2 * GAP)
    if loose:
        wide = max((s.column for s in out.values()), default=5) + 1
        _grid(boxes, out, loose, 0, y + 2 * LANE, min(wide, max(4, columns)))
    return out


@dataclass(frozen=True)
class _Family:
    """A group, what is behind it in lines and in the grid, and how tall both are."""

    own: float
    lines: tuple[Group, ...]
    grid: tuple[Group, ...]
    behind: float

    @property
    def tall(self) -> float:
        return max(self.own, self.behind)


def _tree(
    boxes: Mapping[str, Box], out: dict[str, Spot], root: Group, top: float, columns: int
) -> float:
    """Places *root* and all behind it beneath *top*; returns how tall it is. Not recursive: a chain may be a thousand long."""
    families: dict[str, _Family] = {}
    for group in reversed(_walk(root)):
        families[group.key] = _family(boxes, families, group, columns)
    todo = [(root, 0, top)]
    while todo:
        group, column, y = todo.pop()
        f = families[group.key]
        at = y + (f.tall - f.own) / 2
        for member in group.members:
            out[member] = Spot(column, at, height(boxes[member]))
            at += out[member].height + _PILE
        y += (f.tall - f.behind) / 2
        behind: list[tuple[Group, int, float]] = []
        for child in f.lines:
            behind.append((child, column + 1, y))
            y += families[child.key].tall + GAP
        todo += reversed(behind)
        if f.grid:
            _grid(boxes, out, f.grid, column + 1, y + LANE, columns)
    return families[root.key].tall


def _family(
    boxes: Mapping[str, Box], families: Mapping[str, _Family], group: Group, columns: int
) -> _Family:
    own = sum(height(boxes[m]) for m in group.members) + _PILE * (len(group.members) - 1)
    leaves = [c for c in group.children if not c.children and len(c.members) == 1]
    grid = leaves if columns > 1 and len(leaves) > max(3, columns) else []
    apart = {c.key for c in grid}
    lines = [c for c in group.children if c.key not in apart]
    behind = sum(families[c.key].tall + GAP for c in lines) - GAP
    if grid:
        behind += GAP + LANE + _grid(boxes, {}, grid, 0, 0, columns)
    return _Family(own, tuple(lines), tuple(grid), max(0.0, behind))


def _grid(
    boxes: Mapping[str, Box],
    out: dict[str, Spot],
    groups: Sequence[Group],
    column: int,
    top: float,
    columns: int,
) -> float:
    """Places single boxes line by line; returns how tall the grid is."""
    y = top
    for start in range(0, len(groups), columns):
        line = groups[start : start + columns]
        for n, g in enumerate(line):
            out[g.key] = Spot(column + n, y, height(boxes[g.key]))
        y += max(height(boxes[g.key]) for g in line) + GAP
    return y - GAP - top

"""How the wires of the map run: along the channels between the columns and the gaps between the boxes, never through a box. Pure.

What leaves one box into one channel shares a trunk there; each wire has a stub of its own, which carries its style and its label. Trunks
of different boxes that pass each other stand on different tracks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reports.map.boxes import Wire
from reports.map.place import GAP, WIDTH, Spot

TRACK = 8
"""Between two trunks of one channel."""
STUB = 94
"""Length of a stub: room for the names of two ports."""
_EDGE = 12
_PITCH = 10
"""Between two wires that enter a box."""
Point = tuple[float, float]


@dataclass(frozen=True)
class Run:
    """The way of one wire. `shared`: what it shares with others, as points; `stub`: its own end, from the trunk to the box."""

    wire: Wire
    shared: tuple[Point, ...]
    stub: tuple[Point, Point]
    trunk: tuple[str, int]
    """Wires with the same trunk share a colour of the light: box they come from, and its channel."""


@dataclass(frozen=True)
class Picture:
    """Left edges of the columns, the ways of the wires, and the size of the whole."""

    lefts: tuple[float, ...]
    runs: tuple[Run, ...]
    width: float
    height: float
    top: float
    """Where the highest line runs; boxes begin at 0."""
    loose: float | None
    """Where the boxes without wires begin, less room for a line of text."""


@dataclass
class _Trunk:
    """A vertical line of one channel. `ys`: where wires join it."""

    ys: list[float] = field(default_factory=list[float])
    track: int = 0


@dataclass(frozen=True)
class _Plan:
    """A wire from `left` to `right` (columns in this order), where it enters, and its lane when it has to pass columns."""

    wire: Wire
    left: str
    right: str
    out_y: float
    in_y: float
    lane: float | None


def routes(wires: Sequence[Wire], spots: Mapping[str, Spot]) -> Picture:
    """The ways of *wires* between the boxes at *spots*; a wire from a box to itself has none."""
    plans = _plans([w for w in wires if w.a.node != w.b.node], spots)
    trunks: dict[int, dict[tuple[str, str], _Trunk]] = defaultdict(dict)
    for p in plans:
        a, b = spots[p.left].column, spots[p.right].column
        if _pile(p, spots):
            continue
        near = trunks[a].setdefault(_near(p, spots), _Trunk())
        near.ys += [p.out_y, p.in_y if p.lane is None else p.lane]
        if p.lane is not None:
            trunks[b - 1].setdefault((p.left, "far"), _Trunk()).ys += [p.lane, p.in_y]
    columns = max((s.column for s in spots.values()), default=0) + 1
    lefts = [0.0]
    for c in range(columns - 1):
        count = _tracks(trunks[c])
        lefts.append(
            lefts[-1] + WIDTH + 2 * _EDGE + TRACK * max(0, count - 1) + (STUB if count else 0)
        )
    last = _tracks(trunks[columns - 1])
    width = lefts[-1] + WIDTH + (2 * _EDGE + TRACK * (last - 1) if last else 0)
    runs = tuple(_run(p, spots, trunks, lefts) for p in plans)
    tall = max((s.y + s.height for s in spots.values()), default=0)
    lanes = [y for r in runs for _, y in r.shared]
    alone = set(spots) - {i for p in plans for i in (p.left, p.right)}
    loose = min((spots[i].y for i in alone), default=None)
    return Picture(
        lefts=tuple(lefts),
        runs=runs,
        width=width,
        height=max([tall, *lanes]),
        top=min([0.0, *lanes]),
        loose=None if loose is None or not runs else loose - 8,
    )


def _near(p: _Plan, spots: Mapping[str, Spot]) -> tuple[str, str]:
    """Trunk of a wire in the channel it leaves into; two boxes of one column have one of their own."""
    return (p.left, f"to {p.right}" if spots[p.left].column == spots[p.right].column else "near")


def _pile(p: _Plan, spots: Mapping[str, Spot]) -> bool:
    """Members of a stack that stand on each other are joined straight."""
    a, b = sorted((spots[p.left], spots[p.right]), key=lambda s: s.y)
    return p.wire.kind == "stack" and a.column == b.column and b.y - a.y - a.height < GAP


def _plans(wires: Sequence[Wire], spots: Mapping[str, Spot]) -> list[_Plan]:
    rows = _Gaps(spots)
    drafts: list[tuple[Wire, str, str, float | None]] = []
    entering: dict[tuple[str, bool], list[int]] = defaultdict(list)
    for w in wires:
        a, b = w.a.node, w.b.node
        left, right = (a, b) if _before(spots[a], a) <= _before(spots[b], b) else (b, a)
        x, y = spots[left].column, spots[right].column
        lane = rows.lane(x + 1, y - 1, spots[right], left) if y - x > 1 else None
        # Of two boxes in one column both ends are on the right side, beside what leaves there.
        for box, side in ((right, x == y), *(((left, True),) if x == y else ())):
            entering[box, side].append(len(drafts))
        drafts.append((w, left, right, lane))
    slot: dict[tuple[str, int], float] = {}
    for (box, side), found in entering.items():
        s = spots[box]
        found.sort(key=lambda n: (spots[drafts[n][1]].middle, n))
        # On the right side the middle is taken by the trunk.
        many = len(found) + (1 if side else 0)
        pitch = min(_PITCH, (s.height - 8) / max(1, many))
        for k, n in enumerate(found):
            at = k if not side else k + (1 if k >= len(found) / 2 else 0)
            slot[box, n] = s.middle + (at - (many - 1) / 2) * pitch
    out: list[_Plan] = []
    for n, (w, left, right, lane) in enumerate(drafts):
        leaves = slot.get((left, n), spots[left].middle)
        out.append(_Plan(w, left, right, leaves, slot[right, n], lane))
    return out


def _before(s: Spot, id_: str) -> tuple[int, float, str]:
    return (s.column, s.y, id_)


class _Gaps:
    """Heights at which a line may cross columns without touching a box."""

    def __init__(self, spots: Mapping[str, Spot]) -> None:
        self._by: dict[int, list[tuple[float, float]]] = defaultdict(list)
        for s in spots.values():
            self._by[s.column].append((s.y - 4, s.y + s.height + 4))
        self._known: dict[tuple[int, int], list[tuple[float, float]]] = {}
        self._users: dict[tuple[int, float], list[str]] = defaultdict(list)

    def lane(self, first: int, last: int, to: Spot, left: str) -> float:
        """A height free over columns *first* to *last*, near the upper edge of *to*; each box on the left keeps to one of its own."""
        goal = to.y - GAP / 2
        low, high = min(self._free(first, last), key=lambda g: max(g[0] - goal, goal - g[1], 0.0))
        # In a wide gap it keeps close to where it goes.
        low, high = max(low, min(goal, high) - 16), min(high, max(goal, low) + 12)
        users = self._users[first, low]
        if left not in users:
            users.append(left)
        lines = max(1, int((high - low) // 4))
        return low + (high - low) * (users.index(left) % lines + 1) / (lines + 1)

    def _free(self, first: int, last: int) -> list[tuple[float, float]]:
        key = (first, last)
        if key not in self._known:
            taken = sorted(i for c in range(first, last + 1) for i in self._by[c])
            out: list[tuple[float, float]] = []
            end = -40.0
            for low, high in taken:
                if low - end >= 4:
                    out.append((end, low))
                end = max(end, high)
            self._known[key] = [*out, (end, end + 40)]
        return self._known[key]


def _tracks(trunks: Mapping[tuple[str, str], _Trunk]) -> int:
    """Gives every trunk of a channel a track on which it meets no other; returns their number."""
    ends: list[float] = []
    for _, t in sorted(trunks.items(), key=lambda i: (min(i[1].ys), max(i[1].ys), i[0])):
        low, high = min(t.ys), max(t.ys)
        free = next((n for n, end in enumerate(ends) if end + 6 < low), None)
        if free is None:
            free = len(ends)
            ends.append(high)
        ends[free] = high
        t.track = free
    return len(ends)


def _run(
    p: _Plan,
    spots: Mapping[str, Spot],
    trunks: Mapping[int, Mapping[tuple[str, str], _Trunk]],
    lefts: Sequence[float],
) -> Run:
    a, b = spots[p.left], spots[p.right]
    if _pile(p, spots):
        x = lefts[a.column] + WIDTH / 2
        ends = sorted([(a.y, a.y + a.height), (b.y, b.y + b.height)])
        return Run(p.wire, (), ((x, ends[0][1]), (x, ends[1][0])), (p.left, -1))

    def track(column: int, key: tuple[str, str]) -> float:
        return lefts[column] + WIDTH + _EDGE + TRACK * trunks[column][key].track

    key = _near(p, spots)
    x = track(a.column, key)
    start = (lefts[a.column] + WIDTH, p.out_y)
    if p.lane is None:
        end = lefts[b.column] + (WIDTH if a.column == b.column else 0)
        shared = (start, (x, p.out_y), (x, p.in_y))
        return Run(p.wire, shared, ((x, p.in_y), (end, p.in_y)), (p.left, a.column))
    far = track(b.column - 1, (p.left, "far"))
    way = (start, (x, p.out_y), (x, p.lane), (far, p.lane), (far, p.in_y))
    return Run(p.wire, way, ((far, p.in_y), (lefts[b.column], p.in_y)), (p.left, a.column))

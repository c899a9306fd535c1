"""The picture of a network as SVG: boxes with what is plugged into them, wires by style, all text inert and escaped.

SVG 1.1 elements only, inline in the report: no style attribute, no reference, no script (the page's policy allows none). Shape, line and
words tell everything; colour only repeats it. Without script it is a picture whose boxes are links.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from reports.html.texts import inert
from reports.map.boxes import Box, Net, Row, Wire, short_port
from reports.map.place import HEAD, ROW, WIDTH, Spot
from reports.map.route import Picture, Point, Run

MARGIN = 16
_SHEET = (1560.0, 1000.0)
"""Picture units on one printed page (A4 across): the smallest letters are 1.4 mm tall."""
_OVERLAP = WIDTH + 40
# Drawn in a square of 16: a switch has two arrows, a router a cross in a circle, and so on.
_GLYPHS = {
    "switch": "M1 4h14v8H1zM3 7h6l-2-1.6M13 9.4H7l2 1.6",
    "unmanaged_switch": "M1 4h14v8H1zM3 7h6l-2-1.6M13 9.4H7l2 1.6",
    "fc_switch": "M1 4h14v8H1zM3 7h6l-2-1.6M13 9.4H7l2 1.6",
    "gateway": "M8 1a7 7 0 1 0 .01 0zM8 4v8M4 8h8M6.5 5.5L8 4l1.5 1.5M6.5 10.5L8 12l1.5-1.5",
    "router": "M8 1a7 7 0 1 0 .01 0zM8 4v8M4 8h8M6.5 5.5L8 4l1.5 1.5M6.5 10.5L8 12l1.5-1.5",
    "firewall": "M1 2h14v12H1zM1 6h14M1 10h14M6 2v4M11 2v4M3.5 6v4M8.5 6v4M13 6v4M6 10v4M11 10v4",
    "access_point": "M8 9v5M5 14h6M5.4 8.6a3.6 3.6 0 0 1 5.2 0M3.2 6.4a6.8 6.8 0 0 1 9.6 0M1 4.2a9.8 9.8 0 0 1 14 0",
    "wireless_controller": "M1 9h14v5H1zM4 11.5h1M8 11.5h4M5 6.5a4 4 0 0 1 6 0M3 4.3a7 7 0 0 1 10 0",
    "hypervisor": "M1 1h14v14H1zM3.5 3.5h4v4h-4zM9.5 3.5h3v4h-3zM3.5 9.5h9v3h-9z",
    "server": "M2 1h12v14H2zM2 5.6h12M2 10.3h12M4 3.3h2M4 8h2M4 12.7h2",
    "neighbour": "M1 3h14v10H1zM8 6.2v3.4M8 11v.4",
}
_OTHER = "M1 3h14v10H1z"


@dataclass(frozen=True)
class Told:
    """What the picture says, in one language and edition. Every value is plain inert text, escaped here."""

    name: Callable[[Box], str]
    about: Callable[[Box], str]
    row: Callable[[Row], str]
    wire: Callable[[Wire], str]
    href: Callable[[Box], str | None]
    words: Callable[[Box], str]
    """Hidden search words of a box: addresses, MACs, serial number."""
    loose: str
    """Stands above the boxes that no wire reaches."""
    whole: str
    """What the picture is, for those who do not see it."""
    ports: bool
    """May ports be named?"""


@dataclass(frozen=True)
class Sheet:
    """A part of the picture on a page of its own. `name`: its row and column, `B2`."""

    name: str
    drawn: Markup


def drawing(net: Net, spots: dict[str, Spot], picture: Picture, told: Told) -> Markup:
    """The whole picture; its boxes are links to their cards."""
    at = _frame(picture)
    boxes = [(net.boxes[i], s) for i, s in spots.items()]
    return _svg("net", at, told.whole, picture.runs, boxes, picture, told, live=True)


def sheets(net: Net, spots: dict[str, Spot], picture: Picture, told: Told) -> list[Sheet]:
    """The picture cut into pages that can be read when printed; empty where one page is enough. Every box is whole on one of them."""
    left, top, wide, tall = _frame(picture)
    across, down = _count(wide, _SHEET[0]), _count(tall, _SHEET[1])
    if across * down == 1:
        return []
    w, h = (wide + (across - 1) * _OVERLAP) / across, (tall + (down - 1) * _OVERLAP) / down
    out: list[Sheet] = []
    for row in range(down):
        for column in range(across):
            x, y = left + column * (w - _OVERLAP), top + row * (h - _OVERLAP)
            boxes = [
                (net.boxes[i], s)
                for i, s in spots.items()
                if _meets(picture.lefts[s.column], s.y, WIDTH, s.height, x, y, w, h)
            ]
            if boxes:
                runs = [r for r in picture.runs if _passes(r, x, y, w, h)]
                place = f"{chr(65 + row % 26)}{column + 1}"
                part = _svg(
                    "sheet",
                    (x, y, w, h),
                    f"{told.whole} {place}",
                    runs,
                    boxes,
                    picture,
                    told,
                    live=False,
                )
                out.append(Sheet(place, part))
    return out


def _frame(picture: Picture) -> tuple[float, float, float, float]:
    top = picture.top - MARGIN
    return (-MARGIN, top, picture.width + 2 * MARGIN, picture.height + MARGIN - top)


def sample(kind: str, *more: str) -> Markup:
    """A piece of wire for the legend."""
    line = _stub(((2, 7), (42, 7)), " ".join(("w", kind, *more)), kind)
    cross = _cross(22, 7) if "blocked" in more else ""
    return Markup('<svg class="sample" viewBox="0 0 44 14" aria-hidden="true">{}{}</svg>').format(
        line, cross
    )


def box_sample(kind: str) -> Markup:
    """A small box for the legend."""
    return Markup(
        '<svg class="sample" viewBox="0 0 44 14" aria-hidden="true">'
        '<g class="b {}"><rect x="6" y="1" width="32" height="12" rx="3"/></g></svg>'
    ).format(kind)


def _count(length: float, page: float) -> int:
    n = 1
    while (length + (n - 1) * _OVERLAP) / n > page * (1.12 if n == 1 else 1):
        n += 1
    return n


def _meets(
    x: float, y: float, w: float, h: float, ox: float, oy: float, ow: float, oh: float
) -> bool:
    return x < ox + ow and ox < x + w and y < oy + oh and oy < y + h


def _passes(run: Run, x: float, y: float, w: float, h: float) -> bool:
    points = (*run.shared, *run.stub)
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    return _meets(min(xs), min(ys), max(xs) - min(xs) + 1, max(ys) - min(ys) + 1, x, y, w, h)


def _svg(
    kind: str,
    at: tuple[float, float, float, float],
    title: str,
    runs: Sequence[Run],
    boxes: Sequence[tuple[Box, Spot]],
    picture: Picture,
    told: Told,
    live: bool,
) -> Markup:
    head = Markup(
        '<svg class="{}" viewBox="{}" width="{}" height="{}" role="{}" aria-label="{}">'
    ).format(kind, " ".join(map(_n, at)), _n(at[2]), _n(at[3]), "group" if live else "img", title)
    parts = [head, _trunks(runs)]
    parts += [_wire(r, told, live) for r in runs]
    carried: dict[str, set[int]] = defaultdict(set)
    for r in runs if live else ():
        for end in (r.wire.a, r.wire.b):
            carried[end.node].update(r.wire.vlans)
    for b, s in boxes:
        parts.append(_box(b, s, picture.lefts[s.column], carried[b.id], told, live))
    if picture.loose is not None:
        said = Markup('<text class="l" x="0" y="{}">{}</text>')
        parts.append(said.format(_n(picture.loose), told.loose))
    return Markup("").join([*parts, Markup("</svg>")])


def _trunks(runs: Sequence[Run]) -> Markup:
    """What wires share, drawn once for each box they come from; a dot where a wire leaves it."""
    found: dict[tuple[str, int], list[Run]] = defaultdict(list)
    for r in runs:
        if r.shared:
            found[r.trunk].append(r)
    out: list[Markup] = []
    for wires in found.values():
        known = all(r.wire.vlans for r in wires)
        vlans = _vlans({v for r in wires for v in r.wire.vlans} if known else ())
        dots = {f"M{_n(x)} {_n(y)}h0" for r in wires for x, y in r.shared[-1:]}
        out.append(
            Markup('<path class="t" d="{}"{}/><path class="k" d="{}"/>').format(
                _joined(r.shared for r in wires), vlans, "".join(sorted(dots))
            )
        )
    return Markup("").join(out)


def _joined(ways: Iterable[Sequence[Point]]) -> str:
    """Ways that run over each other as one path: drawn twice, a line would look thicker."""
    level: dict[float, list[tuple[float, float]]] = defaultdict(list)
    upright: dict[float, list[tuple[float, float]]] = defaultdict(list)
    for way in ways:
        for (x1, y1), (x2, y2) in pairwise(way):
            if y1 == y2:
                level[y1].append((min(x1, x2), max(x1, x2)))
            else:
                upright[x1].append((min(y1, y2), max(y1, y2)))
    out = [f"M{_n(a)} {_n(y)}H{_n(b)}" for y in sorted(level) for a, b in _union(level[y])]
    out += [f"M{_n(x)} {_n(a)}V{_n(b)}" for x in sorted(upright) for a, b in _union(upright[x])]
    return "".join(out)


def _union(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    out: list[tuple[float, float]] = []
    for low, high in sorted(spans):
        if out and low <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], high))
        else:
            out.append((low, high))
    return out


def _wire(r: Run, told: Told, live: bool) -> Markup:
    w = r.wire
    classes = f"w {w.kind} {w.told}{' blocked' if w.blocked else ''}"
    (x1, y1), (x2, _) = r.stub
    line = _stub(r.stub, classes, w.kind)
    if w.blocked:
        line += _cross((x1 + x2) / 2, y1)
    label = _label(r) if told.ports and r.shared and abs(x2 - x1) > 40 else ""
    text = Markup('<text class="p" x="{}" y="{}">{}</text>').format(
        _n(max(x1, x2) - 5), _n(y1 - (5 if w.kind == "lag" else 2.5)), label
    )
    line += text if label else ""
    title = Markup("<title>{}</title>").format(told.wire(w)) if live else ""
    return Markup("<g{}>{}{}</g>").format(_vlans(w.vlans), title, line)


def _cross(x: float, y: float) -> Markup:
    return Markup('<path class="x" d="M{} {}l8 8m0-8l-8 8"/>').format(_n(x - 4), _n(y - 4))


def _stub(stub: tuple[Point, Point], classes: str, kind: str) -> Markup:
    d = _path(stub)
    out = Markup('<path class="{}" d="{}"/>').format(classes, d)
    # A bundle is a thick line with a bright one in it: two lines, in any colour.
    return out + Markup('<path class="in" d="{}"/>').format(d) if kind == "lag" else out


def _label(r: Run) -> str:
    """The ports of both ends, from the trunk's box to the other."""
    near, far = (r.wire.a, r.wire.b) if r.wire.a.node == r.trunk[0] else (r.wire.b, r.wire.a)
    shown = [clip(_port(e.port), 46, 7.8) for e in (near, far)]
    return " – ".join(s or "?" for s in shown) if any(shown) else ""


def _port(name: str) -> str:
    """Ports are named by devices: inert, and no longer than a box is wide."""
    return inert(short_port(name), 80)[0]


def _box(box: Box, spot: Spot, left: float, carried: set[int], told: Told, live: bool) -> Markup:
    """*carried*: VLANs of its wires. A box of which no VLAN is known is in none of them for certain, so it has no mark."""
    vlans = carried.union(*(r.vlans for r in box.rows))
    href = told.href(box) if live else None
    classes = f"b {'guess ' if box.hidden else ''}{'dark ' if box.dark else ''}k-{box.kind}"
    name, about = told.name(box), told.about(box)
    inner = Markup(
        '<svg x="{}" y="{}" width="{}" height="{}"><rect x="1" y="1" width="{}" height="{}" rx="5"/>'
        '<path class="g" d="{}" transform="translate(8 9)"/>'
        '<text class="n" x="31" y="16">{}</text><text class="a" x="31" y="29">{}</text>'
    ).format(
        _n(left), _n(spot.y), WIDTH, _n(spot.height), WIDTH - 2, _n(spot.height - 2),
        _GLYPHS.get(box.kind, _OTHER), clip(name, WIDTH - 38, 13.6), clip(about, WIDTH - 38, 9),
    )  # fmt: skip
    lines = Markup("").join(_row(r, n, told) for n, r in enumerate(box.rows))
    rule = Markup('<path class="r" d="M1 {0}h{1}"/>').format(HEAD - 2, WIDTH - 2) if lines else ""
    inner += Markup("{}{}</svg>").format(rule, lines)
    title = Markup("<title>{}</title>").format(f"{name} · {about}") if live else ""
    data = _vlans(vlans)
    if live:
        data += Markup(' data-b="{}" data-q="{}"').format(box.id, told.words(box))
    if href:
        return Markup('<a class="{}" href="{}"{}>{}{}</a>').format(
            classes, href, data, title, inner
        )
    return Markup('<g class="{}"{}>{}{}</g>').format(classes, data, title, inner)


def _row(row: Row, n: int, told: Told) -> Markup:
    y = HEAD + 9.5 + n * ROW
    ports = clip(_port(row.ports), 68, 7.8) if told.ports else ""
    what = clip(told.row(row), WIDTH - 20 - width(ports, 7.8), 9.2)
    end = Markup('<text class="q" x="{}" y="{}">{}</text>').format(WIDTH - 8, _n(y), ports)
    return Markup('<text class="e" x="9" y="{}"{}>{}</text>{}').format(
        _n(y), _vlans(row.vlans), what, end if ports else ""
    )


def _vlans(vlans: Iterable[int]) -> Markup:
    known = " ".join(str(v) for v in sorted(vlans))
    return Markup(' data-v="{}"').format(known) if known else Markup("")


def width(text: str, size: float) -> float:
    """Estimated width of *text* in letters of *size*: wide for most fonts, as no font is at hand."""
    return sum(_advance(c) for c in text) * size


def clip(text: str, room: float, size: float) -> str:
    """*text* as far as it fits into *room*, with an ellipsis where it does not."""
    if width(text, size) <= room:
        return text
    left, out = room - 0.8 * size, ""
    for c in text:
        left -= _advance(c) * size
        if left < 0:
            break
        out += c
    return f"{out.rstrip()}…"


def _advance(c: str) -> float:
    if unicodedata.combining(c):
        return 0
    if unicodedata.east_asian_width(c) in "WF" or ord(c) > 0x1F000:
        return 1.05
    if c in "iljtfI.,:;'|!()[] /":
        return 0.34
    return 1.02 if c in "MW@%" else 0.92 if c in "mw" else 0.7 if c.isupper() else 0.6


def _path(points: Sequence[Point]) -> str:
    """As a path; corners of more than two lines are right angles."""
    x, y = points[0]
    out = f"M{_n(x)} {_n(y)}"
    for px, py in points[1:]:
        if px != x:
            out += f"H{_n(px)}"
        if py != y:
            out += f"V{_n(py)}"
        x, y = px, py
    return out


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")

"""Observations -> endpoints: who held which address at which site over which time.

A run is the grain of time: within one run an address has one holder, unless several MACs answer for it. From run to run the holder is
the same where address *and* MAC are, and nothing contradicts. Without a MAC (routed network, no rights) a second sign is needed: an
identifier, a name, the words of a service, or at least that the same day knows only one holder. What remains is "somebody at this
address": one entry an address, joined to no device.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from agent.inventory.contradiction import contradiction, familiar
from agent.inventory.endpoint import Endpoint
from agent.inventory.mac import holder_mac
from agent.model.bodies import ArpEntry, AssetClaim
from agent.model.bodies_endpoint import EndpointHost, EndpointTable
from agent.model.observation import Observation

Seen = tuple[str, Observation]
HALF_DAY = 12 * 3600 * 1_000_000
"""Microseconds within which an address keeps its holder: DHCP leases are rarely shorter and clients renew them at half their time
(RFC 2131, 4.4.5)."""


def endpoints(observations: Iterable[Seen]) -> list[Endpoint]:
    """All endpoints, in an order that depends on content only."""
    by_address: dict[tuple[str, str], dict[str, list[Seen]]] = defaultdict(
        lambda: defaultdict(list)
    )
    by_mac: dict[tuple[str, str], list[Seen]] = defaultdict(list)
    machines: dict[tuple[str, str], Endpoint] = {}
    for run, o in sorted(observations, key=lambda s: (s[1].at, s[0], s[1].id)):
        if isinstance(o.body, AssetClaim):
            continue
        if o.subject.kind == "addr":
            by_address[o.subject.ns, o.subject.value][run].append((run, o))
        elif o.subject.kind == "service":
            ip = o.subject.value.split("/", 1)[0]
            by_address[o.subject.ns, ip][run].append((run, o))
        elif o.subject.kind == "mac":
            by_mac[o.subject.ns, o.subject.value].append((run, o))
        elif isinstance(o.body, EndpointHost | EndpointTable):
            ns, key = f"site/{o.subject.ns.removeprefix('endpoint/')}", o.subject.value
            told = machines.setdefault((ns, key), Endpoint(ns, None, None, machine=key))
            told.add(run, o)
    found: list[Endpoint] = []
    for (ns, ip), runs in sorted(by_address.items()):
        cells = [cell for seen in runs.values() for cell in _cells(ns, ip, seen)]
        found += _join(cells)
    _place_macs(found, by_mac)
    found += machines.values()
    return sorted(found, key=lambda e: e.order)


def _cells(ns: str, ip: str, seen: list[Seen]) -> list[Endpoint]:
    """The holders of one address in one run."""
    macs: dict[str, Endpoint] = {}
    arps: list[tuple[int, str]] = []
    rest: list[Seen] = []
    for run, o in seen:
        if isinstance(o.body, ArpEntry) and (value := holder_mac(o.body.mac)) is not None:
            macs.setdefault(value, Endpoint(ns, ip, value)).add(run, o)
            arps.append((o.at, value))
        else:
            rest.append((run, o))
    if not macs:
        macs[""] = Endpoint(ns, ip, None)
    for run, o in rest:
        if len(macs) == 1:
            next(iter(macs.values())).add(run, o)
        else:
            _, nearest = min(arps, key=lambda a: (abs(a[0] - o.at), a[1]))
            macs[nearest].add(run, o)
            macs[nearest].ambiguous = True
    return list(macs.values())


def _join(cells: list[Endpoint]) -> list[Endpoint]:
    """Holders of one address over all runs."""
    cells.sort(key=lambda c: (c.first, c.order))
    spans: list[Endpoint] = []
    newest: dict[str, Endpoint] = {}
    for cell in (c for c in cells if c.mac):
        assert cell.mac
        span = newest.get(cell.mac)
        if span is None or contradiction(span, cell, over_time=True):
            spans.append(cell)
            newest[cell.mac] = cell
        else:
            span.absorb(cell)
    nameless = [c for c in cells if not c.mac]
    for cell in (c for c in nameless if not c.bare):
        near = [s for s in spans if familiar(s, cell) or _neighbours(spans, cell) == [s]]
        near = [s for s in near if not _strangers(s, cell)]
        if near:
            min(near, key=lambda s: (_gap(s, cell), s.order)).absorb(cell)
        else:
            spans.append(cell)
    somebody: list[Endpoint] = []
    for cell in (c for c in nameless if c.bare):
        near = _neighbours(spans, cell)
        if len(near) == 1:
            near[0].absorb(cell)
        elif somebody:
            somebody[0].absorb(cell)
        else:
            somebody.append(cell)
    return spans + somebody


def _neighbours(spans: list[Endpoint], cell: Endpoint) -> list[Endpoint]:
    """Holders seen within half a day of *cell*, or before and after it."""
    return [s for s in spans if _gap(s, cell) <= HALF_DAY]


def _strangers(a: Endpoint, b: Endpoint) -> bool:
    over_time = not (a.runs.keys() & b.runs.keys())
    return contradiction(a, b, over_time=over_time) is not None


def _gap(a: Endpoint, b: Endpoint) -> int:
    return max(0, a.first - b.last, b.first - a.last)


def _place_macs(found: list[Endpoint], by_mac: dict[tuple[str, str], list[Seen]]) -> None:
    """What a device reported of a MAC goes to the only holder of that MAC at the site, else it stands alone."""
    holders: dict[tuple[str, str], list[Endpoint]] = defaultdict(list)
    for e in found:
        if e.mac:
            holders[e.ns, e.mac].append(e)
    for (ns, value), seen in sorted(by_mac.items()):
        at = holders.get((ns, value), [])
        target = at[0] if len(at) == 1 else Endpoint(ns, None, value)
        for run, o in seen:
            target.add(run, o)
        if len(at) != 1:
            found.append(target)

"""Rows of console lists -> which device each means, and which devices no console knows. Pure.

A row joins a device by serial number, by the MAC of a physical card, or by a name only one device has. An address alone joins nothing: a
console remembers the one a laptop had somewhere else. A serial number that differs forbids a name.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

from agent.inventory.endpoint import label
from agent.inventory.mac import is_virtual
from agent.inventory.placeholder import is_generic_name, is_placeholder
from agent.model.asset import Asset
from agent.model.attribution import Owner, Provider
from agent.model.base import Id
from agent.model.bodies_console import ConsoleKind, ConsoleRow
from agent.model.console import CONSOLE_KINDS, By, Console, ConsoleCoverage, ConsoleEntry
from agent.model.observation import Observation
from agent.model.ref import normal

QUIET_DAYS = 30
_COMPUTERS = ("server", "domain_controller", "workstation", "laptop", "virtual_machine")
NEEDS: dict[ConsoleKind, frozenset[str]] = {
    "rmm": frozenset(_COMPUTERS),
    "antivirus": frozenset(_COMPUTERS),
    # Workstations are backed up where the contract says so; a server always.
    "backup": frozenset({"server", "domain_controller", "virtual_machine"}),
    "mdm": frozenset({"mobile", "tablet"}),
}
_STAYS: frozenset[Owner] = frozenset({"ours", "approved", "client"})
_SEVERAL = re.compile(r"[\s,;|]+")


def consoles(
    observations: Iterable[tuple[str, Observation]],
    assets: Sequence[Asset],
    providers: Iterable[Provider],
) -> tuple[Console, ...]:
    """The newest list of each console (kind, product, owner, site and customer tell them apart), joined with *assets*."""
    known = {p.id: p for p in providers}
    lists: dict[tuple[str, ...], dict[tuple[int, str], list[Observation]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for _, o in observations:
        b = o.body
        if isinstance(b, ConsoleRow):
            console = (b.console, b.product.casefold(), b.owner, b.site, b.customer.casefold())
            lists[console][o.at, b.list].append(o)
    index = _Index(assets)
    found = [_console(lists[c][max(lists[c])], index, known) for c in sorted(lists)]
    return tuple(sorted(found, key=lambda c: (CONSOLE_KINDS.index(c.kind), c.id)))


def _console(rows: list[Observation], index: _Index, known: dict[str, Provider]) -> Console:
    bodies = {o.id: o.body for o in rows if isinstance(o.body, ConsoleRow)}
    first = min(bodies.items())[1]
    provider = known.get(first.owner)
    owner: Owner = "ours" if first.owner == "ours" else provider.role if provider else "unknown"
    newest = max((b.seen for b in bodies.values()), default="")
    entries = [_entry(o.id, bodies[o.id], index, newest) for o in {o.id: o for o in rows}.values()]
    return Console(
        id="/".join((first.console, first.owner, first.list)),
        kind=first.console,
        product=first.product,
        owner=owner,
        whose=provider.name if provider else "",
        site=first.site,
        customer=first.customer,
        at=max(o.at for o in rows),
        entries=tuple(sorted(entries, key=lambda e: (e.name.casefold(), e.serial, e.evidence))),
    )


def _entry(evidence: Id, row: ConsoleRow, index: _Index, newest: str) -> ConsoleEntry:
    by, assets = index.meant(row)
    return ConsoleEntry(
        name=row.name,
        serial=row.serial,
        ip=row.ip,
        seen=row.seen,
        told=row.told,
        quiet=bool(row.seen) and _days(row.seen, newest) > QUIET_DAYS,
        by=by,
        assets=assets,
        evidence=(evidence,),
    )


def _days(first: str, last: str) -> int:
    return (date.fromisoformat(last) - date.fromisoformat(first)).days


class _Index:
    """Devices by what a console may tell of them."""

    def __init__(self, assets: Sequence[Asset]) -> None:
        self._serials: dict[str, set[Id]] = defaultdict(set)
        self._macs: dict[str, set[Id]] = defaultdict(set)
        self._names: dict[str, set[tuple[str, Id]]] = defaultdict(set)
        self._has: dict[Id, set[str]] = defaultdict(set)
        self._sites = {a.id: a.sites for a in assets}
        for a in assets:
            for serial in _values(a, "serial"):
                self._serials[_serial(serial)].add(a.id)
                self._has[a.id].add(_serial(serial))
            for port in a.ports:
                if port.mac is not None and not is_virtual(port.mac.value):
                    self._macs[port.mac.value].add(a.id)
            for name in _values(a, "name"):
                full = _name(name)
                if full and not is_generic_name(label(full)):
                    self._names[label(full)].add((full, a.id))

    def meant(self, row: ConsoleRow) -> tuple[By, tuple[Id, ...]]:
        """The devices *row* could mean, by the strongest sign that says anything."""
        serial = "" if is_placeholder("serial", row.serial) else _serial(row.serial)
        if found := self._here(self._serials.get(serial, ()), row):
            return "serial", found
        macs = {m for text in _SEVERAL.split(row.mac) if (m := _mac(text))}
        if found := self._here({a for m in macs for a in self._macs.get(m, ())}, row):
            return "mac", found
        name = _name(row.name)
        same = {
            a
            for full, a in self._names.get(label(name), ())
            # Two machines of one short name in two domains are two machines.
            if full == name or "." not in full or "." not in name
        }
        allowed = {a for a in same if not serial or not self._has[a]}
        if name and not is_generic_name(label(name)) and (found := self._here(allowed, row)):
            return "name", found
        return "", ()

    def _here(self, found: Iterable[Id], row: ConsoleRow) -> tuple[Id, ...]:
        return tuple(sorted(a for a in found if not row.site or row.site in self._sites[a]))


def _values(asset: Asset, attribute: str) -> list[str]:
    known = asset.attrs.get(attribute)
    return [str(v) for v, _ in known.candidates] if known else []


def _serial(text: str) -> str:
    return re.sub(r"\s", "", text).casefold()


def _name(text: str) -> str:
    """A host name, of `DOMAIN\\HOST` its last part; empty for words no host goes by."""
    name = text.strip().rpartition("\\")[2].rstrip(".").lower()
    return "" if re.search(r"\s", name) else name


def _mac(text: str) -> str:
    try:
        value = normal("mac", text)
    except ValueError:
        return ""
    return "" if is_virtual(value) else value


def coverage(lists: Iterable[Console], assets: Sequence[Asset]) -> tuple[ConsoleCoverage, ...]:
    """One for each kind of which a console that stays told its list. A list of one site says nothing of the others."""
    out: list[ConsoleCoverage] = []
    known = tuple(lists)
    for kind in CONSOLE_KINDS:
        some = [c for c in known if c.kind == kind and c.owner in _STAYS]
        if some:
            out.append(_of_kind(kind, some, assets))
    return tuple(out)


def _of_kind(kind: ConsoleKind, lists: list[Console], assets: Sequence[Asset]) -> ConsoleCoverage:
    sure: dict[Id, bool] = {}
    maybe: set[Id] = set()
    for entry in (e for c in lists for e in c.entries):
        if len(entry.assets) == 1:
            asset = entry.assets[0]
            # An old entry of a machine set up anew says nothing beside one that reports.
            sure[asset] = sure.get(asset, True) and entry.quiet
        else:
            maybe.update(entry.assets)
    everywhere = any(not c.site for c in lists)
    told = {c.site for c in lists}
    here = [a for a in assets if everywhere or told.intersection(a.sites)]
    needs = {a.id for a in here if _class(a) in NEEDS[kind]}
    # Whatever it is, it may be a computer.
    open_ = {a.id for a in here if _class(a) == "unknown" and kind != "mdm"}
    return ConsoleCoverage(
        kind=kind,
        lists=tuple(c.id for c in lists),
        needs=tuple(sorted(needs)),
        missing=tuple(sorted(needs - set(sure) - maybe)),
        quiet=tuple(sorted(a for a in needs & set(sure) if sure[a])),
        unsure=tuple(sorted(((needs & maybe) | open_) - set(sure))),
    )


def _class(asset: Asset) -> str:
    known = asset.device_class
    return known.value if known.state == "known" and known.value else "unknown"

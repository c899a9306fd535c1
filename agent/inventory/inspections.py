"""Observations -> who was looked into from the inside, and how far. Pure. What no document mentions was not looked at.

A machine is clean only when a strong channel read all that decides to its end, with the rights to see it, and found nothing foreign.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from agent.inventory.software.told_by_endpoint import newest
from agent.model.asset import Asset
from agent.model.base import Id
from agent.model.bodies_endpoint import EndpointHost, EndpointTable
from agent.model.bodies_snmp import SnmpTable
from agent.model.endpoint_document import Checked
from agent.model.endpoint_tables import SOURCES_OF
from agent.model.inspection import AREAS, AreaLook, AreaState, Inspection, LocalAdmin
from agent.model.observation import Observation
from agent.model.software import SoftwareItem

MACHINES = frozenset(
    {"server", "domain_controller", "workstation", "laptop", "virtual_machine", "hypervisor", "nas"}
)
"""Classes that run programs of other people; for each a row, looked into or not."""
_SOURCES: dict[str, tuple[str, ...]] = {
    "services": ("services", "units", "launchd"),
    "processes": ("processes",),
    "software": ("packages",),
    "tasks": ("tasks", "cron"),
    "autostarts": ("run_keys", "wmi_subscriptions", "safeboot"),
    "files": ("paths", "values"),
    "accounts": ("local_users", "local_groups", "authorized_keys"),
    "network": ("listeners", "connections"),
    "protection": ("protection",),
}
_OF_SNMP = {"services": "services", "processes": "processes", "software": "software"}
"""Table of an SNMP agent -> area. It lists what it likes: never the whole."""
KNOWN_GOOD = frozenset({"ours", "approved"})
ADMINS = frozenset({"Administrators", "sudoers", "sudo", "wheel", "admin", "root"})
"""Local groups whose members are administrators, by the names that endpoint documents give them."""


def inspections(
    observations: Iterable[tuple[str, Observation]],
    assets: Sequence[Asset],
    software: Iterable[SoftwareItem],
) -> tuple[Inspection, ...]:
    """One for each machine, and for whatever told of itself."""
    asset_of = {e: a.id for a in assets for e in a.evidence}
    hosts: dict[Id, Observation] = {}
    told: dict[Id, dict[str, Observation]] = defaultdict(dict)
    by_snmp: dict[Id, list[Observation]] = defaultdict(list)
    for _, o in observations:
        host = asset_of.get(o.id)
        if host is None:
            continue
        if isinstance(o.body, EndpointHost):
            before = hosts.get(host)
            if before is None or (o.at, o.id) > (before.at, before.id):
                hosts[host] = o
        elif isinstance(o.body, EndpointTable):
            before = told[host].get(o.body.table)
            if before is None or (o.at, o.id) > (before.at, before.id):
                told[host][o.body.table] = o
        elif isinstance(o.body, SnmpTable) and o.body.table in _OF_SNMP:
            by_snmp[host].append(o)
    items: dict[Id, list[SoftwareItem]] = defaultdict(list)
    for item in software:
        if item.asset is not None:
            items[item.asset].append(item)
    found: list[Inspection] = []
    for asset in assets:
        mine = tuple(i.id for i in items.get(asset.id, ()))
        if asset.id in hosts:
            one = _by_document(asset.id, hosts[asset.id], told[asset.id])
            foreign = any(i.owner.owner not in KNOWN_GOOD for i in items.get(asset.id, ()))
            found.append(one.model_copy(update={"items": mine, "clean": one.whole and not foreign}))
        elif asset.device_class.value in MACHINES or (
            by_snmp[asset.id] and asset.device_class.value is None
        ):
            found.append(_by_snmp(asset.id, by_snmp[asset.id], mine))
    return tuple(sorted(found, key=lambda i: i.asset))


def _by_document(asset: Id, host: Observation, told: dict[str, Observation]) -> Inspection:
    body = host.body
    assert isinstance(body, EndpointHost)
    checked: dict[str, list[Checked]] = defaultdict(list)
    for c in body.checked:
        checked[c.source].append(c)
    areas: list[AreaLook] = []
    there = SOURCES_OF[body.platform]
    for area in AREAS:
        sources = [s for s in _SOURCES[area] if s in there]
        if not sources:
            areas.append(AreaLook(area=area, state="not_there"))
            continue
        looks = [c for s in sources for c in checked.get(s, ())]
        missing = [s for s in sources if s not in checked]
        # Rows that did not reach us were read by nobody who could judge them.
        lost = [s for s in sources if s in checked and s not in told and _read(checked[s])]
        reasons = [f"{c.view or c.source}: {c.reason}" for c in looks if c.outcome != "done"]
        reasons += [f"{s}: -" for s in (*missing, *lost)]
        some = any(c.outcome in ("done", "partial") for c in looks) and len(lost) < len(sources)
        state: AreaState = "done" if not reasons else "partial" if some else "not_looked"
        count = sum(c.count for c in looks)
        areas.append(
            AreaLook(area=area, state=state, count=count, reasons=tuple(dict.fromkeys(reasons)))
        )
    return Inspection(
        asset=asset,
        channel="endpoint",
        at=host.at,
        elevated=body.elevated,
        areas=tuple(areas),
        evidence=(host.id,),
    )


def _read(checked: list[Checked]) -> bool:
    return any(c.outcome in ("done", "partial") and not c.view for c in checked)


def _by_snmp(asset: Id, tables: list[Observation], items: tuple[Id, ...]) -> Inspection:
    count: dict[str, int] = defaultdict(int)
    for o in tables:
        assert isinstance(o.body, SnmpTable)
        count[_OF_SNMP[o.body.table]] += len(o.body.rows)
    areas = tuple(
        AreaLook(area=a, state="partial" if a in count else "not_looked", count=count.get(a, 0))
        for a in AREAS
    )
    return Inspection(
        asset=asset,
        channel="snmp" if tables else "",
        at=max((o.at for o in tables), default=None),
        areas=areas,
        items=items,
        evidence=tuple(sorted(o.id for o in tables)),
    )


def local_admins(
    observations: Iterable[tuple[str, Observation]], assets: Sequence[Asset]
) -> tuple[LocalAdmin, ...]:
    """Who is administrator on which machines. `PC-1\\admin` of PC-1 is `admin` on every machine: its own name is left out."""
    asset_of = {e: a.id for a in assets for e in a.evidence}
    names: dict[Id, str] = {}
    seen = tuple(observations)
    for _, o in seen:
        if isinstance(o.body, EndpointHost) and o.id in asset_of:
            names[asset_of[o.id]] = o.body.machine.name.lower()
    found: dict[tuple[str, str], tuple[set[str], set[Id], set[Id]]] = {}
    for host, o in newest(seen, asset_of):
        assert isinstance(o.body, EndpointTable)
        if o.body.table != "local_groups":
            continue
        for row in o.body.records():
            group, member = str(row.get("group") or ""), str(row.get("member") or "")
            if group not in ADMINS or not member:
                continue
            area, sep, account = member.rpartition("\\")
            if sep and area.lower() == names.get(host):
                member = account
            groups, hosts, evidence = found.setdefault(
                (member.lower(), str(row.get("kind") or "")), (set(), set(), set())
            )
            groups.add(group)
            hosts.add(host)
            evidence.add(o.id)
    return tuple(
        LocalAdmin(
            name=name,
            kind=kind,
            groups=tuple(sorted(groups)),
            hosts=tuple(sorted(hosts)),
            evidence=tuple(sorted(evidence)),
        )
        for (name, kind), (groups, hosts, evidence) in sorted(found.items())
    )

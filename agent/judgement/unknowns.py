"""What we do not know, counted, each with the one step that would close it.

No count here falls when a status or an observation is taken away: what came from statuses is counted from statuses alone, and evidence
that is gone is counted as gone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from agent.catalogs.unknowns import load_unknowns
from agent.judgement.industrial import industrial_unasked
from agent.judgement.missed import Missed
from agent.judgement.unmet import unmet_hosts, unmet_macs, unmet_subnets
from agent.judgement.world import World, class_of, unconfirmed
from agent.model.judged import SUBJECTS, SiteFacts, Unknown
from agent.model.ref import Ref

REASON_LIMIT = 200
_ACTIONS = ("sweep", "directory", "devices", "endpoints", "public-names")
_SUBJECT_OF_KIND = {
    "snmp": "snmp",
    "directory": "accounts",
    "accounts": "accounts",
    # Who is administrator of one machine says nothing of the directory.
    "accounts.local": "leftovers",
    "dns": "dns",
    "firewall": "firewalls",
    "endpoint": "leftovers",
}
"""A question kind, or its first part -> the subject of the sweep it belongs to; the rest are devices."""


@dataclass
class _Group:
    """Missed units of one probe at one site, with one outcome and one reason."""

    count: int = 0
    statuses: list[str] = field(default_factory=list[str])


def unknowns(world: World) -> tuple[Unknown, ...]:
    """Heaviest first."""
    found = [
        *_runs(world),
        *_missed(world),
        *_silent(world),
        *_addresses(world),
        *_networks(world),
        *_devices(world),
        *_told(world),
        *_inside(world),
        *_ranges(world),
        *_mandate(world),
        *_subjects(world),
    ]
    return tuple(sorted(found, key=lambda u: (-u.weight, -u.count, u.cause, u.site or "", u.label)))


def fed_subjects(world: World) -> frozenset[str]:
    """Subjects of which at least one question ended in a finished unit."""
    kinds = {
        a.kind
        for _, s in world.material.statuses
        if s.outcome == "done"
        for a in s.asks
        if a.outcome in ("answered", "negative")
    }
    return frozenset(
        _SUBJECT_OF_KIND.get(k) or _SUBJECT_OF_KIND.get(k.partition(".")[0], "devices")
        for k in kinds
    )


def _runs(world: World) -> Iterator[Unknown]:
    for name, why in world.material.problems:
        yield _unknown("run_unreadable", name, None, params={"file": name, "reason": _cut(why)})
    for cause, files in (
        ("run_disputed", world.material.disputed),
        ("run_copied", world.material.copies),
    ):
        for name, why in files:
            yield _unknown(cause, name, None, params={"file": name, "reason": _cut(why)})
    for run, count in sorted(world.looked.lost.items()):
        site = world.looked.site(run)
        params: dict[str, str | int] = {"run": run[:12], "count": count}
        yield _unknown("evidence_missing", run[:12], site, count, params)
    for s in world.sites.values():
        if not world.looked.newest_runs(s.id):
            yield _unknown("site_not_run", s.id, s.id, params={"site": s.id})


def _missed(world: World) -> Iterator[Unknown]:
    groups: dict[tuple[str, str, str, str], _Group] = defaultdict(_Group)
    for m in world.looked.missed:
        group = groups[m.site, m.probe, _cause(m), _cut(m.reason)]
        group.count += m.count
        group.statuses.append(m.status)
    for (site, probe, cause, reason), group in sorted(groups.items()):
        params: dict[str, str | int] = {"site": site, "probe": probe, "count": group.count}
        if cause != "unit_killed":
            params["reason"] = reason
        yield _unknown(cause, probe, site, group.count, params, tuple(group.statuses))


def _cause(missed: Missed) -> str:
    if missed.killed:
        return "unit_killed"
    outcome = missed.outcome if missed.outcome in ("partial", "refused", "skipped") else "failed"
    return f"unit_{outcome}"


def _silent(world: World) -> Iterator[Unknown]:
    """Addresses that are alive and answered nothing of a probe in any run."""
    told: dict[tuple[str, str], dict[str, bool]] = defaultdict(dict)
    keys: dict[tuple[str, str], list[str]] = defaultdict(list)
    for where in sorted(world.looked.alive):
        address = Ref.parse(where)
        for kind in ("tcp.ports",):
            for a in world.looked.answers(kind, address):
                place = (address.ns.removeprefix("site/"), a.probe)
                spoke = a.outcome in ("answered", "negative")
                told[place][where] = told[place].get(where, False) or spoke
                if not spoke:
                    keys[place].append(a.status)
    for (site, probe), hosts in sorted(told.items()):
        count = sum(not spoke for spoke in hosts.values())
        if count:
            params: dict[str, str | int] = {"site": site, "probe": probe, "count": count}
            statuses = tuple(dict.fromkeys(keys[site, probe]))
            yield _unknown("host_silent", probe, site, count, params, statuses)


def _addresses(world: World) -> Iterator[Unknown]:
    for s in world.sites.values():
        count = world.looked.not_asked(s)
        if count is None:
            text = ", ".join(s.networks)
            yield _unknown("network_too_large", text, s.id, params={"network": text, "site": s.id})
        elif count and world.looked.newest_runs(s.id):
            yield _unknown("address_not_asked", s.id, s.id, count, {"site": s.id, "count": count})


def _networks(world: World) -> Iterator[Unknown]:
    for s in world.sites.values():
        if world.looked.not_asked(s) is None or not world.looked.newest_runs(s.id):
            continue
        for network, count in world.looked.silent_networks(s).items():
            params: dict[str, str | int] = {"network": network, "site": s.id, "count": count}
            yield _unknown("network_silent", network, s.id, count, params)


def _devices(world: World) -> Iterator[Unknown]:
    """Devices of no known class, devices only told of, and devices that did not answer the newest run that was to ask them."""
    unclear: dict[str, int] = defaultdict(int)
    unseen: dict[str, int] = defaultdict(int)
    silent: dict[str, int] = defaultdict(int)
    for a in world.inventory.assets:
        site = a.sites[0] if a.sites else ""
        if a.presence == "known_unseen" or (
            a.presence == "claimed" and any(e in world.observations for e in a.evidence)
        ):
            unseen[site] += 1
        elif a.presence in ("live", "unseen") and class_of(a) == "unknown":
            unclear[site] += 1
        if unconfirmed(a, world):
            silent[site] += 1
    for cause, counts in (
        ("class_unknown", unclear),
        ("device_unseen", unseen),
        ("device_silent", silent),
    ):
        for site, count in sorted(counts.items()):
            yield _unknown(cause, site, site or None, count, {"site": site, "count": count})


def _told(world: World) -> Iterator[Unknown]:
    """What switches and routers know of and we never met."""
    params: dict[str, str | int]
    for site, count in unmet_macs(world).items():
        yield _unknown("mac_unseen", site, site or None, count, {"site": site, "count": count})
    for (site, role, address), count in unmet_hosts(world).items():
        params = {"address": address, "site": site, "count": count}
        yield _unknown(f"{role}_unseen", address, site or None, params=params)
    for site, networks in unmet_subnets(world).items():
        for network in networks:
            params = {"network": network, "site": site}
            yield _unknown("subnet_unseen", network, site or None, params=params)


def _inside(world: World) -> Iterator[Unknown]:
    """Machines nobody looked into, and those of which a part stayed unread."""
    for cause, wanted in (("endpoint_not_looked", False), ("endpoint_partly", True)):
        counts: dict[str, int] = defaultdict(int)
        for one in world.inventory.inspections:
            if not one.whole and bool(one.channel) == wanted:
                sites = world.assets[one.asset].sites
                counts[sites[0] if sites else ""] += 1
        for site, count in sorted(counts.items()):
            yield _unknown(cause, site, site or None, count, {"site": site, "count": count})


def _ranges(world: World) -> Iterator[Unknown]:
    for s in world.sites.values():
        for cause, ranges in (("range_never", s.never), ("range_unreached", s.unreached)):
            for network, why in ranges:
                params: dict[str, str | int] = {"network": network, "why": why, "site": s.id}
                yield _unknown(cause, network, s.id, params=params)
        if world.looked.newest_runs(s.id):
            for network in industrial_unasked(world.looked, s):
                params = {"network": network, "site": s.id}
                yield _unknown("ot_not_asked", network, s.id, params=params)
        for network in passive(world, s):
            yield _unknown(
                "range_passive", network, s.id, params={"network": network, "site": s.id}
            )


def passive(world: World, site: SiteFacts) -> list[str]:
    """Networks that the newest run took for not to be asked though client.toml lists them among its networks."""
    known = {n for n, _ in (*site.never, *site.unreached)}
    runs = world.looked.newest_runs(site.id)
    listed = runs[0].scope.unreached if runs else ()
    return [n for n in listed if n not in known]


def _mandate(world: World) -> Iterator[Unknown]:
    for action in _ACTIONS:
        if action not in world.material.engagement.mandate_allows:
            yield _unknown("not_mandated", action, None, params={"action": action})


def _subjects(world: World) -> Iterator[Unknown]:
    fed = fed_subjects(world)
    for subject in SUBJECTS:
        if subject != "devices" and subject not in fed:
            yield _unknown(f"subject_{subject}", subject, None)


def _unknown(
    cause: str,
    label: str,
    site: str | None,
    count: int = 1,
    params: dict[str, str | int] | None = None,
    statuses: Iterable[str] = (),
) -> Unknown:
    entry = load_unknowns().cause(cause)
    return Unknown(
        cause=cause,
        subject=Ref(kind="name", ns=f"site/{site}", value=site) if site else None,
        label=label,
        site=site,
        step=entry.step,
        params=params or {},
        count=count,
        weight=entry.weight,
        statuses=tuple(statuses),
    )


def _cut(reason: str) -> str:
    """A reason as the engine wrote it, bounded: it may quote a device."""
    return reason if len(reason) <= REASON_LIMIT else f"{reason[:REASON_LIMIT]}…"

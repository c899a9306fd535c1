"""Planned units that nobody finished, for the list of unknowns: the newest word on each decides.

A probe left out as a whole hides nothing where another one put the same question to the same networks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from agent.judgement.answers import WHOLE, address_of, last_statuses
from agent.material import Material
from agent.model.run import RunHeader
from agent.model.scope import Network, parse_range
from agent.model.status import ProbeStatus

_SAME_WORK: dict[str, tuple[str, ...]] = {
    "arp": ("neighbours",),
    "neighbours": ("arp",),
    "icmp": ("ping",),
    "ping": ("icmp",),
}
"""Probe -> those that ask the same everywhere it would."""
_ON_LINK: dict[str, tuple[str, ...]] = {
    "icmp": ("arp", "neighbours"),
    "ping": ("arp", "neighbours"),
}
"""Probe -> those that ask more strongly, and of the own link only."""


@dataclass(frozen=True)
class Missed:
    """A planned unit that was not finished: how it ended last, and how many addresses it stood for."""

    site: str
    probe: str
    unit: str
    outcome: str
    reason: str
    killed: bool
    count: int
    status: str


def missed(material: Material, headers: Mapping[str, RunHeader]) -> tuple[Missed, ...]:
    """Once each (site, probe, unit), by the status of the newest run that planned it. A plan without a status: we were killed."""
    sizes: dict[tuple[str, str, str], int] = defaultdict(lambda: 1)
    newest: dict[tuple[str, str, str], tuple[tuple[int, str], ProbeStatus | None]] = {}
    statuses = last_statuses(material.statuses)
    finished: dict[str, set[str]] = defaultdict(set)
    for (run, probe, unit), ended in statuses.items():
        if unit != WHOLE and ended.outcome == "done":
            finished[run].add(probe)

    def enter(run: str, probe: str, unit: str, status: ProbeStatus | None, size: int) -> None:
        header = headers.get(run)
        key = (header.site if header else "", probe, unit)
        order = (header.started if header else 0, run)
        sizes[key] = max(sizes[key], size)
        if key not in newest or order >= newest[key][0]:
            newest[key] = (order, status)

    for run, plan in material.plans:
        status = statuses.get((run, plan.probe, plan.unit))
        enter(run, plan.probe, plan.unit, status, len(plan.targets))
    for (run, probe, unit), told in statuses.items():
        subjects = {address_of(a.subject) for a in told.asks}
        enter(run, probe, unit, told, len(subjects - {None}))
    out: list[Missed] = []
    for key in sorted(newest):
        (_, run), last = newest[key]
        if last is not None and last.outcome == "done":
            continue
        if last is not None and _stood_in(key, last, finished[run], headers.get(run)):
            continue
        out.append(_missed(key, last, sizes[key]))
    return tuple(out)


def _stood_in(
    key: tuple[str, str, str], status: ProbeStatus, finished: set[str], header: RunHeader | None
) -> bool:
    """Left out as a whole, on purpose, while another probe of the same run answered the same question wherever it would have?"""
    _, probe, unit = key
    if unit != WHOLE or status.outcome != "skipped":
        return False
    if finished & set(_SAME_WORK.get(probe, ())):
        return True
    return bool(finished & set(_ON_LINK.get(probe, ()))) and not _beyond(header)


def _beyond(header: RunHeader | None) -> bool:
    """Does the scope of the run reach over the own link?"""
    if header is None:
        return True
    link = [n for text in header.vantage.on_link for n in parse_range(text)]
    nets = [n for text in header.scope.allowed for n in parse_range(text)]
    return any(not any(_inside(n, own) for own in link) for n in nets)


def _inside(net: Network, own: Network) -> bool:
    first, last = int(net.network_address), int(net.broadcast_address)
    inside = int(own.network_address) <= first and last <= int(own.broadcast_address)
    return net.version == own.version and inside


def _missed(key: tuple[str, str, str], status: ProbeStatus | None, count: int) -> Missed:
    site, probe, unit = key
    if status is None:
        return Missed(site, probe, unit, "failed", "", True, count, f"{probe}/{unit}")
    killed = bool({"killed", "interrupted"} & status.params.keys())
    return Missed(site, probe, unit, status.outcome, status.reason, killed, count, status.key)

"""Runs in order of time and what each one looked at: needed to tell "not seen any more" from "not asked again"."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from agent.catalogs.port_sets import asked_ports
from agent.material import Material

Address = tuple[str, str]
"""(namespace, address)."""
ASKS_PRESENCE = frozenset({"arp", "neighbours"})
"""Probes that every live host on the link must answer: only their silence says anything."""
ASKS_PORTS = "tcp_ports"


@dataclass(slots=True)
class History:
    """`order`: run -> place in time. `asked`: addresses a run put any question to. `silent`: those that did not answer a presence
    question of a finished unit in which somebody did. `scanned`: those whose port question was answered in a finished unit, and which
    ports it was about."""

    order: dict[str, int] = field(default_factory=dict[str, int])
    site: dict[str, str] = field(default_factory=dict[str, str])
    asked: dict[str, set[Address]] = field(default_factory=lambda: defaultdict(set))
    silent: dict[str, set[Address]] = field(default_factory=lambda: defaultdict(set))
    scanned: dict[str, dict[Address, frozenset[int]]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    gateway_macs: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])

    def place(self, run: str) -> int:
        return self.order.get(run, -1)

    def later(self, run_place: int, ns: str) -> list[str]:
        """Runs at *ns* after the place *run_place*, oldest first."""
        return sorted(
            (r for r, i in self.order.items() if i > run_place and self.site.get(r) == ns),
            key=self.place,
        )


def history(material: Material) -> History:
    h = History()
    gateways: dict[str, set[str]] = defaultdict(set)
    headers = sorted((r.header for r in material.runs), key=lambda x: (x.started, x.run_id))
    for i, header in enumerate(headers):
        ns = f"site/{header.site}"
        h.order[header.run_id], h.site[header.run_id] = i, ns
        if header.vantage.gateway_mac:
            gateways[ns].add(header.vantage.gateway_mac.lower().replace("-", ":"))
    h.gateway_macs = {ns: frozenset(macs) for ns, macs in gateways.items()}
    for run, plan in material.plans:
        ns = h.site.get(run, "")
        h.asked[run].update((ns, target) for target in plan.targets)
        if plan.subject and plan.subject.kind == "addr":
            h.asked[run].add((plan.subject.ns, plan.subject.value))
    for run, status in material.statuses:
        # Where nobody at all answered, the cable may have been out: that is no silence of anyone.
        heard = any(ask.outcome == "answered" for ask in status.asks)
        for ask in status.asks:
            if ask.subject is None or ask.subject.kind != "addr":
                continue
            address = (ask.subject.ns, ask.subject.value)
            h.asked[run].add(address)
            if status.outcome != "done":
                continue
            if heard and status.probe in ASKS_PRESENCE and ask.outcome in ("silent", "negative"):
                h.silent[run].add(address)
            elif status.probe == ASKS_PORTS and ask.outcome in ("answered", "negative"):
                ports = asked_ports(status.params.get("ports", ""), "ot" in status.params)
                h.scanned[run][address] = ports
    return h

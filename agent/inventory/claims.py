"""What people say is there: lines of an imported sheet (`asset.claim`) and assets added by hand (`answers.assets`).

A line joins a device we saw by serial, or by name (its own, or the one an authority put into its certificate) together with MAC or
address; else it is an asset that is only claimed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from agent.inventory.endpoint import Endpoint, label, same_name
from agent.inventory.placeholder import is_generic_name, is_placeholder
from agent.material import Material
from agent.model.base import Us, hash_id
from agent.model.bodies import AssetClaim
from agent.model.known import Why
from agent.model.ref import Ref, normal

ANSWERS = "answers"
"""Stands for a run in the sources of an asset that was added by hand."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """One line. `evidence` is the observation's id, or for an asset added by hand an id made from the answer."""

    ref: Ref
    name: str
    device_class: str
    fields: tuple[tuple[str, str], ...]
    ns: str
    at: Us
    run: str
    evidence: str

    def get(self, name: str) -> str:
        return dict(self.fields).get(name, "").strip()

    @property
    def mac(self) -> str:
        return _normal("mac", self.get("mac"))

    @property
    def ip(self) -> str:
        return _normal("addr", self.get("ip") or self.get("address"))

    @property
    def serial(self) -> str:
        text = self.get("serial")
        return "" if is_placeholder("serial", text) else text

    @property
    def key(self) -> str:
        """Lines with the same key are one thing; a name alone makes no two lines one."""
        if self.serial:
            return f"serial:{self.serial}"
        if self.run == ANSWERS or not (self.mac or self.ip):
            return str(self.ref)
        return f"{self.ns}|{self.name.strip().lower()}|{self.mac}|{self.ip}"

    @property
    def aliases(self) -> set[str]:
        """Texts that name this thing in any run, matched or not."""
        own = self.ref.kind not in ("document", "subnet", "addr")
        return {f"claim:{self.key}"} | ({f"claim:{self.ref}"} if own else set[str]())


def _normal(kind: str, text: str) -> str:
    try:
        return normal(kind, text) if text else ""
    except ValueError:
        return ""


def claimed(material: Material) -> list[Claimed]:
    """All lines and added assets, in an order that depends on content only."""
    sites = {r.header.run_id: f"site/{r.header.site}" for r in material.runs}
    out: list[Claimed] = []
    for run, o in material.observations:
        if isinstance(o.body, AssetClaim):
            ns = o.subject.ns if o.subject.ns.startswith("site/") else sites.get(run, "")
            b = o.body
            fields = tuple(sorted(b.fields.items()))
            out.append(Claimed(o.subject, b.name, b.device_class, fields, ns, o.at, run, o.id))
    for a in material.answers.assets:
        ns = f"site/{a.site}"
        out.append(
            Claimed(
                ref=Ref(kind="asset", ns=ns, value=a.id),
                name=a.name,
                device_class=a.device_class,
                fields=tuple(sorted(a.fields.items())),
                ns=ns,
                at=a.at,
                run=ANSWERS,
                evidence=hash_id("answers.assets", a.id, key=material.key),
            )
        )
    return sorted(out, key=lambda c: (c.at, c.run, c.evidence))


@dataclass(frozen=True, slots=True)
class Matched:
    """`seen`: group index -> its lines and why; `only`: lines that match nothing, one list a thing."""

    seen: dict[int, list[tuple[Claimed, Why]]]
    only: list[list[Claimed]]


def match(lines: list[Claimed], endpoints: list[Endpoint], groups: list[list[int]]) -> Matched:
    """Join *lines* to the groups of *endpoints* they mean; a line that could mean two devices joins none."""
    by_serial: dict[str, set[int]] = defaultdict(set)
    by_mac: dict[tuple[str, str], set[int]] = defaultdict(set)
    by_ip: dict[tuple[str, str], set[int]] = defaultdict(set)
    names: dict[int, set[str]] = defaultdict(set)
    for g, members in enumerate(groups):
        for i in members:
            e = endpoints[i]
            names[g] |= e.good_names()
            names[g] |= {host for spki in e.certs if (host := e.host_bound(spki))}
            for value in e.solid("serial"):
                by_serial[value.casefold()].add(g)
            if e.card:
                by_mac[e.ns, e.card].add(g)
            if e.ip:
                by_ip[e.ns, e.ip].add(g)

    def named(candidates: Iterable[int], name: str) -> list[int]:
        wanted = name.strip().rstrip(".").lower()
        if is_generic_name(label(wanted)):
            return []
        return [g for g in candidates if any(same_name(wanted, n) for n in names[g])]

    seen: dict[int, list[tuple[Claimed, Why]]] = defaultdict(list)
    rest: dict[str, list[Claimed]] = defaultdict(list)
    for line in lines:
        tries = (
            ("claim:serial", line.serial, by_serial.get(line.serial.casefold(), set()), 900),
            (
                "claim:mac+name",
                line.mac,
                named(by_mac.get((line.ns, line.mac), ()), line.name),
                800,
            ),
            ("claim:ip+name", line.ip, named(by_ip.get((line.ns, line.ip), ()), line.name), 700),
        )
        for feature, matched, found, weight in tries:
            if matched and len(found) == 1:
                why = Why(
                    feature=feature,
                    matched=matched,
                    weight=weight,
                    strong=weight >= 800,
                    evidence=(line.evidence,),
                )
                seen[next(iter(found))].append((line, why))
                break
        else:
            rest[line.key].append(line)
    return Matched(seen, [rest[k] for k in sorted(rest)])

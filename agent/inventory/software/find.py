"""Traces -> software, one instance at a time: several agents of one product on a machine may have several owners.

Pure, and free of the order in which traces arrived. A name that is anybody's counts only beside another sign of the product on the same
machine. Files without anything that runs are residue.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from agent.catalogs.remote_access import Tool
from agent.inventory.attribution import Clue, Clues, attribute
from agent.inventory.software.approved import Place, approved
from agent.inventory.software.signs import Sign, Told, signs, told
from agent.model.attribution import Attribution, Provider
from agent.model.base import Id, hash_id
from agent.model.known import Known
from agent.model.software import Artefact, Form, SoftwareItem, Trace

FORM_OF: dict[str, Form] = {
    "process": "running",
    "listener": "running",
    "connection": "running",
    "path": "residue",
    "registry_value": "residue",
    "package": "installed",
    "driver": "installed",
    "name_asked": "reported",
    "banner": "reported",
    "certificate": "reported",
}
"""What a trace shows; services and units run or are only installed, the rest is configured to start something."""
_RANK: tuple[Form, ...] = ("running", "installed", "configured", "reported", "residue")


@dataclass
class _Group:
    tool: Tool
    host: Id | None
    instance: str
    signs: list[Sign] = field(default_factory=list[Sign])


def software(
    traces: Iterable[Trace],
    providers: Iterable[Provider],
    key: bytes,
    places: Mapping[Id, Place] = MappingProxyType({}),
) -> tuple[SoftwareItem, ...]:
    """*key*: the engagement's id key; *places*: where each host stands, for what was approved on it alone."""
    by_tool: dict[tuple[str, str], list[Sign]] = defaultdict(list)
    for trace in traces:
        for sign in signs(trace):
            by_tool[trace.host or "", sign.tool.id].append(sign)
    known = tuple(providers)
    items: list[SoftwareItem] = []
    for (host, _), some in sorted(by_tool.items()):
        if any(s.strong or s.placed for s in some):
            groups = _instances(some)
            # Of several instances nobody can say which one was approved.
            place = places.get(host) if len(groups) == 1 else None
            items += [_item(group, known, key, place) for group in groups]
    return tuple(sorted(items, key=lambda i: i.id))


def _instances(some: list[Sign]) -> list[_Group]:
    """Signs that name no instance belong to the only one there is; to each, where there are several."""
    first = some[0]
    named: dict[str, list[Sign]] = defaultdict(list)
    loose: list[Sign] = []
    for sign in some:
        ids = {t.value.lower() for t in told(sign) if t.as_ == "instance"}
        for one in ids:
            named[one].append(sign)
        if not ids:
            loose.append(sign)
    if not named:
        return [_Group(first.tool, first.trace.host, "", loose)]
    return [
        _Group(first.tool, first.trace.host, one, [*mine, *loose])
        for one, mine in sorted(named.items())
    ]


def _form(sign: Sign) -> Form:
    trace = sign.trace
    if trace.kind in ("service", "unit", "launchd"):
        return "running" if trace.state == "running" else "installed"
    return FORM_OF.get(trace.kind, "configured")


def _item(
    group: _Group, providers: tuple[Provider, ...], key: bytes, place: Place | None
) -> SoftwareItem:
    tool = group.tool
    facts = sorted(
        {t for s in group.signs for t in told(s)}, key=lambda t: (t.as_, t.value, t.evidence)
    )
    artefacts = {
        (s.trace.kind, s.trace.name, s.trace.path or s.trace.command, s.trace.evidence): Artefact(
            kind=s.trace.kind,
            name=s.trace.name[:253],
            value=(s.trace.path or s.trace.command)[:500],
            evidence=s.trace.evidence,
        )
        for s in group.signs
    }
    mine = [t for t in facts if t.as_ != "instance" or t.value.lower() == group.instance]
    return SoftwareItem(
        id=hash_id("software", group.host or "", tool.id, group.instance, key=key),
        asset=group.host,
        product=tool.id,
        category=tool.category,
        form=_RANK[min(_RANK.index(_form(s)) for s in group.signs)],
        artefacts=tuple(artefacts[k] for k in sorted(artefacts)),
        instance={t.as_: t.value for t in reversed(mine)},
        version=_version(group.signs),
        owner=_owner(group, mine, providers, place),
    )


def _version(some: list[Sign]) -> Known[str]:
    seen: dict[str, set[str]] = defaultdict(set)
    for s in some:
        if s.trace.version and s.trace.evidence:
            seen[s.trace.version].update(s.trace.evidence)
    candidates = tuple((v, tuple(sorted(seen[v]))) for v in sorted(seen))
    if len(candidates) == 1:
        return Known[str].of(*candidates[0])
    if candidates:
        return Known[str](state="conflict", candidates=candidates)
    return Known[str].not_asked()


def _owner(
    group: _Group, facts: list[Told], providers: tuple[Provider, ...], place: Place | None
) -> Attribution:
    tool = group.tool
    clues: dict[str, list[Clue]] = {"ids": [], "names": [], "texts": [], "addresses": []}
    keys = [k for p in providers for k in p.ids if tool.called([k])]
    for fact in facts:
        kinds = keys if fact.clue == "ids" else [""]
        clues[fact.clue] += [Clue(fact.value, fact.evidence, kind) for kind in dict.fromkeys(kinds)]
        if fact.as_ == "relay":
            host = fact.value.split("://")[-1].split("/")[0].rsplit(":", 1)[0]
            clues["names"].append(Clue(host, fact.evidence))
            clues["addresses"].append(Clue(host, fact.evidence))
    found = attribute(Clues(**{k: tuple(dict.fromkeys(v)) for k, v in clues.items()}), providers)
    if found.for_:
        return found
    seen = {e for s in group.signs for e in s.trace.evidence}
    if place is not None and (by_place := approved(tool, place, seen, providers)):
        return by_place
    suspected = tuple(sorted(p.id for p in providers if tool.called(p.tools)))
    return found.model_copy(update={"suspected": suspected}) if suspected else found

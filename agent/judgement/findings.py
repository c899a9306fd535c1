"""From rules and inventory to findings: one for each rule and set of assets, with all its places, evidence and whether it was accepted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

from agent.catalogs.risks import Risks, Rule
from agent.judgement.conditions import day, holds, params_of
from agent.judgement.hits import Hit
from agent.judgement.owners import by_agent, by_tool, former_names, owner_of
from agent.judgement.rules_consoles import RULES as CONSOLE_RULES
from agent.judgement.rules_devices import (
    address_conflict,
    device_gone,
    device_known_unseen,
    device_unknown,
    key_shared,
)
from agent.judgement.rules_directory import RULES as DIRECTORY_RULES
from agent.judgement.rules_directory_admins import ADMIN_RULES
from agent.judgement.rules_directory_domain import DOMAIN_RULES
from agent.judgement.rules_directory_hygiene import HYGIENE_RULES
from agent.judgement.rules_directory_rights import RIGHTS_RULES
from agent.judgement.rules_end_of_life import end_of_life_os
from agent.judgement.rules_link import dhcp_stranger, neighbour_announced, port_authentication
from agent.judgement.rules_nps import RULES as NPS_RULES
from agent.judgement.rules_protection import RULES as PROTECTION_RULES
from agent.judgement.rules_snmp import RULES as SNMP_RULES
from agent.judgement.rules_software import RULES as SOFTWARE_RULES
from agent.judgement.world import World
from agent.model.base import hash_id
from agent.model.finding import SEVERITIES, Finding
from agent.model.ref import Ref

JUDGES: Mapping[str, Callable[[World], Iterator[Hit]]] = {
    f.__name__: f
    for f in (
        address_conflict,
        device_gone,
        device_known_unseen,
        device_unknown,
        dhcp_stranger,
        end_of_life_os,
        former_names,
        key_shared,
        neighbour_announced,
        port_authentication,
        *ADMIN_RULES,
        *CONSOLE_RULES,
        *NPS_RULES,
        *DIRECTORY_RULES,
        *DOMAIN_RULES,
        *HYGIENE_RULES,
        *RIGHTS_RULES,
        *SNMP_RULES,
        *SOFTWARE_RULES,
        *PROTECTION_RULES,
    )
}
RANK = {s: i for i, s in enumerate(SEVERITIES)}


def findings(world: World, risks: Risks, closes: Mapping[str, tuple[str, ...]]) -> list[Finding]:
    """All findings, worst first. *closes*: rule -> checklist items it keeps open."""
    out: list[Finding] = []
    for rule in risks.rules:
        groups: dict[tuple[object, ...], list[Hit]] = defaultdict(list)
        for hit in hits(rule, world, risks):
            # Without an asset the subject itself tells one finding from another.
            groups[(*sorted(hit.assets),) or (str(hit.subject),)].append(hit)
        for key in sorted(groups, key=str):
            found = _finding(rule, groups[key], world, closes.get(rule.id, ()))
            out.append(found)
    return sorted(_merged(out), key=lambda f: (-RANK[f.severity], -f.conf, f.rule, f.key))


def hits(rule: Rule, world: World, risks: Risks) -> Iterator[Hit]:
    """Where *rule* holds. At a service the first condition that holds speaks."""
    if rule.judge is not None:
        yield from JUDGES[rule.judge](world)
        return
    for point in world.points:
        for when in rule.when:
            evidence = holds(when, point, world, risks.management)
            if evidence:
                params = params_of(point, world) | when.params
                yield Hit(
                    subject=point.service.at,
                    assets=(point.asset.id,),
                    evidence=evidence,
                    params=params,
                    severity=when.severity,
                    conf=when.conf,
                    owner=owner_of(world, point),
                )
                break


def _finding(rule: Rule, group: list[Hit], world: World, closes: tuple[str, ...]) -> Finding:
    worst = max(group, key=lambda h: (RANK[h.severity or rule.severity], h.conf or rule.conf))
    assets = tuple(sorted(worst.assets))
    params = {k: v for k, v in worst.params.items() if k in rule.placeholders}
    ports = sorted({int(str(h.params["ports"])) for h in group if "ports" in h.params})
    if "ports" in params:
        params["ports"] = ", ".join(map(str, ports))
    for several in ("product", "provider", "words"):
        if several in params:
            texts = {str(h.params[several]) for h in group if several in h.params}
            params[several] = ", ".join(sorted(texts))
    key = finding_key(rule.id, assets or (str(worst.subject),), world.material.key)
    owners = [h.owner for h in group if h.owner is not None]
    if rule.names_tool:
        for product in sorted({str(h.params.get("product", "")) for h in group}):
            # What was found inside the machine has its owner from there already.
            agent = by_agent(product, assets, world) if rule.subject == "service" else None
            told = agent or by_tool(product, world.material.providers)
            owners += [told] if told is not None else []
    return Finding(
        key=key,
        rule=rule.id,
        rule_rev=rule.rev,
        subjects=_unique(h.subject for h in group),
        assets=assets,
        severity=worst.severity or rule.severity,
        conf=max(h.conf or rule.conf for h in group),
        params=params,
        evidence=tuple(sorted({e for h in group for e in h.evidence})),
        owner=max(owners, key=lambda o: (o.provider is not None, o.conf), default=None),
        closes=closes,
        accepted=_accepted(rule.id, key, assets, world),
    )


def finding_key(rule: str, ids: tuple[str, ...], key: bytes) -> str:
    """Equal across runs as long as the assets keep their ids."""
    return hash_id(rule, sorted(ids), key=key)


def _accepted(rule: str, key: str, assets: tuple[str, ...], world: World) -> str | None:
    """Who accepted it, when and why. An asset whose id grew stronger since is found by the ids it went by."""
    keys = {key}
    if len(assets) == 1 and assets[0] in world.assets:
        secret = world.material.key
        keys |= {finding_key(rule, (i,), secret) for i in world.assets[assets[0]].same_as}
    for risk in world.material.answers.accepted:
        if risk.finding in keys and (risk.until is None or risk.until >= world.now):
            return f"{risk.by}, {day(risk.at)}: {risk.why}"
    return None


def _merged(found: list[Finding]) -> Iterator[Finding]:
    """Two keys shared by the same devices are one finding: its key says no more than rule and devices."""
    by_key: dict[str, Finding] = {}
    for f in found:
        old = by_key.get(f.key)
        if old is None:
            by_key[f.key] = f
            continue
        by_key[f.key] = old.model_copy(
            update={
                "subjects": _unique((*old.subjects, *f.subjects)),
                "evidence": tuple(sorted({*old.evidence, *f.evidence})),
            }
        )
    yield from by_key.values()


def _unique(refs: Iterable[Ref]) -> tuple[Ref, ...]:
    by_text = {str(r): r for r in refs}
    return tuple(by_text[k] for k in sorted(by_text))

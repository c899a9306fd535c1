"""Traces -> what protects each host: one item per product and host. Pure, and free of the order in which traces arrived.

A name that is anybody's counts only beside another sign of the product on the same host. What stands in a policy only protects nothing yet.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from agent.catalogs.protection import Product, called
from agent.inventory.attribution import Clue, Clues, attribute
from agent.inventory.protection.signs import UPDATED, Fact, Sign, facts, signs
from agent.model.attribution import Attribution, Provider
from agent.model.base import Tri, hash_id
from agent.model.known import Known
from agent.model.protection import ProtectionForm, ProtectionItem
from agent.model.software import Artefact, Trace

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_DIGITS = re.compile(r"[0-9a-f]{32}")
_BUILT_IN = (
    "nt authority\\",
    "nt service\\",
    "autorite nt\\",
    "autorité nt\\",
    "nt-autorität\\",
    ".\\",
)


def protection(
    traces: Iterable[Trace], providers: Iterable[Provider], key: bytes
) -> tuple[ProtectionItem, ...]:
    """*key*: the engagement's id key."""
    by_product: dict[tuple[str, str], list[Sign]] = defaultdict(list)
    for trace in traces:
        if trace.host is not None and not trace.kind.startswith("policy_"):
            for sign in signs(trace):
                by_product[trace.host, sign.product.id].append(sign)
    known = tuple(providers)
    items = [
        _item(host, some, known, key)
        for (host, _), some in by_product.items()
        if any(s.strong or s.placed for s in some)
    ]
    return tuple(sorted(items, key=lambda i: i.id))


def _item(
    host: str, some: list[Sign], providers: tuple[Provider, ...], key: bytes
) -> ProtectionItem:
    product = some[0].product
    told = sorted({f for s in some for f in facts(s)}, key=lambda f: (f.as_, f.value, f.evidence))
    artefacts = {
        (a.kind, a.name, a.value, a.evidence): a for s in some for a in (_artefact(s.trace),)
    }
    form = _form(some)
    return ProtectionItem(
        id=hash_id("protection", host, product.id, key=key),
        asset=host,
        product=product.id,
        kind=product.kind,
        builtin=product.builtin,
        form=form,
        engine=_engine(product, form, some),
        artefacts=tuple(artefacts[k] for k in sorted(artefacts)),
        version=_version(some),
        updated=_updated(some),
        instance={f.as_: f.value for f in reversed(told)},
        accounts=tuple(sorted({s.trace.account.strip() for s in some if _of_a_domain(s.trace)})),
        owner=_owner(product, told, providers),
    )


def _form(some: list[Sign]) -> ProtectionForm:
    modes: set[ProtectionForm] = {state for s in some for state in s.states}
    # An engine of its own may be stopped while the rest protects in its way.
    stopped = _stopped(some) and some[0].product.real_time != "part"
    if len(modes) > 1 or (stopped and modes - {"off"}):
        return "unknown"
    if modes:
        return modes.pop()
    if stopped:
        # Its updater may still run: what protects does not.
        return "off"
    if any(s.runs for s in some):
        return "unknown" if some[0].product.modes else "running"
    if any(s.stopped for s in some):
        return "off"
    return "residue" if all(s.lies for s in some) else "installed"


def _stopped(some: list[Sign]) -> bool:
    """Was the engine seen stopped, and nowhere seen to run?"""
    engine = [s for s in some if s.engine]
    return any(s.stopped for s in engine) and not any(s.runs for s in engine)


def _engine(product: Product, form: ProtectionForm, some: list[Sign]) -> Tri:
    """Does its real-time engine watch files? Unknown where nobody was told."""
    if product.real_time == "no":
        return "no"
    if form == "unknown":
        return "unknown"
    if form in ("passive", "off") or _stopped(some):
        return "no"
    if any(True for s in some for _ in s.states):
        return "yes"
    if product.real_time == "option":
        return "unknown"
    return "yes" if any(s.engine and s.runs for s in some) else "unknown"


def _artefact(trace: Trace) -> Artefact:
    return Artefact(
        kind=trace.kind,
        name=_shown(trace.name, 253),
        value=_shown(trace.path or trace.command, 500),
        evidence=trace.evidence,
    )


def _shown(text: str, most: int) -> str:
    return "".join(c if c.isprintable() else " " for c in text[:most])


def _version(some: list[Sign]) -> Known[str]:
    """That of the installed package, else that of its parts, which have numbers of their own."""
    packages = [s for s in some if s.trace.kind == "package" and s.trace.version]
    seen: dict[str, set[str]] = defaultdict(set)
    for s in packages or some:
        if s.trace.version and s.trace.evidence:
            seen[s.trace.version].update(s.trace.evidence)
    candidates = tuple((v, tuple(sorted(seen[v]))) for v in sorted(seen))
    if len(candidates) == 1:
        return Known[str].of(*candidates[0])
    if candidates:
        return Known[str](state="conflict", candidates=candidates)
    return Known[str].not_asked()


def _updated(some: list[Sign]) -> Known[str]:
    days = [(s.trace.values.get(UPDATED, ""), s.trace.evidence) for s in some]
    told = [(day, evidence) for day, evidence in days if _DAY.fullmatch(day) and evidence]
    if not told:
        return Known[str].not_asked()
    newest = max(day for day, _ in told)
    return Known[str].of(newest, tuple(sorted({e for d, ids in told if d == newest for e in ids})))


def _of_a_domain(trace: Trace) -> bool:
    """Windows writes a local account with a dot before the backslash, its own accounts with words of its own."""
    account = trace.account.strip().lower()
    return ("\\" in account or "@" in account) and not account.startswith(_BUILT_IN)


def _with_checksum(value: str, providers: tuple[Provider, ...]) -> str:
    """People copy an id of 32 digits with the checksum its console shows after a dash; the machine keeps the digits alone."""
    whole = {i for p in providers for ids in p.ids.values() for i in ids}
    plain = value.lower()
    return next(
        (i for i in sorted(whole) if _DIGITS.fullmatch(plain) and i.lower()[:33] == f"{plain}-"),
        value,
    )


def _host(relay: str) -> str:
    """The host of an address with or without a scheme, ports (`host:6180:0`) and a path."""
    text = relay.split("://")[-1].split("/")[0]
    if text.startswith("["):
        return text[1:].partition("]")[0]
    # A bare IPv6 address is all colons.
    return text if text.count(":") > 2 else text.partition(":")[0]


def _owner(product: Product, told: list[Fact], providers: tuple[Provider, ...]) -> Attribution:
    clues: dict[str, list[Clue]] = {"ids": [], "names": [], "texts": [], "addresses": []}
    keys = sorted({k for p in providers for k in p.ids if product in called(k)})
    for fact in told:
        kinds = keys if fact.clue == "ids" else [""]
        value = _with_checksum(fact.value, providers) if fact.clue == "ids" else fact.value
        clues[fact.clue] += [Clue(value, fact.evidence, kind) for kind in kinds]
        if fact.as_ == "relay":
            host = _host(fact.value)
            clues["names"].append(Clue(host, fact.evidence))
            clues["addresses"].append(Clue(host, fact.evidence))
    found = attribute(Clues(**{k: tuple(dict.fromkeys(v)) for k, v in clues.items()}), providers)
    if found.for_:
        return found
    # Who is known to use it may have put it there; a product that comes with the system says nothing of the kind.
    suspected = tuple(
        sorted(
            p.id
            for p in providers
            if not product.builtin and any(product in called(t) for t in p.tools)
        )
    )
    return found.model_copy(update={"suspected": suspected}) if suspected else found

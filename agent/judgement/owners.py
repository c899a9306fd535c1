"""Signs of whose an open service is: names in certificates and redirects are fields that hold a name, the rest is free text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from agent.catalogs.remote_access import plain, tools
from agent.inventory.attribution import Clue, Clues, attribute
from agent.judgement.conditions import host_of
from agent.judgement.hits import Hit
from agent.judgement.world import Point, World, asset_ref, body
from agent.model.attribution import Attribution, Provider
from agent.model.base import Id
from agent.model.bodies import Banner, HttpPage, TlsCertificate
from agent.model.known import Why

_COMMON_NAME = re.compile(r"(?:^|,)\s*CN=([^,]{1,253})", re.IGNORECASE)


def clues_of(point: Point) -> Clues:
    """What the banner, the page and the certificate of *point* say about their owner."""
    names: list[Clue] = []
    addresses: list[Clue] = []
    texts: list[Clue] = []
    c = body(point.certificate, TlsCertificate)
    if c is not None and point.certificate is not None:
        seen = (point.certificate.id,)
        told = [*c.names, *_COMMON_NAME.findall(c.subject), *_COMMON_NAME.findall(c.issuer)]
        names += [Clue(n.strip()[:253], seen) for n in dict.fromkeys(told)]
        texts += [Clue(c.subject[:1024], seen), Clue(c.issuer[:1024], seen)]
    page = body(point.page, HttpPage)
    if page is not None and point.page is not None:
        seen = (point.page.id,)
        if host := host_of(page.location):
            names.append(Clue(host, seen))
            addresses.append(Clue(host, seen))
        texts += [Clue(t[:1024], seen) for t in (page.title, page.server, page.realm) if t]
    banner = body(point.banner, Banner)
    if banner is not None and point.banner is not None and banner.text:
        texts.append(Clue(banner.text, (point.banner.id,)))
    return Clues(names=tuple(names), addresses=tuple(addresses), texts=tuple(texts))


def owner_of(world: World, point: Point) -> Attribution | None:
    """Whose the service is, or None where nothing speaks for anybody."""
    found = attribute(clues_of(point), world.material.providers)
    return found if found.for_ else None


def by_tool(product: str, providers: Iterable[Provider]) -> Attribution | None:
    """Providers known to use *product* are suspected, no more: anybody may use it. None where nobody is known to."""
    users = [(p.id, t) for p in providers for t in p.tools if _same_tool(product, t)]
    if not users:
        return None
    tools = sorted({t for _, t in users})
    return Attribution(
        owner="unknown",
        provider=None,
        conf=200,
        for_=tuple(Why(feature="tool", matched=t, weight=200, strong=False) for t in tools),
        suspected=tuple(sorted({i for i, _ in users})),
    )


def by_agent(product: str, assets: Iterable[Id], world: World) -> Attribution | None:
    """Whose *product* is by the agent that the machine itself told of; None where it told of none, of several, or of one nobody owns.

    A port does not say whose agent listens on it; the agent's own settings may.
    """
    where = frozenset(assets)
    names = {t.id: t.name for t in tools()}
    mine = [
        i
        for i in world.inventory.software
        if i.asset in where and i.form != "residue"
        if i.product is not None and _same_tool(product, names[i.product])
    ]
    return mine[0].owner if len(mine) == 1 and mine[0].owner.provider is not None else None


def _same_tool(a: str, b: str) -> bool:
    """The same words, or two names of one product of the catalogue ("N-central" and "N-able N-central")."""
    return plain(a) == plain(b) or any(t.called([a]) and t.called([b]) for t in tools())


def former_names(world: World) -> Iterator[Hit]:
    """A name or address of a former provider in a certificate or redirect: a structured field, so no mere word."""
    former = [p for p in world.material.providers if p.role == "former"]
    for point in world.points if former else ():
        clues = clues_of(point)
        for provider in former:
            found = attribute(clues, [provider])
            if found.provider is None:
                continue
            strong = [w for w in found.for_ if w.strong]
            words = sorted({w.matched.partition(" in ")[0] for w in strong})
            yield Hit(
                asset_ref(point.asset.id),
                (point.asset.id,),
                tuple(sorted({e for w in strong for e in w.evidence})),
                {"provider": provider.name, "words": ", ".join(words)[:300]},
                owner=found,
            )

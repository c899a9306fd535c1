"""What of the protection of a host gets in its own way, or ends with the former provider. Pure.

One conflict of a kind names all the products it is about. `unknown` says what would have to be known: a mode nobody read is not "passive",
a service nobody asked about is not "stopped". What is said of each kind, and why: `agent/catalogs/protection_conflicts.toml`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from agent.catalogs.protection import KINDS, Product, by_id
from agent.model.attribution import Attribution
from agent.model.base import Id, hash_id
from agent.model.protection import Conflict, ConflictKind, Open, ProtectionItem
from agent.model.software import SoftwareItem

DEFENDER = "defender_av"
_GONE = frozenset({"residue", "off"})
_OURS = frozenset({"ours", "approved", "client"})
_INSTALLED = frozenset({"running", "installed", "configured"})


def conflicts(
    items: Iterable[ProtectionItem],
    software_items: Iterable[SoftwareItem],
    server: Callable[[Id], bool | None],
) -> tuple[Conflict, ...]:
    """*server*: does the asset run a server's system? None where nobody knows."""
    protects: dict[Id, list[ProtectionItem]] = defaultdict(list)
    agents: dict[Id, list[SoftwareItem]] = defaultdict(list)
    for item in items:
        if item.product in by_id():
            protects[item.asset].append(item)
    for agent in software_items:
        if agent.asset is not None:
            agents[agent.asset].append(agent)
    found = [
        c
        for asset in {*protects, *agents}
        for c in _of_host(protects[asset], agents[asset], server(asset))
    ]
    return tuple(sorted(found, key=lambda c: c.id))


def _of_host(
    items: list[ProtectionItem], agents: list[SoftwareItem], server: bool | None
) -> Iterator[Conflict]:
    live = [i for i in items if i.form not in _GONE]
    engines = list(_two_engines(live, server))
    yield from engines
    yield from _defender(live, server)
    yield from _two_edr(live, {i for c in engines if c.verdict == "yes" for i in c.items})
    yield from _two_backups(live)
    yield from _two_rmm(agents)
    for item in items:
        yield from _of_item(item)
        yield from _with_rmm(item, agents)


def _product(item: ProtectionItem) -> Product:
    return by_id()[item.product]


def _has_engine(item: ProtectionItem) -> bool:
    """Of an engine that may be there or not, a part was seen."""
    product = _product(item)
    if product.real_time == "yes":
        return True
    names = {
        "service": ("service", "display"),
        "listener": ("process",),
        "connection": ("process",),
    }
    return any(
        product.is_engine(kind, artefact.name.strip())
        for artefact in item.artefacts
        for kind in KINDS
        if kind in names.get(artefact.kind, (artefact.kind,))
    )


def _families(items: Iterable[ProtectionItem]) -> set[str]:
    return {_product(i).kin for i in items}


def _conflict(
    kind: ConflictKind, some: Iterable[ProtectionItem | SoftwareItem], open_: Iterable[Open] = ()
) -> Conflict:
    parts = sorted(some, key=lambda i: i.id)
    asset = parts[0].asset
    assert asset is not None
    unknown = tuple(sorted(set(open_)))
    return Conflict(
        # The ids of the items are keyed already.
        id=hash_id("conflict", kind, [p.id for p in parts]),
        asset=asset,
        kind=kind,
        verdict="unknown" if unknown else "yes",
        open=unknown,
        products=tuple(sorted({p.product or "" for p in parts})),
        items=tuple(p.id for p in parts),
        evidence=tuple(sorted({e for p in parts for a in p.artefacts for e in a.evidence})),
    )


def _two_engines(live: list[ProtectionItem], server: bool | None) -> Iterator[Conflict]:
    """Defender counts where it is told to be active; on a server that is a conflict of its own."""
    some = [i for i in live if i.product != DEFENDER or (i.engine == "yes" and server is not True)]
    sure = [i for i in some if i.engine == "yes"]
    maybe = [i for i in some if i.engine == "unknown" and _has_engine(i)]
    if len(_families(sure)) > 1:
        yield _conflict("two_engines", sure)
    elif len(_families([*sure, *maybe])) > 1:
        yield _conflict("two_engines", [*sure, *maybe], ["engine"])


def _defender(live: list[ProtectionItem], server: bool | None) -> Iterator[Conflict]:
    """On a client, Windows switches Defender off by itself; on a server it does not. A mode nobody read is not passive."""
    own = [i for i in live if i.product == DEFENDER and i.engine != "no"]
    others = [
        i
        for i in live
        if i.engine == "yes" or (i.engine == "unknown" and _has_engine(i))
        if _product(i).kin != "defender"
    ]
    if not own or not others or server is False:
        return
    if server is None and own[0].engine == "yes":
        return  # Two engines that run, server or not.
    sure = [i for i in others if i.engine == "yes"]
    open_: list[Open] = []
    if server is None:
        open_.append("server")
    if own[0].engine == "unknown":
        open_.append("mode")
    if not sure:
        open_.append("engine")
    yield _conflict("defender_server", [*own, *(sure or others)], open_)


def _two_edr(live: list[ProtectionItem], told: set[Id]) -> Iterator[Conflict]:
    """*told*: those already named as two engines. One that merely comes with Windows counts where it is seen to run."""
    some = [
        i
        for i in live
        if i.kind == "edr" and not _product(i).beside and (not i.builtin or i.form == "running")
    ]
    runs = [i for i in some if i.form == "running"]
    if len(_families(runs)) > 1:
        if not {i.id for i in runs} <= told:
            yield _conflict("two_edr", runs)
    elif len(_families(some)) > 1:
        yield _conflict("two_edr", some, ["runs"])


def _two_backups(live: list[ProtectionItem]) -> Iterator[Conflict]:
    some = [i for i in live if i.kind == "backup" and _product(i).snapshot]
    runs = [i for i in some if i.form == "running"]
    if len(_families(runs)) > 1:
        yield _conflict("two_backups", runs)
    elif len(_families(some)) > 1:
        yield _conflict("two_backups", some, ["runs"])


def _two_rmm(agents: list[SoftwareItem]) -> Iterator[Conflict]:
    """Whether both of them patch stands in their consoles only."""
    some = [a for a in agents if a.category == "rmm" and a.form == "running"]
    if len({a.product for a in some}) > 1:
        yield _conflict("two_rmm", some, ["patching"])


def _of_item(item: ProtectionItem) -> Iterator[Conflict]:
    if item.form == "residue":
        return
    if item.owner.owner == "former":
        yield _conflict("backup_former" if item.kind == "backup" else "tenant_former", [item])
        if item.kind != "backup" and _product(item).tamper is not None:
            yield _conflict("tamper_locked", [item])
    if item.accounts:
        yield _conflict("service_account", [item])


def _with_rmm(item: ProtectionItem, agents: list[SoftwareItem]) -> Iterator[Conflict]:
    """An RMM that only may have brought the product leaves that open, as does one whose owner nobody knows."""
    product = _product(item)
    if item.form == "residue" or item.builtin or item.owner.owner in _OURS:
        return
    for agent in agents:
        if agent.form not in _INSTALLED or agent.owner.owner in _OURS:
            continue
        only = agent.product in product.only_from
        if only or agent.product in product.delivered_by:
            open_: list[Open] = [] if only else ["delivery"]
            if not _of_the_former(agent.owner):
                open_.append("owner")
            yield _conflict("goes_with_rmm", [item, agent], open_)


def _of_the_former(owner: Attribution) -> bool:
    return owner.owner == "former"

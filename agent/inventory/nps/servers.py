"""Network Policy Servers as the report's chapter shows them, their policies held against the accounts of every domain read. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_address

from agent.inventory.attribution import Clue, Clues, attribute
from agent.inventory.directory.accounts import DIAL_IN_DOOR, owner
from agent.inventory.directory.domain import Domain, Principal, domains
from agent.inventory.nps.evaluate import Answer, decides_itself, may_connect, ruled
from agent.model.account import Grant
from agent.model.asset import Asset
from agent.model.attribution import Attribution, Provider
from agent.model.base import Id
from agent.model.bodies_nps import NpsClient, NpsDocument, NpsPolicy, NpsTarget
from agent.model.nps import NpsAnswerer, NpsAsker, NpsEntry, NpsLine, NpsServer
from agent.model.observation import Observation
from agent.model.ref import Ref


def servers(
    observations: Iterable[tuple[str, Observation]],
    directory: Iterable[Observation],
    assets: Sequence[Asset],
    providers: Sequence[Provider],
) -> tuple[NpsServer, ...]:
    """The newest configuration of each server, by its name. *directory*: what was told of domains."""
    documents: dict[str, dict[tuple[int, str], dict[Id, Observation]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for _, o in observations:
        if isinstance(o.body, NpsPolicy | NpsClient | NpsTarget | NpsDocument):
            documents[o.body.server.casefold()][o.at, o.body.document][o.id] = o
    if not documents:
        return ()
    known = domains(directory)
    where: dict[str, list[Id]] = defaultdict(list)
    for asset in assets:
        for a in asset.addrs:
            where[a.value].append(asset.id)
    newest = [some[max(some)] for _, some in sorted(documents.items())]
    return tuple(_server(list(rows.values()), known, where, providers) for rows in newest)


def grants(found: Iterable[NpsServer]) -> dict[str, list[Grant]]:
    """SID -> what the servers grant it; what could not be told is no grant."""
    out: dict[str, list[Grant]] = defaultdict(list)
    for server in found:
        target = Ref(kind="document", ns="nps", value=server.document)
        for e in server.entries:
            if e.verdict != "unknown":
                out[e.sid].append(
                    Grant(door=DIAL_IN_DOOR, target=target, verdict=e.verdict, evidence=e.evidence)
                )
    return dict(out)


def _server(
    rows: list[Observation],
    known: Sequence[Domain],
    where: Mapping[str, list[Id]],
    providers: Sequence[Provider],
) -> NpsServer:
    policies = [(o.id, o.body) for o in rows if isinstance(o.body, NpsPolicy)]
    requests, network = ruled(policies, "request"), ruled(policies, "network")
    local = decides_itself(requests)
    names = {sid: f"{d.name}\\{p.login}" for d in known for sid, p in d.principals.items()}
    entries: list[NpsEntry] = []
    refused = 0
    # Where another server decides, the policies of this one say nothing of anybody.
    for domain in known if local is not False else ():
        for user in domain.users:
            if user.enabled is False:
                continue
            answer = may_connect(user, domain, network)
            if answer.verdict is None and local:
                refused += 1
            else:
                entries.append(_entry(user, domain, answer, local, providers))
    whole = [o for o in rows if isinstance(o.body, NpsDocument)]
    some = rows[0].body
    assert isinstance(some, NpsPolicy | NpsClient | NpsTarget | NpsDocument)
    return NpsServer(
        document=some.document,
        server=some.server,
        at=max(o.at for o in rows),
        local=local,
        requests=_lines(policies, "request", names),
        policies=_lines(policies, "network", names),
        clients=tuple(
            _asker(o.id, o.body, where, providers) for o in rows if isinstance(o.body, NpsClient)
        ),
        targets=tuple(
            NpsAnswerer(
                group=o.body.group,
                address=o.body.address,
                owner=_owner(o.body.address, o.id, providers),
                evidence=(o.id,),
            )
            for o in rows
            if isinstance(o.body, NpsTarget)
        ),
        domains=tuple(d.name for d in known),
        entries=tuple(sorted(entries, key=lambda e: (e.domain, e.name.lower(), e.sid))),
        refused=refused,
        evidence=tuple(o.id for o in whole),
    )


def _entry(
    user: Principal,
    domain: Domain,
    answer: Answer,
    local: bool | None,
    providers: Sequence[Provider],
) -> NpsEntry:
    return NpsEntry(
        sid=user.sid,
        name=user.login,
        domain=domain.name,
        verdict=answer.verdict if local and answer.verdict else "unknown",
        policies=tuple(r.policy.name for r in answer.by),
        despite=answer.despite,
        owner=owner(user, providers),
        evidence=tuple(dict.fromkeys((user.row.id, *(r.evidence for r in answer.by)))),
    )


def _lines(
    policies: Sequence[tuple[Id, NpsPolicy]], layer: str, names: Mapping[str, str]
) -> tuple[NpsLine, ...]:
    """In the order in which they are asked; those switched off too."""
    found = sorted(
        ((id_, p) for id_, p in policies if p.layer == layer),
        key=lambda f: (f[1].order, f[1].name),
    )
    out: list[NpsLine] = []
    for id_, p in found:
        (read,) = ruled([(id_, p.model_copy(update={"enabled": True}))], layer)
        groups = [s for c in read.conditions if c.on_groups for s in c.sids]
        texts = zip(read.conditions, p.conditions, strict=True)
        out.append(
            NpsLine(
                name=p.name,
                enabled=p.enabled,
                verdict=p.verdict,
                anybody=all(c.everybody for c in read.conditions if c.sids or not c.form),
                groups=tuple(names.get(s, s) for s in dict.fromkeys(groups)),
                others=tuple(t for c, t in texts if not (c.on_groups or c.empty)),
                ignores_account=p.ignores_account,
                methods=p.methods,
                target=p.target,
                gateway=p.gateway,
                evidence=(id_,),
            )
        )
    return tuple(out)


def _asker(
    id_: Id, client: NpsClient, where: Mapping[str, list[Id]], providers: Sequence[Provider]
) -> NpsAsker:
    return NpsAsker(
        name=client.name,
        address=client.address,
        enabled=client.enabled,
        signed=client.signed,
        secret=client.secret != "none",
        same=client.same,
        assets=tuple(sorted(set(where.get(client.address, ())))),
        owner=_owner(client.address, id_, providers, client.name),
        evidence=(id_,),
    )


def _owner(address: str, id_: Id, providers: Sequence[Provider], name: str = "") -> Attribution:
    clue = Clue(address, (id_,))
    texts = (Clue(name, (id_,)),) if name else ()
    try:
        ip_address(address)
    except ValueError:
        host = "." in address and "/" not in address
        return attribute(Clues(names=(clue,) if host else (), texts=texts), providers)
    return attribute(Clues(addresses=(clue,), texts=texts), providers)

"""The users of a domain as accounts: what they are, whether they may come in and how, whose they seem to be.

An owner is named by the mail domain or the names in an account's own fields (`agent.inventory.attribution`): a fact about the account,
never a verdict on a person. What could not be read stays unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from agent.inventory.attribution import Clue, Clues, attribute
from agent.inventory.directory.domain import (
    ADMINISTRATOR,
    GUEST,
    KRBTGT,
    Domain,
    Membership,
    Principal,
    domains,
)
from agent.material import Material
from agent.model.account import Account, Grant
from agent.model.attribution import Attribution, Provider
from agent.model.base import hash_id
from agent.model.known import Known
from agent.model.ref import Ref
from agent.model.status import ProbeStatus

_SERVICE_WORDS = ("svc", "service", "srv", "sql", "backup", "sauv", "scan", "msol_", "aad_")
_NAME_FIELDS = ("upn", "mail")
_TEXT_FIELDS = ("login", "display", "description", "company", "script", "home", "workstations")
ADMIN_DOOR, DIAL_IN_DOOR = "directory_admin", "dial_in"
"""Ids of `agent.catalogs.doors`."""


Answered = Mapping[tuple[str, str], str]
"""(domain, question) -> key of the last status, where the question was answered in it."""


def accounts(
    material: Material, let_in: Mapping[str, Sequence[Grant]] | None = None
) -> tuple[Account, ...]:
    """Every user of every domain, by id. *let_in*: SID -> ways in that network policies grant."""
    asked = answered(material.statuses)
    found = [
        account(domain, user, material, asked)
        for domain in domains(o for _, o in material.observations)
        for user in domain.users
    ]
    found = [
        a.model_copy(update={"grants": (*a.grants, *let_in[a.key.value])})
        if let_in and a.key.value in let_in
        else a
        for a in found
    ]
    return tuple(sorted(found, key=lambda a: a.id))


def answered(statuses: Iterable[tuple[str, ProbeStatus]]) -> Answered:
    """Without it nobody can be said not to be something."""
    out: dict[tuple[str, str], str] = {}
    for _, status in sorted(statuses, key=lambda s: (s[1].started, s[0])):
        for ask in status.asks:
            if ask.kind.startswith("directory.") and ask.subject is not None:
                where = (ask.subject.value, ask.kind)
                if ask.outcome == "answered" and ask.strength == "strong":
                    out[where] = status.key
                else:
                    out.pop(where, None)
    return out


def account(domain: Domain, user: Principal, material: Material, asked: Answered) -> Account:
    """One user of *domain*."""
    proof = (user.row.id,)
    whole = asked.get((domain.name, "directory.users"), "")
    ways = [
        way
        for group in domain.admin_groups
        if (way := domain.effective_of(group).get(user.sid)) is not None
    ]
    return Account(
        id=account_id(user.sid, material.key),
        realm=Ref(kind="domain", ns="", value=domain.name),
        name=user.login,
        key=Ref(kind="sid", ns="", value=user.sid),
        nature=_nature(domain, user),
        enabled=Known[bool].unreadable()
        if user.enabled is None
        else Known[bool].of(user.enabled, proof),
        last_logon=_time(user.last_logon, proof, whole),
        secret_changed=_time(user.password_set, proof, whole),
        expires=_time(user.expires, proof, whole),
        member_of=tuple(_path(way) for way in ways),
        grants=(_admin(domain, user, ways, asked), _dial_in(domain, user, whole)),
        owner=owner(user, material.providers),
    )


def account_id(sid: str, key: bytes) -> str:
    """Id of the account of *sid* in this engagement."""
    return hash_id("account", sid, key=key)


def owner(user: Principal, providers: Sequence[Provider]) -> Attribution:
    """Whose the account's own fields say it is."""
    proof = (user.row.id,)
    names = [user.row.text(f) for f in _NAME_FIELDS]
    texts = [user.row.text(f) for f in _TEXT_FIELDS]
    return attribute(
        Clues(
            names=tuple(Clue(n, proof) for n in names if "@" in n),
            texts=tuple(Clue(t[:1024], proof) for t in texts if t),
        ),
        providers,
    )


def is_service(domain: Domain, user: Principal) -> bool:
    """By a service principal name, or by what its name says: nobody's own account."""
    login = user.login.lower()
    return bool(domain.values["spns"].get(user.sid)) or login.startswith(_SERVICE_WORDS)


def _nature(domain: Domain, user: Principal) -> Known[str]:
    proof = (user.row.id,)
    if user.rid in (ADMINISTRATOR, GUEST, KRBTGT):
        return Known[str].of("builtin", proof)
    if is_service(domain, user):
        spns = tuple(r.id for r in domain.values["spns"].get(user.sid, ()))
        return Known[str].of("service", tuple(dict.fromkeys((*proof, *spns))))
    if user.row.text("mail") or user.row.text("phone"):
        return Known[str].of("person", proof)
    return Known[str].unreadable()


def _time(value: int | None, proof: tuple[str, ...], whole: str) -> Known[int]:
    """0 is never, which only an answered question says."""
    if value:
        return Known[int].of(value, proof)
    if value == 0 and whole:
        return Known[int](state="absent", status=(whole,))
    return Known[int].unreadable()


def _path(way: Membership) -> tuple[Ref, ...]:
    return tuple(Ref(kind="sid", ns="", value=s) for s in way.path)


def _admin(domain: Domain, user: Principal, ways: Sequence[Membership], asked: Answered) -> Grant:
    target = Ref(kind="domain", ns="", value=domain.name)
    if ways:
        first = ways[0]
        return Grant(
            door=ADMIN_DOOR,
            target=target,
            verdict="yes",
            path=_path(first),
            evidence=first.evidence,
        )
    needed = [asked.get((domain.name, f"directory.{t}"), "") for t in ("members", "groups")]
    if all(needed) and domain.sid:
        status = tuple(dict.fromkeys(needed))
        return Grant(door=ADMIN_DOOR, target=target, verdict="no", status=status)
    return Grant(door=ADMIN_DOOR, target=target, verdict="unknown")


def _dial_in(domain: Domain, user: Principal, whole: str) -> Grant:
    target = Ref(kind="domain", ns="", value=domain.name)
    proof = (user.row.id,)
    if user.dial_in:
        # A network policy may still refuse, or ignore the setting: it is not in the directory.
        return Grant(door=DIAL_IN_DOOR, target=target, verdict="conditional", evidence=proof)
    if user.row.number("dial_in") == 0 and whole:
        return Grant(
            door=DIAL_IN_DOOR, target=target, verdict="no", status=(whole,), evidence=proof
        )
    return Grant(door=DIAL_IN_DOOR, target=target, verdict="unknown", evidence=proof)

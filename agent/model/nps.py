"""A Network Policy Server as the report shows it: its policies in their order, whom it lets in, who may ask it."""

from __future__ import annotations

from typing import Literal

from agent.model.attribution import Attribution
from agent.model.base import Id, M
from agent.model.bodies_nps import NpsVerdict

Entry = Literal["yes", "conditional", "unknown"]
"""May this account connect? `conditional`: for some requests (time, kind of access, client); `unknown`: it could not be told."""


class NpsLine(M):
    """A policy. `groups`: those of which one must hold the account, as people call them; `others`: its further conditions as the file
    has them."""

    name: str
    enabled: bool
    verdict: NpsVerdict
    anybody: bool = False
    """Does no condition on groups keep any account out?"""
    groups: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    ignores_account: bool = False
    methods: tuple[str, ...] = ()
    target: str = ""
    gateway: bool = False
    evidence: tuple[Id, ...]


class NpsAsker(M):
    """A RADIUS client. `assets`: devices known at its address. `same`: how many others have the same secret."""

    name: str
    address: str
    enabled: bool
    signed: bool
    secret: bool
    """Has it one, here or from a template of the server?"""
    same: int
    assets: tuple[Id, ...] = ()
    owner: Attribution
    evidence: tuple[Id, ...]


class NpsAnswerer(M):
    """A RADIUS server it forwards to."""

    group: str
    address: str
    owner: Attribution
    evidence: tuple[Id, ...]


class NpsEntry(M):
    """An account that may connect, or of which that could not be told. `policies`: those that may let it in, in their order.

    `despite`: its own dial-in setting overrides a policy that denies. `owner`: whose the fields of the account say it is.
    """

    sid: str
    name: str
    domain: str
    verdict: Entry
    policies: tuple[str, ...] = ()
    despite: bool = False
    owner: Attribution
    evidence: tuple[Id, ...]


class NpsServer(M):
    """`local`: do its own network policies decide, at least of some requests? None: could not be told. `domains`: those whose accounts were
    held against its policies; none: no directory was read, so nobody can say who its groups are. `refused`: accounts that may not."""

    document: str
    server: str
    at: int
    local: bool | None
    requests: tuple[NpsLine, ...]
    policies: tuple[NpsLine, ...]
    clients: tuple[NpsAsker, ...]
    targets: tuple[NpsAnswerer, ...]
    domains: tuple[str, ...]
    entries: tuple[NpsEntry, ...]
    refused: int
    evidence: tuple[Id, ...]

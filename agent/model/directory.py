"""A directory domain as the report shows it: who rules it and how he came to it, who may dial in, what runs as an account, its policy.

Times are microseconds UTC; 0: never; None: could not be read. `None` of anything is never a "no".
"""

from __future__ import annotations

from typing import Literal

from agent.model.attribution import Attribution
from agent.model.base import Id, M, Us


class DirectoryAccount(M):
    """`enabled` None: could not be read. `dial_in`: True allowed, False denied or left to a policy, None could not be read.

    `way`: the groups by which it rules the domain, as people call them, from the one that counts down to the one it is in; empty: it does
    not, as far as was read. `hidden`: in the last of them by its primary group, which stands in no list of members.
    """

    name: str
    sid: str
    kind: Literal["user", "computer", "foreign"]
    enabled: bool | None
    last_logon: Us | None
    password_set: Us | None
    way: tuple[str, ...] = ()
    hidden: bool = False
    spns: tuple[str, ...] = ()
    owner: Attribution
    evidence: tuple[Id, ...]


class DirectoryPolicy(M):
    """Of the domain itself; None: not told. Ages in seconds; `lockout` 0: an account is never locked."""

    min_length: int | None
    history: int | None
    max_age_s: int | None
    lockout: int | None
    lockout_s: int | None
    machine_quota: int | None
    evidence: tuple[Id, ...]


StepKind = Literal[
    "member",
    "owns",
    "rights",
    "all",
    "password",
    "members",
    "key",
    "acts",
    "links",
    "script",
    "secrets",
    "holds",
    "applies",
    "history",
    "operates",
]
"""How one comes from one object to the next: by being in it, by a right on it, by what it holds or applies to."""


class PathStep(M):
    """`to`: the object reached, as people call it."""

    kind: StepKind
    to: str


class DirectoryPath(M):
    """A shortest way from *name* to what rules the domain. `accounts`: how many open accounts it stands for; None: everybody."""

    sid: str
    name: str
    kind: Literal["user", "computer", "group", "foreign"]
    accounts: int | None
    steps: tuple[PathStep, ...]
    owner: Attribution
    evidence: tuple[Id, ...]


class DirectoryDomain(M):
    """`unread`: tables that were not read to their end: who stands in them may be missing below.

    `dial_in`: accounts explicitly allowed; `dial_in_open`: how many are denied or left to a policy; `dial_in_unread`: how many could not
    be read. `paths`: ways of those who do not rule to what does; `paths_unread`: objects on these ways whose rights were not told.
    `rights_unread`: who may do what to the domain itself, or to AdminSDHolder, was not told, or not understood. `packages`:
    (name, file) of what group policies install.
    """

    name: str
    users: int
    computers: int
    unread: tuple[str, ...]
    rights_unread: bool
    admins: tuple[DirectoryAccount, ...]
    dial_in: tuple[DirectoryAccount, ...]
    dial_in_open: int
    dial_in_unread: int
    services: tuple[DirectoryAccount, ...]
    policy: DirectoryPolicy | None
    paths: tuple[DirectoryPath, ...] = ()
    paths_unread: int = 0
    packages: tuple[tuple[str, str], ...]
    evidence: tuple[Id, ...]

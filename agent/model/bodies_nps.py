"""What a Network Policy Server is set up to do, from its exported configuration: its policies in their order, who asks it, whom it asks.

The file holds every shared secret in clear; none of them is ever a field here.
"""

from __future__ import annotations

from typing import Literal

from agent.model.bodies import Body

NpsVerdict = Literal["grant", "deny", "local", "forward", "accept", "unknown"]
NPS_METHODS: tuple[str, ...] = (
    "pap",
    "chap",
    "mschap",
    "mschap2",
    "eap",
    "none",
    "other",
)


class NpsPolicy(Body):
    """One policy. `layer`: "request" says who decides (connection request policies, asked first), "network" says whether.

    `verdict`: of a network policy grant or deny; of a request policy local (this server's network policies decide), forward (to `target`,
    a group of RADIUS servers) or accept (anybody, no password checked); unknown where its profile is not in the file. `order`: lowest is
    asked first. `conditions`: as the file has them, all must hold. `ignores_account`: the dial-in setting of the account does not count.
    `methods`: how one may prove who he is. `gateway`: made by Remote Desktop Gateway.
    """

    KIND = "nps.policy"
    document: str
    server: str
    layer: Literal["request", "network"]
    name: str
    order: int
    enabled: bool
    verdict: NpsVerdict
    conditions: tuple[str, ...] = ()
    ignores_account: bool = False
    methods: tuple[str, ...] = ()
    target: str = ""
    gateway: bool = False


class NpsClient(Body):
    """A RADIUS client: who may ask this server. `signed`: it must sign its requests (Message-Authenticator, RFC 3579 3.2).

    `secret`: is one set here, or taken from a template of the server? `same`: how many other clients have the same one.
    """

    KIND = "nps.client"
    document: str
    server: str
    name: str
    address: str
    enabled: bool
    signed: bool
    secret: Literal["set", "template", "none"]
    same: int = 0


class NpsTarget(Body):
    """A RADIUS server this one forwards to. `group`: its group, by which a request policy names it."""

    KIND = "nps.target"
    document: str
    server: str
    group: str
    address: str


class NpsDocument(Body):
    """That a configuration was read to its end: how many policies, clients and servers it holds."""

    KIND = "nps.document"
    document: str
    server: str
    policies: int
    clients: int
    targets: int

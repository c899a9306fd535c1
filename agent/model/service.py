"""`Service`: a transport endpoint of an asset and what is known of it."""

from __future__ import annotations

from typing import Literal

from agent.model.base import Id, M, Us
from agent.model.known import Known
from agent.model.ref import Ref


class Service(M):
    """Key: (ns, ip, transport, port) in `at`. A silent port is never a closed one."""

    asset: Id
    at: Ref
    transport: Literal["tcp", "udp"]
    port: int
    state: Literal["open", "closed", "filtered", "silent"]
    protocol: Known[str]
    product: Known[str]
    version: Known[str]
    title: Known[str]
    certs: tuple[Ref, ...] = ()
    auth: Known[str]
    process: Known[str]
    published: tuple[Ref, ...] = ()
    last_seen: Us
    evidence: tuple[Id, ...]

"""What another scanner (nmap) says of a service or of an operating system: its judgement, kept apart from what we saw ourselves."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from agent.model.bodies import Body


class ServiceTold(Body):
    """A service as another program named it after talking to it; never a name it took from the port number alone.

    `cpe`: Common Platform Enumeration names (NISTIR 7695). `conf` is the program's own scale in permille.
    """

    KIND = "service.told"
    port: int = Field(ge=1, le=65535)
    transport: Literal["tcp", "udp"] = "tcp"
    tool: str
    name: str = ""
    product: str = ""
    version: str = ""
    extra: str = ""
    tls: bool = False
    cpe: tuple[str, ...] = ()
    conf: int = Field(ge=0, le=1000)


class OsTold(Body):
    """An operating system another program took from the behaviour of the host's TCP/IP; `accuracy` is its own word, in permille."""

    KIND = "os.told"
    tool: str
    name: str
    accuracy: int = Field(ge=0, le=1000)
    device_type: str = ""
    vendor: str = ""
    cpe: tuple[str, ...] = ()

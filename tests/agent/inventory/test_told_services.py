"""A service is named by what it says of itself, whatever its protocol; a banner and a fact at one port are one service."""

from __future__ import annotations

import pytest

from agent.inventory.services import product_of
from agent.model.bodies import Body
from agent.model.bodies_services import (
    DatabaseHello,
    MqttHello,
    RdpHello,
    ServiceNamed,
    SmbHello,
    VncHello,
)
from tests.agent.inventory import seen

HOST = "192.168.7.9"


@pytest.mark.parametrize(
    ("bodies", "protocol", "product", "version", "auth"),
    [
        ((MqttHello(port=9, code=0, anonymous=True),), "mqtt", None, None, "none"),
        ((MqttHello(port=9, code=5, anonymous=False),), "mqtt", None, None, None),
        (
            (
                DatabaseHello(
                    port=9, protocol="mssql", product="Microsoft SQL Server", version="15.0"
                ),
            ),
            "mssql",
            "Microsoft SQL Server",
            "15.0",
            None,
        ),
        (
            (RdpHello(port=9, security="nla", nla=True, nla_required=True),),
            "rdp",
            None,
            None,
            "nla",
        ),
        ((VncHello(port=9, version="3.8", without_password=True),), "vnc", None, "3.8", "none"),
        (
            (ServiceNamed(port=9, protocol="redis", product="Redis", version="7.0.15", open=True),),
            "redis",
            "Redis",
            "7.0.15",
            "none",
        ),
        (
            (
                SmbHello(port=9, dialect="SMB 3.1.1", smb1=True, product="Samba"),
                seen.banner("SMBv1 (NT LM 0.12); SMB 3.1.1", 9, "SMBv1"),
            ),
            "SMBv1",
            "Samba",
            "SMB 3.1.1",
            None,
        ),
    ],
)
def test_named(
    bodies: tuple[Body, ...],
    protocol: str,
    product: str | None,
    version: str | None,
    auth: str | None,
) -> None:
    story = seen.Story()
    story.run()
    story.see(HOST, seen.arp("00:11:32:aa:bb:01"), seen.port(9), *bodies)
    (service,) = story.inventory().services
    assert (service.protocol.value, service.product.value) == (protocol, product)
    assert (service.version.value, service.auth.value) == (version, auth)
    assert len(service.evidence) == 1 + len(bodies)


def test_a_program_named_like_a_header_is_split() -> None:
    assert product_of("CUPS/2.4 IPP/2.1") == ("CUPS", "2.4")

"""Two endpoints that cannot be one device, by each of the reasons."""

from __future__ import annotations

import pytest

from agent.inventory.contradiction import contradiction, doubt
from agent.inventory.endpoint import Endpoint
from agent.inventory.spans import endpoints
from agent.model.bodies import Body
from tests.agent.inventory.seen import Story, arp, attr, ident, name, ssh, tls

M1, M2, ROUTER = "00:1b:21:00:00:10", "3c:52:82:00:00:30", "00:00:5e:00:01:01"


def _two(
    first: tuple[Body, ...], second: tuple[Body, ...], runs: int = 1
) -> tuple[Endpoint, Endpoint]:
    s = Story().run().see("192.168.1.1", *first)
    if runs > 1:
        s.run()
    a, b = endpoints(s.see("192.168.1.2", *second).seen)
    return a, b


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        ((arp(M1),), (arp(ROUTER),), "virtual_router"),
        ((ident("serial", "AAAA1"),), (ident("serial", "BBBB2"),), "serial_differs"),
        ((ident("chassis", "AAAA1"),), (ident("chassis", "BBBB2"),), "chassis_differs"),
        ((ident("smbios", "12" * 16),), (ident("smbios", "34" * 16),), "smbios_differs"),
        ((name("srv-1"),), (name("srv-2"),), "name_differs"),
        ((ssh("K1"),), (ssh("K2"),), "key_differs"),
        ((ident("sid", "S-1-5-21-1-2-3"),), (ident("sid", "S-1-5-21-4-5-6"),), "key_differs"),
        ((attr("model", "A"),), (attr("model", "B"),), "model_differs"),
    ],
)
def test_reasons(first: tuple[Body, ...], second: tuple[Body, ...], why: str) -> None:
    a, b = _two(first, second)
    assert contradiction(a, b) == why
    assert contradiction(b, a) == why


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((), ()),
        ((name("srv-1"),), (name("srv-1.acme.lan"),)),
        ((name("srv-1"),), (name("other", "dns"),)),
        ((ident("serial", "None"),), (ident("serial", "BBBB2"),)),
        ((tls("a1" * 32, "CN=x1"),), (tls("b2" * 32, "CN=x1"),)),
    ],
)
def test_no_reason(first: tuple[Body, ...], second: tuple[Body, ...]) -> None:
    a, b = _two((arp(M1), *first), (arp(M2), *second))
    assert contradiction(a, b) is None


def test_one_card_may_change_its_keys_or_its_name_over_time_but_not_both() -> None:
    keys = _two((arp(M1), ssh("K1"), name("pc-1")), (arp(M1), ssh("K2"), name("pc-1")), runs=2)
    renamed = _two((arp(M1), ssh("K1"), name("pc-1")), (arp(M1), ssh("K1"), name("pc-2")), runs=2)
    both = _two((arp(M1), ssh("K1"), name("pc-1")), (arp(M1), ssh("K2"), name("pc-2")), runs=2)
    assert contradiction(*keys) is None
    assert contradiction(*renamed) is None
    assert contradiction(*both) == "name_and_keys_differ"


def test_doubts() -> None:
    assert doubt(*_two((tls("a1" * 32, "CN=x1"),), (tls("b2" * 32, "CN=x1"),)))
    assert doubt(*_two((name("a1", "dns"),), (name("b1", "dns"),))) == "dns_name_differs"
    assert doubt(*_two((name("a1", "dns"),), (name("a1", "dns"),))) is None

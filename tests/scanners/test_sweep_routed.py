"""A subnet beyond a router, on a real link: the router's session table is filled no faster than its cap allows. The wire is the judge."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agent.catalogs.port_sets import port_set
from agent.model.raw_caps import GATEWAY_PPS
from tests.lan.lan import Lan, Machine, Metered
from tests.lan.small import look

pytestmark = [
    pytest.mark.root,
    pytest.mark.needs("ip", "nft", "nsenter", "setpriv"),
    pytest.mark.xdist_group("lan"),
]
GATEWAY, BEYOND = "10.90.0.2", "10.91.0.0/29"
FAR = {
    "10.91.0.2": Machine(frozenset({22, 443})),
    "10.91.0.3": Machine(frozenset({80}), drops=True),
    "10.91.0.4": Machine(drops=True),
    "10.91.0.5": Machine(frozenset({445})),
    "10.91.0.6": Machine(),
}


@pytest.fixture(scope="module")
def lan() -> Iterator[Lan]:
    with Lan({GATEWAY: Machine(), **FAR}) as made:
        made.route(BEYOND, GATEWAY)
        yield made


def begun(wire: Metered) -> list[int]:
    """When each new connection went through the router, in nanoseconds."""
    return sorted(at for host in FAR for at, kind in wire.sent.get(host, []) if kind == "syn")


@pytest.mark.parametrize(("profile", "rights"), [("normal", True), ("fast", True), ("fast", False)])
def test_new_connections_through_a_router_keep_its_cap_in_any_second(
    lan: Lan, profile: str, rights: bool
) -> None:
    """Of the raw engine, and of connects where each host and all together may have thousands."""
    lan.read()
    nets = ["10.90.0.0/30", BEYOND]
    found = look(
        lan, how="probes", nets=nets, profile=profile, rights=rights, host_pps=5000, total_pps=5000
    )
    wire = lan.read()
    assert {(h, p) for h, p in found["open"] if h in FAR} == {
        (h, p) for h, m in FAR.items() for p in m.open
    }
    times = begun(wire)
    # All ports of those that say anything.
    assert len(times) >= sum(bool(m.open or not m.drops) for m in FAR.values()) * len(port_set())
    # The stamps are of the clock that is steered: a hundredth of the second is left for that.
    most = max(sum(first <= at < first + 990_000_000 for at in times) for first in times)
    assert most <= GATEWAY_PPS
    # It is the cap that rules, not that of each host.
    assert most > GATEWAY_PPS / 2
    # Nobody beyond the router is asked for by ARP.
    assert rights or not found["raw"]
    assert not [h for h in FAR if wire.count("arp", host=h)]

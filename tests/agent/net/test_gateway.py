"""New connections beyond the own link keep the cap of the router's table; those on the link never wait."""

from __future__ import annotations

import asyncio

from agent.model.raw_caps import GATEWAY_PPS
from agent.net.gateway import Gateway


class Clock:
    def __init__(self) -> None:
        self.at = 100.0

    def now(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds


def gateway(*link: str) -> tuple[Gateway, Clock]:
    clock = Clock()
    made = Gateway.beyond(link)
    made.now, made.sleep = clock.now, clock.sleep
    return made, clock


def turns(made: Gateway, clock: Clock, hosts: list[str]) -> list[float]:
    async def main() -> list[float]:
        out: list[float] = []
        for host in hosts:
            await made.turn(host)
            out.append(clock.at)
        return out

    return asyncio.run(main())


def test_beyond_the_link_no_second_has_more_than_the_cap() -> None:
    made, clock = gateway("192.168.1.0/24")
    times = turns(made, clock, ["10.0.0.7"] * 350)
    most = max(sum(t <= at < t + 1 for at in times) for t in times)
    assert most <= GATEWAY_PPS + 1
    assert times[-1] - times[0] >= 349 / GATEWAY_PPS - 0.01


def test_on_the_link_nothing_waits_nor_where_there_is_nothing_beyond() -> None:
    made, clock = gateway("192.168.1.0/24", "fd00::/64")
    assert set(turns(made, clock, ["192.168.1.9"] * 300)) == {100.0}
    assert not Gateway().leads_to("10.0.0.7")


def test_a_link_nobody_knows_holds_nobody() -> None:
    made, clock = gateway()
    times = turns(made, clock, ["192.168.1.9"] * 150)
    assert times[-1] - times[0] >= 149 / GATEWAY_PPS - 0.01
    assert not made.leads_to("127.0.0.1") and not made.leads_to("fe80::1")


def test_families_are_judged_apart() -> None:
    made, _ = gateway("192.168.1.0/24")
    assert made.leads_to("192.168.2.1")
    # No IPv6 network is known on the link, so the way there leads through a router.
    assert made.leads_to("fd00::1")
    both, _ = gateway("192.168.1.0/24", "fd00::/64")
    assert not both.leads_to("fd00::1") and both.leads_to("fd01::1")

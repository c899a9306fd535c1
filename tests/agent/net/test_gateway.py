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


def test_on_the_link_and_where_nobody_knows_the_link_nothing_waits() -> None:
    for made, clock in (gateway("192.168.1.0/24", "fd00::/64"), gateway()):
        assert set(turns(made, clock, ["192.168.1.9"] * 300)) == {100.0}


def test_families_are_judged_apart() -> None:
    made, _ = gateway("192.168.1.0/24")
    assert made.leads_to("192.168.2.1")
    # No IPv6 link is known: nothing is said of it.
    assert not made.leads_to("fd00::1")

"""How many services are named, and how fast: the product's probe and `nmap -sV` on the same ports of the same real servers, in turn.

The truth is written by hand (`tests.real.one_house.TRUTH`); a service counts where protocol *and* program are right. Our side is the whole
way of `run`: plan, pacer and doors of the profile `normal` (the default where the former provider knows) and of `fast`, parse. nmap keeps
to no cap. Both are given the list of open ports. Beside ours stands the floor: what the caps alone ask for what was sent.

A round begins only where one as long as the longest so far still ends within the budget; the first always runs. `rounds` says how many ran.
"""

from __future__ import annotations

import asyncio
import subprocess
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from agent.model.bodies import TcpPort
from agent.model.scope import ScopeRule
from agent.net.dialer import LiveDialer
from agent.net.door import Doors
from agent.net.pacer import Pacer
from agent.net.rates import PROFILES, Profile, Rates
from scanners.services.conversation import Conversation
from scanners.services.probe import Services
from tests.agent.net.peers import Books, context, run_unit
from tests.bench import Figure
from tests.bench.naming import of_nmap, of_port, right
from tests.real.one_house import TRUTH, RealServers

ROUNDS = 3
BUDGET_S = 200.0
GOAL = 5
Named = dict[int, tuple[str, str]]


@dataclass(frozen=True)
class Look:
    """One look of ours: seconds, what was named, connections made, packets that left on the wire."""

    wall: float
    named: Named
    connections: int
    packets: int


def figures() -> Iterable[Figure]:
    looks: dict[Profile, list[Look]] = {"normal": [], "fast": []}
    peers: list[float] = []
    theirs: Named = {}
    with (
        TemporaryDirectory(prefix="handover-", ignore_cleanup_errors=True) as place,
        RealServers(Path(place)) as servers,
    ):
        ports = servers.ports
        for _ in within(BUDGET_S, ROUNDS):
            for profile, mine in looks.items():
                mine.append(_ours(servers, PROFILES[profile]))
            wall, theirs = _nmap(servers.address, ports)
            peers.append(wall)
    peer_right = _right(theirs, ports)
    peer_named = len(peer_right)
    part, peer = "identify", "nmap -sV -T4"
    ran, told = len(peers), f"of {ROUNDS} rounds"
    yield Figure(part, "rounds", ran, told, "-", True, peer)
    yield Figure(part, "services", len(ports), "services", "-", True, peer)
    yield Figure(part, "named_by_nmap", peer_named, "services", "-", True, peer)
    yield Figure(part, "wall_of_nmap", round(median(peers), 1), "s", "-", True, peer)
    for profile, mine in looks.items():
        one = mine[-1]
        ours_right = _right(one.named, ports)
        count, both = len(ours_right), len(ours_right & peer_right)
        speed = round(median(t / m.wall for t, m in zip(peers, mine, strict=True)), 1)
        wall = round(median(m.wall for m in mine), 2)
        each = round(one.connections / len(ports), 2)
        holds = count >= peer_named
        yield Figure(part, f"{profile} named", count, "services", f">= {peer_named}", holds, peer)
        yield Figure(part, f"{profile} named_by_both", both, "services", "-", True, peer)
        yield Figure(part, f"{profile} faster", speed, "x", f">= {GOAL}", speed >= GOAL, peer)
        yield Figure(part, f"{profile} wall", wall, "s", "-", True, peer)
        yield Figure(part, f"{profile} connections_per_port", each, "", "<= 1.5", each <= 1.5, "-")
        yield from _floors(profile, one, wall)


def within(
    budget_s: float, most: int, clock: Callable[[], float] = time.monotonic
) -> Iterator[int]:
    """At most `most` round numbers, from 0, for as long as a round like the longest so far would end within `budget_s` seconds."""
    start = begun = clock()
    longest = 0.0
    for number in range(most):
        if begun - start + longest > budget_s:
            return
        yield number
        ended = clock()
        longest, begun = max(longest, ended - begun), ended


def _right(said: Named, ports: Sequence[int]) -> set[int]:
    return {p for p in ports if right(TRUTH[p], *said.get(p, ("", "")))}


def _floors(profile: Profile, one: Look, wall: float) -> Iterable[Figure]:
    """What the caps alone ask for so many connections and packets to one host: nobody who keeps them can be quicker."""
    rates = PROFILES[profile]
    if rates.handshakes is None:
        return
    shaken = (one.connections - rates.handshakes) / rates.handshakes
    carried = one.packets / rates.host_pps
    for name, floor in (("handshakes", shaken), ("packets", carried)):
        yield Figure("identify", f"{profile} floor_of_{name}", round(floor, 2), "s", "-", True, "-")
    over = round(wall / max(shaken, carried), 2)
    yield Figure("identify", f"{profile} over_floor", over, "x", "<= 1.5", over <= 1.5, "-")


def _ours(servers: RealServers, rates: Rates) -> Look:
    connections = 0
    settle = Conversation.settle

    def counted(c: Conversation) -> None:
        nonlocal connections
        connections += c.connections
        settle(c)

    scope = ScopeRule(allowed=(servers.network,))
    dial = LiveDialer(scope, Pacer.at(rates), doors=Doors(rates.handshakes, rates.connections))
    seen = [(servers.address, TcpPort(port=p)) for p in servers.ports]
    ctx = replace(context(seen, scope=scope), dial=dial)
    Conversation.settle = counted  # type: ignore[assignment, method-assign]
    try:
        before, start = servers.packets_sent(), time.monotonic()
        books = asyncio.run(run_unit(Services(), ctx))
        wall, packets = time.monotonic() - start, servers.packets_sent() - before
    finally:
        Conversation.settle = settle  # type: ignore[method-assign]
    return Look(wall, named(books, servers.ports), connections, packets)


def named(books: Books, ports: Sequence[int]) -> Named:
    return {p: of_port(b for _, b in books.bodies if getattr(b, "port", None) == p) for p in ports}


def _nmap(address: str, ports: Sequence[int]) -> tuple[float, Named]:
    start = time.monotonic()
    done = subprocess.run(
        ["nmap", "-n", "-Pn", "-sV", "-T4", "-p", ",".join(map(str, ports)), "-oX", "-", address],
        check=True,
        capture_output=True,
        timeout=600,
    )
    wall = time.monotonic() - start
    return wall, {port: said for (_, port), said in of_nmap(ET.fromstring(done.stdout)).items()}

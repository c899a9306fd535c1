"""The sweep on a lab link of real kernels behind a cable with 3 ms of round trip, 0 % and 1 % loss each way; peers in the same run.

Times are of the engine (ARP and ports in one job); "probes" are what a run does (arp, icmp, ports as probes). Packets and peaks are
counted on the cable, not by us. The floor is max(broadcasts / rate, packets / rate, tries x ports / host cap) + RTO, for the tries that
were made.
"""

from __future__ import annotations

import subprocess
import time
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable
from typing import Any

from agent.catalogs.port_sets import port_set
from tests.bench import Figure
from tests.lan.lan import Lan, Metered
from tests.lan.small import look, sixty, sparse, truth

LIFTED: dict[str, Any] = {"host": None, "total": 5000, "broadcast": 1000}
POLITE: dict[str, Any] = {"host": 5, "total": 5000, "broadcast": 500}
NET = "10.90.0.0/24"
NET_SIZE = 254
RTO_S = 0.12
RUNS_AT_LOSS = 10
Pairs = set[tuple[str, int]]


def figures() -> Iterable[Figure]:
    yield from _small()
    yield from _wide()


def _small() -> Iterable[Figure]:
    machines = sixty()
    known = truth(machines)
    with Lan(machines) as lan:
        for loss in (0.0, 0.01):
            lan.set(loss=loss)
            at = f"{loss * 100:.0f}%"
            ours, wire = _ours(lan, known, LIFTED, at, "lifted")
            yield from wire
            theirs, wire = _nmap(lan, known, at, "nmap -T4", "-T4")
            yield from wire
            goal = 8.0 if loss else 3.0
            ratio = theirs / ours
            yield _figure(
                f"/24 {at} speed_up", ratio, "x", f">= {goal:g}", ratio >= goal, "nmap -T4"
            )
            tuned = ("-T4", "--min-rate", "1000", "--max-retries", "1")
            theirs, wire = _nmap(lan, known, at, "nmap tuned", *tuned)
            yield from wire
            ratio = theirs / ours
            yield _figure(f"/24 {at} speed_up", ratio, "x", ">= 1", ratio >= 1, "nmap tuned")
            polite, wire = _ours(lan, known, POLITE, at, "polite")
            yield from wire
            theirs, wire = _nmap(lan, known, at, "nmap 20ms", "--scan-delay", "20ms")
            yield from wire
            ratio = theirs / polite
            yield _figure(
                f"/24 {at} polite_speed_up",
                ratio,
                "x",
                ">= 1.5",
                ratio >= 1.5,
                "nmap --scan-delay 20ms",
            )
            yield from _rights(lan, known, at)
        missed = 0
        for _ in range(RUNS_AT_LOSS):
            found = look(lan, how="sweep", nets=[NET], caps=LIFTED)
            missed += len(known - found["open"])
        lan.read()
        runs = f"/24 1% missed_in_{RUNS_AT_LOSS}_runs"
        yield _figure(runs, missed, f"of {RUNS_AT_LOSS * len(known)} ports", "0", not missed, "")


def _rights(lan: Lan, known: Pairs, at: str) -> Iterable[Figure]:
    """What a run does, with raw packets and without any right, at the default caps."""
    bare = look(lan, how="sweep", nets=[NET])["wall"]
    lan.read()
    walls = []
    for rights, name in ((True, "probes raw"), (False, "probes plain")):
        found = look(lan, rights=rights, how="probes", nets=[NET])
        yield from _counted(at, name, found["wall"], found["open"], known, lan.read(), found)
        walls.append(found["wall"])
    ratio = walls[0] / bare
    yield _figure(f"/24 {at} probes_to_bare_engine", ratio, "x", "-", True, "one job, same caps")
    ratio = walls[1] / walls[0]
    yield _figure(f"/24 {at} plain_to_raw", ratio, "x", "<= 3", ratio <= 3, "probes raw")


def _wide() -> Iterable[Figure]:
    fast = {"host": None, "total": 10_000, "broadcast": 5000}
    for prefix, count in ((22, 60), (16, 655)):
        machines = sparse(count, prefix)
        net = f"10.90.0.0/{prefix}"
        with Lan(machines) as lan:
            caps = LIFTED if prefix == 22 else fast
            for ports in ("", "msp"):
                found = look(lan, how="sweep", nets=[net], caps=caps, ports=ports)
                name = "with ports" if ports else "who is there"
                wall, wire = found["wall"], lan.read()
                goal = "< 30" if prefix == 16 else "-"
                yield _figure(
                    f"/{prefix} {name} wall", wall, "s", goal, prefix != 16 or wall < 30, ""
                )
                there = {h for h, _ in found["macs"]}
                missed = len(machines.keys() - there) + len(
                    (truth(machines) - found["open"]) if ports else ()
                )
                yield _figure(f"/{prefix} {name} missed", missed, "", "0", missed == 0, "")
                yield _figure(f"/{prefix} {name} packets", wire.count(), "", "-", True, "")
                rss = found["rss_mb"]
                yield _figure(f"/{prefix} {name} rss", rss, "MB", "< 150", rss < 150, "")
                yield _figure(f"/{prefix} {name} cpu", found["cpu"], "s", "-", True, "")
            interval = "1" if prefix == 22 else "200u"
            scan = ["arp-scan", "-I", "eth0", "-q", "-x", "-r", "2", "-i", interval, net]
            for name, argv in (
                ("arp-scan", scan),
                ("nmap -sn", ["nmap", "-sn", "-n", "-T4", net]),
            ):
                wall = _timed(lan, argv)[0]
                lan.read()
                yield _figure(f"/{prefix} who is there wall of {name}", wall, "s", "-", True, name)


def _ours(
    lan: Lan, known: Pairs, caps: dict[str, Any], at: str, name: str
) -> tuple[float, list[Figure]]:
    found = look(lan, how="sweep", nets=[NET], caps=caps)
    wire = lan.read()
    rows = list(_counted(at, name, found["wall"], found["open"], known, wire, found))
    asked = Counter({h: sum(k == "syn" for _, k in r) for h, r in wire.sent.items()})
    most = max(asked.values(), default=0)
    rates = [wire.count("arp") / caps["broadcast"], wire.count() / caps["total"]]
    if caps["host"]:
        told = f"{most} SYNs to one host"
        each = most / (caps["host"] * 10)
        over = found["wall"] / (max(*rates, each) + RTO_S)
        rows.append(
            _figure(f"/24 {at} {name} over_floor", over, "x", "<= 1.15", over <= 1.15, told)
        )
        # The host that is found last cannot be asked before it was found: the floor of a network whose MACs nobody knows.
        found_last = NET_SIZE / caps["broadcast"]
        over = found["wall"] / (max(*rates, found_last + each) + RTO_S)
        rows.append(_figure(f"/24 {at} {name} over_floor_found_last", over, "x", "-", True, told))
    else:
        over = found["wall"] / (max(rates) + RTO_S)
        rows.append(_figure(f"/24 {at} {name} over_floor", over, "x", "<= 1.15", over <= 1.15, ""))
    return found["wall"], rows


def _nmap(lan: Lan, known: Pairs, at: str, name: str, *words: str) -> tuple[float, list[Figure]]:
    ports = ",".join(map(str, port_set()))
    lan.forget_neighbours()
    argv = ["nmap", "-n", "-sS", "-p", ports, "-oX", "-", *words, NET]
    wall, printed = _timed(lan, argv)
    found: Pairs = set()
    for host in ET.fromstring(printed).iter("host"):
        address = host.find("address")
        for port in host.iter("port"):
            state = port.find("state")
            if state is not None and state.get("state") == "open" and address is not None:
                found.add((str(address.get("addr")), int(str(port.get("portid")))))
    return wall, list(_counted(at, name, wall, found, known, lan.read(), {}))


def _timed(lan: Lan, argv: list[str]) -> tuple[float, str]:
    start = time.monotonic()
    done = subprocess.run(
        lan.command(argv), check=True, capture_output=True, text=True, timeout=900
    )
    return time.monotonic() - start, done.stdout


def _counted(
    at: str,
    name: str,
    wall: float,
    found: Pairs,
    known: Pairs,
    wire: Metered,
    used: dict[str, Any],
) -> Iterable[Figure]:
    head = f"/24 {at} {name}"
    # Beside a lossy cable and in one run, a peer's misses are its own affair.
    mine = bool(used)
    missed, false = len(known - found), len(found - known)
    yield _figure(f"{head} wall", wall, "s", "-", True, "")
    yield _figure(
        f"{head} missed", missed, f"of {len(known)} ports", "0", not missed or not mine, ""
    )
    yield _figure(f"{head} false", false, "ports", "0", not false or not mine, "")
    yield _figure(f"{head} packets", wire.count(), "", "-", True, "")
    peak, _ = wire.peak()
    polite = name in ("polite", "probes raw", "probes plain")
    yield _figure(
        f"{head} peak_100ms",
        peak,
        "to one host",
        "<= 5" if polite else "-",
        peak <= 5 or not polite,
        "",
    )
    if used:
        yield _figure(f"{head} cpu", used["cpu"], "s", "-", True, "")
        yield _figure(f"{head} rss", used["rss_mb"], "MB", "< 150", used["rss_mb"] < 150, "")


def _figure(name: str, value: float, unit: str, goal: str, holds: bool, beside: str) -> Figure:
    return Figure("sweep", name, round(value, 2), unit, goal, holds, beside)

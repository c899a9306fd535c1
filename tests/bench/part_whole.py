"""A whole audit of real servers against `nmap -sS -sU -sV` of the same network, TCP and UDP ports, in turn in the same namespaces.

Ours is the command itself: `handover run`, with its raw sockets, all probes, its run file, at the caps of the profile `normal`, then with
`--fast`. nmap is told the network and the same ports and keeps to no cap. A service counts where protocol and, where the truth names one,
program are right; for UDP the protocol.
"""

from __future__ import annotations

import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from agent.model.bodies import Body
from agent.model.bodies_udp import UdpPort
from agent.store.reader import RunFile
from tests.bench import Figure
from tests.bench.naming import of_nmap, of_port, right
from tests.real.whole import TCP, UDP, Whole

SETTLE_S = 8
"""Until servers have announced themselves and Samba has won its election."""
GOAL = 5
NMAP_S = 3600
GROUP_KINDS = {"ssdp.answer": "ssdp", "wsd.device": "wsd", "mdns.service": "mdns"}
"""Kinds of observation that bear a protocol's name where a device answered a question to its group only."""
Named = dict[tuple[str, int, int], tuple[str, str]]
"""(transport, house, port) -> (protocol, program)."""


def figures() -> Iterable[Figure]:
    with (
        TemporaryDirectory(prefix="handover-", ignore_cleanup_errors=True) as place,
        Whole(Path(place)) as street,
    ):
        folder = Path(place)
        wanted = [k for k in (*TCP, *UDP) if k in street.missing]
        yield Figure("whole", "servers_missing", len(wanted), "", "0", not wanted, "-")
        time.sleep(SETTLE_S)
        ours = {
            name: _ours(street, folder / name, *words)
            for name, words in (("normal", ()), ("fast", ("--fast",)))
        }
        peer_wall, theirs = _nmap(street)
    peer, total = "nmap -sS -sU -sV -T4", len(TCP) + len(UDP)
    yield Figure("whole", "services", total, "", "-", True, peer)
    yield Figure("whole", "wall_of_nmap", round(peer_wall, 1), "s", "-", True, peer)
    counts = {t: _right(theirs, t) for t in ("tcp", "udp")}
    for name, (wall, named) in ours.items():
        speed = round(peer_wall / wall, 1)
        yield Figure("whole", f"{name} wall", round(wall, 1), "s", "-", True, peer)
        yield Figure("whole", f"{name} faster", speed, "x", f">= {GOAL}", speed >= GOAL, peer)
        for transport, peers in counts.items():
            mine = _right(named, transport)
            what = f"{name} named_{transport}"
            yield Figure("whole", what, mine, "services", f">= {peers}", mine >= peers, peer)
    for name, named in (("normal", ours["normal"][1]), ("nmap", theirs)):
        print(f"{name} does not name: {_wrong(named)}", file=sys.stderr)


def _truth() -> Named:
    truth: Named = {("tcp", o, p): said for (o, p), said in TCP.items()}
    return truth | {("udp", o, p): (said, "") for (o, p), said in UDP.items()}


def _right(named: Named, transport: str) -> int:
    return len([k for k in _truth() if k[0] == transport]) - sum(
        k[0] == transport for k in _wrong(named)
    )


def _wrong(named: Named) -> Named:
    """What was not named right, with what was said."""
    out: Named = {}
    for key, truth in _truth().items():
        said = named.get(key, ("", ""))
        if not right(truth, *said):
            out[key] = said
    return out


def _ours(street: Whole, folder: Path, *words: str) -> tuple[float, Named]:
    street.arrive()
    street.engagement(folder)
    ports = ",".join(str(p) for p in sorted({p for _, p in TCP}))
    argv = [sys.executable, "-m", "agent", "run", str(folder), "--now", "--ports", ports, *words]
    start = time.monotonic()
    done = subprocess.run(street.look(*argv), check=False, capture_output=True, text=True)
    wall = time.monotonic() - start
    if done.returncode != 0:
        raise RuntimeError(f"exit {done.returncode}: {done.stdout}{done.stderr}")
    [run] = (folder / "runs").glob("*.run")
    tcp: dict[tuple[int, int], list[Body]] = defaultdict(list)
    named: Named = {}
    with RunFile(run) as file:
        for o in file.observations():
            if o.subject.kind != "addr":
                continue
            octet, port = int(o.subject.value.rpartition(".")[2]), getattr(o.body, "port", None)
            if isinstance(o.body, UdpPort):
                named["udp", octet, o.body.port] = o.body.protocol, ""
            elif o.body.kind in GROUP_KINDS:
                protocol = GROUP_KINDS[o.body.kind]
                for house, number in UDP:
                    if house == octet and UDP[house, number] == protocol:
                        named["udp", house, number] = protocol, ""
            elif isinstance(port, int):
                tcp[octet, port].append(o.body)
    return wall, named | {("tcp", *key): of_port(bodies) for key, bodies in tcp.items()}


def _nmap(street: Whole) -> tuple[float, Named]:
    street.arrive()
    ports = [",".join(str(p) for p in sorted({p for _, p in table})) for table in (TCP, UDP)]
    argv = ["nmap", "-n", "-sS", "-sU", "-sV", "-T4", "-p", f"T:{ports[0]},U:{ports[1]}"]
    start = time.monotonic()
    done = subprocess.run(
        street.look(*argv, "-oX", "-", street.network),
        check=True,
        capture_output=True,
        timeout=NMAP_S,
    )
    wall = time.monotonic() - start
    named: Named = {}
    for host in ET.fromstring(done.stdout).iter("host"):
        address = host.find("address")
        if address is not None:
            octet = int(str(address.get("addr")).rpartition(".")[2])
            for (transport, port), said in of_nmap(host).items():
                named[transport, octet, port] = said
    return wall, named

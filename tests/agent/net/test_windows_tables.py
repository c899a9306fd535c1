"""Windows' calls for interfaces, routes and neighbours, run by Windows' Python under Wine beside `ip` in one namespace: they must agree."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from agent.net import interfaces as tables
from agent.net.windows_tables import _NEIGHBOUR_ROW, _ROUTE_ROW, cells, route
from fixtures.lab.netns import NamespaceWorker
from scanners.raw_helper.kernel import net_table
from tests.wine import PYTHON, Wine

_TOLD = """
import json, sys
from agent.net import windows_tables as w
from scanners.raw_helper.kernel import WindowsKernel
def way(host):
    try:
        return w.rows("route", "get", host)
    except w.Refused:
        return None
index = {r["ifname"]: r["ifindex"] for r in w.addresses()}
eth0, off = WindowsKernel(index["eth0"]), WindowsKernel(index["off0"])
print(json.dumps({
    "address": w.rows("address", "show"),
    "dev": w.rows("-s", "-s", "address", "show", "dev", "eth0"),
    "route": w.rows("-4", "route", "show", "table", "all"),
    "neighbour": w.rows("neighbour", "show"),
    "ways": {h: way(h) for h in sys.argv[1:]},
    "kernel": [eth0.mac(), eth0.is_up(), [list(n) for n in eth0.neighbours()], off.is_up()],
}))
"""
HOSTS = ("10.79.0.7", "10.79.0.1", "198.51.100.1", "10.80.1.1")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any]]:
    """(what Windows' calls say, what `ip` says) of one namespace with a card, two routers and one neighbour."""
    worker = NamespaceWorker()
    (mine,) = worker.create(1)
    worker.sysctl(mine, {"ipv6/conf/all/disable_ipv6": 1, "ipv6/conf/default/disable_ipv6": 1})
    batch = (
        "link set lo up",
        "link add eth0 address 02:00:00:00:79:01 type veth peer name cable",
        "link add off0 address 02:00:00:00:79:08 type veth peer name loose",
        "addr add 10.79.0.1/24 dev eth0",
        "addr add 192.0.2.7/28 dev eth0",
        "link set eth0 up",
        "link set cable up",
        "neigh add 10.79.0.2 lladdr 02:00:00:00:79:02 dev eth0 nud reachable",
        "route add default via 10.79.0.2 metric 100",
        "route add 10.80.0.0/16 via 10.79.0.3",
    )
    worker.command(mine, ["ip", "-batch", "-"], "".join(line + "\n" for line in batch))
    within = ("nsenter", f"--net=/proc/{os.getpid()}/fd/{mine}", "--")
    wine = Wine(tmp_path_factory.mktemp("wine"))

    def ip(*words: str) -> Any:
        done = subprocess.run([*within, "ip", "-json", *words], capture_output=True, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    try:
        theirs = json.loads(wine.python(_TOLD, *HOSTS, within=within))
        yield (
            theirs,
            {
                "address": ip("address", "show"),
                "route": ip("-4", "route", "show", "table", "all"),
                "neighbour": ip("neighbour", "show"),
                "ways": {h: ip("route", "get", h) for h in HOSTS},
            },
        )
    finally:
        wine.end()
        worker.close()
        os.close(mine)


@pytest.mark.root
@pytest.mark.needs("ip", "nsenter", "wine", "wineserver")
@pytest.mark.skipif(not PYTHON.is_file(), reason="make windows-python was not run")
@pytest.mark.xdist_group("wine")
class TestUnderWine:
    def test_the_same_interfaces(self, both: tuple[Any, Any]) -> None:
        windows, linux = (tables.parse_interfaces(b["address"]) for b in both)
        # What a card rests on, Windows does not tell.
        assert windows == tuple(replace(i, lower=()) for i in linux)
        assert {i.name for i in windows} == {"eth0", "cable", "off0", "loose"}
        assert tables.parse_interfaces(both[0]["dev"]) == tuple(
            i for i in windows if i.name == "eth0"
        )

    def test_the_same_routes(self, both: tuple[Any, Any]) -> None:
        # The metric of Windows' table is its own.
        windows, linux = (
            {replace(r, metric=0) for r in tables.parse_routes(b["route"])} for b in both
        )
        assert windows == linux
        assert len(windows) == 4
        assert tables.default_routes(tuple(windows))[0].gateway == "10.79.0.2"

    def test_the_same_neighbours(self, both: tuple[Any, Any]) -> None:
        windows, linux = (tables.parse_neighbours(b["neighbour"]) for b in both)
        assert {replace(n, state="") for n in windows} == {replace(n, state="") for n in linux}
        assert windows[0].mac == "02:00:00:00:79:02"

    def test_the_same_way_of_a_packet(self, both: tuple[Any, Any]) -> None:
        for host in HOSTS:
            windows, linux = (b["ways"][host] for b in both)
            if host == "10.79.0.1":
                # `ip` says lo; what counts is that it stays here.
                assert tables.parse_way(windows) == tables.Way("eth0", own=True)
            else:
                assert tables.parse_way(windows) == tables.parse_way(linux), host

    def test_what_the_raw_helper_asks(self, both: tuple[Any, Any]) -> None:
        assert both[0]["kernel"] == ["02:00:00:00:79:01", True, [[10, 79, 0, 2]], False]


def test_tables_that_are_cut_short_end_early() -> None:
    whole = (2).to_bytes(4, "little") + _NEIGHBOUR_ROW.pack(
        4, 6, b"\2\0\0\0\x79\2\0\0", bytes((10, 79, 0, 2)), 3
    )
    assert len(cells(whole, _NEIGHBOUR_ROW)) == 1
    assert net_table(whole, 4) == [bytes((10, 79, 0, 2))]
    assert net_table(whole, 5) == []
    for end in range(len(whole)):
        assert cells(whole[:end], _NEIGHBOUR_ROW) == []
        assert net_table(whole[:end], 4) == []


@pytest.mark.parametrize(
    ("to", "mask", "kind"),
    [
        ("224.0.0.0", "240.0.0.0", 3),
        ("10.0.0.1", "255.255.255.255", 3),
        ("10.0.0.0", "255.0.0.0", 2),
    ],
)
def test_routes_that_lead_to_no_network(to: str, mask: str, kind: int) -> None:
    def packed(text: str) -> bytes:
        return bytes(map(int, text.split(".")))

    numbers = (4, kind, *[0] * 8)
    row = _ROUTE_ROW.pack(packed(to), packed(mask), 0, packed("10.9.9.9"), *numbers)
    assert route(_ROUTE_ROW.unpack(row), {4: "eth0"}, set()) is None
    row = _ROUTE_ROW.pack(
        packed("10.0.0.0"), packed("255.0.0.0"), 0, packed("10.9.9.9"), 4, 4, *[0] * 8
    )
    told = route(_ROUTE_ROW.unpack(row), {4: "eth0"}, set())
    assert told == {"dst": "10.0.0.0/8", "dev": "eth0", "metric": 0, "gateway": "10.9.9.9"}

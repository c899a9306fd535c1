"""nmap XML as it comes, broken off, damaged or hostile: what was seen is read, nothing else is."""

from __future__ import annotations

import io
import socket
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.imports.nmap_xml import DEPTH, NmapScan, NotNmap, read_nmap
from agent.model.bodies import ArpEntry, HostAnswer, HostName, TcpPort
from agent.model.bodies_told import OsTold, ServiceTold

SCAN = b"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE nmaprun>
<!-- Nmap 7.93 scan initiated as: nmap -sS -sV -O 192.168.7.0/24 -->
<nmaprun scanner="nmap" args="nmap -sS -sV -O" start="1795401593" version="7.93" xmloutputversion="1.05">
<scaninfo type="syn" protocol="tcp" numservices="3" services="22,80,443"/>
<host starttime="1795401600" endtime="1795401610"><status state="up" reason="arp-response" reason_ttl="0"/>
<address addr="192.168.7.9" addrtype="ipv4"/><address addr="00:00:5E:00:53:09" addrtype="mac" vendor="IANA"/>
<hostnames><hostname name="typed.by.me" type="user"/><hostname name="nas.durand.example" type="PTR"/></hostnames>
<ports><extraports state="filtered" count="97"/>
<port protocol="tcp" portid="22"><state state="open" reason="syn-ack" reason_ttl="64"/>
<service name="ssh" product="OpenSSH" version="9.2p1" extrainfo="protocol 2.0"
 method="probed" conf="10"><cpe>cpe:/a:openbsd:openssh:9.2p1</cpe></service></port>
<port protocol="tcp" portid="443"><state state="open" reason="syn-ack"/><service name="http" product="nginx" tunnel="ssl"
 method="probed" conf="10"/></port>
<port protocol="tcp" portid="5000"><state state="open" reason="syn-ack"/><service name="upnp" method="table" conf="3"/></port>
<port protocol="tcp" portid="80"><state state="closed" reason="reset"/><service name="http" method="table" conf="3"/></port>
<port protocol="udp" portid="161"><state state="open|filtered" reason="no-response"/></port>
<port protocol="udp" portid="53"><state state="open" reason="udp-response"/><service name="domain" product="ISC BIND"
 method="probed" conf="10"/></port>
</ports>
<os><osmatch name="Linux 5.0 - 5.4" accuracy="98">
<osclass type="general purpose" vendor="Linux"><cpe>cpe:/o:linux:linux_kernel:5</cpe></osclass></osmatch>
<osmatch name="Linux 4.15" accuracy="95"/></os>
</host>
<host endtime="1795401611"><status state="up" reason="reset"/><address addr="192.168.7.11" addrtype="ipv4"/></host>
<host endtime="1795401611"><status state="up" reason="user-set"/><address addr="192.168.7.12" addrtype="ipv4"/>
<ports><port protocol="tcp" portid="22"><state state="filtered" reason="no-response"/></port></ports></host>
<host><status state="down" reason="no-response"/><address addr="192.168.7.13" addrtype="ipv4"/></host>
<runstats><finished time="1795401620" exit="success"/><hosts up="3" down="1" total="4"/></runstats>
</nmaprun>
"""


def read(data: bytes) -> NmapScan:
    return read_nmap(io.BytesIO(data))


def test_what_was_seen_is_read() -> None:
    scan = read(SCAN)
    assert scan.complete and scan.tool == "nmap 7.93" and scan.left_out == 2
    nas, other = scan.hosts
    assert (nas.address, nas.at) == ("192.168.7.9", 1795401610_000000)
    assert [b.port for b in nas.bodies if isinstance(b, TcpPort)] == [22, 443, 5000]
    told = {(b.port, b.transport): b for b in nas.bodies if isinstance(b, ServiceTold)}
    # A name from the port table, a closed port and "open|filtered" are nobody's word.
    assert set(told) == {(22, "tcp"), (443, "tcp"), (53, "udp")}
    assert told[22, "tcp"].product == "OpenSSH" and told[22, "tcp"].conf == 1000
    assert told[22, "tcp"].cpe == ("cpe:/a:openbsd:openssh:9.2p1",)
    assert told[443, "tcp"].tls
    assert [b.name for b in nas.bodies if isinstance(b, HostName)] == ["nas.durand.example"]
    assert [b.mac for b in nas.bodies if isinstance(b, ArpEntry)] == ["00:00:5e:00:53:09"]
    systems = [b for b in nas.bodies if isinstance(b, OsTold)]
    assert [(s.name, s.accuracy) for s in systems] == [("Linux 5.0 - 5.4", 980)]
    assert other.bodies == (HostAnswer(method="tcp-reset"),)


@pytest.mark.needs("nmap")
def test_real_nmap_is_read() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = subprocess.run(
            ["nmap", "-n", "-sT", "-p", str(port), "-oX", "-", "127.0.0.1"],
            capture_output=True,
            check=True,
            timeout=60,
        )
    scan = read(done.stdout)
    assert scan.complete and scan.version and scan.problem == ""
    assert [h.address for h in scan.hosts] == ["127.0.0.1"]
    assert TcpPort(port=port) in scan.hosts[0].bodies


def test_a_scan_that_breaks_off_gives_the_hosts_before_the_break() -> None:
    for end in range(0, len(SCAN), 7):
        try:
            scan = read(SCAN[:end])
        except NotNmap:
            assert b"<nmaprun" not in SCAN[:end] or end < SCAN.index(b"<scaninfo")
            continue
        whole = SCAN[:end].count(b"</host>")
        assert [h.address for h in scan.hosts] == ["192.168.7.9", "192.168.7.11"][:whole]
        if b"</nmaprun>" not in SCAN[:end]:
            assert scan.problem
            assert not scan.complete


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no XML"),
        (b"<html></html>", "not 'nmaprun'"),
        (b'<!DOCTYPE a [<!ENTITY x "y">]><nmaprun>&x;</nmaprun>', "entities"),
        (
            b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><nmaprun>&x;</nmaprun>',
            "entities",
        ),
        (b"<nmaprun>" + b"<a>" * (DEPTH + 2), "nest deeper"),
    ],
)
def test_what_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(NotNmap, match=words):
        read(data)


def test_nmaps_own_failure_is_told() -> None:
    end = b'<finished time="1795401620" exit="error" errormsg="out of memory"/>'
    scan = read(SCAN.replace(b'<finished time="1795401620" exit="success"/>', end))
    assert not scan.complete and "out of memory" in scan.problem and len(scan.hosts) == 2


@settings(max_examples=300)
@given(st.data())
def test_any_damage_is_borne(data: st.DataObject) -> None:
    raw = bytearray(SCAN)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(raw) - 1))
        if data.draw(st.booleans()):
            raw[at] = data.draw(st.integers(0, 255))
        else:
            raw[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=40))
    try:
        scan = read(bytes(raw))
    except NotNmap:
        return
    assert scan.complete or scan.problem
    assert len(scan.hosts) <= 4

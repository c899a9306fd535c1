"""What the UDP probes read: answers of real servers, answers built from documents, and bytes of every other kind."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanners.not_spoken import NotSpoken
from scanners.services import ber
from scanners.udp import (
    bacnet,
    dns,
    ipmi,
    mdns,
    mdns_records,
    mssql,
    netbios,
    ntp,
    sip,
    snmp_engine,
    ssdp,
    ssdp_text,
    wire,
    wsd,
)
from tests.scanners.udp import recorded as r

Read = Callable[[bytes], object]


def _mdns(data: bytes) -> object:
    found = list(wire.parse(data).records)
    mdns_records.host_names(found, "10.78.0.2")
    mdns.more_questions(found)
    return mdns_records.offers(found)


PARSERS: tuple[tuple[str, Read, tuple[bytes, ...]], ...] = (
    ("netbios", netbios.parse, (r.SAMBA, r.WINDOWS_DC)),
    ("mdns", _mdns, (r.AVAHI_TYPES, r.AVAHI_INSTANCES)),
    ("snmp", snmp_engine.report, (r.SNMPD,)),
    ("dns", lambda d: dns.read(dns.parse(d), dns.text_of(dns.parse(d))), (r.BIND_PTR,)),
    ("ntp", ntp.parse, (r.NTPSEC, r.NTP_GOOD)),
    ("sip", sip.parse, (r.SIPP,)),
    ("pong", ipmi.parse_pong, (r.PONG,)),
    ("ipmi", ipmi.parse_capabilities, (r.CAPABLE,)),
    ("ssdp", ssdp_text.answer, (r.MINIDLNA,)),
    ("upnp", lambda d: ssdp_text.description(d, "http://h/", ""), (r.DESCRIPTION,)),
    ("mssql", mssql.parse, (r.BROWSER,)),
    ("bacnet", bacnet.parse, (r.I_AM, r.I_AM_ROUTED)),
    ("wsd", wsd.parse, (r.PROBE_MATCH,)),
)
REFUSALS = (
    netbios.NotNetbios,
    wire.NotDns,
    snmp_engine.NotSnmp,
    dns.NotDns,
    ntp.NotNtp,
    sip.NotSip,
    ipmi.NotIpmi,
    ssdp_text.NotSsdp,
    mssql.NotBrowser,
    bacnet.NotBacnet,
    wsd.NotWsd,
)


@pytest.mark.parametrize(("name", "read", "good"), PARSERS, ids=[p[0] for p in PARSERS])
def test_any_bytes_are_read_or_refused(name: str, read: Read, good: tuple[bytes, ...]) -> None:
    for data in good:
        read(data)
        for end in range(len(data)):
            _read(read, data[:end])

    @settings(max_examples=150, deadline=None)
    @given(st.binary(max_size=300))
    def anything(data: bytes) -> None:
        _read(read, data)

    @settings(max_examples=250, deadline=None)
    @given(st.data())
    def damaged(draw: st.DataObject) -> None:
        data = bytearray(draw.draw(st.sampled_from(good)))
        for _ in range(draw.draw(st.integers(1, 6))):
            at = draw.draw(st.integers(0, len(data) - 1))
            data[at] = draw.draw(st.integers(0, 255))
        cut = draw.draw(st.integers(0, len(data)))
        _read(read, bytes(data[:cut] if draw.draw(st.booleans()) else data))

    anything()
    damaged()


def _read(read: Read, data: bytes) -> None:
    """The one allowed refusal is a declared one; a predicate built on it then says no instead of dying."""
    try:
        read(data)
    except REFUSALS as refused:
        # Never the bytes themselves: they may hold a secret.
        assert len(str(refused)) < 60


def test_netbios() -> None:
    samba = netbios.parse(r.SAMBA)
    assert (samba.computer, samba.workgroup, samba.mac) == ("SRV-SAMBA", "LABO", "")
    assert samba.roles == ("file_server", "messenger", "workstation")
    dc = netbios.parse(r.WINDOWS_DC)
    assert (dc.computer, dc.workgroup, dc.mac) == ("SRV-DC1", "LABOMARTIN", "00:15:5d:0a:0b:0c")
    assert {"domain_controllers", "domain_master_browser"} <= set(dc.roles)
    assert "LABOMARTIN<1c>G" in dc.names


def test_mdns_offers() -> None:
    found = list(wire.parse(r.AVAHI_INSTANCES).records)
    offers = {o.body.service: o for o in mdns_records.offers(found)}
    printer = offers["_ipp._tcp"].body
    assert printer.instance == "Kyocera ECOSYS (été)"
    assert (printer.port, printer.host) == (631, "imp-test.local")
    assert printer.txt["usb_mdl"] == "ECOSYS M3145idn"
    assert printer.txt["password"] == "[redacted]"
    assert offers["_googlecast._tcp"].addresses == {"10.78.0.2"}
    assert mdns_records.host_names(found, "10.78.0.2") == ["imp-test"]
    assert mdns_records.host_names(found, "10.78.0.3") == []
    types = mdns_records.types(wire.parse(r.AVAHI_TYPES).records)
    assert [t[0] for t in types] == ["_workstation", "_ipp", "_googlecast"]


def test_who_speaks_for_another_is_not_taken_for_it() -> None:
    """A sleep proxy, or a reflector between two networks."""
    found = wire.parse(r.AVAHI_INSTANCES).records
    for offer in mdns_records.offers(found):
        assert mdns._owner("10.78.0.2", offer) == "10.78.0.2"
        assert mdns._owner("10.78.0.5", offer) == "10.78.0.2"


def test_a_name_without_end() -> None:
    """A pointer to itself, and two that point at each other (RFC 1035, 4.1.4)."""
    head = bytes.fromhex("000184000001000000000000")
    for tail in (
        b"\xc0\x0c\0\x0c\0\x01",
        b"\xc0\x0e\xc0\x0c\0\x0c\0\x01",
        b"\x01a\xc0\x10\xc0\x0c",
    ):
        with pytest.raises(wire.NotDns):
            wire.parse(head + tail)


@pytest.mark.parametrize(
    ("hex_id", "form", "enterprise", "vendor", "said"),
    [
        ("80001f8803001132007802", "mac", 8072, "", "00:11:32:00:78:02"),
        ("800000090300001b541122aa", "mac", 9, "Cisco", ""),
        ("8000000903001b54112233", "mac", 9, "Cisco", "00:1b:54:11:22:33"),
        ("800030440446475436304654", "text", 12356, "Fortinet", ""),
        ("80001f8880e9bd0c1d12667a5100000000", "vendor", 8072, "", ""),
        ("0000000b0000003cd92b1234", "old", 11, "Hewlett Packard", ""),
        ("8000a0dc01c0a80105", "ipv4", 41180, "", ""),
    ],
)
def test_engine_ids(hex_id: str, form: str, enterprise: int, vendor: str, said: str) -> None:
    """RFC 3411, SnmpEngineID; net-snmp's own format is 128."""
    body = snmp_engine.parse_engine(bytes.fromhex(hex_id))
    assert (body.form, body.enterprise, body.vendor, body.mac) == (form, enterprise, vendor, said)
    if form == "text":
        assert body.text == "FGT60FT"
    if form == "ipv4":
        assert body.address == "192.168.1.5"


def test_snmp_report_and_request() -> None:
    ident, engine, boots, seconds = snmp_engine.report(r.SNMPD)
    assert (ident, engine.hex(), boots, seconds) == (0x45E6C0AC, "80001f8803001132007802", 1, 9)
    with pytest.raises(snmp_engine.NotSnmp):
        # Our own question, sent back to us, is no answer.
        snmp_engine.report(snmp_engine.request(5))


def test_a_number_beyond_all_reason() -> None:
    long = r.SNMPD.replace(bytes.fromhex("020445e6c0ac"), b"\x02\x04" + b"\x7f" * 4)
    assert snmp_engine.report(long)[0] == 0x7F7F7F7F
    with pytest.raises(NotSpoken):
        ber.number(b"\x7f" * 10)


def test_dns() -> None:
    body = dns.read(dns.parse(r.BIND_PTR), dns.text_of(dns.parse(r.BIND_VERSION)))
    assert body.pointer == "srv-dc1.labo.example"
    assert (body.recursion, body.authoritative, body.version) == (True, True, "BIND-test 9")
    refused = bytearray(r.BIND_PTR)
    refused[3] = 0x85
    assert dns.read(dns.parse(bytes(refused))).recursion is None


def test_ntp() -> None:
    young = ntp.parse(r.NTPSEC)
    assert (young.stratum, young.reference, young.synchronised) == (0, "INIT", False)
    now = (3974400010 - 2208988800) * 1_000_000
    good = ntp.parse(r.NTP_GOOD, now + 1500)
    assert (good.stratum, good.reference, good.synchronised) == (2, "192.168.1.1", True)
    assert good.offset_us == -1500
    with pytest.raises(ntp.NotNtp):
        ntp.parse(ntp.request(1))


def test_sip() -> None:
    ident, peer = sip.parse(r.SIPP)
    assert ident == "8a045365d5b27398"
    assert (peer.status, peer.user_agent) == (200, "Yealink SIP-T42S 66.85.0.5")
    assert peer.allow == ("ACK", "BYE", "INVITE", "OPTIONS")
    short = sip.parse(
        b'SIP/2.0 401 No\r\ni: x\r\nWWW-Authenticate: Digest realm="asterisk"\r\n\r\n'
    )
    assert short[0] == "x"
    assert (short[1].status, short[1].realm) == (401, "asterisk")


def test_ipmi() -> None:
    assert ipmi.parse_pong(r.PONG) == (0xD9, 0)
    sequence, body = ipmi.parse_capabilities(r.CAPABLE)
    assert sequence == 0x34
    assert (body.version, body.auth) == ("2.0", ("none", "md2", "md5", "password"))
    assert (body.null_user, body.named_users, body.anonymous_login) == (True, True, False)
    # IPMI 2.0, 13.8: the bytes each checksum covers, and it, add up to 0.
    message = ipmi.capabilities(5)[14:]
    assert sum(message[:3]) & 0xFF == 0 == sum(message[3:]) & 0xFF


def test_ssdp() -> None:
    body = ssdp_text.answer(r.MINIDLNA)
    assert body.server == "Debian DLNADOC/1.50 UPnP/1.0 MiniDLNA/1.3.0"
    assert ssdp_text.location_of(body.location) == ("10.78.0.2", 8200, "/rootDesc.xml")
    assert not ssdp.is_answer(b"NOTIFY * HTTP/1.1\r\nNT: x\r\n\r\n")


@pytest.mark.parametrize(
    "url",
    ["ftp://h/x", "http://h:0/", "http://h:99999/", "//", "http://[::1", "http://h/a\r\nX: y"],
)
def test_locations_that_are_none(url: str) -> None:
    assert ssdp_text.location_of(url) is None


def test_upnp_description() -> None:
    root, embedded = ssdp_text.description(r.DESCRIPTION, "http://h/", "srv")
    assert (root.manufacturer, root.model_name, root.serial) == (
        "Exemple SA",
        "Routeur",
        "EX123456",
    )
    assert embedded.embedded and embedded.friendly_name == "WAN"
    assert ssdp._model(root) == "Routeur R7"


BOMB = b'<!DOCTYPE r [<!ENTITY a "b"><!ENTITY f SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize("entity", [b"&a;", b"&f;", b""])
def test_no_entity_is_ever_read(entity: bytes) -> None:
    page = r.DESCRIPTION.replace(b"<root", BOMB + b"<root").replace(b"Box", entity)
    with pytest.raises(ssdp_text.NotSsdp):
        ssdp_text.description(page, "http://h/", "")
    envelope = r.PROBE_MATCH.replace(b"<s:Envelope", BOMB + b"<s:Envelope")
    with pytest.raises(wsd.NotWsd):
        wsd.parse(envelope)


def test_mssql() -> None:
    first, second = mssql.parse(r.BROWSER)
    assert (first.server, first.instance, first.version) == (
        "SRV-FIC",
        "SQLEXPRESS",
        "10.50.1600.1",
    )
    assert (first.tcp_port, first.clustered) == (49172, False)
    assert (second.tcp_port, second.clustered, second.pipe) == (None, True, "\\\\SRV-FIC\\pipe\\q")


def test_bacnet() -> None:
    body = bacnet.parse(r.I_AM)
    assert (body.instance, body.vendor_id, body.max_apdu) == (4711, 999, 1024)
    assert body.network is None
    assert bacnet.parse(r.I_AM_ROUTED).network == 7


def test_wsd() -> None:
    relates, (camera,) = wsd.parse(r.PROBE_MATCH)
    assert relates == "urn:uuid:1"
    assert camera.types == ("NetworkVideoTransmitter",)
    assert (camera.name, camera.hardware, camera.location) == ("Cam Entree", "DS-2CD2143", "hall")
    assert wsd.strangers(camera, "192.168.1.80") == ["10.9.9.9"]

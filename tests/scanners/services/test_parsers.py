"""Parsers of services against bytes written from their documents, where no free server exists, and against any bytes at all."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanners.http_answer import Answer
from scanners.not_spoken import NotSpoken
from scanners.services import (
    apis,
    ber,
    databases,
    ipp,
    kerberos,
    ldap,
    mongodb,
    mqtt,
    msrpc,
    ntlm,
    options,
    pptp,
    rdp,
    small,
    smb,
    ssh,
    storage,
    telnet,
    vnc,
    words,
    x11,
)


def pairs(*texts: tuple[int, bytes]) -> bytes:
    return b"".join(struct.pack("<HH", kind, len(v)) + v for kind, v in texts) + bytes(4)


def challenge(build: bytes = bytes.fromhex("0a00 7c4f 0000000f")) -> bytes:
    """CHALLENGE_MESSAGE laid out as [MS-NLMP] 2.2.1.2 says; the pairs of 2.2.2.1."""
    name = "ACME".encode("utf-16-le")
    info = pairs(
        (2, name),
        (1, "DC1".encode("utf-16-le")),
        (4, "acme.example".encode("utf-16-le")),
        (3, "dc1.acme.example".encode("utf-16-le")),
        (5, "acme.example".encode("utf-16-le")),
        (7, (133_000_000_000_000_000).to_bytes(8, "little")),
    )
    head = b"NTLMSSP\0" + struct.pack("<IHHI", 2, len(name), len(name), 56)
    head += struct.pack("<I", 0x02898215) + bytes(8) + bytes(8)
    head += struct.pack("<HHI", len(info), len(info), 56 + len(name)) + build
    return head + name + info


def test_the_names_and_build_of_windows_server_2022() -> None:
    told = ntlm.find(b"\x30\x81\xaa" + challenge())
    body = told.body(3389, "rdp")
    assert (body.netbios_computer, body.netbios_domain) == ("DC1", "ACME")
    assert (body.dns_computer, body.dns_domain, body.dns_forest) == (
        "dc1.acme.example",
        "acme.example",
        "acme.example",
    )
    assert body.os_version == "10.0.20348"
    # FILETIME 133 000 000 000 000 000 is 2022-06-18 04:26:40 UTC.
    assert body.time == 1_655_526_400_000_000


def test_ntlm_begins_without_a_name() -> None:
    message = ntlm.negotiate()
    assert message[:12] == b"NTLMSSP\0\x01\0\0\0"
    assert message[16:32] == struct.pack("<HHIHHI", 0, 0, 40, 0, 0, 40)
    assert len(message) == 40
    size = ber.whole(ntlm.spnego())
    assert size == len(ntlm.spnego())


@pytest.mark.parametrize(
    ("hexed", "answer"),
    [
        # [MS-RDPBCGR] 4.1.2: RDP_NEG_RSP, here with HYBRID selected.
        ("030000130ed000001234000201080002000000", rdp.Answer(selected=2)),
        ("030000130ed000001234000200080001000000", rdp.Answer(selected=1)),
        # 2.2.1.2.2: HYBRID_REQUIRED_BY_SERVER.
        ("030000130ed000001234000300080005000000", rdp.Answer(failure=5)),
        # A server before negotiation (Windows XP): the bare confirm.
        ("0300000b06d00000123400", rdp.Answer()),
    ],
)
def test_rdp_negotiation(hexed: str, answer: rdp.Answer) -> None:
    data = bytes.fromhex(hexed)
    assert rdp.whole(data)
    assert not rdp.whole(data[:-1])
    assert rdp.parse(data) == answer


def test_the_request_of_rdp_is_framed() -> None:
    request = rdp.request(3)
    assert request.hex() == "030000130ee000000000000100080003000000"
    assert ber.whole(rdp.credssp()) == len(rdp.credssp())


def prelogin(encryption: int) -> bytes:
    """[MS-TDS] 2.2.6.5: VERSION 15.0.2000, ENCRYPTION, terminator."""
    body = struct.pack(">BHH", 0, 11, 6) + struct.pack(">BHH", 1, 17, 1) + b"\xff"
    body += bytes.fromhex("0f0007d00000") + bytes((encryption,))
    return struct.pack(">BBHHBB", 4, 1, 8 + len(body), 0, 1, 0) + body


@pytest.mark.parametrize(("code", "word"), [(0, "offered"), (2, "none"), (3, "required")])
def test_sql_server(code: int, word: str) -> None:
    body = databases.parse_mssql(1433, prelogin(code))
    assert (body.product, body.version, body.encryption) == (
        "Microsoft SQL Server",
        "15.0.2000",
        word,
    )


def test_our_prelogin_says_what_it_holds() -> None:
    sent = databases.prelogin()
    assert int.from_bytes(sent[2:4], "big") == len(sent)
    body = sent[8:]
    for at in range(0, 25, 5):
        _, offset, size = struct.unpack_from(">BHH", body, at)
        assert offset + size <= len(body)
    assert body[25] == 0xFF


def tower(uuid: str, version: int, port: int) -> bytes:
    """C706, appendix L: interface, NDR, connection-oriented RPC, TCP, IP."""

    def floor(left: bytes, right: bytes) -> bytes:
        return struct.pack("<H", len(left)) + left + struct.pack("<H", len(right)) + right

    who = b"\x0d" + UUID(uuid).bytes_le + struct.pack("<H", version)
    ndr = b"\x0d" + msrpc.NDR.bytes_le + struct.pack("<H", 2)
    floors = floor(who, bytes(2)) + floor(ndr, bytes(2)) + floor(b"\x0b", bytes(2))
    floors += floor(b"\x07", port.to_bytes(2, "big")) + floor(b"\x09", bytes(4))
    return struct.pack("<H", 5) + floors


def lookup_answer(*entries: tuple[bytes, bytes]) -> bytes:
    """ept_lookup's answer: handle, count, a conformant varying array of entries, then the towers."""
    out = bytes(20) + struct.pack("<IIII", len(entries), 500, 0, len(entries))
    for at, (note, _) in enumerate(entries):
        out += bytes(16) + struct.pack("<III", 0x20000 + at, 0, len(note)) + note
        out += bytes(-len(out) % 4)
    for _, held in entries:
        out += struct.pack("<II", len(held), len(held)) + held
        out += bytes(-len(out) % 4)
    return out + bytes(4)


def test_endpoints_of_windows() -> None:
    data = lookup_answer(
        (b"\0", tower("12345778-1234-abcd-ef00-0123456789ac", 1, 49668)),
        (b"DfsrRpc\0", tower("897e2e5f-93f3-4376-9c9c-fd2277495c27", 1, 5722)),
    )
    head = struct.pack("<BBBBIHHI", 5, 0, 2, 3, 0x10, 24 + len(data), 0, 1)
    raw = head + struct.pack("<IHH", len(data), 0, 0) + data
    assert msrpc.whole(raw)
    assert msrpc.endpoints(msrpc.stub(raw)) == (
        "12345778-1234-abcd-ef00-0123456789ac v1 ncacn_ip_tcp:49668",
        "897e2e5f-93f3-4376-9c9c-fd2277495c27 v1 ncacn_ip_tcp:5722 DfsrRpc",
    )


def test_a_mapper_that_refuses() -> None:
    assert not msrpc.bound(struct.pack("<BBBBIHHI", 5, 0, 13, 3, 0x10, 16, 0, 1))
    with pytest.raises(NotSpoken):
        msrpc.bound(b"HTTP/1.1 400 Bad Request\r\n")


def ipp_answer(*values: tuple[int, str, bytes]) -> Answer:
    body = struct.pack(">HHI", 0x0101, 0, 1) + b"\x04"
    for tag, name, value in values:
        body += (
            struct.pack(">BH", tag, len(name))
            + name.encode()
            + struct.pack(">H", len(value))
            + value
        )
    return Answer(200, {"content-type": "application/ipp"}, body + b"\x03", whole=True)


def test_a_printer_tells_its_model_and_serial_number() -> None:
    answer = ipp_answer(
        (0x41, "printer-make-and-model", b"ACME LaserPrint 400"),
        (0x45, "printer-uuid", b"urn:uuid:564e4233-4e34-3230-3034-a0b3cc2e83f8"),
        (0x41, "printer-device-id", b"MFG:ACME;MDL:LaserPrint 400;SN:VNB3N42004;"),
        (0x41, "printer-firmware-string-version", b"2409048_052887"),
        (0x44, "ipp-versions-supported", b"1.1"),
        (0x44, "", b"2.0"),
    )
    body = ipp.parse(631, answer)
    assert (body.make_and_model, body.serial, body.firmware) == (
        "ACME LaserPrint 400",
        "VNB3N42004",
        "2409048_052887",
    )
    assert body.uuid == "564e4233-4e34-3230-3034-a0b3cc2e83f8"
    assert body.versions == ("1.1", "2.0")


ABOUT = b"""<RetrieveServiceContentResponse xmlns="urn:vim25"><returnval><about>
<name>VMware ESXi</name><fullName>VMware ESXi 7.0.3 build-19482537</fullName><vendor>VMware, Inc.</vendor>
<version>7.0.3</version><build>19482537</build><osType>vmnix-x86</osType></about></returnval>"""
IDENTIFY = b"""<s:Envelope><s:Body><wsmid:IdentifyResponse xmlns:wsmid="x"><wsmid:ProductVendor>Microsoft
Corporation</wsmid:ProductVendor><wsmid:ProductVersion>OS: 10.0.20348 SP: 0.0 Stack: 3.0</wsmid:ProductVersion>"""


def test_platforms() -> None:
    esxi = apis.parse_vsphere(443, Answer(200, {}, ABOUT, whole=True), tls=True)
    assert (esxi.product, esxi.version, esxi.build, esxi.vendor) == (
        "VMware ESXi",
        "7.0.3",
        "19482537",
        "VMware, Inc.",
    )
    assert apis.parse_wsman(5985, Answer(200, {}, IDENTIFY, whole=True)).os == "10.0.20348"
    docker = Answer(200, {}, b'{"Version":"24.0.7","ApiVersion":"1.43","Os":"linux"}', whole=True)
    assert (apis.parse_docker(2375, docker).version, apis.parse_docker(2375, docker).open) == (
        "24.0.7",
        True,
    )


def test_ntlm_over_http() -> None:
    header = "Negotiate, NTLM " + base64.b64encode(challenge()).decode()
    assert apis.parse_challenge(header).os_version == "10.0.20348"
    offers = Answer(401, {"www-authenticate": 'Basic realm="x", Negotiate, NTLM'}, b"", whole=True)
    assert apis.offers_ntlm(offers) == "NTLM"
    assert (
        apis.offers_ntlm(Answer(401, {"www-authenticate": 'Basic realm="NTLM"'}, b"", True)) is None
    )


@pytest.mark.parametrize(
    ("data", "types", "refusal"),
    [(b"\x02\x01\x02", (1, 2), ""), (b"\0\0\0\0\x04busy", (), "busy")],
)
def test_vnc(data: bytes, types: tuple[int, ...], refusal: str) -> None:
    assert vnc.whole(data)
    assert vnc.parse(data) == (types, refusal)


def test_a_camera_and_a_telephone() -> None:
    raw = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nServer: Hipcam RealServer/V1.0\r\nPublic: OPTIONS, DESCRIBE\r\n\r\n"
    body = options.parse(554, raw, "rtsp")
    assert (body.server, body.methods) == ("Hipcam RealServer/V1.0", ("OPTIONS", "DESCRIBE"))
    raw = b'SIP/2.0 401 Unauthorized\r\nUser-Agent: Yealink SIP-T42S\r\nWWW-Authenticate: Digest realm="pbx"\r\n\r\n'
    told = options.parse(5060, raw, "sip")
    assert (told.status, told.server, told.realm) == (401, "Yealink SIP-T42S", "pbx")
    with pytest.raises(NotSpoken):
        options.parse(5060, b"HTTP/1.1 400 Bad\r\n\r\n", "sip")


@pytest.mark.parametrize(("code", "anonymous"), [(0, True), (4, False), (5, False)])
def test_mqtt(code: int, anonymous: bool) -> None:
    assert mqtt.parse(1883, bytes((0x20, 2, 0, code))).anonymous is anonymous


def test_what_asks_for_a_password_is_not_open() -> None:
    assert small.parse_redis(6379, b"-NOAUTH Authentication required.\r\n").open is False
    assert small.parse_socks(1080, b"\x05\xff").open is False
    refused = struct.pack("<BBHHH", 0, 13, 11, 0, 4) + b"No protocol\n\0\0\0\0"
    assert x11.parse(6000, refused).open is False


def test_telnet_refuses_every_option() -> None:
    said = bytes.fromhex("fffd18 fffb01 fffa1801fff0 fffe05") + b"login: "
    assert telnet.refuse(said) == bytes.fromhex("fffc18 fffe01")
    assert telnet.finished(said)
    assert not telnet.finished(bytes.fromhex("fffd18"))


def test_replies_of_several_lines() -> None:
    feat = b"211-Features:\r\n AUTH TLS\r\n UTF8\r\n211 End\r\n"
    assert words.done_numbered(feat)
    assert not words.done_numbered(feat[:-9])
    assert words.reply(feat) == (211, ["Features:", " AUTH TLS", " UTF8", "End"])
    assert words.imap_capabilities(b"* CAPABILITY IMAP4rev1 STARTTLS\r\nh1 OK\r\n") == (
        "IMAP4REV1",
        "STARTTLS",
    )
    assert words.pop3_capabilities(b"+OK\r\nSTLS\r\nUSER\r\n.\r\n") == ("STLS", "USER")


PIECES = st.sampled_from(
    [
        b"\x30\x84\0\0\0\x10",
        b"\x30\x0c\x02\x01\x01\x65\x07",
        b"\x7e\x20\x30\x1e",
        b"\x03\0\0\x13\x0e\xd0",
        b"\x05\0\x02\x03\x10\0\0\0",
        challenge(),
        b"\x04\x01\0\x25",
        b"RTSP/1.0 200 OK\r\n",
        b"SIP/2.0 ",
        b"* CAPABILITY ",
        b"211-\r\n",
        b"\xff\xfd\x18",
        b"\x0a10.1-MariaDB\0",
        b"\0\0\0",
        b"\xff\xff\xff\xff",
        b"E\0\0\0\x20SFATAL\0",
        b"\x20\x02\0\0",
        b"<about>",
        b"\x01\x01\0\0\0\0\0\x01\x04",
        struct.pack(">IB", 12, 4) + b"\x14",
        bytes.fromhex("0103000100000000000000400000000000120020"),
        b"\x23\0\0\0" + bytes(44),
        struct.pack(">HHIH", 156, 1, pptp.MAGIC, 2),
        bytes(146),
        struct.pack("<iiiiI", 60, 1, 1, 2013, 0) + b"\0",
        struct.pack("<i", 30) + b"\x02version\0",
        b"\x30\x20\0\x13$SYS/broker/version",
    ]
)
MESSY = st.one_of(
    st.binary(max_size=300),
    st.lists(PIECES | st.binary(max_size=20), max_size=8).map(b"".join),
)


def page(data: bytes) -> Answer:
    return Answer(200, {"content-type": "application/ipp"}, data, whole=True)


PARSERS: dict[str, Callable[[bytes], object]] = {
    "afp": lambda d: storage.parse_afp(548, d),
    "iscsi": lambda d: storage.parse_iscsi(3260, d),
    "pptp": lambda d: pptp.parse(1723, d),
    "mongodb": mongodb.parse,
    "bson": mongodb.bson,
    "mqtt_version": mqtt.version_of,
    "mqtt_said": mqtt.said_version,
    "ntlm": ntlm.find,
    "rdp": rdp.parse,
    "ldap": lambda d: ldap.body(389, False, None, ldap.parse(d)),
    "ldap extended": ldap.parse_extended,
    "kerberos": lambda d: kerberos.parse(88, d),
    "msrpc": lambda d: msrpc.endpoints(msrpc.stub(d)),
    "msrpc stub": msrpc.endpoints,
    "msrpc bind": msrpc.bound,
    "mssql": lambda d: databases.parse_mssql(1433, d),
    "mysql": lambda d: databases.parse_mysql(3306, d),
    "postgresql": lambda d: databases.versions_of(databases.parse_postgresql(d)),
    "ssh": lambda d: ssh.parse_kexinit(ssh.packet(d)[0]),
    "ssh reply": lambda d: ssh.fingerprint(ssh.parse_reply(d)[1]),
    "vnc": vnc.parse,
    "vnc old": vnc.parse_old,
    "vnc version": vnc.version_of,
    "rtsp": lambda d: options.parse(554, d, "rtsp"),
    "sip": lambda d: options.parse(5060, d, "sip"),
    "mqtt": lambda d: mqtt.parse(1883, d),
    "x11": lambda d: x11.parse(6000, d),
    "ipp": lambda d: ipp.parse(631, page(d)),
    "docker": lambda d: apis.parse_docker(2375, page(d)),
    "vsphere": lambda d: apis.parse_vsphere(443, page(d)),
    "wsman": lambda d: apis.parse_wsman(5985, page(d)),
    "http ntlm": lambda d: apis.parse_challenge(d.decode("latin-1")),
    "imap": words.imap_capabilities,
    "pop3": words.pop3_capabilities,
    "redis": lambda d: small.parse_redis(6379, d),
    "memcached": lambda d: small.parse_memcached(11211, d),
    "rpc": small.parse_rpc,
    "dns": lambda d: small.parse_dns(53, d),
    "socks": lambda d: small.parse_socks(1080, d),
    "smb": smb.parse,
}
ENDS: tuple[Callable[[bytes], object], ...] = (
    rdp.whole,
    ldap.whole,
    msrpc.whole,
    databases.whole_tds,
    databases.whole_error,
    ssh.whole,
    vnc.whole,
    vnc.whole_old,
    x11.whole,
    smb.whole,
    words.done_numbered,
    words.done_tagged,
    words.done_dotted,
    words.reply,
    small.rpc_whole,
    telnet.refuse,
    telnet.finished,
)


@pytest.mark.parametrize("name", PARSERS)
@settings(deadline=None, max_examples=60)
@given(data=MESSY)
def test_any_bytes_are_read_or_refused(name: str, data: bytes) -> None:
    try:
        PARSERS[name](data)
    except NotSpoken as error:
        assert len(str(error)) < 100


@settings(deadline=None, max_examples=100)
@given(MESSY)
def test_any_bytes_have_an_end_or_not(data: bytes) -> None:
    for end in ENDS:
        try:
            end(data)
        except NotSpoken:
            continue


@settings(deadline=None)
@given(st.integers(-(2**62), 2**62), st.binary(max_size=400))
def test_ber_there_and_back(value: int, data: bytes) -> None:
    assert ber.number(ber.expect(ber.INTEGER, ber.integer(value))[0]) == value
    assert ber.expect(ber.OCTETS, ber.element(ber.OCTETS, data) + b"x") == (data, b"x")


def test_what_is_cut_is_not_taken_for_whole() -> None:
    done = ber.element(ber.SEQUENCE, ber.integer(1), ber.element(0x65, b"\x0a\x01\0\x04\0\x04\0"))
    assert ldap.whole(done)
    assert not ldap.whole(done[:-1])
    with pytest.raises(NotSpoken):
        ber.take(done[:-1])

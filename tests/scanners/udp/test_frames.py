"""What the link says unasked: frames of real programs, frames built from documents, and bytes of every other kind."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanners.raw_helper.listen import LARGEST, program
from scanners.udp import frames, neighbour_frames
from scanners.udp.frames import NotFrame
from tests.scanners.udp import recorded_frames as r


def body(data: bytes) -> bytes:
    return frames.frame(data).body


def dhcp(data: bytes) -> frames.Dhcp:
    return frames.dhcp(frames.udp(body(data)).data)


READERS: tuple[tuple[str, Callable[[bytes], object], tuple[bytes, ...]], ...] = (
    ("arp", lambda d: frames.arp(body(d)), (r.ARP,)),
    ("dhcp", dhcp, (r.OFFER, r.DISCOVER)),
    ("eapol", lambda d: frames.eapol(body(d)), (r.EAPOL_START, r.EAP_IDENTITY)),
    ("lldp", lambda d: neighbour_frames.lldp(body(d)), (r.LLDP, r.PHONE)),
    ("cdp", lambda d: neighbour_frames.cdp(body(d)), (r.CDP,)),
)


@pytest.mark.parametrize(("name", "read", "good"), READERS, ids=[p[0] for p in READERS])
def test_any_frame_is_read_or_refused(
    name: str, read: Callable[[bytes], object], good: tuple[bytes, ...]
) -> None:
    def tried(data: bytes) -> None:
        try:
            read(data)
        except NotFrame as refused:
            assert len(str(refused)) < 60

    for data in good:
        read(data)
        for end in range(len(data)):
            tried(data[:end])

    @settings(max_examples=150, deadline=None)
    @given(st.binary(max_size=400))
    def anything(data: bytes) -> None:
        tried(data)

    @settings(max_examples=300, deadline=None)
    @given(st.data())
    def damaged(draw: st.DataObject) -> None:
        data = bytearray(draw.draw(st.sampled_from(good)))
        for _ in range(draw.draw(st.integers(1, 6))):
            data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
        cut = draw.draw(st.integers(0, len(data)))
        tried(bytes(data[:cut] if draw.draw(st.booleans()) else data))

    anything()
    damaged()


def test_arp() -> None:
    assert frames.arp(body(r.ARP)) == ("10.78.0.7", "3c:52:82:aa:bb:cc")
    probing = r.ARP[:28] + bytes(4) + r.ARP[32:]
    with pytest.raises(NotFrame):
        # RFC 5227: who asks whether an address is free has none.
        frames.arp(body(probing))


def test_dhcp() -> None:
    offer = dhcp(r.OFFER)
    assert offer.server is not None and offer.identifier == "10.78.0.9"
    assert (offer.server.message, offer.server.domain) == ("offer", "pirate.example")
    assert (offer.server.routers, offer.server.dns) == (("10.78.0.14",), ("10.9.9.9",))
    assert offer.server.lease_s == 3600
    client = dhcp(r.DISCOVER).client
    assert client is not None
    assert (client.mac, client.hostname) == ("3c:52:82:aa:bb:cc", "PC-DHCP1")


def test_eapol() -> None:
    start = frames.eapol(body(r.EAPOL_START))
    assert (start.packet, start.role) == ("start", "supplicant")
    asked = frames.eapol(body(r.EAP_IDENTITY))
    assert (asked.eap, asked.role) == ("request/identity", "authenticator")


def test_lldp_of_a_phone() -> None:
    phone = neighbour_frames.lldp(body(r.PHONE))
    assert (phone.chassis, phone.chassis_kind) == ("10.78.0.22", "address")
    assert phone.port == "80:5e:c0:aa:bb:cc"
    assert phone.capabilities == ("bridge", "telephone")
    assert (phone.manufacturer, phone.model, phone.serial) == ("Yealink", "T42S", "12345678")
    assert phone.voice_vlan == 5


def test_cdp() -> None:
    seen = neighbour_frames.cdp(body(r.CDP))
    assert (seen.platform, seen.port) == ("Linux", "eth0")
    assert seen.description == "Commutateur-test"
    assert seen.addresses == ("10.78.0.2",)


def passes(data: bytes) -> bool:
    """Runs the filter as the kernel would (bpf(4))."""
    a = x = at = 0
    code = program()
    while True:
        op, yes, no, k = code[at]
        at += 1
        if op == 0x06:
            assert k in (0, LARGEST)
            return k > 0
        if op in (0x28, 0x20, 0x30, 0x48):
            size = {0x28: 2, 0x20: 4, 0x30: 1, 0x48: 2}[op]
            start = k + (x if op == 0x48 else 0)
            if start + size > len(data):
                return False
            a = int.from_bytes(data[start : start + size], "big")
        elif op == 0xB1:
            x = 4 * (data[k] & 15)
        else:
            met = {0x15: a == k, 0x25: a > k, 0x45: bool(a & k)}[op]
            at += yes if met else no


def test_the_filter_takes_what_is_listened_to() -> None:
    for wanted in (r.LLDP, r.CDP, r.OFFER, r.DISCOVER, r.ARP, r.EAPOL_START, r.PHONE):
        assert passes(wanted)
    for port, taken in ((5353, True), (1900, True), (5355, True), (53, False), (445, False)):
        aimed = r.OFFER[:36] + port.to_bytes(2, "big") + r.OFFER[38:]
        assert passes(aimed) is taken
    # A TCP segment, a later fragment, IPv6, and a spanning tree frame.
    assert not passes(r.OFFER[:23] + b"\x06" + r.OFFER[24:])
    assert not passes(r.OFFER[:20] + b"\x00\x10" + r.OFFER[22:])
    assert not passes(r.OFFER[:12] + b"\x86\xdd" + r.OFFER[14:])
    assert not passes(bytes.fromhex("0180c2000000") + r.CDP[6:])

"""Frames of the raw engine: what leaves is right by scapy's own reading, what comes in is an answer only when it carries our number."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from scanners.raw_helper.frames import Cookies, Frames, TcpAnswer, checksum
from scanners.raw_helper.loop import Lines
from scanners.raw_helper.wire import for_us
from tests.scanners.raw_sim import BASE, OWN, OWN_MAC, tcp_answer

ROOT = Path(__file__).parents[2]
HOST, MAC = socket.inet_aton("10.0.0.9"), bytes.fromhex("020000000009")
FRAMES = Frames(OWN_MAC, OWN, BASE, b"k" * 32)
SYN = FRAMES.syn(FRAMES.head(HOST, MAC), HOST, 443, 2)
READ = """
import json, sys
from scapy.layers.l2 import Ether, ARP
from scapy.layers.inet import IP, TCP, ICMP
out = []
for line in sys.stdin:
    raw = bytes.fromhex(line.strip())
    got = Ether(raw)
    again = Ether(raw)
    for layer in (IP, TCP, ICMP):
        if layer in again:
            del again[layer].chksum
    out.append({"same": bytes(again) == raw, "words": got.summary(), "dst": got.dst})
print(json.dumps(out))
"""


def test_what_leaves_reads_right_and_its_checksums_hold() -> None:
    frames = (SYN, FRAMES.echo(HOST, MAC, 1), FRAMES.arp(HOST))
    done = subprocess.run(
        [sys.executable, "-c", READ],
        input="\n".join(f.hex() for f in frames),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        timeout=120,
    )
    syn, echo, arp = json.loads(done.stdout)
    assert all(one["same"] for one in (syn, echo, arp))
    assert "10.0.0.1:61002 > 10.0.0.9:https S" in syn["words"]
    assert "echo-request" in echo["words"]
    assert "who has 10.0.0.9 says 10.0.0.1" in arp["words"]
    assert arp["dst"] == "ff:ff:ff:ff:ff:ff"


def test_answers_are_told_apart() -> None:
    assert FRAMES.read_ip(tcp_answer(SYN, 0x12)) == TcpAnswer(HOST, 443, 2, "open", True)
    assert FRAMES.read_ip(tcp_answer(SYN, 0x14)) == TcpAnswer(HOST, 443, 2, "closed")
    # A reset without an acknowledgement carries no number of ours, and an ACK alone says nothing.
    assert FRAMES.read_ip(tcp_answer(SYN, 0x04)) is None
    assert FRAMES.read_ip(tcp_answer(SYN, 0x10)) is None


def unreachable(code: int, *, by: str = "10.0.0.254", quoted: bytes = SYN) -> bytes:
    """ICMP destination unreachable (RFC 792) that quotes *quoted*."""
    outer = b"\x45\0\0\x38\0\0\0\0\x40\x01\0\0" + socket.inet_aton(by) + socket.inet_aton(OWN)
    return SYN[6:12] + SYN[:6] + b"\x08\0" + outer + bytes([3, code]) + b"\0" * 6 + quoted[14:42]


def test_who_is_turned_away_by_icmp_is_told_as_a_connecting_kernel_would() -> None:
    assert FRAMES.read_ip(unreachable(3)) == TcpAnswer(HOST, 443, 2, "closed")
    assert FRAMES.read_ip(unreachable(13)) == TcpAnswer(HOST, 443, 2, "unreachable")
    forged = SYN[:38] + b"\0\0\0\1" + SYN[42:]
    assert FRAMES.read_ip(unreachable(3, quoted=forged)) is None


@given(at=st.integers(26, 49), bit=st.integers(0, 7))
def test_one_bit_off_is_no_answer_to_another_question(at: int, bit: int) -> None:
    frame = bytearray(tcp_answer(SYN, 0x12))
    frame[at] ^= 1 << bit
    answer = FRAMES.read_ip(bytes(frame))
    # Numbers the host chose itself, and flags beyond those read, may differ.
    assert answer is None or (at in range(38, 42) or at in (46, 47, 48, 49))


@given(st.binary(max_size=200))
def test_any_bytes_are_read(data: bytes) -> None:
    assert FRAMES.read_ip(data) is None
    assert FRAMES.read_arp(data) is None


@given(st.binary(max_size=120), st.integers(0, 60))
def test_any_bytes_behind_a_true_beginning_are_read(data: bytes, kept: int) -> None:
    for true in (tcp_answer(SYN, 0x12), unreachable(3), FRAMES.arp(HOST)):
        FRAMES.read_ip(true[:kept] + data)
        FRAMES.read_arp(true[:kept] + data)


def test_only_we_know_the_numbers() -> None:
    mine, other = Cookies(b"a" * 32), Cookies(b"b" * 32)
    numbers = {mine.of(HOST, port, BASE) for port in range(1, 2000)}
    assert len(numbers) > 1990
    assert mine.of(HOST, 22, BASE) != other.of(HOST, 22, BASE)
    assert mine.of(HOST, 22, BASE) != mine.of(HOST, 22, BASE + 1)


def test_an_arp_answer_to_somebody_else_or_from_a_group_is_none() -> None:
    own, them = bytes.fromhex("020000000001"), MAC
    head = own + them + b"\x08\x06\0\x01\x08\0\x06\x04\0\x02"
    good = head + them + HOST + own + socket.inet_aton(OWN)
    assert FRAMES.read_arp(good) == (HOST, them)
    assert FRAMES.read_arp(good[:-4] + socket.inet_aton("10.0.0.77")) is None
    group = b"\x01" + them[1:]
    assert FRAMES.read_arp(head + group + HOST + own + socket.inet_aton(OWN)) is None


def run_bpf(program: tuple[tuple[int, int, int, int], ...], frame: bytes) -> int:
    """The few instructions of classic BPF that the filter uses (bpf(4))."""
    a = x = at = 0
    while True:
        code, true, false, k = program[at]
        at += 1
        if code == 6:
            return k
        if code in (0x20, 0x28, 0x30, 0x48, 0x50):
            size = {0x20: 4, 0x28: 2, 0x30: 1, 0x48: 2, 0x50: 1}[code]
            start = k + (x if code in (0x48, 0x50) else 0)
            if start + size > len(frame):
                return 0
            a = int.from_bytes(frame[start : start + size], "big")
        elif code == 0xB1:
            x = 4 * (frame[k] & 15)
        elif code == 0x05:
            at += k
        else:
            holds = {0x15: a == k, 0x25: a > k, 0x35: a >= k, 0x45: bool(a & k)}[code]
            at += true if holds else false


def test_the_kernels_filter_lets_through_what_we_read_and_little_else() -> None:
    program = for_us(socket.inet_aton(OWN), BASE)
    for good in (tcp_answer(SYN, 0x12), tcp_answer(SYN, 0x14), unreachable(3)):
        assert run_bpf(program, good) > 0
    other_port = bytearray(tcp_answer(SYN, 0x12))
    other_port[36:38] = (BASE + 8).to_bytes(2, "big")
    fragment = bytearray(tcp_answer(SYN, 0x12))
    fragment[21] = 1
    other_host = bytearray(tcp_answer(SYN, 0x12))
    other_host[33] ^= 1
    udp = bytearray(tcp_answer(SYN, 0x12))
    udp[23] = 17
    for bad in (other_port, fragment, other_host, udp):
        assert run_bpf(program, bytes(bad)) == 0


def test_checksum_of_the_example_in_rfc_1071() -> None:
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D


@given(st.lists(st.binary(max_size=50), max_size=20))
def test_lines_come_out_as_they_went_in_however_they_are_cut(parts: list[bytes]) -> None:
    stream = b"".join(parts)
    cut = Lines()
    lines = [line for part in parts for line in cut.feed(part)]
    assert lines == stream.split(b"\n")[:-1]


def test_a_reset_ends_the_connection_its_question_opened() -> None:
    from scapy.layers.inet import IP, TCP
    from scapy.layers.l2 import Ether

    sent = Ether(FRAMES.reset(HOST, MAC, 443, 2))
    asked = Ether(SYN)
    tcp, whole = sent[TCP], Ether(bytes(sent))
    assert (tcp.sport, tcp.dport, tcp.flags) == (asked[TCP].sport, 443, "R")
    assert tcp.seq == (asked[TCP].seq + 1) & 0xFFFFFFFF
    assert (sent.dst, sent.src, sent[IP].dst) == (asked.dst, asked.src, asked[IP].dst)
    # Checksums as scapy reckons them.
    del whole[IP].chksum, whole[TCP].chksum
    assert bytes(Ether(bytes(whole))) == bytes(sent)

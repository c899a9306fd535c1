"""SNMPv3 agents of one process for the bench part `snmp`: the lab's agent behind our own messages, which snmpbulkwalk must understand too.

`python -m tests.bench.usm_agents FILE NET PORT COUNT`; the user is `USER`, for every agent an engine of its own.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from pathlib import Path

from collectors.snmp import usm
from collectors.snmp.ber import INTEGER, OCTETS, SEQUENCE, BerError, encode, encode_oid, expect
from collectors.snmp.message import REPORT
from collectors.snmp.usm import PRIV, Envelope
from collectors.snmp.usm_keys import Keys, User, UsmError
from fixtures.lab.snmp.agent import Agent
from fixtures.lab.snmp.mib import Mib
from fixtures.lab.snmp.mib import read as read_mib

USER = User(b"bench", "SHA-256", b"bench-auth-phrase", "AES", b"bench-priv-phrase")
SECRET = "SHA-256 bench-auth-phrase AES bench-priv-phrase"
_UNKNOWN_ENGINE = (*usm.STATS, 4, 0)


class UsmAgent:
    """*agent* as a v3 agent with the engine id *engine*."""

    def __init__(self, agent: Agent, engine: bytes) -> None:
        self.agent, self.engine, self.started = agent, engine, time.monotonic()
        self.keys = Keys(USER, engine)

    def answer(self, data: bytes) -> bytes | None:
        try:
            return self._answer(data)
        except (BerError, UsmError):
            return None

    def _answer(self, data: bytes) -> bytes | None:
        e = usm.read(data)
        seconds = int(time.monotonic() - self.started) + 1
        if e.engine != self.engine:
            row = encode(SEQUENCE, encode_oid(_UNKNOWN_ENGINE) + encode(0x41, b"\x01"))
            zero = encode(INTEGER, b"\0")
            pdu = encode(REPORT, zero * 3 + encode(SEQUENCE, row))
            scoped = usm.scoped_pdu(self.engine, b"", pdu)
            return usm.written(Envelope(e.ident, 0, self.engine, 1, seconds, b"", scoped=scoped))
        if not usm.genuine(data, e, self.keys):
            return None
        a, b = expect(e.scoped, 0, len(e.scoped), OCTETS)
        plain = self.keys.open(e.scoped[a:b], e.salt, e.boots, e.seconds)
        a, end = expect(plain, 0, len(plain), SEQUENCE)
        _, a = expect(plain, a, end, OCTETS)
        _, a = expect(plain, a, end, OCTETS)
        asked = encode(SEQUENCE, b"\x02\x01\x01" + encode(OCTETS, b"c") + plain[a:end])
        told = self.agent.answer(asked)
        if told is None:
            return None
        a, end = expect(told, 0, len(told), SEQUENCE)
        _, a = expect(told, a, end, INTEGER)
        _, a = expect(told, a, end, OCTETS)
        scoped = usm.scoped_pdu(self.engine, b"", told[a:end])
        flags = e.flags & (PRIV | usm.AUTH)
        return usm.written(
            Envelope(e.ident, flags, self.engine, 1, seconds, USER.name, scoped=scoped), self.keys
        )


async def _main(file: str, net: str, port: str, count: str) -> None:
    mib = Mib.of(read_mib(Path(file).read_text("utf-8")))
    loop = asyncio.get_running_loop()
    known: dict[bytes, bytes] = {}
    for i in range(1, int(count) + 1):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sock.setblocking(False)
        sock.bind((f"{net}.{i}", int(port)))
        one = UsmAgent(Agent(mib, (b"c",), known=known), b"\x80\x00\x1f\x88\x04lab" + bytes((i,)))
        loop.add_reader(sock, _serve, sock, one)
    print("ready", flush=True)
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(0.5)


def _serve(sock: socket.socket, one: UsmAgent) -> None:
    while True:
        try:
            data, peer = sock.recvfrom(65535)
        except OSError:
            return
        if said := one.answer(data):
            sock.sendto(said, peer)


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))

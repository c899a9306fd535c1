"""`python -m scanners.raw_helper`: reads requests as JSON lines, sends frames, answers as JSON lines.

First line: {"interface", "source_ip", "scope": ScopeRule, "caps"?: {"host", "total", "broadcast", "gateway"}, "wire"?: "pcap"}.
Then, any number at a time:
{"id", "op": "arp", "targets": [address], "rate"}, {"id", "op": "icmp", "targets", "macs": {address: mac}, "rate"},
{"id", "op": "sweep", "targets": {address: mac or null}, "ports", "first", "sure", "routed"}, {"id", "op": "stop"}.

While a request is worked on: {"id", "sent": {address: [arp, udp, icmp, tcp]}} (packets since the last such line) and {"id", "news": [...]}
with ["mac", address, mac], ["echo", address, ttl, microseconds], ["open", address, port] and, as the last of each host,
["host", address, [open, closed, silent, unreachable, not asked], capped]. At its end {"id", "done"} or {"id", "error": words}.

Every target is checked against the scope once more. All sockets are opened first; then every right is given up. Imports only agent.model,
scapy and the standard library.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from typing import Any

from agent.model.raw_caps import RawCaps
from agent.model.scope import ScopeRule
from scanners.raw_helper.engine import Engine
from scanners.raw_helper.frames import ECHO, Frames, load_scapy, new_key, unicast
from scanners.raw_helper.loop import Lines, Loop
from scanners.raw_helper.rights import give_up
from scanners.raw_helper.source import Copied, Pipe
from scanners.raw_helper.wire import Wire
from scanners.raw_helper.wire_pcap import PcapWire, prefer_pcap
from scanners.raw_helper.work import Job

MAX_TARGETS = 1 << 16
MAX_TOTAL, MAX_BROADCAST = 20_000.0, 5_000.0
MIN_HOST = 2
"""A SYN, and the reset of our kernel."""
MAX_JOBS = 1024


class Requests:
    """Turns lines into jobs of the engine; whatever cannot be one is answered by an error."""

    def __init__(self, scope: ScopeRule, engine: Engine) -> None:
        self._scope, self._engine = scope, engine

    def take(self, line: bytes) -> None:
        mine: Any = None
        try:
            request = _object(line)
            mine = request.get("id")
            if request["op"] == "stop":
                self._stop(mine)
            else:
                self._begin(mine, request)
        except (ValueError, KeyError, TypeError, OSError, OverflowError) as error:
            _say({"id": mine, "error": _words(error)})

    def _stop(self, mine: Any) -> None:
        for job in list(self._engine.jobs.values()):
            if job.id == mine:
                self._engine.stop(job, "stopped")
                return
        # It ended by itself meanwhile, and its end has been told or will be.

    def _begin(self, mine: Any, request: dict[str, Any]) -> None:
        if len(self._engine.jobs) >= MAX_JOBS:
            raise ValueError(f"more than {MAX_JOBS} requests at a time")
        targets, ports = self._what(request)
        packed: dict[bytes, bytes | None] = {}
        for target in targets:
            if (verdict := self._scope.judge(target)) != "allowed":
                raise ValueError(f"{target} is {verdict}")
        for target, mac in targets.items():
            packed[socket.inet_aton(target)] = None if mac is None else unicast(mac)
        rate = max(1.0, min(MAX_BROADCAST, float(int(request.get("rate", MAX_BROADCAST)))))
        index = {port: i for i, port in enumerate(ports)}
        first = int(request.get("first", len(ports)))
        job = Job(mine, ports, first, rate, index, sure=bool(request.get("sure", True)))
        self._engine.add(job, packed, bool(request.get("routed", False)))

    def _what(self, request: dict[str, Any]) -> tuple[dict[str, str | None], tuple[int, ...]]:
        op = request["op"]
        if op == "arp":
            return {str(t): None for t in _list(request["targets"])}, ()
        if op == "icmp":
            macs = request["macs"]
            if not isinstance(macs, dict):
                raise ValueError("macs: address -> MAC")
            # One without a MAC is turned away as such, after the scope had its say.
            return {str(t): str(macs.get(str(t))) for t in _list(request["targets"])}, (ECHO,)
        if op != "sweep":
            raise ValueError("no such operation")
        ports = tuple(int(p) for p in _list(request["ports"]))
        if not all(0 < p < 65536 for p in ports) or len(set(ports)) != len(ports):
            raise ValueError("ports are numbers from 1 to 65535, each once")
        targets = request["targets"]
        if not isinstance(targets, dict):
            raise ValueError("targets: address -> MAC or null")
        _list(list(targets))
        return {str(t): None if m is None else str(m) for t, m in targets.items()}, ports


def main() -> int:
    try:
        first = _object(_first_line())
        scope = ScopeRule.model_validate(first["scope"])
        scope.size()  # ranges are read when first needed: better now than later
        pcap = first.get("wire") == "pcap" or sys.platform == "win32"
        if pcap:
            prefer_pcap()
        load_scapy()
        interface, address = str(first["interface"]), str(first["source_ip"])
        wire = (PcapWire if pcap else Wire)(interface, address)
        frames = Frames(wire.mac, address, wire.base, new_key())
        engine = Engine(frames, _caps(first.get("caps") or {}), mute=wire.mute)
    except (ValueError, KeyError, TypeError, OSError, OverflowError, ImportError) as error:
        _say({"ready": False, "error": _words(error)})
        return 1
    try:
        left = give_up()
    except OSError as error:
        # With rights it was to give up it does not go on.
        _say({"ready": False, "error": f"could not give up its rights: {_words(error)}"})
        return 1
    _say({"ready": True, "rights": left})
    source = (Copied if pcap else Pipe)(sys.stdin.fileno())
    # Threads after that: one that ran before would keep its rights.
    wire.begin()
    source.begin()
    Loop(wire, engine, source, Requests(scope, engine).take, _say).run()
    return 0


def _caps(given: dict[str, Any]) -> RawCaps:
    """Raises `ValueError` for caps beyond what this program ever sends, and for caps of nothing."""
    usual = RawCaps()
    host = given.get("host", usual.host)
    caps = RawCaps(
        host=None if host is None else int(host),
        total=float(given.get("total", usual.total)),
        broadcast=float(given.get("broadcast", usual.broadcast)),
        gateway=float(given.get("gateway", usual.gateway)),
    )
    if not 0 < caps.total <= MAX_TOTAL or not 0 < caps.broadcast <= MAX_BROADCAST:
        raise ValueError("a cap is out of range")
    if not 0 < caps.gateway <= MAX_TOTAL or (caps.host is not None and caps.host < MIN_HOST):
        raise ValueError("a cap is out of range")
    return caps


def _first_line() -> bytes:
    """Read by bytes: what follows belongs to the loop, which reads the same descriptor without a buffer."""
    line = bytearray()
    while len(line) < Lines.LIMIT and (byte := os.read(sys.stdin.fileno(), 1)) not in (b"", b"\n"):
        line += byte
    return bytes(line)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("a list, please")
    if len(value) > MAX_TARGETS:
        raise ValueError(f"more than {MAX_TARGETS} targets")
    return value


def _object(line: bytes) -> dict[str, Any]:
    try:
        # Not of bytes: json would look for UTF-16 and load its codec, from folders we may no longer read.
        found = json.loads(line.decode("utf-8"))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("a request is a JSON object")
    return found


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

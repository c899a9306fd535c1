"""The raw helper's one loop: reads requests, sends what is due, hears what comes in, tells it at once. One thread."""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from typing import Any, Protocol

from scanners.raw_helper.engine import Engine
from scanners.raw_helper.source import Copied, Pipe
from scanners.raw_helper.wire import Down
from scanners.raw_helper.work import Job

TELL_S = 0.1
"""Counts of what was sent are told this often: what a killed helper did not tell is within what was reserved."""
ALIVE_S = 2.0
CHECK_S = 0.25
LOOK_S = 0.05
IN_A_ROW = 8
"""Frames sent before what came in is read: an open port's reset must be known before the next turn."""
PER_LINE = 500


Source = Pipe | Copied


class Waiting(Protocol):
    def fileno(self) -> int: ...


class AnyWire(Protocol):
    """What `wire.Wire` and `wire_pcap.PcapWire` have in common."""

    interface: str
    mac: str
    base: int
    mute: bool

    @property
    def arp(self) -> Waiting: ...
    @property
    def ip(self) -> Waiting: ...
    def begin(self) -> None: ...
    def send(self, frame: bytes) -> bool: ...
    def poke(self, host: bytes) -> bool: ...
    def read(self, opened: Any) -> list[bytes]: ...
    def dropped(self) -> int: ...
    def neighbours(self) -> list[bytes]: ...
    def is_up(self) -> bool: ...


class Loop:
    """*take* gets each line from *requests*; *say* gets each line that is to be told."""

    def __init__(
        self,
        wire: AnyWire,
        engine: Engine,
        requests: Source,
        take: Callable[[bytes], None],
        say: Callable[[dict[str, Any]], None],
    ) -> None:
        self._wire, self._engine, self._take, self._say = wire, engine, take, say
        self._requests, self._lines = requests, Lines()
        self._told = self._alive = self._checked = self._looked = 0.0

    def run(self) -> None:
        """Until the requests end."""
        waiting: tuple[Any, ...] = (self._requests, self._wire.arp, self._wire.ip)
        while True:
            wake = self._turn()
            now = time.monotonic()
            if self._engine.busy():
                wake = min(wake, self._told + TELL_S)
            if self._engine.meeting():
                wake = min(wake, max(self._looked, now) + LOOK_S)
            pause = max(0.0, min(wake - now, 60.0))
            # select(2) waits by the microsecond, poll(2) by the millisecond: too coarse for a pace.
            ready, _, _ = select.select(waiting, (), (), pause)
            if self._requests in ready and not self._hear():
                return

    def _turn(self) -> float:
        engine, wire = self._engine, self._wire
        wake = float("inf")
        try:
            self._read()
            for number in range(64 if engine.busy() else 0):
                if number and number % IN_A_ROW == 0:
                    self._read()
                send, wake = engine.due(time.monotonic())
                if send is None:
                    break
                gone = wire.poke(send.poke) if send.frame is None else wire.send(send.frame)
                if gone:
                    engine.left(time.monotonic())
                elif not engine.refused(time.monotonic()):
                    engine.stop_all(f"interface {wire.interface} takes no packets")
            self._check(time.monotonic())
        except Down:
            engine.unsent()
            engine.stop_all(f"interface {wire.interface} went down")
        except OSError as error:
            engine.unsent()
            engine.stop_all(f"{type(error).__name__}: {error.strerror}"[:200])
        self._tell(time.monotonic())
        return wake

    def _read(self) -> None:
        for frame in self._wire.read(self._wire.arp):
            self._engine.on_arp(frame, time.monotonic())
        for frame in self._wire.read(self._wire.ip):
            self._engine.on_ip(frame, time.monotonic())

    def _check(self, now: float) -> None:
        if now - self._looked >= LOOK_S and self._engine.strangers(now):
            self._looked = now
            self._engine.met(self._wire.neighbours(), now)
        if now - self._checked < CHECK_S or not self._engine.busy():
            return
        self._checked = now
        self._engine.dropped += self._wire.dropped()
        self._engine.forget(now)
        if not self._wire.is_up():
            self._engine.stop_all(f"interface {self._wire.interface} went down")

    def _hear(self) -> bool:
        data = self._requests.read()
        if not data:
            return False
        for line in self._lines.feed(data):
            self._take(line)
        return True

    def _tell(self, now: float) -> None:
        engine = self._engine
        finished, engine.finished = engine.finished, []
        if not finished and now - self._told < TELL_S:
            return
        self._told = now
        said = False
        for job in [*engine.jobs.values(), *finished]:
            said |= self._tell_job(job)
        for job in finished:
            last: dict[str, Any] = {"id": job.id, "done": True}
            if engine.dropped:
                last["dropped"] = engine.dropped
            self._say({"id": job.id, "error": job.error} if job.error else last)
        if finished and not engine.busy():
            engine.dropped = 0
        if said or finished:
            self._alive = now
        elif engine.busy() and now - self._alive >= ALIVE_S:
            self._alive = now
            self._say({"alive": True})

    def _tell_job(self, job: Job) -> bool:
        events, job.events = job.events, []
        sent, job.sent = list(job.sent.items()), {}
        for start in range(0, len(sent), PER_LINE):
            part = sent[start : start + PER_LINE]
            self._say({"id": job.id, "sent": {text(ip): row for ip, row in part}})
        for start in range(0, len(events), PER_LINE):
            news = [[e[0], text(e[1]), *e[2:]] for e in events[start : start + PER_LINE]]
            self._say({"id": job.id, "news": news})
        return bool(events or sent)


def text(ip: bytes) -> str:
    return ".".join(map(str, ip))


class Lines:
    """Cuts a stream into lines. One that is longer than `LIMIT` is passed over and comes out empty."""

    LIMIT = 4 * 1024 * 1024

    def __init__(self) -> None:
        self._held = bytearray()
        self._long = False

    def feed(self, data: bytes) -> list[bytes]:
        out: list[bytes] = []
        *whole, rest = data.split(b"\n")
        for part in whole:
            fits = len(self._held) + len(part) <= self.LIMIT
            out.append(bytes(self._held) + part if fits and not self._long else b"")
            self._held.clear()
            self._long = False
        if self._long or len(self._held) + len(rest) > self.LIMIT:
            self._long = True
            self._held.clear()
        else:
            self._held += rest
        return out

"""The raw engine: one paced schedule in which ARP answers feed port questions at once. Pure: no socket and no clock of its own.

The loop asks `due(now)` for what may leave, sends it, and says so with `left(at)` or `refused(at)`; what comes in goes to `on_arp` and
`on_ip`. Nothing to one host is caught up that was late. An open port costs two packets, our SYN and a reset. Where our kernel is mute
that reset is ours, and leaves when the caps let it. Else the kernel sends it by itself, so room for it is kept before a SYN leaves;
and a host on our link is first made known to our kernel by one UDP datagram to port 9 (discard, RFC 863): the kernel would else ask
by ARP just when it has a reset to send.
"""

from __future__ import annotations

import heapq
import itertools
import secrets
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from scanners.raw_helper.choice import pick
from scanners.raw_helper.frames import (
    ECHO,
    EchoAnswer,
    Frames,
    TcpAnswer,
    text_of,
)
from scanners.raw_helper.pace import Steady, Window
from scanners.raw_helper.policy import TRIES_UNKNOWN, Loss, enough_for
from scanners.raw_helper.work import (
    CLOSED,
    MACS_KEPT,
    OPEN,
    UNASKED,
    UNREACHABLE,
    Address,
    Caps,
    Group,
    Host,
    Job,
)

OPEN_LIMIT = 512
"""Open ports after which a host is a joker (a tarpit answers on all 65,535): it is asked no more, and that is said."""
KERNEL_TRIES, KERNEL_S = 3, 3.5
"""Requests our kernel sends for an address, and how long it takes to give up."""
STUCK_S = 2.0
"""So long the card may take no packet before the work is given up."""
_STATE = {"open": OPEN, "closed": CLOSED, "unreachable": UNREACHABLE}


@dataclass
class Send:
    """`frame` is to leave; or, when it is None, one datagram to *poke*."""

    frame: bytes | None
    who: Address | Host
    port: int = -1
    reset: bool = False
    tried: int = 0

    @property
    def poke(self) -> bytes:
        return self.who.ip


class Engine:
    """`mute`: our kernel sends no resets of its own."""

    def __init__(self, frames: Frames, caps: Caps, *, mute: bool = False) -> None:
        self.frames, self.caps, self.mute = frames, caps, mute
        self.jobs: dict[int, Job] = {}
        self.finished: list[Job] = []
        self.dropped = 0
        """Answers the kernel threw away because we did not read in time; the sockets' own count."""
        self._total = Steady(caps.total)
        self._broadcast = Steady(caps.broadcast)
        self._link = Group(None)
        self._gateways: dict[bytes, Group] = {}
        self._echoes: dict[float, Group] = {}
        self._windows: dict[bytes, Window] = {}
        self._owed: list[tuple[float, int, Host, int, int]] = []
        self._arp: deque[Address] = deque()
        self._arp_wait: deque[Address] = deque()
        self._arp_loss = Loss()
        self._pokes: deque[Host] = deque()
        self._unmet: dict[bytes, Host] = {}
        self._addresses: dict[bytes, Address] = {}
        self._hosts: dict[bytes, Host] = {}
        self._numbers = itertools.count()
        self._sending: Send | None = None
        self._stuck: float | None = None
        self._pause_until = -inf

    def add(self, job: Job, targets: dict[bytes, bytes | None], routed: bool) -> None:
        """Begin *job*: address -> MAC to send to, None where ARP has to tell. *routed*: that MAC is a gateway's.

        Raises `ValueError` for an address that is being asked already.
        """
        if any(ip in self._addresses or ip in self._hosts for ip in targets):
            raise ValueError("an address is being asked already")
        self.jobs[id(job)] = job
        for ip, mac in targets.items():
            if mac is None:
                one = self._addresses[ip] = Address(job, ip)
                self._arp.append(one)
                job.asking += 1
            else:
                self._begin(job, ip, mac, routed)
        rates = [j.rate for j in self.jobs.values()]
        # The link is shared: the gentlest of those who ask now sets the pace.
        rate = min([self.caps.broadcast, *rates])
        if rate != self._broadcast.pps:
            self._broadcast = Steady(rate, self._broadcast)
        self._end_if_over(job)

    def stop(self, job: Job, why: str) -> None:
        """Send nothing more for *job*; what was not asked is told as not asked."""
        job.error = job.error or why
        job.held = []
        for ip in list(job.hosts):
            host = self._hosts[ip]
            for i in range(len(host.states)):
                if not host.states[i] and not host.tries[i]:
                    host.states[i] = UNASKED
            self._host_over(host)
        for one in [a for a in self._addresses.values() if a.job is job]:
            self._address_over(one)
        self._arp = deque(a for a in self._arp if a.job is not job)
        self._arp_wait = deque(a for a in self._arp_wait if a.job is not job)
        self._pokes = deque(h for h in self._pokes if h.job is not job)
        self._unmet = {ip: h for ip, h in self._unmet.items() if h.job is not job}
        self._end_if_over(job)

    def stop_all(self, why: str) -> None:
        for job in list(self.jobs.values()):
            self.stop(job, why)

    def due(self, now: float) -> tuple[Send | None, float]:
        """What may leave now, or None; and when to ask again at the latest."""
        self._expire(now)
        if self._unmet:
            late = [i for i, h in self._unmet.items() if (h.poked_at or now) + KERNEL_S <= now]
            self.met(late, now)
        wake = self._next_deadline()
        ready = max(self._total.ready(), self._pause_until)
        if ready > now:
            return None, min(wake, ready) if self._work() else wake
        if self._owed:
            if (send := self._end_connection(now)) is not None:
                return self._hold(send), now
            if self._owed:
                wake = min(wake, self._owed[0][0])
        if self._pokes or self._arp:
            ready = self._broadcast.ready()
            if ready <= now:
                if (send := self._ask_link()) is not None:
                    return self._hold(send), now
            else:
                wake = min(wake, ready)
        for group in (self._link, *self._gateways.values(), *self._echoes.values()):
            if not group.heap:
                continue
            if group.pace is not None and (ready := group.pace.ready()) > now:
                wake = min(wake, ready)
                continue
            send = self._ask_host(group, now)
            if send is not None:
                return self._hold(send), now
            if group.heap:
                wake = min(wake, group.heap[0][0])
        return None, wake

    def left(self, at: float) -> None:
        """What `due` gave has left, at *at* at the latest."""
        send, self._sending = self._sending, None
        assert send is not None
        self._stuck = None
        self._total.take(at)
        who = send.who
        if isinstance(who, Address):
            self._broadcast.take(at)
            self._window(who.ip).take(at)
            who.tries += 1
            who.asked_at, who.due = at, at + self._link.trip.rto
            who.job.count(who.ip, 0)
            self._arp_wait.append(who)
        elif send.reset:
            who.window.take(at)
            who.owed -= 1
            who.job.count(who.ip, 3)
        elif send.frame is None:
            self._broadcast.take(at)
            # The kernel's request leaves now, the datagram itself once it is answered.
            who.window.take(at)
            who.job.count(who.ip, 0)
            who.job.count(who.ip, 1)
            who.poked_at = at
            self._unmet[who.ip] = who
        else:
            self._asked(who, send.port, at)

    def refused(self, at: float) -> bool:
        """The card's queue is full: the same is tried again shortly. False when that has gone on for too long."""
        send, self._sending = self._sending, None
        assert send is not None
        self._stuck = self._stuck or at
        self._pause_until = at + 0.002
        who = send.who
        if isinstance(who, Address):
            self._arp.appendleft(who)
        elif send.frame is None:
            self._pokes.appendleft(who)
        elif send.reset:
            self._owe(who, send.port, send.tried, at)
        else:
            if who.tries[send.port]:
                who.waiting.appendleft((at, send.port))
            else:
                who.next = send.port
            self._push(who, at)
        return at - self._stuck < STUCK_S

    def unsent(self) -> None:
        """What `due` gave last did not leave, and the work is about to be stopped."""
        self._sending = None

    def on_arp(self, frame: bytes, at: float) -> None:
        answer = self.frames.read_arp(frame)
        if answer is not None and answer[0] in self._unmet:
            self.met((answer[0],), at)
        if answer is None or (one := self._addresses.get(answer[0])) is None or not one.tries:
            return
        mac = answer[1]
        if mac in one.macs or len(one.macs) >= MACS_KEPT:
            return
        one.macs.append(mac)
        one.job.events.append(("mac", one.ip, text_of(mac)))
        if len(one.macs) > 1:
            return
        self._arp_loss.seen(one.tries)
        if one.tries == 1:
            self._link.trip.seen(at - one.asked_at)
        if one.job.ports:
            self._begin(one.job, one.ip, mac, False)

    def on_ip(self, frame: bytes, at: float) -> None:
        answer = self.frames.read_ip(frame)
        if answer is None or (host := self._hosts.get(answer.host)) is None:
            return
        port = answer.port if isinstance(answer, TcpAnswer) else ECHO
        index = host.job.index.get(port)
        if index is None or host.tries[index] <= answer.tried:
            return
        if isinstance(answer, TcpAnswer) and answer.syn_ack and host.may_reset():
            host.resets += 1
            if self.mute:
                host.owed += 1
                self._owe(host, port, answer.tried, at)
            else:
                self._kernel_resets(host, at)
        if host.states[index]:
            return
        if answer.tried + 1 == host.tries[index]:
            trip = max(0.0, at - host.at[index])
            host.group.trip.seen(trip)
        else:
            trip = 0.0
        host.group.loss.seen(answer.tried + 1)
        if answer.tried and host.job.held:
            self._decide(host.job)
        host.answers += 1
        if isinstance(answer, EchoAnswer):
            host.states[index] = OPEN
            host.job.events.append(("echo", host.ip, answer.ttl, int(trip * 1_000_000)))
            return
        host.states[index] = _STATE[answer.said]
        if answer.said == "open":
            host.opened += 1
            host.job.events.append(("open", host.ip, port))
            if host.opened >= OPEN_LIMIT:
                self._give_up(host)

    def _kernel_resets(self, host: Host, at: float) -> None:
        host.job.count(host.ip, 3)
        if host.resets == 1 and host.poked_at is None and host.group is self._link:
            # It is a stranger to our kernel, which asks by ARP first.
            host.job.count(host.ip, 0)
        host.window.take(at)
        self._total.take(at)

    def met(self, known: Iterable[bytes], at: float) -> None:
        """Our kernel knows these hosts now: their ports can be asked."""
        for ip in known:
            host = self._unmet.pop(ip, None)
            if host is None or host.over or host.poked_at is None:
                continue
            host.window.take(at)
            # It repeats its request once a second (ip-sysctl, mcast_solicit: three in all).
            if again := min(int(at - host.poked_at), KERNEL_TRIES - 1):
                host.window.take(at)
                host.job.count(ip, 0, again)
            self._push(host, at)

    def meeting(self) -> bool:
        """Is our kernel making a host's acquaintance?"""
        return bool(self._unmet)

    def strangers(self, now: float) -> bool:
        """Is there a host our kernel should have met by now? Then its table is worth a look."""
        due = now - self._link.trip.rto
        return any(h.poked_at is not None and h.poked_at <= due for h in self._unmet.values())

    def busy(self) -> bool:
        return bool(self.jobs)

    # --- what may leave -------------------------------------------------------------------------------------------------------

    def _hold(self, send: Send) -> Send:
        self._sending = send
        return send

    def _work(self) -> bool:
        groups = (self._link, *self._gateways.values(), *self._echoes.values())
        return bool(self._arp or self._pokes or self._owed or any(g.heap for g in groups))

    def _owe(self, host: Host, port: int, tried: int, when: float) -> None:
        heapq.heappush(self._owed, (when, next(self._numbers), host, port, tried))

    def _end_connection(self, now: float) -> Send | None:
        """A reset that may leave: before any question, as it frees a place at the host."""
        while self._owed and self._owed[0][0] <= now:
            _, _, host, port, tried = heapq.heappop(self._owed)
            if host.over:
                continue
            if (ready := host.window.ready()) > now:
                self._owe(host, port, tried, ready)
                continue
            frame = self.frames.reset(host.ip, host.mac, port, tried)
            return Send(frame, host, port, reset=True, tried=tried)
        return None

    def _ask_link(self) -> Send | None:
        while self._pokes:
            host = self._pokes.popleft()
            if not host.over:
                return Send(None, host)
        while self._arp:
            one = self._arp.popleft()
            if not one.settled and not one.macs:
                return Send(self.frames.arp(one.ip), one)
        return None

    def _ask_host(self, group: Group, now: float) -> Send | None:
        while group.heap and group.heap[0][0] <= now:
            _, _, host = heapq.heappop(group.heap)
            if host.over:
                continue
            if (ready := host.ready(now, mute=self.mute)) > now:
                self._push(host, ready)
                continue
            index, again = pick(host, now)
            if index is None:
                if again is None:
                    self._host_over(host)
                    self._end_if_over(host.job)
                else:
                    self._push(host, again)
                continue
            port, tried = host.job.ports[index], host.tries[index]
            if port == ECHO:
                return Send(self.frames.echo(host.ip, host.mac, tried), host, index)
            return Send(self.frames.syn(host.head, host.ip, port, tried), host, index)
        return None

    def _asked(self, host: Host, index: int, at: float) -> None:
        host.window.take(at)
        if host.group.pace is not None:
            host.group.pace.take(at)
        host.tries[index] += 1
        host.at[index] = at
        host.waiting.append((at + host.group.trip.rto, index))
        echo = host.job.ports[index] == ECHO
        if not echo:
            host.flight.append((at, index))
        host.job.count(host.ip, 2 if echo else 3)
        self._push(host, max(host.ready(at, mute=self.mute), at))

    def _push(self, host: Host, when: float) -> None:
        heapq.heappush(host.group.heap, (when, next(self._numbers), host))

    # --- what begins and ends ---------------------------------------------------------------------------------------------------

    def _begin(self, job: Job, ip: bytes, mac: bytes, routed: bool) -> None:
        group = self._link
        if job.ports == (ECHO,):
            group = self._echoes.setdefault(job.rate, Group(Steady(job.rate)))
        elif routed:
            group = self._gateways.setdefault(mac, Group(Steady(self.caps.gateway)))
        host = Host.of(job, ip, mac, self.frames.head(ip, mac), group, self._window(ip))
        self._hosts[ip] = host
        group.asking += 1
        job.hosts.add(ip)
        if routed or job.ports == (ECHO,) or self.caps.host is None or self.mute:
            # Where a host has no cap, there is no need to know beforehand what our kernel will send.
            self._push(host, 0.0)
        else:
            self._pokes.append(host)

    def _give_up(self, host: Host) -> None:
        host.capped = True
        for i in range(len(host.states)):
            if not host.states[i] and not host.tries[i]:
                host.states[i] = UNASKED
        host.next = len(host.states)

    def _expire(self, now: float) -> None:
        """Addresses whose last request counts as unanswered: asked again, or given up."""
        while self._arp_wait and self._arp_wait[0].due <= now:
            one = self._arp_wait.popleft()
            if one.macs:
                self._address_over(one)
            elif one.tries < TRIES_UNKNOWN:
                self._arp.append(one)
            else:
                one.job.held.append(one)
                self._decide(one.job)

    def _decide(self, job: Job) -> None:
        """A third request is worth it once packets are known to get lost; that none do is known when all other questions are through."""
        seen = [r for r in (self._arp_loss.rate, self._link.loss.rate) if r]
        through = len(job.held) >= job.asking and not job.hosts
        if not job.held or not (seen or through):
            return
        held, job.held = job.held, []
        most = enough_for(max(seen)) if seen else TRIES_UNKNOWN
        for one in held:
            if one.tries < most:
                self._arp.append(one)
            else:
                self._address_over(one)

    def _address_over(self, one: Address) -> None:
        if one.settled:
            return
        one.settled = True
        self._addresses.pop(one.ip, None)
        one.job.asking -= 1
        self._decide(one.job)
        self._end_if_over(one.job)

    def _host_over(self, host: Host) -> None:
        if host.over:
            return
        host.over = True
        # Stopped with connections half open: our kernel resets these once the helper has ended.
        host.job.count(host.ip, 3, host.owed)
        host.group.asking -= host.resting is None
        self._hosts.pop(host.ip, None)
        host.job.hosts.discard(host.ip)
        host.job.events.append(host.ended())
        self._decide(host.job)

    def _end_if_over(self, job: Job) -> None:
        if job.over and self.jobs.pop(id(job), None) is not None:
            self.finished.append(job)

    def _window(self, ip: bytes) -> Window:
        found = self._windows.get(ip)
        if found is None:
            found = self._windows[ip] = Window(self.caps.host, 0.1)
        return found

    def forget(self, now: float) -> None:
        """Windows of hosts that nothing was sent to lately."""
        busy = self._hosts.keys() | self._addresses.keys()
        for ip in [i for i, w in self._windows.items() if w.idle(now) and i not in busy]:
            del self._windows[ip]

    def _next_deadline(self) -> float:
        return self._arp_wait[0].due if self._arp_wait else inf


def new_key() -> bytes:
    return secrets.token_bytes(32)

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
from collections.abc import Iterable
from math import inf

from agent.model.raw_caps import RawCaps
from scanners.raw_helper.addresses import Addresses
from scanners.raw_helper.choice import pick
from scanners.raw_helper.frames import ECHO, EchoAnswer, Frames, TcpAnswer, text_of
from scanners.raw_helper.groups import Groups
from scanners.raw_helper.pace import Steady
from scanners.raw_helper.resets import Resets
from scanners.raw_helper.send import Send
from scanners.raw_helper.strangers import Strangers
from scanners.raw_helper.windows import Windows
from scanners.raw_helper.work import (
    CLOSED,
    MACS_KEPT,
    OPEN,
    UNREACHABLE,
    Address,
    Group,
    Host,
    Job,
)

OPEN_LIMIT = 512
"""Open ports after which a host is a joker (a tarpit answers on all 65,535): it is asked no more, and that is said."""
STUCK_S = 2.0
"""So long the card may take no packet before the work is given up."""
_STATE = {"open": OPEN, "closed": CLOSED, "unreachable": UNREACHABLE}


class Engine:
    """`mute`: our kernel sends no resets of its own."""

    def __init__(self, frames: Frames, caps: RawCaps, *, mute: bool = False) -> None:
        self.frames, self.caps, self.mute = frames, caps, mute
        self.jobs: dict[int, Job] = {}
        self.finished: list[Job] = []
        self.dropped = 0
        """Answers the kernel threw away because we did not read in time; the sockets' own count."""
        self._total = Steady(caps.total)
        self._broadcast = Steady(caps.broadcast)
        self.groups = Groups(caps.gateway)
        self._windows = Windows(caps.host)
        self._resets = Resets()
        self._addresses = Addresses(self.groups.link, self._address_over)
        self._strangers = Strangers()
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
                self._addresses.add(job, ip)
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
            host.leave_rest()
            self._host_over(host)
        self._addresses.stop(job)
        self._strangers.stop(job)
        self._end_if_over(job)

    def stop_all(self, why: str) -> None:
        for job in list(self.jobs.values()):
            self.stop(job, why)

    def due(self, now: float) -> tuple[Send | None, float]:
        """What may leave now, or None; and when to ask again at the latest."""
        self._addresses.expire(now)
        if self._strangers.meeting:
            self.met(self._strangers.given_up(now), now)
        wake = self._addresses.deadline()
        ready = max(self._total.ready(), self._pause_until)
        if ready > now:
            return None, min(wake, ready) if self._work() else wake
        if self._resets:
            if (owed := self._resets.due(now)) is not None:
                return self._hold(self._reset(*owed)), now
            wake = min(wake, self._resets.next_at())
        if self._strangers.waiting or self._addresses.waiting:
            ready = self._broadcast.ready()
            if ready <= now:
                if (send := self._ask_link()) is not None:
                    return self._hold(send), now
            else:
                wake = min(wake, ready)
        for group in self.groups:
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
            self._windows.of(who.ip).take(at)
            who.job.count(who.ip, 0)
            self._addresses.asked(who, at)
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
            self._strangers.poked(who, at)
        else:
            who.asked(send.port, at)
            self._push(who, max(who.ready(at, mute=self.mute), at))

    def refused(self, at: float) -> bool:
        """The card's queue is full: the same is tried again shortly. False when that has gone on for too long."""
        send, self._sending = self._sending, None
        assert send is not None
        self._stuck = self._stuck or at
        self._pause_until = at + 0.002
        who = send.who
        if isinstance(who, Address):
            self._addresses.back(who)
        elif send.frame is None:
            self._strangers.back(who)
        elif send.reset:
            self._resets.owe(who, send.port, send.tried, at)
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
        if answer is not None and answer[0] in self._strangers:
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
        self._addresses.answered(one, at)
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
                self._resets.owe(host, port, answer.tried, at)
            else:
                self._kernel_resets(host, at)
        if host.states[index]:
            return
        trip = host.answered(index, answer.tried, at)
        if answer.tried and host.job.held:
            self._addresses.decide(host.job)
        if isinstance(answer, EchoAnswer):
            host.states[index] = OPEN
            host.job.events.append(("echo", host.ip, answer.ttl, int(trip * 1_000_000)))
            return
        host.states[index] = _STATE[answer.said]
        if answer.said == "open":
            host.opened += 1
            host.job.events.append(("open", host.ip, port))
            if host.opened >= OPEN_LIMIT:
                host.give_up()

    def _kernel_resets(self, host: Host, at: float) -> None:
        host.job.count(host.ip, 3)
        if host.resets == 1 and host.poked_at is None and host.group is self.groups.link:
            # It is a stranger to our kernel, which asks by ARP first.
            host.job.count(host.ip, 0)
        host.window.take(at)
        self._total.take(at)

    def met(self, known: Iterable[bytes], at: float) -> None:
        """Our kernel knows these hosts now: their ports can be asked."""
        for host in self._strangers.met(known, at):
            self._push(host, at)

    def meeting(self) -> bool:
        """Is our kernel making a host's acquaintance?"""
        return self._strangers.meeting

    def strangers(self, now: float) -> bool:
        """Is there a host our kernel should have met by now? Then its table is worth a look."""
        return self._strangers.overdue(now, self.groups.link.trip.rto)

    def busy(self) -> bool:
        return bool(self.jobs)

    # --- what may leave -------------------------------------------------------------------------------------------------------

    def _hold(self, send: Send) -> Send:
        self._sending = send
        return send

    def _work(self) -> bool:
        link = self._addresses.waiting or self._strangers.waiting
        return bool(link or self._resets or self.groups.waiting())

    def _reset(self, host: Host, port: int, tried: int) -> Send:
        """Before any question, as it frees a place at the host."""
        frame = self.frames.reset(host.ip, host.mac, port, tried)
        return Send(frame, host, port, reset=True, tried=tried)

    def _ask_link(self) -> Send | None:
        if (host := self._strangers.next()) is not None:
            return Send(None, host)
        if (one := self._addresses.next()) is not None:
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

    def _push(self, host: Host, when: float) -> None:
        heapq.heappush(host.group.heap, (when, next(self._numbers), host))

    # --- what begins and ends ---------------------------------------------------------------------------------------------------

    def _begin(self, job: Job, ip: bytes, mac: bytes, routed: bool) -> None:
        group = self.groups.of(job, mac, routed=routed)
        host = Host.of(job, ip, mac, self.frames.head(ip, mac), group, self._windows.of(ip))
        self._hosts[ip] = host
        group.asking += 1
        job.hosts.add(ip)
        if routed or job.ports == (ECHO,) or self.caps.host is None or self.mute:
            # Where a host has no cap, there is no need to know beforehand what our kernel will send.
            self._push(host, 0.0)
        else:
            self._strangers.add(host)

    def _address_over(self, one: Address) -> None:
        self._windows.ended(one.ip)
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
        self._windows.ended(host.ip)
        host.job.events.append(host.ended())
        self._addresses.decide(host.job)

    def _end_if_over(self, job: Job) -> None:
        if job.over and self.jobs.pop(id(job), None) is not None:
            self.finished.append(job)

    def forget(self, now: float) -> None:
        """Windows of hosts that nothing was sent to lately."""
        self._windows.forget(now, lambda ip: ip in self._hosts or ip in self._addresses)

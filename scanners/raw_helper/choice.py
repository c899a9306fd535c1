"""Which port of a host the raw engine asks next, and when its questions are through: retries from the loss that was seen. Pure."""

from __future__ import annotations

from scanners.raw_helper.frames import ECHO
from scanners.raw_helper.policy import MAX_TRIES, RTO_FLOOR_S, TRIES_UNKNOWN
from scanners.raw_helper.work import Host

REST_S = 5.0
"""So long a host that is done waits for news of loss at others."""
LOOK_S = 0.002
"""So soon it looks again where the last of the others is through in this moment."""


def pick(host: Host, now: float) -> tuple[int | None, float | None]:
    """The next port to ask, or when to look again; neither: the host is done."""
    if host.next < len(host.states):
        host.next += 1
        return host.next - 1, None
    while host.waiting:
        due, index = host.waiting[0]
        if host.states[index]:
            host.waiting.popleft()
            continue
        if due > now:
            return None, due
        host.waiting.popleft()
        wanted = _wanted(host, index)
        if host.tries[index] < min(wanted, MAX_TRIES):
            return index, None
        if wanted == 1:
            host.deferred.append(index)
    return _rest(host, now) if host.deferred else (None, None)


def _rest(host: Host, now: float) -> tuple[int | None, float | None]:
    """Ports that are asked again only if packets get lost wait until that is known: until nobody reached the same way is asked more."""
    again = [i for i in host.deferred if not host.states[i] and _wanted(host, i) > 1]
    if again:
        host.deferred = []
        host.waiting.extend((now, i) for i in again)
        host.group.asking += host.resting is not None
        host.resting = None
        return pick(host, now)
    if host.resting is None:
        host.resting = now
        host.group.asking -= 1
    if host.group.asking > 0 and now - host.resting < REST_S:
        return None, min(max(host.group.settled_at, now + LOOK_S), now + RTO_FLOOR_S)
    return None, None


def _wanted(host: Host, index: int) -> int:
    if host.job.ports[index] == ECHO:
        return TRIES_UNKNOWN
    matters = index < host.job.first
    if not host.job.sure and not host.answers and not matters:
        return 1
    return host.group.loss.tries(matters=matters, talkative=host.talkative)

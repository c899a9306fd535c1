"""The one contract: scanners and collectors are both probes. The run engine gives a probe its units and takes what it emits.

A probe never prints, never opens a socket but through its context, never catches what it does not understand, and never returns data:
it awaits `emit(...)`, which applies back-pressure and refuses once the unit has ended.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from agent.model.bodies import Body
from agent.model.observation import Observation, Standing
from agent.model.ref import Ref
from agent.model.run import UnitPlan, Vantage
from agent.model.scope import ScopeRule
from agent.model.status import AskOutcome, Strength

Knock = Literal["open", "closed", "silent", "unreachable"]
Transport = Literal["arp", "icmp", "tcp", "udp", "ndp", "other"]


@dataclass(frozen=True)
class Needs:
    """What a probe requires. The engine skips the unit, with the reason written, where this run lacks it.

    `deadline_s` bounds one unit. `action` is the mandate's word for what the probe does. `after` names the probes whose observations
    `plan` reads through `ctx.seen`.
    """

    action: str = "sweep"
    account: str | None = None
    raw: bool = False
    platforms: tuple[str, ...] = ()
    program: str | None = None
    deadline_s: float = 60.0
    after: tuple[str, ...] = ()
    loopback: bool = True
    """False: the question makes no sense on the loopback lab (ARP, ICMP): skipped there, said so."""
    alongside: bool = False
    """True: its units go on beside all layers, from before the first packet until every other unit has ended."""
    estimated: bool = False
    """True: a program of others sends the packets; the ledger holds what was set aside, and calls it an estimate."""
    abreast: int = 0
    """Above 0: so many units of it at once, in place of the engine's usual number shared with others; they mostly wait."""


class Tally(Protocol):
    """Packets to one target whose number is known only once they have left: of a connection (the kernel tells), of a child process.

    As long as it is open, the end of the unit counts the target's reservation in full: close it as soon as the number is known.
    """

    def may(self, packets: int, size: int) -> None:
        """May so many leave, beyond those that have? Raises `OutOfScope` above the reservation, `UnitEnded`."""
        ...

    def left(self, packets: int, size: int) -> None:
        """So many have left in all, up to now. Never raises: it is the truth, also above the reservation and after the unit's end."""
        ...

    def close(self, spare: int = 0, size: int = 0) -> None:
        """The number is final, but for at most *spare* packets of *size* bytes that may still leave and nobody can count (resets)."""
        ...


class Emit(Protocol):
    """Where a probe's results go. Every method raises `UnitEnded` after the unit's deadline, from threads too."""

    async def __call__(
        self,
        subject: Ref,
        body: Body,
        *,
        channel: str,
        via: Ref | None = None,
        standing: Standing = "direct",
        account: str | None = None,
        raw: bytes | None = None,
        redactions: tuple[str, ...] = (),
    ) -> None:
        """Store one observation; *raw* is the already redacted answer (stored up to 64 KiB)."""
        ...

    def ask(self, kind: str, subject: Ref | None, outcome: AskOutcome) -> None:
        """Say that question *kind* was put to *subject* and how it ended; its strength is the probe's declared one."""
        ...

    def cap(self, name: str) -> None:
        """Say that a limit cut the work short: the unit cannot end `done`."""
        ...

    def sent(self, target: str, transport: Transport, packets: int, size: int) -> None:
        """Count packets and bytes that leave for *target* now. Raises `OutOfScope` above what was reserved: then they must not leave."""
        ...

    def tally(self, target: str, transport: Transport) -> Tally:
        """For packets that can only be counted afterwards. Raises `OutOfScope` for a target that was not reserved."""
        ...

    def queued(self) -> AbstractContextManager[None]:
        """Around a wait for a turn that others hold: the unit's deadline waits too, as long as nothing of the unit is under way."""
        ...


@dataclass(frozen=True)
class Trust:
    """Whom to believe before a secret is sent. `authority`: PEM of the certificates that count, empty: those of this system; `pin`: SHA-256
    of the one certificate that counts, in hexadecimal, in place of any authority and name."""

    authority: str = ""
    pin: str = ""


class Stream(Protocol):
    """A connected TCP (or TLS) stream with bounded reads."""

    async def read(self, limit: int, timeout_s: float) -> bytes:
        """Up to *limit* bytes; b"" when the peer closed. Raises `TimeoutError`, `ConnectionError`."""
        ...

    async def write(self, data: bytes) -> None:
        """Raises `OutOfScope` on a port to which no byte may be written."""
        ...

    async def start_tls(
        self, server_name: str | None, timeout_s: float, *, trust: Trust | None = None
    ) -> TlsInfo:
        """Handshake; without *trust*, nothing is verified. Raises `TimeoutError`, `ConnectionError`, `ssl.SSLError`."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True)
class TlsInfo:
    version: str
    certificate_der: bytes


class Dialer(Protocol):
    """The only door to TCP: checks scope, paces, counts in the ledger."""

    async def connect(self, host: str, port: int, *, timeout_s: float, emit: Emit) -> Stream:
        """Raises `OutOfScope`, `TimeoutError` (silent), `ConnectionRefusedError` (RST), `OSError` (unreachable ...)."""
        ...

    async def knock(self, host: str, port: int, *, timeout_s: float, emit: Emit) -> Knock:
        """Connect and end at once; nothing is written. Raises `OutOfScope`."""
        ...


@dataclass(frozen=True)
class Datagram:
    """One UDP answer and who sent it."""

    host: str
    port: int
    data: bytes


@dataclass(frozen=True)
class UdpAnswers:
    """`closed`: the host itself said that nobody listens on that port (ICMP). Neither heard nor closed is silence, which says nothing."""

    heard: tuple[Datagram, ...] = ()
    closed: bool = False

    @property
    def outcome(self) -> AskOutcome:
        return "answered" if self.heard else "negative" if self.closed else "silent"


Accept = Callable[[bytes], bool]
"""Is this datagram an answer to the question that was put? Never raises."""


class Datagrams(Protocol):
    """The only door to UDP: checks scope, paces, counts in the ledger, takes answers from the host that was asked only."""

    async def ask(
        self,
        host: str,
        port: int,
        request: bytes,
        accept: Accept,
        *,
        emit: Emit,
        timeout_s: float = 1.0,
        tries: int = 2,
        any_port: bool = False,
        limit: int = 1,
        more_s: float = 0.0,
    ) -> UdpAnswers:
        """Put one question, *tries* times at most. *any_port*: the answer may come from another port of the host.

        *limit* answers at most; *more_s*: wait that long for more after the first. Raises `OutOfScope`, `OSError` (could not send).
        """
        ...

    async def shout(
        self,
        group: str,
        port: int,
        request: bytes,
        accept: Accept,
        *,
        emit: Emit,
        window_s: float = 3.0,
        tries: int = 2,
        ttl: int = 1,
        limit: int = 1024,
    ) -> tuple[Datagram, ...]:
        """Put one question to a multicast group of the vantage's link, where all of that link is in scope.

        Whoever answers is returned: the caller judges each against the scope. Raises `OutOfScope`, `OSError`.
        """
        ...

    def may_shout(self) -> str:
        """Why no question may go to a group of the link; empty where one may."""
        ...


@dataclass(frozen=True)
class Heard:
    """One Ethernet frame the link carried to us unasked. `at`: microseconds UTC."""

    at: int
    frame: bytes


class Ears(Protocol):
    """What was heard on our link since the run began; sends nothing."""

    async def more(self) -> tuple[Heard, ...]:
        """What came since this was last asked, each different frame once; waits for some. Empty: nothing more will come."""
        ...

    @property
    def trouble(self) -> str:
        """Why something may have been missed; empty where nothing was."""
        ...


class Pacer(Protocol):
    """Caps by send time: per host, and in all."""

    async def turn(self, host: str, packets: int = 1, *, slow: bool = False) -> None:
        """Wait until *packets* may leave for *host*."""
        ...


@dataclass(frozen=True)
class SweepJob:
    """TCP ports to be asked by single SYNs. `targets`: address -> MAC to send to, None where ARP is to find it. `first`: so many of `ports`
    matter most. `sure`: somebody is known to be at each address. `routed`: the MAC is a gateway's. `rate`: broadcasts a second at most.
    `echo`: one ICMP echo each (all with a MAC) in place of ports, at `rate`."""

    targets: Mapping[str, str | None]
    ports: tuple[int, ...]
    first: int
    sure: bool = True
    routed: bool = False
    rate: float = 500.0
    echo: bool = False


@dataclass(frozen=True)
class SweptMac:
    """A MAC answered for *host*; a second one is a conflict."""

    host: str
    mac: str


@dataclass(frozen=True)
class SweptPort:
    """*port* of *host* accepted."""

    host: str
    port: int


@dataclass(frozen=True)
class SweptEcho:
    """*host* answered ICMP echo, after `rtt_us` microseconds."""

    host: str
    ttl: int
    rtt_us: int


@dataclass(frozen=True)
class SweptSent:
    """Packets that left for *host* since this was last told, resets our kernel sent by itself included."""

    host: str
    arp: int
    udp: int
    icmp: int
    tcp: int


@dataclass(frozen=True)
class SweptHost:
    """The last word on *host*: its ports by what they said. `capped`: it was asked no further, as no real host has so many open."""

    host: str
    open: int
    closed: int
    silent: int
    unreachable: int
    unasked: int
    capped: bool = False


@dataclass(frozen=True)
class SweptOver:
    """Nothing more leaves for the job, and all that left has been told."""


Swept = SweptMac | SweptPort | SweptEcho | SweptSent | SweptHost | SweptOver


class RawPort(Protocol):
    """The raw helper process, when this run has the right: sends only what it is told, after its own scope check."""

    async def arp(
        self, interface: str, source_ip: str, targets: tuple[str, ...], rate: int
    ) -> Mapping[str, tuple[str, ...]]:
        """MACs that answered for each target (more than one: a conflict). Raises `RawError`."""
        ...

    async def icmp(
        self, interface: str, source_ip: str, targets: Mapping[str, str], rate: int
    ) -> Mapping[str, tuple[int, int]]:
        """*targets*: address -> next-hop MAC. Returns address -> (ttl, round trip in microseconds). Raises `RawError`."""
        ...

    async def sweep(self, job: SweepJob, heard: Callable[[Swept], Awaitable[None]]) -> None:
        """Ask the ports of *job*; *heard* gets what is found and what was sent at once, so that nothing is lost should the helper die.

        Raises `RawError` when it was cut short: hosts without a `SweptHost` are then not known. When it is cancelled, *heard* still gets
        what was sent, and `SweptOver` once that is all.
        """
        ...


@dataclass(frozen=True)
class NmapAnswer:
    """nmap's words on one host: rows of ports and of systems, as the helper program tells them."""

    version: str
    ports: tuple[Mapping[str, object], ...] = ()
    systems: tuple[Mapping[str, object], ...] = ()


class NmapWish(Protocol):
    """Which hosts and ports the technician named for nmap."""

    def ports(self, host: str, found: list[int]) -> list[int]: ...
    def system(self, host: str) -> bool: ...


class NmapPort(Protocol):
    """The nmap helper, when the technician asked for nmap."""

    @property
    def wish(self) -> NmapWish: ...

    async def look(
        self, host: str, ports: tuple[int, ...], *, system: bool, timeout_s: int
    ) -> NmapAnswer:
        """Raises `agent.net.json_child.ChildError` when nmap or the helper failed or took too long."""
        ...


class Accounts(Protocol):
    """Account handles of this run; a secret is lent inside a `with` and never stored, printed or passed on a command line."""

    def handles(self, purpose: str, site: str) -> tuple[str, ...]: ...


class Lent(Protocol):
    """A secret for the length of a `with`."""

    def reveal(self) -> str: ...


class Try(Protocol):
    """One try of an account under way: say how it ended; without a word it counts as refused."""

    def accepted(self) -> None: ...
    def refused(self, why: str = "") -> None: ...
    def withdrawn(self, why: str = "") -> None: ...


@runtime_checkable
class Lending(Accounts, Protocol):
    """Accounts that can be used: those of a run, not those of a plan."""

    def user(self, account_id: str) -> str: ...
    def lend(self, account_id: str) -> AbstractContextManager[Lent]:
        """Blocks: it may ask a person. Raises `agent.credentials.CredentialError`."""
        ...

    def try_here(self, account_id: str, host: str) -> AbstractContextManager[Try]:
        """For accounts each device keeps for itself. Raises `Refused` where *host* refused it before."""
        ...


@runtime_checkable
class DomainAccounts(Lending, Protocol):
    """Accounts of a directory, where one wrong try counts everywhere."""

    def try_once(self, account_id: str, host: str) -> AbstractContextManager[Try]:
        """Raises `Refused` where any place refused the account before, or the end of a try is not known."""
        ...

    def authority(self, account_id: str) -> Trust:
        """By what the server is known before it gets the secret. Raises `agent.credentials.CredentialError`."""
        ...


class Context(Protocol):
    """What a probe may use."""

    @property
    def site(self) -> str: ...
    @property
    def scope(self) -> ScopeRule: ...
    @property
    def vantage(self) -> Vantage: ...
    @property
    def quiet(self) -> bool: ...
    @property
    def dial(self) -> Dialer: ...
    @property
    def udp(self) -> Datagrams: ...
    @property
    def pace(self) -> Pacer: ...
    @property
    def raw(self) -> RawPort | None: ...
    @property
    def nmap(self) -> NmapPort | None: ...
    @property
    def ears(self) -> Ears | None: ...
    @property
    def accounts(self) -> Accounts: ...
    @property
    def ports(self) -> str:
        """Which TCP ports the run asks: a set of `agent.catalogs.ports`, or a list such as "22,80,8000-8010"."""
        ...

    @property
    def arp_pps(self) -> int:
        """Broadcasts a second on the link, in the normal profile."""
        ...

    def slow(self, host: str) -> bool:
        """True where care was asked for this address: one connection at a time, at most 10 packets a second."""
        ...

    def ot(self, host: str) -> bool:
        """True where client.toml opts in to asking the industrial ports of this address."""
        ...

    def seen(self, kind: str) -> Iterable[Observation]:
        """Observations of *kind* this run has stored so far (those of probes named in `Needs.after` are complete)."""
        ...


@runtime_checkable
class Probe(Protocol):
    """A scanner or collector. `emits`: kinds of observation; `asks`: question kind -> strength."""

    @property
    def name(self) -> str: ...
    @property
    def rev(self) -> int: ...
    @property
    def needs(self) -> Needs: ...
    @property
    def emits(self) -> frozenset[str]: ...
    @property
    def asks(self) -> Mapping[str, Strength]: ...
    def plan(self, ctx: Context) -> Iterable[UnitPlan]:
        """Units of work, deterministic from scope and `ctx.seen`; no packet is sent here."""
        ...

    def cost(self, unit: UnitPlan) -> Mapping[tuple[str, Transport], tuple[int, int]]:
        """Upper bound of what *unit* sends: (target, transport) -> (packets, bytes). Reserved in the ledger before it starts."""
        ...

    async def run(self, unit: UnitPlan, ctx: Context, emit: Emit) -> None: ...


class OutOfScope(Exception):
    """A target the engagement does not allow; nothing was sent."""


class UnitEnded(Exception):
    """The unit's deadline has passed: nothing more is taken from it."""


class RawError(Exception):
    """The raw helper could not send or died; carries its words."""


class Refused(Exception):
    """The peer refused the account, or the right is missing: the unit ends `refused`."""

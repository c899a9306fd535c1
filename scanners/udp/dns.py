"""Name servers: is recursion offered to us, which program, and whose reverse zone is it? Three questions at most to one host.

The first asks for the name of the server's own address (RFC 1035, 3.5) with recursion desired: a resolver says so by RA, a name server
of the house names its zone and master (RFC 2308: the SOA of a negative answer). Only who answers is asked for `version.bind` and
`hostname.bind` (RFC 4892). Messages are made and read by dnspython.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from agent.contract import Context, Emit, Needs
from agent.model.bodies import HostName
from agent.model.bodies_udp import DnsServer
from agent.model.status import Strength
from scanners.targets import host_ref
from scanners.udp.asking import NEEDS, TRIES, AsksHosts, clean, open_port, udp_ref

if TYPE_CHECKING:
    from dns.message import Message

CHAOS = ("version.bind.", "hostname.bind.")


class NotDns(ValueError):
    """No answer of a name server; carries no byte of it."""


@dataclass(frozen=True)
class Dns(AsksHosts):
    PORT: ClassVar[int] = 53
    PACKETS: ClassVar[int] = TRIES * (1 + len(CHAOS))
    SIZE: ClassVar[int] = 100
    name: str = "dns_server"
    rev: int = 1
    needs: Needs = NEEDS
    emits: frozenset[str] = frozenset({"udp.port", "dns.server", "host.name"})
    asks: Mapping[str, Strength] = field(default_factory=lambda: {"dns.server": "weak"})

    async def one(self, host: str, ctx: Context, emit: Emit) -> None:
        from dns.message import make_query
        from dns.rdataclass import CHAOS as CH
        from dns.reversename import from_address

        async def put(query: Message) -> tuple[Message | None, bytes]:
            answers = await ctx.udp.ask(
                host, self.PORT, query.to_wire(), lambda data: _answers(data, query), emit=emit
            )
            if query is first:
                emit.ask("dns.server", udp_ref(ctx, host, self.PORT), answers.outcome)
                if answers.heard:
                    await open_port(ctx, host, self.PORT, "dns", emit, answers)
            return (parse(answers.heard[0].data) if answers.heard else None), b"".join(
                d.data for d in answers.heard
            )

        first = make_query(from_address(host), "PTR")
        answer, raw = await put(first)
        if answer is None:
            return
        told: list[str] = []
        for name in CHAOS:
            said, more = await put(make_query(name, "TXT", CH))
            told.append(text_of(said))
            raw += more
        body = read(answer, *told)
        await emit(host_ref(ctx, host), body, channel="dns", raw=raw)
        if body.pointer:
            pointer = HostName(name=body.pointer, source="dns")
            await emit(host_ref(ctx, host), pointer, channel="dns")


def parse(data: bytes) -> Message:
    """Raises `NotDns`."""
    from dns.exception import DNSException
    from dns.message import from_wire

    try:
        return from_wire(data, ignore_trailing=True)
    except (DNSException, ValueError, IndexError, KeyError, OverflowError) as fault:
        raise NotDns(type(fault).__name__) from None


def _answers(data: bytes, query: Message) -> bool:
    try:
        return query.is_response(parse(data))
    except NotDns:
        return False


def read(answer: Message, version: str = "", hostname: str = "") -> DnsServer:
    """What the answer to the first question says, with the two texts."""
    from dns.flags import AA, RA
    from dns.rcode import NOERROR, NXDOMAIN, Rcode
    from dns.rdtypes.ANY.PTR import PTR
    from dns.rdtypes.ANY.SOA import SOA

    # A server that refuses us does not say whether it recurses for others.
    spoke = Rcode(answer.rcode()) in (NOERROR, NXDOMAIN)
    zone = master = pointer = ""
    for rrset in (*answer.answer, *answer.authority):
        for record in rrset:
            if isinstance(record, SOA) and not zone:
                zone, master = clean(rrset.name.to_text()), clean(record.mname.to_text())
            elif isinstance(record, PTR) and not pointer:
                pointer = clean(record.target.to_text()).rstrip(".")
    return DnsServer(
        version=version,
        hostname=hostname,
        recursion=bool(answer.flags & RA) if spoke else None,
        zone=zone.rstrip("."),
        master=master.rstrip("."),
        pointer=pointer,
        authoritative=bool(answer.flags & AA),
    )


def text_of(answer: Message | None) -> str:
    """The first TXT of *answer*, or nothing."""
    from dns.rdtypes.ANY.TXT import TXT

    for rrset in answer.answer if answer is not None else ():
        for record in rrset:
            if isinstance(record, TXT):
                return clean(b"".join(record.strings))
    return ""

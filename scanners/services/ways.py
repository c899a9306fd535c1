"""What is said to which port first. A port that is not listed is listened to, then tried with HTTP and TLS, nothing else.

Data and no code of protocols: the list follows the IANA registry and the port set of `agent/catalogs/ports.toml`. Ports of which we know no
harmless question are listened to only, and raw print and industrial ports are not even connected to.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from agent.catalogs.ports import by_number
from agent.model.scope import OT_PORTS, RAW_PRINT_PORTS
from scanners.services import (
    databases,
    kerberos,
    ldap,
    mongodb,
    mqtt,
    msrpc,
    options,
    pptp,
    rdp,
    small,
    smb,
    ssh,
    storage,
    telnet,
    vnc,
    words,
    x11,
)
from scanners.services.conversation import Conversation

Talk = Callable[[Conversation], Awaitable[None]]
First = Literal["listen", "only listen", "ask", "http", "https", "tls", "never"]


@dataclass(frozen=True)
class Speaker:
    """One protocol: the kind of observation it brings, and how it is spoken on an open connection."""

    kind: str
    talk: Talk


@dataclass(frozen=True)
class Way:
    """`first`: who speaks, and in what. `speaker`: who is asked (`ask`), or asked inside (`tls`)."""

    first: First
    speaker: Speaker | None = None
    expects: str = ""
    """Protocol of a server that speaks first there, where its words could be of several."""


AFTER_BANNER: Mapping[str, Speaker] = {
    "ssh": Speaker("ssh.hello", ssh.talk),
    "ftp": Speaker("text.capabilities", words.ftp),
    "smtp": Speaker("text.capabilities", words.smtp),
    "imap": Speaker("text.capabilities", words.imap),
    "pop3": Speaker("text.capabilities", words.pop3),
    "mysql": Speaker("database.hello", databases.mysql),
    "vnc": Speaker("vnc.hello", vnc.talk),
    "telnet": Speaker("service.named", telnet.talk),
}
"""Protocol of a banner -> what is asked next on the same connection."""

LDAP = Speaker("ldap.rootdse", ldap.talk)
MQTT = Speaker("mqtt.hello", mqtt.talk)
SIP = Speaker("options.answer", options.sip)
RTSP = Speaker("options.answer", options.rtsp)
_ASKED: Mapping[int, Speaker] = {
    53: Speaker("service.named", small.dns),
    88: Speaker("kerberos.hello", kerberos.talk),
    111: Speaker("service.named", small.rpcbind),
    135: Speaker("msrpc.endpoints", msrpc.talk),
    389: LDAP,
    445: Speaker("smb.hello", smb.talk),
    548: Speaker("service.named", storage.afp),
    554: RTSP,
    1080: Speaker("service.named", small.socks),
    1433: Speaker("database.hello", databases.mssql),
    1723: Speaker("service.named", pptp.talk),
    1883: MQTT,
    2049: Speaker("service.named", small.nfs),
    3260: Speaker("service.named", storage.iscsi),
    3268: LDAP,
    3389: Speaker("rdp.hello", rdp.talk),
    5060: SIP,
    5432: Speaker("database.hello", databases.postgresql),
    6000: Speaker("x11.hello", x11.talk),
    6379: Speaker("service.named", small.redis),
    8554: RTSP,
    11211: Speaker("service.named", small.memcached),
    27017: Speaker("service.named", mongodb.talk),
}
_INSIDE_TLS: Mapping[int, Speaker | None] = {
    465: None,
    636: LDAP,
    853: None,
    990: None,
    993: None,
    995: None,
    3269: LDAP,
    5061: SIP,
    7070: None,
    8883: MQTT,
}
"""None: the server speaks first inside, or what it speaks is not known."""
_HTTP, _HTTPS = frozenset({2375}), frozenset({2376})
_ONLY_LISTEN = frozenset({502, 4370, 4899, 5500, 8291, 8728, 10050, 17988, 30005})
"""Known services without a harmless question, access control among them."""


def way(port: int) -> Way:
    """How *port* is approached."""
    if port in RAW_PRINT_PORTS or port in OT_PORTS:
        return Way("never")
    if port in _ASKED:
        return Way("ask", _ASKED[port])
    if port in _INSIDE_TLS:
        return Way("tls", _INSIDE_TLS[port])
    if port in _HTTP | _HTTPS:
        return Way("https" if port in _HTTPS else "http")
    entry = by_number().get(port)
    if entry is None:
        return Way("listen")
    if entry.speaks == "server":
        return Way("listen", expects=entry.service)
    if entry.speaks in ("http", "https", "tls"):
        return Way(entry.speaks)
    return Way("only listen")


_LONG = frozenset({"ssh", "ftp", "smtp", "imap", "pop3"})
"""Servers that greet and are then asked several things, with TLS among them."""
_LONG_KINDS = frozenset(
    {"smb.hello", "rdp.hello", "ldap.rootdse", "database.hello", "msrpc.endpoints"}
)


def in_order(ports: Iterable[int], most: int) -> list[int]:
    """At most *most* of *ports*, those we know something of rather than others; long and short talks in turn.

    A long talk waits for the cap on packets while no handshake is made, a short one for the cap on handshakes: in turn, neither waits.
    """
    known = [p for p in ports if way(p) != Way("listen")]
    other = [p for p in ports if way(p) == Way("listen")]
    chosen = [*known, *other][:most]
    long = [p for p in chosen if _long(way(p))]
    short = [p for p in chosen if not _long(way(p))]
    # Merged evenly, each in its own order.
    places = [((i + 0.5) / len(part), p) for part in (long, short) for i, p in enumerate(part)]
    return [p for _, p in sorted(places, key=lambda place: place[0])]


def _long(found: Way) -> bool:
    if found.first in ("http", "https", "tls") or found.expects in _LONG:
        return True
    return found.speaker is not None and found.speaker.kind in _LONG_KINDS


KINDS_ASKED: frozenset[str] = frozenset(
    {s.kind for s in (*AFTER_BANNER.values(), *_ASKED.values())}
    | {
        "banner",
        "tls.certificate",
        "http.page",
        "ssh.host_key",
        "ntlm.challenge",
        "ipp.printer",
        "api.about",
    }
)
KINDS_TOLD: frozenset[str] = KINDS_ASKED | {"host.name", "device.identity", "device.attribute"}
"""What is seen on the way: names and serial numbers nobody asked for by themselves."""

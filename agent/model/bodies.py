"""What can be observed: one `Body` subclass a kind, found by registration in `KINDS`.

A probe of a later subject adds its own module of bodies and imports `Body`; nothing here needs to change. Fields named in `volatile`
(round-trip times, counters) stay out of the observation's identity, so that a repeated look collapses.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from agent.model.base import M, Us

KINDS: dict[str, type[Body]] = {}
"""kind -> its class; filled when a subclass is defined."""

Text = str
PortNumber = int


class Body(M):
    """Typed content of one observation."""

    KIND: ClassVar[str] = ""
    VOLATILE: ClassVar[frozenset[str]] = frozenset()
    v: int = 1

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.KIND:
            if cls.KIND in KINDS and KINDS[cls.KIND].__qualname__ != cls.__qualname__:
                raise TypeError(f"two bodies claim the kind {cls.KIND!r}")
            KINDS[cls.KIND] = cls

    @property
    def kind(self) -> str:
        return self.KIND

    def stable(self) -> dict[str, Any]:
        """The fields that make up the identity of the observation."""
        return {k: v for k, v in self.plain().items() if k not in self.VOLATILE}


class ArpEntry(Body):
    """The subject address answered ARP (RFC 826) with this MAC, or stands in a neighbour table with it."""

    KIND = "arp.entry"
    mac: str


class IcmpEcho(Body):
    """The subject answered an ICMP echo request (RFC 792)."""

    KIND = "icmp.echo"
    VOLATILE = frozenset({"ttl", "rtt_us"})
    ttl: int | None = None
    rtt_us: Us | None = None


class TcpPort(Body):
    """A TCP port of the subject accepted a connection (RFC 9293)."""

    KIND = "tcp.port"
    port: int = Field(ge=1, le=65535)
    state: Literal["open"] = "open"


class Banner(Body):
    """Bytes a service said first, or to one empty line; text is decoded leniently, controls kept, at most 2,048 characters."""

    KIND = "banner"
    port: int = Field(ge=1, le=65535)
    protocol: str = ""
    text: str = Field(max_length=2048)
    truncated: bool = False


class TlsCertificate(Body):
    """Leaf certificate a service presented (RFC 5280). Times in microseconds UTC."""

    KIND = "tls.certificate"
    port: int = Field(ge=1, le=65535)
    subject: str
    issuer: str
    names: tuple[str, ...] = ()
    serial: str
    not_before: Us
    not_after: Us
    self_signed: bool
    sha256: str
    spki_sha256: str
    key_type: str
    key_bits: int
    signature: str
    tls_version: str = ""


class HttpPage(Body):
    """Answer to one GET of the root page (RFC 9110); redirects are recorded, never followed out of scope."""

    KIND = "http.page"
    port: int = Field(ge=1, le=65535)
    tls: bool
    status: int
    title: str = ""
    server: str = ""
    realm: str = ""
    location: str = ""
    favicon_sha256: str = ""
    favicon_mmh3: int | None = None


class SshHostKey(Body):
    """Public host key of an SSH server (RFC 4253): SHA-256 fingerprint as OpenSSH prints it."""

    KIND = "ssh.host_key"
    port: int = Field(ge=1, le=65535)
    key_type: str
    fingerprint: str


class HostName(Body):
    """A name the subject goes by, and who says so (dns, netbios, mdns, snmp, certificate, sheet)."""

    KIND = "host.name"
    name: str
    source: str


class DeviceIdentity(Body):
    """An identifier of the device itself, not of an interface."""

    KIND = "device.identity"
    scheme: Literal["serial", "chassis", "smbios", "engine_id", "sid"]
    value: str
    ns: str = ""


class DeviceAttribute(Body):
    """A property the device reports: vendor, model, os, firmware, class, location, contact."""

    KIND = "device.attribute"
    name: str
    value: str


class AssetClaim(Body):
    """A line of a person's sheet, or an asset added by hand; `fields` holds the columns by their normal name."""

    KIND = "asset.claim"
    name: str
    device_class: str = "unknown"
    fields: dict[str, str] = {}


class HostAnswer(Body):
    """The subject is there though nothing is open: it refused a connection (RST) or said that a port is closed."""

    KIND = "host.answer"
    method: Literal["tcp-reset", "udp-unreachable"]

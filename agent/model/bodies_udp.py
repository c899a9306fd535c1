"""What devices say over UDP, to a question or of their own accord: bodies of the probes in `scanners/udp`.

Texts are decoded leniently and bounded by the parsers. Fields named in `VOLATILE` (clocks, counters) stay out of the identity.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from agent.model.base import Us
from agent.model.bodies import Body


class UdpPort(Body):
    """A UDP port of the subject answered a question of its own protocol; `protocol` as in `scanners/udp`, such as `dns`."""

    KIND = "udp.port"
    port: int = Field(ge=1, le=65535)
    protocol: str
    state: Literal["open"] = "open"


class NetbiosStatus(Body):
    """Answer to a NetBIOS node status request (RFC 1002, 4.2.18).

    `computer`, `workgroup`: the unique and the group name of suffix 00. `names`: `NAME<1c>` or `NAME<1c>G` for a group name.
    `roles`: what the suffixes say: `workstation`, `file_server`, `messenger`, `domain_controllers`, `domain_master_browser`,
    `master_browser`, `remote_access`. `mac`: the unit id; empty where it is all zeros (Samba).
    """

    KIND = "netbios.status"
    computer: str = ""
    workgroup: str = ""
    names: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    mac: str = ""


class MdnsService(Body):
    """One service instance of DNS-SD (RFC 6763), or a bare record of a host.

    `service` such as `_ipp._tcp` (`_device-info._tcp` carries `model` in `txt`); `instance` its name for people; `host` the target of
    SRV; `txt` keys in lower case (`ty`, `usb_mdl`, `md`, `model`, `fn`, `adminurl`, ...), at most 64.
    """

    KIND = "mdns.service"
    service: str
    instance: str = ""
    host: str = ""
    port: int = Field(ge=0, le=65535, default=0)
    txt: dict[str, str] = {}


class SsdpAnswer(Body):
    """Answer to, or notice of, SSDP (UPnP Device Architecture 2.0, 1.2 and 1.3). `st`: the search target or notification type."""

    KIND = "ssdp.answer"
    server: str = ""
    st: str = ""
    usn: str = ""
    location: str = ""
    headers: dict[str, str] = {}
    """Other headers that name the device, in lower case, such as `hue-bridgeid`, `x-rincon-household`."""


class UpnpDevice(Body):
    """Root device of a UPnP description (UPnP Device Architecture 2.0, 2.3), or one it embeds (`embedded`)."""

    KIND = "upnp.device"
    location: str = ""
    device_type: str = ""
    friendly_name: str = ""
    manufacturer: str = ""
    model_name: str = ""
    model_number: str = ""
    model_description: str = ""
    serial: str = ""
    udn: str = ""
    presentation_url: str = ""
    server: str = ""
    embedded: bool = False


class SnmpEngine(Body):
    """The engine id an SNMPv3 agent tells without an account (RFC 3414, 4; RFC 3411, SnmpEngineID).

    `enterprise`: private enterprise number; `vendor` its name in our list or empty. `form`: how the rest was made; `mac`, `address` and
    `text` hold it where the form says so. `boots`, `seconds`: how often the agent started, and how long ago the last time.
    """

    KIND = "snmp.engine"
    VOLATILE = frozenset({"boots", "seconds"})
    engine_id: str
    enterprise: int = Field(ge=0)
    vendor: str = ""
    form: Literal["ipv4", "ipv6", "mac", "text", "octets", "local", "vendor", "old"]
    mac: str = ""
    address: str = ""
    text: str = ""
    boots: int | None = None
    seconds: int | None = None


class DnsServer(Body):
    """What a name server says of itself. `recursion`: offered to us; None: not told.

    `version`, `hostname`: TXT of version.bind and hostname.bind in class CHAOS (RFC 4892). `zone`, `master`: the SOA it has for the
    reverse zone of its own network; `pointer`: the name it gives its own address.
    """

    KIND = "dns.server"
    port: int = Field(ge=1, le=65535, default=53)
    version: str = ""
    hostname: str = ""
    recursion: bool | None = None
    zone: str = ""
    master: str = ""
    pointer: str = ""
    authoritative: bool = False


class NtpServer(Body):
    """Answer of a time server to a client's question (RFC 5905, 7.3). `reference`: address, or a clock's code at stratum 1.

    `offset_us`: its clock against ours, microseconds. `synchronised`: leap is not 3 and the stratum is 1 to 15.
    """

    KIND = "ntp.server"
    VOLATILE = frozenset({"offset_us", "reference_at", "root_delay_us"})
    version: int
    stratum: int = Field(ge=0, le=255)
    leap: int = Field(ge=0, le=3)
    reference: str = ""
    synchronised: bool
    precision: int = 0
    offset_us: int | None = None
    root_delay_us: int | None = None
    reference_at: Us | None = None


class WsdDevice(Body):
    """Answer to a WS-Discovery probe (OASIS WS-Discovery 1.1; April 2005 draft), ONVIF devices among them.

    `types` local names such as `NetworkVideoTransmitter`, `Computer`, `PrintDeviceType`; `scopes` as said. From ONVIF scopes (ONVIF Core,
    7.3.2): `name`, `hardware`, `location`, `mac`. `endpoint`: the urn:uuid.
    """

    KIND = "wsd.device"
    endpoint: str = ""
    types: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    xaddrs: tuple[str, ...] = ()
    name: str = ""
    hardware: str = ""
    location: str = ""
    mac: str = ""


class SipPeer(Body):
    """Answer to SIP OPTIONS (RFC 3261, 11)."""

    KIND = "sip.peer"
    port: int = Field(ge=1, le=65535, default=5060)
    transport: Literal["udp", "tcp"] = "udp"
    status: int
    server: str = ""
    user_agent: str = ""
    allow: tuple[str, ...] = ()
    realm: str = ""


class IpmiBmc(Body):
    """Answers of a baseboard management controller: ASF presence pong (DMTF DSP0136, 3.2.4.3) and Get Channel Authentication
    Capabilities (IPMI 2.0, 22.13). `auth`: none, md2, md5, password, oem. None: not told.
    """

    KIND = "ipmi.bmc"
    version: str = ""
    auth: tuple[str, ...] = ()
    anonymous_login: bool | None = None
    null_user: bool | None = None
    named_users: bool | None = None
    default_kg: bool | None = None
    oem: int = 0
    vendor: str = ""
    asf: bool = False


class MssqlInstance(Body):
    """One instance the SQL Server Browser tells ([MC-SQLR] 2.2.5); `version` such as `11.0.2100.60`."""

    KIND = "mssql.instance"
    server: str = ""
    instance: str = ""
    version: str = ""
    clustered: bool | None = None
    tcp_port: int | None = None
    pipe: str = ""


class BacnetDevice(Body):
    """I-Am of a BACnet device (ASHRAE 135, 16.10.2)."""

    KIND = "bacnet.device"
    instance: int = Field(ge=0, le=4194303)
    vendor_id: int = Field(ge=0, le=65535)
    vendor: str = ""
    max_apdu: int = 0
    network: int | None = None


class DhcpServer(Body):
    """A DHCP server that was heard (RFC 2131, 2132): the subject is its server identifier, or the source address.

    `known` says why it may be one: `gateway`, `declared`; empty: nobody told us of it. `message`: offer, ack, nak.
    """

    KIND = "dhcp.server"
    message: str
    mac: str = ""
    relay: str = ""
    routers: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    domain: str = ""
    mask: str = ""
    lease_s: int | None = None
    ntp: tuple[str, ...] = ()
    boot_server: str = ""
    boot_file: str = ""
    known: str = ""


class DhcpClient(Body):
    """What a client says when it asks for an address: the subject is its address where it has one, else its MAC."""

    KIND = "dhcp.client"
    mac: str
    hostname: str = ""
    vendor_class: str = ""
    parameters: tuple[int, ...] = ()
    """Option 55 in order: how the client's system asks (its fingerprint)."""
    fqdn: str = ""


class LinkNeighbour(Body):
    """A switch, phone or access point that announces itself on our link: LLDP (IEEE 802.1AB) or CDP (Cisco). Subject: its MAC.

    `chassis` in the normal form of its subtype (`chassis_kind`: mac, address, name, local, ...). `capabilities`: bridge, router,
    wlan_ap, telephone, station, repeater, host, ...; those enabled. `addresses`: management addresses. `vlan`: of the port, untagged.
    """

    KIND = "link.neighbour"
    protocol: Literal["lldp", "cdp"]
    chassis: str = ""
    chassis_kind: str = ""
    port: str = ""
    port_description: str = ""
    name: str = ""
    description: str = ""
    platform: str = ""
    capabilities: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    vlan: int | None = None
    voice_vlan: int | None = None
    duplex: Literal["full", "half", ""] = ""
    manufacturer: str = ""
    model: str = ""
    serial: str = ""
    firmware: str = ""


class EapolSeen(Body):
    """An EAPOL frame (IEEE 802.1X): somebody on this link asks for, or offers, port authentication. Subject: its MAC."""

    KIND = "eapol.seen"
    packet: Literal["eap", "start", "logoff", "key", "other"]
    eap: str = ""
    """Code and type of the EAP packet, such as `request/identity` (RFC 3748)."""
    role: Literal["authenticator", "supplicant", "unknown"] = "unknown"


class NamedElsewhere(Body):
    """The subject named or answered for an address that is not ours to ask: recorded, never contacted."""

    KIND = "named.elsewhere"
    address: str
    by: str
    """The protocol, such as `ssdp`, and what of it: `ssdp/location`."""
    text: str = ""

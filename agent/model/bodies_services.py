"""What TCP services say of themselves, one kind a protocol: bodies of the probe in `scanners/services`.

Every class but `NtlmChallenge` derives from `ServiceBody`, so that the inventory names a service without knowing its protocol.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from agent.model.base import Us
from agent.model.bodies import Body

Words = tuple[str, ...]


class ServiceBody(Body):
    """One service. What the inventory asks of all of them is read from the field each calls it by; one without such a field says nothing.

    The names of the fields stand in class variables, and no field is inherited: the order of a body's fields is its wire format.
    """

    PROTOCOL: ClassVar[str] = ""
    """The usual name of what it speaks, where no field tells it."""
    PROTOCOL_IN: ClassVar[str] = "protocol"
    PRODUCT_IN: ClassVar[str] = "product"
    VERSION_IN: ClassVar[str] = "version"
    AUTH_IN: ClassVar[str] = "auth"
    """A field of words, or one whose True says that anybody is let in."""
    port: int = Field(ge=1, le=65535)

    @property
    def protocol_name(self) -> str:
        return self._text(self.PROTOCOL_IN) or self.PROTOCOL

    @property
    def product_name(self) -> str:
        """Name of the program, in its own words; empty where it does not say."""
        return self._text(self.PRODUCT_IN)

    @property
    def version_text(self) -> str:
        return self._text(self.VERSION_IN)

    @property
    def auth_text(self) -> str:
        """How it lets people in, in one word of ours (`none`, `nla`, ...); empty where that is not known."""
        return "none" if getattr(self, self.AUTH_IN, None) is True else self._text(self.AUTH_IN)

    def _text(self, name: str) -> str:
        value = getattr(self, name, "")
        return value if isinstance(value, str) else ""


class ServiceNamed(ServiceBody):
    """A service that was recognised and of which little more is to be known without an account: rpcbind, DNS over TCP, memcached, ..."""

    KIND = "service.named"
    AUTH_IN = "open"
    protocol: str
    product: str = ""
    version: str = ""
    detail: str = ""
    open: bool | None = None
    """True: it answered a question that should need an account."""


class SshHello(ServiceBody):
    """Identification and first KEXINIT of an SSH server (RFC 4253, 4.2 and 7.1). Algorithms in the server's order."""

    KIND = "ssh.hello"
    PROTOCOL = "ssh"
    identification: str
    kex: Words = ()
    host_key_algorithms: Words = ()
    ciphers: Words = ()
    macs: Words = ()
    compression: Words = ()


class SmbHello(ServiceBody):
    """What an SMB server agrees to ([MS-SMB2] 2.2.4, [MS-SMB] 2.2.4.5). None: that was not answered."""

    KIND = "smb.hello"
    VERSION_IN = "dialect"
    PROTOCOL = "smb"
    dialect: str = ""
    smb1: bool | None = None
    signing_required: bool | None = None
    server_guid: str = ""
    product: str = ""
    """Windows or Samba, by the version that came with NTLM's challenge."""


class NtlmChallenge(Body):
    """The CHALLENGE_MESSAGE of NTLM ([MS-NLMP] 2.2.1.2), which a server gives to anybody; `through` is the protocol that carried it.

    `os_version` is `major.minor.build` of Windows; Samba gives 6.1.0.
    """

    KIND = "ntlm.challenge"
    VOLATILE: ClassVar[frozenset[str]] = frozenset({"time"})
    port: int = Field(ge=1, le=65535)
    through: Literal["smb", "rdp", "http", "smtp", "imap", "mssql", "ldap", "msrpc"]
    netbios_computer: str = ""
    netbios_domain: str = ""
    dns_computer: str = ""
    dns_domain: str = ""
    dns_forest: str = ""
    os_version: str = ""
    time: Us | None = None


class RdpHello(ServiceBody):
    """How a Remote Desktop server wants to be spoken to ([MS-RDPBCGR] 2.2.1.2). None: could not be found out.

    `nla`: it does network level authentication; `nla_required`: it refuses those who do not.
    """

    KIND = "rdp.hello"
    PROTOCOL = "rdp"
    security: Literal["standard", "tls", "nla", ""] = ""
    nla: bool | None = None
    nla_required: bool | None = None

    @property
    def auth_text(self) -> str:
        return "nla" if self.nla_required else ""


class LdapRootDse(ServiceBody):
    """The root DSE of a directory (RFC 4512, 5.1; [MS-ADTS] 3.1.1.3.2), read without an account."""

    KIND = "ldap.rootdse"
    PROTOCOL = "ldap"
    tls: bool = False
    vendor: str = ""
    version: str = ""
    dns_host_name: str = ""
    server_name: str = ""
    default_naming_context: str = ""
    root_domain: str = ""
    naming_contexts: Words = ()
    domain_level: int | None = None
    forest_level: int | None = None
    controller_level: int | None = None
    sasl: Words = ()
    capabilities: Words = ()
    active_directory: bool = False
    global_catalog: bool | None = None
    starttls: bool | None = None

    @property
    def product_name(self) -> str:
        return self.vendor or ("Active Directory" if self.active_directory else "")


class KerberosHello(ServiceBody):
    """A KRB-ERROR (RFC 4120, 5.9.1): a key distribution centre is there."""

    KIND = "kerberos.hello"
    PROTOCOL = "kerberos"
    VOLATILE: ClassVar[frozenset[str]] = frozenset({"time"})
    realm: str = ""
    error: int
    time: Us | None = None


class RpcEndpoints(ServiceBody):
    """The endpoint mapper of MSRPC (C706; [MS-RPCE]). `endpoints`: `uuid vN binding annotation`, as the mapper tells them."""

    KIND = "msrpc.endpoints"
    PROTOCOL = "msrpc"
    endpoints: Words = ()
    refused: bool = False


class DatabaseHello(ServiceBody):
    """The greeting of a database server. `encryption`: what it offers before a log-in; `instance`: where it names one."""

    KIND = "database.hello"
    protocol: Literal["mssql", "mysql", "postgresql", "mongodb", "oracle"]
    product: str = ""
    version: str = ""
    encryption: Literal["none", "offered", "required", "unknown"] = "unknown"
    instance: str = ""
    auth: str = ""
    """The method it asks for, in its own words; `blocked` where it turns this address away."""


class MailOrFiles(ServiceBody):
    """What FTP (RFC 2389), SMTP (5321), IMAP (9051) or POP3 (2449) servers say they can. `tls`: all of it ran inside TLS.

    `starttls`: None where that was not answered. `cleartext_login`: it takes a password before encryption.
    """

    KIND = "text.capabilities"
    protocol: Literal["ftp", "smtp", "imap", "pop3"]
    tls: bool = False
    capabilities: Words = ()
    starttls: bool | None = None
    cleartext_login: bool | None = None
    name: str = ""
    """How the server calls itself, where it does."""


class VncHello(ServiceBody):
    """Version and security types of a VNC server (RFC 6143, 7.1). `without_password`: type 1, None, is offered."""

    KIND = "vnc.hello"
    AUTH_IN = "without_password"
    PROTOCOL = "vnc"
    version: str
    security: tuple[int, ...] = ()
    without_password: bool | None = None
    refusal: str = ""


class OptionsAnswer(ServiceBody):
    """The answer to OPTIONS of RTSP (RFC 2326) or SIP (RFC 3261)."""

    KIND = "options.answer"
    PRODUCT_IN = "server"
    protocol: Literal["rtsp", "sip"]
    tls: bool = False
    status: int
    server: str = ""
    methods: Words = ()
    realm: str = ""


class MqttHello(ServiceBody):
    """CONNACK of an MQTT broker (3.1.1, 3.2) to a CONNECT without account. `anonymous`: it let us in.

    `product`, `version`: as it told those it let in.
    """

    KIND = "mqtt.hello"
    AUTH_IN = "anonymous"
    PROTOCOL = "mqtt"
    tls: bool = False
    code: int
    anonymous: bool
    product: str = ""
    version: str = ""


class IppPrinter(ServiceBody):
    """Get-Printer-Attributes (RFC 8011, 4.2.5) of a printer or print server. Empty where it does not say."""

    KIND = "ipp.printer"
    PRODUCT_IN = "make_and_model"
    VERSION_IN = "firmware"
    PROTOCOL = "ipp"
    tls: bool = False
    status: int
    versions: Words = ()
    make_and_model: str = ""
    name: str = ""
    info: str = ""
    location: str = ""
    uuid: str = ""
    serial: str = ""
    device_id: str = ""
    firmware: str = ""
    server: str = ""


class X11Hello(ServiceBody):
    """Answer to the connection setup of an X server without authority (X11 protocol, 8). `open`: it let us in."""

    KIND = "x11.hello"
    PRODUCT_IN = "vendor"
    VERSION_IN = "release"
    AUTH_IN = "open"
    PROTOCOL = "x11"
    open: bool
    vendor: str = ""
    release: str = ""
    reason: str = ""


class ApiAbout(ServiceBody):
    """What the interface of a platform tells anybody: Docker `/version`, vSphere `ServiceContent.about`, WS-Management Identify."""

    KIND = "api.about"
    PROTOCOL_IN = "api"
    AUTH_IN = "open"
    api: Literal["docker", "vsphere", "wsman"]
    tls: bool = False
    vendor: str = ""
    product: str = ""
    version: str = ""
    build: str = ""
    os: str = ""
    open: bool | None = None
    """True: the whole interface answers without an account."""

"""The root of a directory: LDAP's root DSE (RFC 4511, 4512 5.1; [MS-ADTS] 3.1.1.3.2), and whether StartTLS is there (RFC 4511, 4.14).

An anonymous search of the entry every server shows to everybody; nothing below it is read. Whether signing is required cannot be seen
without an account, and is not said. Own messages, as ldap3 opens its own sockets.
"""

from __future__ import annotations

from collections.abc import Mapping

from agent.model.bodies_services import LdapRootDse
from scanners.not_spoken import NotSpoken
from scanners.services import ber
from scanners.services.conversation import Conversation

STARTTLS = "1.3.6.1.4.1.1466.20037"
_AD = ("1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1670")
_ASKED = (
    "namingContexts",
    "defaultNamingContext",
    "rootDomainNamingContext",
    "dnsHostName",
    "serverName",
    "domainFunctionality",
    "forestFunctionality",
    "domainControllerFunctionality",
    "isGlobalCatalogReady",
    "supportedSASLMechanisms",
    "supportedCapabilities",
    "supportedExtension",
    "vendorName",
    "vendorVersion",
    "objectClass",
)
_MAX_VALUES = 64
_MAX_TEXT = 512


async def talk(c: Conversation) -> None:
    """On an open connection, inside TLS or not."""
    raw = await c.ask(request(), whole)
    found = parse(raw)
    extensions = found.get("supportedextension", ())
    offered: bool | None = None if c.tls else STARTTLS in extensions
    await c.report(body(c.port, c.tls, offered, found), "ldap", raw)
    if offered:
        await c.put("tls.certificate", _starttls(c))


async def _starttls(c: Conversation) -> None:
    raw = await c.ask(request_starttls(), lambda d: 0 < ber.whole(d) <= len(d))
    if parse_extended(raw) != 0:
        raise NotSpoken("StartTLS was refused")
    await c.start_tls()


def request() -> bytes:
    search = ber.element(
        0x63,
        ber.element(ber.OCTETS),
        # Scope base, never dereference, one entry, five seconds, values too.
        ber.integer(0, ber.ENUMERATED),
        ber.integer(0, ber.ENUMERATED),
        ber.integer(1),
        ber.integer(5),
        ber.element(ber.BOOLEAN, b"\0"),
        ber.element(0x87, b"objectClass"),
        ber.element(ber.SEQUENCE, *(ber.element(ber.OCTETS, a.encode("ascii")) for a in _ASKED)),
    )
    return ber.element(ber.SEQUENCE, ber.integer(1), search)


def request_starttls() -> bytes:
    extended = ber.element(0x77, ber.element(0x80, STARTTLS.encode("ascii")))
    return ber.element(ber.SEQUENCE, ber.integer(2), extended)


def whole(data: bytes) -> bool:
    """Has the result of the search come? True as well for bytes that can be no LDAP message."""
    if data and data[0] != ber.SEQUENCE:
        return True
    try:
        while data:
            size = ber.whole(data)
            if not size or size > len(data):
                return False
            message, data = ber.expect(ber.SEQUENCE, data)
            _, rest = ber.expect(ber.INTEGER, message)
            if rest[:1] in (b"\x65", b"\x78"):
                return True
    except NotSpoken:
        return True
    return False


def parse(data: bytes) -> Mapping[str, tuple[str, ...]]:
    """Attributes (names in lower case) of the entry found; empty where the server shows none. Raises `NotSpoken`."""
    out: dict[str, tuple[str, ...]] = {}
    answered = False
    while data:
        message, data = ber.expect(ber.SEQUENCE, data)
        _, rest = ber.expect(ber.INTEGER, message)
        tag, content, _ = ber.take(rest)
        if tag == 0x65:
            answered = True
            break
        if tag == 0x78:
            # Notice of disconnection (RFC 4511, 4.4.1): a directory, which does not want us.
            answered = True
            break
        if tag != 0x64:
            raise NotSpoken("no answer to a search")
        answered = True
        _, attributes = ber.expect(ber.OCTETS, content)
        listed, _ = ber.expect(ber.SEQUENCE, attributes)
        for tag_, attribute in ber.parts(listed):
            if tag_ == ber.SEQUENCE:
                name, values = ber.expect(ber.OCTETS, attribute)
                held, _ = ber.expect(ber.SET, values)
                texts = tuple(v[:_MAX_TEXT].decode("utf-8", "replace") for _, v in ber.parts(held))
                out[name.decode("ascii", "replace").lower()[:64]] = texts[:_MAX_VALUES]
    if not answered:
        raise NotSpoken("no LDAP message")
    return out


def parse_extended(data: bytes) -> int:
    """Result code of an ExtendedResponse. Raises `NotSpoken`."""
    message, _ = ber.expect(ber.SEQUENCE, data)
    _, rest = ber.expect(ber.INTEGER, message)
    content, _ = ber.expect(0x78, rest)
    code, _ = ber.expect(ber.ENUMERATED, content)
    return ber.number(code)


def body(
    port: int, tls: bool, starttls: bool | None, found: Mapping[str, tuple[str, ...]]
) -> LdapRootDse:
    """The observation; an attribute that was not shown stays empty."""

    def one(name: str) -> str:
        return next(iter(found.get(name, ())), "")

    def level(name: str) -> int | None:
        text = one(name)
        return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else None

    capabilities = found.get("supportedcapabilities", ())
    vendor = one("vendorname")
    if not vendor and "OpenLDAProotDSE" in found.get("objectclass", ()):
        vendor = "OpenLDAP"
    ready = one("isglobalcatalogready").upper()
    return LdapRootDse(
        port=port,
        tls=tls,
        vendor=vendor,
        version=one("vendorversion"),
        dns_host_name=one("dnshostname"),
        server_name=one("servername"),
        default_naming_context=one("defaultnamingcontext"),
        root_domain=one("rootdomainnamingcontext"),
        naming_contexts=found.get("namingcontexts", ()),
        domain_level=level("domainfunctionality"),
        forest_level=level("forestfunctionality"),
        controller_level=level("domaincontrollerfunctionality"),
        sasl=found.get("supportedsaslmechanisms", ()),
        capabilities=capabilities,
        active_directory=any(c in _AD for c in capabilities),
        global_catalog={"TRUE": True, "FALSE": False}.get(ready),
        starttls=starttls,
    )

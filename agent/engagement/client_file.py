"""`ClientFile`: client.toml, the file a person writes about one client. Read, never rewritten.

What only a run needs (the mandate, a scan window) may be missing here: `plan` names it and the gate refuses. What is there must be right.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.config import JsonDict

from agent.engagement.fields import (
    Action,
    Care,
    CareAnswer,
    Day,
    Domain,
    Hours,
    Ip,
    Language,
    Mac,
    Mode,
    Name,
    PortsAsked,
    Purpose,
    Range,
    Reach,
    SecretForms,
    Sector,
    Slug,
    Table,
    Use,
    YesNo,
    Zone,
)


def ex(toml: str) -> JsonDict:
    """The example shown with a mistake; a test reads every one of them as TOML."""
    return {"example": toml}


class Contact(Table):
    name: Annotated[Name, Field(json_schema_extra=ex('name = "Claire Martin"'))]
    role: Annotated[str, Field(json_schema_extra=ex('role = "DG"'))] = ""
    phone: Annotated[str, Field(json_schema_extra=ex('phone = "+33 5 36 49 01 02"'))] = ""
    email: Annotated[str, Field(json_schema_extra=ex('email = "c.martin@labomartin.example"'))] = ""


class Client(Table):
    name: Annotated[Name, Field(json_schema_extra=ex('name = "Laboratoire Martin SAS"'))]
    language: Annotated[Language, Field(json_schema_extra=ex('language = "fr"'))] = "en"
    sector: Annotated[Sector, Field(json_schema_extra=ex('sector = "health"'))] = "office"
    contact: Annotated[
        Contact | None, Field(json_schema_extra=ex('contact = { name = "Claire Martin" }'))
    ] = None
    domains: Annotated[
        tuple[Domain, ...], Field(json_schema_extra=ex('domains = ["labomartin.example"]'))
    ] = ()
    m365: Annotated[str, Field(json_schema_extra=ex('m365 = "tenant.labomartin.example"'))] = ""
    google: Annotated[str, Field(json_schema_extra=ex('google = "labomartin.example"'))] = ""


class Validity(Table):
    from_: Annotated[Day | None, Field(alias="from", json_schema_extra=ex("from = 2026-11-24"))] = (
        None
    )
    to: Annotated[Day | None, Field(json_schema_extra=ex("to = 2027-03-31"))] = None


class Mandate(Table):
    """Who allowed what, until when. No packet is sent before it is complete and in date."""

    signed_by: Annotated[str, Field(json_schema_extra=ex('signed_by = "Claire Martin, DG"'))] = ""
    signed_on: Annotated[Day | None, Field(json_schema_extra=ex("signed_on = 2026-11-20"))] = None
    valid: Annotated[
        Validity | None,
        Field(json_schema_extra=ex("valid = { from = 2026-11-24, to = 2027-03-31 }")),
    ] = None
    document: Annotated[str, Field(json_schema_extra=ex('document = "mandat-signe.pdf"'))] = ""
    allows: Annotated[
        tuple[Action, ...], Field(json_schema_extra=ex('allows = ["sweep", "directory"]'))
    ] = ()
    data_processing_agreement: Annotated[
        YesNo | None, Field(json_schema_extra=ex("data_processing_agreement = true"))
    ] = None
    staff_informed: Annotated[
        YesNo | None, Field(json_schema_extra=ex("staff_informed = true"))
    ] = None
    keep_until: Annotated[Day | None, Field(json_schema_extra=ex("keep_until = 2027-12-31"))] = None


class Takeover(Table):
    """`former_knows = false`, the default, is the quiet profile."""

    mode: Annotated[Mode, Field(json_schema_extra=ex('mode = "hostile"'))] = "cooperative"
    former_knows: Annotated[YesNo, Field(json_schema_extra=ex("former_knows = false"))] = False
    contract_ends: Annotated[
        Day | None, Field(json_schema_extra=ex("contract_ends = 2026-12-31"))
    ] = None


class Network(Table):
    """A network to look at. `care`: `slow` paces it, `passive` reads it only from the tables of other devices, `ot` is passive until
    `ot_ports = true` opts in, and slow then.
    """

    net: Annotated[Range, Field(json_schema_extra=ex('net = "192.168.1.0/24"'))]
    use: Annotated[Use, Field(json_schema_extra=ex('use = "office"'))] = "other"
    care: Annotated[Care | None, Field(json_schema_extra=ex('care = "slow"'))] = None
    ot_ports: Annotated[YesNo, Field(json_schema_extra=ex("ot_ports = true"))] = False
    name: Annotated[str, Field(json_schema_extra=ex('name = "VLAN 20"'))] = ""


class Excluded(Table):
    """A network, address or range that is left alone, and why."""

    net: Annotated[Range, Field(json_schema_extra=ex('net = "192.168.40.0/24"'))]
    why: Annotated[Name, Field(json_schema_extra=ex('why = "guest Wi-Fi"'))]


class HereIf(Table):
    """How a site's network is recognised; learned by `init`."""

    gateway_mac: Annotated[
        Mac | None, Field(json_schema_extra=ex('gateway_mac = "00:00:5e:00:53:01"'))
    ] = None
    public_ip: Annotated[Ip | None, Field(json_schema_extra=ex('public_ip = "203.0.113.14"'))] = (
        None
    )


class Site(Table):
    """`hours` and `scan` are wall-clock times of `timezone` (without it: of the machine that runs). `ports`: the TCP ports that are asked
    where `--ports` does not say otherwise. `dhcp_servers`: who may give out addresses beside the gateway.
    """

    id: Annotated[Slug, Field(json_schema_extra=ex('id = "siege"'))]
    address: Annotated[str, Field(json_schema_extra=ex('address = "1 rue de l\'Exemple"'))] = ""
    timezone: Annotated[Zone | None, Field(json_schema_extra=ex('timezone = "Europe/Paris"'))] = (
        None
    )
    hours: Annotated[Hours | None, Field(json_schema_extra=ex('hours = "Mon-Fri 08:00-18:30"'))] = (
        None
    )
    scan: Annotated[Hours | None, Field(json_schema_extra=ex('scan = "Mon-Fri 09:30-11:30"'))] = (
        None
    )
    ports: Annotated[PortsAsked, Field(json_schema_extra=ex('ports = "wide"'))] = "msp"
    dhcp_servers: Annotated[
        tuple[Ip, ...], Field(json_schema_extra=ex('dhcp_servers = ["192.168.1.1"]'))
    ] = ()
    reach: Annotated[Reach, Field(json_schema_extra=ex('reach = "rmm:SRV-DEPOT"'))] = "direct"
    networks: Annotated[
        tuple[Network, ...],
        Field(json_schema_extra=ex('networks = [{ net = "192.168.1.0/24", use = "office" }]')),
    ] = ()
    never: Annotated[
        tuple[Excluded, ...],
        Field(json_schema_extra=ex('never = [{ net = "192.168.1.60", why = "card terminal" }]')),
    ] = ()
    unreached: Annotated[
        tuple[Excluded, ...],
        Field(json_schema_extra=ex('unreached = [{ net = "10.8.0.0/24", why = "VPN pool" }]')),
    ] = ()
    here_if: Annotated[
        HereIf | None,
        Field(json_schema_extra=ex('here_if = { gateway_mac = "00:00:5e:00:53:01" }')),
    ] = None


Texts = tuple[str, ...]


class Former(Table):
    """A provider that is leaving. `tools` are hearsay; `owns` is rented gear: seen, never logged into."""

    name: Annotated[Name, Field(json_schema_extra=ex('name = "InfoSud Services"'))]
    aliases: Annotated[Texts, Field(json_schema_extra=ex('aliases = ["Info Sud", "ISS"]'))] = ()
    domains: Annotated[
        tuple[Domain, ...], Field(json_schema_extra=ex('domains = ["infosud.example"]'))
    ] = ()
    phones: Annotated[Texts, Field(json_schema_extra=ex('phones = ["+33 5 36 49 99 00"]'))] = ()
    networks: Annotated[
        tuple[Range, ...], Field(json_schema_extra=ex('networks = ["198.51.100.16/28"]'))
    ] = ()
    people: Annotated[Texts, Field(json_schema_extra=ex('people = ["Kevin Roux"]'))] = ()
    tools: Annotated[Texts, Field(json_schema_extra=ex('tools = ["ScreenConnect"]'))] = ()
    ids: Annotated[
        dict[str, Texts],
        Field(json_schema_extra=ex('ids = { screenconnect = ["ab12cd34ef56ab78"] }')),
    ] = {}
    owns: Annotated[Texts, Field(json_schema_extra=ex('owns = ["192.168.1.1 at siege"]'))] = ()


class Approved(Table):
    """A vendor who may stay, on what, until when."""

    name: Annotated[Name, Field(json_schema_extra=ex('name = "Sage partner (ERP)"'))]
    aliases: Annotated[Texts, Field(json_schema_extra=ex('aliases = ["Sage"]'))] = ()
    domains: Annotated[
        tuple[Domain, ...], Field(json_schema_extra=ex('domains = ["erp.example"]'))
    ] = ()
    phones: Annotated[Texts, Field(json_schema_extra=ex('phones = ["+33 5 36 49 98 00"]'))] = ()
    networks: Annotated[
        tuple[Range, ...], Field(json_schema_extra=ex('networks = ["198.51.100.32/28"]'))
    ] = ()
    people: Annotated[Texts, Field(json_schema_extra=ex('people = ["Anne Petit"]'))] = ()
    tools: Annotated[Texts, Field(json_schema_extra=ex('tools = ["TeamViewer"]'))] = ()
    ids: Annotated[
        dict[str, Texts], Field(json_schema_extra=ex('ids = { teamviewer = ["1234567"] }'))
    ] = {}
    on: Annotated[Texts, Field(json_schema_extra=ex('on = ["SRV-ERP"]'))] = ()
    owns: Annotated[Texts, Field(json_schema_extra=ex('owns = ["192.168.1.61 at siege"]'))] = ()
    until: Annotated[Day | None, Field(json_schema_extra=ex("until = 2027-03-31"))] = None


class AccountTable(Table):
    """A reference to an account. `secret` says where the secret is kept; several forms are tried in the order of `SECRET_FORMS`.

    `ca`, of a directory: a PEM file in the engagement folder, or `sha256:` and the fingerprint of the controller's certificate.
    """

    id: Annotated[Slug, Field(json_schema_extra=ex('id = "ad"'))]
    for_: Annotated[Purpose, Field(alias="for", json_schema_extra=ex('for = "directory"'))]
    at: Annotated[Slug | None, Field(json_schema_extra=ex('at = "siege"'))] = None
    user: Annotated[str, Field(json_schema_extra=ex('user = "audit-lecture@labo.local"'))] = ""
    secret: Annotated[
        SecretForms, Field(repr=False, json_schema_extra=ex('secret = "env:HANDOVER_AD"'))
    ] = ("prompt",)
    ca: Annotated[str, Field(json_schema_extra=ex('ca = "ad-ca.pem"'))] = ""


class CareAsked(Table):
    """Answers to the care questions `init` asks: gear that must not be scanned. What is missing was not asked."""

    medical: Annotated[CareAnswer | None, Field(json_schema_extra=ex('medical = "no"'))] = None
    laboratory: Annotated[CareAnswer | None, Field(json_schema_extra=ex('laboratory = "no"'))] = (
        None
    )
    lift: Annotated[CareAnswer | None, Field(json_schema_extra=ex('lift = "no"'))] = None
    fire_intrusion: Annotated[
        CareAnswer | None, Field(json_schema_extra=ex('fire_intrusion = "no"'))
    ] = None
    payment: Annotated[CareAnswer | None, Field(json_schema_extra=ex('payment = "no"'))] = None
    production: Annotated[CareAnswer | None, Field(json_schema_extra=ex('production = "no"'))] = (
        None
    )


class Consoles(Table):
    """Device lists exported from consoles; an empty text means there is none."""

    rmm: Annotated[str, Field(json_schema_extra=ex('rmm = "rmm.csv"'))] = ""
    antivirus: Annotated[str, Field(json_schema_extra=ex('antivirus = "av.csv"'))] = ""
    backup: Annotated[str, Field(json_schema_extra=ex('backup = "backup.csv"'))] = ""
    mdm: Annotated[str, Field(json_schema_extra=ex('mdm = "mdm.csv"'))] = ""


class Imports(Table):
    """Files dropped into the folder, read on the next run; they need not be there yet."""

    staff: Annotated[str, Field(json_schema_extra=ex('staff = "personnel.csv"'))] = ""
    claims: Annotated[str, Field(json_schema_extra=ex('claims = "fiche-infosud.xlsx"'))] = ""
    consoles: Annotated[
        Consoles | None, Field(json_schema_extra=ex('consoles = { rmm = "rmm.csv" }'))
    ] = None


class ClientFile(Table):
    """The whole of client.toml. `msp` is the path of msp.toml: from the home folder with `~`, else from the engagement folder."""

    msp: Annotated[str, Field(json_schema_extra=ex('msp = "~/.config/handover/msp.toml"'))] = ""
    client: Annotated[
        Client, Field(json_schema_extra=ex('client = { name = "Laboratoire Martin SAS" }'))
    ]
    mandate: Annotated[
        Mandate, Field(json_schema_extra=ex('mandate = { signed_by = "Claire Martin" }'))
    ] = Mandate()
    care: Annotated[CareAsked, Field(json_schema_extra=ex('care = { lift = "no" }'))] = CareAsked()
    takeover: Annotated[Takeover, Field(json_schema_extra=ex('takeover = { mode = "gone" }'))] = (
        Takeover()
    )
    site: Annotated[
        tuple[Site, ...],
        Field(json_schema_extra=ex('site = [{ id = "siege" }]')),
    ] = ()
    former: Annotated[
        tuple[Former, ...],
        Field(json_schema_extra=ex('former = [{ name = "InfoSud Services" }]')),
    ] = ()
    approved: Annotated[
        tuple[Approved, ...],
        Field(json_schema_extra=ex('approved = [{ name = "Sage partner" }]')),
    ] = ()
    account: Annotated[
        tuple[AccountTable, ...],
        Field(json_schema_extra=ex('account = [{ id = "ad", for = "directory" }]')),
    ] = ()
    imports: Annotated[
        Imports, Field(json_schema_extra=ex('imports = { staff = "staff.csv" }'))
    ] = Imports()
